"""The roofline: how fast operators compute, by how much they compute for each byte that they move.

Samuel Williams, Andrew Waterman, David Patterson: Roofline, Communications of the ACM 52(4), 2009.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from moe_studio.document.timeline import FAMILY_OF_OP
from moe_studio.engine.cost import LayerCost
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.layer import LayerGraph
from moe_studio.graph.operator import OP_KINDS
from moe_studio.graph.stage import device_names
from moe_studio.project.model import DTYPES

GRID = 64
"""Points closer than this fraction of a factor of ten are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """What one kind of GPU can do with one data type; ``reach`` are the shares that the cost settings assume."""

    device: str
    dtype: str
    peak_flop_s: float
    memory_byte_s: float
    reach: tuple[float, float]

    @property
    def ridge(self) -> float:
        """FLOP per byte from which on arithmetic binds."""
        return self.peak_flop_s / self.memory_byte_s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roofline:
    """Operators that do arithmetic, alike ones together; shape (points,) each.

    ``intensity``: FLOP per byte; ``rate``: FLOP per second that is attained; ``seconds``: time of all of them on
    all GPUs; ``count``: how many they are; ``family``: index into `FAMILIES`; ``kinds``: a bit for each of
    `OP_KINDS` that is among them; ``row``: one of them in the graph; ``roof``: index into ``roofs`` of its own.
    """

    intensity: FloatArray
    rate: FloatArray
    seconds: FloatArray
    count: IntArray
    family: IntArray
    kinds: IntArray
    row: IntArray
    roof: IntArray
    roofs: tuple[Roof, ...]

    def name(self, point: int) -> str:
        """Names of the kinds of operators that a point stands for."""
        kinds = int(self.kinds[point])
        return ", ".join(kind.name for number, kind in enumerate(OP_KINDS) if kinds >> number & 1)


def roofline(evaluation: Evaluation) -> Roofline:
    """The roofline of ``evaluation``."""
    first: dict[LayerCost, int] = {}
    times: dict[LayerCost, int] = {}
    for part, cost in zip(evaluation.graph.parts, evaluation.costs, strict=True):
        first.setdefault(cost, part.first)
        times[cost] = times.get(cost, 0) + 1
    blocks = []
    for cost, count in times.items():
        points = _layer_points(cost).copy()
        points[2:4] *= count
        points[5] += first[cost]
        blocks.append(points)
    table = np.concatenate(blocks, axis=1)
    op = table[4].astype(np.int64)
    order, starts = _groups(np.stack([FAMILY_OF_OP[op], table[6].astype(np.int64), *_cells(table)]))
    merged = _merged(table[:, order], starts)
    bits = np.bitwise_or.reduceat(1 << op[order], starts) if len(starts) else np.zeros(0, np.int64)
    used = _used(evaluation)
    return Roofline(
        intensity=merged[0],
        rate=merged[1],
        seconds=merged[2],
        count=merged[3].astype(np.int64),
        family=FAMILY_OF_OP[merged[4].astype(np.int64)],
        kinds=bits,
        row=merged[5].astype(np.int64),
        roof=np.searchsorted(used, merged[6].astype(np.int64)),
        roofs=tuple(_roof(evaluation, code) for code in used),
    )


_KNOWN: "WeakKeyDictionary[LayerCost, FloatArray]" = WeakKeyDictionary()


def _layer_points(cost: LayerCost) -> FloatArray:
    """Rows of intensity, rate, seconds, count, op, row in the layer, roof; a column for each different operator."""
    if cost not in _KNOWN:
        body = cost.body
        chosen = np.flatnonzero((body.flop > 0) & (body.byte > 0) & (cost.own_s > 0) & ~cost.is_comm)
        flop, byte, own = body.flop[chosen], body.byte[chosen], cost.own_s[chosen]
        table = np.stack(
            [flop / byte, flop / own, own, np.ones(len(chosen)), body.op[chosen], chosen, _code(body, chosen)]
        )
        # Neighbours are mostly alike; what is left is sorted.
        table = _merged(table, _begins(table[[0, 1, 4, 6]]))
        order, starts = _groups(np.stack([*table[[4, 6]].astype(np.int64), *_cells(table)]))
        _KNOWN[cost] = _merged(table[:, order], starts)
    return _KNOWN[cost]


def _cells(table: FloatArray) -> IntArray:
    """Cells of the logarithmic grid that points lie in, shape (2, points)."""
    return np.round(np.log10(table[:2]) * GRID).astype(np.int64)


def _groups(key: IntArray) -> tuple[IntArray, IntArray]:
    """Order that brings equal columns of ``key`` together, and where each group begins."""
    order = np.lexsort(key)
    return order, _begins(key[:, order])


def _begins(key: NDArray[np.generic]) -> IntArray:
    """Where a column of ``key`` differs from the one before."""
    is_new = np.ones(key.shape[1], bool)
    is_new[1:] = (key[:, 1:] != key[:, :-1]).any(axis=0)
    return np.flatnonzero(is_new)


def _merged(table: FloatArray, starts: IntArray) -> FloatArray:
    """One column for each group that begins at ``starts``: seconds and counts summed, else as its first."""
    if not len(starts):
        return np.zeros((len(table), 0))
    result = table[:, starts]
    result[2:4] = np.add.reduceat(table[2:4], starts, axis=1)
    return result


def _roof(evaluation: Evaluation, code: int) -> Roof:
    """The roof of one kind of GPU and data type."""
    project = evaluation.project
    device, dtype = divmod(code, len(DTYPES))
    name = device_names(project.cluster)[device]
    return Roof(
        device=project.cluster.device(name).title or name,
        dtype=DTYPES[dtype],
        peak_flop_s=float(evaluation.rates.peak_flop_s[device, dtype]),
        memory_byte_s=float(evaluation.rates.memory_byte_s[device]),
        reach=(project.cost.compute, project.cost.memory),
    )


def _used(evaluation: Evaluation) -> list[int]:
    """Codes of the kinds of GPU and data types that are computed with, sorted."""
    return sorted(set().union(*(_codes(body) for body in {part.body for part in evaluation.graph.parts})))


_USED: "WeakKeyDictionary[LayerGraph, frozenset[int]]" = WeakKeyDictionary()


def _codes(body: LayerGraph) -> frozenset[int]:
    """Codes of the kinds of GPU and data types that a layer computes with."""
    if body not in _USED:
        _USED[body] = frozenset(np.flatnonzero(np.bincount(_code(body, np.flatnonzero(body.flop > 0)))).tolist())
    return _USED[body]


def _code(body: LayerGraph, rows: IntArray) -> IntArray:
    """One number for the kind of GPU and the data type of each operator; shape as ``rows``."""
    return body.stage.device[body.lane[rows]] * len(DTYPES) + body.columns["dtype"][rows].astype(np.int64)
