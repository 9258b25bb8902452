"""A line to type in above a list of what fits, the arrows going to the list."""

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import plain_label

SIDE = 10
LEAST_RIGHT = 0.4
"""Share of a line that what stands at the right may have however long the left is."""

MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class TwoSides(QStyledItemDelegate):
    """Draws what comes after a tab in a line at the right, in a quiet colour."""

    @override
    @guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        _, right = both_sides(str(index.data()), option.fontMetrics, option.rect.width() - 3 * SIDE)
        if right:
            painter.save()
            painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
            room = option.rect.adjusted(0, 0, -SIDE, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, right)
            painter.restore()

    @override
    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        width = option.rect.width() - 3 * SIDE
        option.text = both_sides(str(index.data()), option.fontMetrics, width)[0] if width > 0 else ""

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        # As wide as the list: what is longer is shortened, not scrolled.
        return QSize(0, super().sizeHint(option, index).height())


def both_sides(text: str, metrics: QFontMetrics, width: int) -> tuple[str, str]:
    """What stands left and right of the tab in ``text``, each shortened so that both fit into ``width`` pixels."""
    left, _, right = text.partition("\t")
    room = max(int(LEAST_RIGHT * width), width - metrics.horizontalAdvance(left))
    right = metrics.elidedText(right, Qt.TextElideMode.ElideMiddle, room)
    used = metrics.horizontalAdvance(right)
    return metrics.elidedText(left, Qt.TextElideMode.ElideMiddle, width - used), right


class Picker(QDialog):
    """Calls ``fill`` with what is typed, and ``choose`` with the line of the list that is taken, -1 for none."""

    def __init__(self, parent: QWidget, *, title: str, hint: str, line_name: str, list_name: str) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(460)
        self.line = QLineEdit()
        self.line.setPlaceholderText(hint)
        self.line.setAccessibleName(line_name)
        self.list = QListWidget()
        self.list.setItemDelegate(TwoSides(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName(list_name)
        self.line.textChanged.connect(self._on_text)
        self.line.installEventFilter(self)
        self.line.returnPressed.connect(self._on_chosen)
        self.list.itemActivated.connect(self._on_chosen)
        self.list.itemClicked.connect(self._on_chosen)
        self.list.currentRowChanged.connect(self._on_row)
        self.words = plain_label("", "small")
        self.words.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.addWidget(self.line)
        column.addWidget(self.list)
        column.addWidget(self.words)
        self.words.hide()

    def fill(self, text: str) -> None:
        """Put what fits ``text`` into the empty list."""
        raise NotImplementedError

    def choose(self, place: int) -> None:
        """Do what the line ``place`` of the list stands for."""
        raise NotImplementedError

    def about(self, place: int) -> str:
        """What else there is to say of the line ``place``, -1 for none; nothing by default."""
        return ""

    def _on_row(self, place: int) -> None:
        text = self.about(place)
        self.words.setText(text)
        self.words.setVisible(bool(text))

    def _on_text(self, text: str) -> None:
        self.list.clear()
        self.fill(text)
        self.list.setCurrentRow(0)
        self._on_row(self.list.currentRow())  # a list that stays empty tells of no other row

    def _on_chosen(self) -> None:
        place = self.list.currentRow()
        self.accept()
        self.choose(place)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress and event.key() in MOVES:
            self.list.keyPressEvent(event)
            return True
        return False
