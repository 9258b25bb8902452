"""What `moe-studio bench` measures, each as one object of plain numbers.

Times on a shared machine say little alone, so the engine's are put beside networkx's longest path on the very
same graph in the same run.
"""

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import networkx
import numpy as np

from moe_studio.calibration.provider import provide
from moe_studio.engine.evaluation import Evaluation, Pipeline
from moe_studio.engine.order import scheduled_edges
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.design import Parallel, Workload
from moe_studio.project.edit import move_expert, set_value
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path, load_device, load_model
from moe_studio.storage.loader import load_project

Measurement = dict[str, float]
Clock = Callable[[], float]

LARGE_EXAMPLE = "seed3"
"""154,240 operators on 128 GPUs."""


def engine_measurements(runs: int) -> Iterator[tuple[str, Measurement]]:
    """The engine on the large example: one move, from scratch, and a design of two million operators."""
    project = load_project(example_path(LARGE_EXAMPLE))
    yardstick = networkx_ms(evaluated(Pipeline(), project), runs=3)
    yield "networkx_longest_path", yardstick
    for name, figures in (
        ("reevaluate_move", moves(project, runs)),
        ("evaluate_from_scratch", times_ms(lambda: evaluated(Pipeline(), project), max(5, runs // 10))),
    ):
        yield name, figures | {"networkx_ratio": yardstick["median_ms"] / figures["median_ms"]}
    fixed, calibrated = (moves(set_value("cost.provider", name)(project), runs) for name in ("fixed", "calibrated"))
    yield "reevaluate_move_calibrated", calibrated | {"fixed_ratio": calibrated["median_ms"] / fixed["median_ms"]}
    large = large_project()
    operators = len(Pipeline().evaluate(large).graph)
    yield "evaluate_large", times_ms(lambda: evaluated(Pipeline(), large), 3) | {"operators": operators}


def evaluated(pipeline: Pipeline, project: Project) -> Evaluation:
    """An evaluation with all that a window shows: costs, both paths, slack, metrics, memory, breakdown."""
    evaluation = pipeline.evaluate(project)
    _ = evaluation.duration_s, evaluation.slack_s, evaluation.metrics, evaluation.memory, evaluation.breakdown
    _ = evaluation.scheduled_path, evaluation.dependency_path
    return evaluation


def moves(project: Project, runs: int) -> Measurement:
    """Moving one expert of one layer to another GPU, a different one each time."""
    pipeline = Pipeline(provide=provide)
    evaluated(pipeline, project)
    layers = [index for index, layer in enumerate(project.model.layers) if layer.ffn.is_moe]
    experts, slots = project.model.layers[layers[0]].ffn.experts, project.slots
    spent = []
    for run in range(runs + 5):
        expert = run * 5 % experts
        target = (expert + 1 + run % (slots - 1)) % slots
        moved = move_expert(expert, expert, target, layers=[layers[run % len(layers)]])(project)
        start = time.perf_counter()
        evaluated(pipeline, moved)
        spent.append(time.perf_counter() - start)
    return summary_ms(spent[5:])


def networkx_ms(evaluation: Evaluation, runs: int, clock: Clock = time.perf_counter) -> Measurement:
    """networkx's longest path on the scheduled graph, without the time to build it."""
    edges = scheduled_edges(evaluation.graph, list(evaluation.costs))
    weight = np.zeros(edges.nodes)
    weight[: edges.operators] = evaluation.duration_s
    graph = networkx.DiGraph()
    graph.add_weighted_edges_from(
        zip(edges.source.tolist(), edges.target.tolist(), weight[edges.source].tolist(), strict=True)
    )
    length = networkx.dag_longest_path_length(graph)
    figures = times_ms(lambda: networkx.dag_longest_path(graph), runs, clock)
    return figures | {"seconds_found": length, "seconds_of_engine": evaluation.metrics.latency_s}


def large_project() -> Project:
    """DeepSeek-V3 decoding on 320 GPUs in four micro-batches."""
    device = "h800-sxm"
    return Project(
        name="DeepSeek-V3 decode, 320 GPUs",
        model=load_model("deepseek-v3"),
        cluster=Cluster(
            nodes=tuple(Node(name=f"node{index}", device=device) for index in range(40)),
            catalogue={device: load_device(device)},
        ),
        parallel=Parallel(ep=320),
        workload=Workload(phase="decode", batch=320 * 128, context=4096, micro_batches=4, order="interleaved"),
    )


def command_measurements() -> Iterator[tuple[str, Measurement]]:
    """The program from the outside: cold starts, the window, and full exports of the large example."""
    small, large = str(example_path("seed0-proposed")), str(example_path(LARGE_EXAMPLE))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for name, runs, arguments in (
            ("start_version", 7, ["--version"]),
            ("window_small", 3, ["screenshot", small, "-o", str(out / "small.png")]),
            ("window_large", 3, ["screenshot", large, "-o", str(out / "large.png")]),
            ("export_full_dot", 1, ["export", large, "--view", "full", "-o", str(out / "full.dot")]),
            ("export_full_svg", 1, ["export", large, "--view", "full", "-o", str(out / "full.svg")]),
            ("export_routing_svg", 1, ["export", large, "--view", "routing", "-o", str(out / "routing.svg")]),
        ):
            yield name, command(arguments, runs)


def command(arguments: list[str], runs: int) -> Measurement:
    """Wall and processor time, and largest resident memory, of the program; each run is a fresh process."""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    probe = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-m', 'moe_studio', *sys.argv[1:]]\n"
        "code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode\n"
        "try:\n"
        "    import resource\n"
        "    used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "    print(used.ru_maxrss, used.ru_utime + used.ru_stime, code)\n"
        "except ImportError:\n"  # Windows does not tell.
        "    print(0, 0, code)\n"
    )
    spent, worked, resident = [], [], 0.0
    for _ in range(runs):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", probe, *arguments], env=environment, capture_output=True, text=True, check=True
        )
        spent.append(time.perf_counter() - start)
        resident = max(resident, float(done.stdout.split()[0]) / 1024)
        worked.append(float(done.stdout.split()[1]))
    return summary_ms(spent) | {"cpu_median_ms": summary_ms(worked)["median_ms"], "resident_mb": resident}


def times_ms(work: Callable[[], object], runs: int, clock: Clock = time.perf_counter) -> Measurement:
    """Times of ``work`` by a clock."""
    spent = []
    for _ in range(runs):
        gc.collect()
        start = clock()
        work()
        spent.append(clock() - start)
    return summary_ms(spent)


def summary_ms(spent_s: Sequence[float]) -> Measurement:
    """Median and 95th percentile of times, in milliseconds."""
    return {
        "median_ms": statistics.median(spent_s) * 1e3,
        "p95_ms": percentile(spent_s, 0.95) * 1e3,
        "runs": len(spent_s),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of ``values`` that at least about this share of them does not exceed."""
    return sorted(values)[round(share * (len(values) - 1))]
