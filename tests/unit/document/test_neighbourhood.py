"""What comes before and after an operator."""

import networkx as nx
import numpy as np
import pytest

from moe_studio.document.document import Document
from moe_studio.document.neighbourhood import downstream, next_rows, previous_rows, upstream
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.edge import data_edges, pairs
from moe_studio.locator import resource
from moe_studio.storage.loader import load_project


@pytest.fixture(scope="module", params=["seed0-proposed-dp", "seed1", "seed4-proposed"])
def evaluation(request: pytest.FixtureRequest) -> Evaluation:
    return Document(load_project(resource("examples", f"{request.param}.moe.yaml"))).evaluation


@pytest.fixture(scope="module")
def network(evaluation: Evaluation) -> "nx.DiGraph[int]":
    edges = pairs(data_edges(evaluation.graph))
    inner = (edges.source < edges.operators) & (edges.target < edges.operators)
    made: nx.DiGraph[int] = nx.DiGraph()
    made.add_nodes_from(range(len(evaluation.graph)))
    made.add_edges_from(zip(edges.source[inner].tolist(), edges.target[inner].tolist(), strict=True))
    return made


def some(evaluation: Evaluation) -> list[int]:
    count = len(evaluation.graph)
    return [0, count // 3, count // 2, 2 * count // 3 + 1, count - 1]


def test_neighbours_are_those_of_the_edges(evaluation: Evaluation, network: "nx.DiGraph[int]") -> None:
    for row in some(evaluation):
        assert set(next_rows(evaluation.graph, row).tolist()) == set(network.successors(row))
        assert set(previous_rows(evaluation.graph, row).tolist()) == set(network.predecessors(row))


def test_downstream_and_upstream_are_all_descendants_and_ancestors(
    evaluation: Evaluation, network: "nx.DiGraph[int]"
) -> None:
    for row in some(evaluation):
        after = np.flatnonzero(downstream(evaluation.graph, np.array([row])))
        assert set(after.tolist()) == nx.descendants(network, row) | {row}
        before = np.flatnonzero(upstream(evaluation.graph, np.array([row])))
        assert set(before.tolist()) == nx.ancestors(network, row) | {row}


def test_nothing_has_nothing_around_it(evaluation: Evaluation) -> None:
    assert not downstream(evaluation.graph, np.zeros(0, np.int64)).any()
