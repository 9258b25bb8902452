"""``moe-studio bench``: how fast this installation is."""

from collections.abc import Iterator, Mapping
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


MEANINGS = {
    "median_ms": "half of the runs take less",
    "p95_ms": "95 of 100 runs take less",
    "p99_ms": "99 of 100 take less",
    "longest_ms": "the longest of all",
    "wall_median_ms": "half take less by the clock, with what other programs took",
    "wall_p95_ms": "95 of 100 take less by the clock",
    "wall_p99_ms": "99 of 100 times that the event loop is deaf are shorter, by the clock",
    "wall_longest_ms": "the longest time that the event loop is deaf, by the clock",
    "cpu_median_ms": "half take less time of the processor",
    "worst_level_p95_ms": "95 of 100 take less at the level of zoom that is slowest",
    "levels": "levels of zoom",
    "runs": "how often it was done",
    "networkx_ratio": "so many times faster than networkx's longest path on the same graph",
    "fixed_ratio": "so many times as long as with the fixed provider",
    "operators": "operators of the graph",
    "resident_mb": "largest memory in use",
    "seconds_found": "run time of the design by networkx",
    "seconds_of_engine": "run time of the design by the engine",
}
"""What the figures of all measurements are."""


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
        show_measurements(found)
    return 0


def show_measurements(found: Mapping[str, Measurement]) -> None:
    """Print a table for all that have the same figures, one after the other, and what the figures are."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, figures in found.items():
        alike.setdefault(tuple(figures), []).append(name)
    for columns, names in alike.items():
        show_table(("measurement", *columns), [(name, *map(_text, found[name].values())) for name in names])
    known = dict.fromkeys(column for columns in alike for column in columns)
    show_table(("figure", "what it is"), [(column, MEANINGS[column]) for column in known], words=(0, 1))


def _measured(runs: int, everything: bool) -> Iterator[tuple[str, Measurement]]:
    yield from engine_measurements(runs)
    if everything:
        yield from command_measurements()


def _text(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else significant(value)
