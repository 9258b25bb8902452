"""GraphML: networkx reads back the same graph with typed values."""

from io import BytesIO, StringIO

import networkx as nx
import pytest

from moe_studio.export.graphml import write_graphml
from moe_studio.export.text import plain
from moe_studio.view.node import ViewGraph
from moe_studio.view.view import view
from tests.unit.export.drawing import HOSTILE, VIEWS, example, renamed


def read(drawn: ViewGraph) -> "nx.DiGraph[str]":
    file = StringIO()
    write_graphml(drawn, file)
    return nx.read_graphml(BytesIO(file.getvalue().encode()))


@pytest.mark.parametrize("words", VIEWS)
def test_networkx_reads_back_the_same_graph(words: str) -> None:
    drawn = view(example("seed1"), words)
    graph = read(drawn)
    assert list(graph) == [node.id for node in drawn.nodes]
    assert {(a, b): values["kind"] for a, b, values in graph.edges(data=True)} == {
        (edge.source, edge.target): edge.kind for edge in drawn.edges
    }
    for node in drawn.nodes:
        values = graph.nodes[node.id]
        assert values["on_path"] is node.on_path
        if node.is_operator:
            assert (values["gpu"], values["layer"], values["dims"]) == (node.gpu, node.layer, node.dims)
            assert values["time_us"] == pytest.approx(node.duration_s * 1e6)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text(name: str) -> None:
    graph = read(renamed(view(example("seed1"), "layer 0"), name))
    assert graph.nodes["l0_q_g0"].get("node", "") == plain(name)
