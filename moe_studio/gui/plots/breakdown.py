"""Where the time goes: bars by kind of operator, and per GPU computing, communicating, waiting."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.operator import OP_KINDS, OP_NUMBER
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.label import plain_label
from moe_studio.gui.widgets.legend import Legend
from moe_studio.units import time_text

MOST_ROWS = 10
WAITING = "waiting"
NOTHING = 1e-9
"""Less waiting than this share of the latency is rounding."""


class BreakdownPlot(QWidget):
    """Time on the longest path by kind of operator, longest first."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.title = plain_label("Time on the longest path", "fact")
        self.plot = _plot("Time on the longest path by kind of operator")
        self.plot.getAxis("left").setWidth(104)
        self.plot.hideAxis("bottom")
        self.plot.getViewBox().invertY(True)
        self.bars = pg.BarGraphItem(x0=[0], y=[0], height=0.62, width=[0])
        self.plot.addItem(self.bars)
        self.labels = [pg.TextItem(anchor=(0, 0.5)) for _ in range(MOST_ROWS)]
        for label in self.labels:
            label.setFont(ui_font(11))
            self.plot.addItem(label)
        self._shown: list[tuple[str, float]] = []
        self._most = 1.0
        _column(self, self.title, self.plot)
        self.set_theme(theme)

    def show_evaluation(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        """Show the breakdown; during a gesture the scale stays as it is."""
        shown = breakdown_rows(evaluation)
        if shown == self._shown:
            return
        names = [name for name, _ in shown]
        if keeps_range and {name for name, _ in self._shown} == set(names):
            # Bars that change places under the pointer could not be followed.
            order = [name for name, _ in self._shown]
            shown.sort(key=lambda row: order.index(row[0]))
        self._shown = shown
        if not keeps_range:
            self._most = max((value for _, value in shown), default=1.0)
            self.plot.setXRange(0, self._most * 1.22, padding=0)
            self.plot.setYRange(-0.5, max(len(shown), 6) - 0.5, padding=0.01)
        self._draw()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        _tint(self.plot, theme)
        self._draw()

    def _draw(self) -> None:
        rows = np.arange(len(self._shown))
        widths = np.array([value for _, value in self._shown])
        brushes = [_color(self._theme, name) for name, _ in self._shown]
        self.bars.setOpts(x0=np.zeros(len(rows)), y=rows, width=widths, height=0.62, brushes=brushes, pen=None)
        self.plot.getAxis("left").setTicks([[(row, name) for row, (name, _) in enumerate(self._shown)]])
        for row, label in enumerate(self.labels):
            label.setVisible(row < len(self._shown))
            if row < len(self._shown):
                self._place_label(label, row, self._shown[row][1])

    def _place_label(self, label: pg.TextItem, row: int, value: float) -> None:
        """Behind the bar; inside it where a gesture has made it longer than the scale."""
        is_out = value > self._most * 1.08
        label.setText(f" {time_text(value, 3)} ", color=self._theme.on_family if is_out else self._theme.muted)
        label.setAnchor((1 if is_out else 0, 0.5))
        label.setPos(self._most * 1.22 if is_out else value, row)


class GpuPlot(QWidget):
    """Stacked bars of every GPU's time.

    Signals:
        chosen: a GPU's bar was clicked.
    """

    chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.title = plain_label("Per GPU", "fact")
        self.legend = Legend()
        self.plot = _plot("Computing, communicating and waiting of each GPU")
        self.plot.hideAxis("left")
        self.stacks = [pg.BarGraphItem(x=[0], y0=[0], width=0.72, height=[0]) for _ in range(3)]
        for stack in self.stacks:
            self.plot.addItem(stack)
        self.plot.scene().sigMouseClicked.connect(self._on_clicked)
        self._parts: tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...] = ()
        _column(self, _row(self.title, self.legend), self.plot)
        self.set_theme(theme)

    def show_evaluation(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        """Show every GPU; communication that is hidden behind computing counts as computing."""
        compute, idle = evaluation.compute_s, evaluation.idle_s
        latency = evaluation.metrics.latency_s
        self._parts = (compute, np.maximum(0.0, latency - compute - idle), idle)
        self._draw()
        if not keeps_range:
            self.plot.setYRange(0, latency, padding=0.02)
            self.plot.setXRange(-0.6, len(compute) - 0.4, padding=0)
            step = max(1, -(-len(compute) // 16))
            self.plot.getAxis("bottom").setTicks([[(gpu, f"{gpu}") for gpu in range(0, len(compute), step)]])

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._colors = (theme.family("expert"), theme.family("communication"), theme.color("raised_edge"))
        names = ("computing", "communicating alone", "waiting")
        self.legend.show_entries(list(zip(names, self._colors, strict=True)), theme.color("muted"))
        _tint(self.plot, theme)
        self._draw()

    def _draw(self) -> None:
        if not self._parts:
            return
        base = np.zeros(len(self._parts[0]))
        for stack, height, color in zip(self.stacks, self._parts, self._colors, strict=True):
            x = np.arange(len(height))
            stack.setOpts(x=x, y0=base, height=height, width=0.72, brush=color, pen=None)
            base = base + height

    def _on_clicked(self, event: object) -> None:
        place = self.plot.getViewBox().mapSceneToView(event.scenePos())  # type: ignore[attr-defined]
        gpu = round(place.x())
        if self._parts and 0 <= gpu < len(self._parts[0]):
            self.chosen.emit(gpu)


def breakdown_rows(evaluation: Evaluation) -> list[tuple[str, float]]:
    """Kinds with their time, longest first; what has no row of its own is summed up, waiting comes last."""
    spent = sorted(evaluation.breakdown.by_kind.items(), key=lambda item: (-item[1], OP_NUMBER[item[0]]))
    waiting = evaluation.breakdown.waiting_s
    if waiting < NOTHING * evaluation.metrics.latency_s:
        waiting = 0.0
    room = MOST_ROWS - (waiting > 0)
    if len(spent) > room:
        rest = sum(value for _, value in spent[room - 1 :])
        spent = [*spent[: room - 1], (f"{len(spent) - room + 1} others", rest)]
    return [*spent, *([(WAITING, waiting)] if waiting > 0 else [])]


def _color(theme: Theme, name: str) -> QColor:
    if name in OP_NUMBER:
        return theme.family(OP_KINDS[OP_NUMBER[name]].family)
    return theme.color("handle")


def _plot(name: str) -> pg.PlotWidget:
    plot = pg.PlotWidget(background=None)
    plot.setAccessibleName(name)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.setMouseEnabled(x=False, y=False)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    for axis in ("left", "bottom"):
        plot.getAxis(axis).setStyle(tickLength=0, tickFont=ui_font(11))
        plot.getAxis(axis).setPen(None)
    return plot


def _tint(plot: pg.PlotWidget, theme: Theme) -> None:
    for axis in ("left", "bottom"):
        plot.getAxis(axis).setTextPen(theme.text if axis == "left" else theme.muted)


def _row(*parts: QWidget) -> QWidget:
    row = QWidget()
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(16)
    for part in parts:
        line.addWidget(part)
    line.setStretch(len(parts) - 1, 1)
    return row


def _column(widget: QWidget, *parts: QWidget) -> None:
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    for part in parts:
        column.addWidget(part)


class BreakdownPanel(QWidget):
    """Both plots side by side.

    Signals:
        chosen: a GPU's bar was clicked.
    """

    chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.breakdown = BreakdownPlot(theme)
        self.gpus = GpuPlot(theme)
        self.gpus.chosen.connect(self.chosen)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 10, 14, 8)
        row.setSpacing(24)
        row.addWidget(self.breakdown, 2)
        row.addWidget(self.gpus, 3)

    def show_evaluation(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        """Show ``evaluation``."""
        self.breakdown.show_evaluation(evaluation, keeps_range=keeps_range)
        self.gpus.show_evaluation(evaluation, keeps_range=keeps_range)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.breakdown.set_theme(theme)
        self.gpus.set_theme(theme)
