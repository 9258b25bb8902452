"""How changes are marked: a colour that everybody can tell from the others, and a sign."""

from PySide6.QtGui import QColor

from moe_studio.document.difference_row import Change
from moe_studio.gui.theme import Theme

SIGNS: dict[Change, str] = {"added": "+", "removed": "−", "moved": "→", "changed": "≠"}


def mark_color(theme: Theme, change: Change) -> QColor:
    """The colour of a change: green, vermilion, blue and purple of the palette for all eyes."""
    if change == "removed":
        return theme.color("path")
    return theme.family({"added": "dense", "moved": "attention"}.get(change, "routing"))
