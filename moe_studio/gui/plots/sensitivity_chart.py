"""What more of each resource would give."""

from PySide6.QtGui import QColor
from typing_extensions import override

from moe_studio.document.selection import Selection
from moe_studio.document.table import Table
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.provider import RESOURCES
from moe_studio.gui.plots.row_chart import Row, RowChart
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.units import percent_text, time_text

SETTINGS = ("cost.compute", "cost.memory", "cluster.links.intra.gb_s", "cluster.links.inter.gb_s")
"""Where each resource is set."""

LEAST = 0.01
"""The scale never ends before this share of the latency: bars of nothing should look like nothing."""


LEAST_SHOWN = 0.0005
"""Smaller gains would be written as nothing."""

TITLE, BEFORE = "What 10 % more would give", "What 10 % more gave before"


class SensitivityChart(RowChart):
    """By how much 10 % more of each resource shortens the run time.

    While a gesture lasts it stays as it was, and says so: four more evaluations have no room in a frame.
    """

    stem = "sensitivity"

    def __init__(self, theme: Theme) -> None:
        super().__init__(TITLE, theme, most=len(RESOURCES), name_width=122)
        self.measured: Evaluation | None = None

    @override
    def take(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        self.title = BEFORE if keeps_range and self.measured is not None else TITLE
        self.heading.setText(tr(self.title))
        if self.title == BEFORE:
            return
        self.measured = evaluation
        latency = evaluation.metrics.latency_s or 1.0
        gains = {name: max(0.0, -change / latency) for name, change in evaluation.sensitivity.items()}
        self.rows = tuple(Row(name=name, value=gain, text=_gain_text(gain)) for name, gain in gains.items())
        self.set_range(max(LEAST, *gains.values()), len(RESOURCES))

    @override
    def color_of(self, row: Row) -> QColor:
        return self.theme.color("accent" if self.title == TITLE else "handle")

    @override
    def text_of(self, item: int) -> str:
        assert self.measured is not None
        row = self.rows[item]
        if not row.value:
            return tr("10 % more {name}: no gain", name=self.name_of(row))
        return tr(
            "10 % more {name}: {change}, {time} shorter",
            name=self.name_of(row),
            change=tr("less than 0.1 %") if row.value < LEAST_SHOWN else row.text,
            time=time_text(row.value * self.measured.metrics.latency_s, 3),
        )

    @override
    def selection_of(self, item: int) -> Selection | None:
        return Selection(kind="setting", path=SETTINGS[item])

    @override
    def item_of(self, selection: Selection) -> int:
        return SETTINGS.index(selection.path) if selection.path in SETTINGS else -1

    @override
    def table(self) -> Table:
        assert self.measured is not None
        rows = tuple(self.measured.sensitivity.items())
        return Table(columns=("10 % more of", "change of run time (s)"), rows=rows)


def _gain_text(gain: float) -> str:
    return f"−{percent_text(gain)}" if gain >= LEAST_SHOWN else "no gain"
