"""The inspector: a table of facts about the selection, what binds it, its GPU's memory, and how that has changed."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.chosen import Chosen
from moe_studio.document.reference import Reference, pinned_evaluation
from moe_studio.document.selection import NOTHING, Selection
from moe_studio.document.setting_edit import Editing
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.form.selection_form import SelectionForm
from moe_studio.gui.inspector.fact import Fact, Facts, awaited, common_facts, compared
from moe_studio.gui.inspector.find import facts
from moe_studio.gui.inspector.place_fact import expert_work
from moe_studio.gui.inspector.work_fact import SPANS, sum_facts
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.label import ElidedLabel, plain_label, rule_line, set_tone
from moe_studio.gui.widgets.memory_bars import MemoryBars

MOST = 64
"""Of so many selected things the facts are compared; of more, those of the first."""

QUICK_FROM = 4_000
"""With so many operators, what takes long to find waits until nothing is being dragged."""

SIDE, SPACE = 14, 12
"""Pixels beside the rows, and between a label and its value."""

ROWS = 3
"""Lines of the grid for one fact: label and value, a long value, its change."""

Cell = tuple[QLabel, QLabel, QLabel]
"""Labels of one row: what it is, its value, and how that has changed."""


class Inspector(QScrollArea):
    """Everything about the selected thing, as text that can be read out."""

    def __init__(self, theme: Theme, editing: Editing) -> None:
        super().__init__()
        self.setAccessibleName(tr("Inspector"))
        self.setWidgetResizable(True)
        self.setMinimumWidth(258)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.title = ElidedLabel("", "title", middle=True)
        self.kind = plain_label("", "small")
        self.against = ElidedLabel("", "small")
        self.sentence = plain_label("", "fact")
        self.sentence.setWordWrap(True)
        self.memory_title = plain_label("", "heading")
        self.memory = MemoryBars(theme)
        self.rule = rule_line()
        self.form_rule = rule_line()
        self.form = SelectionForm(editing)
        self._grid = QGridLayout()
        self._grid.setVerticalSpacing(3)
        self._cells: list[Cell] = []
        self._rows: tuple[Fact, ...] = ()
        self._shown: Facts | None = None
        self._before: Evaluation | None = None
        self._build()

    def _build(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(SIDE, 4, SIDE, 12)
        column.setSpacing(10)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.kind)
        column.addLayout(head)
        column.addWidget(self.against)
        column.addLayout(self._grid)
        column.addWidget(self.sentence)
        column.addWidget(self.form.link)
        column.addWidget(self.form_rule)
        column.addWidget(self.form)
        column.addWidget(self.rule)
        column.addWidget(self.memory_title)
        column.addWidget(self.memory)
        column.addStretch(1)
        self.setWidget(inner)

    def show_reference(self, reference: Reference | None) -> None:
        """Say beside every figure how it differs from that of ``reference``; None for no reference."""
        if reference is None:
            self._before = None
        elif self._before is None or self._before.project is not reference.project:
            self._before = pinned_evaluation(reference)
        self._shown = None

    def show_evaluation(
        self, evaluation: Evaluation, selected: Sequence[Selection], layer: int | None, *, is_quick: bool = False
    ) -> None:
        """Show what there is to say about all of ``selected``, and what can be edited."""
        quick = is_quick and len(evaluation.graph) > QUICK_FROM
        found = self._found(evaluation, selected, layer, is_quick=quick)
        before = self._before
        if before is not None and before.project is not evaluation.project:
            found = compared(found, self._found(before, selected, layer, is_quick=quick))
        if quick:
            found = awaited(found, self._shown)
        self.form.refresh()
        self.form_rule.setVisible(not self.form.isHidden())
        has_memory = found.gpu >= 0
        for widget in (self.rule, self.memory_title, self.memory):
            widget.setVisible(has_memory)
        if has_memory:
            self.memory_title.setText(tr("GPU {gpu} memory", gpu=found.gpu))
            self.memory.show_gpu(evaluation, found.gpu)
        if found != self._shown:
            self._show(found)

    def _found(
        self, evaluation: Evaluation, selected: Sequence[Selection], layer: int | None, *, is_quick: bool
    ) -> Facts:
        every = [facts(evaluation, item, layer, is_quick=is_quick) for item in (selected or (NOTHING,))[:MOST]]
        found = common_facts(every, len(selected))
        if len(selected) < 2 or is_quick:
            return found
        # As its facts, so their sums are of an expert as a whole, on whichever GPU it is selected.
        whole = tuple(expert_work(item, layer) if item.kind == "expert" else item for item in selected)
        rows = Chosen(graph=evaluation.graph, selected=whole).rows
        own = (row for row in found.rows if row.label not in SPANS)
        return replace(found, rows=(*own, *sum_facts(evaluation, rows)))

    def _show(self, found: Facts) -> None:
        self._shown = found
        # Other titles are names that the user gave, or ids.
        is_word = found.kind in ("layer", "expert", "selected")
        self.title.setText(tr(found.title) if is_word else found.title)
        self.kind.setText(tr(found.kind))
        self.sentence.setText(tr(found.sentence))
        self.sentence.setVisible(bool(found.sentence))
        has_change = self._before is not None and any(row.change for row in found.rows)
        self.against.setVisible(has_change)
        if has_change and self._before is not None:
            self.against.setText(tr("Changes against {name}", name=self._before.project.name))
        self._show_rows(found.rows)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.memory.set_theme(theme)

    def text(self) -> str:
        """All that is shown, as plain text."""
        shown = self._shown
        lines = (
            [f"{row.label}\t{row.value}" + (f"\t{row.change}" if row.change else "") for row in shown.rows]
            if shown
            else []
        )
        return "\n".join([shown.title, *lines]) if shown else ""

    def _show_rows(self, rows: tuple[Fact, ...]) -> None:
        while len(self._cells) < len(rows):
            self._add_cell()
        before, self._rows = self._rows, rows
        for index, (label, value, change) in enumerate(self._cells):
            is_used = index < len(rows)
            if rows[index : index + 1] == before[index : index + 1] and is_used:
                continue
            label.setVisible(is_used)
            value.setVisible(is_used)
            change.setVisible(is_used and bool(rows[index].change))
            if is_used:
                _fill(label, value, change, rows[index])
                self._place(index)

    def _add_cell(self) -> None:
        label, value, change = plain_label("", "fact"), plain_label("", "figure"), plain_label("", "small")
        label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        for cell in (value, change):
            # Rather two lines than a value that is cut off.
            cell.setWordWrap(True)
            cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = ROWS * len(self._cells)
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(value, row, 0)
        self._grid.addWidget(change, row + 2, 0)
        self._cells.append((label, value, change))

    def _place(self, index: int) -> None:
        """A value that has no room beside its label goes below it."""
        label, value, _ = self._cells[index]
        needed = label.sizeHint().width() + value.fontMetrics().horizontalAdvance(value.text()) + SPACE
        is_long = "\n" in value.text() or needed > self.viewport().width() - 2 * SIDE
        wanted = ROWS * index + is_long
        if self._grid.getItemPosition(self._grid.indexOf(value))[0] != wanted:  # type: ignore[index]
            self._grid.removeWidget(value)
            self._grid.addWidget(value, wanted, 0)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for index in range(len(self._cells)):
            self._place(index)


def _fill(label: QLabel, value: QLabel, change: QLabel, fact: Fact) -> None:
    for cell, text, tone in (
        (label, fact.label, ""),
        (value, fact.value, fact.tone),
        (change, fact.change, fact.change_tone),
    ):
        wanted = tr(text)
        if cell.text() != wanted:
            cell.setText(wanted)
        set_tone(cell, tone)
    value.setAccessibleName(f"{label.text()}: {value.text()}" + (f", {change.text()}" if fact.change else ""))
