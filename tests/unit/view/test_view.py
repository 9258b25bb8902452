"""Views of the operator graph: what is in them, and that they agree with the graph."""

import itertools
from dataclasses import replace

import networkx as nx
import pytest
from hypothesis import given, settings

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.errors import MoeStudioError
from moe_studio.graph.edge import COMMUNICATION, DATA, data_edges, pairs
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Parallel, Workload
from moe_studio.project.model import Attention, Block, FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.view.label import range_text
from moe_studio.view.node import ViewGraph
from moe_studio.view.view import ViewChoice, parse_view, view
from tests.unit.engine.strategies import projects

DEVICE = Device(memory_gb=64, memory_tb_s=1.8, peak_tflops={"fp16": 400})


def design(parallel: Parallel, *, top_k: int = 1, micro_batches: int = 1) -> Project:
    """Two dense layers and three with eight experts, on two nodes of four GPUs."""
    moe = FeedForward(hidden=512, experts=8, top_k=top_k)
    return Project(
        name="Test",
        model=Model(
            hidden=256,
            dtype="fp16",
            attention=Attention(heads=8, head_dim=32),
            ffn={"moe": moe, "dense": FeedForward(kind="gelu", hidden=512)},
            blocks=(Block(repeat=2, ffn="dense"), Block(repeat=3, ffn="moe")),
        ),
        cluster=Cluster(
            nodes=tuple(Node(name=f"node{i}", gpus=4, device="d") for i in range(2)), devices={"d": DEVICE}
        ),
        parallel=parallel,
        workload=Workload(batch=64, tokens=128, micro_batches=micro_batches),
    )


@pytest.fixture(scope="module")
def exchanging() -> Evaluation:
    return evaluate(design(Parallel(ep=8)))


@pytest.fixture(scope="module")
def piped() -> Evaluation:
    return evaluate(design(Parallel(pp=2, tp=4, ep=2, etp=2), top_k=2, micro_batches=2))


def directed(graph: ViewGraph) -> "nx.DiGraph[str]":
    result: nx.DiGraph[str] = nx.DiGraph()
    result.add_nodes_from(node.id for node in graph.nodes)
    known = set(result)
    for edge in graph.edges:
        assert edge.source in known and edge.target in known
        result.add_edge(edge.source, edge.target)
    return result


@pytest.mark.parametrize(
    "name", ["overview", "layer 0", "layer 3", "attention", "expert", "routing", "critical", "full"]
)
@pytest.mark.parametrize("which", ["exchanging", "piped"])
def test_every_view_is_acyclic_with_unique_nodes(name: str, which: str, request: pytest.FixtureRequest) -> None:
    drawn = view(request.getfixturevalue(which), name)
    ids = [node.id for node in drawn.nodes]
    assert len(ids) == len(set(ids))
    assert nx.is_directed_acyclic_graph(directed(drawn))


@settings(max_examples=15)
@given(projects())
def test_the_full_view_has_every_operator_and_every_edge(project: Project) -> None:
    evaluation = evaluate(project)
    drawn = view(evaluation, "full")
    edges = data_edges(evaluation.graph)
    assert [node.id for node in drawn.nodes if node.is_operator] == evaluation.graph.names()
    assert sum(1 for _ in drawn.nodes) == edges.nodes
    kinds = [edge.kind for edge in drawn.edges]
    assert kinds.count("data") == int((edges.kind == DATA).sum())
    assert kinds.count("communication") == int((edges.kind == COMMUNICATION).sum())
    assert nx.is_directed_acyclic_graph(directed(drawn))


@given(projects())
def test_the_critical_view_is_one_chain_that_adds_up_to_the_path(project: Project) -> None:
    evaluation = evaluate(project)
    drawn = view(evaluation, "critical")
    ids = [node.id for node in drawn.nodes]
    rows = evaluation.scheduled_path.rows.tolist()
    assert ids == ["input", *(evaluation.graph.name(row) for row in rows), "output"]
    assert [(edge.source, edge.target) for edge in drawn.edges] == list(itertools.pairwise(ids))
    assert all(edge.on_path for edge in drawn.edges)
    assert sum(node.duration_s for node in drawn.nodes) == pytest.approx(evaluation.duration_s[rows].sum())


@settings(max_examples=25)
@given(projects())
def test_a_layer_has_its_operators_and_the_links_between_them(project: Project) -> None:
    evaluation = evaluate(project)
    graph = evaluation.graph
    last = project.model.layer_count - 1
    drawn = view(evaluation, f"layer {last}")
    part = next(part for part in graph.parts if part.layer == last and part.micro_batch == 0)
    mine = {graph.name(part.first + int(row)) for row in (part.body.replica == 0).nonzero()[0]}
    assert {node.id for node in drawn.nodes if node.is_operator} == mine
    assert nx.is_weakly_connected(directed(drawn))


def test_the_path_is_marked_along_its_whole_length_in_the_full_view(piped: Evaluation) -> None:
    drawn = view(piped, "full")
    marked: nx.DiGraph[str] = nx.DiGraph((edge.source, edge.target) for edge in drawn.edges if edge.on_path)
    names = [piped.graph.name(row) for row in piped.scheduled_path.rows.tolist()]
    assert {node.id for node in drawn.nodes if node.on_path} == set(names)
    for before, after in itertools.pairwise(names):
        assert nx.has_path(marked, before, after)


def test_an_operator_says_where_it_is_and_what_it_does(exchanging: Evaluation) -> None:
    nodes = {node.id: node for node in view(exchanging, "layer 3").nodes}
    up = nodes["l3_up_e5_g5"]
    assert up.lines[1] == "GPU 5 · node1"
    assert up.lines[2] == "in [1024, 256] → out [1024, 512] fp16"
    assert up.lines[3] == "Get_Time(1024, 256, 512)"
    assert up.cluster == ("Experts", "node1", "GPU 5")
    assert nodes["l3_scores_g0"].lines[3] == "Get_Time(1024, 32, 128) × 8"
    assert (up.shape, nodes["l3_route_g5"].shape, nodes["l3_dispatch_g5"].shape) == ("box", "parallelogram", "ellipse")


def test_routing_draws_every_pair_of_an_exchange(exchanging: Evaluation) -> None:
    edges = {(edge.source, edge.target): edge.kind for edge in view(exchanging, "routing").edges}
    pairs = [(f"l2_route_g{a}", f"l2_dispatch_g{b}") for a in range(8) for b in range(8)]
    assert all(edges[pair] == "communication" for pair in pairs)


def test_views_take_the_first_layer_with_experts_and_its_first_gpu(exchanging: Evaluation, piped: Evaluation) -> None:
    assert view(exchanging, "attention").name == "attention 2 gpu 0"
    assert view(piped, "expert", layer=4).name == "expert 4 gpu 4"
    assert view(exchanging, "attention 3 gpu 5").title == "Attention of layer 3 on GPU 5 (node1)"
    assert view(exchanging, "layer", layer=1).name == "layer 1"


def test_attention_is_the_chain_of_one_gpu(exchanging: Evaluation) -> None:
    drawn = view(exchanging, "attention 3 gpu 5")
    ops = [node.op for node in drawn.nodes if node.is_operator]
    assert ops == ["ln1", "q", "k", "v", "scores", "scale", "softmax", "av", "o", "res1"]
    edges = {(edge.source, edge.target) for edge in drawn.edges}
    assert {
        ("before", "l3_ln1_g5"),
        ("before", "l3_res1_g5"),
        ("l3_v_g5", "l3_av_g5"),
        ("l3_res1_g5", "after"),
    } <= edges


def test_the_overview_folds_equal_layers_and_names_exact_gpus(exchanging: Evaluation) -> None:
    lines = [node.lines for node in view(exchanging, "overview").nodes]
    assert [line[:2] for line in lines if line[0].startswith("Layers")] == [
        ("Layers 0–1", "GPUs 0–3 · node0"),
        ("Layers 0–1", "GPUs 4–7 · node1"),
        ("Layers 2–4", "GPUs 0–3 · node0"),
        ("Layers 2–4", "GPUs 4–7 · node1"),
    ]
    assert not any("all" in text.lower().split() for line in lines for text in line)


def test_the_overview_of_many_replicas_stays_small_and_names_every_gpu() -> None:
    small = design(Parallel(ep=8))
    nodes = tuple(Node(name=f"node{i}", gpus=4, device="d") for i in range(200))
    many = replace(small, cluster=replace(small.cluster, nodes=nodes), parallel=Parallel(dp=100, ep=8))
    drawn = view(evaluate(many), "overview")
    lines = [node.lines for node in drawn.nodes]
    assert len(lines) < 40
    assert ("Replicas 4–99", "GPUs 32–799 · node8 … node199", "the same stages and layers as replica 0") in lines
    assert nx.is_directed_acyclic_graph(directed(drawn))


def test_the_overview_of_alternating_layers_draws_stages() -> None:
    small = design(Parallel(ep=8))
    pattern = Block(repeat=30, blocks=(Block(ffn="dense"), Block(ffn="moe")))
    alternating = replace(small, model=replace(small.model, blocks=(pattern,)))
    lines = [node.lines for node in view(evaluate(alternating), "overview").nodes]
    assert lines[1][0] == "Layers 0–59"
    assert [line.split(" × ")[0] for line in lines[1][2:4]] == ["30", "30"]


def test_no_node_is_on_all_gpus(piped: Evaluation) -> None:
    for name in ("full", "layer 3", "routing"):
        assert all(node.gpu >= 0 and node.node for node in view(piped, name).nodes if node.is_operator)


def test_words_of_a_view_are_understood() -> None:
    assert parse_view("overview") == ViewChoice(name="overview")
    assert parse_view(" Layer 3 ") == ViewChoice(name="layer", layer=3)
    assert parse_view("layer3") == ViewChoice(name="layer", layer=3)
    assert parse_view("attention 3 gpu 5") == ViewChoice(name="attention", layer=3, gpu=5)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("everything", "There is no view 'everything'; the views are overview, layer N, attention"),
        ("layer 9", "There is no layer 9; the layers are 0 to 4."),
        ("attention 0 gpu 7", "GPU 7 does not hold layer 0; GPUs 0–3 do."),
        ("routing 0", "Layer 0 is dense and has no routing; choose a layer with experts."),
    ],
)
def test_a_wrong_view_is_refused_with_what_would_be_right(piped: Evaluation, words: str, sentence: str) -> None:
    with pytest.raises(MoeStudioError) as refusal:
        view(piped, words)
    assert str(refusal.value).startswith(sentence)


def test_a_model_without_experts_has_no_router() -> None:
    dense = replace(design(Parallel()), model=replace(design(Parallel()).model, blocks=(Block(repeat=2, ffn="dense"),)))
    evaluation = evaluate(dense)
    with pytest.raises(MoeStudioError, match="This model has no experts"):
        view(evaluation, "routing 0")
    groups = {group for node in view(evaluation, "gpu 0 layer 0").nodes for group in node.cluster}
    assert any(group.startswith("Feed-forward") for group in groups)
    assert not any(group.startswith("Router") for group in groups)


def test_runs_of_numbers_are_folded() -> None:
    assert range_text([9, 0, 1, 2, 3, 11, 12]) == "0–3, 9, 11–12"


def test_words_of_a_view_of_a_part_are_understood() -> None:
    assert parse_view("replica 1") == ViewChoice(name="replica", replica=1)
    assert parse_view("stage 2 replica 1") == ViewChoice(name="stage", stage=2, replica=1)
    assert parse_view("gpu 5 layer 3") == ViewChoice(name="gpu", gpu=5, layer=3)
    assert parse_view("operator L3_up_e17_g17") == ViewChoice(name="operator", operator="l3_up_e17_g17")
    assert parse_view("layer 3 replica 1") == ViewChoice(name="layer", layer=3, replica=1)


def test_a_stage_is_shown_layer_by_layer_and_a_replica_alone() -> None:
    small = design(Parallel(ep=8))
    nodes = tuple(Node(name=f"node{i}", gpus=4, device="d") for i in range(8))
    wide = evaluate(replace(small, cluster=replace(small.cluster, nodes=nodes), parallel=Parallel(dp=2, pp=2, ep=8)))
    replica = [node for node in view(wide, "replica 1").nodes if node.op == "layers"]
    assert {node.replica for node in replica} == {1}
    assert {node.stage for node in replica} == {0, 1}
    stage = [node for node in view(wide, "stage 1 replica 1").nodes if node.op == "layers"]
    assert {(node.replica, node.stage, node.layers) for node in stage} == {(1, 1, 1)}
    assert sorted({node.layer for node in stage}) == list(wide.project.stage_layers()[1])
    whole = [node for node in view(wide, "overview").nodes if node.op == "layers"]
    assert {node.replica for node in whole} == {0, 1}
    with pytest.raises(MoeStudioError, match="no replica 2; the replicas are 0 to 1"):
        view(wide, "replica 2")
    with pytest.raises(MoeStudioError, match="no stage 5"):
        view(wide, "stage 5")


def test_all_of_a_layer_on_a_gpu_is_its_attention_and_its_experts(exchanging: Evaluation) -> None:
    graph = exchanging.graph
    mine = [graph.name(row) for row in range(len(graph)) if graph.layer[row] == 3 and graph.gpu[row] == 5]
    assert [node.id for node in view(exchanging, "gpu 5 layer 3").nodes if node.is_operator] == mine


@pytest.mark.parametrize("name", ["l3_up_e5_g5", "l0_ln1_g0", "l3_combine_g5", "l4_res2_g7"])
def test_an_operator_is_shown_with_all_it_takes_and_gives(exchanging: Evaluation, name: str) -> None:
    graph, whole = exchanging.graph, pairs(data_edges(exchanging.graph))
    row, drawn = graph.row_of[name], view(exchanging, f"operator {name}")
    edges = [edge for edge in drawn.edges if edge.kind != "order"]
    for shown, wanted in (
        ([edge.source for edge in edges if edge.target == name], whole.source[whole.target == row]),
        ([edge.target for edge in edges if edge.source == name], whole.target[whole.source == row]),
    ):
        assert sum(int(node.split("_")[0]) if node[0].isdigit() else 1 for node in shown) == len(set(wanted.tolist()))


def test_an_operator_that_is_not_there_is_refused_with_one_that_is(exchanging: Evaluation) -> None:
    with pytest.raises(MoeStudioError, match="no operator 'l9_up'; one that there is: l0_ln1_g0"):
        view(exchanging, "operator l9_up")
