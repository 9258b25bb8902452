"""What the colours of a chart stand for."""

from collections.abc import Sequence
from functools import cache

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded

Entry = tuple[str, QColor]

SWATCH, GAP, HEIGHT, LINE = 9, 12, 18, 16


class Legend(QWidget):
    """Small squares with words: at the right of one line, or below each other in as many lines as they need."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._entries: tuple[Entry, ...] = ()
        self.is_below = False
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

    @property
    def needed(self) -> float:
        """Width of all of them in one line."""
        return _width_of(list(map(_width, self._entries)))

    def height_in(self, width: float) -> int:
        """Height of the lines that they need in ``width``."""
        return LINE * len(self._lines(width))

    def place(self, *, is_below: bool, width: float) -> None:
        """Stand in lines of their own that are ``width`` wide, or in the line of the title."""
        self.is_below = is_below
        self.setFixedHeight(self.height_in(width) if is_below else HEIGHT)

    def _lines(self, width: float) -> list[list[Entry]]:
        """The entries in their order, in as few lines as they need."""
        lines: list[list[Entry]] = []
        for entry in self._entries:
            if lines and _width_of([_width(other) for other in (*lines[-1], entry)]) <= width:
                lines[-1].append(entry)
            else:
                lines.append([entry])
        return lines

    @override
    def sizeHint(self) -> QSize:
        return QSize(60, HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.draw(painter, QRectF(self.rect()), is_left=self.is_below)
        painter.end()

    def draw(self, painter: QPainter, box: QRectF, *, is_left: bool) -> None:
        """Draw the entries in lines from the top of ``box``, at its left or at its right."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(ui_font(11))
        lines = self._lines(box.width())
        for number, line in enumerate(lines):
            middle = box.top() + box.height() * (number + 0.5) / len(lines)
            x = box.left() if is_left else box.right() - _width_of([_width(entry) for entry in line])
            for text, color in line:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color)
                painter.drawRoundedRect(QRectF(x, middle - SWATCH / 2, SWATCH, SWATCH), 2, 2)
                painter.setPen(self._theme.color("muted"))
                width = _width((text, color))
                place = QRectF(x + SWATCH + 5, middle - HEIGHT / 2, width - SWATCH - 4, HEIGHT)
                painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)
                x += width + GAP
        # What is drawn next would be filled with the last colour.
        painter.restore()


def _width(entry: Entry) -> float:
    return SWATCH + 5 + _metrics().horizontalAdvance(entry[0])


@cache
def _metrics() -> QFontMetricsF:
    return QFontMetricsF(ui_font(11))


def _width_of(widths: Sequence[float]) -> float:
    """Width of a line of entries that are so wide."""
    return sum(widths) + GAP * max(0, len(widths) - 1)
