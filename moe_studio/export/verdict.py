"""A design in words: whether it fits, what binds it, why, and what would change that.

Nothing here is a rule of thumb: every change that is named has been made and evaluated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from moe_studio.engine.cost import BOUNDS
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.engine.memory import memory as memory_of
from moe_studio.errors import MoeStudioError
from moe_studio.graph.estimate import operator_estimate
from moe_studio.graph.graph import build_graph
from moe_studio.graph.operator import OP_KINDS, OP_NUMBER, Phase
from moe_studio.graph.size import sizes
from moe_studio.project.edit import Edit, in_order, set_value
from moe_studio.project.project import Project
from moe_studio.units import byte_text, percent_text, significant, time_text

MAX_TRIED_OPERATORS = 2_000_000
"""Changes that would make a larger graph are not tried."""

MAX_SLICES = 4096
"""More micro-batches than this no project may have."""

MEMORY_NAMES = dict(
    zip(MEMORY_PARTS, ("weights", "key/value cache", "activations", "communication buffers"), strict=True)
)
"""Words for the parts of memory."""

_MIXING = {"scores", "scale", "softmax", "av"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A design after one more change: its label and what it would give."""

    label: str
    project: Project
    latency_s: float
    tokens_per_s: float
    worst_byte: float
    capacity_byte: float
    fits: bool


# Sentences


def verdict(evaluation: Evaluation) -> str:
    """One paragraph: speed, fit, what binds, the reason and the fix."""
    repeated = repeated_work_text(evaluation)
    parts = (
        speed_text(evaluation),
        fit_text(evaluation),
        f"The reason: {repeated[0].lower()}{repeated[1:]}" if repeated else "",
        bound_text(evaluation),
        remedy_text(evaluation),
    )
    return " ".join(part for part in parts if part)


def speed_text(evaluation: Evaluation) -> str:
    """How long a step takes, and what that is per second."""
    metrics, work = evaluation.metrics, evaluation.project.workload
    step = {"forward": "One forward pass", "prefill": "Prefill", "decode": "One decoding step"}[work.phase]
    return (
        f"{step} of {metrics.tokens:,.0f} tokens takes {time_text(metrics.latency_s)}: "
        f"{significant(metrics.tokens_per_s)} tokens/s, {percent_text(metrics.mfu)} of the arithmetic peak."
    )


def fit_text(evaluation: Evaluation) -> str:
    """Whether it fits into memory, and if not, what takes the room."""
    memory, project = evaluation.memory, evaluation.project
    gpu = memory.worst_gpu
    total, capacity = float(memory.total[gpu]), float(memory.capacity[gpu])
    if memory.fits:
        return f"It fits: the fullest GPU, {gpu}, needs {byte_text(total)} of {byte_text(capacity)}."
    name = max(MEMORY_PARTS, key=lambda part: float(getattr(memory, part)[gpu]))
    text = (
        f"It does not fit: GPU {gpu} needs {byte_text(total)} of {byte_text(capacity)}, "
        f"{significant(total / capacity, 3)} times what it has; "
        f"{byte_text(float(getattr(memory, name)[gpu]))} of that are {MEMORY_NAMES[name]}"
    )
    if name != "activations":
        return text + "."
    row = _largest_operator(evaluation, gpu)
    part, local = evaluation.graph.part_of(row)
    one = sizes(project).rows * project.model.hidden * project.model.byte_of("activations")
    return (
        f"{text}: the residual stream alone is a tensor of {byte_text(one)}, and {evaluation.graph.name(row)} "
        f"reads and writes {byte_text(float(part.body.live_byte[local]))}."
    )


def _largest_operator(evaluation: Evaluation, gpu: int) -> int:
    best, most = 0, -1.0
    seen = set()
    for part in evaluation.graph.parts:
        if part.body in seen:
            continue
        seen.add(part.body)
        mine = np.flatnonzero(part.body.stage.gpu[part.body.lane] == gpu)
        if len(mine) and part.body.live_byte[mine].max() > most:
            local = int(mine[part.body.live_byte[mine].argmax()])
            best, most = part.first + local, float(part.body.live_byte[local])
    return best


def bound_text(evaluation: Evaluation) -> str:
    """What the run time is made of and what binds it."""
    latency = evaluation.metrics.latency_s
    if not latency:
        return ""
    bound, name = max((seconds, name) for name, seconds in bound_s(evaluation).items())
    group, share = max(group_s(evaluation).items(), key=lambda item: item[1])
    resource, change = min(evaluation.sensitivity.items(), key=lambda item: item[1])
    words = {
        "compute": "by arithmetic",
        "memory": "by memory bandwidth",
        "network": "by links",
        "latency": "by latencies",
    }
    text = f"{percent_text(bound / latency, 0)} of the run time is bound {words.get(name, 'by waiting')}; "
    text += f"the largest share, {percent_text(share / latency, 0)}, is {group}."
    if change < -0.002 * latency:
        text += f" 10 % more {more_of(resource)} would make it {percent_text(-change / latency)} shorter."
    return text


def more_of(resource: str) -> str:
    """What one has more of: ``peak compute``, ``bandwidth of links in a node``."""
    return f"bandwidth of {resource}" if resource.startswith("links") else resource


def repeated_work_text(evaluation: Evaluation) -> str:
    """Which work is done more than once, and by how many GPUs."""
    project = evaluation.project
    if not has_repeated_attention(project):
        return ""
    rows = sizes(project).rows
    return (
        f"Attention is replicated, so each of the {project.groups} attention groups computes all {rows:,.0f} tokens, "
        f"the same work {project.groups} times; data-parallel attention would give it {rows / project.groups:,.0f}."
    )


def has_repeated_attention(project: Project) -> bool:
    """Whether several attention groups compute the same tokens."""
    return project.parallel.attention == "replicated" and project.groups > 1


def remedy_text(evaluation: Evaluation) -> str:
    """What the changes of `ladder` would give, in words."""
    rungs = ladder(evaluation)
    if not rungs:
        return "" if evaluation.memory.fits else _no_remedy_text(evaluation)
    first, last = rungs[0], rungs[-1]
    text = f"With {first.label} it would take {time_text(first.latency_s)} for {_tokens_text(first)}"
    text += f" ({_times_text(evaluation.metrics.tokens_per_s, first.tokens_per_s)})"
    if first.fits and not evaluation.memory.fits:
        return f"{text} and fit."
    if evaluation.memory.fits:
        return f"{text}."
    text += (
        f", though GPU memory would still lack room: {byte_text(first.worst_byte)} of {byte_text(first.capacity_byte)}."
    )
    if len(rungs) == 1 or not last.fits:
        return f"{text} {_no_remedy_text(evaluation)}"
    more = ", ".join(rung.label for rung in rungs[1:])
    return (
        f"{text} It fits with {more} as well: {byte_text(last.worst_byte)}, {significant(last.tokens_per_s)} tokens/s."
    )


def _tokens_text(rung: Rung) -> str:
    return f"{round(rung.latency_s * rung.tokens_per_s):,} tokens"


def _times_text(before: float, after: float) -> str:
    """How two rates compare: ``6.94 times the tokens/s``."""
    return f"{significant(after / before, 3)} times the tokens/s" if before else "–"


def _no_remedy_text(evaluation: Evaluation) -> str:
    memory = evaluation.memory
    weights, gpu = float(memory.weights.max()), int(memory.weights.argmax())
    if weights > memory.capacity[gpu]:
        text = f"The weights alone need {byte_text(weights)} on GPU {gpu}"
        return f"{text}: spread them over more GPUs, or use a smaller data type."
    return "No change of batch, micro-batches or attention that was tried makes it fit: it needs more GPUs."


# Where the time goes


def bound_s(evaluation: Evaluation) -> dict[str, float]:
    """Time on the scheduled path by what binds its operators, and waiting."""
    rows = evaluation.scheduled_path.rows
    seconds = np.bincount(evaluation.bound[rows], evaluation.duration_s[rows], minlength=len(BOUNDS))
    result = {name: float(seconds[code]) for code, name in enumerate(BOUNDS) if seconds[code]}
    return {**result, "waiting": evaluation.breakdown.waiting_s}


def group_of(op: str) -> str:
    """The group, in words, that an operator's time is counted in."""
    kind = OP_KINDS[OP_NUMBER[op]]
    if kind.family == "communication" and op != "dispatch":
        return "communication"
    if op in _MIXING:
        return "attention scores and values"
    if kind.is_expert:
        return "experts"
    if op.startswith(("ffn_", "shared_")):
        return "dense layers"
    if kind.phase is Phase.ATTENTION and kind.is_matmul:
        return "attention projections"
    if kind.phase in (Phase.EMBED, Phase.HEAD):
        return "embedding and head"
    return "dispatch" if op == "dispatch" else "norms, residuals and routing"


def group_s(evaluation: Evaluation) -> dict[str, float]:
    """Time on the scheduled path by group, largest first, and waiting."""
    result: dict[str, float] = {}
    for op, seconds in evaluation.breakdown.by_kind.items():
        result[group_of(op)] = result.get(group_of(op), 0.0) + seconds
    ordered = dict(sorted(result.items(), key=lambda item: -item[1]))
    return {**ordered, "waiting": evaluation.breakdown.waiting_s}


# What would change it


def ladder(evaluation: Evaluation) -> tuple[Rung, ...]:
    """Changes that help, each on top of those before, until the design fits or none is left."""
    if evaluation not in _KNOWN:
        _KNOWN[evaluation] = _climbed(evaluation)
    return _KNOWN[evaluation]


_KNOWN: "WeakKeyDictionary[Evaluation, tuple[Rung, ...]]" = WeakKeyDictionary()


def _climbed(evaluation: Evaluation) -> tuple[Rung, ...]:
    rungs: list[Rung] = []
    current = evaluation
    for step in (_share_attention, _fuse_attention, _shrink_batch, _slice_batch):
        found = next((rung for rung in _tried(current, step(current)) if _helps(current, *rung)), None)
        if found is not None:
            rungs.append(_rung(*found))
            current = found[1]
    return tuple(rungs)


Choice = tuple[str, Edit]


def _tried(evaluation: Evaluation, choices: Iterator[Choice]) -> Iterator[tuple[str, Evaluation]]:
    for label, edit in choices:
        try:
            project = edit(evaluation.project)
            if operator_estimate(project) <= MAX_TRIED_OPERATORS:
                yield label, evaluate(project, evaluation.provide)
        except MoeStudioError:
            continue


def _helps(before: Evaluation, label: str, after: Evaluation) -> bool:
    """Whether a change makes it fit, or faster, or smaller without making it much slower."""
    if after.memory.fits and not before.memory.fits:
        return True
    faster = after.metrics.tokens_per_s / before.metrics.tokens_per_s
    smaller = after.memory.total.max() / before.memory.total.max()
    return faster > 1.02 or (not before.memory.fits and bool(smaller < 0.9))


def _share_attention(evaluation: Evaluation) -> Iterator[Choice]:
    if has_repeated_attention(evaluation.project):
        yield "data-parallel attention", set_value("parallel.attention", "data")


def _fuse_attention(evaluation: Evaluation) -> Iterator[Choice]:
    if evaluation.project.cost.attention == "unfused":
        yield "fused attention", set_value("cost.attention", "fused")


def _shrink_batch(evaluation: Evaluation) -> Iterator[Choice]:
    """Smaller batches, when weights and cache alone are too much."""
    memory, work = evaluation.memory, evaluation.project.workload
    kept = memory.weights + memory.kv_cache
    if (kept <= memory.capacity).all() or (memory.weights > memory.capacity).any():
        return
    room = float(((memory.capacity - memory.weights) / np.maximum(memory.kv_cache, 1.0)).min())
    batch = 1 << max(0, int(np.floor(np.log2(max(1.0, work.batch * room)))))
    if batch < work.batch:
        yield f"a batch of {batch:,}", set_value("workload.batch", batch)


def _slice_batch(evaluation: Evaluation) -> Iterator[Choice]:
    """More micro-batches: twice as many, or the fewest that make it fit."""
    project = evaluation.project
    shares = project.parallel.dp * (1 if project.parallel.attention == "replicated" else project.groups)
    most = min(project.workload.batch // shares, MAX_SLICES)
    slices = project.workload.micro_batches * 2
    while slices * 2 <= most and not evaluation.memory.fits and not _fits(_sliced(slices)[1](project)):
        slices *= 2
    if slices <= most:
        yield _sliced(slices)


def _fits(project: Project) -> bool:
    """Whether ``project`` has room, found without evaluating it; one too large to be tried has to do, too."""
    return operator_estimate(project) > MAX_TRIED_OPERATORS or memory_of(build_graph(project)).fits


def _sliced(slices: int) -> Choice:
    return f"{slices} micro-batches", in_order(
        set_value("workload.micro_batches", slices), set_value("workload.order", "interleaved")
    )


def _rung(label: str, evaluation: Evaluation) -> Rung:
    memory = evaluation.memory
    gpu = memory.worst_gpu
    return Rung(
        label=label,
        project=evaluation.project,
        latency_s=evaluation.metrics.latency_s,
        tokens_per_s=evaluation.metrics.tokens_per_s,
        worst_byte=float(memory.total[gpu]),
        capacity_byte=float(memory.capacity[gpu]),
        fits=memory.fits,
    )
