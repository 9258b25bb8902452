"""What is selected, and where a problem points."""

import pytest

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection, operator_row, operator_selection, selection_at
from moe_studio.project.project import Project


def test_every_operator_is_found_again_by_its_selection(small: Project) -> None:
    graph = Document(small).evaluation.graph
    assert [operator_row(graph, operator_selection(graph, row)) for row in range(len(graph))] == list(range(len(graph)))


def test_an_operator_that_is_gone_has_no_row(small: Project) -> None:
    graph = Document(small).evaluation.graph
    assert operator_row(graph, Selection(kind="operator", op="up", layer=0, gpu=0, expert=3, micro_batch=0)) == -1
    assert operator_row(graph, Selection(kind="operator", op="q", layer=99, gpu=0, micro_batch=0)) == -1


@pytest.mark.parametrize(
    ("where", "selection"),
    [
        ("gpu 3", Selection(kind="gpu", gpu=3)),
        ("layer 2", Selection(kind="layer", layer=2)),
        ("expert 5 of layer 0", Selection(kind="expert", expert=5, layer=0)),
        ("l3_up_e17_g17", Selection(kind="operator", op="up", layer=3, expert=17, gpu=17, micro_batch=0)),
        (
            "l0_shared_gate_proj_g2_m1",
            Selection(kind="operator", op="shared_gate_proj", layer=0, gpu=2, micro_batch=1),
        ),
        ("parallel.tp", Selection(kind="setting", path="parallel.tp")),
        ("", Selection(kind="design")),
    ],
)
def test_the_place_of_a_problem_becomes_a_selection(where: str, selection: Selection) -> None:
    assert selection_at(where) == selection
