"""Random use of the real window: whatever is done, nothing breaks, and undoing all gives the first project."""

import random
from collections.abc import Callable

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QDrag, QMouseEvent, QWheelEvent
from PySide6.QtPrintSupport import QPrintDialog
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMessageBox, QPushButton, QToolButton, QWidget
from shiboken6 import isValid

from moe_studio.gui.main_window import MainWindow
from moe_studio.storage.writer import project_text
from tests.gui.conftest import Driver

USUAL, LONG = 1_500, 1_000_000

LEAVES_THE_DESIGN = {"quit", "open", "save", "save_as", "save_as_template", "reload", "start", "compare_file"}
"""Actions that end the session, ask for a file, or show another design."""

WRITES_OR_PRINTS = {"report_pdf", "view_pdf", "print_report", "print_view", "export"}

KEYS = (
    *(Qt.Key(key) for key in range(Qt.Key.Key_A, Qt.Key.Key_Z + 1)),
    *(Qt.Key(key) for key in range(Qt.Key.Key_0, Qt.Key.Key_9 + 1)),
    Qt.Key.Key_Escape,
    Qt.Key.Key_Return,
    Qt.Key.Key_Tab,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Home,
    Qt.Key.Key_BracketLeft,
    Qt.Key.Key_BracketRight,
    Qt.Key.Key_Delete,
)


@pytest.fixture(autouse=True)
def no_dialogs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dialogs that would wait for a person are declined."""
    for name in ("getOpenFileName", "getSaveFileName", "getExistingDirectory"):
        monkeypatch.setattr(QFileDialog, name, staticmethod(lambda *_, **__: ("", "")))
    monkeypatch.setattr(QMessageBox, "exec", lambda _: QMessageBox.StandardButton.Cancel)
    monkeypatch.setattr(QPrintDialog, "exec", lambda _: QPrintDialog.DialogCode.Rejected)
    monkeypatch.setattr(QDrag, "exec", lambda *_: Qt.DropAction.IgnoreAction)


class User:
    """Somebody who does anything at all."""

    def __init__(self, window: MainWindow, seed: int) -> None:
        self.window, self.chance = window, random.Random(seed)
        self.done: list[str] = []
        actions = [
            action
            for name, action in window.actions_by_name.items()
            if name not in LEAVES_THE_DESIGN | WRITES_OR_PRINTS
        ]
        self.deeds: tuple[Callable[[], str], ...] = (
            lambda: self._trigger(self.chance.choice(actions)),
            self._click,
            self._drag,
            self._wheel,
            self._key,
            self._undo_or_redo,
            self._tab,
        )

    def act(self) -> None:
        """Do something, and let the window answer."""
        self.done.append(self.chance.choice(self.deeds)())
        QApplication.processEvents()
        for widget in QApplication.topLevelWidgets():
            if widget is not self.window and widget.isVisible():
                widget.close()

    def _trigger(self, action: QAction) -> str:
        action.trigger()
        return f"action {action.text()}"

    def _target(self) -> QWidget:
        workspace = self.window.workspace
        canvases = [workspace.cluster.viewport(), workspace.dag]
        return self.chance.choice([*canvases, *canvases, *self._any_widgets()])

    def _any_widgets(self) -> list[QWidget]:
        widgets = [widget for widget in self.window.findChildren(QWidget) if widget.isVisible() and not _waits(widget)]
        return self.chance.sample(widgets, min(4, len(widgets)))

    def _point(self, widget: QWidget) -> QPoint:
        return QPoint(self.chance.randrange(max(1, widget.width())), self.chance.randrange(max(1, widget.height())))

    def _click(self) -> str:
        widget = self._target()
        modifier = self.chance.choice([Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier])
        point = self._point(widget)
        for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
            self._mouse(widget, kind, point, modifier)
        return f"click {type(widget).__name__}"

    def _drag(self) -> str:
        widget = self._target()
        modifier = self.chance.choice([Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier])
        points = [self._point(widget) for _ in range(self.chance.randrange(2, 6))]
        self._mouse(widget, QEvent.Type.MouseButtonPress, points[0], modifier)
        for point in points[1:]:
            self._mouse(widget, QEvent.Type.MouseMove, point, modifier)
            QApplication.processEvents()
        if self.chance.random() < 0.2:
            self._press(widget, Qt.Key.Key_Escape)
        self._mouse(widget, QEvent.Type.MouseButtonRelease, points[-1], modifier)
        return f"drag {type(widget).__name__} {points}"

    def _press(self, widget: QWidget, key: Qt.Key) -> None:
        """Press and release; what the key does may close the widget, and the release then goes nowhere."""
        if isValid(widget):
            QTest.keyPress(widget, key)
        if isValid(widget):
            QTest.keyRelease(widget, key)

    def _mouse(self, widget: QWidget, kind: QEvent.Type, point: QPoint, modifier: Qt.KeyboardModifier) -> None:
        if not isValid(widget):
            return
        left = Qt.MouseButton.LeftButton
        buttons = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else left
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else left
        place = QPointF(point)
        event = QMouseEvent(kind, place, QPointF(widget.mapToGlobal(point)), button, buttons, modifier)
        QApplication.sendEvent(widget, event)

    def _wheel(self) -> str:
        widget = self._target()
        point = self._point(widget)
        modifier = self.chance.choice([Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier])
        turn = QPoint(0, self.chance.choice([-480, -120, 120, 480]))
        event = QWheelEvent(
            QPointF(point), QPointF(widget.mapToGlobal(point)), QPoint(), turn, Qt.MouseButton.NoButton, modifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)
        return f"wheel {type(widget).__name__}"

    def _key(self) -> str:
        widget = QApplication.focusWidget() or self.window.workspace.cluster
        if isinstance(widget, QLineEdit) and self.chance.random() < 0.5:
            widget.insert(self.chance.choice(["1", "0", "7", "x", "-", "1e9", "nan"]))
            return "type"
        key = self.chance.choice(KEYS)
        name = f"key {key.name} in {type(widget).__name__}"
        self._press(widget, key)
        return name

    def _undo_or_redo(self) -> str:
        verb = self.chance.choice(["undo", "redo"])
        getattr(self.window, verb)()
        return verb

    def _tab(self) -> str:
        tabs = self.window.workspace.tabs
        tabs.setCurrentIndex(self.chance.randrange(tabs.count()))
        return f"tab {tabs.currentIndex()}"


def _waits(widget: QWidget) -> bool:
    """Whether pressing the widget opens a menu that waits for a choice."""
    return isinstance(widget, QToolButton | QPushButton) and widget.menu() is not None


def survive(window: MainWindow, count: int, seed: int) -> None:
    """Do ``count`` random things; exceptions in slots and paint events fail the test by themselves."""
    before = project_text(window.document.history.entries[0].project)
    user = User(window, seed)
    for _ in range(count):
        user.act()
    document = window.document
    while document.history.undo_label:
        window.edits.undo()
    assert project_text(document.history.current) == before, user.done[-20:]


@pytest.mark.parametrize("seed", range(2))
def test_random_use_breaks_nothing(driver: Driver, seed: int) -> None:
    survive(driver.window, USUAL // 2, seed)


@pytest.mark.long
def test_a_million_random_actions_break_nothing(driver: Driver) -> None:
    survive(driver.window, LONG, 7)
