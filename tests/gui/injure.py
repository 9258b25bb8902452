"""Raises an exception in every function of the window that a short use of it runs, one at a time. Run by a test.

A crash in C++ would take the tests with it, so this is a process of its own: it says on a line of its own which
function it injures next, and afterwards whether the window still works.
"""

import os
import random
import sys
from collections.abc import Callable
from types import CodeType, FrameType

from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection
from moe_studio.gui.app import application
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.theme import LIGHT, apply_theme
from moe_studio.gui.workspace import TABS
from moe_studio.project.edit import move_expert
from tests.gui.random_user import little_design

Step = Callable[[], object]
OWN = "moe_studio/gui/"
PAINTS = {"paint", "paintEvent"}
ANSWERS = {"boundingRect", "columnCount", "minimumSizeHint", "rowCount", "shape", "sizeHint"}
"""Questions of Qt that are neither paint nor slot, and whose answers are sizes. PySide 6.11.3 keeps their exceptions
until the call that Qt is in returns, and a second one of them within a change of style ends the process."""
SPARED = ("moe_studio/gui/messages.py",)
"""What reports defects cannot report its own."""


class Patient:
    """A window, what is done with it, and a look whether it still works."""

    def __init__(self) -> None:
        self.app = application()
        apply_theme(self.app, LIGHT)
        self.document = Document(little_design(1))
        self.window = MainWindow(self.document, theme="light")
        self.window.hook.install()
        self.window.open_at(QSize(1240, 760))
        self.settle()
        self.before = self.latency
        self.steps: dict[str, Step] = {
            "edit": lambda: self.document.commit("Move", move_expert(0, 0, 1, layers=range(2))),
            "undo": self.document.undo,
            "redo": self.document.redo,
            "select": lambda: self.document.select(Selection(kind="gpu", gpu=1)),
            "expert": lambda: self.document.select(Selection(kind="expert", expert=1)),
            "drag": self.drag,
            "hover": lambda: self.move(self.window.workspace.cluster.viewport()),
            "wheel": lambda: self.wheel(self.window.workspace.cluster.viewport()),
            "graph": lambda: (self.click(self.window.workspace.dag), self.wheel(self.window.workspace.dag)),
            "size": lambda: self.window.resize(1100, 700),
            "size back": lambda: self.window.resize(1240, 760),
            **{f"tab {name}": lambda name=name: self.tab(name) for name in TABS},
            "path": lambda: self.window.actions_by_name["path_next"].trigger(),
            "keys": self.keys,
            "palette": lambda: self.window.actions_by_name["palette"].trigger(),
            "toast": lambda: self.window.actions_by_name["duplicate"].trigger(),
            "theme": lambda: self.window.actions_by_name["dark"].trigger(),
            "theme back": lambda: self.window.actions_by_name["light"].trigger(),
        }

    @property
    def latency(self) -> str:
        return self.window.strip.cards["Latency"].value.text()

    def settle(self) -> None:
        """Let the window draw and finish what it has put off."""
        for _ in range(3):
            self.app.processEvents()
        for dialog in QApplication.topLevelWidgets():
            if dialog is not self.window and dialog.isVisible():
                dialog.close()
        self.window.repaint()
        self.app.processEvents()

    def do(self, name: str) -> None:
        """One step, with all that the window does about it."""
        self.steps[name]()
        self.settle()

    def drag(self) -> None:
        """Carry an expert over another GPU, and give it up."""
        view = self.window.workspace.cluster
        chip = next(rect for tile in view.gpus if (rect := tile.expert_rect(0)) is not None)
        start, port = view.mapFromScene(chip.center()), view.viewport()
        self.mouse(port, QEvent.Type.MouseButtonPress, start)
        for place in (start + QPoint(15, 0), view.mapFromScene(view.gpu_rect(3).center())):
            self.mouse(port, QEvent.Type.MouseMove, place)
            self.app.processEvents()
        QTest.keyClick(view, Qt.Key.Key_Escape)
        self.mouse(port, QEvent.Type.MouseButtonRelease, start)

    def tab(self, name: str) -> None:
        """Show a tab, point at something in it, and come back."""
        self.window.workspace.show_tab(name)
        self.settle()
        shown = self.window.workspace.tabs.currentWidget()
        target = shown.childAt(shown.rect().center()) or shown
        self.move(target)
        self.click(target)
        self.wheel(target)
        self.settle()
        self.window.workspace.show_tab("breakdown")

    def keys(self) -> None:
        """Some keys on the canvas."""
        for key in (Qt.Key.Key_Right, Qt.Key.Key_Return, Qt.Key.Key_G, Qt.Key.Key_1, Qt.Key.Key_Escape, Qt.Key.Key_F):
            QTest.keyClick(self.window.workspace.cluster, key)

    def click(self, widget: QWidget) -> None:
        self.mouse(widget, QEvent.Type.MouseButtonPress, widget.rect().center())
        self.mouse(widget, QEvent.Type.MouseButtonRelease, widget.rect().center())

    def move(self, widget: QWidget) -> None:
        self.mouse(widget, QEvent.Type.MouseMove, widget.rect().center(), is_held=False)

    def mouse(self, widget: QWidget, kind: QEvent.Type, at: QPoint, *, is_held: bool = True) -> None:
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        held = left if is_held and kind is not QEvent.Type.MouseButtonRelease else none
        button = none if kind is QEvent.Type.MouseMove else left
        place, keys = QPointF(at), Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(widget, QMouseEvent(kind, place, widget.mapToGlobal(place), button, held, keys))

    def wheel(self, widget: QWidget) -> None:
        place = QPointF(widget.rect().center())
        event = QWheelEvent(
            place, widget.mapToGlobal(place), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)

    def is_well(self) -> str:
        """What does not work any more; empty when all does."""
        view = self.window.workspace.cluster
        QTest.keyClick(view, Qt.Key.Key_Escape)
        self.undo_all()
        self.do("edit")
        self.window.workspace.finish()
        if self.latency == self.before:
            return "an edit changes nothing that is shown"
        self.undo_all()
        return "" if self.latency == self.before else f"undone, it shows {self.latency}, not {self.before}"

    def undo_all(self) -> None:
        """Take back every change."""
        while self.document.history.undo_label:
            self.document.undo()
        self.settle()
        self.window.workspace.finish()


def functions_of(patient: Patient) -> dict[CodeType, str]:
    """Functions of the window's own that the steps run, each with the first step that does."""
    found: dict[CodeType, str] = {}
    for name in patient.steps:

        def look(frame: FrameType, event: str, _: object, name: str = name) -> None:
            code = frame.f_code
            if event == "call" and OWN in code.co_filename and not code.co_filename.endswith(SPARED):
                found.setdefault(code, name)

        sys.setprofile(look)
        try:
            patient.do(name)
        finally:
            sys.setprofile(None)
    return {code: step for code, step in found.items() if not code.co_name.startswith("<")}


def injure(patient: Patient, code: CodeType, step: str, line: int) -> bool:
    """Do ``step`` and raise an exception in ``code`` before the ``line``-th line that it runs; whether it got there."""
    left, hit = line, False

    def at_line(_: FrameType, event: str, __: object) -> object:
        nonlocal left, hit
        if event == "line":
            left -= 1
            if left < 0:
                hit = True
                raise ZeroDivisionError(f"injected in {code.co_qualname}")
        return at_line

    def at_call(frame: FrameType, _: str, __: object) -> object:
        return at_line if frame.f_code is code else None

    sys.settrace(at_call)
    try:
        patient.do(step)
    except ZeroDivisionError:
        pass  # raised in what the step calls itself, as a slot would be by Qt
    finally:
        sys.settrace(None)
    return hit


def main() -> None:
    """``seed share``: injure everything that paints, and that share of all other functions."""
    chance, share = random.Random(int(sys.argv[1])), float(sys.argv[2])
    patient = Patient()
    found = functions_of(patient)
    print(f"found {len(found)}", flush=True)
    for code, step in found.items():
        line = chance.choice((0, 0, 1, 3))
        if code.co_name in ANSWERS or (chance.random() > share and code.co_name not in PAINTS):
            continue
        print(f"injure {code.co_filename.partition(OWN)[2]} {code.co_qualname} in {step} line {line}", flush=True)
        hit = injure(patient, code, step, line) or injure(patient, code, step, 0)
        wrong = patient.is_well()
        print(f"{'hit' if hit else 'missed'} {wrong or 'well'}", flush=True)
    patient.window.leave()
    print("end", flush=True)
    # In which order the interpreter lets go of what was injured is not asked here.
    os._exit(0)


if __name__ == "__main__":
    main()
