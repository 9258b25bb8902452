"""Dragging nodes over the canvas, in steps of the grid; letting go makes one step of the history."""

from collections.abc import Collection

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QPainterPath

from moe_studio.document.node_place import STEP, Place, landing
from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.gui.canvas.tile import RADIUS


class NodeDrag:
    """The gesture, from a point of the scene; ``by`` is how far it has come, in columns and rows."""

    def __init__(self, layout: ClusterLayout, nodes: Collection[int], start: QPointF) -> None:
        self.layout = layout
        self.nodes = tuple(sorted(nodes))
        self.by: Place = (0.0, 0.0)
        self._start = start

    def path_at(self, point: QPointF) -> QPainterPath:
        """Follow the pointer: the outlines of the nodes where they would land."""
        pitch, delta = self.layout.pitch, point - self._start
        self.by = (round(delta.x() / pitch[0] / STEP) * STEP, round(delta.y() / pitch[1] / STEP) * STEP)
        spots = landing(self.layout.spots, self.nodes, self.by)
        path = QPainterPath()
        for number in self.nodes:
            box, (column, row) = self.layout.nodes[number], spots[number]
            corner = QPointF(column * pitch[0], row * pitch[1])
            path.addRoundedRect(QRectF(corner, QSizeF(box.width, box.height)), RADIUS + 2, RADIUS + 2)
        return path
