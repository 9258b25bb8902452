"""Fields on the screen: a label, its editor, how to reset it, and what is wrong with what was typed."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QApplication,
    QGridLayout,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from moe_studio.document.setting_draft import Change, Suggestion, allowed, allowed_because, suggestions
from moe_studio.document.setting_edit import Editing
from moe_studio.document.setting_field import NO_DEFAULT, Field
from moe_studio.document.setting_section import Action, Row
from moe_studio.document.setting_selection import together
from moe_studio.gui.form.editor import Editor, LineEditor, SignButton, editor_for
from moe_studio.gui.form.flow import FlowLayout
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import ElidedLabel, plain_label, plain_tip, set_tone

LABEL_WIDTH = 112
Chip = tuple[str, str, Callable[[], object]]


def chip(text: str, tip: str, act: Callable[[], object]) -> QPushButton:
    """A small round button for one click. A click leaves the focus where it is, so that typing goes on."""
    button = QPushButton(tr(text))
    button.setProperty("role", "chip")
    button.setToolTip(plain_tip(tr(tip)))
    button.setAccessibleName(tr(tip))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    button.clicked.connect(lambda: act())
    return button


class Note(QWidget):
    """A sentence and chips below a field; nothing at all while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.sentence = plain_label("", "small")
        self.sentence.setWordWrap(True)
        self.sentence.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.chips = QWidget()
        self._flow = FlowLayout(self.chips)
        self._shown: tuple[tuple[str, str], ...] = ()
        self._acts: list[Callable[[], object]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(4)
        column.addWidget(self.sentence)
        column.addWidget(self.chips)
        self.hide()

    def say(self, sentence: str, chips: Sequence[Chip], *, is_fault: bool) -> None:
        """Show ``sentence`` and ``chips``."""
        self.sentence.setText(tr(sentence))
        self.sentence.setVisible(bool(sentence))
        set_tone(self.sentence, "bad" if is_fault else "")
        self._acts = [act for _, _, act in chips]
        wanted = tuple((text, tip) for text, tip, _ in chips)
        if wanted != self._shown:
            self._shown = wanted
            self._fill(wanted)
        self.chips.setVisible(bool(chips))
        self.setVisible(bool(sentence or chips))

    def _act(self, index: int) -> None:
        # Pressing the button ends what was being typed, which may leave the row with fewer of them.
        if index < len(self._acts):
            self._acts[index]()

    def _fill(self, wanted: Sequence[tuple[str, str]]) -> None:
        self._flow.clear()
        for index, (text, tip) in enumerate(wanted):
            self._flow.addWidget(chip(text, tip, partial(self._act, index)))


def title_text(field: Field) -> str:
    """What a field is called where it stands alone: its label, and whose it is."""
    if not field.owner:
        return tr(field.title)
    return tr("{label} of {owner}", label=tr(field.label), owner=tr(field.owner))


class FieldEditor(QWidget):
    """The editor of a row of fields, joined to the document.

    Signals:
        looked: it got or lost the focus.
    """

    looked = Signal()

    def __init__(self, row: Sequence[Field], editing: Editing) -> None:
        super().__init__()
        self.row = tuple(row)
        self.editing = editing
        self.input: Editor = editor_for(row[0])
        self.unit = plain_label(row[0].known.unit, "small")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(self.input, 1)
        line.addWidget(self.unit)
        # A label without a parent would be shown as a window of its own.
        self.unit.setVisible(bool(row[0].known.unit))
        self.setFocusProxy(self.input)
        self.input.typed.connect(self._on_typed)
        self.input.done.connect(self._on_done)
        self.input.escaped.connect(lambda: self.editing.cancel(self.row))
        if isinstance(self.input, LineEditor):
            self.input.entered.connect(self.looked)

    @property
    def field(self) -> Field:
        """The fields of the row as one."""
        return together(self.row)

    @property
    def waiting(self) -> Change | None:
        """What was typed and could not be applied."""
        return self.editing.draft.waiting_for(self.row[0].words)

    def show_row(self, row: Sequence[Field]) -> None:
        """Show these fields, unless something is being typed into them."""
        self.row = tuple(row)
        field, waiting = self.field, self.waiting
        title, hint = title_text(field), tr(field.hint)
        if self.input.accessibleName() != title or self.input.accessibleDescription() != hint:
            self.input.setAccessibleName(title)
            self.input.setAccessibleDescription(hint)
            self.input.setToolTip(plain_tip(f"{title}: {hint}"))
        if not self.editing.is_typing_into(self.row):
            self.input.show_field(field, waiting.text if waiting else None)
        self._mark(waiting is not None)

    def _mark(self, has_fault: bool) -> None:
        if bool(self.input.property("fault")) != has_fault:
            self.input.setProperty("fault", has_fault)
            self.input.style().unpolish(self.input)
            self.input.style().polish(self.input)

    def _on_typed(self, text: str) -> None:
        self.editing.type(self.row, text)

    def _on_done(self) -> None:
        waiting = self.waiting
        if self.editing.is_typing_into(self.row):
            self.editing.finish()
        elif waiting is not None and waiting.is_ready and self.input.hasFocus():
            self.editing.enter(self.row, waiting.text)
        self.looked.emit()


class FieldRow(QWidget):
    """One setting in a line of its own."""

    def __init__(self, row: Sequence[Field], editing: Editing, *, label_width: int = LABEL_WIDTH) -> None:
        super().__init__()
        self.editing = editing
        self.label = ElidedLabel("", "fact")
        self.label.setFixedWidth(label_width)
        self.editor = FieldEditor(row, editing)
        self.reset = SignButton("back", "Reset to the default")
        self.reset.clicked.connect(self._on_reset)
        self.note = Note()
        self._shown: tuple[Field, ...] = ()
        self._is_waiting = False
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(row[0].default is not NO_DEFAULT)
        self.reset.setSizePolicy(policy)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.label, 0, 0)
        grid.addWidget(self.editor, 0, 1)
        grid.addWidget(self.reset, 0, 2)
        grid.addWidget(self.note, 1, 0, 1, 3)
        self.editor.looked.connect(lambda: QTimer.singleShot(0, self, self.show_note))
        self.show_rows((Row(fields=tuple(row)),))

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show the fields of the only row of ``rows``."""
        row, is_waiting = rows[0].fields, self.editor.waiting is not None
        if row == self._shown and not (is_waiting or self._is_waiting or self.editor.input.hasFocus()):
            return
        self._shown, self._is_waiting = row, is_waiting
        self.editor.show_row(row)
        field = self.editor.field
        self.label.setText(tr(field.label))
        self.label.setToolTip(self.editor.input.toolTip())
        usual = f"Reset to {field.text_of(field.default) or 'nothing'}"
        self.reset.setVisible(not field.is_default)
        self.reset.setToolTip(plain_tip(tr(usual)))
        self.reset.setAccessibleName(f"{title_text(field)}: {tr(usual)}")
        self.show_note()

    def show_note(self) -> None:
        """Say what is wrong, and offer values that would be right."""
        waiting, field = self.editor.waiting, self.editor.field
        has_focus = self.editor.input.hasFocus() or self.note.isAncestorOf(QApplication.focusWidget() or self.editor)
        project = self.editing.document.history.current
        chips: list[Chip] = []
        sentence = waiting.sentence if waiting else ""
        if not waiting and self.editing.is_typing_into(self.editor.row) and self.editing.is_held:
            sentence = "This makes a very large design: press Enter to work it out."
        if waiting or has_focus:
            for value in allowed(project, field)[:12]:
                if value != getattr(project.parallel, field.words[-1]):
                    act = partial(self.editing.enter, self.editor.row, f"{value}")
                    chips.append((f"{value}", f"Set {field.label} to {value}", act))
            if chips and not sentence:
                sentence = f"{allowed_because(project, field)}: {field.label} may be"
            elif chips:
                sentence += f" {allowed_because(project, field)}: it may be"
        if waiting:
            chips += chips_of(self.editing, waiting)
        self.note.say(sentence, chips, is_fault=waiting is not None)

    def _on_reset(self) -> None:
        field = self.editor.field
        value = field.default if field.kind == "choice" else field.text_of(field.default)
        self.editing.enter(self.editor.row, value)


def chips_of(editing: Editing, change: Change) -> list[Chip]:
    """A chip for each way to make ``change`` valid."""

    def made(suggestion: Suggestion) -> Chip:
        return suggestion.text, f"{change.label} {suggestion.text}", partial(editing.follow, suggestion)

    return [made(suggestion) for suggestion in suggestions(editing.document.history.current, change)]


class ItemRow(QWidget):
    """An item of a list: its fields beside each other, and what can be done to it."""

    def __init__(self, row: Row, editing: Editing) -> None:
        super().__init__()
        self.editing = editing
        self.editors = [FieldEditor((field,), editing) for field in row.fields]
        self.more = SignButton("more", tr("More"))
        self.more.clicked.connect(self._on_more)
        self.note = Note()
        column = QVBoxLayout(self)
        column.setContentsMargins(14 * row.depth, 0, 0, 0)
        column.setSpacing(2)
        line = QHBoxLayout()
        line.setSpacing(4)
        for editor in self.editors:
            line.addWidget(editor, stretch_of(editor.row[0]))
        if len(self.editors) == 1:
            line.addStretch(4)
        line.addWidget(self.more)
        column.addLayout(line)
        column.addWidget(self.note)
        self._actions: tuple[Action, ...] = ()

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show the only row of ``rows``."""
        row = rows[0]
        self._actions = row.actions
        self.more.setVisible(bool(row.actions))
        self.more.setAccessibleName(tr(f"More for {row.fields[0].owner}"))
        for editor, field in zip(self.editors, row.fields, strict=True):
            editor.show_row((field,))
        waiting = [(editor, change) for editor in self.editors if (change := editor.waiting) is not None]
        said = " ".join(change.sentence for _, change in waiting)
        chips = [item for _, change in waiting for item in chips_of(self.editing, change)]
        self.note.say(said, chips, is_fault=True)

    def _on_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action in self._actions:
            menu.addAction(tr(action.label)).triggered.connect(lambda _=False, chosen=action: self.editing.act(chosen))
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))


def stretch_of(field: Field) -> int:
    """How wide a field in a line of several is: words need more room than numbers."""
    return {"choice": 5, "text": 4}.get(field.kind, 3)
