"""The command palette: any action, found by a few letters of its name."""

from collections.abc import Sequence

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QListWidgetItem, QWidget
from typing_extensions import override

from moe_studio.gui.text import tr
from moe_studio.gui.widgets.picker import Picker


class CommandPalette(Picker):
    """A line to type in and the actions that match; each is named, as its menu may say the half of it."""

    def __init__(self, parent: QWidget, entries: Sequence[tuple[str, QAction]]) -> None:
        super().__init__(
            parent,
            title=tr("Command palette"),
            hint=tr("What do you want to do?"),
            line_name=tr("Search actions"),
            list_name=tr("Actions"),
        )
        self._entries = [(name, action) for name, action in entries if action.isEnabled()]
        self._found: list[QAction] = []
        self._on_text("")

    @override
    def fill(self, text: str) -> None:
        found = [(name, action) for name, action in self._entries if matches(text, name)]
        self._found = [action for _, action in found]
        for name, action in found:
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            self.list.addItem(QListWidgetItem(f"{name}\t{keys}".rstrip()))

    @override
    def about(self, place: int) -> str:
        """What the action does, and what does the same on the command line."""
        if not 0 <= place < len(self._found):
            return ""
        return f"{self._found[place].statusTip()}\n{self._found[place].whatsThis()}"

    @override
    def choose(self, place: int) -> None:
        if 0 <= place < len(self._found):
            self._found[place].trigger()


def matches(typed: str, name: str) -> bool:
    """Whether the letters typed stand in ``name`` in this order."""
    letters = iter(name.lower())
    return all(letter in letters for letter in typed.lower() if not letter.isspace())
