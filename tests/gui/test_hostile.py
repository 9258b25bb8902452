"""A project whose every name is markup: nothing in the window reads it as markup, loads a file, or cuts a sentence."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QGraphicsTextItem,
    QGraphicsView,
    QLabel,
    QMessageBox,
    QTextEdit,
    QToolTip,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection, operator_selection
from moe_studio.document.template import save_template
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.start.keeper import Places
from moe_studio.gui.workspace import TABS
from moe_studio.project.design import Reference
from moe_studio.project.edit import move_expert
from moe_studio.project.project import Project
from moe_studio.storage.writer import project_text
from tests.gui.random_user import little_design

HOSTILE = '<hostile><img src="file:///etc/hostname"><b>x</b>'
PLAIN = Qt.TextFormat.PlainText
MARKUP = re.compile(r"<(hostile|img|b>)")
"""Markup of the project that stands unescaped in a text."""


def hostile_design() -> Project:
    """A design with markup wherever a file may hold words of its own."""
    plain = little_design(1)
    attention = replace(plain.model.attention, unmodelled=HOSTILE)
    model = replace(
        plain.model,
        attention=attention,
        attentions={HOSTILE: attention},
        ffn={HOSTILE: plain.model.ffn["moe"]},
        blocks=tuple(replace(block, ffn=HOSTILE, attention=HOSTILE) for block in plain.model.blocks),
    )
    device = replace(plain.cluster.devices["own"], title=HOSTILE, source=HOSTILE, memory_gb=0.1)
    nodes = (replace(node, name=f"{HOSTILE}/{number}") for number, node in enumerate(plain.cluster.nodes))
    cluster = replace(
        plain.cluster, nodes=tuple(replace(node, device=HOSTILE) for node in nodes), devices={HOSTILE: device}
    )
    reference = Reference(tokens_per_s=1e6, note=HOSTILE)
    return replace(plain, name=HOSTILE, model=model, cluster=cluster, reference=reference)


def read_as_markup(text: str) -> bool:
    """Whether Qt, which guesses whether a text is markup, could find markup of the project in ``text``."""
    return bool(MARKUP.search(text))


def indexes(view: QAbstractItemView, parent: QModelIndex | None = None, depth: int = 0) -> Iterator[QModelIndex]:
    """Some hundred cells of a view, of all levels."""
    model, root = view.model(), parent or view.rootIndex()
    if model is None or depth > 4:
        return
    for row in range(min(model.rowCount(root), 40)):
        first = model.index(row, 0, root)
        yield from (cell for column in range(12) if (cell := first.siblingAtColumn(column)).isValid())
        yield from indexes(view, first, depth + 1)


def faults_of(top: QWidget) -> Iterator[str]:
    """What in a window, a dialog or a menu would read markup of the project."""
    for widget in (top, *top.findChildren(QWidget)):
        where = f"{type(widget).__name__} {widget.accessibleName() or widget.objectName()}"
        for kind, text in (("tooltip", widget.toolTip()), ("help", widget.whatsThis())):
            if read_as_markup(text):
                yield f"{kind} of {where}: {text}"
        if isinstance(widget, QLabel) and widget.textFormat() is not PLAIN and read_as_markup(widget.text()):
            yield f"{where}: {widget.text()}"
        if isinstance(widget, QMessageBox) and widget.textFormat() is not PLAIN:
            yield f"{where}: {widget.text()}"
        if isinstance(widget, QTextEdit) and "hostname" in widget.toHtml() and "<img" in widget.toHtml():
            yield f"picture in {where}"
        if isinstance(widget, QAbstractItemView):
            for index in indexes(widget):
                if read_as_markup(str(index.data(Qt.ItemDataRole.ToolTipRole) or "")):
                    yield f"tooltip in {where}: {index.data(Qt.ItemDataRole.ToolTipRole)}"
                if (inner := widget.indexWidget(index)) is not None:
                    yield from faults_of(inner)
        if isinstance(widget, QGraphicsView):
            for item in widget.items():
                if read_as_markup(item.toolTip()):
                    yield f"tooltip of an item in {where}: {item.toolTip()}"
                if isinstance(item, QGraphicsTextItem) and "<img" in item.toHtml():
                    yield f"picture in {where}"
        for action in widget.actions():
            if read_as_markup(action.toolTip()):
                yield f"tooltip of {action.text()}: {action.toolTip()}"


def point_everywhere(window: MainWindow, tips: list[str]) -> None:
    """Ask every visible widget for its tooltip at a grid of points."""
    for widget in window.findChildren(QWidget):
        if not isValid(widget) or not widget.isVisible():
            continue
        for column in range(4):
            for row in range(4):
                at = QPoint(widget.width() * (2 * column + 1) // 8, widget.height() * (2 * row + 1) // 8)
                if isValid(widget):
                    QApplication.sendEvent(widget, QHelpEvent(QHelpEvent.Type.ToolTip, at, widget.mapToGlobal(at)))
        shown = QToolTip.text()
        if shown:
            tips.append(shown)
            QToolTip.hideText()


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    path = tmp_path / "design.moe.yaml"
    path.write_text(project_text(hostile_design()), encoding="utf-8")
    places = Places(state=tmp_path / "state", templates=tmp_path / "templates")
    made = MainWindow(Document.load(path), theme="light", places=places)
    qtbot.addWidget(made, before_close_func=lambda _: made.set_document(Document(little_design(0))))
    made.open_at(QSize(1440, 860))
    qtbot.waitUntil(lambda: not made.bridge.is_pending and not made.workspace.is_busy)
    return made


def test_no_view_reads_names_from_a_file_as_markup(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    tips: list[str] = []
    show = QToolTip.showText
    monkeypatch.setattr(QToolTip, "showText", staticmethod(lambda at, text, *rest: tips.append(text)))
    document, found = window.document, []
    assert document.title == HOSTILE
    window.compare.pin_state()
    document.commit("Move", move_expert(0, 0, 1, layers=range(2)))
    qtbot.waitUntil(lambda: not window.compare.job.is_running, timeout=60_000)
    chosen = (Selection(kind="node", node=0), Selection(kind="gpu", gpu=1), Selection(kind="expert", expert=0))
    for selection in (*chosen, Selection(kind="layer", layer=0), operator_selection(document.evaluation.graph, 0)):
        document.select(selection)
        QApplication.processEvents()
        found += faults_of(window)
    for name in TABS:
        window.workspace.show_tab(name)
        QApplication.processEvents()
        point_everywhere(window, tips)
        found += faults_of(window)
    assert show is not QToolTip.showText
    assert [text for text in tips if read_as_markup(text)] == []
    assert found == []
    assert any("hostile" in text for text in tips), "tooltips do name things of the design"


def test_no_dialog_notice_or_menu_reads_names_from_a_file_as_markup(window: MainWindow, qtbot: QtBot) -> None:
    found: list[str] = []
    boxes: list[QMessageBox] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QMessageBox, "exec", lambda box: boxes.append(box) or QMessageBox.StandardButton.Cancel)
        window.document.commit("Move", move_expert(0, 0, 1, layers=range(2)))
        assert not window.files.may_lose()
        found += [fault for box in boxes for fault in faults_of(box)]
    assert boxes and HOSTILE in boxes[0].text()
    for name in ("palette", "shortcuts", "go_to", "find", "export", "help", "tour"):
        window.actions_by_name[name].trigger()
        QApplication.processEvents()
        for top in QApplication.topLevelWidgets():
            if top.isVisible():
                found += faults_of(top)
            if top is not window:
                top.close()
    for kind in ("disk", "lock", "recovery"):
        window.files.notice.ask(kind, f"{HOSTILE} was changed.", (HOSTILE, lambda: None))
        found += faults_of(window)
    window.toast.say(f"{HOSTILE} was saved.", action="Undo", act=lambda: None)
    assert window.files.places is not None
    save_template(window.files.places.templates, "Hostile", window.document.history.current)
    window.files.show_start()
    QApplication.processEvents()
    found += faults_of(window)
    assert HOSTILE in {label.text() for label in window.files.page.findChildren(QLabel)}
    assert found == []


def test_the_walk_finds_a_label_that_would_read_markup(qapp: QApplication, qtbot: QtBot) -> None:
    label = QLabel(HOSTILE)
    qtbot.addWidget(label)
    assert list(faults_of(label))
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setToolTip(HOSTILE)
    assert len(list(faults_of(label))) == 1
