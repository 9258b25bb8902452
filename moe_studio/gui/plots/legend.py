"""What the colours of a chart stand for."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font

Entry = tuple[str, QColor]

SWATCH, GAP, HEIGHT = 9, 12, 18


class Legend(QWidget):
    """Small squares with words, as many as there is room for."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._entries: tuple[Entry, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_entries(self, entries: Sequence[Entry], theme: Theme) -> None:
        """Show these words with their colours."""
        shown = tuple((tr(text), color) for text, color in entries)
        if shown == self._entries and theme is self._theme:
            return
        self._entries, self._theme = shown, theme
        words = ", ".join(text for text, _ in self._entries)
        self.setAccessibleName(tr("Legend: {words}", words=words) if words else "")
        self.update()

    @property
    def has_entries(self) -> bool:
        """Whether there is anything to show."""
        return bool(self._entries)

    @override
    def sizeHint(self) -> QSize:
        return QSize(60, HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.draw(painter, QRectF(self.rect()))
        painter.end()

    def draw(self, painter: QPainter, box: QRectF) -> None:
        """Draw the entries at the right of ``box``; those that have no room are left out."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(ui_font(11))
        metrics = QFontMetricsF(ui_font(11))
        widths = [SWATCH + 5 + metrics.horizontalAdvance(text) for text, _ in self._entries]
        shown = list(zip(self._entries, widths, strict=True))
        while shown and sum(width for _, width in shown) + GAP * (len(shown) - 1) > box.width():
            shown.pop()
        x = box.right() - sum(width for _, width in shown) - GAP * (len(shown) - 1)
        for (text, color), width in shown:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawRoundedRect(QRectF(x, box.center().y() - SWATCH / 2, SWATCH, SWATCH), 2, 2)
            painter.setPen(self._theme.color("muted"))
            place = QRectF(x + SWATCH + 5, box.top(), width - SWATCH - 4, box.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)
            x += width + GAP
