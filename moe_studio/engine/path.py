"""The longest path itself: which operators make it, found by walking back from the end.

Each step goes to the input, or to the operator before it on the stream, that finished last: exactly when
the operator started. Ties go to the lowest row. Ways through a unit are remembered with its solution.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from moe_studio.engine.program import OUT, Item, Unit, ValueKey
from moe_studio.engine.schedule import Placed, Schedule, loose_ends
from moe_studio.engine.solve import Solution
from moe_studio.engine.state import COMM, COMPUTE
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.layer import Run
from moe_studio.graph.operator import Sync
from moe_studio.graph.stage import Stage, sync_size

Exit = tuple[int, ValueKey | int, int]
"""Where a path leaves a unit towards its end: ``(-1, value, lane)``, ``(0, stream, lane)`` or ``(1, item, row)``."""

Step = tuple[int, int]
"""Item of the unit, row of its layer."""

Way = tuple[IntArray, IntArray, Exit]
"""A path through a unit: items and rows of its steps, first to last, and where it came in."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Path:
    """A longest path: its length and its operators, first to last."""

    seconds: float
    rows: IntArray


def longest_path(schedule: Schedule) -> Path:
    """The longest path of ``schedule``."""
    rows: list[IntArray] = []
    stage, place, out = _end(schedule)
    while place >= 0:
        placed = schedule.stages[stage][place]
        items, local, out = _through(schedule.graph.stages[stage], placed, out)
        firsts = [schedule.graph.parts[item.part].first for item in placed.unit.items]
        rows.append(local + (firsts[0] if len(firsts) == 1 else np.array(firsts)[items]))
        stage, place, out = _before(schedule, stage, place, out)
    flat = np.concatenate(rows[::-1]) if rows else np.zeros(0, np.int64)
    return Path(seconds=schedule.makespan_s, rows=flat)


def _end(schedule: Schedule) -> tuple[int, int, Exit]:
    """Where the longest path ends: stage, unit, and what finished last there."""
    ends = _stream_ends(schedule) if schedule.has_streams else _value_ends(schedule)
    _, stage, place, out = max(ends, key=lambda end: end[0])
    return stage, place, out


End = tuple[float, int, int, Exit]


def _stream_ends(schedule: Schedule) -> Iterator[End]:
    """When the streams of each stage are done."""
    for number, placed in enumerate(schedule.stages):
        for stream, free in enumerate(placed[-1].solution.streams):
            yield _lane_end(schedule, number, len(placed) - 1, free, (0, stream))


def _value_ends(schedule: Schedule) -> Iterator[End]:
    """When the last layer is done, and operators whose results nothing uses."""
    last = len(schedule.stages) - 1
    placed = schedule.stages[last]
    for _, key in placed[-1].unit.gives_output:
        yield _lane_end(schedule, last, len(placed) - 1, placed[-1].solution.values[key], (-1, key))
    for number, units in enumerate(schedule.stages):
        for place, unit in enumerate(units):
            for finish, item, row in loose_ends(unit):
                yield finish, number, place, (1, item, row)


def _lane_end(schedule: Schedule, stage: int, place: int, value: FloatArray, what: tuple[int, ValueKey | int]) -> End:
    """The lane whose ``value`` is latest."""
    moment = value + np.repeat(schedule.stages[stage][place].offset_s, schedule.graph.stages[stage].width)
    lane = int(moment.argmax())
    return float(moment[lane]), stage, place, (*what, lane)


def _before(schedule: Schedule, stage: int, place: int, out: Exit) -> tuple[int, int, Exit]:
    """The unit that a path came from when it entered unit ``place`` by ``out``."""
    kind, what, lane = out
    if kind == 0:
        return stage, place - 1, out
    assert isinstance(what, tuple)
    unit = schedule.stages[stage][place].unit
    batch = next((batch for own, batch in unit.takes_input if what == (own, 1, OUT)), None)
    if batch is None:
        return stage, place - 1, (-1, (what[0], what[1] - 1, what[2]), lane)
    if stage == 0:
        return stage, -1, out
    for earlier, placed in enumerate(schedule.stages[stage - 1]):
        for given, key in placed.unit.gives_output:
            if given == batch:
                return stage - 1, earlier, (-1, key, lane)
    raise AssertionError("Every input of a stage is an output of the stage before.")


def _through(stage: Stage, placed: Placed, out: Exit) -> Way:
    """The longest path through a unit that ends at ``out``."""
    known = placed.solution.paths
    if out not in known:
        known[out] = _Walk(stage, placed.unit, placed.solution).back_from(out)
    return known[out]  # type: ignore[return-value]


class _Came(NamedTuple):
    """Where a step may have come from: its rank, and the place itself.

    ``rank``: how long before 0 it finished and its place in the order of ties; the lowest is the one that counts.
    A tuple, because a path of thousands of steps weighs several of them at each.
    """

    rank: tuple[float, tuple[int, int, int]]
    step: Step | None
    out: Exit | None


def _run_at(item: Item, row: int) -> tuple[int, Run]:
    """The run that has ``row``, with its number."""
    body = item.cost.body
    number = bisect_right(body.first_rows, row) - 1
    return number, body.runs[number]


class _Walk:
    """Walks back through one solved unit."""

    def __init__(self, stage: Stage, unit: Unit, solution: Solution) -> None:
        self.stage, self.unit, self.solution = stage, unit, solution
        self.makers = {
            item.key(number): (place, number)
            for place, item in enumerate(unit.items)
            for number, _ in item.numbered_runs()
        }
        self.streams = len(solution.streams)

    def back_from(self, out: Exit) -> Way:
        """The way to ``out``."""
        kind, what, lane = out
        if kind == 1:
            came = self._row(int(what), lane)  # type: ignore[arg-type]
        elif isinstance(what, int):
            came = self._on_stream(what, lane, len(self.unit.items), 0)
        else:
            came = self._of_value(what, lane)
        steps: list[Step] = []
        while came.step is not None:
            place, row = came.step
            first = self._first_in_row(place, row)
            steps += [(place, each) for each in range(row, first - 1, -1)]
            came = self._predecessor(place, first)
        assert came.out is not None
        table = np.array(steps[::-1], dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1], came.out

    def _predecessor(self, place: int, row: int) -> _Came:
        item = self.unit.items[place]
        number, run = _run_at(item, row)
        candidates = self._expert_candidates if run.kind.is_expert else self._lane_candidates
        return min(candidates(place, item, number, run, row), key=itemgetter(0))

    def _first_in_row(self, place: int, row: int) -> int:
        """The row from which the path certainly goes through all rows up to ``row``.

        Experts of a GPU run one after the other, so each comes from the one before it, unless its input was there
        no earlier.
        """
        item = self.unit.items[place]
        _, run = _run_at(item, row)
        body = item.cost.body
        if not self.streams or not run.kind.is_expert or run.sync is Sync.SLOT:
            return row
        last = row - run.first
        before = np.arange(last - body.host.rank[last], last)
        finish = self.solution.finish[place][run.first + before]
        for take in run.takes:
            value, is_row = self._value(item.key(take)), body.runs[take].kind.is_expert
            given = value[before + 1] if is_row else value[body.host.lane[last]]
            if not (finish > given).all():
                return row
        return run.first + int(last - body.host.rank[last])

    def _lane_candidates(self, place: int, item: Item, number: int, run: Run, row: int) -> list[_Came]:
        """Where a row of a run with one row per lane may have come from: inputs of its group, and their stream."""
        members = self._members(run.sync, row - run.first)
        came = [self._best_of(item, take, members) for take in run.takes]
        return [*came, *self._stream_candidates(place, number, run, members)]

    def _expert_candidates(self, place: int, item: Item, number: int, run: Run, row: int) -> list[_Came]:
        host = item.cost.body.host
        local = row - run.first
        if run.sync is Sync.SLOT:
            size = self.stage.etp
            lane = int(host.lane[local])
            same = host.by_rank[host.rank[local]]
            rows = same[host.lane[same] // size == lane // size]
        else:
            rows = np.array([local])
        came = []
        for take in run.takes:
            if item.cost.body.runs[take].kind.is_expert:
                source, first = self.makers[item.key(take)][0], item.cost.body.runs[take].first
                came += [self._row(source, first + int(r)) for r in rows]
            else:
                came += [self._of_value(item.key(take), int(host.lane[r])) for r in rows]
        if not self.streams:
            return came
        if host.rank[local]:
            return [*came, *(self._row(place, run.first + int(r) - 1) for r in rows)]
        return [*came, *self._stream_candidates(place, number, run, host.lane[rows])]

    def _members(self, sync: Sync, lane: int) -> IntArray:
        size = sync_size(sync, self.stage)
        first = lane // size * size
        return np.arange(first, first + size)

    def _best_of(self, item: Item, take: int, members: IntArray) -> _Came:
        """The latest finish of the input ``take`` among members."""
        body = item.cost.body
        if take < 0 or not body.runs[take].kind.is_expert:
            key = item.key(take)
            if len(members) == 1:
                return self._of_value(key, int(members[0]))
            value = self._value(key)[members]
            return self._of_value(key, int(members[value.argmax()]))
        host, run = body.host, body.runs[take]
        inside = np.flatnonzero((host.lane >= members[0]) & (host.lane <= members[-1]))
        if not len(inside):
            return self._best_of(item, body.runs.index(body.run_of["dispatch"]), members)
        place = self.makers[item.key(take)][0]
        finish = self.solution.finish[place][run.first + inside]
        return self._row(place, run.first + int(inside[finish.argmax()]))

    def _stream_candidates(self, place: int, number: int, run: Run, members: IntArray) -> list[_Came]:
        if not self.streams:
            return []
        stream = COMM if run.on_comm and self.streams > 1 else COMPUTE
        free = self.solution.before[place, number][members]
        lane = int(members[free.argmax()])
        return [self._on_stream(stream, lane, place, number, float(free.max()))]

    def _on_stream(self, stream: int, lane: int, place: int, number: int, finish: float = 0.0) -> _Came:
        """The last row of a lane's stream before run ``number`` of item ``place``."""
        for earlier in range(min(place, len(self.unit.items) - 1), -1, -1):
            item = self.unit.items[earlier]
            for index, run in reversed(item.numbered_runs()):
                if (earlier == place and index >= number) or not self._is_on(stream, run):
                    continue
                if not run.kind.is_expert:
                    return self._row(earlier, run.first + lane)
                mine = np.flatnonzero(item.cost.body.host.lane == lane)
                if len(mine):
                    return self._row(earlier, run.first + int(mine[-1]))
        # A communication stream may have been moved up to the first compute stream; prefer what is exact.
        order = (-1, 0, lane) if stream == COMPUTE else (1 << 30, 0, lane)
        return _Came((-finish, order), None, (0, stream, lane))

    def _is_on(self, stream: int, run: Run) -> bool:
        return (COMM if run.on_comm and self.streams > 1 else COMPUTE) == stream

    def _of_value(self, key: ValueKey, lane: int) -> _Came:
        if key in self.makers:
            place, number = self.makers[key]
            return self._row(place, self.unit.items[place].cost.body.runs[number].first + lane)
        return _Came((-float(self._value(key)[lane]), (1 << 29, 0, lane)), None, (-1, key, lane))

    def _value(self, key: ValueKey) -> FloatArray:
        if key not in self.makers:
            return self.solution.entry[key]
        place, number = self.makers[key]
        run = self.unit.items[place].cost.body.runs[number]
        return self.solution.finish[place][run.rows]

    def _row(self, place: int, row: int) -> _Came:
        return _Came((-float(self.solution.finish[place][row]), (0, place, row)), (place, row), None)
