"""``moe-studio examples``: the designs that ship with the program."""

from pathlib import Path
from typing import Annotated

import typer

from moe_studio import api
from moe_studio.cli.console import say, show_table
from moe_studio.cli.option import Force, Json, refuse_existing
from moe_studio.errors import MoeStudioError
from moe_studio.export.summary import json_text
from moe_studio.storage.atomic import save_text
from moe_studio.storage.catalogue import example_path


def command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Example to copy.", show_default=False)] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to copy it to; here, without.", show_default=False),
    ] = None,
    json: Json = False,
    force: Force = False,
) -> int:
    """List the example projects, or copy one.

    \b
    Examples:
      moe-studio examples
      moe-studio examples seed0-proposed
      moe-studio examples seed0-proposed -o mine.moe.yaml
    """
    if name is not None:
        return _copy(name, output, force=force)
    if output is not None:
        raise MoeStudioError("Name the example to copy; moe-studio examples lists them.")
    titles = [(each, api.example(each).name) for each in api.examples()]
    if json:
        print(json_text([{"name": each, "title": title} for each, title in titles]), end="")
    else:
        show_table(("name", "title"), titles, words=(0, 1))
        say("Copy one with: moe-studio examples NAME -o FILE")
    return 0


def _copy(name: str, output: Path | None, *, force: bool) -> int:
    source = example_path(name)
    target = output or Path(source.name)
    refuse_existing(target, force=force)
    save_text(target, source.read_text("utf-8"))
    say(f"{target}: {api.open(target).name}")
    return 0
