"""Where the time goes: by kind of operator, by layer, and on each GPU."""

import numpy as np
from PySide6.QtGui import QColor
from typing_extensions import override

from moe_studio.document.reference import Headline
from moe_studio.document.selection import Selection, operator_selection
from moe_studio.document.table import Table
from moe_studio.document.timeline import FAMILY_OF_OP
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.operator import DESCRIPTIONS, FAMILIES, OP_NUMBER
from moe_studio.gui.plots.column_chart import ColumnChart
from moe_studio.gui.plots.row_chart import Row, RowChart
from moe_studio.gui.plots.style import kind_color
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.figure import change_text
from moe_studio.units import percent_text, time_text

MOST_ROWS = 10
WAITING = "waiting"
NOTHING = 1e-9
"""Less waiting than this share of the latency is rounding."""


class KindChart(RowChart):
    """Time on the longest path by kind of operator, longest first."""

    stem = "time-by-kind"

    def __init__(self, theme: Theme) -> None:
        super().__init__("Time on the longest path", theme, most=MOST_ROWS, name_width=104)
        self._before: dict[str, float] = {}

    def show_reference(self, before: Headline | None) -> None:
        """Show each kind's change from ``before``; None for no change."""
        self._before = dict(before.by_kind) if before else {}
        shown = self._pending[0] if self._pending else self.evaluation
        if shown is not None:
            self.show_evaluation(shown, keeps_range=False)

    def _change(self, name: str, value: float) -> str:
        if not self._before or name not in OP_NUMBER:
            return ""
        before = self._before.get(name, 0.0)
        if abs(value - before) <= NOTHING * max(value, before):
            return ""
        return change_text(value, before) if before else "new"

    @override
    def take(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        shown = breakdown_rows(evaluation)
        names = [name for name, _ in shown]
        known = [row.name for row in self.rows]
        if keeps_range and set(known) == set(names):
            # Bars that change places under the pointer could not be followed.
            shown.sort(key=lambda row: known.index(row[0]))
        # While something is carried all changes that are shown are from the state before, and only in the strip.
        changes = [("" if keeps_range else self._change(name, value)) for name, value in shown]
        self.rows = tuple(
            Row(name=name, value=value, text=time_text(value, 3), change=change)
            for (name, value), change in zip(shown, changes, strict=True)
        )
        if not keeps_range:
            self.set_range(max((value for _, value in shown), default=1.0), max(len(shown), 6))

    @override
    def color_of(self, row: Row) -> QColor:
        return kind_color(self.theme, row.name)

    @override
    def name_of(self, row: Row) -> str:
        return row.name if row.name in OP_NUMBER else super().name_of(row)

    @override
    def text_of(self, item: int) -> str:
        assert self.evaluation is not None
        row = self.rows[item]
        share = percent_text(row.value / (self.evaluation.metrics.latency_s or 1.0))
        what = f", {tr(DESCRIPTIONS[row.name])}" if row.name in DESCRIPTIONS else ""
        was = self._before.get(row.name)
        before = tr(", reference {time}", time=time_text(was, 3)) if was is not None else ""
        return f"{self.name_of(row)}{what}: {row.text}, {share}{before}"

    @override
    def selection_of(self, item: int) -> Selection | None:
        """The longest operator of the kind on the path."""
        assert self.evaluation is not None
        if self.rows[item].name not in OP_NUMBER:
            return None
        path, graph = self.evaluation.scheduled_path.rows, self.evaluation.graph
        own = path[graph.op[path] == OP_NUMBER[self.rows[item].name]]
        return operator_selection(graph, int(own[self.evaluation.duration_s[own].argmax()])) if len(own) else None

    @override
    def item_of(self, selection: Selection) -> int:
        names = [row.name for row in self.rows]
        return names.index(selection.op) if selection.op in names else -1

    @override
    def table(self) -> Table:
        assert self.evaluation is not None
        spent = {**self.evaluation.breakdown.by_kind, WAITING: self.evaluation.breakdown.waiting_s}
        return Table(columns=("kind", "time on the longest path (s)"), rows=tuple(spent.items()))


class LayerChart(ColumnChart):
    """Time on the longest path by layer, each by family of operators."""

    stem, unit, of = "time-by-layer", "s", "layer"

    def __init__(self, theme: Theme) -> None:
        super().__init__("By layer", theme, FAMILIES)
        self.plot.hideAxis("left")

    @override
    def take(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        self.parts = layer_times(evaluation)
        if not keeps_range:
            self.set_range(float(self.total.max(initial=0.0)))

    @override
    def colors(self) -> tuple[QColor, ...]:
        return tuple(self.theme.family(name) for name in FAMILIES)

    @override
    def text_of(self, item: int) -> str:
        own = [(float(part[item]), name) for name, part in zip(self.names, self.parts, strict=True)]
        most = ", ".join(f"{tr(name)} {time_text(value, 3)}" for value, name in sorted(own, reverse=True)[:2] if value)
        time = time_text(float(self.total[item]), 3)
        return f"{tr('Layer {number}', number=item)}: {time}" + (f" ({most})" if most else "")

    @override
    def selection_of(self, item: int) -> Selection | None:
        return Selection(kind="layer", layer=item)

    @override
    def item_of(self, selection: Selection) -> int:
        return selection.layer if selection.kind in ("layer", "operator") else -1


class GpuChart(ColumnChart):
    """How long each GPU computes, communicates, and waits; communication behind computing counts as computing."""

    stem, unit, of = "time-by-gpu", "s", "GPU"

    def __init__(self, theme: Theme) -> None:
        super().__init__("Per GPU", theme, ("computing", "communicating", "waiting"))
        self.plot.hideAxis("left")

    @override
    def take(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        compute, idle = evaluation.compute_s, np.maximum(evaluation.idle_s, 0.0)
        latency = evaluation.metrics.latency_s
        idle = np.where(idle < NOTHING * latency, 0.0, idle)
        self.parts = (compute, np.maximum(0.0, latency - compute - idle), idle)
        if not keeps_range:
            self.set_range(latency)

    @override
    def colors(self) -> tuple[QColor, ...]:
        theme = self.theme
        return theme.family("expert"), theme.family("communication"), theme.color("raised_edge")

    @override
    def text_of(self, item: int) -> str:
        computing, communicating, waiting = (time_text(float(part[item]), 3) for part in self.parts)
        return tr(
            "GPU {gpu}: computes {computing}, communicates {communicating}, waits {waiting}",
            gpu=item,
            computing=computing,
            communicating=communicating,
            waiting=waiting,
        )

    @override
    def selection_of(self, item: int) -> Selection | None:
        return Selection(kind="gpu", gpu=item)

    @override
    def item_of(self, selection: Selection) -> int:
        return selection.gpu


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


def layer_times(evaluation: Evaluation) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
    """Time on the longest path by family, shape (layers,) each."""
    rows, graph = evaluation.scheduled_path.rows, evaluation.graph
    layers = evaluation.project.model.layer_count
    cell = FAMILY_OF_OP[graph.op[rows]] * layers + graph.layer[rows]
    total = np.bincount(cell, evaluation.duration_s[rows], minlength=layers * len(FAMILIES))
    return tuple(total.reshape(len(FAMILIES), layers))
