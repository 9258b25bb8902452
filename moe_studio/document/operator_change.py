"""Operators in which two designs differ.

Operators are the same when layer, micro-batch, kind, expert and GPU are; those of an expert that is on another GPU
of the same replica have moved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from moe_studio.document.difference_row import SAME, Change, Row, numbers_text
from moe_studio.document.selection import Selection
from moe_studio.engine.cost import LayerCost
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.operator import OP_NAMES
from moe_studio.units import time_text

_COMPARED = ("m", "k", "n", "count", "flop", "byte", "in_rows", "in_width", "out_rows", "out_width")

_Words = tuple[str, float, int]
"""Shapes, time, and the GPU of what has moved (else -1), of one operator."""

_Group = tuple[Change, str, tuple[tuple[int, int], ...], _Words | None, _Words | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorChange:
    """Operators of one kind that differ alike. Times are those of one operator.

    ``where`` are (GPU, expert) in each of ``places``, which are (layer, micro-batch) in ascending order.
    """

    change: Change
    op: str
    places: tuple[tuple[int, int], ...]
    where: tuple[tuple[int, int], ...]
    was: _Words | None
    now: _Words | None

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers that they are in."""
        return tuple(sorted({layer for layer, _ in self.places}))

    @property
    def operators(self) -> int:
        """How many there are."""
        return len(self.where) * len(self.places)

    @property
    def weight(self) -> float:
        """By how much the time of all of them differs."""
        was, now = (0.0 if item is None else item[1] for item in (self.was, self.now))
        return abs(now - was) * self.operators


def operator_changes(first: Evaluation, second: Evaluation) -> Iterator[OperatorChange]:
    """All differences; parts whose layers are the same objects are compared once."""
    parts = [
        {(part.layer, part.micro_batch): cost for part, cost in zip(item.graph.parts, item.costs, strict=True)}
        for item in (first, second)
    ]
    pairs: dict[tuple[LayerCost | None, LayerCost | None], list[tuple[int, int]]] = {}
    for place in sorted(parts[0].keys() | parts[1].keys()):
        pairs.setdefault((parts[0].get(place), parts[1].get(place)), []).append(place)
    together: dict[_Group, list[tuple[int, int]]] = {}
    for (was, now), places in pairs.items():
        for group in _grouped(was, now):
            together.setdefault(group, []).extend(places)
    for (change, op, where, before, after), places in together.items():
        yield OperatorChange(
            change=change,
            op=op,
            places=tuple(sorted(places)),
            where=where,
            was=before,
            now=after,
        )


def _grouped(was: LayerCost | None, now: LayerCost | None) -> Iterator[_Group]:
    """Differences of one layer, those that read alike together."""
    sides = _Rows(was), _Rows(now)
    groups: dict[tuple[Change, str, _Words | None, _Words | None], list[tuple[int, int]]] = {}
    for change, old, new in _matched(*sides):
        shown, rows = (sides[0], old) if change == "removed" else (sides[1], new)
        has_gpu = change == "moved"
        for place, row in enumerate(rows.tolist()):
            before = sides[0].words(int(old[place]), has_gpu=has_gpu) if len(old) else None
            after = sides[1].words(int(new[place]), has_gpu=has_gpu) if len(new) else None
            key = (change, OP_NAMES[shown.op[row]], before, after)
            groups.setdefault(key, []).append((int(shown.gpu[row]), int(shown.expert[row])))
    for (change, op, before, after), where in groups.items():
        yield change, op, tuple(where), before, after


class _Rows:
    """The operators of one layer as columns; of no layer, none."""

    def __init__(self, cost: LayerCost | None) -> None:
        empty = np.zeros(0, np.int64)
        body = cost.body if cost is not None else None
        self.op: IntArray = body.op.astype(np.int64) if body is not None else empty
        self.expert: IntArray = body.expert.astype(np.int64) if body is not None else empty
        self.gpu: IntArray = body.stage.gpu[body.lane].astype(np.int64) if body is not None else empty
        self.replica: IntArray = body.replica.astype(np.int64) if body is not None else empty
        self.time: FloatArray = cost.duration_s if cost is not None else np.zeros(0)
        self.shape = (
            np.stack([body.columns[name].astype(np.float64) for name in _COMPARED], axis=1)
            if body is not None
            else np.zeros((0, len(_COMPARED)))
        )

    def key(self, rows: IntArray, last: IntArray) -> IntArray:
        """Kind, expert and ``last`` of ``rows`` as one number; experts and GPUs are below 2^20."""
        return (self.op[rows] << 44) + ((self.expert[rows] + 1) << 22) + last

    def words(self, row: int, *, has_gpu: bool) -> _Words:
        """What is said of one operator."""
        m, k, n, count = (int(value) for value in self.shape[row, :4])
        text = f"({m}, {k}, {n})" + (f" × {count}" if count > 1 else "") if m else ""
        return text, float(f"{self.time[row]:.9g}"), int(self.gpu[row]) if has_gpu else -1


def _matched(old: _Rows, new: _Rows) -> Iterator[tuple[Change, IntArray, IntArray]]:
    """Rows of both designs by how they differ; rows that do not are left out."""
    rows = [np.arange(len(side.op)) for side in (old, new)]
    keys = [side.key(own, side.gpu) for side, own in zip((old, new), rows, strict=True)]
    _, at_old, at_new = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    differs = ~(
        np.isclose(old.time[at_old], new.time[at_new], rtol=SAME, atol=0.0)
        & np.isclose(old.shape[at_old], new.shape[at_new], rtol=SAME, atol=0.0).all(axis=1)
    )
    yield "changed", at_old[differs], at_new[differs]
    left = [np.setdiff1d(own, at, assume_unique=True) for own, at in zip(rows, (at_old, at_new), strict=True)]
    from_old, from_new = _moves(old, left[0], new, left[1])
    yield "moved", from_old, from_new
    yield "removed", np.setdiff1d(left[0], from_old, assume_unique=True), np.zeros(0, np.int64)
    yield "added", np.zeros(0, np.int64), np.setdiff1d(left[1], from_new, assume_unique=True)


def _moves(old: _Rows, old_rows: IntArray, new: _Rows, new_rows: IntArray) -> tuple[IntArray, IntArray]:
    """Operators of experts that are gone from one GPU and have appeared on another of the same replica."""
    chosen, keys = [], []
    for side, rows in ((old, old_rows), (new, new_rows)):
        rows = rows[side.expert[rows] >= 0]
        rows = rows[np.lexsort((side.gpu[rows], side.replica[rows], side.expert[rows], side.op[rows]))]
        group = side.key(rows, side.replica[rows])
        _, start, size = np.unique(group, return_index=True, return_counts=True)
        rank = np.arange(len(rows)) - np.repeat(start, size)
        chosen.append(rows)
        keys.append(np.stack([group, rank], axis=1))
    known = {(int(group), int(rank)): place for place, (group, rank) in enumerate(keys[0])}
    pairs = [
        (known[key], place) for place, (group, rank) in enumerate(keys[1]) if (key := (int(group), int(rank))) in known
    ]
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return chosen[0][table[:, 0]], chosen[1][table[:, 1]]


def most_changed(found: Sequence[OperatorChange], most: int) -> list[OperatorChange]:
    """Those whose time differs most, the most important first."""
    return sorted(found, key=lambda item: (-item.weight, item.layers, item.op, item.where))[:most]


def operator_row(item: OperatorChange, shown: Evaluation) -> Row:
    """A change of operators in words; ``shown`` is the design in which it is looked for."""
    (layer, micro_batch), (gpu, expert) = item.places[0], item.where[0]
    where = "" if item.change == "moved" else f" on {numbers_text((gpu for gpu, _ in item.where), 'GPU')}"
    experts = {expert for _, expert in item.where if expert >= 0}
    of = f" of {numbers_text(experts, 'expert')}" if experts else ""
    times = [item.was[1] if item.was else 0.0, item.now[1] if item.now else 0.0]
    is_there = item.change != "removed" and layer < shown.project.model.layer_count
    return Row(
        category="operators",
        change=item.change,
        what=f"{item.op}{of}{where}, {numbers_text(item.layers, 'layer')}",
        was=_operator_text(item.was, item.now),
        now=_operator_text(item.now, item.was),
        selection=Selection(kind="operator", op=item.op, layer=layer, gpu=gpu, expert=expert, micro_batch=micro_batch)
        if is_there
        else Selection(kind="layer", layer=layer),
        gain=0 if abs(times[0] - times[1]) <= SAME * max(times) else 1 if times[1] < times[0] else -1,
    )


def _operator_text(own: _Words | None, other: _Words | None) -> str:
    """Time, the GPU of what has moved, and shapes where they differ."""
    if own is None:
        return "–"
    parts = [f"GPU {own[2]}"] if own[2] >= 0 else []
    parts.append(time_text(own[1]))
    if own[0] and (other is None or other[0] != own[0]):
        parts.append(own[0])
    return " · ".join(parts)
