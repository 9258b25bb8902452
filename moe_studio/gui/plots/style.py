"""How plots look: no frames, no ticks, the window's font; and how drawn items are marked."""

from typing import TypeVar

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QGraphicsPathItem, QGraphicsRectItem

from moe_studio.graph.operator import OP_KINDS, OP_NUMBER
from moe_studio.gui.theme import Theme, ui_font

Ticks = list[tuple[float, str]]
Item = TypeVar("Item", QGraphicsRectItem, QGraphicsPathItem)


def make_plot(name: str) -> pg.PlotWidget:
    """A plot that neither moves nor takes the focus: the chart around it does."""
    plot = pg.PlotWidget(background=None, enableMenu=False)
    plot.setAccessibleName(name)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
    plot.setMouseEnabled(x=False, y=False)
    plot.hideButtons()
    plot.getViewBox().disableAutoRange()
    for axis in ("left", "bottom"):
        plot.getAxis(axis).setStyle(
            tickLength=0, tickFont=ui_font(11), autoReduceTextSpace=False, hideOverlappingLabels=False
        )
        plot.getAxis(axis).setPen(None)
        plot.getAxis(axis).setTickPen(None)
    return plot


def leave_margin(plot: pg.PlotWidget, *, top: int = 1) -> None:
    """Leave room for the halves of numbers that stand out at the sides, and for those above."""
    plot.getPlotItem().layout.setContentsMargins(4, top, 16, 1)


def tint(plot: pg.PlotWidget, theme: Theme, *, strong: str) -> None:
    """Give the axes the colours of ``theme``; the ``strong`` one names things."""
    for axis in ("left", "bottom"):
        plot.getAxis(axis).setTextPen(theme.text if axis == strong else theme.muted)


def make_frame(plot: pg.PlotWidget) -> QGraphicsRectItem:
    """A frame around one item of a plot, not yet shown."""
    return _on_top(plot, QGraphicsRectItem())


def make_marks(plot: pg.PlotWidget) -> QGraphicsPathItem:
    """Frames around several items of a plot, not yet shown."""
    return _on_top(plot, QGraphicsPathItem())


def _on_top(plot: pg.PlotWidget, item: Item) -> Item:
    item.setZValue(50)
    item.setVisible(False)
    plot.addItem(item, ignoreBounds=True)
    return item


def frame_pen(color: QColor, width: float) -> QPen:
    """A pen of so many pixels at any scale."""
    pen = QPen(color, width)
    pen.setCosmetic(True)
    return pen


def kind_color(theme: Theme, name: str) -> QColor:
    """Colour of a kind of operator; of anything else a neutral one."""
    if name in OP_NUMBER:
        return theme.family(OP_KINDS[OP_NUMBER[name]].family)
    return theme.color("handle")


def count_ticks(count: int, most: int = 16) -> Ticks:
    """Ticks for items that are numbered, at most about ``most`` of them."""
    step = max(1, -(-count // most))
    nice = next(size for power in (1, 10, 100, 1000, 10_000) for size in (power, 2 * power, 5 * power) if size >= step)
    return [(float(item), f"{item}") for item in range(0, count, nice)]


def round_ticks(high: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to ``high``, about ``count`` of them."""
    if high <= 0:
        return [0.0]
    least = high / max(1, count)
    power = 10.0 ** np.floor(np.log10(least))
    step = float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9)))
    return [number * step for number in range(int(high / step + 1e-9) + 1)]
