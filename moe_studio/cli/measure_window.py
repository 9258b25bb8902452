"""What `moe-studio bench --gui` measures: the window itself, with the large example open and no display."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moe_studio.cli.measure import LARGE_EXAMPLE, Measurement, command, evaluated, networkx_ms, percentile, summary_ms
from moe_studio.engine.evaluation import Pipeline
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project

if TYPE_CHECKING:
    from moe_studio.gui.hand import Pulse, Spent

SMALL_EXAMPLE = "seed0-proposed"
STARTS = 5


def window_measurements(steps: int) -> Iterator[tuple[str, Measurement]]:
    """The window: steps of a drag, panning and zooming, the first picture, and the pulse of the event loop.

    Times are processor times, beside them ``wall`` times, which also hold what other programs took.
    """
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from moe_studio.gui.measure import drags, opened, pulses, travels

    path = example_path(LARGE_EXAMPLE)
    yardstick = networkx_ms(evaluated(Pipeline(), load_project(path)), runs=5, clock=time.process_time)
    yield "networkx_longest_path", yardstick
    hand = opened(path)
    for name, spent in drags(hand, steps):
        yield name, steps_ms(spent, yardstick)
    for name, levels in travels(hand):
        worst = max(percentile([step.cpu_s for step in level], 0.95) for level in levels)
        every = [step for level in levels for step in level]
        yield name, steps_ms(every, yardstick) | {"worst_level_p95_ms": worst * 1e3, "levels": len(levels)}
    for name, pulse in pulses(hand, path, example_path(SMALL_EXAMPLE)):
        yield name, pulse_ms(pulse)
    hand.close()
    with tempfile.TemporaryDirectory() as folder:
        yield "first_picture", command(["screenshot", str(path), "-o", str(Path(folder) / "window.png")], STARTS)


def steps_ms(spent: Sequence["Spent"], yardstick: Measurement) -> Measurement:
    """Median and 95th percentile of processor time and of wall time, in milliseconds."""
    cpu, wall = summary_ms([step.cpu_s for step in spent]), summary_ms([step.wall_s for step in spent])
    walls = {"wall_median_ms": wall["median_ms"], "wall_p95_ms": wall["p95_ms"]}
    return cpu | walls | {"networkx_ratio": yardstick["median_ms"] / cpu["median_ms"]}


def pulse_ms(pulse: "Pulse") -> Measurement:
    """How long the event loop was deaf: 99th percentile and longest, in milliseconds of wall and processor time."""
    walls, cpus = [step.wall_s for step in pulse.deaf], [step.cpu_s for step in pulse.deaf]
    return {
        "wall_p99_ms": percentile(walls, 0.99) * 1e3,
        "wall_longest_ms": max(walls) * 1e3,
        "p99_ms": percentile(cpus, 0.99) * 1e3,
        "longest_ms": max(cpus) * 1e3,
        "runs": len(walls),
    }
