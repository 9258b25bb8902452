"""Small views of the graph, and what the inspector lists, in Chinese."""

import re
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from moe_studio.calibration.provider import provide
from moe_studio.document.selection import Selection, operator_selection
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.graph.operator import DESCRIPTIONS
from moe_studio.gui.dag.legend import LINES
from moe_studio.gui.dag.words import in_words
from moe_studio.gui.inspector.find import facts
from moe_studio.gui.text import CHINESE, ENGLISH, tr, use_language
from moe_studio.locator import resource
from moe_studio.storage.loader import load_project
from moe_studio.view.view import view
from tests.gui.conftest import Driver

ENGLISH_WORDS = re.compile(
    r"\b(moves|sends|in nodes|across|experts|times|more|compute|memory|network|layer|busiest|slack)\b"
)
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    use_language(CHINESE)
    yield
    use_language(ENGLISH)


@pytest.fixture(scope="module", params=["seed0-proposed", "seed1"])
def evaluation(request: pytest.FixtureRequest) -> Evaluation:
    return evaluate(load_project(resource("examples", f"{request.param}.moe.yaml")), provide)


@pytest.mark.parametrize("name", ["overview", "layer", "attention", "routing"])
def test_boxes_of_small_views_speak_chinese(evaluation: Evaluation, name: str) -> None:
    at = {} if name == "overview" else {"layer": 1}
    for section in map(in_words, view(evaluation, name, **at).sections):
        for node in section.nodes:
            said = node.lines[node.is_operator :]
            assert [line for line in said if ENGLISH_WORDS.search(line)] == []
            assert not node.is_operator or node.lines[0] == node.id, "names stay as the tables have them"
        assert [edge.label for edge in section.edges if ENGLISH_WORDS.search(edge.label)] == []


def test_what_the_inspector_lists_is_chinese(evaluation: Evaluation) -> None:
    rows = evaluation.scheduled_path.rows[:20].tolist()
    chosen = [Selection(kind="design"), Selection(kind="gpu", gpu=1), Selection(kind="layer", layer=1)]
    for selection in (*chosen, *(operator_selection(evaluation.graph, row) for row in rows)):
        for fact in facts(evaluation, selection, None).rows:
            assert not ENGLISH_WORDS.search(tr(fact.value)), fact


def test_every_kind_of_operator_is_explained_in_chinese() -> None:
    assert [text for text in DESCRIPTIONS.values() if not HAN.search(tr(text))] == []


def test_an_edge_of_data_is_not_called_as_data_parallel_attention() -> None:
    assert tr(LINES[0][1]) != tr("data")


def test_what_the_pointer_rests_on_is_told_in_chinese(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    tips: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", staticmethod(lambda _at, text, *_rest: tips.append(text)))
    dag = driver.window.workspace.dag
    for point in (QPoint(x, y) for x in range(0, dag.width(), 20) for y in range(0, dag.height(), 20)):
        QApplication.sendEvent(dag, QHelpEvent(QEvent.Type.ToolTip, point, dag.mapToGlobal(point)))
    assert len(set(tips)) > 2
    assert [tip for tip in tips if ENGLISH_WORDS.search(tip) or not HAN.search(tip)] == []
