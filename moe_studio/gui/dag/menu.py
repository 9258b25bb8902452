"""Menus of the graph's tools, made from what there is to choose."""

from collections.abc import Callable, Iterable

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from moe_studio.gui.dag.button import tool_button
from moe_studio.gui.text import tr

Act = Callable[[], object]


def menu_button(text: str, tip: str) -> QToolButton:
    """A quiet button that opens a menu; ``text`` is a key of the catalogue."""
    button = tool_button(text, tip)
    button.setText(f"{tr(text)} ▾")
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setMenu(QMenu(button))
    return button


def add_switch(menu: QMenu, text: str, act: Callable[[bool], object], *, is_on: bool) -> QAction:
    """An entry with a mark that is set and taken away."""
    action = menu.addAction(text)
    action.setCheckable(True)
    action.setChecked(is_on)
    action.toggled.connect(lambda now: act(now))
    return action


def add_choices(menu: QMenu, choices: Iterable[tuple[str, Act, bool]]) -> list[QAction]:
    """Entries of which one has the mark: text, what it does, and whether it is the one in force."""
    group = QActionGroup(menu)
    made = []
    for text, act, is_on in choices:
        action = menu.addAction(text)
        action.setCheckable(True)
        action.setChecked(is_on)
        group.addAction(action)
        action.triggered.connect(_runner(act))
        made.append(action)
    return made


def _runner(act: Act) -> Callable[[bool], None]:
    def run(_is_checked: bool) -> None:
        act()

    return run
