"""The sheet of all keys, made from the table of actions."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from moe_studio.gui.actions import COMMANDS
from moe_studio.gui.command.gesture import GESTURES
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_label
from moe_studio.gui.widgets.panel import fitting

EDGE = 12
"""Room for a scroll bar."""


class ShortcutSheet(QDialog):
    """Two columns: gestures, and actions with keys."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Shortcuts"))
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(24, 20, 24, 20)
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(7)
        keys = [(_keys(command.keys), command.text) for command in COMMANDS if command.keys]
        for column, rows in ((0, GESTURES), (2, keys)):
            for row, (left, right) in enumerate(rows):
                grid.addWidget(plain_label(left, "heading"), row, column)
                grid.addWidget(plain_label(right), row, column + 1)
        area = QScrollArea()
        area.setAccessibleName(tr("Shortcuts"))
        area.setWidgetResizable(True)
        area.setWidget(inner)
        room = QVBoxLayout(self)
        room.setContentsMargins(0, 0, 0, 0)
        room.addWidget(area)
        self.resize(fitting(inner.sizeHint() + QSize(EDGE, EDGE), parent))


def _keys(keys: tuple[str, ...]) -> str:
    return ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)
