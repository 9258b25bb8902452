"""What charts draw: rectangles of few colours and lines of text, each as one light item of the scene."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QTransform
from PySide6.QtWidgets import QGraphicsItem, QGraphicsSimpleTextItem, QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.graph.column import FloatArray
from moe_studio.gui.theme import ui_font
from moe_studio.gui.widgets.guard import guarded

Rects = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Left ends, lower ends, widths and heights."""

MARGIN = 4.0
"""Pixels between a place and the text beside it."""


class BarItem(QGraphicsItem):
    """Rectangles in the plot's own units. Given the same ones again it draws nothing anew."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[tuple[QColor, list[QRectF]]] = []
        self._known: list[tuple[QColor, bytes]] = []
        self._bounds = QRectF()

    def show_bars(self, groups: Sequence[tuple[QColor, Rects]]) -> None:
        """Show rectangles, each group in its colour."""
        known = [(color, np.stack(rects).tobytes()) for color, rects in groups]
        if known == self._known:
            return
        self._known = known
        self.groups = [
            (color, [QRectF(*rect) for rect in zip(*(side.tolist() for side in rects), strict=True)])
            for color, rects in groups
        ]
        bounds = _around([rects for _, rects in groups])
        if not self._bounds.contains(bounds):
            self.prepareGeometryChange()
            self._bounds = bounds
        self.update()

    @override
    def boundingRect(self) -> QRectF:
        return self._bounds

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for color, rects in self.groups:
            painter.setBrush(color)
            painter.drawRects(rects)


def _around(groups: Sequence[Rects]) -> QRectF:
    """The rectangle around all others."""
    filled = [rects for rects in groups if len(rects[0])]
    if not filled:
        return QRectF()
    left, low = (min(float(rects[side].min()) for rects in filled) for side in (0, 1))
    right, high = (max(float((rects[side] + rects[side + 2]).max()) for rects in filled) for side in (0, 1))
    return QRectF(left, low, right - left, high - low)


class TextItem(QGraphicsSimpleTextItem):
    """A line of text beside a place, as large at any scale of the plot."""

    def __init__(self, plot: pg.PlotWidget) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setFont(ui_font(11))
        plot.addItem(self, ignoreBounds=True)

    def show_text(self, text: str, color: QColor, x: float, y: float, *, is_left: bool = False) -> None:
        """Show ``text`` at the right of a place, or at its left."""
        if text != self.text():
            self.setText(text)
        self.setBrush(color)
        box = self.boundingRect()
        aside = -box.width() - MARGIN if is_left else MARGIN
        self.setTransform(QTransform.fromTranslate(aside, -box.height() / 2))
        self.setPos(x, y)
