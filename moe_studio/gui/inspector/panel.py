"""The inspector: a table of facts about the selection, what binds it, and its GPU's memory."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from moe_studio.document.selection import NOTHING, Selection
from moe_studio.document.setting_edit import Editing
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.form.selection_form import SelectionForm
from moe_studio.gui.inspector.fact import Fact, Facts, common_facts, facts
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.label import ElidedLabel, plain_label, rule_line, set_tone
from moe_studio.gui.widgets.memory_bars import MemoryBars

MOST = 64
"""Of so many selected things the facts are compared; of more, those of the first."""


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
        self.sentence = plain_label("", "fact")
        self.sentence.setWordWrap(True)
        self.memory_title = plain_label("", "heading")
        self.memory = MemoryBars(theme)
        self.rule = rule_line()
        self.form_rule = rule_line()
        self.form = SelectionForm(editing)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(7)
        self._grid.setColumnStretch(1, 1)
        self._cells: list[tuple[QLabel, ElidedLabel]] = []
        self._shown: Facts | None = None
        self._build()

    def _build(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(14, 4, 14, 12)
        column.setSpacing(10)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.kind)
        column.addLayout(head)
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

    def show_evaluation(self, evaluation: Evaluation, selected: Sequence[Selection], layer: int | None) -> None:
        """Show what there is to say about all of ``selected``, and what can be edited."""
        every = [facts(evaluation, selection, layer) for selection in (selected or (NOTHING,))[:MOST]]
        found = common_facts(every, len(selected))
        self.form.refresh()
        self.form_rule.setVisible(not self.form.isHidden())
        has_memory = found.gpu >= 0
        for widget in (self.rule, self.memory_title, self.memory):
            widget.setVisible(has_memory)
        if has_memory:
            self.memory_title.setText(tr("GPU {gpu} memory", gpu=found.gpu))
            self.memory.show_gpu(evaluation, found.gpu)
        if found != self._shown:
            self._shown = found
            self.title.setText(found.title)
            self.kind.setText(tr(found.kind))
            self.sentence.setText(tr(found.sentence))
            self.sentence.setVisible(bool(found.sentence))
            self._show_rows(found.rows)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.memory.set_theme(theme)

    def text(self) -> str:
        """All that is shown, as plain text."""
        shown = self._shown
        return "\n".join([shown.title, *(f"{row.label}\t{row.value}" for row in shown.rows)]) if shown else ""

    def _show_rows(self, rows: tuple[Fact, ...]) -> None:
        while len(self._cells) < len(rows):
            self._add_cell()
        for index, (label, value) in enumerate(self._cells):
            is_used = index < len(rows)
            label.setVisible(is_used)
            value.setVisible(is_used)
            if is_used:
                label.setText(tr(rows[index].label))
                value.setText(tr(rows[index].value))
                value.setAccessibleName(f"{label.text()}: {value.text()}")
                set_tone(value, rows[index].tone)

    def _add_cell(self) -> None:
        label, value = plain_label("", "fact"), ElidedLabel("", "figure")
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = len(self._cells)
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(value, row, 1)
        self._cells.append((label, value))
