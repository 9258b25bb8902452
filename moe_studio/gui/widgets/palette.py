"""The command palette: any action, found by a few letters of its name."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QListWidgetItem, QWidget
from shiboken6 import isValid
from typing_extensions import override

from moe_studio.gui.text import tr
from moe_studio.gui.widgets.picker import Picker


class CommandPalette(Picker):
    """A line to type in and the actions that match by name or, where none does, by what is said of them.

    Each is named, as its menu may say the half of it.
    """

    def __init__(self, parent: QWidget, entries: Sequence[tuple[str, QAction]]) -> None:
        super().__init__(
            parent,
            title=tr("Command palette"),
            hint=tr("What do you want to do?"),
            line_name=tr("Search actions"),
            list_name=tr("Actions"),
        )
        self._entries = [_Entry.of(name, action) for name, action in entries if action.isEnabled()]
        self._found: list[_Entry] = []
        self._on_text("")

    @override
    def fill(self, text: str) -> None:
        named = [entry for entry in self._entries if matches(text, entry.name)]
        self._found = named or [entry for entry in self._entries if entry.tells(text)]
        for entry in self._found:
            self.list.addItem(QListWidgetItem(f"{entry.name}\t{entry.keys}".rstrip()))

    @override
    def about(self, place: int) -> str:
        """What the action does, and what does the same on the command line."""
        return self._found[place].about if 0 <= place < len(self._found) else tr("No action has these words.")

    @override
    def choose(self, place: int) -> None:
        if 0 <= place < len(self._found) and isValid(action := self._found[place].action):
            action.trigger()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One action in words, taken when the palette opens: a menu of files may be made anew while it is open."""

    name: str
    keys: str
    about: str
    action: QAction

    @classmethod
    def of(cls, name: str, action: QAction) -> "_Entry":
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        return cls(name, keys, f"{action.statusTip()}\n{action.whatsThis()}", action)

    def tells(self, text: str) -> bool:
        """Whether every word typed stands in what is said of the action."""
        about = f"{self.name} {self.about}".lower()
        return all(word in about for word in text.lower().split())


def matches(typed: str, name: str) -> bool:
    """Whether the letters typed stand in ``name`` in this order."""
    letters = iter(name.lower())
    return all(letter in letters for letter in typed.lower() if not letter.isspace())
