"""``moe-studio providers``: who can price, and which plug-ins may."""

from typing import Annotated

import typer

from moe_studio.calibration.plugin import BUILT_IN, allow, allowed_names, forbid, installed
from moe_studio.cli.console import say, show_table
from moe_studio.cli.option import Json
from moe_studio.export.summary import json_text

MEANING = {
    "auto": "calibrated on devices of the catalogue and of the design's calibration, else fixed",
    "fixed": "shares of the datasheet's figures: arithmetic that anyone can check",
    "calibrated": "kernel models fitted to measured run times",
    "table": "your own measured run times, and calibrated where there are none",
}


def command(
    allow_name: Annotated[
        str | None, typer.Option("--allow", metavar="NAME", help="Let a plug-in be loaded from now on.")
    ] = None,
    forbid_name: Annotated[
        str | None, typer.Option("--forbid", metavar="NAME", help="Let a plug-in be loaded no longer.")
    ] = None,
    json: Json = False,
) -> int:
    """List the cost providers. Plug-ins of other packages are off, and none of their code runs, until you allow them.

    \b
    Examples:
      moe-studio providers
      moe-studio providers --allow acme
    """
    if allow_name is not None:
        found = allow(allow_name)
        say(f"{found.name}, a plug-in of {found.origin}, may be loaded now.")
    if forbid_name is not None:
        forbid(forbid_name)
        say(f"{forbid_name} may be loaded no longer.")
    if json:
        print(json_text(_rows()), end="")
    elif allow_name is None and forbid_name is None:
        show_table(("provider", "from", "allowed"), [_cells(row) for row in _rows()], words=(0, 1, 2))
    return 0


def _rows() -> list[dict[str, object]]:
    allowed = allowed_names()
    built_in = [{"name": name, "package": "", "meaning": MEANING[name], "allowed": True} for name in BUILT_IN]
    plugins = [
        {"name": item.name, "package": item.origin, "meaning": "plug-in", "allowed": item.name in allowed}
        for item in installed()
    ]
    return [*built_in, *plugins]


def _cells(row: dict[str, object]) -> tuple[str, str, str]:
    origin = f"plug-in of {row['package']}" if row["package"] else str(row["meaning"])
    return str(row["name"]), origin, "yes" if row["allowed"] else "no"
