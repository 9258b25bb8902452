"""Whatever is done to the canvas, in whatever order: no exception, and undoing everything gives the same project."""

import random

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from moe_studio.document.document import Document
from moe_studio.gui.canvas.menu import canvas_menu
from moe_studio.gui.canvas.panel import ClusterPanel
from moe_studio.gui.theme import LIGHT
from tests.gui.test_canvas import CONTROL, NONE, SHIFT, Bench, design, drop

Key = Qt.Key
KEYS = (
    *(Key.Key_Left, Key.Key_Right, Key.Key_Up, Key.Key_Down, Key.Key_Return, Key.Key_Backspace),
    *(Key.Key_G, Key.Key_S, Key.Key_C, Key.Key_Escape, Key.Key_3, Key.Key_1, Key.Key_F, Key.Key_Home, Key.Key_Control),
)
MODIFIERS = (NONE, NONE, NONE, CONTROL, SHIFT, CONTROL | SHIFT, Qt.KeyboardModifier.AltModifier)
MENUS = ("GPUs", "Align", "Move to node", "Put into a rack", "Bandwidth")
MOST_GPUS = 64


class Monkey:
    """Random hands."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self.bench, self.dice = bench, random.Random(seed)
        self.acts = (
            *[self.press_key] * 8,
            *[self.press_mouse, self.move_mouse, self.move_mouse, self.release_mouse] * 2,
            *(self.undo, self.undo, self.show_layers, self.drop_device, self.remove, self.look, self.menu, self.resize),
            *(self.double_click, self.type_rate),
        )

    def step(self) -> None:
        self.dice.choice(self.acts)()

    @property
    def point(self) -> QPoint:
        port = self.bench.view.viewport()
        return QPoint(self.dice.randrange(port.width()), self.dice.randrange(port.height()))

    @property
    def is_small(self) -> bool:
        return self.bench.document.project.cluster.gpu_count < MOST_GPUS

    def press_key(self) -> None:
        self.bench.key(self.dice.choice(KEYS), self.dice.choice(MODIFIERS))

    def press_mouse(self) -> None:
        self.bench.press(self.point, self.dice.choice(MODIFIERS))

    def move_mouse(self) -> None:
        self.bench.move(self.point, self.dice.choice(MODIFIERS))

    def release_mouse(self) -> None:
        self.bench.release(self.point, self.dice.choice(MODIFIERS))

    def undo(self) -> None:
        document = self.bench.document
        self.dice.choice((document.undo, document.redo))()

    def show_layers(self) -> None:
        self.bench.document.show_layers(self.dice.choice((None, 0, (0, 1), (1, 3), 3)))

    def drop_device(self) -> None:
        if self.is_small:
            drop(self.bench, self.dice.choice(("h200-sxm", "b200")), self.dice.choice((0, 0, 2, 4)), self.point)

    def remove(self) -> None:
        self.bench.view.remove_chosen()

    def look(self) -> None:
        view = self.bench.view
        self.dice.choice((view.toggle_traffic, view.toggle_one_replica, lambda: view.zoom_to(0.1), view.fit))()

    def menu(self) -> None:
        menu = canvas_menu(self.bench.view, QPointF(self.point))
        actions = [action for action in menu.actions() if action.menu() is None and not action.isSeparator()]
        for action in menu.actions():
            if isinstance(inner := action.menu(), QMenu) and action.text() in MENUS:
                actions += [item for item in inner.actions() if item.text() != "72"]
        if actions and self.is_small:
            self.dice.choice(actions).trigger()
        menu.deleteLater()

    def double_click(self) -> None:
        self.bench.mouse(QEvent.Type.MouseButtonDblClick, self.point)

    def type_rate(self) -> None:
        rate = self.bench.view.rate
        if not rate.isVisible():
            racks = [box for _, box in self.bench.view.layout_shown.racks]
            places = [*racks, *(link.box for link in self.bench.view.layout_shown.links)]
            box = self.dice.choice(places or [self.bench.view.layout_shown.whole])
            self.bench.mouse(QEvent.Type.MouseButtonDblClick, self.bench.view.mapFromScene(QPointF(*box.center)))
        if rate.isVisible():
            QTest.keyClicks(rate, self.dice.choice(("25", "400 GB/s", "", "x", "-1", "1e9")))
            QTest.keyClick(rate, self.dice.choice((Key.Key_Return, Key.Key_Escape)))

    def resize(self) -> None:
        self.bench.panel.resize(self.dice.randrange(300, 1200), self.dice.randrange(300, 900))


STRATEGIES = ({}, {"dp": 2, "ep": 4}, {"pp": 2, "ep": 4}, {"tp": 2, "ep": 4, "etp": 2})


def play(qtbot: QtBot, seed: int, steps: int) -> None:
    project = design(experts=(8, 24)[seed % 2], **STRATEGIES[seed % len(STRATEGIES)])
    document = Document(project)
    panel = ClusterPanel(document, LIGHT)
    qtbot.addWidget(panel)
    panel.resize(900, 700)
    panel.show()
    qtbot.waitExposed(panel)
    bench = Bench(panel, document, qtbot)
    monkey = Monkey(bench, seed)
    for number in range(steps):
        monkey.step()
        if number % 20 == 0:
            QApplication.processEvents()
    bench.view.escape()
    while document.history.undo_label:
        document.undo()
    assert document.project is project


@pytest.mark.parametrize("seed", range(4))
def test_random_actions_do_no_harm(qapp: QApplication, qtbot: QtBot, seed: int) -> None:
    play(qtbot, seed, 400)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4, 12))
def test_many_random_actions_do_no_harm(qapp: QApplication, qtbot: QtBot, seed: int) -> None:
    play(qtbot, seed, 10_000)
