"""What is predicted of a design as one plain object: the one that ``--json`` prints.

The names and units of DESIGN §9 are kept as they are; what stands beside them may grow.
``resources/schema/summary.schema.json`` describes it.
"""

from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from moe_studio import __version__
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.engine.path import Path
from moe_studio.engine.rule import Problem, problems
from moe_studio.engine.stage_time import pipeline_time
from moe_studio.export.symbolic import path_names, path_text, run_time_sum
from moe_studio.export.uncertainty import evidence, operators_by_provenance, uncertainty
from moe_studio.graph.layer import LayerGraph
from moe_studio.graph.stage import device_names
from moe_studio.project.parameter import parameters

Plain = dict[str, Any]
WAITING = "waiting"
"""Name under which a breakdown by kind shows the time in which a path waits."""


def summary(evaluation: Evaluation) -> Plain:
    """Everything that is predicted, as plain values: the object of DESIGN §9 and what stands beside it."""
    project, metrics = evaluation.project, evaluation.metrics
    counts = parameters(project.model)
    return {
        "project": project.name,
        "graph": {
            "operators": len(evaluation.graph),
            "edges": int(evaluation.edge_count),
            "levels": int(evaluation.level_count),
        },
        "dependency_path": _path(evaluation, evaluation.dependency_path),
        "scheduled_path": _path(evaluation, evaluation.scheduled_path),
        "metrics": {
            "latency_s": float(metrics.latency_s),
            "tokens_per_s": float(metrics.tokens_per_s),
            "tokens_per_s_per_gpu": float(metrics.tokens_per_s_per_gpu),
            "steady_tokens_per_s": float(metrics.steady_tokens_per_s),
            "mfu": float(metrics.mfu),
            "tpot_s": float(metrics.tpot_s),
            "tokens_per_sequence": float(project.workload.gained_tokens),
            "mean_imbalance": evaluation.mean_imbalance,
        },
        "breakdown_s": breakdown_s(evaluation),
        "gpus": _gpus(evaluation),
        "matmuls": _matmuls(evaluation),
        "parameters": {"total": counts.total, "active": counts.active},
        "problems": [plain_problem(problem) for problem in problems(evaluation)],
        "breakdown_by_layer_s": {str(layer): value for layer, value in evaluation.breakdown.by_layer.items()},
        "breakdown_by_stream_s": dict(evaluation.breakdown.by_stream),
        "sensitivity_s": {name: float(value) for name, value in evaluation.sensitivity.items()},
        "imbalance": {str(layer): float(value) for layer, value in enumerate(evaluation.imbalance) if value},
        "room": _room(evaluation),
        "pipeline": _pipeline(evaluation),
        "symbolic": str(run_time_sum(evaluation)),
        "references": references(evaluation),
        "uncertainty": uncertainty(evaluation),
        "evidence": evidence(evaluation),
        "provenance": _provenance(evaluation),
    }


def summary_json(evaluation: Evaluation) -> str:
    """`summary` as JSON text: the same project gives the same bytes."""
    return json_text(summary(evaluation))


def json_text(value: object) -> str:
    """``value`` as indented JSON, with a line end; numbers that are not finite are refused."""
    _refuse_infinite(value)
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _refuse_infinite(value: object) -> None:
    if isinstance(value, float):
        assert np.isfinite(value), "a result is not a finite number"
    elif isinstance(value, dict):
        for item in value.values():
            _refuse_infinite(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_infinite(item)


def breakdown_s(evaluation: Evaluation) -> dict[str, float]:
    """Time on the scheduled path by kind of operator, and waiting: together the latency."""
    return {**evaluation.breakdown.by_kind, WAITING: evaluation.breakdown.waiting_s}


def plain_problem(problem: Problem) -> Plain:
    """A problem as plain values."""
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "where": problem.where,
    }


def references(evaluation: Evaluation) -> list[Plain]:
    """Claimed or measured figures beside the predicted ones; ``predicted`` is null where this phase has none."""
    reference, metrics = evaluation.project.reference, evaluation.metrics
    if reference is None:
        return []
    phase, latency_ms = evaluation.project.workload.phase, metrics.latency_s * 1e3
    known: list[tuple[str, str, float, float | None]] = [
        ("tokens per second", "tokens/s", reference.tokens_per_s, metrics.tokens_per_s),
        ("time per output token", "ms", reference.tpot_ms, metrics.tpot_s * 1e3 if phase == "decode" else None),
        ("time to first token", "ms", reference.ttft_ms, latency_ms if phase == "prefill" else None),
        ("time of one step", "s", reference.latency_s, metrics.latency_s),
    ]
    return [
        {
            "metric": metric,
            "unit": unit,
            "reference": float(claimed),
            "predicted": None if predicted is None else float(predicted),
            "error": None if predicted is None else float(predicted / claimed - 1),
            "note": reference.note,
        }
        for metric, unit, claimed, predicted in known
        if claimed
    ]


def hosted_experts(evaluation: Evaluation) -> list[dict[int, list[int]]]:
    """The experts that each GPU hosts, by MoE layer."""
    hosted: list[dict[int, list[int]]] = [{} for _ in range(evaluation.project.cluster.gpu_count)]
    known: dict[LayerGraph, list[list[int]]] = {}
    for part in evaluation.graph.parts:
        body = part.body
        if part.micro_batch or body.instances is None:
            continue
        if body not in known:
            known[body] = _experts_of_lanes(body)
        for gpu, experts in zip(body.stage.gpu.tolist(), known[body], strict=True):
            hosted[gpu][part.layer] = experts
    return hosted


def _experts_of_lanes(body: LayerGraph) -> list[list[int]]:
    lanes: list[list[int]] = [[] for _ in range(body.stage.lanes)]
    run = next((run for run in body.runs if run.kind.is_expert), None)
    if run is not None:
        for lane, expert in zip(body.lane[run.rows].tolist(), body.expert[run.rows].tolist(), strict=True):
            lanes[lane].append(expert)
    return lanes


def gpu_places(evaluation: Evaluation) -> list[tuple[int, int, int]]:
    """Node, stage and replica of each GPU."""
    places = [(0, 0, 0)] * evaluation.project.cluster.gpu_count
    for stage in evaluation.graph.stages:
        for lane, (gpu, node) in enumerate(zip(stage.gpu.tolist(), stage.node.tolist(), strict=True)):
            places[gpu] = (node, stage.index, lane // stage.width)
    return places


def _path(evaluation: Evaluation, path: Path) -> Plain:
    return {
        "seconds": float(path.seconds),
        "operators": path_names(evaluation, path),
        "text": path_text(evaluation, path),
    }


def _room(evaluation: Evaluation) -> Plain:
    """Cache that fits on the GPU with least room for it, null where there is none, and the largest batch."""
    room = evaluation.room
    gpu = room.worst_gpu
    has_cache = bool(np.isfinite(room.sequences[gpu]))
    return {
        "gpu": gpu,
        "kv_cache_bytes": float(room.cache_byte[gpu]),
        "kv_tokens": int(room.tokens[gpu]) if has_cache else None,
        "kv_sequences": int(room.sequences[gpu]) if has_cache else None,
        "largest_batch": room.largest_batch,
    }


def _pipeline(evaluation: Evaluation) -> Plain:
    """How busy the stages are, and what a full pipeline gives."""
    found = asdict(pipeline_time(evaluation))
    return {**found, "stages": list(found["stages"])}


def _gpus(evaluation: Evaluation) -> list[Plain]:
    memory, names = evaluation.memory, evaluation.graph.node_names
    tokens = evaluation.load.sum(axis=0)
    return [
        {
            "gpu": gpu,
            "node": names[node],
            "stage": stage,
            "replica": replica,
            "compute_s": float(evaluation.compute_s[gpu]),
            "communication_s": float(evaluation.communication_s[gpu]),
            "idle_s": max(0.0, float(evaluation.idle_s[gpu])),
            "tokens": float(tokens[gpu]),
            "experts": {str(layer): experts for layer, experts in hosted.items()},
            "memory_bytes": {name: float(getattr(memory, name)[gpu]) for name in (*MEMORY_PARTS, "capacity")},
        }
        for gpu, ((node, stage, replica), hosted) in enumerate(
            zip(gpu_places(evaluation), hosted_experts(evaluation), strict=True)
        )
    ]


def _matmuls(evaluation: Evaluation) -> list[Plain]:
    names = ("op", "m", "k", "n", "count", "operators", "on_path", "seconds_each", "provenance")
    return [
        {name: getattr(shape, name) for name in names} | {"expected_error": shape.error, "outside": shape.is_outside}
        for shape in evaluation.matmuls
    ]


def _provenance(evaluation: Evaluation) -> Plain:
    """What the figures were computed with."""
    project = evaluation.project
    # Where files lie on this machine is nobody's business, and would differ from one to the next.
    cost = {name: value for name, value in asdict(project.cost).items() if not name.endswith("_path")}
    return {
        "program": f"MoE Studio {__version__}",
        "format": project.format,
        "cost": cost,
        "devices": {name: project.cluster.device(name).source for name in device_names(project.cluster)},
        "operators": operators_by_provenance(evaluation),
        "notes": list(evaluation.provider.notes),
    }
