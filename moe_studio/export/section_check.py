"""Parts of a report about how good the design is: verdict, checklist, what would change it."""

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.rule import RULES
from moe_studio.engine.stage_time import pipeline_time
from moe_studio.export.block import Block, Paragraph, Section, table
from moe_studio.export.section_design import most_experts
from moe_studio.export.summary import references
from moe_studio.export.uncertainty import margin_text
from moe_studio.export.verdict import fit_text, ladder, more_of, verdict
from moe_studio.units import byte_text, percent_text, significant, time_text


def verdict_section(evaluation: Evaluation) -> Section:
    """What a reader in haste needs."""
    metrics, memory = evaluation.metrics, evaluation.memory
    gpu = memory.worst_gpu
    rows = [
        ("time of one step (scheduled path)", time_text(metrics.latency_s)),
        *([("nine times in ten", margin)] if (margin := margin_text(evaluation)) else []),
        ("with unlimited streams (dependency path)", time_text(metrics.dependency_s)),
        ("tokens/s", significant(metrics.tokens_per_s)),
        ("tokens/s per GPU", significant(metrics.tokens_per_s_per_gpu)),
        ("steady tokens/s (full pipeline)", significant(metrics.steady_tokens_per_s)),
        ("share of the arithmetic peak (MFU)", percent_text(metrics.mfu)),
        (
            "fullest GPU",
            f"GPU {gpu}: {byte_text(float(memory.total[gpu]))} of {byte_text(float(memory.capacity[gpu]))}",
        ),
        *serving_rows(evaluation),
        (
            "operators, edges, levels",
            f"{len(evaluation.graph):,}, {evaluation.edge_count:,}, {evaluation.level_count:,}",
        ),
    ]
    blocks: list[Block] = [Paragraph(text=verdict(evaluation), lead=True), table(("figure", "value"), rows)]
    if claims := references(evaluation):
        blocks.append(_reference_table(evaluation, claims))
    return Section(title="Verdict", blocks=tuple(blocks))


def serving_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    """What a step gives a sequence, how even experts are, what would fit, what the pipeline loses; as it applies."""
    work, room = evaluation.project.workload, evaluation.room
    rows = []
    if work.is_decode:
        gained = f", {significant(work.gained_tokens)} tokens a step" if work.draft_tokens else ""
        rows.append(("time per output token", f"{time_text(evaluation.metrics.tpot_s)}{gained}"))
    if work.cached_tokens:
        rows.append(("tokens computed of each prompt", f"{work.new_tokens:,} of {work.tokens:,}; the rest is cached"))
    if evaluation.mean_imbalance:
        worst = significant(float(evaluation.imbalance.max()), 3)
        text = f"{significant(evaluation.mean_imbalance, 3)} times the mean, {worst} in the worst layer"
        rows.append(("busiest GPU of a MoE layer", text))
    gpu = room.worst_gpu
    if np.isfinite(room.sequences[gpu]):
        text = f"{room.tokens[gpu]:,.0f} tokens, {room.sequences[gpu]:,.0f} sequences on GPU {gpu}"
        rows.append(("cache that would fit", text))
    rows.append(("largest batch that would fit", f"{room.largest_batch:,}" if room.largest_batch else "none"))
    if evaluation.project.parallel.pp > 1:
        found = pipeline_time(evaluation)
        text = f"{percent_text(found.bubble)} of the time; full, {significant(found.tokens_per_s)} tokens/s"
        rows.append(("pipeline bubble", text))
    return rows


def _reference_table(evaluation: Evaluation, claims: list[dict[str, object]]) -> Block:
    phase = evaluation.project.workload.phase
    rows = []
    for claim in claims:
        predicted, error = claim["predicted"], claim["error"]
        shown = f"{_number(predicted)} {claim['unit']}" if predicted is not None else f"– (a {phase} pass has none)"
        wrong = "–" if error is None else f"{_number(error, signed=True)} %"
        rows.append(
            (str(claim["metric"]), f"{_number(claim['reference'])} {claim['unit']}", shown, wrong, str(claim["note"]))
        )
    return table(("figure", "reference", "predicted", "error", "source"), rows, words=(0, 4), caption="References")


def _number(value: object, *, signed: bool = False) -> str:
    assert isinstance(value, float)
    return (
        f"{value * 100:+,.1f}"
        if signed
        else significant(value, 6).rstrip("0").rstrip(".")
        if value < 1e3
        else f"{value:,.0f}"
    )


def checklist_section(evaluation: Evaluation) -> Section:
    """Every rule, passed or broken."""
    words = {"error": "✗ broken", "warning": "! warning", "info": "i remark"}
    rows = []
    for rule in RULES:
        found = list(rule.check(evaluation))
        is_asked = getattr(evaluation.project.limits, _LIMITS.get(rule.code, ""), 1)
        verdict = words[found[0].severity] if found else "✓ passed" if is_asked else "– not asked"
        text = " ".join(f"{item.message} [{item.where}]" for item in found)
        rows.append((verdict, rule.code, rule.title, text or (_passed_text(evaluation, rule.code) if is_asked else "")))
    return Section(
        title="Checklist", blocks=(table(("verdict", "code", "rule", "what was found"), rows, words=range(4)),)
    )


_LIMITS = {"experts-per-gpu": "experts_per_gpu", "min-ep": "min_ep", "imbalance": "imbalance"}
"""Rules that ask nothing unless a limit is set, and that limit."""


def _passed_text(evaluation: Evaluation, code: str) -> str:
    """By how much a rule is met, where that is a figure."""
    limits = evaluation.project.limits
    if code == "experts-per-gpu":
        return f"At most {most_experts(evaluation)}; asked for are at most {limits.experts_per_gpu}."
    if code == "min-ep":
        return f"ep is {evaluation.project.parallel.ep}; asked for is at least {limits.min_ep}."
    if code == "imbalance" and evaluation.imbalance.any():
        worst = significant(float(evaluation.imbalance.max()), 3)
        return f"At most {worst} times the mean; the limit is {limits.imbalance:g}."
    return fit_text(evaluation) if code == "memory" else ""


def change_section(evaluation: Evaluation) -> Section:
    """What would change the figures: sensitivity, and changes that were tried."""
    latency = evaluation.metrics.latency_s
    rows = [
        (
            f"10 % more {more_of(name)}",
            time_text(latency + change),
            percent_text(change / latency if latency else 0.0, 2),
        )
        for name, change in evaluation.sensitivity.items()
    ]
    blocks: list[Block] = [table(("hardware", "time of one step", "change"), rows, caption="Sensitivity")]
    rungs = [
        (
            f"{'+ ' if place else ''}{rung.label}",
            time_text(rung.latency_s),
            significant(rung.tokens_per_s),
            f"{byte_text(rung.worst_byte)} of {byte_text(rung.capacity_byte)}",
            "yes" if rung.fits else "no",
        )
        for place, rung in enumerate(ladder(evaluation))
    ]
    if rungs:
        header = ("change, on top of those above", "time of one step", "tokens/s", "fullest GPU", "fits")
        blocks.append(table(header, rungs, caption="Changes that help, each evaluated"))
    return Section(title="What would change it", blocks=tuple(blocks))
