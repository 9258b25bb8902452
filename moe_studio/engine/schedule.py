"""When each operator runs: longest paths over the graph, unit by unit.

What comes out of a unit depends on its operators and on when its inputs and streams are ready *relative to
each other*. So a unit is solved relative to the moment at which the compute streams of its replica
are free, and a unit that is met again with the same relative inputs is not solved again. Models are
many equal layers, so few units are ever solved.

Nothing here depends on what was solved before: the same design always gives the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moe_studio.engine.cost import LayerCost, group_max, sync_size
from moe_studio.engine.program import OUT, Item, Unit, ValueKey, stage_units
from moe_studio.graph.graph import Graph
from moe_studio.graph.layer import FloatArray, Run
from moe_studio.graph.operator import Sync
from moe_studio.graph.stage import Stage

NEVER = -np.inf
COMPUTE, COMM = 0, 1
Values = dict[ValueKey, FloatArray]


@dataclass(slots=True, eq=False)
class Solution:
    """Times of one unit, relative to its entry.

    ``start``, ``finish``: per item, of all rows of its layer (only those of its runs are set).
    ``entry``: the values that came in; ``streams``: when each lane's streams are free at the end (compute,
    communication; empty without streams). ``before``: streams before each run, by (item, run).
    ``paths``: longest paths through the unit, filled in when asked for.
    """

    start: list[FloatArray]
    finish: list[FloatArray]
    entry: Values
    values: Values
    streams: list[FloatArray]
    before: dict[tuple[int, int], FloatArray]
    paths: dict[object, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A unit with its solution; ``offset_s`` has shape (dp,): the entry of each replica in seconds."""

    unit: Unit
    solution: Solution
    offset_s: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """Longest way from the start of each row to the end, per item; relative to ``offset_s``, shape (dp,)."""

    unit: Unit
    tail: list[FloatArray]
    offset_s: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """A solved graph: the units of each stage, in order, and how long everything takes."""

    graph: Graph
    costs: Sequence[LayerCost]
    has_streams: bool
    stages: tuple[tuple[Placed, ...], ...]
    makespan_s: float

    def start_s(self) -> FloatArray:
        """Start of each operator, shape (operators,)."""
        result = np.empty(len(self.graph))
        for placed in (placed for stage in self.stages for placed in stage):
            _spread_rows(self.graph, placed.unit, placed.solution.start, placed.offset_s, result)
        return result


@dataclass(slots=True)
class Solver:
    """Solves units and remembers them. One solver may serve many evaluations."""

    has_overlap: bool
    known: dict[object, Solution] = field(default_factory=dict)
    known_tails: dict[object, tuple[list[FloatArray], Values, list[FloatArray]]] = field(default_factory=dict)

    def schedule(self, graph: Graph, costs: Sequence[LayerCost], *, has_streams: bool) -> Schedule:
        """The schedule of ``graph``: with streams the predicted one, without them data dependencies alone.

        Without streams micro-batches do not meet, so only the first is solved.
        """
        stages: list[tuple[Placed, ...]] = []
        outputs: dict[int, FloatArray] = {}
        for stage in graph.stages:
            units = stage_units(graph, costs, stage.index, micro_batches=None if has_streams else 1)
            placed, outputs = self._stage(stage, units, outputs, has_streams)
            stages.append(placed)
        makespan = max(float(value.max()) for value in outputs.values())
        if has_streams:
            makespan = max(makespan, *(float(_absolute(s, p[-1]).max()) for s, p in zip(graph.stages, stages, strict=True)))
        return Schedule(
            graph=graph, costs=costs, has_streams=has_streams, stages=tuple(stages), makespan_s=makespan
        )

    def _stage(
        self, stage: Stage, units: list[Unit], inputs: dict[int, FloatArray], has_streams: bool
    ) -> tuple[tuple[Placed, ...], dict[int, FloatArray]]:
        streams = [np.zeros(stage.lanes) for _ in range(self._stream_count(has_streams))]
        offset = np.zeros(stage.dp)
        values: Values = {}
        placed: list[Placed] = []
        outputs: dict[int, FloatArray] = {}
        for unit in units:
            for own, batch in unit.takes_input:
                given = inputs.get(batch)
                start = np.zeros(stage.lanes) if given is None else given
                values[own, 1, OUT] = start - np.repeat(offset, stage.width)
            offset, values, streams = _normalised(stage, offset, values, streams)
            solution = self._solve(stage, unit, values, streams)
            placed.append(Placed(unit, solution, offset))
            for batch, key in unit.gives_output:
                outputs[batch] = solution.values[key] + np.repeat(offset, stage.width)
            values = {(key[0], key[1] + 1, key[2]): solution.values[key] for key in unit.gives}
            streams = solution.streams
        return tuple(placed), outputs

    def _stream_count(self, has_streams: bool) -> int:
        return (2 if self.has_overlap else 1) if has_streams else 0

    def _solve(self, stage: Stage, unit: Unit, values: Values, streams: list[FloatArray]) -> Solution:
        key = (unit.signature, _print(values, streams), len(streams))
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = solve(stage, unit, values, streams)
        return found

    def tails(self, schedule: Schedule) -> list[Tail]:
        """The longest way from each operator's start to the end of ``schedule``, in the order of its units."""
        result: list[Tail] = []
        inputs: dict[int, FloatArray] = {}
        for stage, placed in zip(reversed(schedule.graph.stages), reversed(schedule.stages), strict=True):
            streams = [np.zeros(stage.lanes) for _ in range(self._stream_count(True))]
            offset = np.zeros(stage.dp)
            needs: Values = {}
            given: dict[int, FloatArray] = {}
            for unit in (item.unit for item in reversed(placed)):
                for batch, key in unit.gives_output:
                    if batch in inputs:
                        needs[key] = inputs[batch] - np.repeat(offset, stage.width)
                offset, needs, streams = _normalised_tails(stage, offset, needs, streams)
                tails, earlier, streams = self._solve_tails(stage, unit, needs, streams)
                result.append(Tail(unit, tails, offset))
                for own, batch in unit.takes_input:
                    given[batch] = earlier[own, 1, OUT] + np.repeat(offset, stage.width)
                is_first = bool(unit.takes_input)
                needs = {} if is_first else {(key[0], key[1] - 1, key[2]): need for key, need in earlier.items()}
            inputs = given
        return result

    def _solve_tails(
        self, stage: Stage, unit: Unit, needs: Values, streams: list[FloatArray]
    ) -> tuple[list[FloatArray], Values, list[FloatArray]]:
        key = (unit.signature, _print(needs, streams), len(streams))
        found = self.known_tails.get(key)
        if found is None:
            found = self.known_tails[key] = solve_tails(stage, unit, needs, streams)
        return found


def slack_s(schedule: Schedule, tails: Sequence[Tail], start_s: FloatArray) -> FloatArray:
    """Latest start that keeps the makespan, minus the start; shape (operators,)."""
    tail = np.empty(len(schedule.graph))
    for item in tails:
        _spread_rows(schedule.graph, item.unit, item.tail, item.offset_s, tail)
    slack = schedule.makespan_s - start_s - tail
    # Sums in another order differ in the last digits; that is no slack.
    slack[slack < 1e-12 * schedule.makespan_s] = 0.0
    return slack


def solve(stage: Stage, unit: Unit, entry: Values, streams: Sequence[FloatArray]) -> Solution:
    """Start and finish of every row of ``unit``; without streams, by data dependencies alone."""
    free = list(streams)
    values = dict(entry)
    before: dict[tuple[int, int], FloatArray] = {}
    starts, finishes = [], []
    for place, item in enumerate(unit.items):
        start, finish = np.empty(len(item.cost.body)), np.empty(len(item.cost.body))
        for number, run in item.numbered_runs():
            stream = _stream(run, free)
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
    return Solution(starts, finishes, entry, kept, free, before)


def _stream(run: Run, streams: Sequence[FloatArray]) -> int | None:
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


def solve_tails(
    stage: Stage, unit: Unit, given: Values, streams: Sequence[FloatArray]
) -> tuple[list[FloatArray], Values, list[FloatArray]]:
    """The longest way from the start of every row to the end, running the unit backwards.

    ``given``: for the unit's values, the longest way from their users' starts; ``streams``: the same for the
    next operator of each lane's streams. Returns tails per item, the same for values of earlier
    units, and the streams.
    """
    after = list(streams)
    needs = dict(given)
    tails = [np.empty(len(item.cost.body)) for item in unit.items]
    for place in reversed(range(len(unit.items))):
        item = unit.items[place]
        for number, run in reversed(item.numbered_runs()):
            stream = _stream(run, after)
            assert stream is not None
            need = needs.pop(item.key(number), None)
            if run.kind.is_expert:
                tail, after[stream] = _tail_experts(stage, item, run, need, after[stream])
            else:
                most = after[stream] if need is None else np.maximum(after[stream], need)
                tail = group_max(most + item.cost.duration_s[run.rows], sync_size(run.sync, stage))
                after[stream] = tail
            tails[place][run.rows] = tail
            for take in run.takes:
                _need(stage, item, run, take, tail, needs)
    return tails, needs, after


def _need(stage: Stage, item: Item, run: Run, take: int, tail: FloatArray, needs: Values) -> None:
    """Note that the rows of ``take`` are needed ``tail`` before the end."""
    body = item.cost.body
    from_expert = take >= 0 and body.runs[take].kind.is_expert
    if from_expert and not run.kind.is_expert:
        for replica in body.host.orphans:
            dispatch = body.runs.index(body.run_of["dispatch"])
            own = np.full(stage.lanes, NEVER)
            own[replica * stage.width : (replica + 1) * stage.width] = tail[replica * stage.width]
            _raise(needs, item.key(dispatch), own)
        tail = tail[body.host.lane]
    elif run.kind.is_expert and not from_expert:
        lanes = np.full(stage.lanes, NEVER)
        if len(tail):
            lanes[body.host.hosts] = np.maximum.reduceat(tail, body.host.start)
        tail = lanes
    _raise(needs, item.key(take), tail)


def _raise(needs: Values, key: ValueKey, tail: FloatArray) -> None:
    known = needs.get(key)
    needs[key] = tail if known is None else np.maximum(known, tail)


def _tail_experts(
    stage: Stage, item: Item, run: Run, need: FloatArray | None, after: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Tails of expert rows, last row of each lane first; and of the stream before them."""
    host, duration = item.cost.body.host, item.cost.duration_s[run.rows]
    tail, stream = np.empty(len(host.lane)), after.copy()
    size = stage.etp if run.sync is Sync.SLOT else 1
    for rows in reversed(host.by_rank):
        lanes = host.lane[rows]
        most = stream[lanes] if need is None else np.maximum(stream[lanes], need[rows])
        moment = np.full(stage.lanes, NEVER)
        moment[lanes] = most + duration[rows]
        stream[lanes] = tail[rows] = group_max(moment, size)[lanes]
    return tail, stream


def _normalised(
    stage: Stage, offset: FloatArray, values: Values, streams: list[FloatArray]
) -> tuple[FloatArray, Values, list[FloatArray]]:
    """The same moment, relative to when each replica's compute streams (or inputs) are free.

    Who waits for a value runs on the compute stream, so a value that is there before that stream is
    free may as well come when it is free; and no operator starts before the first compute stream of
    its replica is free. Both make equal what behaves equally.
    """
    base = streams[COMPUTE] if streams else _latest(values)
    shift = base.reshape(stage.dp, stage.width).max(axis=1)
    wide = np.repeat(shift, stage.width)
    if not streams:
        return offset + shift, {key: value - wide for key, value in values.items()}, []
    compute = base - wide
    values = {key: np.maximum(value - wide, compute) for key, value in values.items()}
    if len(streams) == 1:
        return offset + shift, values, [compute]
    least = np.repeat(compute.reshape(stage.dp, stage.width).min(axis=1), stage.width)
    return offset + shift, values, [compute, np.maximum(streams[COMM] - wide, least)]


def _normalised_tails(
    stage: Stage, offset: FloatArray, needs: Values, streams: list[FloatArray]
) -> tuple[FloatArray, Values, list[FloatArray]]:
    """`_normalised` for tails: every operator of a unit leads to a later compute operator of its replica,
    or to a user of the unit's values, on some lane."""
    base = streams[COMPUTE]
    shift = base.reshape(stage.dp, stage.width).max(axis=1)
    wide = np.repeat(shift, stage.width)
    compute = base - wide
    needs = {key: value - wide for key, value in needs.items()}
    if len(streams) == 1:
        return offset + shift, needs, [compute]
    least = compute
    for value in needs.values():
        if value.shape == least.shape:
            least = np.minimum(least, value)
    least = np.repeat(least.reshape(stage.dp, stage.width).min(axis=1), stage.width)
    return offset + shift, needs, [compute, np.maximum(streams[COMM] - wide, least)]


def _latest(values: Values) -> FloatArray:
    result = None
    for value in values.values():
        result = value if result is None else np.maximum(result, value)
    assert result is not None
    return result


def _absolute(stage: Stage, placed: Placed) -> FloatArray:
    """When every lane of the stage is done, shape (lanes,)."""
    most = placed.solution.streams[0]
    for stream in placed.solution.streams[1:]:
        most = np.maximum(most, stream)
    return most + np.repeat(placed.offset_s, stage.width)


def _print(values: Values, streams: Sequence[FloatArray]) -> bytes:
    """Bytes that are equal exactly when values and streams are."""
    parts = [repr(sorted(values)).encode()]
    parts += [values[key].tobytes() for key in sorted(values)]
    parts += [stream.tobytes() for stream in streams]
    return b"".join(parts)


def _spread_rows(graph: Graph, unit: Unit, columns: Sequence[FloatArray], offset: FloatArray, result: FloatArray) -> None:
    """Write the rows of each item of ``unit`` to their place in the whole graph, made absolute."""
    for item, column in zip(unit.items, columns, strict=True):
        part, body = graph.parts[item.part], item.cost.body
        first, last = body.runs[item.first].first, body.runs[item.last - 1].last
        shift = offset[0] if len(offset) == 1 or (offset == offset[0]).all() else offset[body.replica[first:last]]
        result[part.first + first : part.first + last] = column[first:last] + shift
