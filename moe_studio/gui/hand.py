"""A window and the pointer that uses it, as a program drives them: for measuring how fast the window is.

Everything is done with the events of a real pointer, and a step ends when the last pixel that it changes has been
painted.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QPoint, QPointF, QSize, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from moe_studio.document.document import Document
from moe_studio.gui.app import USUAL_SIZE, application
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.theme import LIGHT, apply_theme

BEAT_MS = 2
"""How often the event loop is asked whether it is alive."""

LAYOUTS = 3
"""Rounds of the event loop until all is painted: layouts ask scenes, which ask for painting."""

PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a step took: ``cpu_s`` is what it costs, ``wall_s`` also holds what other programs took from it."""

    cpu_s: float
    wall_s: float


@dataclass(slots=True)
class Pulse:
    """How long the event loop was deaf, once for each beat of a clock in it."""

    deaf: list[Spent] = field(default_factory=list)


class Hand:
    """A window on one design, and the pointer that uses it."""

    def __init__(self, document: Document, size: QSize = USUAL_SIZE) -> None:
        apply_theme(application(), LIGHT)
        self.window = MainWindow(document, theme="light")
        self.window.open_at(size)
        self.settle()

    def close(self) -> None:
        """Close the window, whatever was changed."""
        self.window.leave()
        self.window.hide()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)

    def settle(self) -> None:
        """Let the event loop run until the window shows, to the last pixel, what its document says."""
        window = self.window
        self.wait(lambda: not window.bridge.is_pending and not window.workspace.is_busy)
        loop = QEventLoop()
        for _ in range(LAYOUTS):
            QCoreApplication.sendPostedEvents()
            loop.processEvents()

    def wait(self, is_done: Callable[[], bool]) -> None:
        """Let the event loop run until something is so."""
        loop, until = QEventLoop(), time.monotonic() + PATIENCE_S
        while not is_done() and time.monotonic() < until:
            loop.processEvents(QEventLoop.ProcessEventsFlag.AllEvents | QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def timed(self, act: Callable[[], object]) -> Spent:
        """How long ``act`` takes with all that it makes the window do."""
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        self.settle()
        return Spent(cpu_s=time.process_time() - cpu, wall_s=time.perf_counter() - wall)

    @contextmanager
    def pulse(self) -> Iterator[Pulse]:
        """Feel the pulse of the event loop as long as something is done."""
        found, timer = Pulse(), QTimer(self.window)
        last = time.perf_counter(), time.thread_time()

        def beat() -> None:
            nonlocal last
            now = time.perf_counter(), time.thread_time()
            found.deaf.append(Spent(cpu_s=now[1] - last[1], wall_s=max(0.0, now[0] - last[0] - BEAT_MS / 1e3)))
            last = now

        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(BEAT_MS)
        timer.timeout.connect(beat)
        timer.start()
        try:
            yield found
            beat()
        finally:
            timer.stop()

    # Gestures

    def carry(self, expert: int, gpus: Sequence[int]) -> list[Spent]:
        """Pick up an expert, carry it over each of ``gpus``, and put it back; how long each step took.

        It is held by turns over a GPU and over the first expert of one, so that all figures change at each step.
        """
        canvas = self.window.workspace.cluster
        port = canvas.viewport()
        tile = next(tile for tile in canvas.gpus if tile.expert_rect(expert) is not None)
        rect = tile.expert_rect(expert)
        assert rect is not None
        start = canvas.mapFromScene(rect.center())
        pointer(port, QEvent.Type.MouseButtonPress, start)
        pointer(port, QEvent.Type.MouseMove, start + QPoint(20, 0))
        # What drops elsewhere would do is found in pauses; here every step has to find out for itself.
        canvas.carry.what_ifs.stop()
        self.settle()
        points = []
        for number, gpu in enumerate(gpu for gpu in gpus if gpu != tile.state.gpu):
            box = canvas.gpu_rect(gpu)
            chip = canvas.gpus[gpu].chip_rect(0).center()
            points.append(canvas.mapFromScene(chip if number % 2 else QPointF(box.right() - 12, box.top() + 14)))
        steps = [self.timed(partial(pointer, port, QEvent.Type.MouseMove, point)) for point in points]
        canvas.escape()
        pointer(port, QEvent.Type.MouseButtonRelease, start)
        self.settle()
        return steps

    def pan(self, view: QWidget, middle: QPoint, steps: int) -> list[Spent]:
        """Pull what ``view`` shows to the left and a little up; how long each step took."""
        pointer(view, QEvent.Type.MouseButtonPress, middle)
        points = [middle + QPoint(-9 * step, -3 * (step % 3)) for step in range(1, steps + 1)]
        spent = [self.timed(partial(pointer, view, QEvent.Type.MouseMove, point)) for point in points]
        pointer(view, QEvent.Type.MouseButtonRelease, points[-1])
        self.settle()
        return spent


def pointer(widget: QWidget, kind: QEvent.Type, point: QPoint) -> None:
    """Send one event of the mouse as a window system would, with the left button."""
    is_move = kind is QEvent.Type.MouseMove
    button = Qt.MouseButton.NoButton if is_move else Qt.MouseButton.LeftButton
    held = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
    where, keys = QPointF(point), Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QMouseEvent(kind, where, widget.mapToGlobal(where), button, held, keys))


def wheel(widget: QWidget, point: QPoint, delta: int, keys: Qt.KeyboardModifier) -> None:
    """Turn the wheel over ``point``; 120 is a notch."""
    where, turn = QPointF(point), QPoint(0, delta)
    button, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(where, widget.mapToGlobal(where), QPoint(), turn, button, keys, phase, False)
    QApplication.sendEvent(widget, event)
