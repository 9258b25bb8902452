"""Labels that show text as it stands: names come from files and must never be read as markup."""

from html import escape

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent, QPaintEvent
from PySide6.QtWidgets import QLabel, QStyleOption, QStylePainter, QToolTip, QWidget
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
        if role:
            self.setProperty("role", role)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOption()
        option.initFrom(self)
        shown = self.fontMetrics().elidedText(self.text(), self._mode, self.width())
        self.style().drawItemText(
            painter, self.rect(), int(self.alignment().value), option.palette, True, shown, self.foregroundRole()
        )
        painter.end()

    @override
    def event(self, event: QEvent) -> bool:
        is_cut = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
        if is_cut and event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and not self.toolTip():
            QToolTip.showText(event.globalPos(), plain_tip(self.text()), self)
            return True
        return super().event(event)


def rule_line() -> QWidget:
    """A hairline."""
    line = QWidget()
    line.setProperty("role", "rule")
    line.setFixedHeight(1)
    line.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    return line
