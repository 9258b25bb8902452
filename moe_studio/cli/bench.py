"""``moe-studio bench``: how fast this installation is."""

from collections.abc import Iterator
from typing import Annotated

import typer

from moe_studio.cli.console import show_table
from moe_studio.cli.measure import Measurement, command_measurements, engine_measurements
from moe_studio.cli.measure_window import window_measurements
from moe_studio.cli.option import Json
from moe_studio.export.summary import json_text
from moe_studio.units import significant

Runs = Annotated[int, typer.Option("--runs", min=5, max=10_000, help="Moves to measure, or steps of each drag.")]
Window = Annotated[bool, typer.Option("--gui", help="Measure the window instead: dragging, zooming, opening.")]
Everything = Annotated[bool, typer.Option("--all", help="Also cold starts, the window, and full exports (a minute).")]


def command(runs: Runs = 100, window: Window = False, everything: Everything = False, json: Json = False) -> int:
    """Measure the engine or the window on the large example (154,240 operators), in one run with networkx.

    networkx_ratio says how many times faster than networkx's longest path on the same graph. The window's
    times are processor times up to the last pixel painted; its wall times are given beside them.

    \b
    Examples:
      moe-studio bench
      moe-studio bench --gui
      moe-studio bench --all --json
    """
    found = dict(window_measurements(runs) if window else _measured(runs, everything))
    if json:
        print(json_text(found), end="")
    else:
        columns = list(dict.fromkeys(name for figures in found.values() for name in figures))
        rows = [(name, *(_text(figures.get(column)) for column in columns)) for name, figures in found.items()]
        show_table(("measurement", *columns), rows)
    return 0


def _measured(runs: int, everything: bool) -> Iterator[tuple[str, Measurement]]:
    yield from engine_measurements(runs)
    if everything:
        yield from command_measurements()


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) else significant(value)
