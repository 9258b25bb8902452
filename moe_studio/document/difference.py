"""In what two designs differ, down to operators and experts: a value that holds all that a view of it needs.

Designs of any shapes can be compared. Operators are the same when layer, micro-batch, kind, expert and GPU
are; those of an expert that is on another GPU of the same replica have moved.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from moe_studio.calibration.provider import provide
from moe_studio.document.reference import Headline, Tell, headline
from moe_studio.document.selection import Selection
from moe_studio.engine.cost import LayerCost
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.export.compare import Comparison, Quantity, compare, settings_changes
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.operator import OP_NAMES
from moe_studio.project.design import layers_text
from moe_studio.project.instance import Instances, layer_instances
from moe_studio.project.project import Project
from moe_studio.units import time_text

Change = Literal["added", "removed", "moved", "changed"]
Category = Literal["figures", "settings", "experts", "operators"]

CHANGES: tuple[Change, ...] = ("added", "removed", "moved", "changed")
CATEGORIES: tuple[Category, ...] = ("figures", "settings", "experts", "operators")

MOST_ROWS = 2000
"""Rows of one category that are listed, those that change most; the counts are of all."""

SAME = 1e-9
"""Relative difference up to which two figures are the same."""

EMPTY = ("", "–")
"""What stands for a setting that is not there."""

_COMPARED = ("m", "k", "n", "count", "flop", "byte", "in_rows", "in_width", "out_rows", "out_width")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One difference in words. ``gain`` is 1 when it is for the better, -1 when for the worse, else 0."""

    category: Category
    change: Change
    what: str
    was: str
    now: str
    selection: Selection
    gain: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertChange:
    """An expert whose GPUs differ, in ``layers``: it was on ``was`` and is on ``now``."""

    expert: int
    layers: tuple[int, ...]
    was: tuple[int, ...]
    now: tuple[int, ...]

    @property
    def change(self) -> Change:
        """Added, removed, moved; or changed in how many copies it has."""
        if not self.was:
            return "added"
        if not self.now:
            return "removed"
        return "moved" if len(self.was) == len(self.now) else "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What a picture of one of the designs shows: per GPU the memory by part as shares of the capacity."""

    name: str
    headline: Headline
    memory: tuple[tuple[float, ...], ...]
    busy: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two designs compared. ``groups`` are parts of the longest path with both times, in seconds.

    ``counts`` has the number of operators by change, ``listed`` how many rows each category would have.
    """

    first: Side
    second: Side
    headline: str
    claim: str
    reasons: tuple[str, ...]
    groups: tuple[tuple[str, float, float], ...]
    experts: tuple[ExpertChange, ...]
    rows: tuple[Row, ...]
    counts: dict[str, int]
    listed: dict[str, int]


def difference(reference: Project, project: Project, tell: Tell) -> Difference:
    """``project`` compared with ``reference``; ``tell`` takes what is being done."""
    if reference.name == project.name:
        reference = replace(reference, name=f"{reference.name} (pinned)")
    tell("Evaluating both designs")
    first, second = evaluate(reference, provide), evaluate(project, provide)
    comparison = compare(first, second)
    tell("Comparing operators")
    found = list(_operator_changes(first, second))
    tell("Writing the summary")
    experts = expert_changes(reference, project)
    rows = {
        "figures": [_figure_row(figure) for figure in comparison.figures if not _is_same(figure)],
        "settings": list(_setting_rows(reference, project)),
        "experts": [_expert_row(item) for item in experts],
        "operators": [_operator_row(item, second) for item in _most(found)],
    }
    counts: Counter[str] = Counter()
    for item in found:
        counts[item.change] += item.operators
    listed = {name: len(group) for name, group in rows.items()} | {"operators": len(found)}
    return Difference(
        first=_side(comparison, 0),
        second=_side(comparison, 1),
        headline=comparison.headline,
        claim=comparison.claim,
        reasons=comparison.reasons,
        groups=tuple(group for group in comparison.groups if max(group[1:]) > SAME * first.metrics.latency_s),
        experts=experts,
        rows=tuple(row for name in CATEGORIES for row in rows[name][:MOST_ROWS]),
        counts=dict(counts),
        listed=listed,
    )


def numbers_text(numbers: Iterable[int], word: str) -> str:
    """Numbers in words: ``GPU 3``, ``GPUs 0–3, 7``, ``layers 0–57``."""
    known = sorted(set(numbers))
    text = layers_text(known).replace("-", "–").replace(",", ", ")
    return f"{word} {text}" if len(known) == 1 else f"{word}s {text}"


# Experts


def expert_changes(reference: Project, project: Project) -> tuple[ExpertChange, ...]:
    """Experts that are on other GPUs, equal changes of several layers together."""
    homes = (_Homes(reference), _Homes(project))
    layers: dict[tuple[object, object], list[int]] = {}
    for layer in range(max(reference.model.layer_count, project.model.layer_count)):
        layers.setdefault((homes[0].key(layer), homes[1].key(layer)), []).append(layer)
    together: dict[tuple[int, tuple[int, ...], tuple[int, ...]], list[int]] = {}
    for numbers in layers.values():
        was, now = homes[0].gpus(numbers[0]), homes[1].gpus(numbers[0])
        for expert in was.keys() | now.keys():
            change = (expert, was.get(expert, ()), now.get(expert, ()))
            if change[1] != change[2]:
                together.setdefault(change, []).extend(numbers)
    return tuple(
        ExpertChange(expert=expert, was=was, now=now, layers=tuple(sorted(numbers)))
        for (expert, was, now), numbers in sorted(together.items())
    )


class _Homes:
    """The GPUs of every expert of a design; layers placed alike share a key."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._instances = layer_instances(project)
        self._stage = {layer: stage for stage, layers in enumerate(project.stage_layers()) for layer in layers}

    def key(self, layer: int) -> object:
        """Equal for layers whose experts are on the same GPUs."""
        found = self._found(layer)
        return None if found is None else (id(found), self._stage[layer])

    def gpus(self, layer: int) -> dict[int, tuple[int, ...]]:
        """First GPU of each slot of each expert of one layer."""
        found = self._found(layer)
        if found is None:
            return {}
        parallel, width = self._project.parallel, self._project.width
        first = (found.replica * parallel.pp + self._stage[layer]) * width + found.slot * parallel.etp
        homes: dict[int, list[int]] = {}
        for expert, gpu in zip(found.expert.tolist(), first.tolist(), strict=True):
            homes.setdefault(expert, []).append(gpu)
        return {expert: tuple(sorted(gpus)) for expert, gpus in homes.items()}

    def _found(self, layer: int) -> Instances | None:
        return self._instances[layer] if layer < len(self._instances) else None


def _expert_row(item: ExpertChange) -> Row:
    gone = set(item.now) - set(item.was)
    return Row(
        category="experts",
        change=item.change,
        what=f"Expert {item.expert}, {numbers_text(item.layers, 'layer')}",
        was=numbers_text(item.was, "GPU") if item.was else "–",
        now=numbers_text(item.now, "GPU") if item.now else "–",
        selection=Selection(kind="expert", expert=item.expert, gpu=min(gone or item.now, default=-1)),
    )


# Operators


_Words = tuple[str, float, int]
"""Shapes, time, and the GPU of what has moved (else -1), of one operator."""

_Group = tuple[Change, str, tuple[tuple[int, int], ...], _Words | None, _Words | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OperatorChange:
    """Operators of one kind that differ alike. Times are those of one operator; ``where`` are (GPU, expert)."""

    change: Change
    op: str
    layers: tuple[int, ...]
    micro_batch: int
    batches: int
    where: tuple[tuple[int, int], ...]
    was: _Words | None
    now: _Words | None

    @property
    def operators(self) -> int:
        """How many there are."""
        return len(self.where) * self.batches

    @property
    def weight(self) -> float:
        """By how much the time of all of them differs."""
        was, now = (0.0 if item is None else item[1] for item in (self.was, self.now))
        return abs(now - was) * self.operators


def _operator_changes(first: Evaluation, second: Evaluation) -> Iterator[_OperatorChange]:
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
        yield _OperatorChange(
            change=change,
            op=op,
            layers=tuple(sorted({layer for layer, _ in places})),
            micro_batch=min(places)[1],
            batches=len(places),
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


def _most(found: Sequence[_OperatorChange]) -> list[_OperatorChange]:
    return sorted(found, key=lambda item: (-item.weight, item.layers, item.op, item.where))[:MOST_ROWS]


def _operator_row(item: _OperatorChange, shown: Evaluation) -> Row:
    gpu, expert = item.where[0]
    where = "" if item.change == "moved" else f" on {numbers_text((gpu for gpu, _ in item.where), 'GPU')}"
    experts = {expert for _, expert in item.where if expert >= 0}
    of = f" of {numbers_text(experts, 'expert')}" if experts else ""
    times = [item.was[1] if item.was else 0.0, item.now[1] if item.now else 0.0]
    is_there = item.change != "removed" and item.layers[0] < shown.project.model.layer_count
    return Row(
        category="operators",
        change=item.change,
        what=f"{item.op}{of}{where}, {numbers_text(item.layers, 'layer')}",
        was=_operator_text(item.was, item.now),
        now=_operator_text(item.now, item.was),
        selection=Selection(
            kind="operator", op=item.op, layer=item.layers[0], gpu=gpu, expert=expert, micro_batch=item.micro_batch
        )
        if is_there
        else Selection(kind="layer", layer=item.layers[0]),
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


# Figures and settings


def _is_same(figure: Quantity) -> bool:
    return abs(figure.second - figure.first) <= SAME * max(abs(figure.first), abs(figure.second))


def _figure_row(figure: Quantity) -> Row:
    gain = (figure.second - figure.first) * figure.better
    return Row(
        category="figures",
        change="changed",
        what=f"{figure.name[0].upper()}{figure.name[1:]}",
        was=figure.text(figure.first),
        now=figure.text(figure.second),
        selection=Selection(kind="design"),
        gain=(gain > 0) - (gain < 0),
    )


def _setting_rows(first: Project, second: Project) -> Iterator[Row]:
    for item in settings_changes(first, second):
        change: Change = "added" if item.first in EMPTY else "removed" if item.second in EMPTY else "changed"
        yield Row(
            category="settings",
            change=change,
            what=item.path,
            was=item.first or "–",
            now=item.second or "–",
            selection=Selection(kind="setting", path=item.path),
        )


def _side(comparison: Comparison, place: int) -> Side:
    evaluation = (comparison.first, comparison.second)[place]
    memory = evaluation.memory
    shares = (np.stack([getattr(memory, part) for part in MEMORY_PARTS]) / memory.capacity).T
    latency = evaluation.metrics.latency_s or 1.0
    return Side(
        name=comparison.names[place],
        headline=headline(evaluation),
        memory=tuple(map(tuple, shares.tolist())),
        busy=tuple((evaluation.compute_s / latency).tolist()),
    )
