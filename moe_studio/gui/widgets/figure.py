"""The figures that are seen first, as text: each with what a preview changes in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.rule import Problem
from moe_studio.units import GB, percent_text, si_text, significant, time_text

GOOD, BAD = "good", "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. ``note`` stands beside its title, in ``tone`` when that is good or bad news."""

    title: str
    value: str
    note: str = ""
    tone: str = ""
    value_tone: str = ""
    tip: str = ""


def figures(evaluation: Evaluation, before: Evaluation, found: Sequence[Problem]) -> tuple[Figure, ...]:
    """The strip's figures; ``before`` is the committed design, the same object when nothing is previewed."""
    return (
        _latency(evaluation, before),
        _tokens(evaluation, before),
        _mfu(evaluation, before),
        _path(evaluation),
        _memory(evaluation, before),
        _imbalance(evaluation, before),
        _traffic(evaluation, before),
        _problems(found),
    )


def change_text(now: float, before: float) -> str:
    """A relative change: ``+4.6 %``, or ± 0 when it would read as nothing."""
    if before == now or before == 0:
        return "± 0 %"
    ratio = now / before - 1
    text = percent_text(abs(ratio), 1 if abs(ratio) < 1 else 0)
    return f"{'+' if ratio > 0 else '−'}{text}"


def tone_of(now: float, before: float, *, more_is: str) -> str:
    """Whether going from ``before`` to ``now`` is good or bad news."""
    if abs(now - before) <= 1e-9 * abs(before):
        return ""
    other = GOOD if more_is == BAD else BAD
    return more_is if now > before else other


def memory_text(used: float, room: float) -> str:
    """Bytes held of bytes there are, in GB, as GPUs are sold: ``28.2 / 64 GB``."""
    amount = significant(used / GB, 3) if used < 1000 * GB else f"{used / GB:,.0f}"
    return f"{amount} / {room / GB:g} GB"


def _latency(now: Evaluation, before: Evaluation) -> Figure:
    latency, old = now.metrics.latency_s, before.metrics.latency_s
    claimed = now.project.reference.latency_s if now.project.reference else 0.0
    note, tone = _change(now, before, latency, old, more_is=BAD)
    if not note and claimed:
        note = f"claim {change_text(latency, claimed)}"
    return Figure(title="Latency", value=time_text(latency), note=note, tone=tone, tip="Length of the scheduled path.")


def _tokens(now: Evaluation, before: Evaluation) -> Figure:
    rate, old = now.metrics.tokens_per_s, before.metrics.tokens_per_s
    claimed = now.project.reference.tokens_per_s if now.project.reference else 0.0
    note, tone = _change(now, before, rate, old, more_is=GOOD)
    tip = f"Steady, with a full pipeline: {now.metrics.steady_tokens_per_s:,.0f} tokens/s."
    if not note and claimed:
        note = f"claim {change_text(rate, claimed)}"
        tip += f" Claimed: {claimed:,.0f} tokens/s."
    value = f"{rate:,.0f}" if rate < 1e8 else si_text(rate, "", 4)
    return Figure(title="Tokens/s", value=value, note=note, tone=tone, tip=tip)


def _mfu(now: Evaluation, before: Evaluation) -> Figure:
    share, old = now.metrics.mfu, before.metrics.mfu
    note = "" if now is before else f"{(share - old) * 100:+.1f} pt".replace("-", "−")
    tone = "" if now is before else tone_of(share, old, more_is=GOOD)
    return Figure(
        title="MFU",
        value=percent_text(share),
        note=note,
        tone=tone,
        tip=f"Model FLOP over peak: {si_text(now.metrics.model_flop, 'FLOP')} a step.",
    )


def _path(now: Evaluation) -> Figure:
    count = len(now.scheduled_path.rows)
    dependency = time_text(now.metrics.dependency_s)
    return Figure(
        title="Longest path",
        value=f"{count:,} ops",
        note=f"dep. {time_text(now.metrics.dependency_s, 3)}",
        tip=f"Over data dependencies alone the longest path takes {dependency}.",
    )


def _memory(now: Evaluation, before: Evaluation) -> Figure:
    memory, gpu = now.memory, now.memory.worst_gpu
    used, room = float(memory.total[gpu]), float(memory.capacity[gpu])
    note, tone = _change(now, before, used, float(before.memory.total.max()), more_is=BAD)
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


def _imbalance(now: Evaluation, before: Evaluation) -> Figure:
    worst, old = float(now.imbalance.max(initial=0)), float(before.imbalance.max(initial=0))
    if not worst:
        return Figure(title="Imbalance", value="–", note="no experts")
    layer = int(now.imbalance.argmax())
    note, tone = _change(now, before, worst, old, more_is=BAD)
    if not tone:
        note = f"GPU {int(now.load[layer].argmax())}" if worst > 1.0005 else "even"
    return Figure(
        title="Imbalance",
        value=f"{worst:.2f} ×",
        note=note,
        tone=tone,
        tip=f"Largest over mean number of tokens of a GPU's experts, in layer {layer}.",
    )


def _traffic(now: Evaluation, before: Evaluation) -> Figure:
    total, old = float(now.cross_node_byte.sum()), float(before.cross_node_byte.sum())
    note, tone = _change(now, before, total, old, more_is=BAD)
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
        rest = (
            f"+ {counts['warning']} warnings" if counts["warning"] > 1 else "+ 1 warning" if counts["warning"] else ""
        )
        return Figure(title="Problems", value=_count(counts["error"], "error"), note=rest, value_tone=BAD)
    if counts["warning"]:
        return Figure(title="Problems", value=_count(counts["warning"], "warning"), note="")
    return Figure(title="Problems", value="none", note=_count(counts["info"], "remark") if counts["info"] else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _change(now: Evaluation, before: Evaluation, value: float, old: float, *, more_is: str) -> tuple[str, str]:
    if now is before:
        return "", ""
    return change_text(value, old), tone_of(value, old, more_is=more_is)
