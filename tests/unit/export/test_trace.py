"""The Chrome trace of the schedule."""

import itertools
import json
from io import StringIO
from typing import Any

import pytest

from moe_studio.export.trace import write_trace
from tests.unit.export.drawing import example

Event = dict[str, Any]


def events(name: str) -> list[Event]:
    file = StringIO()
    write_trace(example(name), file)
    content = json.loads(file.getvalue())
    assert content["displayTimeUnit"] == "ms"
    found: list[Event] = content["traceEvents"]
    return found


def test_every_operator_is_a_slice_with_its_times_in_microseconds() -> None:
    evaluation = example("seed0-baseline")
    slices = {event["name"]: event for event in events("seed0-baseline") if event["ph"] == "X"}
    assert list(slices) == evaluation.graph.names()
    for name in ("l0_q_g0", "l3_combine_g15"):
        row = evaluation.graph.row_of[name]
        assert slices[name]["ts"] == pytest.approx(evaluation.start_s[row] * 1e6)
        assert slices[name]["dur"] == pytest.approx(evaluation.duration_s[row] * 1e6)
    assert slices["l3_combine_g15"]["pid"] == 1


def test_slices_of_a_track_never_overlap() -> None:
    tracks: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for event in events("seed2-baseline"):
        if event["ph"] == "X":
            tracks.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["dur"]))
    for times in tracks.values():
        times.sort()
        for (start, duration), (following, _) in itertools.pairwise(times):
            assert start + duration <= following * (1 + 1e-9) + 1e-6


def test_tracks_are_named_after_gpus_and_streams() -> None:
    named = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in events("seed1")
        if event["name"] == "thread_name"
    }
    assert named[0, 6] == "GPU 3 compute"
    assert named[1, 17] == "GPU 8 communication"
    assert all((event["pid"], event["tid"]) in named for event in events("seed1") if event["ph"] == "X")


def test_arrows_join_the_operators_of_the_longest_path() -> None:
    steps = len(example("seed1").scheduled_path.rows) - 1
    starts = {event["id"]: event["ts"] for event in events("seed1") if event["ph"] == "s"}
    ends = {event["id"]: event["ts"] for event in events("seed1") if event["ph"] == "f"}
    assert sorted(starts) == sorted(ends) == list(range(1, steps + 1))
    assert all(starts[step] <= ends[step] for step in starts)
