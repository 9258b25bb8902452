"""Dragging nodes over the canvas: a ghost shows where they would snap to, and one commit moves them."""

from collections.abc import Collection

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem, QGraphicsScene

from moe_studio.document.layout_edit import STEP, LayoutChange, Place, landing, move_nodes
from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.gui.canvas.tile import RADIUS
from moe_studio.gui.theme import Theme
from moe_studio.project.project import Project


class NodeDrag:
    """The gesture: it starts at a point of the scene, and counts in steps of the grid."""

    def __init__(self, layout: ClusterLayout, nodes: Collection[int], start: QPointF) -> None:
        self.layout = layout
        self.nodes = tuple(sorted(nodes))
        self.by: Place = (0.0, 0.0)
        self._start = start
        self._ghost: QGraphicsPathItem | None = None

    def move(self, point: QPointF, scene: QGraphicsScene, theme: Theme) -> None:
        """Follow the pointer."""
        delta = point - self._start
        x, y = delta.x() / self.layout.pitch[0], delta.y() / self.layout.pitch[1]
        by = (round(x / STEP) * STEP, round(y / STEP) * STEP)
        if by == self.by and self._ghost is not None:
            return
        self.by = by
        if self._ghost is None:
            self._ghost = ghost(scene, theme)
        path = QPainterPath()
        spots = landing(self.layout.spots, self.nodes, self.by)
        for number in self.nodes:
            box, (column, row) = self.layout.nodes[number], spots[number]
            corner = QPointF(column * self.layout.pitch[0], row * self.layout.pitch[1])
            path.addRoundedRect(QRectF(corner, QSizeF(box.width, box.height)), RADIUS + 2, RADIUS + 2)
        self._ghost.setPath(path)

    def end(self, scene: QGraphicsScene) -> None:
        """Take the ghost away."""
        if self._ghost is not None:
            scene.removeItem(self._ghost)
            self._ghost = None

    def change(self, project: Project) -> LayoutChange | None:
        """What letting go would do."""
        return move_nodes(project, self.nodes, self.by) if any(self.by) else None


def ghost(scene: QGraphicsScene, theme: Theme) -> QGraphicsPathItem:
    """An outline in the accent colour, above everything."""
    item = QGraphicsPathItem()
    pen = QPen(theme.color("accent"), 2, Qt.PenStyle.DashLine)
    pen.setCosmetic(True)
    item.setPen(pen)
    fill = theme.color("accent").toRgb()
    fill.setAlphaF(0.12)
    item.setBrush(fill)
    item.setZValue(6)
    scene.addItem(item)
    return item
