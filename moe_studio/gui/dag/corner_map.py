"""The map of a small view: in its corner, while not all of the view is seen."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QWidget

from moe_studio.graph.edge import KIND_NAMES, ORDER
from moe_studio.gui.dag.diagram import Diagram, Pen, edge_path, node_color
from moe_studio.gui.dag.mini_map import MapScene, MiniMap

SHARE, MOST_WIDTH, MOST_HEIGHT, LEAST, GAP = 0.28, 220.0, 130.0, 28.0, 8
"""Share of the view that the map takes at most across and down, its greatest and least sides in pixels, and its gap."""

LEAST_NODE = 2.0
"""Side of a node in pixels below which it would not be seen."""

FADED = 0.25


class CornerMap(MiniMap):
    """A map as large as suits the view, at its lower right; hidden while there is nothing to find by it."""

    def __init__(self, parent: QWidget, scene: Callable[[], MapScene | None]) -> None:
        super().__init__(parent, scene)
        self.hide()

    def arrange(self, scene: MapScene | None, room: QSize, *, is_wanted: bool) -> None:
        """Take the corner of a view of this size if there is something out of sight."""
        is_needed = scene is not None and not _is_all_seen(scene)
        box = corner(scene.whole, room) if scene is not None and is_wanted and is_needed else None
        if box is not None:
            self.setGeometry(box)
            self.update()
        self.setVisible(box is not None)

    def covers(self, box: QRectF) -> bool:
        """Whether something in the view is, at least in part, under the map."""
        return not self.isHidden() and box.intersects(QRectF(self.geometry()))


def _is_all_seen(scene: MapScene) -> bool:
    # Fitting is arithmetic on floats: a view that just holds everything may miss it by a rounding.
    return scene.seen.adjusted(-0.5, -0.5, 0.5, 0.5).contains(QRectF(QPointF(), scene.whole))


def corner(whole: QSizeF, room: QSize) -> QRect | None:
    """Where the map of a drawing belongs in a view, None where it would take too much of it."""
    most_x, most_y = min(MOST_WIDTH, SHARE * room.width()), min(MOST_HEIGHT, SHARE * room.height())
    if min(most_x, most_y) < LEAST:
        return None
    scale = min(most_x / whole.width(), most_y / whole.height())
    # What is very long or very high is drawn a little thicker, or the pointer could not hit it.
    width, height = round(max(LEAST, whole.width() * scale)), round(max(LEAST, whole.height() * scale))
    return QRect(room.width() - width - GAP, room.height() - height - GAP, width, height)


def in_small(diagram: Diagram, pen: Pen, seen: QRectF) -> MapScene:
    """All of a small view."""
    layout = diagram.layout

    def picture(width: int, height: int) -> QImage:
        return _image(diagram, pen, width, height)

    return MapScene(theme=pen.theme, whole=QSizeF(layout.width, layout.height), seen=seen, picture=picture)


def _image(diagram: Diagram, pen: Pen, width: int, height: int) -> QImage:
    """Boxes, edges and nodes in the colours they have in the view; the longest path is on top."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(pen.theme.color("surface"))
    scale_x, scale_y = width / diagram.layout.width, height / diagram.layout.height
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(scale_x, scale_y)
    for _, depth, left, top, right, bottom in diagram.layout.clusters:
        ground = pen.theme.color("raised" if depth % 2 == 0 else "surface")
        painter.fillRect(QRectF(left, top, right - left, bottom - top), ground)
    _draw_edges(painter, diagram, pen)
    _draw_nodes(painter, diagram, pen, QSizeF(LEAST_NODE / scale_x, LEAST_NODE / scale_y))
    painter.end()
    return image


def _draw_edges(painter: QPainter, diagram: Diagram, pen: Pen) -> None:
    path, other = QColor(pen.theme.color("path")), QColor(pen.theme.color("muted"))
    other.setAlphaF(0.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for edge, points, _ in sorted(diagram.layout.edges, key=lambda item: item[0].on_path):
        if edge.kind != KIND_NAMES[ORDER] or pen.has_order:
            # A width of zero is one pixel at any scale.
            painter.setPen(QPen(path if edge.on_path and pen.has_path else other, 0))
            painter.drawPath(edge_path(points))


def _draw_nodes(painter: QPainter, diagram: Diagram, pen: Pen, least: QSizeF) -> None:
    for name, node in sorted(diagram.nodes.items(), key=lambda item: item[1].on_path):
        box = diagram.box(name)
        side_x, side_y = max(0.0, least.width() - box.width()) / 2, max(0.0, least.height() - box.height()) / 2
        color = pen.theme.color("path") if node.on_path and pen.has_path else node_color(pen, node)
        painter.setOpacity(1.0 if not node.is_operator or pen.look.is_full(node.row) else FADED)
        painter.fillRect(box.adjusted(-side_x, -side_y, side_x, side_y), color)
