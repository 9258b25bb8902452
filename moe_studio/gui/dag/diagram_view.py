"""A small view of the graph on screen: panned, zoomed, clicked and walked by keys."""

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.selection import NOTHING, Selection, operator_selection
from moe_studio.gui.dag.dag_view import ZOOM_STEP, DagView
from moe_studio.gui.dag.diagram import Diagram
from moe_studio.gui.dag.diagram_canvas import DiagramCanvas
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.pan import PanGesture
from moe_studio.view.node import ViewNode


class DiagramView(DiagramCanvas):
    """A small view with the pointer and the keys.

    Signals:
        entered: a node was double-clicked; carries it.
        menu_wanted: a menu about the selection is wanted; carries where, on the screen.
    """

    entered = Signal(object)
    menu_wanted = Signal(QPoint)

    def __init__(self, document: Document, theme: Theme, lanes: DagView) -> None:
        super().__init__(document, theme, lanes)
        self.setAccessibleDescription(tr("Arrows go to the next node, Enter opens it, Backspace leaves."))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._gesture: PanGesture | None = None

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.RightButton:
            adds = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self._gesture = PanGesture(self, event.position(), partial(self._click, adds=adds))

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
        if (node := self._node_at(point)) is not None:
            self._select(node, adds=adds)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        node = self._node_at(event.position())
        if node is not None:
            self.entered.emit(node)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        node = self._node_at(QPointF(event.pos()))
        if event.reason() is QContextMenuEvent.Reason.Mouse and node is not None and node.id not in self.chosen():
            self._select(node)
        self.menu_wanted.emit(event.globalPos())

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        self._zoom(ZOOM_STEP ** event.angleDelta().y(), event.position())
        event.accept()

    def _select(self, node: ViewNode, *, adds: bool = False) -> None:
        graph = self.document.evaluation.graph
        if node.is_operator and node.row < len(graph):
            self.document.choose(operator_selection(graph, node.row), adds=adds)
        elif node.layer >= 0:
            self.document.choose(Selection(kind="layer", layer=node.layer), adds=adds)

    def escape(self) -> bool:
        """End the gesture, else the selection; False if there is neither."""
        if self._gesture is not None:
            self._gesture.escape()
            self._gesture = None
            return True
        was_selected = bool(self.document.selected)
        self.document.select(NOTHING)
        return was_selected

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        ways = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        has_keys = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key in ways and not has_keys:
            self._walk(*ways[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            for name in self.chosen()[:1]:
                self.entered.emit(self.diagram.nodes[name] if self.diagram is not None else None)
        elif key == Qt.Key.Key_F:
            self.frame_selection()
        elif key == Qt.Key.Key_Home:
            self.fit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom_by(1 / 1.25 if key == Qt.Key.Key_Minus else 1.25)
        elif key != Qt.Key.Key_Escape or not self.escape():
            super().keyPressEvent(event)

    def _walk(self, dx: int, dy: int) -> None:
        """Select the nearest node in a direction."""
        if self.diagram is None:
            return
        able = [name for name, node in self.diagram.nodes.items() if node.is_operator or node.layer >= 0]
        current = next(iter(self.chosen()), None)
        name = able[0] if current is None and able else nearest(self.diagram, current, able, dx, dy)
        if name is not None:
            self._select(self.diagram.nodes[name])


def nearest(diagram: Diagram, current: str | None, able: Iterable[str], dx: int, dy: int) -> str | None:
    """The node of ``able`` that lies nearest to ``current`` in a direction; what lies aside counts double."""
    if current is None:
        return None
    x, y = diagram.layout.nodes[current]
    best, least = None, float("inf")
    for name in able:
        other_x, other_y = diagram.layout.nodes[name]
        along = (other_x - x) * dx + (other_y - y) * dy
        aside = abs((other_x - x) * dy) + abs((other_y - y) * dx)
        if along > 1 and along + 2 * aside < least and aside <= 3 * along:
            best, least = name, along + 2 * aside
    return best
