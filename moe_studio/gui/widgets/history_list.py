"""The list of states; a click goes there."""

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QListWidget, QVBoxLayout, QWidget

from moe_studio.document.history import History
from moe_studio.gui.text import tr
from moe_studio.gui.theme import ui_font


class HistoryList(QWidget):
    """Every state of this session, oldest first; what was undone stays until something else is done.

    Signals:
        chosen: a state was clicked; carries its place in the history.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.list = QListWidget()
        self.list.setAccessibleName(tr("History"))
        self.list.setFont(ui_font(12))
        self.list.currentRowChanged.connect(self._on_row)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.addWidget(self.list)
        self._shown: History | None = None

    def show_history(self, history: History) -> None:
        """Show ``history``, unless it is shown already."""
        if history is self._shown:
            return
        with QSignalBlocker(self.list):
            self._fill(history)
        self._shown = history

    def _fill(self, history: History) -> None:
        if self._shown is None or not _same(self._shown, history):
            self.list.clear()
            self.list.addItems([tr(entry.label) for entry in history.entries])
        self.list.setCurrentRow(history.cursor)

    def _on_row(self, row: int) -> None:
        if row >= 0 and self._shown and row != self._shown.cursor:
            self.chosen.emit(row)


def _same(first: History, second: History) -> bool:
    """Whether both have the very same states: comparing projects by content would take long."""
    if len(first.entries) != len(second.entries):
        return False
    return all(a is b for a, b in zip(first.entries, second.entries, strict=True))
