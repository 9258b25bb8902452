"""Laws that hold for every design, whatever it costs."""

from dataclasses import replace

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.engine.evaluation import Evaluation, Pipeline, evaluate, expert_tokens
from moe_studio.engine.order import scheduled_edges
from moe_studio.graph.edge import ORDER, Edges, data_edges, edge_count, pairs
from moe_studio.graph.size import sizes
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Move, Parallel, Placement, Routing, Workload
from moe_studio.project.edit import in_order, place_expert
from moe_studio.project.model import FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.writer import project_text
from tests.unit.engine.strategies import projects
from tests.unit.project.placed import slots_of


def networkx_length(evaluation: Evaluation, edges: Edges) -> float:
    """The longest path by networkx, each edge weighted with the time of its source."""
    weight = np.zeros(edges.nodes)
    weight[: edges.operators] = evaluation.duration_s
    graph = networkx.DiGraph()
    graph.add_weighted_edges_from(
        zip(edges.source.tolist(), edges.target.tolist(), weight[edges.source].tolist(), strict=True)
    )
    assert networkx.is_directed_acyclic_graph(graph)
    assert [node for node in graph if graph.in_degree(node) == 0] == [edges.input]
    return float(networkx.dag_longest_path_length(graph))


def close(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-15)


@given(projects())
def test_both_paths_are_those_of_networkx(project: Project) -> None:
    evaluation = evaluate(project)
    scheduled = scheduled_edges(evaluation.graph, list(evaluation.costs))
    dependencies = data_edges(evaluation.graph)
    assert networkx_length(evaluation, scheduled) == close(evaluation.metrics.latency_s)
    assert networkx_length(evaluation, dependencies) == close(evaluation.metrics.dependency_s)
    assert networkx_length(evaluation, pairs(dependencies)) == close(evaluation.metrics.dependency_s)


@given(projects())
def test_drawn_out_pairs_are_as_many_as_counted(project: Project) -> None:
    graph = evaluate(project).graph
    drawn = pairs(data_edges(graph))
    inner = (drawn.source < len(graph)) & (drawn.target < len(graph))
    ends = np.stack([drawn.source[inner], drawn.target[inner]])
    assert ends.shape[1] == np.unique(ends, axis=1).shape[1] == edge_count(graph)


@given(projects())
def test_the_breakdown_and_waiting_sum_to_the_latency(project: Project) -> None:
    evaluation = evaluate(project)
    for part in (evaluation.breakdown.by_kind, evaluation.breakdown.by_layer, evaluation.breakdown.by_stream):
        assert sum(part.values()) + evaluation.breakdown.waiting_s == close(evaluation.metrics.latency_s)


@given(projects())
def test_no_schedule_ends_before_its_busiest_stream_or_its_dependencies(project: Project) -> None:
    evaluation = evaluate(project)
    latency = evaluation.metrics.latency_s * (1 + 1e-12)
    assert evaluation.compute_s.max() <= latency
    assert evaluation.communication_s.max() <= latency
    assert evaluation.metrics.dependency_s <= latency
    assert (evaluation.idle_s >= -1e-9 * latency).all()
    assert (evaluation.slack_s >= 0).all()
    assert (evaluation.slack_s[evaluation.scheduled_path.rows] <= 1e-9 * latency).all()


@given(projects())
def test_operators_of_one_stream_never_overlap(project: Project) -> None:
    evaluation = evaluate(project)
    stream = evaluation.graph.gpu * 2 + (evaluation.is_comm & project.cost.overlap)
    order = np.lexsort((evaluation.finish_s, evaluation.start_s, stream))
    same = stream[order][1:] == stream[order][:-1]
    gap = evaluation.start_s[order][1:] - evaluation.finish_s[order][:-1]
    assert (gap[same] >= -1e-9 * evaluation.metrics.latency_s).all()


@given(projects())
def test_every_edge_leads_upward_in_level_and_time(project: Project) -> None:
    evaluation = evaluate(project)
    edges = pairs(data_edges(evaluation.graph))
    inner = (edges.source < edges.operators) & (edges.target < edges.operators) & (edges.kind != ORDER)
    source, target = edges.source[inner], edges.target[inner]
    assert (evaluation.level[source] < evaluation.level[target]).all()
    assert (evaluation.finish_s[source] <= evaluation.start_s[target] + 1e-9 * evaluation.metrics.latency_s).all()


@given(projects(), st.data())
def test_moving_every_expert_and_back_gives_identical_bytes(project: Project, data: st.DataObject) -> None:
    project = replace(project, placement=Placement(policy="contiguous"))
    before = project_text(project)
    layers = [index for index, layer in enumerate(project.model.layers) if layer.ffn.is_moe]
    away, back = [], []
    for layer in layers:
        for replica in range(project.parallel.dp):
            for expert, slots in slots_of(project, layer, replica).items():
                target = data.draw(st.integers(0, project.slots - 1))
                away.append(place_expert(expert, [target], layers=[layer], replica=replica))
                back.append(place_expert(expert, slots, layers=[layer], replica=replica))
    moved = in_order(*away)(project)
    evaluate(moved)
    assert project_text(in_order(*back)(moved)) == before


@given(projects(), st.data())
def test_swapping_two_gpus_of_a_node_and_attention_group_changes_no_path(project: Project, data: st.DataObject) -> None:
    uniform = replace(project.workload, routing=Routing(kind="uniform"))
    project = replace(project, workload=uniform, placement=Placement(policy="contiguous"))
    node = project.cluster.node_of_gpu()
    twins = [
        (a, b)
        for a in range(project.width)
        for b in range(a + 1, project.width)
        if a // project.parallel.tp == b // project.parallel.tp
        and all(node[first + a] == node[first + b] for first in range(0, len(node), project.width))
    ]
    if project.parallel.etp > 1 or not twins:
        return
    a, b = data.draw(st.sampled_from(twins))
    change = []
    for layer, spec in enumerate(project.model.layers):
        for expert, slots in slots_of(project, layer, 0).items() if spec.ffn.is_moe else ():
            change.append(place_expert(expert, [{a: b, b: a}.get(slot, slot) for slot in slots], layers=[layer]))
    before, after = evaluate(project).metrics, evaluate(in_order(*change)(project)).metrics
    assert after.latency_s == close(before.latency_s)
    assert after.dependency_s == close(before.dependency_s)


@given(projects())
def test_experts_get_every_token_top_k_times_but_for_rounding_up(project: Project) -> None:
    if project.placement.policy == "explicit":
        return
    evaluation = evaluate(project)
    for body in {part.body for part in evaluation.graph.parts if part.body.instances is not None}:
        groups = 1 if body.stage.is_local else body.stage.groups
        layer = next(part.layer for part in evaluation.graph.parts if part.body is body)
        wanted = sizes(project).rows * groups * project.model.layers[layer].ffn.top_k
        for replica in range(body.stage.dp):
            lanes = slice(replica * body.stage.width, (replica + 1) * body.stage.width)
            given_tokens = expert_tokens(body)[lanes].sum() / body.stage.etp
            instances = int((body.instances.replica == replica).sum())
            assert wanted * (1 - 1e-9) <= given_tokens <= wanted * (1 + 1e-9) + instances


@given(projects(), projects())
def test_a_pipeline_that_has_seen_other_designs_gives_the_same_bits(project: Project, other: Project) -> None:
    pipeline = Pipeline()
    for seen in (project, other, replace(project, placement=Placement(policy="round-robin")), project):
        last = pipeline.evaluate(seen)
    fresh = evaluate(project)
    assert last.metrics == fresh.metrics
    assert (last.start_s == fresh.start_s).all()
    assert (last.slack_s == fresh.slack_s).all()
    assert (last.scheduled_path.rows == fresh.scheduled_path.rows).all()


@given(projects())
def test_more_of_any_resource_never_makes_a_design_slower(project: Project) -> None:
    evaluation = evaluate(project)
    assert all(change <= 1e-9 * evaluation.metrics.latency_s for change in evaluation.sensitivity.values())


@given(projects())
def test_no_design_reaches_more_of_the_peak_than_the_provider_gives(project: Project) -> None:
    assert evaluate(project).metrics.mfu <= project.cost.compute * (1 + 1e-9)


def test_a_dispatch_that_no_expert_takes_may_end_the_dependency_path() -> None:
    slow = Device(memory_gb=1, memory_tb_s=0.001, peak_tflops={"bf16": 1})
    quick = Device(memory_gb=1, memory_tb_s=1, peak_tflops={"bf16": 1})
    nodes = (Node(name="a", gpus=1, device="quick"), Node(name="b", gpus=1, device="slow"))
    project = Project(
        model=Model(hidden=8, ffn={"moe": FeedForward(hidden=8, experts=1, router_width=1 << 20)}),
        cluster=Cluster(nodes=nodes, devices={"quick": quick, "slow": slow}),
        parallel=Parallel(attention="replicated"),
        workload=Workload(batch=4, tokens=4),
        placement=Placement(moves=(Move(expert=0, slots=(0,)),)),
    )
    evaluation = evaluate(project)
    assert evaluation.graph.name(int(evaluation.dependency_path.rows[-1])) == "l0_dispatch_g1"
    assert networkx_length(evaluation, data_edges(evaluation.graph)) == close(evaluation.metrics.dependency_s)
    assert evaluation.duration_s[evaluation.dependency_path.rows].sum() == close(evaluation.metrics.dependency_s)
