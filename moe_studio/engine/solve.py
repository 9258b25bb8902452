"""When the operators of one unit start and finish, given when its inputs and streams are ready."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moe_studio.engine.cost import LayerCost, group_max
from moe_studio.engine.program import Item, Unit
from moe_studio.engine.state import COMM, COMPUTE, NEVER, State, Values
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.layer import Run
from moe_studio.graph.operator import Sync
from moe_studio.graph.stage import Stage, sync_size


@dataclass(slots=True, eq=False)
class Solution:
    """Times of one unit, relative to its entry.

    ``start``, ``finish``: per item, of all rows of its layer (only those of its runs are set).
    ``entry``: the values that came in; ``streams``: when each lane's streams are free at the end (compute,
    communication; empty without streams). ``before``: streams before each run, by (item, run).
    ``loose``: by item, rows whose result nothing uses, which may end a path: local dispatches on GPUs without
    experts. ``next``: how the unit after it is entered; ``paths``: longest paths through the unit; ``span``: first
    start, last finish and time covered, per lane. All three are filled in when asked for. ``costs`` are kept alive:
    a solution is found by their identity.
    """

    start: list[FloatArray]
    finish: list[FloatArray]
    entry: Values
    values: Values
    streams: list[FloatArray]
    before: dict[tuple[int, int], FloatArray]
    loose: dict[int, IntArray]
    costs: tuple[LayerCost, ...]
    next: State | None = None
    paths: dict[object, object] = field(default_factory=dict)
    span: tuple[FloatArray, FloatArray, FloatArray] | None = None


def solve(stage: Stage, unit: Unit, entry: Values, streams: Sequence[FloatArray]) -> Solution:
    """Start and finish of every row of ``unit``; without streams, by data dependencies alone."""
    free = list(streams)
    values = dict(entry)
    before: dict[tuple[int, int], FloatArray] = {}
    starts, finishes = [], []
    for place, item in enumerate(unit.items):
        start, finish = np.empty(len(item.cost.body)), np.empty(len(item.cost.body))
        for number, run in item.numbered_runs():
            stream = stream_of(run, free)
            if stream is not None:
                before[place, number] = free[stream]
            ready = free[stream] if stream is not None else None
            if run.kind.is_expert:
                after = _run_experts(stage, item, run, ready, values, start, finish)
            else:
                after = _run_lanes(stage, item, run, ready, values, start, finish)
            values[item.key(number)] = finish[run.rows]
            if stream is not None and after is not None:
                free[stream] = after
        starts.append(start)
        finishes.append(finish)
    kept = {key: values[key] for key in (*unit.gives, *(key for _, key in unit.gives_output))}
    costs = tuple(item.cost for item in unit.items)
    return Solution(starts, finishes, entry, kept, free, before, _loose(unit), costs)


def _loose(unit: Unit) -> dict[int, IntArray]:
    """Rows of ``unit`` that nothing uses, by item."""
    found = {}
    for place, item in enumerate(unit.items):
        body = item.cost.body
        for run in body.runs[item.first : item.last]:
            if run.kind.name != "dispatch" or run.on_comm:
                continue
            is_used = np.zeros(body.stage.lanes, bool)
            is_used[body.host.hosts] = True
            for replica in body.host.orphans:
                is_used[replica * body.stage.width : (replica + 1) * body.stage.width] = True
            if not is_used.all():
                found[place] = run.first + np.flatnonzero(~is_used)
    return found


def stream_of(run: Run, streams: Sequence[FloatArray]) -> int | None:
    """The stream that ``run`` is issued on."""
    if not streams:
        return None
    return COMM if run.on_comm and len(streams) > 1 else COMPUTE


def lane_values(stage: Stage, item: Item, take: int, values: Values) -> FloatArray:
    """When the input ``take`` of a run on every lane is there, shape (lanes,).

    Of experts, a lane has the last of its own; a replica without any has its dispatch instead.
    """
    value = values[item.key(take)]
    body = item.cost.body
    if take < 0 or not body.runs[take].kind.is_expert:
        return value
    lanes = np.full(stage.lanes, NEVER)
    if len(value):
        lanes[body.host.hosts] = np.maximum.reduceat(value, body.host.start)
    for replica in body.host.orphans:
        own = slice(replica * stage.width, (replica + 1) * stage.width)
        lanes[own] = values[item.key(body.runs.index(body.run_of["dispatch"]))][own]
    return lanes


def _run_lanes(
    stage: Stage, item: Item, run: Run, ready: FloatArray | None, values: Values, start: FloatArray, finish: FloatArray
) -> FloatArray:
    """A run with one row per lane. Returns when its stream is free again."""
    for take in run.takes:
        value = lane_values(stage, item, take, values)
        ready = value if ready is None else np.maximum(ready, value)
    assert ready is not None
    ready = group_max(ready, sync_size(run.sync, stage))
    start[run.rows] = ready
    end = finish[run.rows] = ready + item.cost.duration_s[run.rows]
    return end


def _run_experts(
    stage: Stage, item: Item, run: Run, ready: FloatArray | None, values: Values, start: FloatArray, finish: FloatArray
) -> FloatArray | None:
    """A run of expert rows, one after the other on each lane's stream."""
    body, duration = item.cost.body, item.cost.duration_s[run.rows]
    host = body.host
    if not len(host.lane):
        return ready
    inputs = [_row_values(item, take, values) for take in run.takes]
    if run.sync is Sync.SLOT and stage.etp > 1:
        return _run_reduces(stage, item, run, ready, inputs, start, finish)
    given = inputs[0] if len(inputs) == 1 else np.maximum(inputs[0], inputs[1])
    if ready is None:
        start[run.rows] = given
        finish[run.rows] = given + duration
        return None
    # Inputs of one lane come from one dispatch, or from rows issued before on the same stream.
    first = np.maximum(ready[host.hosts], given[host.start])
    counts = np.diff(np.append(host.start, len(host.lane)))
    begun = np.repeat(first, counts) + item.cost.before_s[run.rows]
    start[run.rows] = begun
    finish[run.rows] = begun + duration
    after = ready.copy()
    after[host.hosts] = finish[run.rows][host.start + counts - 1]
    return after


def _row_values(item: Item, take: int, values: Values) -> FloatArray:
    """When the input ``take`` of an expert run is there, shape (expert rows,)."""
    body, value = item.cost.body, values[item.key(take)]
    return value if body.runs[take].kind.is_expert else value[body.host.lane]


def _run_reduces(
    stage: Stage,
    item: Item,
    run: Run,
    ready: FloatArray | None,
    inputs: list[FloatArray],
    start: FloatArray,
    finish: FloatArray,
) -> FloatArray | None:
    """Reduces over slots: the GPUs of a slot hold the same experts, so they go rank by rank."""
    host, duration = item.cost.body.host, item.cost.duration_s[run.rows]
    after = ready.copy() if ready is not None else None
    begun = np.empty(len(host.lane))
    for rows in host.by_rank:
        lanes = host.lane[rows]
        moment = np.full(stage.lanes, NEVER)
        moment[lanes] = inputs[0][rows] if after is None else np.maximum(inputs[0][rows], after[lanes])
        begun[rows] = group_max(moment, stage.etp)[lanes]
        if after is not None:
            after[lanes] = begun[rows] + duration[rows]
    start[run.rows] = begun
    finish[run.rows] = begun + duration
    return after
