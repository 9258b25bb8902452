"""Charts of stacked columns: one for each GPU or layer."""

import numpy as np
from PySide6.QtCore import QRectF, QTimer
from PySide6.QtGui import QColor, QResizeEvent
from typing_extensions import override

from moe_studio.document.table import Table
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.graph import Graph
from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.item import BarItem, Rects
from moe_studio.gui.plots.legend import Entry
from moe_studio.gui.plots.style import count_ticks, leave_margin
from moe_studio.gui.theme import Theme

LETTER, APART = 6.5, 8
"""Pixels of a digit below the columns, and between two numbers."""

WIDTH, DENSE = 0.74, 40
"""Width of a column in those of its place; more than so many columns touch each other."""


class ColumnChart(Chart):
    """Columns made of parts, stacked on each other. Kinds of it say what the parts are."""

    unit = ""
    of = ""

    def __init__(self, title: str, theme: Theme, parts: tuple[str, ...]) -> None:
        super().__init__(title, theme)
        self.names = parts
        self.parts: tuple[FloatArray, ...] = tuple(np.zeros(0) for _ in parts)
        self.high = 1.0
        leave_margin(self.plot)
        self.stacks = BarItem()
        self.plot.addItem(self.stacks, ignoreBounds=True)
        self._ticked = (-1, 0)

    def colors(self) -> tuple[QColor, ...]:
        """Colour of each part."""
        raise NotImplementedError

    def set_range(self, high: float) -> None:
        """Let the scale end a little above ``high``, and number the columns."""
        self.high = high or 1.0
        self.plot.setYRange(0, self.high * 1.03, padding=0)
        self.plot.setXRange(-0.6, self.count - 0.4, padding=0)
        self._number()

    def _number(self) -> None:
        """Number as many columns as there is room for."""
        most = max(1, int(self.plot.width() / (APART + LETTER * len(str(self.count)))))
        if self._ticked != (self.count, most):
            self._ticked = self.count, most
            self.plot.getAxis("bottom").setTicks([count_ticks(self.count, most)])

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # The plot has its new size after its own event.
        QTimer.singleShot(0, self, self._number)

    @property
    def width_of_column(self) -> float:
        """Width of each column."""
        return WIDTH if self.count <= DENSE else 1.0

    @property
    def total(self) -> FloatArray:
        """Height of each column."""
        return np.sum(self.parts, axis=0) if self.parts else np.zeros(0)

    @override
    def draw(self) -> None:
        width = np.full(self.count, self.width_of_column)
        left, base = np.arange(self.count) - width / 2, np.zeros(self.count)
        groups = []
        for height, color in zip(self.parts, self.colors(), strict=True):
            groups.append((color, _joined(left, base, width, height)))
            base = base + height
        self.stacks.show_bars(groups)

    @override
    def entries(self) -> tuple[Entry, ...]:
        return tuple(
            (name, color) for name, color, part in zip(self.names, self.colors(), self.parts, strict=True) if part.any()
        )

    @property
    @override
    def count(self) -> int:
        return len(self.parts[0])

    @override
    def box(self, item: int) -> QRectF:
        width = self.width_of_column
        return QRectF(item - width / 2, 0, width, max(float(self.total[item]), self.high / 200))

    @override
    def item_at(self, x: float, y: float) -> int:
        item = round(x)
        return item if 0 <= item < self.count else -1

    @override
    def items_with(self, graph: Graph, rows: IntArray) -> IntArray:
        return np.unique((graph.layer if self.of == "layer" else graph.gpu)[rows])

    @override
    def table(self) -> Table:
        columns = (self.of, *(f"{name} ({self.unit})" for name in self.names))
        rows = zip(range(self.count), *(part.tolist() for part in self.parts), strict=True)
        return Table(columns=columns, rows=tuple(rows))


def _joined(left: FloatArray, base: FloatArray, width: FloatArray, height: FloatArray) -> Rects:
    """The same columns, without those of no height; such as are alike and touch each other are one."""
    right = left + width
    is_new = np.ones(len(left), bool)
    is_new[1:] = (base[1:] != base[:-1]) | (height[1:] != height[:-1]) | (left[1:] > right[:-1] + 1e-9)
    first = np.flatnonzero(is_new)
    last = np.append(first[1:], len(left)) - 1
    kept = height[first] > 0
    first, last = first[kept], last[kept]
    return left[first], base[first], right[last] - left[first], height[first]
