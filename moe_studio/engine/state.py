"""How a unit is entered and left, relative to when the streams of its replica are free."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moe_studio.engine.program import ValueKey
from moe_studio.graph.column import FloatArray
from moe_studio.graph.stage import Stage

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


def entry_state(stage: Stage, values: Values, streams: Sequence[FloatArray]) -> State:
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


def exit_state(stage: Stage, needs: Values, streams: Sequence[FloatArray]) -> State:
    """`entry_state` for tails, which run backwards.

    Every operator of a unit leads to a later compute operator of its replica, or to a user of the unit's values, on
    some lane. A ``send`` does not: it leads to the next stage and to the next send alone, so where there are sends
    the communication stream stays as it is.
    """
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
