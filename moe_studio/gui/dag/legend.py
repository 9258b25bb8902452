"""What colours, shapes and lines of the graph mean, in as many lines as that takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QLineF, QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from moe_studio.graph.edge import COMMUNICATION, DATA, ORDER
from moe_studio.graph.operator import SHAPES
from moe_studio.gui.dag.draw import PATH_WIDTH, STYLES, draw_mark, draw_shape
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded

SIGN, GAP, LINE = 16, 10, 17
MOST_LINES = 3
LINES = ((DATA, "data flow"), (COMMUNICATION, "sent"), (ORDER, "order"))
"""Kinds of edges, with what they are called."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A sign and its meaning: ``sign`` is a shape, ``path``, the number of a kind of edge, or empty for words alone."""

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


def is_class(entry: Entry) -> bool:
    """Whether it is a class of operators."""
    return isinstance(entry.sign, str) and entry.sign not in ("path", "")


@lru_cache(maxsize=1024)
def _width(text: str) -> int:
    return QFontMetrics(ui_font(11)).horizontalAdvance(text)


class GraphLegend(QWidget):
    """Signs with their meanings."""

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self._theme = theme
        self._entries: list[Entry] = []
        self._shown: list[Entry] = []

    def show_entries(self, wanted: Sequence[Entry], theme: Theme) -> None:
        """Show these."""
        self._entries, self._theme = list(wanted), theme
        self._shown = self._entries
        self.setAccessibleName(", ".join(tr(entry.name) for entry in wanted))
        self.update()

    def needed(self, width: int, beside: int) -> int:
        """Height that shows the entries in this width, and leaves ``beside`` pixels at the end of the last line.

        Of more classes than there is room for, such as GPUs, the first are shown, and how many more there are.
        """
        classes = [number for number, entry in enumerate(self._entries) if is_class(entry)]
        self._shown = self._entries
        lines = self._lines(width, beside)
        for left in range(len(classes) - 1, 0, -1):
            if lines <= MOST_LINES:
                break
            first, last = classes[left], classes[-1] + 1
            rest = Entry("", tr("{count} more", count=last - first), self._theme.color("muted"))
            self._shown = [*self._entries[:first], rest, *self._entries[last:]]
            lines = self._lines(width, beside)
        return min(MOST_LINES, lines) * LINE + 3

    def _lines(self, width: int, beside: int) -> int:
        last, end = 0, 0
        for entry, place in self._places(width):
            last, end = place.y() // LINE, place.x() + self._room(entry) + GAP
        return last + 1 + (end + beside > width)

    def _places(self, width: int) -> Iterator[tuple[Entry, QPoint]]:
        x = y = 0
        for entry in self._shown:
            room = self._room(entry)
            if x and x + room > width:
                x, y = 0, y + LINE
            yield entry, QPoint(x, y)
            x += room + GAP

    def _room(self, entry: Entry) -> int:
        return (SIGN + 4 if entry.sign != "" else 0) + _width(tr(entry.name))

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(ui_font(11))
        for entry, place in self._places(self.width()):
            if entry.sign != "":
                self._draw_sign(painter, entry, QRectF(place.x(), place.y() + 4, SIGN, LINE - 7))
            painter.setPen(self._theme.color("muted"))
            left = place.x() + self._room(entry) - _width(tr(entry.name))
            painter.drawText(QRectF(left, place.y(), self.width(), LINE), Qt.AlignmentFlag.AlignVCenter, tr(entry.name))
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
