"""Dragging nodes over the canvas: they snap to the grid and to each other, and go into racks and out of them."""

from collections.abc import Collection, Iterable

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QPainterPath

from moe_studio.document.arrange_edit import move_nodes
from moe_studio.document.layout_change import LayoutChange, node_names
from moe_studio.document.network_edit import move_to_rack
from moe_studio.document.node_place import STEP, Place, landing
from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.gui.canvas.tile import RADIUS
from moe_studio.gui.text import tr
from moe_studio.project.cluster import Cluster
from moe_studio.project.project import Project

FINE = 0.02
"""Without snapping nodes move in steps of this share of a card."""


class NodeDrag:
    """The gesture, from a point of the scene: one step of the history when it ends.

    ``by`` is how far it has come, in columns and rows; ``rack`` the rack that the nodes would get, None for their own.
    """

    def __init__(self, layout: ClusterLayout, cluster: Cluster, nodes: Collection[int], start: QPointF) -> None:
        self.layout, self.cluster = layout, cluster
        self.nodes = tuple(sorted(nodes))
        self.by: Place = (0.0, 0.0)
        self.rack: str | None = None
        self._start = start
        self._spots = list(layout.spots)
        box = next((number for number in self.nodes if layout.nodes[number].has(start.x(), start.y())), self.nodes[0])
        self._held = layout.spots[box]
        self._racks = {cluster.nodes[number].rack for number in self.nodes}
        others = [node.rack for number, node in enumerate(cluster.nodes) if number not in self.nodes]
        self._is_whole_rack = bool(self._racks - {""}) and not self._racks & set(others)

    def follow(self, point: QPointF, *, is_free: bool) -> None:
        """Go to a point of the scene; ``is_free`` of grid and guides."""
        pitch, delta = self.layout.pitch, point - self._start
        way = delta.x() / pitch[0], delta.y() / pitch[1]
        others = [spot for number, spot in enumerate(self.layout.spots) if number not in self.nodes]
        by = [self._snapped(way[axis], self._held[axis], others, axis, is_free=is_free) for axis in (0, 1)]
        self.by = by[0], by[1]
        self._spots = landing(self.layout.spots, self.nodes, self.by)
        rack = self.layout.rack_at(point.x(), point.y())
        self.rack = None if self._is_whole_rack or self._racks == {rack} else rack

    def outline(self) -> QPainterPath:
        """The cards where they would land."""
        path, pitch = QPainterPath(), self.layout.pitch
        for number in self.nodes:
            box, (column, row) = self.layout.nodes[number], self._spots[number]
            corner = QPointF(column * pitch[0], row * pitch[1])
            path.addRoundedRect(QRectF(corner, QSizeF(box.width, box.height)), RADIUS + 2, RADIUS + 2)
        return path

    def guides(self) -> QPainterPath:
        """Lines along the edges that the nodes would share with others."""
        path, pitch = QPainterPath(), self.layout.pitch
        for axis in (0, 1):
            for value in sorted({self._spots[number][axis] for number in self.nodes}):
                mates = [number for number, spot in enumerate(self._spots) if abs(spot[axis] - value) < FINE / 2]
                if all(number in self.nodes for number in mates):
                    continue
                low = min(self._spots[number][1 - axis] for number in mates) * pitch[1 - axis] - 12
                sizes = [(self.layout.nodes[number].height, self.layout.nodes[number].width)[axis] for number in mates]
                ends = (self._spots[number][1 - axis] * pitch[1 - axis] for number in mates)
                high = max(end + size for end, size in zip(ends, sizes, strict=True)) + 12
                at = value * pitch[axis]
                path.moveTo(QPointF(at, low) if axis == 0 else QPointF(low, at))
                path.lineTo(QPointF(at, high) if axis == 0 else QPointF(high, at))
        return path

    @property
    def text(self) -> str:
        """What letting go would do, in words."""
        what = node_names(self.cluster, self.nodes)
        if self.rack:
            return tr("{nodes} → {rack}", nodes=what, rack=self.rack)
        if self.rack == "":
            return tr("{nodes} out of the rack", nodes=what)
        return tr("{nodes} → column {column}, row {row}", nodes=what, **self._place)

    def change(self, project: Project) -> LayoutChange | None:
        """What letting go does; None when nothing has moved."""
        if self.rack is None:
            return move_nodes(project, self.nodes, self.by) if any(self.by) else None
        moved = move_nodes(project, self.nodes, self.by).edit(project) if any(self.by) else project
        return move_to_rack(moved, self.nodes, self.rack)

    @property
    def _place(self) -> dict[str, str]:
        column, row = self._spots[self.nodes[0]]
        return {"column": f"{column + 1:g}", "row": f"{row + 1:g}"}

    @staticmethod
    def _snapped(way: float, held: float, others: Iterable[Place], axis: int, *, is_free: bool) -> float:
        """How far to go along an axis: to the nearest line of the grid or of another card."""
        wanted = held + way
        if is_free:
            return round(round(wanted / FINE) * FINE - held, 3)
        lines = [round(wanted / STEP) * STEP, *(spot[axis] for spot in others)]
        return round(min(lines, key=lambda line: abs(line - wanted)) - held, 3)
