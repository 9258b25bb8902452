"""The network on the canvas: short bars between neighbouring nodes, with their bandwidth."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.gui.canvas.layout import LINK, Box, ClusterLayout
from moe_studio.gui.canvas.tile import LEFT, READABLE
from moe_studio.gui.theme import Theme, ui_font


class LinkLayer(QGraphicsItem):
    """The links of a layout."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self._layout: ClusterLayout | None = None
        self._text = ""
        self.setZValue(-1.5)

    def show_links(self, layout: ClusterLayout, text: str) -> None:
        """Show the links of a layout; ``text`` is what one of them carries at most."""
        if layout is not self._layout or text != self._text:
            self.prepareGeometryChange()
            self._layout, self._text = layout, text
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.update()

    @override
    def boundingRect(self) -> QRectF:
        if self._layout is None:
            return QRectF()
        box = self._layout.whole
        return QRectF(box.x - 80, box.y - 80, box.width + 160, box.height + 160)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self._layout is None:
            return
        scale = painter.worldTransform().m11()
        pen = QPen(self.theme.family("communication"), 4.0)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        links = self._layout.links
        for box in links:
            (x, y), is_upright = box.center, box.width == LINK
            if is_upright:
                painter.drawLine(QPointF(x, box.y), QPointF(x, box.bottom))
            else:
                painter.drawLine(QPointF(box.x, y), QPointF(box.right, y))
        if links and scale >= READABLE:
            # One label is enough: all links between nodes are alike. It reads best beside an upright one.
            box = next((box for box in links if box.width == LINK and box.height >= LINK), links[0])
            self._paint_label(painter, box)

    def _paint_label(self, painter: QPainter, box: Box) -> None:
        painter.save()
        painter.setPen(self.theme.color("muted"))
        painter.setFont(ui_font(11))
        painter.translate(*box.center)
        if box.width != LINK:
            painter.rotate(-90)
        painter.drawText(QRectF(10, -10, 400, 20), LEFT, self._text)
        painter.restore()
