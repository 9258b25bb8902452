"""Names of nodes, or of racks, over a cluster that is seen from so far that its cards cannot carry them."""

import re
from collections.abc import Iterable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.gui.canvas.item import CanvasItem, qrect
from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.gui.canvas.tile import CENTER, TINY
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded
from moe_studio.project.cluster import Cluster

WIDE, HIGH = 24.0, 14.0
"""On screen a card must be so large to carry a number."""

NAMED = 90.0
"""On screen a card must be so wide to carry a whole name."""

_NUMBER = re.compile(r"\d+$")


class FarLabels(CanvasItem):
    """Each name in the middle of what it names, always of the same size on screen."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._layout: ClusterLayout | None = None
        self._nodes: tuple[str, ...] = ()
        self.setZValue(2)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    def show_names(self, cluster: Cluster, layout: ClusterLayout) -> None:
        """Show the names of a layout."""
        names = tuple(node.name.rpartition("/")[2] if layout.racks else node.name for node in cluster.nodes)
        if layout is not self._layout or names != self._nodes:
            self.prepareGeometryChange()
            self._layout, self._nodes = layout, names
            self.update()

    @override
    def boundingRect(self) -> QRectF:
        return QRectF() if self._layout is None else qrect(self._layout.whole)

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        scale = painter.worldTransform().m11()
        if scale >= TINY or self._layout is None:
            return
        painter.setFont(ui_font(round(9 / scale), is_bold=True))
        for name, box in self._named(self._layout, scale):
            width = min(box.width(), painter.fontMetrics().horizontalAdvance(name) + 6 / scale)
            pill = QRectF(box.center().x() - width / 2, box.center().y() - 6 / scale, width, 12 / scale)
            painter.setPen(Qt.PenStyle.NoPen)
            back = self.theme.color("surface").toRgb()
            back.setAlphaF(0.75)
            painter.setBrush(back)
            painter.drawRoundedRect(pill, 4 / scale, 4 / scale)
            painter.setPen(self.theme.color("text"))
            painter.drawText(pill, CENTER, name)

    def _named(self, layout: ClusterLayout, scale: float) -> Iterable[tuple[str, QRectF]]:
        """Nodes where they are large enough, by number where names would cover too much; else racks."""
        nodes = [
            (_short(name, box.width * scale), qrect(box)) for name, box in zip(self._nodes, layout.nodes, strict=True)
        ]
        if all(box.width() * scale >= WIDE and box.height() * scale >= HIGH for _, box in nodes):
            return nodes
        return [(name, qrect(box)) for name, box in layout.racks]


def _short(name: str, width: float) -> str:
    number = _NUMBER.search(name)
    return name if number is None or width >= NAMED else number[0]
