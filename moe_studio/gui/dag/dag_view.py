"""The operator DAG in lanes, with everything that the pointer and the keys do in it."""

from functools import partial

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.selection import NOTHING, operator_row, operator_selection
from moe_studio.gui.dag.lane_canvas import LaneCanvas
from moe_studio.gui.dag.lane_keys import press
from moe_studio.gui.dag.walk import along, stepped
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.label import plain_tip
from moe_studio.gui.widgets.pan import PanGesture
from moe_studio.units import time_text

ZOOM_STEP = 1.0015


class DagView(LaneCanvas):
    """The lanes with the pointer and the keys.

    Signals:
        entered: an operator was double-clicked; carries its row.
        menu_wanted: a menu about the selection is wanted; carries where, on the screen.
    """

    entered = Signal(int)
    menu_wanted = Signal(QPoint)

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__(document, theme)
        self.setAccessibleName(tr("Operator graph"))
        self.setAccessibleDescription(tr("Arrows go along edges, brackets along the longest path."))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._gesture: PanGesture | None = None

    # Pointer

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.RightButton:
            adds = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self._gesture = PanGesture(self.lane_view, event.position(), partial(self._click, adds=adds))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._gesture is not None:
            self._gesture.move(event.position())

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            gesture.release(event.position())

    def _click(self, point: QPointF, *, adds: bool) -> None:
        row = self.lane_view.row_at(point)
        if row >= 0 and self.shown is not None:
            chosen = operator_selection(self.shown.evaluation.graph, row)
            self.document.choose(chosen, adds=adds)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row = self.lane_view.row_at(event.position())
        if row >= 0:
            self.entered.emit(row)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        if self.shown is None:
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.lane_view.pan(-0.6 * (delta.y() or delta.x()), 0)
        else:
            self.lane_view.zoom(ZOOM_STEP ** delta.y(), event.position())
        event.accept()

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        row = self.lane_view.row_at(QPointF(event.pos()))
        if event.reason() is QContextMenuEvent.Reason.Mouse and row >= 0 and self.shown is not None:
            graph = self.shown.evaluation.graph
            if not self.document.chosen_in(graph).is_single[row]:
                self.document.select(operator_selection(graph, row))
        self.menu_wanted.emit(event.globalPos())

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self.shown is not None:
            row = self.lane_view.row_at(QPointF(event.pos()))
            if row >= 0:
                node = self.labels.node(*self.shown.evaluation.graph.part_of(row))
                text = " · ".join((*node.lines, f"slack {time_text(node.slack_s)}"))
                QToolTip.showText(event.globalPos(), plain_tip(tr(text)), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    # Keys

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.shown is None or not press(self, event):
            super().keyPressEvent(event)

    def step(self, along: int, across: int) -> None:
        """Select a neighbour of the selected operator: along an edge, or above and below; first the path's start."""
        if self.shown is not None:
            row = operator_row(self.shown.evaluation.graph, self.document.selection)
            self._select(stepped(self.shown, row, along, across))

    def enter(self) -> None:
        """Open the view that the selected operator belongs to."""
        row = operator_row(self.shown.evaluation.graph, self.document.selection) if self.shown is not None else -1
        if row >= 0:
            self.entered.emit(row)

    def escape(self) -> bool:
        """End the gesture, else the selection; False if there is neither."""
        if self._gesture is not None:
            self._gesture.escape()
            self._gesture = None
            return True
        was_selected = self.document.selection != NOTHING
        self.document.select(NOTHING)
        return was_selected

    def walk_path(self, step: int) -> None:
        """Select the next or previous operator of the path that is marked beside the longest one, else of that."""
        assert self.shown is not None
        path = self.own_way if len(self.own_way) else self.shown.path
        row = operator_row(self.shown.evaluation.graph, self.document.selection)
        self._select(along(path, row, step))

    def _select(self, row: int) -> None:
        assert self.shown is not None
        self.document.select(operator_selection(self.shown.evaluation.graph, row))
