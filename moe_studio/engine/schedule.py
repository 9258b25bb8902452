"""When each operator runs: longest paths over the graph, unit by unit.

What comes out of a unit depends on its operators and on when its inputs and streams are ready *relative to
each other*. So a unit is solved relative to the moment at which the compute streams of its replica
are free, and a unit that is met again with the same relative inputs is not solved again. Models are
many equal layers, so few units are ever solved.

Nothing here depends on what was solved before: the same design always gives the same bits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from moe_studio.engine.cost import LayerCost
from moe_studio.engine.join import joined
from moe_studio.engine.program import OUT, Unit, ValueKey, stage_units
from moe_studio.engine.solve import Solution, solve
from moe_studio.engine.state import State, Values, entry_state, exit_state
from moe_studio.engine.tail import TailSolution, solve_tails
from moe_studio.graph.column import FloatArray
from moe_studio.graph.graph import Graph
from moe_studio.graph.stage import Stage


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
        return joined(self.graph, ((item.unit, item.solution.start, item.offset_s) for item in placed))


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
                state = entry_state(stage, values, streams if last is None else last.streams)
            else:
                if last.next is None:
                    last.next = entry_state(
                        stage, _handed_on(last.values, units[len(placed) - 1].gives, 1), last.streams
                    )
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
                state = exit_state(stage, needs, streams if last is None else last.streams)
            else:
                if last.next is None:
                    last.next = exit_state(stage, _needs_of(last, units[len(result) - 1]), last.streams)
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
    tail = joined(schedule.graph, ((item.unit, item.tail, item.offset_s) for item in tails))
    slack = np.subtract(schedule.makespan_s, tail, out=tail)
    slack -= start_s
    # Sums in another order differ in the last digits; that is no slack.
    slack *= slack > 1e-12 * schedule.makespan_s
    slack += 0.0  # no negative zeros
    return slack


def loose_ends(placed: Placed) -> Iterator[tuple[float, int, int]]:
    """Finish, item and row of the last of the unit's unused rows, per item."""
    for place, rows in placed.solution.loose.items():
        replica = placed.unit.items[place].cost.body.replica[rows]
        finish = placed.solution.finish[place][rows] + placed.offset_s[replica]
        last = int(finish.argmax())
        yield float(finish[last]), place, int(rows[last])


def _absolute(stage: Stage, placed: Placed) -> FloatArray:
    """When every lane of the stage is done, shape (lanes,)."""
    most = placed.solution.streams[0]
    for stream in placed.solution.streams[1:]:
        most = np.maximum(most, stream)
    return most + np.repeat(placed.offset_s, stage.width)
