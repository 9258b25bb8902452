"""``moe-studio check``: the syntax of a project file."""

from pathlib import Path
from typing import Annotated

import typer

from moe_studio import api
from moe_studio.cli.console import say
from moe_studio.errors import FileError, MoeStudioError


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Project files.", show_default=False)],
) -> int:
    """Check the syntax of project files, and print every fault with its line and column.

    A fault is printed as FILE:LINE:COLUMN: PATH: MESSAGE, which editors can jump to. Exit status 2 says
    that there are faults. Whether the design is a good one is for moe-studio validate.

    \b
    Examples:
      moe-studio check design.moe.yaml
      moe-studio check *.moe.yaml
    """
    count = 0
    for file in files:
        try:
            api.open(file)
        except FileError as error:
            count += len(error.faults)
            for fault in error.faults:
                place = f"{file}:{fault.line}:{fault.column}" if fault.line else str(file)
                say(f"{place}: {f'{fault.path}: ' if fault.path else ''}{fault.message}")
    if count:
        raise MoeStudioError(f"check: {count} fault{'s' if count > 1 else ''} found.")
    say("No faults.")
    return 0
