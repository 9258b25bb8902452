"""A box to choose one of some words in, by letters too."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox
from typing_extensions import override

_WITH_LETTERS = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.KeypadModifier)


class ChoiceBox(QComboBox):
    """A combo box in which letters look for a word: the window's own plain keys have to wait meanwhile."""

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            text = event.text()
            if text and text.isprintable() and event.modifiers() in _WITH_LETTERS:
                event.accept()
                return True
        return super().event(event)
