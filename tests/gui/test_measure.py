"""Measuring the window: a step is all that a move of the pointer makes it do, and deafness is felt."""

import time
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QApplication

from moe_studio.document.document import Document
from moe_studio.gui.hand import Hand, Spent, wheel
from moe_studio.gui.measure import PLAIN
from moe_studio.project.project import Project
from tests.gui.conftest import Paints


@pytest.fixture(scope="module")
def hand(qapp: QApplication, example: Project) -> Iterator[Hand]:
    made = Hand(Document(example))
    yield made
    made.close()


def test_a_step_of_a_drag_ends_when_all_is_painted_and_changes_nothing(hand: Hand, qapp: QApplication) -> None:
    before, paints = hand.window.document.project, Paints()
    qapp.installEventFilter(paints)
    steps = hand.carry(5, range(8, 14))
    assert paints.count > len(steps) == 6
    done = paints.count
    hand.settle()
    assert paints.count == done
    qapp.removeEventFilter(paints)
    assert all(step.cpu_s > 0 for step in steps)
    assert hand.window.document.project is before


def test_each_step_shows_the_drop_at_the_pointer(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    timed = hand.timed

    def watched(act: Callable[[], object]) -> Spent:
        spent = timed(act)
        shown.append(hand.window.strip.cards["Latency"].value.text())
        return spent

    monkeypatch.setattr(hand, "timed", watched)
    hand.carry(5, range(8, 14))
    # By turns two experts share a GPU, which takes longer, or change places, which does not.
    assert len({*shown[::2]}) == len({*shown[1::2]}) == 1
    assert shown[0] != shown[1]


def test_panning_and_turning_the_wheel_move_the_graph(hand: Hand) -> None:
    dag = hand.window.workspace.dag
    dag.zoom_by(4)
    hand.settle()
    start, middle = dag.camera, QPoint(dag.width() // 2, dag.height() // 2)
    assert len(hand.pan(dag, middle, 3)) == 3
    assert dag.camera.x > start.x
    hand.timed(lambda: wheel(dag, middle, 240, PLAIN))
    assert dag.camera.scale_x > start.scale_x


def test_the_pulse_tells_how_long_the_event_loop_was_deaf(hand: Hand) -> None:
    def be_busy() -> None:
        until = time.perf_counter() + 0.06
        while time.perf_counter() < until:
            pass

    with hand.pulse() as found:
        QTimer.singleShot(0, be_busy)
        hand.wait(lambda: len(found.deaf) > 3)
    assert max(step.wall_s for step in found.deaf) > 0.05
