"""Kinds and names of edges."""

from hypothesis import given

from moe_studio.engine.evaluation import evaluate
from moe_studio.graph.edge import COMMUNICATION, data_edges, junction_name, pairs
from moe_studio.project.project import Project
from tests.unit.engine.strategies import projects


@given(projects())
def test_what_goes_from_gpu_to_gpu_is_communication(project: Project) -> None:
    graph = evaluate(project).graph
    drawn = pairs(data_edges(graph))
    inner = (drawn.source < len(graph)) & (drawn.target < len(graph))
    crosses = graph.gpu[drawn.source[inner]] != graph.gpu[drawn.target[inner]]
    assert (drawn.kind[inner][crosses] == COMMUNICATION).all()


@given(projects())
def test_a_junction_is_named_after_one_of_its_members(project: Project) -> None:
    graph = evaluate(project).graph
    for member in data_edges(graph).members.tolist():
        assert junction_name(graph, member).replace("_start_g", "_g") == graph.name(member)
