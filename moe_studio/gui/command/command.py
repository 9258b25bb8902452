"""What an action is, and why some have no twin on the command line."""

from collections.abc import Callable
from dataclasses import dataclass

from moe_studio.gui.command.verbs import Verbs

LOOK = "It changes only what the window shows."
TEXT = "A project file is text: change it in any editor, or with moe_studio in Python."
HISTORY = "Commands never change a project file, so there is nothing to take back."
SAVED = "Every command writes its file at once."
READ = "Every command reads the file anew."
PAPER = "It asks for a printer; write a PDF there and print that."
CHARTS = "A report as HTML holds the drawings."


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One action: its text, what it does, its keys, and the menu it stands in."""

    name: str
    text: str
    tip: str
    menu: str
    run: Callable[[Verbs], object]
    twin: str = ""
    """The command that does the same without a window."""
    reason: str = ""
    """Why there is none."""
    keys: tuple[str, ...] = ()
    begins_group: bool = False
    is_general: bool = False
    """Whether it makes sense without a design, on the start page, too."""
    is_chosen: Callable[[Verbs], bool] | None = None
    """Whether it is the current one of the choices in its menu; None if the menu is no choice."""
