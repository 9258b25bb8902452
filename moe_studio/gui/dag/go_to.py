"""Going to any GPU, node, layer, expert or operator of the design by typing a little of its name."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.graph_filter import Target, targets
from moe_studio.gui.text import tr

MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class GoTo(QDialog):
    """A line to type in and the places that fit; what is chosen is selected in every view."""

    def __init__(self, parent: QWidget, document: Document) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Go to"))
        self.setMinimumWidth(460)
        self.document = document
        self.targets: list[Target] = []
        self.line = QLineEdit()
        self.line.setPlaceholderText(tr("GPU 3, layer 2, expert 17, node, or an operator"))
        self.line.setAccessibleName(tr("Search places"))
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Places"))
        self.line.textChanged.connect(self._on_text)
        self.line.installEventFilter(self)
        self.line.returnPressed.connect(self._on_chosen)
        self.list.itemActivated.connect(self._on_chosen)
        self.list.itemClicked.connect(self._on_chosen)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.addWidget(self.line)
        column.addWidget(self.list)
        self._on_text("")

    def _on_text(self, text: str) -> None:
        self.targets = targets(self.document.evaluation.graph, text, span=self.document.span)
        self.list.clear()
        for target in self.targets:
            self.list.addItem(QListWidgetItem(f"{target.title}    {tr(target.detail)}"))
        self.list.setCurrentRow(0)

    def _on_chosen(self) -> None:
        place = self.list.currentRow()
        self.accept()
        if 0 <= place < len(self.targets):
            self.document.select(self.targets[place].selection)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress and event.key() in MOVES:
            self.list.keyPressEvent(event)
            return True
        return False
