"""The network on the canvas: links between nodes, and how many bytes go over them."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.gui.canvas.layout import LINK, Box, ClusterLayout
from moe_studio.gui.canvas.tile import CENTER, READABLE
from moe_studio.gui.theme import Theme, ui_font

THICKEST = 12.0
FAINT = 0.02
"""Flows below this share of the largest are left out."""

MOST_FLOWS = 90


@dataclass(frozen=True, slots=True)
class Flow:
    """Bytes between two places, both ways together; ``share`` is that of the largest flow.

    One that ends where it starts stands for all that a place exchanges.
    """

    start: Box
    end: Box
    share: float
    text: str = ""


class LinkLayer(QGraphicsItem):
    """Short bars between neighbouring nodes, with their bandwidth; over the tiles the flows, when they are shown."""

    def __init__(self, theme: Theme, *, is_above: bool) -> None:
        super().__init__()
        self.theme = theme
        self._is_above = is_above
        self._layout: ClusterLayout | None = None
        self._text = ""
        self._flows: tuple[Flow, ...] = ()
        self.setZValue(3 if is_above else -1.5)

    def show_links(self, layout: ClusterLayout, text: str) -> None:
        """Show the links of a layout; ``text`` is what one of them carries at most."""
        if layout is not self._layout or text != self._text:
            self.prepareGeometryChange()
            self._layout, self._text = layout, text
            self.update()

    def show_flows(self, flows: Sequence[Flow]) -> None:
        """Show flows instead of those before."""
        if tuple(flows) != self._flows:
            self._flows = tuple(flows)
            self.update()

    @property
    def flows(self) -> tuple[Flow, ...]:
        """The flows that are shown."""
        return self._flows

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.update()

    @override
    def boundingRect(self) -> QRectF:
        if self._layout is None or (self._is_above and not self._flows):
            return QRectF()
        box = self._layout.whole
        return QRectF(box.x - 80, box.y - 80, box.width + 160, box.height + 160)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self._is_above:
            self._paint_flows(painter)
        elif self._layout is not None:
            self._paint_links(painter, self._layout)

    def _paint_links(self, painter: QPainter, layout: ClusterLayout) -> None:
        scale = painter.worldTransform().m11()
        pen = QPen(self.theme.family("communication"), 4.0)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        links = layout.links
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
        painter.drawText(QRectF(10, -10, 400, 20), LEFT_MIDDLE, self._text)
        painter.restore()

    def _paint_flows(self, painter: QPainter) -> None:
        scale = painter.worldTransform().m11()
        grow = min(5.0, 1 / min(1.0, scale))
        lines = [flow for flow in self._flows if flow.start is not flow.end]
        # Many flows are drawn thinner, so that what lies under them can still be read.
        most = THICKEST * min(1.0, 4 / max(1, len(lines))) ** 0.5
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for flow in lines:
            color = QColor(self.theme.family("communication"))
            color.setAlphaF(0.3 + 0.35 * flow.share)
            pen = QPen(color, max(1.2, most * flow.share) * grow)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPath(_curve(flow))
        painter.setFont(ui_font(round((11 if lines else 9) * grow), is_bold=True))
        taken: list[QRectF] = []
        for flow in self._flows:
            if flow.text:
                self._paint_pill(painter, flow, grow, taken)

    def _paint_pill(self, painter: QPainter, flow: Flow, grow: float, taken: list[QRectF]) -> None:
        """The bytes of a flow in its middle, or those of a place in its head; not over another."""
        metrics = painter.fontMetrics()
        width, height = metrics.horizontalAdvance(flow.text) + 14.0 * grow, metrics.height() + 4.0 * grow
        middle = _curve(flow).pointAtPercent(0.5)
        if flow.start is flow.end:
            middle = QPointF(flow.start.right - width / 2 - 4, flow.start.y + height / 2 + 2)
        pill = QRectF(middle.x() - width / 2, middle.y() - height / 2, width, height)
        if any(pill.intersects(other) for other in taken):
            return
        taken.append(pill)
        painter.setPen(QPen(self.theme.family("communication"), grow * (1 + flow.share)))
        painter.setBrush(self.theme.color("surface"))
        painter.drawRoundedRect(pill, height / 2, height / 2)
        painter.setPen(self.theme.color("text"))
        painter.drawText(pill, CENTER, flow.text)


LEFT_MIDDLE = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def _curve(flow: Flow) -> QPainterPath:
    """From middle to middle, bent so that flows along one line can be told apart."""
    start, end = QPointF(*flow.start.center), QPointF(*flow.end.center)
    along = end - start
    length = max(1.0, (along.x() ** 2 + along.y() ** 2) ** 0.5)
    unit = min(flow.start.width, flow.end.width)
    bend = 0.0 if length < 1.6 * unit else 0.12 * length
    path = QPainterPath(start)
    path.quadTo((start + end) / 2 + QPointF(-along.y(), along.x()) / length * bend, end)
    return path
