"""Drawing a small view: boxes around phases and nodes, edges as Graphviz bends them, and the nodes themselves."""

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from moe_studio.export.figure import drawn_lines
from moe_studio.export.layout import Layout, Point
from moe_studio.graph.edge import COMMUNICATION, DATA, KIND_NAMES, ORDER
from moe_studio.gui.dag.coloring import Look
from moe_studio.gui.dag.draw import FADED, PATH_WIDTH, STYLES, draw_lines, draw_mark, draw_shape, face_color
from moe_studio.gui.dag.small_layout import Sizes
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.view.node import ViewEdge, ViewNode

HEAD = 7.0
TITLE_FONT, TEXT_FONT = 11, 10
LEAST_TEXT = 0.45
"""Below this scale nothing can be read, so nothing is written."""

KINDS = {name: number for number, name in enumerate(KIND_NAMES)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Diagram:
    """A small view that has been laid out."""

    nodes: dict[str, ViewNode]
    layout: Layout
    sizes: Sizes

    def box(self, name: str) -> QRectF:
        """The rectangle of a node."""
        (x, y), (width, height) = self.layout.nodes[name], self.sizes[name]
        return QRectF(x - width / 2, y - height / 2, width, height)

    def at(self, point: QPointF) -> ViewNode | None:
        """The node at a point."""
        found = (node for name, node in self.nodes.items() if self.box(name).contains(point))
        return next(found, None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pen:
    """What drawing needs to know about the looks."""

    theme: Theme
    look: Look
    scale: float
    has_path: bool
    has_order: bool


def draw_diagram(painter: QPainter, diagram: Diagram, pen: Pen, seen: QRectF, chosen: set[str]) -> None:
    """Draw what lies in ``seen``; ``chosen`` are ids of selected nodes."""
    for title, depth, left, top, right, bottom in diagram.layout.clusters:
        box = QRectF(left, top, right - left, bottom - top)
        if box.intersects(seen):
            _draw_cluster(painter, pen, title, depth, box)
    for edge, points, place in diagram.layout.edges:
        if edge.kind != KIND_NAMES[ORDER] or pen.has_order:
            _draw_edge(painter, pen, edge, points, seen)
            if place is not None and pen.scale >= LEAST_TEXT:
                _draw_label(painter, pen, edge.label, place)
    for name, node in diagram.nodes.items():
        box = diagram.box(name)
        if box.intersects(seen):
            _draw_node(painter, pen, node, box, is_chosen=name in chosen)


def _draw_cluster(painter: QPainter, pen: Pen, title: str, depth: int, box: QRectF) -> None:
    theme = pen.theme
    painter.setPen(QPen(theme.color("hairline"), 1))
    painter.setBrush(theme.color("raised" if depth % 2 == 0 else "surface"))
    painter.drawRoundedRect(box, 6, 6)
    if pen.scale >= LEAST_TEXT:
        painter.setPen(theme.color("muted"))
        painter.setFont(ui_font(TITLE_FONT, is_bold=True))
        room = int(box.width() - 14)
        text = painter.fontMetrics().elidedText(tr(title), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(box.left() + 8, box.top() + 3, room, 15), Qt.AlignmentFlag.AlignLeft, text)


def edge_path(points: tuple[Point, ...]) -> QPainterPath:
    """The way of an edge, as Graphviz bends it."""
    way = QPainterPath(QPointF(*points[0]))
    *control, tip = points
    if len(control) > 3 and len(control) % 3 == 1:
        for i in range(1, len(control), 3):
            way.cubicTo(*(QPointF(*point) for point in control[i : i + 3]))
        way.lineTo(QPointF(*tip))
    else:
        for point in points[1:]:
            way.lineTo(QPointF(*point))
    return way


def _draw_edge(painter: QPainter, pen: Pen, edge: ViewEdge, points: tuple[Point, ...], seen: QRectF) -> None:
    way = edge_path(points)
    *control, tip = points
    if not way.controlPointRect().adjusted(-2, -2, 2, 2).intersects(seen):
        return
    is_path = edge.on_path and pen.has_path
    kind = KINDS.get(edge.kind, DATA)
    token = pen.theme.family("communication") if kind == COMMUNICATION else pen.theme.color("muted")
    color = pen.theme.color("path") if is_path else token
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, PATH_WIDTH if is_path else 1.1, STYLES[kind]))
    painter.drawPath(way)
    _draw_head(painter, color, control, tip)


def _draw_head(painter: QPainter, color: QColor, control: list[Point], tip: Point) -> None:
    before = next((point for point in reversed(control) if math.dist(point, tip) > 0.5), control[0])
    length = math.dist(before, tip) or 1.0
    dx, dy = (tip[0] - before[0]) / length * HEAD, (tip[1] - before[1]) / length * HEAD
    back = QPointF(tip[0] - dx, tip[1] - dy)
    side = QPointF(-dy * 0.45, dx * 0.45)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF([QPointF(*tip), back + side, back - side]))


def _draw_label(painter: QPainter, pen: Pen, text: str, place: Point) -> None:
    painter.setFont(ui_font(TEXT_FONT))
    width = painter.fontMetrics().horizontalAdvance(text) + 4
    box = QRectF(place[0] - width / 2, place[1] - 7, width, 14)
    painter.fillRect(box, pen.theme.color("surface"))
    painter.setPen(pen.theme.color("muted"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _draw_node(painter: QPainter, pen: Pen, node: ViewNode, box: QRectF, *, is_chosen: bool) -> None:
    theme = pen.theme
    is_path = node.on_path and pen.has_path
    color = node_color(pen, node)
    painter.setOpacity(1.0 if is_chosen or not node.is_operator or pen.look.is_full(node.row) else FADED)
    painter.setPen(QPen(theme.color("path") if is_path else color, PATH_WIDTH if is_path else 1.3))
    painter.setBrush(face_color(theme, color))
    draw_shape(painter, "ellipse" if node.shape == "point" else node.shape, box)
    if is_chosen:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("accent"), 2.0))
        painter.drawRoundedRect(box.adjusted(-3.5, -3.5, 3.5, 3.5), 7, 7)
    if pen.scale >= LEAST_TEXT and node.shape != "point":
        draw_lines(painter, theme, drawn_lines(node), box)
    if is_path and box.width() > 20:
        draw_mark(painter, theme, box)
    painter.setOpacity(1.0)


def node_color(pen: Pen, node: ViewNode) -> QColor:
    """Colour of a node: that of its operator, else of its family."""
    if node.is_operator:
        return pen.look.color(node.row)
    known = node.family in pen.theme.families
    return pen.theme.family(node.family) if known else pen.theme.color("muted")
