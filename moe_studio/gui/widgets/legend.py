"""A legend: names beside squares of their colours."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from moe_studio.gui.text import tr
from moe_studio.gui.theme import ui_font
from moe_studio.gui.widgets.guard import guarded

SQUARE, GAP = 9, 10


class Legend(QWidget):
    """Entries in one line, as many as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[tuple[str, QColor], ...] = ()
        self._text = QColor()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_entries(self, entries: Sequence[tuple[str, QColor]], text: QColor) -> None:
        """Show these names with their colours."""
        self._entries, self._text = tuple((tr(name), color) for name, color in entries), text
        self.setAccessibleName(", ".join(name for name, _ in self._entries))
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(ui_font(11))
        return QSize(sum(metrics.horizontalAdvance(name) + SQUARE + 5 + GAP for name, _ in self._entries), 18)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(ui_font(11))
        x = 0.0
        for name, color in self._entries:
            width = painter.fontMetrics().horizontalAdvance(name)
            if x + SQUARE + 5 + width > self.width():
                break
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawRoundedRect(QRectF(x, (self.height() - SQUARE) / 2, SQUARE, SQUARE), 2, 2)
            painter.setPen(self._text)
            painter.drawText(QRectF(x + SQUARE + 5, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, name)
            x += SQUARE + 5 + width + GAP
        painter.end()
