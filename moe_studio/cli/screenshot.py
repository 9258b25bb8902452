"""``moe-studio screenshot``: the window as a picture."""

import re
from typing import Annotated, Literal

import typer

from moe_studio.cli.option import Output, Project
from moe_studio.cli.window import missing_qt
from moe_studio.errors import MoeStudioError

MAX_SIDE = 16384


def command(
    project: Project,
    output: Output,
    tab: Annotated[str, typer.Option(help="Tab to show, such as breakdown or problems.", show_default=False)] = "",
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the window in pixels.")] = "1600x1000",
    theme: Annotated[Literal["light", "dark"], typer.Option(help="Colours.")] = "light",
) -> int:
    """Draw the window on a project to a PNG, without showing it; no display is needed.

    \b
    Examples:
      moe-studio screenshot design.moe.yaml -o window.png
      moe-studio screenshot design.moe.yaml -o problems.png --tab problems --theme dark --size 1920x1080
    """
    found = re.fullmatch(r"(\d{2,5})[x×](\d{2,5})", size)
    if found is None or not all(100 <= int(side) <= MAX_SIDE for side in found.groups()):
        raise MoeStudioError(f"--size must look like 1600x1000, with sides from 100 to {MAX_SIDE}, not {size[:20]!r}.")
    # Qt is imported only where a window is wanted.
    try:
        from moe_studio.gui.app import screenshot
        from moe_studio.gui.workspace import TABS
    except ImportError as error:
        raise missing_qt(error) from error

    if tab and tab not in TABS:
        raise MoeStudioError(f"There is no tab {tab[:20]!r}; the tabs are {', '.join(TABS)}.")
    screenshot(project, output, tab=tab, size=(int(found[1]), int(found[2])), theme=theme)
    return 0
