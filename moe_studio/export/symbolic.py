"""Run times written out: a sum of Get_Time(m, k, n) terms, and a longest path as names.

Both are folded: layers that are alike are written once, with how many there are.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from moe_studio.engine.cost import LayerCost
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.path import Path
from moe_studio.graph.operator import OP_KINDS, OP_NAMES, Phase
from moe_studio.project.design import layers_text
from moe_studio.units import byte_text, time_text

_Shape = tuple[int, int, int, int, int, float]
"""Operator, m, k, n, count, and seconds."""

MAX_PERIOD = 12
"""Longest run of pieces of a path that is looked for again behind itself."""

MIN_EXPERTS = 4
"""From so many experts in a row on, only the first and the last are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Equal GEMMs of one layer on a path: ``times`` × Get_Time(m, k, n), together ``seconds``."""

    ops: tuple[str, ...]
    m: int
    k: int
    n: int
    times: int
    seconds: float
    is_per_head: bool

    def __str__(self) -> str:
        note = ", ".join(self.ops) + (", per head" if self.is_per_head else "")
        return f"{f'{self.times} × ' if self.times > 1 else ''}Get_Time({self.m}, {self.k}, {self.n}) [{note}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSum:
    """The GEMM terms of one layer, and the layers that have the same."""

    layers: tuple[int, ...]
    terms: tuple[Term, ...]

    @property
    def seconds(self) -> float:
        """Time of all of these layers."""
        return len(self.layers) * sum(term.seconds for term in self.terms)

    def __str__(self) -> str:
        inner = " + ".join(str(term) for term in self.terms)
        return f"{len(self.layers)} × [{inner}]" if len(self.layers) > 1 else f"[{inner}]"

    @property
    def layers_text(self) -> str:
        """Its layers as text: ``layers 0-3``."""
        return f"layer{'s' if len(self.layers) > 1 else ''} {layers_text(list(self.layers))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimeSum:
    """A path's length as a sum: GEMMs, work bound by memory, communication, waiting."""

    layers: tuple[LayerSum, ...]
    memory_s: float
    memory_byte: float
    communication_s: float
    communication_operators: int
    waiting_s: float

    @property
    def matmul_s(self) -> float:
        """Time of all GEMM terms."""
        return sum(item.seconds for item in self.layers)

    @property
    def seconds(self) -> float:
        """The whole sum."""
        return self.matmul_s + self.memory_s + self.communication_s + self.waiting_s

    @property
    def rest(self) -> tuple[tuple[float, str], ...]:
        """The terms that are no GEMMs, as (seconds, what they are)."""
        terms = (
            (self.memory_s, f"memory-bound ({byte_text(self.memory_byte)} moved)"),
            (self.communication_s, f"communication ({self.communication_operators} operators)"),
            (self.waiting_s if self.waiting_s > 1e-9 * self.seconds else 0.0, "waiting"),
        )
        return tuple(term for term in terms if term[0])

    @property
    def lines(self) -> tuple[str, ...]:
        """The terms of the sum, as text."""
        return (*(str(item) for item in self.layers), *(f"{time_text(seconds)} {name}" for seconds, name in self.rest))

    def __str__(self) -> str:
        return " + ".join(self.lines) or "0 s"


def run_time_sum(evaluation: Evaluation, path: Path | None = None) -> RunTimeSum:
    """The length of ``path`` (the scheduled path, if none is given) as a sum."""
    path = evaluation.scheduled_path if path is None else path
    matmuls: dict[tuple[int, bool], Counter[_Shape]] = {}
    others: dict[bool, list[float]] = {False: [], True: []}
    known: dict[tuple[LayerCost, int], _Step] = {}
    memory_byte = 0.0
    for number, local in _places(evaluation, path):
        cost, layer = evaluation.costs[number], evaluation.graph.parts[number].layer
        step = known.get((cost, local)) or known.setdefault((cost, local), _step(cost, local))
        if step.shape is not None:
            # The head stands apart, so that the last layer is like those before it.
            matmuls.setdefault((layer, step.is_head), Counter())[step.shape] += 1
        else:
            others[step.is_comm].append(step.seconds)
            memory_byte += step.byte
    memory_s, communication_s = math.fsum(others[False]), math.fsum(others[True])
    layers = _layer_sums(matmuls)
    spent = math.fsum(item.seconds for item in layers) + memory_s + communication_s
    return RunTimeSum(
        layers=layers,
        memory_s=memory_s,
        memory_byte=memory_byte,
        communication_s=communication_s,
        communication_operators=len(others[True]),
        waiting_s=max(0.0, path.seconds - spent),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What one operator adds to a sum; ``shape`` is None for what is no GEMM."""

    seconds: float
    shape: _Shape | None
    is_head: bool
    is_comm: bool
    byte: float


def _step(cost: LayerCost, local: int) -> _Step:
    body, seconds, is_comm = cost.body, float(cost.duration_s[local]), bool(cost.is_comm[local])
    op = int(body.op[local])
    shape = None
    if OP_KINDS[op].is_matmul:
        m, k, n, count = (int(column[local]) for column in (body.m, body.k, body.n, body.count))
        shape = (op, m, k, n, count, seconds)
    return _Step(
        seconds=seconds,
        shape=shape,
        is_head=OP_KINDS[op].phase is Phase.HEAD,
        is_comm=is_comm,
        byte=0.0 if is_comm else float(body.byte[local]),
    )


def _places(evaluation: Evaluation, path: Path) -> list[tuple[int, int]]:
    """Part of the graph and row of it, for each operator of a path."""
    first = evaluation.graph.first_rows
    numbers = np.searchsorted(first, path.rows, side="right") - 1
    return list(zip(numbers.tolist(), (path.rows - first[numbers]).tolist(), strict=True))


def _layer_sums(matmuls: "dict[tuple[int, bool], Counter[_Shape]]") -> tuple[LayerSum, ...]:
    alike: dict[tuple[Term, ...], list[int]] = {}
    for layer, is_head in sorted(matmuls, key=lambda place: (place[1], place[0])):
        alike.setdefault(_terms(matmuls[layer, is_head]), []).append(layer)
    return tuple(LayerSum(layers=tuple(layers), terms=terms) for terms, layers in alike.items())


def _terms(counts: "Counter[_Shape]") -> tuple[Term, ...]:
    """GEMMs of one layer in program order, those of the same shape and time together."""
    found: dict[tuple[int, ...], Term] = {}
    for (op, m, k, n, count, seconds), operators in sorted(counts.items()):
        term = found.get((m, k, n, count))
        new = Term(
            ops=(OP_NAMES[op],),
            m=m,
            k=k,
            n=n,
            times=count * operators,
            seconds=seconds * operators,
            is_per_head=count > 1,
        )
        if term is not None:
            names = term.ops if OP_NAMES[op] in term.ops else (*term.ops, OP_NAMES[op])
            new = replace(new, ops=names, times=term.times + new.times, seconds=term.seconds + new.seconds)
        found[m, k, n, count] = new
    return tuple(found.values())


# Paths as names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A stretch of a path within one layer and micro-batch, or several folded into one.

    ``key`` is equal for stretches that differ only in layer, micro-batch or first GPU.
    """

    words: tuple[str, ...]
    key: object
    layer: int
    last_layer: int
    batch: int
    gpu: int

    def step_to(self, other: "_Piece") -> tuple[int, int, int] | None:
        """By how many layers, micro-batches and GPUs ``other`` is further on, if it is alike."""
        if self.key != other.key:
            return None
        return other.layer - self.layer, other.batch - self.batch, other.gpu - self.gpu


def path_names(evaluation: Evaluation, path: Path) -> list[str]:
    """Ids of the operators of ``path``, first to last."""
    return [evaluation.graph.name(row) for row in path.rows.tolist()]


def path_text(evaluation: Evaluation, path: Path, *, is_folded: bool = True) -> str:
    """``path`` as ``input → l0_ln1_g0 → … → output``; repeated layers as ``[layers 1–3 the same]``."""
    if not is_folded:
        return " → ".join(["input", *path_names(evaluation, path), "output"])
    pieces = _folded(_folded(_pieces(evaluation, path)))
    return " → ".join(["input", *(word for piece in pieces for word in piece.words), "output"])


def _pieces(evaluation: Evaluation, path: Path) -> list[_Piece]:
    parts = evaluation.graph.parts
    places = zip(path.rows.tolist(), _places(evaluation, path), strict=True)
    stretches = groupby(places, key=lambda place: (parts[place[1][0]].layer, parts[place[1][0]].micro_batch))
    return [_piece(evaluation, list(stretch)) for _, stretch in stretches]


def _piece(evaluation: Evaluation, stretch: list[tuple[int, tuple[int, int]]]) -> _Piece:
    part = evaluation.graph.parts[stretch[0][1][0]]
    gpu = part.body.stage.gpu[part.body.lane[[local for _, (_, local) in stretch]]].tolist()
    op = part.body.op[[local for _, (_, local) in stretch]].tolist()
    expert = part.body.expert[[local for _, (_, local) in stretch]].tolist()
    key = tuple(zip(op, expert, (each - gpu[0] for each in gpu), strict=True))
    return _Piece(
        words=_words(evaluation, [row for row, _ in stretch], key),
        key=key,
        layer=part.layer,
        last_layer=part.layer,
        batch=part.micro_batch,
        gpu=gpu[0],
    )


def _words(evaluation: Evaluation, rows: list[int], key: tuple[tuple[int, int, int], ...]) -> tuple[str, ...]:
    """Names of ``rows``; the same operator of many experts in a row as first, …, last."""
    name = evaluation.graph.name
    words: list[str] = []
    for (_, is_expert), run in groupby(range(len(rows)), key=lambda place: (key[place][::2], key[place][1] >= 0)):
        places = list(run)
        if is_expert and len(places) >= MIN_EXPERTS:
            words += [name(rows[places[0]]), f"… {len(places) - 2} more experts", name(rows[places[-1]])]
        else:
            words += [name(rows[place]) for place in places]
    return tuple(words)


def _folded(pieces: list[_Piece]) -> list[_Piece]:
    """``pieces`` with stretches that come again and again written once."""
    result: list[_Piece] = []
    place = 0
    while place < len(pieces):
        period, times = _first_repeat(pieces, place)
        if times == 0:
            result.append(pieces[place])
            place += 1
            continue
        block = pieces[place : place + period]
        result.append(_joined(block, pieces[place : place + period * (times + 1)], times))
        place += period * (times + 1)
    return result


def _first_repeat(pieces: list[_Piece], place: int) -> tuple[int, int]:
    """The shortest stretch from ``place`` on that comes again at once, and how often it does."""
    for period in range(1, min(MAX_PERIOD, (len(pieces) - place) // 2) + 1):
        if times := _repeats(pieces, place, period):
            return period, times
    return 1, 0


def _repeats(pieces: list[_Piece], place: int, period: int) -> int:
    step = pieces[place].step_to(pieces[place + period])
    # Folding is for layers or micro-batches that follow each other; anything else would be hard to read.
    if step is None or step[:2] not in ((1, 0), (0, 1)):
        return 0
    times = 0
    while True:
        first = place + period * times
        block, after = pieces[first : first + period], pieces[first + period : first + 2 * period]
        if len(after) < period or any(a.step_to(b) != step for a, b in zip(block, after, strict=True)):
            return times
        times += 1


def _joined(block: list[_Piece], whole: list[_Piece], times: int) -> _Piece:
    first, again, last = block[0], whole[len(block)], whole[-1]
    kind, low, high = "layer", again.layer, last.last_layer
    if again.batch != first.batch:
        kind, low, high = "micro-batch", again.batch, last.batch
    plural = f"{kind}{'es' if kind.endswith('h') else 's'} {low}–{high}" if high > low else f"{kind} {low}"
    gpus = (
        ""
        if again.gpu == first.gpu
        else f" from GPU {again.gpu} on"
        if again is last
        else f", GPUs {again.gpu}–{last.gpu}"
    )
    words = (*(word for piece in block for word in piece.words), f"[{plural} the same{gpus}]")
    return _Piece(
        words=words,
        key=(tuple(piece.key for piece in block), times),
        layer=first.layer,
        last_layer=last.last_layer,
        batch=first.batch,
        gpu=first.gpu,
    )
