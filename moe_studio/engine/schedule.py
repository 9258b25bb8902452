"""When each operator runs: longest paths over the graph, unit by unit.

What comes out of a unit depends on its operators and on when its inputs and streams are ready *relative to
each other*. So a unit is solved relative to the moment at which the compute streams of its replica
are free, and a unit that is met again with the same relative inputs is not solved again. Models are
many equal layers, so few units are ever solved.

Nothing here depends on what was solved before: the same design always gives the same bits.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import as_strided

from moe_studio.engine.cost import LayerCost, group_max
from moe_studio.engine.program import OUT, Item, Unit, ValueKey, stage_units
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.graph import Graph
from moe_studio.graph.layer import Run
from moe_studio.graph.operator import Sync
from moe_studio.graph.stage import Stage, sync_size

NEVER = -np.inf
COMPUTE, COMM = 0, 1
Values = dict[ValueKey, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """How a unit is entered, in either direction: values and streams relative to ``shift_s``, shape (dp,).

    ``print`` is equal for states that are alike.
    """

    shift_s: FloatArray
    values: Values
    streams: list[FloatArray]
    print: bytes


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


@dataclass(slots=True, eq=False)
class TailSolution:
    """The longest way from the start of every row of a unit to the end, relative to where the unit is left.

    ``tail``: per item; ``needs``: the same for users of values of earlier units; ``streams``: for the first
    operator of each lane's streams; ``next``: how the unit before it is entered.
    """

    tail: list[FloatArray]
    needs: Values
    streams: list[FloatArray]
    next: State | None = None


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
        placed = (item for stage in self.stages for item in stage)
        return _joined(self.graph, ((item.unit, item.solution.start, item.offset_s) for item in placed))


@dataclass(slots=True)
class Solver:
    """Solves units and remembers them. One solver may serve many evaluations."""

    has_overlap: bool
    known: dict[object, Solution] = field(default_factory=dict)
    known_tails: dict[object, TailSolution] = field(default_factory=dict)
    latest: tuple[object, dict[tuple[int, int], list[Unit]]] = field(default_factory=lambda: (None, {}))

    def schedule(self, graph: Graph, costs: Sequence[LayerCost], *, has_streams: bool) -> Schedule:
        """The schedule of ``graph``: with streams the predicted one, without them data dependencies alone.

        Without streams micro-batches do not meet, so only the first is solved.
        """
        stages: list[tuple[Placed, ...]] = []
        outputs: dict[int, FloatArray] = {}
        count = graph.project.workload.micro_batches if has_streams else 1
        for stage in graph.stages:
            units = self._units(graph, costs, stage.index, count)
            placed, outputs = self._stage(stage, units, outputs, self._stream_count(has_streams))
            stages.append(placed)
        ends = [float(value.max()) for value in outputs.values()]
        if has_streams:
            ends += [float(_absolute(s, placed[-1]).max()) for s, placed in zip(graph.stages, stages, strict=True)]
        else:
            ends += [end for placed in stages for item in placed for end, _, _ in loose_ends(item)]
        makespan = max(ends)
        return Schedule(graph=graph, costs=costs, has_streams=has_streams, stages=tuple(stages), makespan_s=makespan)

    def _stage(
        self, stage: Stage, units: list[Unit], inputs: dict[int, FloatArray], stream_count: int
    ) -> tuple[tuple[Placed, ...], dict[int, FloatArray]]:
        offset = np.zeros(stage.dp)
        placed: list[Placed] = []
        outputs: dict[int, FloatArray] = {}
        last: Solution | None = None
        streams = [np.zeros(stage.lanes) for _ in range(stream_count)]
        for unit in units:
            if last is None or unit.takes_input:
                values = {} if last is None else _handed_on(last.values, units[len(placed) - 1].gives, 1)
                for own, batch in unit.takes_input:
                    values[own, 1, OUT] = inputs.get(batch, np.zeros(stage.lanes)) - np.repeat(offset, stage.width)
                state = _entry(stage, values, streams if last is None else last.streams)
            else:
                if last.next is None:
                    last.next = _entry(stage, _handed_on(last.values, units[len(placed) - 1].gives, 1), last.streams)
                state = last.next
            offset = offset + state.shift_s
            last = self._solve(stage, unit, state)
            placed.append(Placed(unit, last, offset))
            for batch, key in unit.gives_output:
                outputs[batch] = last.values[key] + np.repeat(offset, stage.width)
        return tuple(placed), outputs

    def _units(self, graph: Graph, costs: Sequence[LayerCost], stage: int, count: int) -> list[Unit]:
        """The units of a stage; those of one micro-batch serve both kinds of schedule."""
        if self.latest[0] is not costs:
            self.latest = (costs, {})
        known = self.latest[1]
        if (stage, count) not in known:
            known[stage, count] = stage_units(graph, costs, stage, micro_batches=count)
        return known[stage, count]

    def _stream_count(self, has_streams: bool) -> int:
        return (2 if self.has_overlap else 1) if has_streams else 0

    def _solve(self, stage: Stage, unit: Unit, state: State) -> Solution:
        key = (unit.signature, state.print)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = solve(stage, unit, state.values, state.streams)
        return found

    def tails(self, schedule: Schedule) -> list[Tail]:
        """The longest way from each operator's start to the end of ``schedule``, in the order of its units."""
        result: list[Tail] = []
        inputs: dict[int, FloatArray] = {}
        for stage, placed in zip(reversed(schedule.graph.stages), reversed(schedule.stages), strict=True):
            units = [item.unit for item in reversed(placed)]
            tails, inputs = self._stage_tails(stage, units, inputs)
            result.extend(tails)
        return result

    def _stage_tails(
        self, stage: Stage, units: list[Unit], inputs: dict[int, FloatArray]
    ) -> tuple[list[Tail], dict[int, FloatArray]]:
        offset = np.zeros(stage.dp)
        result: list[Tail] = []
        given: dict[int, FloatArray] = {}
        last: TailSolution | None = None
        streams = [np.zeros(stage.lanes) for _ in range(self._stream_count(True))]
        for unit in units:
            later = {key: inputs[batch] for batch, key in unit.gives_output if batch in inputs}
            if last is None or later:
                needs = {} if last is None else _needs_of(last, units[len(result) - 1])
                wide = np.repeat(offset, stage.width)
                needs |= {key: value - wide for key, value in later.items()}
                state = _exit(stage, needs, streams if last is None else last.streams)
            else:
                if last.next is None:
                    last.next = _exit(stage, _needs_of(last, units[len(result) - 1]), last.streams)
                state = last.next
            offset = offset + state.shift_s
            last = self._solve_tails(stage, unit, state)
            result.append(Tail(unit, last.tail, offset))
            for own, batch in unit.takes_input:
                given[batch] = last.needs[own, 1, OUT] + np.repeat(offset, stage.width)
        return result, given

    def _solve_tails(self, stage: Stage, unit: Unit, state: State) -> TailSolution:
        key = (unit.signature, bool(unit.takes_input), state.print)
        found = self.known_tails.get(key)
        if found is None:
            found = self.known_tails[key] = solve_tails(stage, unit, state.values, state.streams)
        return found


def _handed_on(values: Values, keys: Sequence[ValueKey], distance: int) -> Values:
    """Values as the next unit calls them: from one layer further back."""
    return {(key[0], key[1] + distance, key[2]): values[key] for key in keys}


def _needs_of(solution: TailSolution, unit: Unit) -> Values:
    """What ``unit`` needs of the unit before it, as that unit calls its values."""
    if unit.takes_input:
        return {}
    return {(key[0], key[1] - 1, key[2]): need for key, need in solution.needs.items()}


def slack_s(schedule: Schedule, tails: Sequence[Tail], start_s: FloatArray) -> FloatArray:
    """Latest start that keeps the makespan, minus the start; shape (operators,)."""
    tail = _joined(schedule.graph, ((item.unit, item.tail, item.offset_s) for item in tails))
    slack = np.subtract(schedule.makespan_s, tail, out=tail)
    slack -= start_s
    # Sums in another order differ in the last digits; that is no slack.
    slack *= slack > 1e-12 * schedule.makespan_s
    slack += 0.0  # no negative zeros
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


def loose_ends(placed: Placed) -> Iterator[tuple[float, int, int]]:
    """Finish, item and row of the last of the unit's unused rows, per item."""
    for place, rows in placed.solution.loose.items():
        replica = placed.unit.items[place].cost.body.replica[rows]
        finish = placed.solution.finish[place][rows] + placed.offset_s[replica]
        last = int(finish.argmax())
        yield float(finish[last]), place, int(rows[last])


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


def solve_tails(stage: Stage, unit: Unit, given: Values, streams: Sequence[FloatArray]) -> TailSolution:
    """The longest way from the start of every row to the end, running the unit backwards.

    ``given``: for the unit's values, the longest way from their users' starts; ``streams``: the same for the
    next operator of each lane's streams.
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
    return TailSolution(tails, needs, after)


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


def _entry(stage: Stage, values: Values, streams: Sequence[FloatArray]) -> State:
    """The same moment, relative to when each replica's compute streams (or inputs) are free.

    Who waits for a value runs on the compute stream, so a value that is there before that stream is
    free may as well come when it is free; and no operator starts before the first compute stream of
    its replica is free. Both make equal what behaves equally.
    """
    base = streams[COMPUTE] if streams else _latest(values)
    shift, wide = _latest_of_replica(stage, base)
    if not streams:
        return _state(shift, {key: value - wide for key, value in values.items()}, [])
    compute = base - wide
    values = {key: np.maximum(value - wide, compute) for key, value in values.items()}
    if len(streams) == 1:
        return _state(shift, values, [compute])
    return _state(shift, values, [compute, np.maximum(streams[COMM] - wide, _least_of_replica(stage, compute))])


def _exit(stage: Stage, needs: Values, streams: Sequence[FloatArray]) -> State:
    """`_entry` for tails: every operator of a unit leads to a later compute operator of its replica,
    or to a user of the unit's values, on some lane. A ``send`` does not: it leads to the next stage and to
    the next send alone, so where there are sends the communication stream stays as it is."""
    shift, wide = _latest_of_replica(stage, streams[COMPUTE])
    compute = streams[COMPUTE] - wide
    needs = {key: value - wide for key, value in needs.items()}
    if len(streams) == 1:
        return _state(shift, needs, [compute])
    comm = streams[COMM] - wide
    if stage.has_next:
        return _state(shift, needs, [compute, comm])
    least = compute
    for value in needs.values():
        least = np.minimum(least, value)
    return _state(shift, needs, [compute, np.maximum(comm, _least_of_replica(stage, least))])


def _latest_of_replica(stage: Stage, value: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The largest value of each replica, shape (dp,), and of the replica of each lane."""
    most = value.reshape(stage.dp, stage.width).max(axis=1)
    return most, np.repeat(most, stage.width)


def _least_of_replica(stage: Stage, value: FloatArray) -> FloatArray:
    return np.repeat(value.reshape(stage.dp, stage.width).min(axis=1), stage.width)


def _state(shift: FloatArray, values: Values, streams: list[FloatArray]) -> State:
    keys = sorted(values)
    parts = [repr((len(streams), keys)).encode()]
    parts += [values[key].tobytes() for key in keys]
    parts += [stream.tobytes() for stream in streams]
    return State(shift, values, streams, b"".join(parts))


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


@dataclass(slots=True)
class _Band:
    """Rows of one column of a unit that go to ``count`` places in the whole graph, ``step`` rows apart."""

    column: FloatArray
    replica: IntArray
    first: int
    step: int
    offsets: list[FloatArray]


def _bands(graph: Graph, placed: Iterable[tuple[Unit, Sequence[FloatArray], FloatArray]]) -> Iterator[_Band]:
    """Columns of placed units, with repeats of one unit at even distances together."""
    open_bands: dict[int, _Band] = {}
    for unit, columns, offset in placed:
        for place, (item, column) in enumerate(zip(unit.items, columns, strict=True)):
            body = item.cost.body
            low, high = body.runs[item.first].first, body.runs[item.last - 1].last
            first = graph.parts[item.part].first + low
            band = open_bands.get(place)
            if band is not None and band.column.base is column:
                step = first - (band.first + band.step * (len(band.offsets) - 1))
                if len(band.offsets) == 1 or step == band.step:
                    band.step = step
                    band.offsets.append(offset)
                    continue
            if band is not None:
                yield band
            open_bands[place] = _Band(column[low:high], body.replica[low:high], first, 0, [offset])
    yield from open_bands.values()


def _joined(graph: Graph, placed: Iterable[tuple[Unit, Sequence[FloatArray], FloatArray]]) -> FloatArray:
    """Columns of all units at their place in the whole graph, made absolute; shape (operators,)."""
    result = np.empty(len(graph))
    for band in _bands(graph, placed):
        size, stride = len(band.column), result.itemsize
        rows = as_strided(
            result[band.first :], shape=(len(band.offsets), size), strides=(band.step * stride, stride), writeable=True
        )
        offsets = np.array(band.offsets)
        shift = offsets[:, :1] if (offsets == offsets[:, :1]).all() else offsets[:, band.replica]
        np.add(band.column, shift, out=rows)
    return result
