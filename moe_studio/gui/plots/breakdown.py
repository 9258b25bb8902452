"""The breakdown: where the time goes, what more of each resource would give, and why."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QWidget

from moe_studio.document.reference import Headline
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.plots.chart import Chart, ChosenIn
from moe_studio.gui.plots.sensitivity_chart import SensitivityChart
from moe_studio.gui.plots.time_chart import GpuChart, KindChart, LayerChart
from moe_studio.gui.plots.why_panel import WhyPanel
from moe_studio.gui.theme import Theme

ROOM = 1230
"""Width that all of it needs; in a narrower tab it is scrolled."""


class BreakdownPanel(QScrollArea):
    """Four charts and the sentences, side by side.

    Signals:
        chosen: something was chosen in a chart; carries a `Selection`.
        save_wanted: a chart shall be saved; carries the chart and the kind of file.
    """

    chosen = Signal(object)
    save_wanted = Signal(object, str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.kinds = KindChart(theme)
        self.layers = LayerChart(theme)
        self.gpus = GpuChart(theme)
        self.sensitivity = SensitivityChart(theme)
        self.why = WhyPanel()
        inner = QWidget()
        inner.setMinimumWidth(ROOM)
        self.setWidget(inner)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        row = QHBoxLayout(inner)
        row.setContentsMargins(10, 6, 10, 6)
        row.setSpacing(16)
        for widget, share in (
            (self.kinds, 20),
            (self.layers, 21),
            (self.gpus, 20),
            (self.sensitivity, 17),
            (self.why, 18),
        ):
            row.addWidget(widget, share)
        for chart in self.charts:
            chart.chosen.connect(self.chosen)
            chart.save_wanted.connect(self.save_wanted)

    @property
    def charts(self) -> Sequence[Chart]:
        """The charts, from the left."""
        return self.kinds, self.layers, self.gpus, self.sensitivity

    def show_evaluation(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        """Show ``evaluation`` as soon as it is seen."""
        for chart in self.charts:
            chart.show_evaluation(evaluation, keeps_range=keeps_range)
        self.why.show_evaluation(evaluation, is_previewing=keeps_range)

    def show_reference(self, before: Headline | None) -> None:
        """Show changes from ``before``; None for none."""
        self.kinds.show_reference(before)

    def show_selection(self, *selected: Selection, chosen_in: ChosenIn) -> None:
        """Mark what is selected."""
        for chart in self.charts:
            chart.show_selection(*selected, chosen_in=chosen_in)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        for chart in self.charts:
            chart.set_theme(theme)
