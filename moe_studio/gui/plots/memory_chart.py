"""What each GPU must hold, against what it has room for."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor
from typing_extensions import override

from moe_studio.document.selection import Selection
from moe_studio.document.table import Table
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.gui.plots.column_chart import DENSE, WIDTH, ColumnChart
from moe_studio.gui.plots.style import frame_pen, leave_margin, round_ticks
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.figure import memory_text
from moe_studio.gui.widgets.memory_bars import NAMES
from moe_studio.units import si_text


class MemoryChart(ColumnChart):
    """Memory by part in columns, a line at the capacity, and a red frame around what is too much."""

    stem, unit, of = "memory-by-gpu", "B", "GPU"

    def __init__(self, theme: Theme) -> None:
        super().__init__("Memory per GPU", theme, tuple(NAMES[part] for part in MEMORY_PARTS))
        self.capacity = np.zeros(0)
        self.excess = pg.BarGraphItem(x=[0], y0=[0], width=WIDTH, height=[0])
        self.line = pg.PlotCurveItem(connect="pairs")
        self.plot.addItem(self.excess)
        self.short_line = pg.PlotCurveItem(connect="pairs")
        self.plot.addItem(self.line)
        self.plot.addItem(self.short_line)
        self.plot.getAxis("left").setWidth(58)
        leave_margin(self.plot, top=6)

    @override
    def take(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        memory = evaluation.memory
        self.parts = tuple(getattr(memory, part) for part in MEMORY_PARTS)
        self.capacity = memory.capacity
        short = int((memory.total > memory.capacity).sum())
        lack = f"{short} of {self.count} GPUs lack room" if short else "every GPU has room"
        self.title = f"Memory per GPU: {lack}"
        self.heading.setText(tr(self.title))
        if not keeps_range:
            high = float(max(memory.total.max(), memory.capacity.max()))
            self.set_range(high)
            self.plot.getAxis("left").setTicks([[(value, byte_tick(value)) for value in round_ticks(high, 5)]])

    @override
    def colors(self) -> tuple[QColor, ...]:
        return tuple(QColor(self.theme.memory[part]) for part in MEMORY_PARTS)

    @override
    def draw(self) -> None:
        super().draw()
        theme, x = self.theme, np.arange(self.count)
        ends = np.stack([x - 0.5, x + 0.5], axis=1).ravel()
        over = np.flatnonzero(self.total > self.capacity)
        is_short = np.repeat(self.total > self.capacity, 2)
        level = np.repeat(self.capacity, 2)
        self.line.setData(ends, level, pen=frame_pen(theme.color("text"), 1.5))
        self.short_line.setData(ends[is_short], level[is_short], pen=frame_pen(theme.color("bad"), 3.0))
        self.excess.setOpts(
            x=over,
            y0=self.capacity[over],
            height=(self.total - self.capacity)[over],
            width=self.width_of_column,
            brush=_tinted(theme.color("bad")),
            pen=frame_pen(theme.color("bad"), 1.0) if self.count <= DENSE else None,
        )

    @override
    def entries(self) -> tuple[tuple[str, QColor], ...]:
        return (*super().entries(), ("capacity", self.theme.color("text")))

    @override
    def text_of(self, item: int) -> str:
        parts = ", ".join(
            f"{tr(name)} {si_text(float(part[item]), 'B', 3)}"
            for name, part in zip(self.names, self.parts, strict=True)
            if part[item]
        )
        return f"GPU {item}: {memory_text(float(self.total[item]), float(self.capacity[item]))} ({parts})"

    @override
    def selection_of(self, item: int) -> Selection | None:
        return Selection(kind="gpu", gpu=item)

    @override
    def item_of(self, selection: Selection) -> int:
        return selection.gpu

    @override
    def table(self) -> Table:
        table = super().table()
        rows = tuple((*row, room) for row, room in zip(table.rows, self.capacity.tolist(), strict=True))
        return Table(columns=(*table.columns, "capacity (B)"), rows=rows)


def byte_tick(byte: float) -> str:
    """A round number of bytes as short as it can be: ``50 GB``."""
    return si_text(byte, "B", 3).replace(".00 ", " ").replace(".0 ", " ")


def _tinted(color: QColor) -> QColor:
    return QColor(color.red(), color.green(), color.blue(), 45)
