"""How many bytes go where, as lines over the tiles: the thicker, the more."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.gui.canvas.box import Box
from moe_studio.gui.canvas.item import SPARE, CanvasItem, qrect
from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.gui.canvas.tile import CENTER
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded

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


class FlowLayer(CanvasItem):
    """The flows, when there are any."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.flows: tuple[Flow, ...] = ()
        self._bounds = QRectF()
        self.setZValue(3)

    def show_flows(self, layout: ClusterLayout | None, flows: Sequence[Flow]) -> None:
        """Show flows over a layout instead of those before."""
        box = layout.whole if layout is not None and flows else None
        bounds = QRectF() if box is None else qrect(box, SPARE)
        if bounds != self._bounds:
            self.prepareGeometryChange()
            self._bounds = bounds
        if tuple(flows) != self.flows:
            self.flows = tuple(flows)
            self.update()

    @override
    def boundingRect(self) -> QRectF:
        return self._bounds

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        scale = painter.worldTransform().m11()
        grow = min(5.0, 1 / min(1.0, scale))
        lines = [flow for flow in self.flows if flow.start is not flow.end]
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
        for flow in self.flows:
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
