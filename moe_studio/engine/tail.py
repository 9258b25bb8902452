"""The longest way from the operators of one unit to the end, running it backwards."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moe_studio.engine.cost import group_max
from moe_studio.engine.program import Item, Unit, ValueKey
from moe_studio.engine.solve import stream_of
from moe_studio.engine.state import NEVER, State, Values
from moe_studio.graph.column import FloatArray
from moe_studio.graph.layer import Run
from moe_studio.graph.operator import Sync
from moe_studio.graph.stage import Stage, sync_size


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
            stream = stream_of(run, after)
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
