"""A group of fields under its heading, kept up to date without being rebuilt."""

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from moe_studio.document.setting_edit import Editing
from moe_studio.document.setting_field import Words
from moe_studio.document.setting_section import Action, Group, Row
from moe_studio.gui.form.flow import FlowLayout
from moe_studio.gui.form.row import FieldRow, ItemRow, stretch_of
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import ElidedLabel, plain_label, plain_tip

RowKey = tuple[tuple[Words, str], ...]
ROW, HEAD = 32, 46


def row_key(row: Row) -> RowKey:
    """What makes rows the same ones with other values."""
    return tuple((field.words, field.kind) for field in row.fields)


class GroupBox(QWidget):
    """One group. Rows stay as they are while only their values change, so that the focus stays, too."""

    def __init__(self, editing: Editing) -> None:
        super().__init__()
        self.editing = editing
        self.title = plain_label("", "heading")
        self.note = plain_label("", "small")
        self.note.setWordWrap(True)
        self.heads = QWidget()
        self._heads = QHBoxLayout(self.heads)
        self._heads.setContentsMargins(0, 0, 26, 0)
        self._heads.setSpacing(4)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(5)
        self.buttons = QWidget()
        self._buttons = FlowLayout(self.buttons)
        self._rows: dict[RowKey, FieldRow | ItemRow] = {}
        self._acts: tuple[Action, ...] = ()
        self._texts: tuple[str, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 14)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addWidget(self.note)
        column.addWidget(self.heads)
        column.addLayout(self._lines)
        column.addWidget(self.buttons)

    def show_group(self, group: Group) -> None:
        """Show ``group``."""
        self.title.setText(tr(group.title))
        self.note.setText(tr(group.note))
        self.note.setVisible(bool(group.note))
        self._show_rows(group)
        self._show_buttons(group.actions)

    @property
    def height_guess(self) -> int:
        """About how high it is, for an even distribution over columns."""
        return HEAD + ROW * (len(self._rows) + bool(self._acts) + bool(self.note.text()))

    def row_of(self, words: Words) -> FieldRow | ItemRow | None:
        """The row that has the setting at ``words``."""
        found = (row for key, row in self._rows.items() if any(item == words for item, _ in key))
        return next(found, None)

    def rows(self) -> Sequence[FieldRow | ItemRow]:
        """Its rows, in order."""
        return tuple(self._rows.values())

    def _show_rows(self, group: Group) -> None:
        wanted = {row_key(row): row for row in group.rows}
        for key in [key for key in self._rows if key not in wanted]:
            gone = self._rows.pop(key)
            gone.hide()
            self._lines.removeWidget(gone)
            gone.deleteLater()
        for place, (key, row) in enumerate(wanted.items()):
            if key not in self._rows:
                made = ItemRow(row, self.editing) if group.is_list else FieldRow(row.fields, self.editing)
                self._rows[key] = made
            line = self._rows[key]
            if self._lines.indexOf(line) != place:
                self._lines.removeWidget(line)
                self._lines.insertWidget(place, line)
            line.show_rows((row,))
        self._rows = {key: self._rows[key] for key in wanted}
        self._show_heads(group)

    def _show_heads(self, group: Group) -> None:
        is_shown = group.is_list and bool(group.rows)
        self.heads.setVisible(is_shown)
        if is_shown and self._heads.count() == 0:
            longest = max(group.rows, key=lambda row: len(row.fields))
            for field in longest.fields:
                self._heads.addWidget(ElidedLabel(tr(field.label), "small"), stretch_of(field))

    def _show_buttons(self, actions: tuple[Action, ...]) -> None:
        self._acts = actions
        self.buttons.setVisible(bool(actions))
        texts = tuple(action.text for action in actions)
        if texts == self._texts:
            return
        self._texts = texts
        self._buttons.clear()
        for index, action in enumerate(actions):
            button = QToolButton()
            button.setText(tr(action.text))
            button.setToolTip(plain_tip(tr(action.label)))
            button.setAccessibleName(tr(action.label))
            button.setProperty("role", "link")
            button.clicked.connect(lambda _=False, index=index: self.editing.act(self._acts[index]))
            self._buttons.addWidget(button)
