"""The next-longest paths."""

from collections.abc import Iterator
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from moe_studio.document.document import Document
from moe_studio.document.near_path import near_paths
from moe_studio.document.schedule_graph import schedule_graph
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.graph.edge import data_edges
from moe_studio.locator import resource
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Cost, Move, Parallel, Placement, Workload
from moe_studio.project.edit import move_expert
from moe_studio.project.model import Attention, Block, FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project


@pytest.fixture(scope="module", params=["as it is", "moved", "seed1", "one GPU"])
def evaluation(request: pytest.FixtureRequest) -> Evaluation:
    name = {"seed1": "seed1", "one GPU": "seed4-baseline"}.get(request.param, "seed0-proposed-dp")
    document = Document(load_project(resource("examples", f"{name}.moe.yaml")))
    if request.param == "moved":
        document.preview(move_expert(5, 5, 13, layers=range(2, 4)))
    return document.evaluation


def whole_graph(evaluation: Evaluation) -> nx.DiGraph:
    """Data edges, and the order on every stream, as the product's definition has them; collectives meet in nodes."""
    edges = data_edges(evaluation.graph)
    graph = nx.DiGraph(zip(edges.source.tolist(), edges.target.tolist(), strict=True))
    meets = {b: a for a, b in graph.edges if edges.operators <= a < edges.input}
    streams: dict[tuple[int, bool], list[tuple[float, float, int]]] = {}
    overlap = evaluation.project.cost.overlap
    for row in range(len(evaluation.graph)):
        stream = (int(evaluation.graph.gpu[row]), bool(evaluation.is_comm[row]) and overlap)
        streams.setdefault(stream, []).append((evaluation.start_s[row], evaluation.finish_s[row], row))
    for line in streams.values():
        rows = [row for _, _, row in sorted(line)]
        graph.add_edges_from((a, meets.get(b, b)) for a, b in pairwise(rows))
    return graph


def every_length(evaluation: Evaluation) -> Iterator[tuple[float, bytes]]:
    """Length and operators of every path from input to output."""
    edges, graph = data_edges(evaluation.graph), whole_graph(evaluation)
    for path in nx.all_simple_paths(graph, edges.input, edges.output):
        rows = np.array([node for node in path if node < edges.operators], np.int64)
        yield float(evaluation.duration_s[rows].sum()), rows.tobytes()


def small(**cost: object) -> Project:
    """Two GPUs with two experts each, of which one has more to do: some thousand paths."""
    project = Project(
        model=Model(
            hidden=64,
            attention=Attention(heads=4, head_dim=16),
            ffn={"moe": FeedForward(hidden=128, experts=3, top_k=2)},
            blocks=(Block(ffn="moe"),),
        ),
        cluster=Cluster(
            nodes=(Node(name="a", gpus=1, device="x"), Node(name="b", gpus=1, device="x")),
            devices={"x": Device(memory_gb=80, memory_tb_s=3, peak_tflops={"bf16": 900})},
        ),
        parallel=Parallel(ep=1),
        placement=Placement(moves=(Move(expert=0, slots=(0,)), Move(expert=1, slots=(0,)), Move(expert=2, slots=(1,)))),
        workload=Workload(batch=4, tokens=64),
        cost=Cost(**cost),  # type: ignore[arg-type]
    )
    return project


@pytest.mark.parametrize("cost", [{}, {"overlap": False}, {"launch_us": 3.0}])
def test_they_are_the_longest_of_all_paths_that_there_are(cost: dict[str, object]) -> None:
    evaluation = evaluate(small(**cost))
    every = sorted(every_length(evaluation), reverse=True)
    assert len(every) > 100
    assert every[0][0] == pytest.approx(evaluation.schedule.makespan_s)
    found = near_paths(evaluation, 60, is_every=True)
    lengths = [evaluation.schedule.makespan_s, *(path.length_s for path in found)]
    assert lengths == pytest.approx([length for length, _ in every[:61]], rel=1e-7)
    assert {path.rows.tobytes() for path in found} <= {rows for _, rows in every}
    assert len(near_paths(evaluation, 10**6, is_every=True)) == len(every) - 1


def test_the_slack_of_a_path_is_that_of_the_longest_one_through_an_operator() -> None:
    evaluation = evaluate(small())
    walk, longest = schedule_graph(evaluation), np.zeros(len(evaluation.graph))
    for length, rows in every_length(evaluation):
        through = np.frombuffer(rows, np.int64)
        longest[through] = np.maximum(longest[through], length)
    assert evaluation.schedule.makespan_s - walk.slack_s == pytest.approx(longest)
    for path in near_paths(evaluation)[:3]:
        assert path.length_s == pytest.approx(longest[path.via])


def test_the_first_list_gives_each_reason_once(evaluation: Evaluation) -> None:
    found = near_paths(evaluation)
    reasons = {(evaluation.graph.kind_name(path.via), round(path.slack_s, 9)) for path in found if path.alike > 1}
    assert len(reasons) == sum(path.alike > 1 for path in found)


def test_paths_are_different_and_listed_by_slack(evaluation: Evaluation) -> None:
    for is_every in (False, True):
        found = near_paths(evaluation, is_every=is_every)
        assert len(found) == 10
        assert [path.slack_s for path in found] == sorted(path.slack_s for path in found)
        assert len({path.rows.tobytes() for path in found}) == 10
        assert evaluation.scheduled_path.rows.tobytes() not in {path.rows.tobytes() for path in found}


def test_a_path_is_as_long_as_it_says_and_runs_in_order(evaluation: Evaluation) -> None:
    makespan = evaluation.schedule.makespan_s
    for path in (*near_paths(evaluation), *near_paths(evaluation, is_every=True)):
        assert path.length_s == pytest.approx(float(evaluation.duration_s[path.rows].sum()), rel=1e-6)
        gap = evaluation.start_s[path.rows[1:]] - evaluation.finish_s[path.rows[:-1]]
        assert gap.min() >= -1e-9 * makespan
        assert path.via in path.rows


def test_what_nothing_is_spared_for_starts_when_its_input_is_there(evaluation: Evaluation) -> None:
    walk = schedule_graph(evaluation)
    used = walk.tight[np.arange(walk.edges.nodes) != walk.edges.input]
    assert walk.spare_s[used].max() <= 1e-9 * evaluation.schedule.makespan_s
