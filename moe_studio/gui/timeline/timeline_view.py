"""The schedule by GPU and stream, with everything that the pointer and the keys do in it."""

from functools import partial

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QWheelEvent,
)
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.selection import NOTHING
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.timeline.gesture import Gesture, MeasureGesture, RangeGesture
from moe_studio.gui.timeline.keys import press
from moe_studio.gui.timeline.paint import AXIS, GUTTER, NODE_COLUMN
from moe_studio.gui.timeline.timeline_canvas import TRIANGLE, TimelineCanvas
from moe_studio.gui.widgets.pan import PanGesture

ZOOM_STEP = 1.0015


class TimelineView(TimelineCanvas):
    """The timeline with the pointer and the keys."""

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__(document, theme)
        self.setAccessibleName(tr("Timeline"))
        self.setAccessibleDescription(
            tr(
                "Left and right go along a stream, up and down to other streams, brackets along the longest path. "
                "N folds a node, M measures, F frames the selection, Home shows everything."
            )
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._gesture: Gesture | None = None

    @override
    def set_document(self, document: Document) -> None:
        """Show another document."""
        super().set_document(document)
        self._gesture = None

    # Pointer

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.viewport is None:
            return
        point, is_left = event.position(), event.button() is Qt.MouseButton.LeftButton
        is_inside = is_left and point.x() >= GUTTER
        if is_inside and (self.is_measuring or point.y() < AXIS):
            self._gesture = MeasureGesture(self, point)
        elif is_inside and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._gesture = RangeGesture(self, point)
        elif event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            adds = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self._gesture = PanGesture(self, point, partial(self.click, adds=adds) if is_left else None)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._gesture is not None:
            self._gesture.move(event.position())
        elif self.viewport is not None:
            place = self.viewport.place_at(event.position())
            if place != self._hovered:
                self._hovered = place
                self.update()
            self.read.emit(self.viewport.text_at(event.position()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        gesture, self._gesture = self._gesture, None
        if gesture is not None and self.viewport is not None:
            gesture.release(event.position())

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.viewport is None:
            return
        node = self.viewport.layout.node_at(self.viewport.height_at(event.position()))
        if self.viewport.place_at(event.position()) >= 0:
            self.frame_selection()
        elif TRIANGLE <= event.position().x() < NODE_COLUMN and node >= 0:
            self.fold(node)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()
        self.read.emit("")

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        delta, point, keys = event.angleDelta(), event.position(), event.modifiers()
        if self.viewport is None:
            return
        if keys & Qt.KeyboardModifier.ControlModifier:
            self.viewport.zoom(1.0, ZOOM_STEP ** delta.y(), point)
        elif keys & Qt.KeyboardModifier.ShiftModifier or abs(delta.x()) > abs(delta.y()):
            self.viewport.pan(-0.6 * (delta.x() or delta.y()), 0)
        elif point.x() < GUTTER:
            self.viewport.pan(0, -0.4 * delta.y())
        else:
            self.viewport.zoom(ZOOM_STEP ** delta.y(), 1.0, point)
        event.accept()

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            # M measures here; elsewhere it is the map of the graph.
            event.setAccepted(event.key() == Qt.Key.Key_M and not event.modifiers())
        if not isinstance(event, QNativeGestureEvent) or self.viewport is None:
            return super().event(event)
        if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
            self.viewport.zoom(1.0 + event.value(), 1.0, event.position())
        return True

    # Keys

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.viewport is None or not press(self, event):
            super().keyPressEvent(event)

    def step(self, along: int, across: int) -> None:
        """Select a neighbour of the selected operator; first the start of the longest path."""
        if self.viewport is None:
            return
        shown, place = self.viewport.shown, self._chosen
        if place < 0:
            self._select(int(shown.path[0]))
        else:
            self._select(shown.beside(place, along) if along else shown.across(place, across))

    def page(self, share: float) -> None:
        """Move down by a share of what is seen."""
        if self.viewport is not None:
            self.pan(0, self.viewport.area.height() * share)

    def toggle_measuring(self) -> None:
        """Let dragging measure, or pan."""
        self.set_measuring(not self.is_measuring)

    def fold_chosen(self) -> None:
        """Fold the node of what is selected, or unfold it."""
        if self.viewport is not None:
            self.fold(self.viewport.node_of(self.document.selection))

    def escape(self) -> None:
        """End the gesture, else the measure, else the selection."""
        if self._gesture is not None:
            self._gesture.escape()
            self._gesture = None
        elif self.is_measuring or self.measure is not None:
            self.set_measuring(False)
            self.show_measure(None)
        else:
            self.document.select(NOTHING)
