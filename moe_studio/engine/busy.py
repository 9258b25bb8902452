"""For how long each GPU does anything: the time that its streams cover together."""

from collections.abc import Sequence

import numpy as np

from moe_studio.engine.schedule import Placed, Schedule
from moe_studio.graph.column import FloatArray, IntArray, total_by
from moe_studio.graph.stage import Stage

ROUNDING = 1e-12
"""Share of the run time by which sums in another order may differ."""


def busy_s(schedule: Schedule, gpus: int) -> FloatArray:
    """Time in which at least one operator runs, shape (GPUs,)."""
    result = np.zeros(gpus)
    for stage, placed in zip(schedule.graph.stages, schedule.stages, strict=True):
        result[stage.gpu] = _busy_of_stage(stage, placed, ROUNDING * schedule.makespan_s)
    return result


def _busy_of_stage(stage: Stage, placed: Sequence[Placed], rounding_s: float) -> FloatArray:
    """Time in which at least one operator runs, shape (lanes,).

    Where no unit begins before the one before it is done on a lane, their times add up, and units that are alike
    are looked at once. Interleaved micro-batches always overlap.
    """
    if any(len(item.unit.items) > 1 for item in placed):
        return _covered_by(stage, placed)
    spans = [_span(stage, item) for item in placed]
    offset = np.repeat(np.array([item.offset_s for item in placed]), stage.width, axis=1)
    begin, end, busy = (np.array(column) for column in zip(*spans, strict=True))
    done = np.maximum.accumulate(end + offset, axis=0)
    if (begin[1:] + offset[1:] >= done[:-1] - rounding_s).all():
        return np.asarray(busy.sum(axis=0))
    return _covered_by(stage, placed)


def _covered_by(stage: Stage, placed: Sequence[Placed]) -> FloatArray:
    """Time that the operators of all units cover together, shape (lanes,)."""
    lane, start, finish = (np.concatenate(column) for column in zip(*map(_intervals, placed), strict=True))
    return covered_s(lane, start, finish, stage.lanes)


def _span(stage: Stage, placed: Placed) -> tuple[FloatArray, FloatArray, FloatArray]:
    """First start, last finish, and time that is covered in between, relative to the unit; shape (lanes,) each."""
    solution = placed.solution
    if solution.span is None:
        lane, start, finish = _intervals(placed, is_relative=True)
        first, last = np.full(stage.lanes, np.inf), np.full(stage.lanes, -np.inf)
        np.minimum.at(first, lane, start)
        np.maximum.at(last, lane, finish)
        solution.span = first, last, covered_s(lane, start, finish, stage.lanes)
    return solution.span


def _intervals(placed: Placed, *, is_relative: bool = False) -> tuple[IntArray, FloatArray, FloatArray]:
    """Lane, start and finish of every operator of a unit."""
    lanes, starts, finishes = [], [], []
    for place, item in enumerate(placed.unit.items):
        body, solution = item.cost.body, placed.solution
        rows = slice(body.runs[item.first].first, body.runs[item.last - 1].last)
        shift = 0.0 if is_relative else placed.offset_s[body.replica[rows]]
        lanes.append(body.lane[rows])
        starts.append(solution.start[place][rows] + shift)
        finishes.append(solution.finish[place][rows] + shift)
    return np.concatenate(lanes), np.concatenate(starts), np.concatenate(finishes)


def covered_s(lane: IntArray, start: FloatArray, finish: FloatArray, lanes: int) -> FloatArray:
    """Time that the intervals of each lane cover together, shape (lanes,)."""
    # Each lane's intervals are moved apart, so that one order and one running maximum serve all of them.
    first = float(start.min(initial=0.0))
    apart = lane * ((float(finish.max(initial=0.0)) - first) * 2 + 1)
    begin, end = start - first + apart, finish - first + apart
    order = begin.argsort(kind="stable")
    lane, begin, end = lane[order], begin[order], end[order]
    reached = np.maximum.accumulate(end)
    free_from = np.concatenate(([-np.inf], reached[:-1]))
    return total_by(lane, np.maximum(0.0, end - np.maximum(begin, free_from)), lanes)
