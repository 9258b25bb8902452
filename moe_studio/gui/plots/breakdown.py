"""The breakdown: where the time goes, what more of each resource would give, and why."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.reference import Headline
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.sensitivity_chart import SensitivityChart
from moe_studio.gui.plots.time_chart import GpuChart, KindChart, LayerChart
from moe_studio.gui.plots.why_panel import WhyPanel
from moe_studio.gui.theme import Theme

WIDE_FROM = {"layers": 1300, "why": 1060, "sensitivity": 820}
"""Widths below which parts fold away, the first first."""


class BreakdownPanel(QWidget):
    """Four charts and the sentences, side by side.

    Signals:
        chosen: something was chosen in a chart; carries a `Selection`.
        refused: something cannot be done; carries the sentence that says why.
    """

    chosen = Signal(object)
    refused = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.kinds = KindChart(theme)
        self.layers = LayerChart(theme)
        self.gpus = GpuChart(theme)
        self.sensitivity = SensitivityChart(theme)
        self.why = WhyPanel()
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.setSpacing(16)
        for widget, share in (
            (self.kinds, 20),
            (self.layers, 17),
            (self.gpus, 24),
            (self.sensitivity, 17),
            (self.why, 18),
        ):
            row.addWidget(widget, share)
        for chart in self.charts:
            chart.chosen.connect(self.chosen)
            chart.refused.connect(self.refused)

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

    def show_selection(self, selection: Selection) -> None:
        """Mark what is selected."""
        for chart in self.charts:
            chart.show_selection(selection)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        for chart in self.charts:
            chart.set_theme(theme)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        for name, widget in (("layers", self.layers), ("why", self.why), ("sensitivity", self.sensitivity)):
            widget.setVisible(self.width() >= WIDE_FROM[name])
