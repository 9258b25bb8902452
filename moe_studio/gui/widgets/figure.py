"""The figures that are seen first, as text: each with what a preview changes in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from moe_studio.document.reference import Headline
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.rule import Problem
from moe_studio.units import GB, counted, percent_text, si_text, significant, time_text

GOOD, BAD = "good", "bad"

NO_CHANGE, NO_POINTS = "± 0 %", "± 0 pt"
"""Changes that read as nothing, which is neither good nor bad news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. ``note`` stands beside its title, in ``tone`` when that is good or bad news."""

    title: str
    value: str
    note: str = ""
    tone: str = ""
    value_tone: str = ""
    tip: str = ""


def figures(
    evaluation: Evaluation, before: Headline | None, found: Sequence[Problem], *, against: str = ""
) -> tuple[Figure, ...]:
    """The strip's figures with their change from ``before``, if there is one; ``against`` names it for the tips."""
    shown: tuple[Figure, ...] = (
        _latency(evaluation, before),
        _tokens(evaluation, before),
        _mfu(evaluation, before),
        _path(evaluation, before),
        _memory(evaluation, before),
        _imbalance(evaluation, before),
        _traffic(evaluation, before),
    )
    if before is not None and against:
        shown = tuple(replace(figure, tip=f"{figure.tip} Change against {against}.") for figure in shown)
    return (*shown, _problems(found))


def change_text(now: float, before: float) -> str:
    """A relative change: ``+4.6 %``, ± 0 when it would read as nothing, or ``from 0``."""
    if before == now:
        return NO_CHANGE
    if before == 0:
        return "from 0"
    ratio = now / before - 1
    text = percent_text(abs(ratio), 1 if abs(ratio) < 1 else 0)
    return f"{'+' if ratio > 0 else '−'}{text}" if text != percent_text(0) else NO_CHANGE


def points_text(now: float, before: float) -> str:
    """The change of a share, in points: ``+10.4 pt`` from 0.222 to 0.326, ± 0 when it would read as nothing."""
    points = round((now - before) * 100, 1)
    return f"{points:+.1f} pt".replace("-", "−") if points else NO_POINTS


def tone_of(now: float, before: float, *, more_is: str) -> str:
    """Whether going from ``before`` to ``now`` is good or bad news."""
    if abs(now - before) <= 1e-9 * abs(before):
        return ""
    other = GOOD if more_is == BAD else BAD
    return more_is if now > before else other


@lru_cache(maxsize=4096)
def memory_text(used: float, room: float) -> str:
    """Bytes held of bytes there are, in GB, as GPUs are sold: ``28.2 / 64 GB``."""
    amount = significant(used / GB, 3) if used < 1000 * GB else f"{used / GB:,.0f}"
    return f"{amount} / {room / GB:g} GB"


def _latency(now: Evaluation, before: Headline | None) -> Figure:
    latency = now.metrics.latency_s
    claimed = now.project.reference.latency_s if now.project.reference else 0.0
    note, tone = _change(latency, before.latency_s if before else None, more_is=BAD)
    if not note and claimed:
        note = f"claim {change_text(latency, claimed)}"
    tip = "Length of the scheduled path."
    if (margin := now.latency_margin) is not None:
        note = note or f"± {percent_text(margin, 0)}"
        tip += f" Nine times in ten it is right to ± {percent_text(margin, 0)}."
    return Figure(title="Latency", value=time_text(latency), note=note, tone=tone, tip=tip)


def _tokens(now: Evaluation, before: Headline | None) -> Figure:
    rate = now.metrics.tokens_per_s
    claimed = now.project.reference.tokens_per_s if now.project.reference else 0.0
    note, tone = _change(rate, before.tokens_per_s if before else None, more_is=GOOD)
    tip = f"Steady, with a full pipeline: {now.metrics.steady_tokens_per_s:,.0f} tokens/s."
    if not note and claimed:
        note = f"claim {change_text(rate, claimed)}"
        tip += f" Claimed: {claimed:,.0f} tokens/s."
    value = f"{rate:,.0f}" if rate < 1e8 else si_text(rate, "", 4)
    return Figure(title="Tokens/s", value=value, note=note, tone=tone, tip=tip)


def _mfu(now: Evaluation, before: Headline | None) -> Figure:
    share = now.metrics.mfu
    points = 0.0 if before is None else round((share - before.mfu) * 100, 1)
    note = "" if before is None else points_text(share, before.mfu)
    tone = "" if not points else tone_of(points, 0, more_is=GOOD)
    return Figure(
        title="MFU",
        value=percent_text(share),
        note=note,
        tone=tone,
        tip=f"Model FLOP over peak: {si_text(now.metrics.model_flop, 'FLOP')} a step.",
    )


def _path(now: Evaluation, before: Headline | None) -> Figure:
    count = len(now.scheduled_path.rows)
    dependency = time_text(now.metrics.dependency_s)
    change = 0 if before is None else count - before.path_operators
    return Figure(
        title="Longest path",
        value=f"{count:,} ops",
        note=f"{change:+,} ops".replace("-", "−") if change else f"dep. {time_text(now.metrics.dependency_s, 3)}",
        tip=f"Over data dependencies alone the longest path takes {dependency}.",
    )


def _memory(now: Evaluation, before: Headline | None) -> Figure:
    memory, gpu = now.memory, now.memory.worst_gpu
    used, room = float(memory.total[gpu]), float(memory.capacity[gpu])
    note, tone = _change(used, before.memory_byte if before else None, more_is=BAD)
    if not note or not tone:
        note, tone = f"GPU {gpu}", "" if used <= room else BAD
    return Figure(
        title="Memory, worst",
        value=memory_text(used, room),
        note=note,
        tone=tone,
        value_tone="" if used <= room else BAD,
        tip=f"GPU {gpu} is the fullest; it has room for {si_text(room, 'B', 3)}.",
    )


def _imbalance(now: Evaluation, before: Headline | None) -> Figure:
    worst = float(now.imbalance.max(initial=0))
    if not worst:
        return Figure(title="Imbalance", value="–", note="no experts")
    layer = int(now.imbalance.argmax())
    note, tone = _change(worst, before.imbalance if before else None, more_is=BAD)
    if not tone:
        note = f"GPU {int(now.load[layer].argmax())}" if worst > 1.0005 else "even"
    return Figure(
        title="Imbalance",
        value=f"{worst:.2f} ×",
        note=note,
        tone=tone,
        tip=f"Largest over mean number of tokens of a GPU's experts, in layer {layer}.",
    )


def _traffic(now: Evaluation, before: Headline | None) -> Figure:
    total = float(now.cross_node_byte.sum())
    note, tone = _change(total, before.cross_node_byte if before else None, more_is=BAD)
    layers = int((now.cross_node_byte > 0).sum())
    if not tone:
        note = f"{layers} layers" if layers > 1 else ""
    return Figure(
        title="Cross-node",
        value=si_text(total, "B", 3),
        note=note,
        tone=tone,
        tip="Bytes that dispatch and combine carry between nodes in one step.",
    )


def _problems(found: Sequence[Problem]) -> Figure:
    counts = {kind: sum(item.severity == kind for item in found) for kind in ("error", "warning", "info")}
    if counts["error"]:
        rest = f"+ {counted(counts['warning'], 'warning')}" if counts["warning"] else ""
        return Figure(title="Problems", value=counted(counts["error"], "error"), note=rest, value_tone=BAD)
    if counts["warning"]:
        return Figure(title="Problems", value=counted(counts["warning"], "warning"), note="")
    return Figure(title="Problems", value="none", note=counted(counts["info"], "remark") if counts["info"] else "")


def _change(value: float, old: float | None, *, more_is: str) -> tuple[str, str]:
    if old is None:
        return "", ""
    text = change_text(value, old)
    return text, "" if text == NO_CHANGE else tone_of(value, old, more_is=more_is)
