"""The network on the canvas: bars between neighbouring nodes and racks, with their bandwidth."""

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.document.network_edit import tier_title
from moe_studio.gui.canvas.item import SPARE, CanvasItem, qrect
from moe_studio.gui.canvas.layout import LINK, ClusterLayout, LinkBar
from moe_studio.gui.canvas.tile import LEFT, READABLE
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded
from moe_studio.project.cluster import Cluster

WIDTHS = {"rack": 3.0, "inter": 5.0}


class LinkLayer(CanvasItem):
    """The links of a layout; the tier that is selected stands out."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._layout: ClusterLayout | None = None
        self._texts: Mapping[str, str] = {}
        self._chosen = ""
        self.setZValue(-1.5)

    def show_links(self, layout: ClusterLayout, texts: Mapping[str, str], chosen: str) -> None:
        """Show the links of a layout; ``texts`` say what those of each tier carry."""
        if layout is not self._layout or texts != self._texts or chosen != self._chosen:
            self.prepareGeometryChange()
            self._layout, self._texts, self._chosen = layout, texts, chosen
            self.update()

    @override
    def boundingRect(self) -> QRectF:
        return QRectF() if self._layout is None else qrect(self._layout.whole, SPARE)

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self._layout is None:
            return
        scale = painter.worldTransform().m11()
        for link in self._layout.links:
            color = self.theme.color("accent") if link.tier == self._chosen else self.theme.family("communication")
            pen = QPen(color, WIDTHS[link.tier])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            box, (x, y) = link.box, link.box.center
            if link.is_upright:
                painter.drawLine(QPointF(x, box.y), QPointF(x, box.bottom))
            else:
                painter.drawLine(QPointF(box.x, y), QPointF(box.right, y))
        if scale >= READABLE:
            # What the links of racks carry stands in their heads.
            self._paint_label(painter, "inter", self._texts.get("inter", ""), self._layout)

    def _paint_label(self, painter: QPainter, tier: str, text: str, layout: ClusterLayout) -> None:
        """One label is enough: all links of a tier are alike. It reads best beside an upright one."""
        link = labelled(layout, tier)
        if link is None:
            return
        painter.save()
        painter.setPen(self.theme.color("muted"))
        painter.setFont(ui_font(12))
        painter.translate(*link.box.center)
        if not link.is_upright:
            painter.rotate(-90)
        painter.drawText(QRectF(10, -10, 400, 20), LEFT, text)
        painter.restore()


def labelled(layout: ClusterLayout, tier: str) -> LinkBar | None:
    """The link that carries the label of its tier; None where there is none."""
    links = [link for link in layout.links if link.tier == tier]
    return next((link for link in links if link.is_upright and link.box.height >= LINK), links[0] if links else None)


def link_texts(cluster: Cluster) -> dict[str, str]:
    """What the links of each tier beyond the node carry: ``50 GB/s between racks, 2:1``."""
    texts = {}
    for tier in ("rack", "inter"):
        link = getattr(cluster.links, tier)
        if link is not None:
            share = f", {link.oversubscription:g}:1" if link.oversubscription > 1 else ""
            texts[tier] = f"{link.gb_s:g} GB/s {tr(tier_title(cluster, tier))}{share}"
    return texts
