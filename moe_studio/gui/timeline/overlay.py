"""What changes on the timeline without the picture below: the selection, what the pointer is on, measures."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from moe_studio.document.selection import Selection
from moe_studio.gui.timeline.margin import draw_axis, draw_gutter, draw_measure, draw_path_title
from moe_studio.gui.timeline.paint import AXIS, GUTTER, Canvas

Band = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """``hovered`` and ``chosen`` are places of operators, -1 for none; ``band`` is a range of time, None for none."""

    selected: Sequence[Selection]
    hovered: int
    chosen: int
    band: Band | None
    has_focus: bool


def paint_overlay(painter: QPainter, canvas: Canvas, over: Overlay, rect: QRectF) -> None:
    """Paint it over the picture of ``canvas`` in a view that fills ``rect``."""
    theme = canvas.theme
    draw_axis(painter, canvas)
    gpus = {item.gpu for item in over.selected if item.kind == "gpu"}
    draw_gutter(painter, canvas, gpus=gpus, nodes={item.node for item in over.selected if item.kind == "node"})
    draw_path_title(painter, canvas)
    painter.setClipRect(QRectF(GUTTER, 0, rect.width(), rect.height()))
    if over.hovered >= 0:
        painter.setPen(QPen(theme.color("text"), 1))
        painter.drawRect(canvas.box(over.hovered).intersected(canvas.area))
    if over.chosen >= 0:
        _paint_chosen(painter, canvas, canvas.box(over.chosen))
    if over.band is not None:
        draw_measure(painter, canvas, over.band, rect.height())
    painter.setClipping(False)
    if over.has_focus:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("accent"), 1))
        painter.drawRect(rect.adjusted(0.5, 0.5, -1, -1))


def _paint_chosen(painter: QPainter, canvas: Canvas, box: QRectF) -> None:
    """A frame, and a mark on the axis by which even a small bar is found."""
    line = canvas.theme.color("accent")
    painter.setPen(QPen(line, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(-2, -2, 2, 2))
    painter.fillRect(QRectF(box.left(), AXIS - 4, max(3.0, box.width()), 3), line)
