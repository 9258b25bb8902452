"""Charts of horizontal bars, each with its name and its value."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, QTimer
from PySide6.QtGui import QColor, QResizeEvent
from typing_extensions import override

from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.item import BarItem, Rects, TextItem
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme

HEIGHT = 0.62
VALUE_WIDTH, CHANGE_WIDTH = 62, 54
"""Pixels kept free behind the longest bar for its value, and for its change where one is shown."""

LEAST_BAR = 16
"""Pixels of the longest bar however narrow the chart is: its value matters more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A bar: its name, its length, its value in words, and how that differs from a reference, if there is one."""

    name: str
    value: float
    text: str
    change: str = ""


class RowChart(Chart):
    """Bars from the left, at most ``most`` of them."""

    strong = "left"

    def __init__(self, title: str, theme: Theme, *, most: int, name_width: int) -> None:
        super().__init__(title, theme)
        self.rows: tuple[Row, ...] = ()
        self.scale = self.reach = 1.0
        self.plot.hideAxis("bottom")
        self.plot.getAxis("left").setWidth(name_width)
        self.plot.getViewBox().invertY(True)
        self.bars = BarItem()
        self.plot.addItem(self.bars, ignoreBounds=True)
        self.labels = [TextItem(self.plot) for _ in range(most)]
        self._names: tuple[str, ...] = ()

    def color_of(self, row: Row) -> QColor:
        """Colour of a bar."""
        raise NotImplementedError

    def name_of(self, row: Row) -> str:
        """The name of a bar in the user's language."""
        return tr(row.name)

    def set_range(self, scale: float, rows: int) -> None:
        """Let the longest bar be ``scale`` long, and leave room for so many rows."""
        self.scale = scale or 1.0
        self._set_reach()
        self.plot.setYRange(-0.5, rows - 0.5, padding=0.01)

    def _set_reach(self) -> None:
        """Let the plot end where the value of the longest bar does."""
        width = self.plot.getViewBox().width()
        room = VALUE_WIDTH + (CHANGE_WIDTH if any(row.change for row in self.rows) else 0)
        self.reach = self.scale * max(1.0, width / max(LEAST_BAR, width - room))
        self.plot.setXRange(0, self.reach, padding=0)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # The plot has its new size after its own event.
        QTimer.singleShot(0, self, self._set_reach)

    @override
    def draw(self) -> None:
        self.bars.show_bars([(self.color_of(row), _bar(number, row)) for number, row in enumerate(self.rows)])
        names = tuple(self.name_of(row) for row in self.rows)
        if names != self._names:
            self._names = names
            self.plot.getAxis("left").setTicks([list(enumerate(names))])
        for number, label in enumerate(self.labels):
            label.setVisible(number < len(self.rows))
            if number < len(self.rows):
                self._place_label(label, number, self.rows[number])

    def _place_label(self, label: TextItem, number: int, row: Row) -> None:
        """Behind the bar; inside its end where a gesture has made it longer than the scale."""
        is_out = row.value > self.scale * 1.08
        color = self._ink_on(row) if is_out else self.theme.color("muted")
        place = min(row.value, self.reach)
        label.show_text(f" {tr(row.text)} {tr(row.change)} ".rstrip() + " ", color, place, number, is_left=is_out)

    def _ink_on(self, row: Row) -> QColor:
        """What can be read on a bar: not all of them have the bright colour of a family."""
        return self.theme.color("on_family" if self.color_of(row).lightnessF() > 0.5 else "text")

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


def _bar(number: int, row: Row) -> Rects:
    left, low, width, height = np.array([[0.0], [number - HEIGHT / 2], [row.value], [HEIGHT]])
    return left, low, width, height
