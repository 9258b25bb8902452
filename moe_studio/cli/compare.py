"""``moe-studio compare``: two designs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from moe_studio import api
from moe_studio.cli.console import say, show_table
from moe_studio.cli.option import Json
from moe_studio.export.compare import Comparison
from moe_studio.export.summary import json_text
from moe_studio.export.verdict import bound_text, remedy_text
from moe_studio.storage.atomic import save_text
from moe_studio.units import significant, time_text


def command(
    first: Annotated[Path, typer.Argument(metavar="A", help="Project to compare with.", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="B", help="Project to compare.", show_default=False)],
    json: Json = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.{md,html}", help="Write a report instead.", show_default=False),
    ] = None,
) -> int:
    """Compare two designs: which is faster, by how much, and why.

    Exit status 1 says that one of them breaks a rule.

    \b
    Examples:
      moe-studio compare baseline.moe.yaml proposed.moe.yaml
      moe-studio compare baseline.moe.yaml proposed.moe.yaml -o comparison.html
    """
    form = api.report_format(output) if output is not None else None
    one, other = api.open(first).evaluate(), api.open(second).evaluate()
    compared = api.compare(one, other)
    if output is not None and form is not None:
        save_text(output, compared.report(format=form))
    if json:
        print(json_text(compared.summary()), end="")
    elif output is None:
        _show(compared.comparison)
    return 0 if one.is_valid() and other.is_valid() else 1


def _show(comparison: Comparison) -> None:
    first, second = comparison.names
    say(comparison.headline)
    if comparison.claim:
        say(comparison.claim)
    say()
    for reason in comparison.reasons:
        say(f"- {reason}")
    say()
    rows = [
        (
            item.name,
            item.text(item.first),
            item.text(item.second),
            "–" if item.ratio is None else f"{significant(item.ratio, 3)} ×",
        )
        for item in comparison.figures
    ]
    show_table(("figure", first, second, "ratio"), rows)
    groups = [(name, time_text(a), time_text(b)) for name, a, b in comparison.groups if a or b]
    show_table(("on the path", first, second), groups)
    for name, evaluation in ((first, comparison.first), (second, comparison.second)):
        say(f"{name}: {bound_text(evaluation)} {remedy_text(evaluation)}")
