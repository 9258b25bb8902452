"""Docks with a quiet title row."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_label

HEAD = 36

SCREEN_SHARE = 0.94
"""A dialog leaves some of the screen to the window below it."""


class TitleRow(QWidget):
    """The title of a panel, with room for a few controls at its right."""

    def __init__(self, title: str, *controls: QWidget) -> None:
        super().__init__()
        self.setProperty("role", "dock_title")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 4, 8, 0)
        row.addStrut(HEAD - 4)
        row.setSpacing(4)
        row.addWidget(plain_label(title, "heading"))
        row.addSpacing(8)
        is_wide = [bool(item.sizePolicy().expandingDirections() & Qt.Orientation.Horizontal) for item in controls]
        if not any(is_wide):
            row.addStretch(1)
        for control, takes_room in zip(controls, is_wide, strict=True):
            row.addWidget(control, int(takes_room))


def fitting(size: QSize, widget: QWidget) -> QSize:
    """As much of ``size`` as the screen of ``widget`` has room for."""
    return size.boundedTo(widget.screen().availableSize() * SCREEN_SHARE)


def panel(title: str, content: QWidget, *controls: QWidget) -> QWidget:
    """``content`` as a card under its title."""
    card = QWidget()
    card.setProperty("role", "dock")
    card.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    column = QVBoxLayout(card)
    column.setContentsMargins(1, 1, 1, 1)
    column.setSpacing(0)
    if title:
        column.addWidget(TitleRow(title, *controls))
    column.addWidget(content, 1)
    return card


def dock(name: str, title: str, content: QWidget, *controls: QWidget) -> QDockWidget:
    """A dock that can be moved by its title row, closed and floated."""
    made = QDockWidget(tr(title))
    made.setObjectName(name)
    made.setAccessibleName(tr(title))
    head = TitleRow(title, *controls)
    head.setProperty("role", "dock_head")
    made.setTitleBarWidget(head)
    body = QWidget()
    body.setProperty("role", "dock_body")
    body.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    column = QVBoxLayout(body)
    column.setContentsMargins(1, 0, 1, 1)
    column.addWidget(content)
    made.setWidget(body)
    return made


def bare_dock(name: str, title: str, content: QWidget) -> QDockWidget:
    """A dock whose content has tabs, and so needs no title row."""
    made = QDockWidget(tr(title))
    made.setObjectName(name)
    made.setAccessibleName(tr(title))
    made.setTitleBarWidget(QWidget())
    body = panel("", content)
    body.setContentsMargins(11, 3, 7, 3)
    made.setWidget(body)
    return made


def toggle(text: str, tip: str, *, is_checked: bool = False) -> QToolButton:
    """A small button that stays down."""
    button = QToolButton()
    button.setText(tr(text))
    button.setToolTip(tr(tip))
    button.setAccessibleName(tr(tip))
    button.setCheckable(True)
    button.setChecked(is_checked)
    button.setProperty("flat", True)
    return button
