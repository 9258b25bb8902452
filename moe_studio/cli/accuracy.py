"""``moe-studio accuracy``: predictions beside published figures."""

from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from moe_studio import api
from moe_studio.cli.console import say, show_table
from moe_studio.cli.option import Json
from moe_studio.errors import MoeStudioError
from moe_studio.export.summary import json_text, references
from moe_studio.locator import resource
from moe_studio.units import counted, percent_text, significant

SUFFIX = ".moe.yaml"


def command(
    projects: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PROJECT…]", help="Projects with references; the shipped ones if none."),
    ] = None,
    json: Json = False,
) -> int:
    """Predict real deployments and print the figures that are published for them, with the error of each.

    No number of the program is fitted to these: kernels are fitted to kernels.

    \b
    Examples:
      moe-studio accuracy
      moe-studio accuracy mine.moe.yaml --json
    """
    paths = projects or sorted(resource("examples", "real").glob(f"*{SUFFIX}"))
    rows = [row for path in paths for row in _rows(path)]
    errors = [abs(row["error"]) for row in rows if isinstance(row["error"], float)]
    if not rows:
        raise MoeStudioError("None of these projects has a figure under reference.")
    if json:
        print(json_text({"figures": rows, "median_error": median(errors) if errors else None}), end="")
        return 0
    header = ("design", "figure", "published", "predicted", "± 9 in 10", "error")
    show_table(header, [_cells(row) for row in rows], words=(0, 1))
    if errors:
        say(f"Median error of {counted(len(errors), 'figure')}: {percent_text(median(errors))}")
    return 0


def _rows(path: Path) -> list[dict[str, object]]:
    """One row per published figure of the project at ``path``; one without figures for a design that has none."""
    evaluation = api.open(path).evaluate().evaluation
    base: dict[str, object] = {"design": evaluation.project.name, "margin": evaluation.latency_margin}
    found = references(evaluation)
    if found:
        return [{**base, **item} for item in found]
    predicted = evaluation.metrics.tokens_per_s
    return [{**base, "metric": "tokens per second", "reference": None, "predicted": predicted, "error": None}]


def _cells(row: dict[str, object]) -> tuple[str, ...]:
    def number(name: str) -> str:
        value = row[name]
        return significant(value) if isinstance(value, float) else "–"

    def share(name: str) -> str:
        value = row[name]
        return percent_text(value) if isinstance(value, float) else "–"

    return (
        str(row["design"]),
        str(row["metric"]) + (f" ({unit})" if (unit := row.get("unit")) in ("s", "ms") else ""),
        number("reference"),
        number("predicted"),
        share("margin"),
        share("error"),
    )
