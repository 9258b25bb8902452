"""Finding operators by words, and the filter of the graph."""

from collections.abc import Callable

import numpy as np
import pytest

from moe_studio.document.chosen import selected_rows
from moe_studio.document.document import Document
from moe_studio.document.graph_filter import EVERYTHING, GraphFilter, filter_mask, found_rows, targets, with_family
from moe_studio.document.selection import NOTHING, Selection, operator_selection
from moe_studio.graph.graph import Graph
from moe_studio.locator import resource
from moe_studio.storage.loader import load_project


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Document(load_project(resource("examples", "seed0-proposed-dp.moe.yaml"))).evaluation.graph


def names(graph: Graph, words: str) -> set[str]:
    return {graph.name(row) for row in found_rows(graph, words).tolist()}


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("l2_dispatch_g3", lambda g: (g.layer == 2) & (g.gpu == 3)),
        ("gpu 3 layer 2 dispatch", lambda g: (g.layer == 2) & (g.gpu == 3)),
        ("dispatch GPU:3 layers:2", lambda g: (g.layer == 2) & (g.gpu == 3)),
        ("kind:dispatch gpu 0-3,9", lambda g: np.isin(g.gpu, [0, 1, 2, 3, 9])),
        ("l2 dispatch", lambda g: g.layer == 2),
    ],
)
def test_words_find_operators_of_a_kind_by_number(
    graph: Graph, words: str, fits: Callable[[Graph], np.ndarray]
) -> None:
    wanted = np.flatnonzero(
        fits(graph) & np.char.startswith([graph.kind_name(r) for r in range(len(graph))], "dispatch")
    )  # type: ignore[operator]
    assert found_rows(graph, words).tolist() == wanted.tolist()
    assert len(wanted)


def test_an_id_finds_one_operator(graph: Graph) -> None:
    for row in (0, 17, 500, len(graph) - 1):
        assert names(graph, graph.name(row)) == {graph.name(row)}
        assert names(graph, graph.name(row).upper()) == {graph.name(row)}


def test_an_expert_is_found_by_name_and_letter(graph: Graph) -> None:
    rows = found_rows(graph, "expert 5")
    assert (graph.expert[rows] == 5).all()
    assert len(rows) == (graph.expert == 5).sum() > 0
    assert found_rows(graph, "e5").tolist() == rows.tolist()


def test_a_family_and_a_description_find_their_kinds(graph: Graph) -> None:
    assert {graph.kind_name(row) for row in found_rows(graph, "routing").tolist()} == {"gate", "route", "agg"}
    assert {graph.kind_name(row) for row in found_rows(graph, "router").tolist()} == {"gate"}


@pytest.mark.parametrize(
    "words", ["", "  ", "gpu 99999", "nonsense", "gpu:", "gpu:-", "l_g", "gpu:0-99999999999 nonsense"]
)
def test_words_that_fit_nothing_find_nothing(graph: Graph, words: str) -> None:
    assert len(found_rows(graph, words)) == 0


def test_places_come_before_operators_and_are_never_only_those_in_view(graph: Graph) -> None:
    assert [target.title for target in targets(graph, "3")][:3] == ["GPU 3", "Layer 3", "Expert 3"]
    assert targets(graph, "gpu 13")[0].selection == Selection(kind="gpu", gpu=13)
    assert targets(graph, "layer 2")[0].selection == Selection(kind="layer", layer=2)
    assert targets(graph, "expert 5")[0].selection.expert == 5
    last = graph.name(len(graph) - 1)
    assert targets(graph, last)[0].selection == operator_selection(graph, len(graph) - 1)
    assert len(targets(graph, "dispatch", most=7)) == 7


def test_a_filter_joins_families_words_and_surroundings(graph: Graph) -> None:
    assert filter_mask(graph, EVERYTHING) is None
    chosen = with_family(EVERYTHING, "routing", is_on=True)
    mask = filter_mask(graph, chosen)
    assert mask is not None
    assert mask.tolist() == np.isin(np.arange(len(graph)), found_rows(graph, "routing")).tolist()
    both = filter_mask(graph, GraphFilter(families=frozenset({"routing"}), words="gpu 3"))
    assert both is not None
    assert (both == (mask & (graph.gpu == 3))).all()
    around = GraphFilter(around=operator_selection(graph, 700), toward="upstream")
    before = filter_mask(graph, around)
    assert before is not None
    assert before[700]
    assert not before[graph.layer > graph.layer[700]].any()
    assert with_family(chosen, "routing", is_on=False).is_empty


def test_a_filter_says_what_it_lets_through() -> None:
    chosen = GraphFilter(families=frozenset({"dense"}), words=" gpu 3 ", around=Selection(kind="gpu", gpu=3))
    assert chosen.text() == "dense, gpu 3, downstream of gpu"


def test_what_is_selected_has_its_operators(graph: Graph) -> None:
    for chosen, mask in (
        (Selection(kind="gpu", gpu=3), graph.gpu == 3),
        (Selection(kind="layer", layer=1), graph.layer == 1),
        (Selection(kind="node", node=1), graph.node == 1),
        (Selection(kind="expert", expert=5), graph.expert == 5),
        (Selection(kind="expert", expert=5, layer=2), (graph.expert == 5) & (graph.layer == 2)),
    ):
        assert selected_rows(graph, chosen).tolist() == np.flatnonzero(mask).tolist()
    assert selected_rows(graph, operator_selection(graph, 99)).tolist() == [99]
    assert len(selected_rows(graph, NOTHING)) == 0
