"""A real window on a small design, driven with real events."""

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.gui.app import application
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.theme import LIGHT, apply_theme
from moe_studio.locator import resource
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project


class Driver:
    """A window and the hands to use it."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window = window
        self.qtbot = qtbot
        self.cluster = window.workspace.cluster

    @property
    def document(self) -> Document:
        return self.window.document

    @property
    def latency(self) -> str:
        return self.window.strip.cards["Latency"].value.text()

    def chip_point(self, expert: int, gpu: int | None = None) -> QPoint:
        """The middle of an expert, on ``gpu`` or where it is first."""
        tiles = self.cluster.gpus if gpu is None else [self.cluster.gpus[gpu]]
        rect = next(rect for tile in tiles if (rect := tile.expert_rect(expert)) is not None)
        return self.cluster.mapFromScene(rect.center())

    def gpu_point(self, gpu: int) -> QPoint:
        """A place in the tile where no chip is."""
        box = self.cluster.gpu_rect(gpu)
        return self.cluster.mapFromScene(QPointF(box.right() - 12, box.top() + 14))

    def press(self, point: QPoint) -> None:
        send(self.cluster.viewport(), QEvent.Type.MouseButtonPress, point)

    def move(self, point: QPoint, *, is_copy: bool = False) -> None:
        send(self.cluster.viewport(), QEvent.Type.MouseMove, point, is_copy=is_copy)

    def release(self, point: QPoint) -> None:
        send(self.cluster.viewport(), QEvent.Type.MouseButtonRelease, point)

    def drag(self, expert: int, gpu: int) -> None:
        """Press on an expert and carry it over a GPU, without letting go."""
        start = self.chip_point(expert)
        self.press(start)
        self.move(start + QPoint(20, 0))
        self.move(self.gpu_point(gpu))

    def settle(self) -> None:
        """Wait until the window shows what the document says."""
        self.qtbot.waitUntil(lambda: not self.window.bridge.is_pending and not self.window.workspace.is_busy)


class Paints(QObject):
    """Counts how often what it watches is painted."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() is QEvent.Type.Paint
        return False


def send(widget: QWidget, kind: QEvent.Type, point: QPoint, *, is_copy: bool = False) -> None:
    """Send one mouse event as a window system would."""
    is_move = kind is QEvent.Type.MouseMove
    button = Qt.MouseButton.NoButton if is_move else Qt.MouseButton.LeftButton
    held = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
    keys = Qt.KeyboardModifier.ControlModifier if is_copy else Qt.KeyboardModifier.NoModifier
    where = QPointF(point)
    QApplication.sendEvent(widget, QMouseEvent(kind, where, widget.mapToGlobal(where), button, held, keys))


@pytest.fixture(scope="session")
def example() -> Project:
    return load_project(resource("examples", "seed0-proposed-dp.moe.yaml"))


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    app = application()
    apply_theme(app, LIGHT)
    return app


@pytest.fixture
def driver(qapp: QApplication, qtbot: QtBot, example: Project) -> Driver:
    window = MainWindow(Document(example), theme="light")
    # Closing asks about changes; a test has nothing to lose.
    qtbot.addWidget(window, before_close_func=lambda _: window.set_document(Document(example)))
    window.open_at(QSize(1600, 1000))
    qtbot.waitExposed(window)
    made = Driver(window, qtbot)
    made.settle()
    return made
