"""Quiet buttons of the graph's tools."""

from PySide6.QtWidgets import QToolButton

from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_tip


def tool_button(text: str, tip: str) -> QToolButton:
    """A quiet button with a text, or a sign."""
    button = QToolButton()
    button.setText(tr(text))
    button.setToolTip(plain_tip(tr(tip)))
    button.setAccessibleName(tr(tip))
    button.setProperty("flat", True)
    return button


def arrow_button(text: str, tip: str) -> QToolButton:
    """A button that is no wider than its sign needs."""
    button = tool_button(text, tip)
    button.setProperty("role", "arrow")
    return button
