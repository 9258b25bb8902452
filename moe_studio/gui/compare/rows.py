"""How the list of differences shares its width: in columns, or where it is narrow with both values below the name."""

from collections.abc import Iterable, Sequence
from heapq import nlargest

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QTableView
from typing_extensions import override

from moe_studio.gui.widgets.guard import guarded

WHAT, WAS, IS = 1, 2, 3

PADDING, LINE, STACKED = 9, 24, 42
"""Pixels beside a text on each side, and heights of rows."""

LEAST_NAME = 120
"""Pixels that a name has beside its values, or they stand below it."""

ARROW = "→"
MEASURED = 64
"""So many of the longest texts of a column are measured; each of thousands would take too long."""

Index = QModelIndex | QPersistentModelIndex
MIDDLE, END = Qt.TextElideMode.ElideMiddle, Qt.TextElideMode.ElideRight


def shared(wanted: Sequence[int], room: int) -> list[int]:
    """Widths within ``room``: who wants less than an equal share gets it all, the others share what is left."""
    widths, left = [0] * len(wanted), max(0, room)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    for place, index in enumerate(order):
        widths[index] = min(wanted[index], left // (len(order) - place))
        left -= widths[index]
    return widths


def needed(texts: Iterable[str], metrics: QFontMetrics) -> int:
    """Width of a column that cuts none of ``texts``."""
    longest = nlargest(MEASURED, texts, key=len)
    return 2 * PADDING + max(map(metrics.horizontalAdvance, longest), default=0)


class RowDelegate(QStyledItemDelegate):
    """Cuts names in their middle, as their ends tell them apart, and values at their end."""

    is_stacked = False

    @override
    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        if index.column() == WHAT:
            option.textElideMode = MIDDLE
            if self.is_stacked:
                option.text = ""

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        if self.is_stacked and index.column() == WHAT:
            painter.save()
            self._paint_stacked(painter, option, index)
            painter.restore()

    def _paint_stacked(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """The name, and below it what was and is; the arrow keeps its place between them."""
        rect: QRect = option.rect.adjusted(PADDING, 3, -PADDING, -3)
        metrics, palette = option.fontMetrics, option.palette
        painter.setFont(option.font)
        text, line = palette.color(QPalette.ColorRole.Text), rect.height() // 2
        name, was, now = (str(index.sibling(index.row(), column).data()) for column in (WHAT, WAS, IS))
        _write(painter, QRect(rect.left(), rect.top(), rect.width(), line), name, text, MIDDLE)
        arrow = metrics.horizontalAdvance(f" {ARROW} ")
        widths = shared([metrics.horizontalAdvance(part) + 1 for part in (was, now)], rect.width() - arrow)
        below = QRect(rect.left(), rect.top() + line, widths[0], line)
        _write(painter, below, was, text, END)
        _write(painter, QRect(below.right() + 1, below.top(), arrow, line), f" {ARROW} ", text, END)
        color = index.sibling(index.row(), IS).data(Qt.ItemDataRole.ForegroundRole)
        _write(painter, QRect(below.right() + 1 + arrow, below.top(), widths[1], line), now, color or text, END)


def _write(painter: QPainter, rect: QRect, text: str, color: QColor, cut: Qt.TextElideMode) -> None:
    painter.setPen(color)
    shown = painter.fontMetrics().elidedText(text, cut, rect.width())
    painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


class RowView(QTableView):
    """A table whose Enter key chooses the row, and whose columns share its width by what is in them."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = RowDelegate(self)
        self.setItemDelegate(self.cells)
        self._wanted = [0, 0, 0]

    def fit(self, columns: Sequence[Iterable[str]]) -> None:
        """Share the width for these texts of the name, what was, and what is."""
        self._wanted = [needed(texts, self.fontMetrics()) for texts in columns]
        self._share()

    def _share(self) -> None:
        """Columns if they hold the values, else values below the names; a name may be cut in its middle."""
        room = self.viewport().width() - self.columnWidth(0)
        name, *values = self._wanted
        self._stack(is_stacked=min(name, LEAST_NAME) + sum(values) > room)
        spare = max(0, room - sum(self._wanted))
        for column, width in zip((WAS, IS), values, strict=True):
            self.setColumnWidth(column, width + spare // 3)

    def _stack(self, *, is_stacked: bool) -> None:
        for column in (WAS, IS):
            self.setColumnHidden(column, is_stacked)
        if is_stacked != self.cells.is_stacked:
            self.cells.is_stacked = is_stacked
            self.verticalHeader().setDefaultSectionSize(STACKED if is_stacked else LINE)

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.clicked.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)
