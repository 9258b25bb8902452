"""The graph for networkx: its longest paths are those of the evaluation."""

import networkx as nx
import pytest
from hypothesis import given, settings

from moe_studio.engine.evaluation import evaluate
from moe_studio.export.network import to_networkx
from moe_studio.graph.edge import edge_count
from moe_studio.project.project import Project
from tests.unit.engine.strategies import projects
from tests.unit.export.drawing import SMALL, example


@settings(max_examples=20)
@given(projects())
def test_longest_paths_are_those_of_the_evaluation(project: Project) -> None:
    evaluation = evaluate(project)
    for pairs in (False, True):
        dependency = nx.dag_longest_path_length(to_networkx(evaluation, pairs=pairs))
        scheduled = nx.dag_longest_path_length(to_networkx(evaluation, order=True, pairs=pairs))
        assert dependency == pytest.approx(evaluation.metrics.dependency_s, rel=1e-9)
        assert scheduled == pytest.approx(evaluation.metrics.latency_s, rel=1e-9)


@pytest.mark.parametrize("name", SMALL)
def test_there_is_one_source_and_one_sink(name: str) -> None:
    graph = to_networkx(example(name), pairs=True)
    assert [node for node, degree in graph.in_degree() if not degree] == ["input"]
    assert [node for node, degree in graph.out_degree() if not degree] == ["output"]
    assert len(graph) == len(example(name).graph) + 2


@pytest.mark.parametrize("name", SMALL)
def test_pairs_are_as_many_as_the_engine_counts(name: str) -> None:
    graph = to_networkx(example(name), pairs=True)
    inner = [edge for edge in graph.edges if not {"input", "output"} & set(edge)]
    assert len(inner) == edge_count(example(name).graph)


def test_nodes_carry_their_place_and_times() -> None:
    evaluation = example("seed0-proposed-dp")
    node = to_networkx(evaluation).nodes["l3_up_e5_g5"]
    row = evaluation.graph.row_of["l3_up_e5_g5"]
    assert (node["op"], node["layer"], node["expert"], node["gpu"], node["node"]) == ("up", 3, 5, 5, "node0")
    assert node["work"] == "Get_Time(640000, 8192, 32768)"
    assert node["start_s"] == evaluation.start_s[row]
    assert node["duration_s"] == evaluation.duration_s[row]


def test_order_edges_are_those_that_only_the_stream_makes() -> None:
    graph = to_networkx(example("seed1"), order=True)
    assert graph.edges["l0_q_g0", "l0_k_g0"]["kind"] == "order"
    assert graph.edges["l0_ln1_g0", "l0_q_g0"]["kind"] == "data"
