"""Labels that show text as it stands: names come from files and must never be read as markup."""

from html import escape

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QToolTip, QWidget
from typing_extensions import override

from moe_studio.gui.text import tr
from moe_studio.gui.theme import ui_font
from moe_studio.gui.widgets.guard import guarded


def plain_label(text: str, role: str = "", parent: QWidget | None = None) -> QLabel:
    """A label of plain text in the user's language; ``role`` chooses its looks in the style sheet."""
    label = QLabel(tr(text), parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(ui_font())
    if role:
        label.setProperty("role", role)
    return label


def plain_tip(text: str) -> str:
    """``text`` as a tooltip that shows it as it stands: Qt would read markup in it."""
    return f"<span>{escape(text)}</span>" if text else ""


def set_tone(widget: QWidget, tone: str) -> None:
    """Colour a label as ``good``, ``bad`` or neither."""
    if isinstance(widget, ElidedLabel):
        widget.set_tone(tone)
    else:
        _set_property(widget, "tone", tone)


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget the looks that the style sheet has for ``role``."""
    _set_property(widget, "role", role)


def _set_property(widget: QWidget, name: str, value: str) -> None:
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class ElidedLabel(QLabel):
    """A line of plain text that ends in an ellipsis where it would be cut off; the tooltip has all of it."""

    def __init__(self, text: str = "", role: str = "", *, middle: bool = False) -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(ui_font())
        self.setMinimumWidth(24)
        self._mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        self._inks: dict[tuple[str, str], QColor] = {}
        if role:
            self.setProperty("role", role)

    def set_tone(self, tone: str) -> None:
        """Colour it as ``good``, ``bad`` or neither.

        The style sheet is asked for each colour once: asking takes far longer than painting.
        """
        if (self.property("tone") or "") == tone:
            return
        self._note_ink()
        if (self._looks[0], tone) in self._inks:
            self.setProperty("tone", tone)
            self.update()
        else:
            _set_property(self, "tone", tone)
            self._note_ink()

    def _note_ink(self) -> None:
        """Remember the colour of the present looks, unless it is known: then the palette may be of another tone."""
        self.ensurePolished()
        self._inks.setdefault(self._looks, self.palette().color(self.foregroundRole()))

    @property
    def _looks(self) -> tuple[str, str]:
        return self.property("role") or "", self.property("tone") or ""

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.fontMetrics().elidedText(self.text(), self._mode, self.width())
        with QPainter(self) as painter:
            painter.setPen(self._inks.get(self._looks) or self.palette().color(self.foregroundRole()))
            painter.drawText(self.rect(), int(self.alignment().value), shown)

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.StyleChange:  # another theme
            self._inks.clear()
        elif isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip and self._needs_tip:
            QToolTip.showText(event.globalPos(), plain_tip(self.text()), self)
            return True
        return super().event(event)

    @property
    def _needs_tip(self) -> bool:
        """Whether it is cut off, and nothing else is to be said of it."""
        return not self.toolTip() and self.fontMetrics().horizontalAdvance(self.text()) > self.width()


def rule_line() -> QWidget:
    """A hairline."""
    line = QWidget()
    line.setProperty("role", "rule")
    line.setFixedHeight(1)
    line.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    return line
