"""Dragging GPUs from node to node."""

from collections.abc import Collection

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath

from moe_studio.document.layout_change import LayoutChange
from moe_studio.document.layout_edit import move_gpus
from moe_studio.gui.canvas.item import qrect
from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.gui.canvas.tile import RADIUS
from moe_studio.gui.text import tr
from moe_studio.project.cluster import Cluster
from moe_studio.project.project import Project


class GpuDrag:
    """The gesture: the node under the pointer gets the GPUs, in one step of the history."""

    rack: str | None = None

    def __init__(self, layout: ClusterLayout, cluster: Cluster, gpus: Collection[int]) -> None:
        self.layout, self.cluster = layout, cluster
        self.gpus = tuple(sorted(gpus))
        self._node = -1
        homes = cluster.node_of_gpu()
        self._homes = {homes[gpu] for gpu in self.gpus}

    def follow(self, point: QPointF, *, is_free: bool) -> None:
        """Go to a point of the scene."""
        del is_free  # a node is met or not
        nodes = enumerate(self.layout.nodes)
        node = next((number for number, box in nodes if box.has(point.x(), point.y())), -1)
        self._node = -1 if self._homes == {node} else node

    def outline(self) -> QPainterPath:
        """The GPUs, or the node that would get them."""
        path = QPainterPath()
        boxes = [self.layout.gpus[gpu] for gpu in self.gpus] if self._node < 0 else [self.layout.nodes[self._node]]
        for box in boxes:
            path.addRoundedRect(qrect(box), RADIUS, RADIUS)
        return path

    def guides(self) -> QPainterPath:
        """None: GPUs stand where their node has room."""
        return QPainterPath()

    @property
    def text(self) -> str:
        """What letting go would do, in words."""
        what = f"GPU {self.gpus[0]}" if len(self.gpus) == 1 else tr("{count} GPUs", count=len(self.gpus))
        if self._node < 0:
            return tr("{what}: drop on another node", what=what)
        return tr("{what} → {node}", what=what, node=self.cluster.node_title(self._node))

    def change(self, project: Project) -> LayoutChange | None:
        """What letting go does; None where no other node is."""
        return None if self._node < 0 else move_gpus(project, self.gpus, self._node)
