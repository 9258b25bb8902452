"""Editors of one value: a line, a choice, a tick. They take text as it is typed and judge nothing themselves."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSizePolicy, QToolButton, QToolTip
from typing_extensions import override

from moe_studio.document.setting_field import MANY, Choice, Field
from moe_studio.gui.text import tr
from moe_studio.gui.theme import ui_font
from moe_studio.gui.widgets.choice import ChoiceBox
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import plain_tip

MAX_LENGTH = 2000
DIFFERENT = "—"


class LineEditor(QLineEdit):
    """A line of text; Up and Down change whole numbers by one.

    Signals:
        typed: the text was changed by hand; carries it.
        done: Enter was pressed or the focus went elsewhere.
        escaped: Esc was pressed.
        entered: it got the focus.
    """

    typed = Signal(str)
    done = Signal()
    escaped = Signal()
    entered = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.setMaxLength(MAX_LENGTH)
        self.setFont(ui_font(12))
        self.setProperty("role", "field")
        self.setMinimumWidth(34)
        self._is_whole = field.kind == "whole"
        if field.kind in ("whole", "number"):
            self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.textEdited.connect(self.typed)

    def show_field(self, field: Field, text: str | None) -> None:
        """Show the value of ``field``, or ``text`` that waits to become it."""
        self.setPlaceholderText(DIFFERENT if field.value is MANY else field.blank)
        shown = field.text if text is None else text
        if self.text() != shown:
            # What the user types must not be rewritten into another spelling under the cursor.
            place = self.cursorPosition()
            self.setText(shown)
            self.setCursorPosition(place if self.hasFocus() else 0)

    @override
    def event(self, event: QEvent) -> bool:
        # A line takes the keys of undo and redo even when it has nothing to undo; then they are the window's.
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_undo = event.matches(QKeySequence.StandardKey.Undo) and not self.isUndoAvailable()
            is_redo = event.matches(QKeySequence.StandardKey.Redo) and not self.isRedoAvailable()
            if is_undo or is_redo:
                event.ignore()
                return False
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.escaped.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._end()
            self.selectAll()
        elif self._is_whole and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._step(1 if key == Qt.Key.Key_Up else -1)
        else:
            super().keyPressEvent(event)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.selectAll()
        self.entered.emit()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        # A menu of this very line, such as that of the right button, ends nothing.
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._end()

    def _end(self) -> None:
        self.done.emit()
        self.setText(self.text())  # what was typed before is for the window to undo now, not for the line

    def _step(self, step: int) -> None:
        text = self.text().replace(",", "").strip()
        if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 16:
            self.setText(f"{int(text) + step}")
            self.typed.emit(self.text())


class ChoiceEditor(ChoiceBox):
    """One of some words. A word taken from the list is final at once; arrow keys go through them first.

    Signals:
        typed: another word was chosen; carries its value.
        done: the choice is final.
        escaped: Esc was pressed.
    """

    typed = Signal(str)
    done = Signal()
    escaped = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.setFont(ui_font(12))
        self.setProperty("role", "field")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(4)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMaxVisibleItems(20)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setPlaceholderText(DIFFERENT)
        self._choices: Sequence[Choice] = ()
        self._is_walking = False
        self.activated.connect(self._on_activated)

    def show_field(self, field: Field, text: str | None) -> None:
        """Show the value of ``field``, or ``text`` that waits to become it."""
        with QSignalBlocker(self):
            if field.choices != self._choices:
                self._choices = field.choices
                self.clear()
                self.addItems([tr(choice.text) for choice in field.choices])
                self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 28)
            value = field.value if text is None else text
            found = (index for index, choice in enumerate(field.choices) if choice.value == value)
            self.setCurrentIndex(next(found, -1))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.done.emit()
            return
        self._is_walking = True
        super().keyPressEvent(event)
        self._is_walking = False

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self.currentText():
            QToolTip.showText(event.globalPos(), f"{plain_tip(self.currentText())}<br>{self.toolTip()}", self)
            return True
        return super().event(event)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        # Scrolling through a form must not change it.
        event.ignore()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.done.emit()

    def _on_activated(self, index: int) -> None:
        if 0 <= index < len(self._choices):
            self.typed.emit(self._choices[index].value)
            if not self._is_walking:
                self.done.emit()


class CheckEditor(QCheckBox):
    """Yes or no.

    Signals:
        typed: it was ticked or cleared; carries ``yes`` or ``no``.
        done: the choice is final, which it always is.
        escaped: Esc was pressed.
    """

    typed = Signal(str)
    done = Signal()
    escaped = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.clicked.connect(self._on_clicked)

    def show_field(self, field: Field, text: str | None) -> None:
        """Show the value of ``field``, or ``text`` that waits to become it."""
        with QSignalBlocker(self):
            self.setTristate(field.value is MANY and text is None)
            if self.isTristate():
                self.setCheckState(Qt.CheckState.PartiallyChecked)
            else:
                self.setChecked(text == "yes" if text is not None else bool(field.value))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)

    def _on_clicked(self) -> None:
        self.setTristate(False)
        self.typed.emit("yes" if self.isChecked() else "no")
        self.done.emit()


Editor = LineEditor | ChoiceEditor | CheckEditor


def editor_for(field: Field) -> Editor:
    """The editor that suits ``field``."""
    if field.kind == "choice":
        return ChoiceEditor(field)
    return CheckEditor(field) if field.kind == "check" else LineEditor(field)


class SignButton(QToolButton):
    """A small button with a sign that is drawn: the bundled font has none. ``back`` or ``more``."""

    def __init__(self, sign: str, tip: str) -> None:
        super().__init__()
        self._sign = sign
        self.setProperty("role", "sign")
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.setFixedSize(QSize(22, 22))

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        role = QPalette.ColorRole.Text if self.underMouse() else QPalette.ColorRole.PlaceholderText
        color = self.palette().color(role)
        middle = QRectF(self.rect()).center()
        if self._sign == "more":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            for step in (-5, 0, 5):
                painter.drawEllipse(middle + QPointF(step, 0), 1.4, 1.4)
        else:
            painter.setPen(QPen(color, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawArc(QRectF(middle.x() - 4.5, middle.y() - 4.5, 9, 9), 130 * 16, -280 * 16)
            painter.setBrush(color)
            tip = middle + QPointF(-2.9, -3.5)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawPolygon(
                QPolygonF([tip + QPointF(-3.2, 1.6), tip + QPointF(-1.6, -3.4), tip + QPointF(2.4, 0.6)])
            )
        painter.end()
