"""On random designs the engine gives what slow, plain Python and networkx give."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.engine.order import scheduled_edges
from moe_studio.engine.path import Path
from moe_studio.graph.edge import Edges, data_edges
from moe_studio.graph.operator import OP_NAMES
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Move, Parallel, Placement, Routing, Workload
from moe_studio.project.model import Block, FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project
from tests.unit.engine.reference import Operator, Reference, Schedule
from tests.unit.engine.strategies import projects
from tests.unit.engine.test_example import FIGURES

# Each example is solved twice, once slowly: fewer of them than usual, with --long still hundreds.
slowly = settings(
    max_examples=settings().max_examples * 3 // 5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "seed3"])
def test_the_reference_itself_gives_the_figures_of_the_examples(name: str) -> None:
    reference = Reference(load_project(example_path(name)))
    paths = [f"{schedule.makespan_s:.9g}" for schedule in (reference.dependency, reference.scheduled)]
    assert [len(reference.operators), *paths] == list(FIGURES[name][:3])


@slowly
@given(project=projects())
def test_operators_their_shapes_and_their_run_times_agree(project: Project) -> None:
    evaluation, reference = both(project)
    graph, operators = evaluation.graph, in_rows(evaluation, reference)
    for name in ("m", "k", "n", "count"):
        assert_close(graph.column(name), [getattr(operator, name) for operator in operators], relative=0)
    for name in ("gpu", "node", "stage", "replica", "layer", "micro_batch", "expert"):
        assert getattr(graph, name).tolist() == [getattr(operator, name) for operator in operators], name
    assert [OP_NAMES[kind] for kind in graph.op] == [operator.kind for operator in operators]
    assert_close(evaluation.duration_s, [operator.duration_s for operator in operators])
    if project.cost.overlap:
        assert evaluation.is_comm.tolist() == [operator.stream == "communication" for operator in operators]


@slowly
@given(project=projects())
def test_paths_starts_slack_and_levels_agree(project: Project) -> None:
    evaluation, reference = both(project)
    names, makespan = evaluation.graph.names(), reference.scheduled.makespan_s
    assert_close(evaluation.schedule.makespan_s, makespan)
    assert_close(evaluation.dependency.makespan_s, reference.dependency.makespan_s)
    limit = 1e-9 * makespan
    assert_close(evaluation.start_s, [reference.scheduled.start_s[name] for name in names], absolute=limit)
    assert_close(evaluation.slack_s, [reference.scheduled.slack_s[name] for name in names], absolute=limit)
    assert evaluation.level.tolist() == [reference.levels[name] + 1 for name in names]


@slowly
@given(project=projects())
def test_paths_are_real_paths_as_long_as_they_say(project: Project) -> None:
    evaluation, reference = both(project)
    names = evaluation.graph.names()
    assert_path(evaluation, evaluation.scheduled_path, names, reference.scheduled)
    assert_path(evaluation, evaluation.dependency_path, names, reference.dependency)
    breakdown = evaluation.breakdown
    assert_close(math.fsum(breakdown.by_kind.values()) + breakdown.waiting_s, reference.scheduled.makespan_s)


@slowly
@given(project=projects())
def test_edges_describe_a_graph_with_the_same_longest_paths(project: Project) -> None:
    evaluation, reference = both(project)
    scheduled = scheduled_edges(evaluation.graph, list(evaluation.costs))
    assert_close(longest(scheduled, evaluation), reference.scheduled.makespan_s)
    assert_close(longest(data_edges(evaluation.graph), evaluation), reference.dependency.makespan_s)


@slowly
@given(project=projects())
def test_memory_and_metrics_agree(project: Project) -> None:
    evaluation, reference = both(project)
    gpus = range(project.cluster.gpu_count)
    assert_close(evaluation.memory.weights, [reference.weight_byte(gpu) for gpu in gpus])
    assert_close(evaluation.memory.kv_cache, [reference.cache_byte(gpu) for gpu in gpus])
    assert_close(evaluation.memory.activations, [reference.activation_byte(gpu) for gpu in gpus])
    assert_close(evaluation.memory.buffers, [reference.buffer_byte(gpu) for gpu in gpus])
    assert_close(evaluation.memory.capacity, [reference.capacity_byte(gpu) for gpu in gpus])
    assert_close(evaluation.metrics.model_flop, reference.model_flop)
    assert_close(evaluation.metrics.mfu, reference.mfu)
    assert_close(evaluation.metrics.steady_tokens_per_s, reference.steady_tokens_per_s)
    assert_close(evaluation.metrics.tokens, project.workload.batch * reference.step_gain)
    assert_close(evaluation.metrics.tokens_per_s, evaluation.metrics.tokens / reference.scheduled.makespan_s)
    for layer in reference.tokens:
        assert_close(evaluation.imbalance[layer], reference.imbalance(layer))


def test_a_second_instance_in_one_replica_changes_nothing_in_the_other() -> None:
    project = two_replicas()
    copied = replace(project, placement=Placement(moves=(Move(expert=0, slots=(0, 1), replica=0),)))
    before, after = evaluate(project), evaluate(copied)
    there = [row for row, name in enumerate(before.graph.names()) if before.graph.replica[row] == 1]
    same = [after.graph.row_of[before.graph.name(row)] for row in there]
    assert after.duration_s[same].tolist() == before.duration_s[there].tolist()


def test_layers_under_two_names_that_are_alike_count_twice_in_the_model_flop() -> None:
    project = two_replicas()
    other = replace(
        project.model, attentions={"same": project.model.attention}, blocks=(Block(), Block(attention="same"))
    )
    doubled = replace(project.model, blocks=(Block(repeat=2),))
    flop = [evaluate(replace(project, model=model)).metrics.model_flop for model in (other, doubled)]
    assert flop[0] == flop[1] == 2 * evaluate(project).metrics.model_flop


def test_the_logits_of_one_gpu_are_only_a_part_of_what_a_gather_holds() -> None:
    project = two_replicas()
    model = replace(project.model, vocab=1_000_000)
    evaluation = evaluate(replace(project, model=model, parallel=Parallel(dp=2, tp=2, ep=2)))
    rows, byte = 40, 2
    assert evaluation.memory.activations.tolist() == [2 * rows * 16 * byte + rows * (500_000 + 1_000_000) * byte] * 4


def test_an_early_send_may_be_put_off_until_the_next_send_needs_the_stream() -> None:
    quick, slow = (Device(memory_gb=1, memory_tb_s=speed, peak_tflops={"bf16": 1}) for speed in (1, 0.01))
    kinds = ("quick", "slow", "slow", "quick")
    nodes = tuple(Node(name=f"node{place}", gpus=1, device=kind) for place, kind in enumerate(kinds))
    project = Project(
        model=Model(hidden=64, ffn={"dense": FeedForward(hidden=64)}, blocks=(Block(repeat=4),)),
        cluster=Cluster(nodes=nodes, devices={"quick": quick, "slow": slow}),
        parallel=Parallel(pp=2),
        workload=Workload(batch=64, tokens=64, micro_batches=2),
    )
    evaluation, reference = both(project)
    sends = [name for name in evaluation.graph.names() if "_send_" in name]
    found = [evaluation.slack_s[evaluation.graph.row_of[name]] for name in sends]
    limit = 1e-9 * reference.scheduled.makespan_s
    assert_close(found, [reference.scheduled.slack_s[name] for name in sends], absolute=limit)


@pytest.mark.parametrize("policy", ["contiguous", "round-robin", "balanced"])
@pytest.mark.parametrize(("experts", "redundant"), [(3, 1), (4, 2), (4, 5), (7, 5), (8, 3)])
def test_further_instances_of_equal_loads_go_where_the_reference_puts_them(
    policy: Any, experts: int, redundant: int
) -> None:
    """Random designs seldom have loads that are equal, and none at all."""
    project = two_replicas()
    model = replace(project.model, ffn={"moe": FeedForward(hidden=32, experts=experts, top_k=1)})
    project = replace(project, model=model, placement=Placement(policy=policy, redundant=redundant))
    counts = ((3.0, *[1.0] * (experts - 2), 0.0),)
    recorded = replace(project.workload, routing=Routing(kind="recorded", counts=counts))
    for design in (project, replace(project, workload=recorded)):
        in_rows(*both(design))


@pytest.mark.parametrize("top_k", [1, 2, 3])
@pytest.mark.parametrize("experts", [3, 5, 6, 7, 10, 11])
def test_a_slot_that_is_as_full_as_is_asked_for_stays_the_fullest(experts: int, top_k: int) -> None:
    """Expert 0 has one slot, the others two, so that one slot has 1 / experts more than the mean: what is asked for."""
    project = two_replicas()
    moves = (Move(expert=0, slots=(0,)), *(Move(expert=expert, slots=(0, 1)) for expert in range(1, experts)))
    routing = Routing(kind="zipf", skew=0.0, imbalance=1 + 1 / experts)
    project = replace(
        project,
        model=replace(
            project.model, ffn={"moe": FeedForward(hidden=32, experts=experts, top_k=top_k)}, blocks=(Block(repeat=3),)
        ),
        placement=Placement(moves=moves),
        workload=replace(project.workload, routing=routing),
    )
    evaluation, reference = both(project)
    assert_close(evaluation.duration_s, [operator.duration_s for operator in in_rows(evaluation, reference)])
    graph = evaluation.graph
    first = [row for row in range(len(graph)) if graph.kind_name(row) == "up" and graph.expert[row] == 0]
    assert {int(graph.gpu[row]) for row in first} == {0, 2}
    dispatched = [row for row in range(len(graph)) if graph.kind_name(row) == "dispatch"]
    assert len({round(float(evaluation.duration_s[row]), 15) for row in dispatched}) == 1, "every layer is alike"


def two_replicas() -> Project:
    """Two replicas of two GPUs, with two of four experts on each."""
    return Project(
        model=Model(hidden=16, ffn={"moe": FeedForward(hidden=32, experts=4, top_k=2)}),
        cluster=Cluster(
            nodes=(Node(name="node0", gpus=4, device="plain"),),
            devices={"plain": Device(memory_gb=1, memory_tb_s=1, peak_tflops={"bf16": 1})},
        ),
        parallel=Parallel(dp=2, ep=2),
        workload=Workload(batch=8, tokens=10),
    )


def both(project: Project) -> tuple[Evaluation, Reference]:
    """What the engine and the reference make of ``project``."""
    return evaluate(project), Reference(project)


def in_rows(evaluation: Evaluation, reference: Reference) -> list[Operator]:
    """The reference's operators in the order of the engine's rows, of which each must have one."""
    names = evaluation.graph.names()
    assert sorted(names) == sorted(reference.operators)
    return [reference.operators[name] for name in names]


def assert_close(found: Any, expected: Any, *, relative: float = 1e-9, absolute: float = 0.0) -> None:
    """Equal up to rounding."""
    np.testing.assert_allclose(found, expected, rtol=relative, atol=absolute)


def assert_path(evaluation: Evaluation, path: Path, names: list[str], schedule: Schedule) -> None:
    """Every step follows an edge, perhaps through a collective's junction; the durations make the length."""
    assert_close(math.fsum(evaluation.duration_s[path.rows]), schedule.makespan_s)
    assert_close(path.seconds, schedule.makespan_s)
    graph, steps = schedule.graph, [names[row] for row in path.rows]
    for one, other in pairwise(steps):
        assert other in graph.succ[one] or any(other in graph.succ[middle] for middle in graph.succ[one]), (one, other)


def longest(edges: Edges, evaluation: Evaluation) -> float:
    """Length of the longest path along ``edges``, by networkx."""
    duration = [*evaluation.duration_s.tolist(), *([0.0] * (edges.junctions + 2))]
    graph = nx.DiGraph()
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        graph.add_edge(source, target, weight=duration[source])
    assert len(graph) == edges.nodes
    length: float = nx.dag_longest_path_length(graph)
    return length
