"""What can be edited of what is selected, and a change that would help it."""

from collections.abc import Iterator, Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from moe_studio.document.advice import MOST_TRIES, Advice, advice, candidates
from moe_studio.document.history import History
from moe_studio.document.selection import NOTHING, Selection
from moe_studio.document.setting_edit import Editing
from moe_studio.document.setting_field import Field, Words
from moe_studio.document.setting_section import Row
from moe_studio.document.setting_selection import selection_fields
from moe_studio.gui.form.redraw import Redraw
from moe_studio.gui.form.row import FieldRow
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_label, plain_tip

REST_MS = 150
"""So long nothing must have changed before changes are tried."""

SLOW_OPERATORS = 400_000
"""With more operators one try takes too long for something that nobody asked for."""

LABEL_WIDTH = 84

Key = tuple[tuple[tuple[Words, ...], str], ...]


class SelectionForm(QWidget):
    """The settings of the selected things; with several of them those that all have."""

    def __init__(self, editing: Editing) -> None:
        super().__init__()
        self.editing = editing
        self.title = plain_label("", "heading")
        self.link = QToolButton()  # whoever shows the form puts it beside the sentence that it answers
        self.link.setProperty("role", "link")
        self.link.clicked.connect(self._on_link)
        self.link.hide()
        self.rows: list[FieldRow] = []
        self._key: Key = ()
        self._redraw = Redraw(self._show)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(5)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addLayout(self._lines)
        self._advice: Advice | None = None
        self._tries: Iterator[tuple[int, int, int]] | None = None
        self._about: tuple[Selection, History] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_timeout)

    def set_editing(self, editing: Editing) -> None:
        """Edit another document."""
        self.editing = editing
        self._key = ()
        self._rebuild(())
        self._forget()

    def refresh(self) -> None:
        """Show the settings of what is selected."""
        self._redraw()

    def _show(self) -> None:
        self.editing.refresh()
        document = self.editing.document
        selected = document.selected or (NOTHING,)
        found = selection_fields(document.project, selected, document.span)
        key: Key = tuple((tuple(field.words for field in row), row[0].kind) for row in found)
        if key != self._key:
            self._key = key
            self._rebuild(found)
        else:
            for line, row in zip(self.rows, found, strict=True):
                line.show_rows((Row(fields=row),))
        self.title.setText(tr("Settings") if len(selected) == 1 else tr("Settings of all {count}", count=len(selected)))
        self.setVisible(bool(found))
        self._look_for_advice()

    def focus(self, names: Sequence[str]) -> bool:
        """Go to the first field of one of these names; False if there is none."""
        for line in self.rows:
            if line.editor.row[0].words[-1] in names:
                line.editor.input.setFocus(Qt.FocusReason.TabFocusReason)
                return True
        return False

    def _rebuild(self, found: Sequence[tuple[Field, ...]]) -> None:
        gone, self.rows = self.rows, []
        for line in gone:
            line.hide()
            self._lines.removeWidget(line)
            line.deleteLater()
        for row in found:
            line = FieldRow(row, self.editing, label_width=LABEL_WIDTH)
            self.rows.append(line)
            self._lines.addWidget(line)

    # A change that would help

    def _look_for_advice(self) -> None:
        document = self.editing.document
        about = (document.selection, document.history)
        if document.is_previewing:
            self._forget()
        elif about != self._about:
            self._forget()
            self._about = about
            if len(document.selected) == 1 and len(document.evaluation.graph) <= SLOW_OPERATORS:
                self._timer.start(REST_MS)

    def _forget(self) -> None:
        self._timer.stop()
        self._about, self._advice, self._tries = None, None, None
        self.link.hide()

    def _on_timeout(self) -> None:
        """Try one change after the other, with the event loop in between."""
        document = self.editing.document
        if document.is_previewing or self._about != (document.selection, document.history):
            return
        if self._tries is None:
            self._tries = iter(list(candidates(document.evaluation, document.selection))[:MOST_TRIES])
        tried = next(self._tries, None)
        if tried is not None:
            found = advice(document, tried)
            if found is not None and (self._advice is None or found.effect.ratio < self._advice.effect.ratio):
                self._advice = found
            self._timer.start(0)
        elif self._advice is not None:
            self.link.setText(f"{self._advice.text} →")
            self.link.setToolTip(plain_tip(self._advice.drop.label))
            self.link.setAccessibleName(self._advice.text)
            self.link.show()

    def _on_link(self) -> None:
        found = self._advice
        if found is not None:
            self.editing.finish()
            self.editing.document.commit(found.drop.label, found.drop.edit)
