"""``moe-studio [PROJECT]``: opens the window."""

from pathlib import Path
from typing import Annotated

import typer

from moe_studio.cli import COMMANDS
from moe_studio.cli.window import has_display, missing_qt
from moe_studio.errors import MoeStudioError
from moe_studio.storage.nearest import nearest_hint


def command(
    project: Annotated[
        Path | None, typer.Argument(metavar="PROJECT", help="Project file to open.", show_default=False)
    ] = None,
) -> int:
    """Open the window.

    \b
    Examples:
      moe-studio
      moe-studio design.moe.yaml
    """
    if project is not None and not project.exists():
        hint = f"; {nearest_hint(str(project), COMMANDS)}" if project.parent == Path() and not project.suffix else "."
        raise MoeStudioError(f"There is no command and no project file {str(project)!r}{hint}")
    if not has_display():
        raise MoeStudioError("There is no display to open a window on; moe-studio screenshot draws it to a file.")
    # Qt is imported only where a window is wanted.
    try:
        from moe_studio.gui.app import run
    except ImportError as error:
        raise missing_qt(error) from error

    return run(None if project is None else str(project))
