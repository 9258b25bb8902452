"""Every action of the window, made from the tables of its menus."""

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QWidget

from moe_studio.gui.command.command import Command
from moe_studio.gui.command.edit_menu import EDIT
from moe_studio.gui.command.file_menu import FILE
from moe_studio.gui.command.graph_menu import GRAPH
from moe_studio.gui.command.help_menu import HELP
from moe_studio.gui.command.layout_menu import LAYOUT
from moe_studio.gui.command.look_menu import LOOKS
from moe_studio.gui.command.verbs import Verbs
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_tip

COMMANDS: tuple[Command, ...] = (*FILE, *EDIT, *LAYOUT, *GRAPH, *LOOKS, *HELP)
MENUS = ("File", "Edit", "View", "Help")


def make_actions(parent: QWidget, verbs: Verbs, commands: Iterable[Command] = COMMANDS) -> dict[str, QAction]:
    """The actions of the tables, by name; they work wherever the focus is in ``parent``."""
    made: dict[str, QAction] = {}
    choices: dict[str, QActionGroup] = {}
    for command in commands:
        action = QAction(tr(command.text), parent)
        action.setToolTip(plain_tip(tr(command.tip)))
        action.setStatusTip(tr(command.tip))
        action.setWhatsThis(twin_text(command))
        action.setShortcuts([QKeySequence(key) for key in command.keys])
        action.triggered.connect(_runner(command, verbs))
        parent.addAction(action)
        if command.is_chosen is not None:
            if command.menu not in choices:
                choices[command.menu] = QActionGroup(parent)
            action.setCheckable(True)
            action.setActionGroup(choices[command.menu])
        made[command.name] = action
    return made


def tick_choices(actions: Mapping[str, QAction], verbs: Verbs, commands: Iterable[Command] = COMMANDS) -> None:
    """Tick the current one of the choices in each menu."""
    for command in commands:
        # Ticking one takes the tick from the one before.
        if command.is_chosen is not None and command.is_chosen(verbs):
            actions[command.name].setChecked(True)


def twin_text(command: Command) -> str:
    """What does the same on the command line, or why nothing does."""
    if command.twin:
        return tr("On the command line: {command}", command=command.twin)
    return tr("Not on the command line: {reason}", reason=tr(command.reason))


def _runner(command: Command, verbs: Verbs) -> Callable[[], None]:
    def run() -> None:
        # What is being typed into a form is a step of its own, before this one.
        verbs.edits.finish()
        command.run(verbs)

    return run
