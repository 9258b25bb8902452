"""How fast the window is with one design open: steps of a drag, panning, zooming, and how long it is ever deaf."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt

from moe_studio.document.document import Document
from moe_studio.gui.app import spare_collector
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.hand import Hand, Pulse, Spent, wheel
from moe_studio.gui.timeline.timeline_view import TimelineView
from moe_studio.project.edit import move_expert

TABS = ("breakdown", "timeline", "memory", "load", "roofline", "traffic")
"""Tabs of the evidence that follow a drag."""

EXPERTS = (5, 9)
"""What is carried: the first expert gets everything into memory, the second is measured."""

NOTCHES = 240
"""Turn of the wheel from one level of zoom to the next."""

MOST_LEVELS, PANS = 80, 4
CONTROL, PLAIN = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier

Steps = list[Spent]


def drags(hand: Hand, steps: int) -> Iterator[tuple[str, Steps]]:
    """One step of carrying an expert of all layers, with each tab of the evidence in view."""
    workspace = hand.window.workspace
    gpus = range(hand.window.document.project.cluster.gpu_count)
    for tab in TABS:
        workspace.show_tab(tab)
        hand.settle()
        hand.carry(EXPERTS[0], gpus[:4])
        yield f"drag_{tab}", hand.carry(EXPERTS[1], gpus[4 : steps + 4])
    workspace.show_tab(TABS[0])
    hand.settle()


def travels(hand: Hand) -> Iterator[tuple[str, list[Steps]]]:
    """Zooming and panning from the whole design to one operator, by level of zoom."""
    workspace = hand.window.workspace
    # Nothing is tried while a real button is held, which the window cannot know of this hand.
    _let_follow(hand)
    for columns in ("level", "time"):
        workspace.dag.set_columns("time" if columns == "time" else "level")
        yield from _travel(hand, f"graph_{columns}", workspace.dag, PLAIN, lambda: _is_one_in_graph(workspace.dag))
    workspace.dag.set_columns("level")
    workspace.show_tab("timeline")
    hand.settle()
    view = workspace.timeline.view
    yield from _travel(hand, "timeline", view, PLAIN, lambda: _is_one_on_timeline(view))
    yield from _travel(hand, "timeline_lanes", view, CONTROL, lambda: False)
    workspace.show_tab(TABS[0])
    hand.settle()


def _travel(
    hand: Hand, name: str, view: DagView | TimelineView, keys: Qt.KeyboardModifier, is_one: Callable[[], bool]
) -> Iterator[tuple[str, list[Steps]]]:
    """Zoom at the same point until one operator fills the view or nothing changes any more, panning at each level."""
    view.fit()
    hand.settle()
    middle = QPoint(view.width() * 5 // 9, view.height() // 2)
    zooms, pans = [], [hand.pan(view, middle, PANS)]
    for _ in range(MOST_LEVELS):
        before = _camera(view)
        zooms.append([hand.timed(lambda: wheel(view, middle, NOTCHES, keys))])
        if _camera(view) == before or is_one():
            break
        pans.append(hand.pan(view, middle, PANS))
    yield f"zoom_{name}", zooms
    yield f"pan_{name}", pans
    view.fit()
    hand.settle()


def _camera(view: DagView | TimelineView) -> object:
    if isinstance(view, DagView):
        return view.camera
    return view.viewport.camera if view.viewport is not None else None


def _is_one_in_graph(view: DagView) -> bool:
    """Whether a usual operator is as wide as the view."""
    if view.shown is None:
        return True
    usual = float(np.median(view.shown.right - view.shown.left))
    return usual * view.camera.scale_x >= view.width()


def _is_one_on_timeline(view: TimelineView) -> bool:
    if view.viewport is None:
        return True
    usual = float(np.median(view.viewport.shown.finish - view.viewport.shown.start))
    return usual * view.viewport.camera.scale_x >= view.width()


def pulses(hand: Hand, path: Path, other: Path) -> Iterator[tuple[str, Pulse]]:
    """How long the event loop is deaf while the design at ``path`` is opened, exported, laid out, and compared."""
    window, workspace = hand.window, hand.window.workspace
    window.files.open_path(other)
    hand.settle()
    with hand.pulse() as found:
        window.files.open_path(path)
        _let_follow(hand)
    yield "deaf_while_opening", found
    with tempfile.TemporaryDirectory() as folder:
        yield "deaf_while_exporting", _exporting(hand, Path(folder))
    with hand.pulse() as found:
        for name in ("layer", "routing", "attention", "critical", "overview"):
            workspace.graph.show_view(name)
            hand.wait(lambda: not workspace.graph.diagram.job.is_running)
            hand.settle()
    yield "deaf_while_laying_out", found
    workspace.graph.show_view("full")
    with hand.pulse() as found:
        workspace.show_tab("compare")
        workspace.compare.pin_state()
        document, layers = window.document, range(window.document.project.model.layer_count)
        moe = [layer for layer in layers if document.project.model.layers[layer].ffn.is_moe]
        document.commit("Move", move_expert(EXPERTS[0], EXPERTS[0], EXPERTS[1], layers=moe))
        hand.settle()
        hand.wait(lambda: not workspace.compare.job.is_running and workspace.compare.shown is not None)
        _let_follow(hand)
    yield "deaf_while_comparing", found
    document.undo()
    hand.settle()


def _exporting(hand: Hand, folder: Path) -> Pulse:
    """From the dialog with its preview to the file of the whole graph."""
    window = hand.window
    with hand.pulse() as found:
        window.exports.show()
        dialog = window.exports.dialog
        assert dialog is not None
        dialog.choose("full", ".dot")
        hand.settle()
        dialog.path.setText(str(folder / "full.dot"))
        dialog.export()
        hand.wait(lambda: not dialog.writer.is_running)
        hand.settle()
    window.exports.end()
    return found


def _let_follow(hand: Hand) -> None:
    """Wait for what comes after a pause: the sentences on why."""
    hand.settle()
    hand.wait(lambda: not hand.window.workspace.breakdown.why.is_pending)
    hand.settle()


def opened(path: Path) -> Hand:
    """A window on the design at ``path``, as the program opens it."""
    made = Hand(Document.load(path))
    spare_collector()
    return made
