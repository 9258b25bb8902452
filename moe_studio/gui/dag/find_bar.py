"""A line to search the graph with: how many operators fit, and the way from one to the next."""

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.graph_filter import found_rows
from moe_studio.document.selection import operator_row, operator_selection
from moe_studio.graph.column import IntArray
from moe_studio.graph.graph import Graph
from moe_studio.gui.dag.button import tool_button
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_label, plain_tip

HINT = "Id, kind, expert, GPU: dispatch gpu 0-7 layer 2"


class FindBar(QWidget):
    """Finds operators of the whole design, whatever is in view.

    Signals:
        closed: the search is over.
        kept: only what is found shall be shown; carries the words.
    """

    closed = Signal()
    kept = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.line = QLineEdit()
        self.line.setPlaceholderText(tr(HINT))
        self.line.setAccessibleName(tr("Search operators"))
        self.line.setToolTip(plain_tip(tr(HINT)))
        self.line.setClearButtonEnabled(True)
        self.count = plain_label("", "muted")
        self.count.setMinimumWidth(64)
        self.before = tool_button("‹", "Previous (Shift+F3)")
        self.next = tool_button("›", "Next (F3)")
        self.keep = tool_button("Only these", "Show only what is found")
        self.close_button = tool_button("×", "Close the search (Esc)")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 8, 2)
        row.setSpacing(4)
        row.addWidget(self.line, 1)
        for widget in (self.count, self.before, self.next, self.keep, self.close_button):
            row.addWidget(widget)
        self.line.textChanged.connect(lambda _: self.refresh())
        self.line.installEventFilter(self)
        self.before.clicked.connect(lambda: self.step(-1))
        self.next.clicked.connect(lambda: self.step(1))
        self.keep.clicked.connect(lambda: self.kept.emit(self.line.text()))
        self.close_button.clicked.connect(self.close_bar)
        self._known: tuple[Graph, str, IntArray] | None = None
        self.hide()

    def set_document(self, document: Document) -> None:
        """Search another document."""
        self.document, self._known = document, None
        self.refresh()

    def open(self) -> None:
        """Show the line, ready to be typed into."""
        self.show()
        self.refresh()
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()

    def close_bar(self) -> None:
        """Hide the line."""
        self.hide()
        self.closed.emit()

    def found(self) -> IntArray:
        """Operators that fit what is typed."""
        graph, words = self.document.evaluation.graph, self.line.text()
        if self._known is None or self._known[0] is not graph or self._known[1] != words:
            self._known = graph, words, found_rows(graph, words)
        return self._known[2]

    def step(self, step: int) -> None:
        """Select the next or the previous operator that fits, and go on at the other end."""
        if self.isHidden() and not self.line.text():
            self.open()
            return
        rows, graph = self.found(), self.document.evaluation.graph
        if not len(rows):
            return
        row = operator_row(graph, self.document.selection)
        after = int(np.searchsorted(rows, row, side="right"))
        place = after if step > 0 else int(np.searchsorted(rows, row)) - 1
        self.document.select(operator_selection(graph, int(rows[place % len(rows)])))
        self.refresh()

    def refresh(self) -> None:
        """Count again, and say which one is selected."""
        if self.isHidden():
            return
        rows = self.found()
        row = operator_row(self.document.evaluation.graph, self.document.selection)
        place = int(np.searchsorted(rows, row))
        is_one = place < len(rows) and rows[place] == row
        if not self.line.text().strip():
            text = ""
        elif not len(rows):
            text = tr("none found")
        elif is_one:
            text = tr("{place} of {count}", place=f"{place + 1:,}", count=f"{len(rows):,}")
        else:
            text = tr("{count} found", count=f"{len(rows):,}")
        self.count.setText(text)
        for button in (self.before, self.next, self.keep):
            button.setEnabled(bool(len(rows)))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.type() is not QEvent.Type.KeyPress:
            return False
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
            return True
        return False
