"""The settings of the design: sections with a search, and what waits to be applied."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.setting_edit import Editing
from moe_studio.document.setting_field import Words
from moe_studio.document.setting_section import Group, matching, sections
from moe_studio.gui.form.group import GroupBox
from moe_studio.gui.form.redraw import Redraw
from moe_studio.gui.form.row import Chip, Note, chips_of
from moe_studio.gui.text import tr
from moe_studio.gui.theme import ui_font
from moe_studio.gui.widgets.label import plain_label

COLUMN, WIDEST = 330, 430
NAV = 132


class SearchLine(QLineEdit):
    """Where one types what to look for; Esc clears it, Down goes to what was found."""

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText(tr("Find a setting"))
        self.setAccessibleName(tr("Find a setting"))
        self.setClearButtonEnabled(False)
        self.setFont(ui_font(12))
        self.setProperty("role", "field")

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return):
            self.focusNextChild()
        else:
            super().keyPressEvent(event)


class SettingsPanel(QWidget):
    """All settings as forms. Nothing is worked out while it is hidden."""

    def __init__(self, editing: Editing) -> None:
        super().__init__()
        self.editing = editing
        self.setAccessibleName(tr("Settings"))
        self.search = SearchLine()
        self.nav = QListWidget()
        self.nav.setAccessibleName(tr("Sections"))
        self.nav.setFont(ui_font(12))
        self.nav.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.waiting = QWidget()
        self._waiting = QVBoxLayout(self.waiting)
        self._waiting.setContentsMargins(0, 0, 0, 8)
        self.empty = plain_label("No setting is called so.", "muted")
        self._columns: list[QVBoxLayout] = []
        self._boxes: dict[tuple[str, str], GroupBox] = {}
        self._shown: tuple[tuple[str, str], ...] = ()
        self._count = 0
        self._redraw = Redraw(self._show)
        self._build()
        self.search.textChanged.connect(lambda _: self.refresh())
        self.nav.currentRowChanged.connect(self._on_section)

    def _build(self) -> None:
        self.inner = QWidget()
        column = QVBoxLayout(self.inner)
        column.setContentsMargins(4, 2, 10, 8)
        column.setSpacing(0)
        column.addWidget(self.waiting)
        column.addWidget(self.empty)
        self._row = QHBoxLayout()
        self._row.setSpacing(28)
        column.addLayout(self._row)
        column.addStretch(1)
        self.area.setWidget(self.inner)
        side = QVBoxLayout()
        side.setSpacing(6)
        side.addWidget(self.search)
        side.addWidget(self.nav, 1)
        self.search.setFixedWidth(NAV)
        self.nav.setFixedWidth(NAV)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 4, 4)
        row.setSpacing(16)
        row.addLayout(side)
        row.addWidget(self.area, 1)

    # Showing

    def set_editing(self, editing: Editing) -> None:
        """Edit another document."""
        self.editing = editing
        self._clear()
        self.refresh()

    def refresh(self) -> None:
        """Show the settings as they are, and what waits."""
        if not self.isVisible():
            return
        # What a drag previews is not worth a frame's time here; its drop is.
        if self.editing.document.is_previewing and not self.editing.is_typing and self._shown:
            return
        self._redraw()

    def _show(self) -> None:
        editing = self.editing
        editing.refresh()
        table = sections(editing.document.project, editing.draft.values)
        titles = [tr(section.title) for section in table]
        if [self.nav.item(row).text() for row in range(self.nav.count())] != titles:
            self.nav.clear()
            self.nav.addItems(titles)
            self.nav.setCurrentRow(0)
        text = self.search.text().strip()
        chosen = table[max(0, self.nav.currentRow())]
        self._show_groups(matching(table, text) if text else chosen.groups, "" if text else chosen.title)
        self._show_waiting()

    def has(self, path: str) -> bool:
        """Whether there is a field at ``path``, or below it."""
        return self._place(path) is not None

    def reveal(self, path: str) -> None:
        """Bring the field at ``path``, or the first below it, into view and give it the focus."""
        found = self._place(path)
        if found is not None:
            number, words = found
            self.search.clear()
            self.refresh()
            self.nav.setCurrentRow(number)
            self._focus(words)

    def _place(self, path: str) -> tuple[int, Words] | None:
        """The number of the section that has the field at ``path``, and the words of that field."""
        table = sections(self.editing.document.project, self.editing.draft.values)
        every = [
            (number, field)
            for number, section in enumerate(table)
            for group in section.groups
            for row in group.rows
            for field in row.fields
        ]
        exact = ((number, field.words) for number, field in every if field.path == path)
        below = ((number, field.words) for number, field in every if field.path.startswith((f"{path}.", f"{path}[")))
        return next(exact, next(below, None))

    def start_search(self) -> None:
        """Let a setting be found by its name."""
        self.search.setFocus()
        self.search.selectAll()

    @property
    def boxes(self) -> Sequence[GroupBox]:
        """The groups that are shown, in order."""
        return [self._boxes[key] for key in self._shown]

    def _focus(self, words: Words) -> None:
        for box in self.boxes:
            row = box.row_of(words)
            if row is None:
                continue
            editors = row.editors if hasattr(row, "editors") else [row.editor]
            for editor in editors:
                if editor.row[0].words == words:
                    editor.input.setFocus(Qt.FocusReason.TabFocusReason)
            self.area.ensureWidgetVisible(row)

    def _show_groups(self, groups: Sequence[Group], section: str) -> None:
        wanted = {(section, f"{group.title} {group.is_list}"): group for group in groups}
        for key in [key for key in self._boxes if key not in wanted]:
            box = self._boxes.pop(key)
            box.hide()
            box.deleteLater()
        for key, group in wanted.items():
            if key not in self._boxes:
                self._boxes[key] = GroupBox(self.editing)
            self._boxes[key].show_group(group)
        if tuple(wanted) != self._shown or not self._columns:
            self._shown = tuple(wanted)
            self._arrange()
        self.empty.setVisible(not wanted)

    def _arrange(self) -> None:
        """Fill columns of about the same height, in order."""
        count = max(1, min(self.area.viewport().width() // COLUMN, len(self._shown) or 1))
        while len(self._columns) < count:
            column = QVBoxLayout()
            column.setSpacing(0)
            column.addStretch(1)
            self._columns.append(column)
            self._row.addLayout(column, 1)
        heights = [box.height_guess for box in self.boxes]
        total, filled, place = sum(heights), 0, 0
        for box, height in zip(self.boxes, heights, strict=True):
            # No column is left out, however high the first group is.
            place = min(count - 1, place + 1, int((filled + height / 2) * count / total)) if filled else 0
            for former in self._columns:
                former.removeWidget(box)
            column = self._columns[place]
            column.insertWidget(column.count() - 1, box)
            box.show()
            filled += height
        for number in range(len(self._columns)):
            self._row.setStretch(number, 1 if number < count else 0)
        self.inner.setMaximumWidth(count * WIDEST)
        self._count = count

    def _show_waiting(self) -> None:
        changes = self.editing.draft.changes
        hidden = [change for change in changes if not self._has_field(change.key[0])]
        while self._waiting.count() > len(hidden):
            item = self._waiting.takeAt(self._waiting.count() - 1)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for index, change in enumerate(hidden):
            item = self._waiting.itemAt(index)
            note = item.widget() if item is not None else None
            if not isinstance(note, Note):
                note = Note()
                self._waiting.addWidget(note)
            discard: Chip = ("Discard", f"Discard: {change.label}", partial(self.editing.discard, change))
            sentence = f"Waits: {change.label}. {change.sentence}"
            note.say(sentence, [*chips_of(self.editing, change), discard], is_fault=True)
        self.waiting.setVisible(bool(hidden))

    def _has_field(self, words: Words) -> bool:
        return any(box.row_of(words) is not None for box in self.boxes)

    def _clear(self) -> None:
        for box in self._boxes.values():
            box.hide()
            box.deleteLater()
        self._boxes, self._shown = {}, ()

    def _on_section(self, row: int) -> None:
        if row >= 0:
            self.search.clear()
            self.refresh()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._shown and max(1, self.area.viewport().width() // COLUMN) != self._count:
            self._arrange()

    @override
    def sizeHint(self) -> QSize:
        return QSize(640, 240)
