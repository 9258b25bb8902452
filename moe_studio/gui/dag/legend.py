"""What colours, shapes and lines of the graph mean, in as many lines as that takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from moe_studio.graph.edge import COMMUNICATION, DATA, ORDER
from moe_studio.graph.operator import SHAPES
from moe_studio.gui.dag.draw import PATH_WIDTH, STYLES, draw_mark, draw_shape
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font

SIGN, GAP, LINE = 16, 10, 17
MOST_LINES = 3
LINES = ((DATA, "data flow"), (COMMUNICATION, "sent"), (ORDER, "order"))
"""Kinds of edges, with what they are called."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A sign and its meaning: ``sign`` is a shape, ``path``, or the number of a kind of edge."""

    sign: str | int
    name: str
    color: QColor


def entries(classes: Sequence[tuple[str, QColor]], theme: Theme, *, has_path: bool, has_order: bool) -> list[Entry]:
    """The longest path, classes of operators by their colours, and kinds of edges."""
    found = [Entry("path", "longest path", theme.color("path"))] if has_path else []
    found += [Entry(SHAPES.get(name, "box"), name, color) for name, color in classes]
    for kind, name in LINES:
        color = theme.family("communication") if kind == COMMUNICATION else theme.color("muted")
        if kind != ORDER or has_order:
            found.append(Entry(kind, name, color))
    return found


class GraphLegend(QWidget):
    """Signs with their meanings."""

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self._theme = theme
        self._entries: list[Entry] = []

    def show_entries(self, wanted: Sequence[Entry], theme: Theme) -> None:
        """Show these."""
        self._entries, self._theme = list(wanted), theme
        self.setAccessibleName(", ".join(tr(entry.name) for entry in wanted))
        self.update()

    def needed(self, width: int, beside: int) -> int:
        """Height that shows all entries in this width, and leaves ``beside`` pixels at the end of the last line."""
        metrics = QFontMetrics(ui_font(11))
        last, end = 0, 0
        for entry, place in self._places(width):
            last, end = place.y() // LINE, place.x() + SIGN + 4 + metrics.horizontalAdvance(tr(entry.name)) + GAP
        lines = last + 1 + (end + beside > width)
        return min(MOST_LINES, lines) * LINE + 3

    def _places(self, width: int) -> Iterator[tuple[Entry, QPoint]]:
        metrics = QFontMetrics(ui_font(11))
        x = y = 0
        for entry in self._entries:
            room = SIGN + 4 + metrics.horizontalAdvance(tr(entry.name))
            if x and x + room > width:
                x, y = 0, y + LINE
            yield entry, QPoint(x, y)
            x += room + GAP

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(ui_font(11))
        for entry, place in self._places(self.width()):
            self._draw_sign(painter, entry, QRectF(place.x(), place.y() + 4, SIGN, LINE - 7))
            painter.setPen(self._theme.color("muted"))
            painter.drawText(
                QRectF(place.x() + SIGN + 4, place.y(), self.width(), LINE),
                Qt.AlignmentFlag.AlignVCenter,
                tr(entry.name),
            )
        painter.end()

    def _draw_sign(self, painter: QPainter, entry: Entry, box: QRectF) -> None:
        line = QLineF(box.left(), box.center().y(), box.right(), box.center().y())
        if isinstance(entry.sign, int):
            painter.setPen(QPen(entry.color, 1.5, STYLES[entry.sign]))
            painter.drawLine(line)
        elif entry.sign == "path":
            painter.setPen(QPen(entry.color, PATH_WIDTH))
            painter.drawLine(line)
            draw_mark(painter, self._theme, QRectF(box.left(), box.center().y(), box.width(), 1))
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(entry.color)
            self._draw_shape(painter, entry.sign, box.adjusted(2, 0, -2, 0))

    def _draw_shape(self, painter: QPainter, shape: str, box: QRectF) -> None:
        if shape == "box":
            painter.drawRoundedRect(box, 2, 2)
        else:
            draw_shape(painter, shape, box)
