"""Charts of horizontal bars, each with its name and its value."""

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QTimer
from PySide6.QtGui import QColor, QResizeEvent
from typing_extensions import override

from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.style import tint
from moe_studio.gui.theme import Theme, ui_font

HEIGHT = 0.62
VALUE_WIDTH, CHANGE_WIDTH = 62, 54
"""Pixels kept free behind the longest bar for its value, and for its change where one is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A bar: its name, its length, its value in words, and how that differs from a reference, if there is one."""

    name: str
    value: float
    text: str
    change: str = ""


class RowChart(Chart):
    """Bars from the left, at most ``most`` of them."""

    def __init__(self, title: str, theme: Theme, *, most: int, name_width: int) -> None:
        super().__init__(title, theme)
        self.rows: tuple[Row, ...] = ()
        self.scale = self.reach = 1.0
        self.plot.hideAxis("bottom")
        self.plot.getAxis("left").setWidth(name_width)
        self.plot.getViewBox().invertY(True)
        self.bars = pg.BarGraphItem(x0=[0], y=[0], height=HEIGHT, width=[0])
        self.plot.addItem(self.bars)
        self.labels = [pg.TextItem(anchor=(0, 0.5)) for _ in range(most)]
        for label in self.labels:
            label.setFont(ui_font(11))
            self.plot.addItem(label, ignoreBounds=True)

    def color_of(self, row: Row) -> QColor:
        """Colour of a bar."""
        raise NotImplementedError

    def set_range(self, scale: float, rows: int) -> None:
        """Let the longest bar be ``scale`` long, and leave room for so many rows."""
        self.scale = scale or 1.0
        self._set_reach()
        self.plot.setYRange(-0.5, rows - 0.5, padding=0.01)

    def _set_reach(self) -> None:
        """Let the plot end where the value of the longest bar does."""
        width = self.plot.getViewBox().width()
        room = VALUE_WIDTH + (CHANGE_WIDTH if any(row.change for row in self.rows) else 0)
        self.reach = self.scale * (width / (width - room) if width > 2 * room else 2.0)
        self.plot.setXRange(0, self.reach, padding=0)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # The plot has its new size after its own event.
        QTimer.singleShot(0, self, self._set_reach)

    @override
    def draw(self) -> None:
        tint(self.plot, self.theme)
        count = len(self.rows)
        brushes = [self.color_of(row) for row in self.rows]
        widths = np.array([row.value for row in self.rows])
        self.bars.setOpts(
            x0=np.zeros(count), y=np.arange(count), width=widths, height=HEIGHT, brushes=brushes, pen=None
        )
        self.plot.getAxis("left").setTicks([[(number, row.name) for number, row in enumerate(self.rows)]])
        for number, label in enumerate(self.labels):
            label.setVisible(number < count)
            if number < count:
                self._place_label(label, number, self.rows[number])

    def _place_label(self, label: pg.TextItem, number: int, row: Row) -> None:
        """Behind the bar; inside it where a gesture has made it longer than the scale."""
        is_out = row.value > self.scale * 1.08
        label.setText(
            f" {row.text} {row.change} ".rstrip() + " ", color=self.theme.on_family if is_out else self.theme.muted
        )
        label.setAnchor((1 if is_out else 0, 0.5))
        label.setPos(self.reach if is_out else row.value, number)

    @property
    @override
    def count(self) -> int:
        return len(self.rows)

    @override
    def box(self, item: int) -> QRectF:
        length = min(max(self.rows[item].value, self.scale / 100), self.reach)
        return QRectF(0, item - HEIGHT / 2, length, HEIGHT)

    @override
    def item_at(self, x: float, y: float) -> int:
        item = round(y)
        return item if 0 <= item < self.count else -1

    @override
    def text_of(self, item: int) -> str:
        return f"{self.rows[item].name}: {self.rows[item].text}"

    @override
    def stepped(self, item: int, dx: int, dy: int) -> int:
        return item + dx + dy
