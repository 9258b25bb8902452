"""How run times were got and how far they may be off, as plain values and as words."""

from typing import Any

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.evidence import INTERVAL, OUTSIDE_MEASURED, PROVENANCES
from moe_studio.graph.operator import OP_NAMES
from moe_studio.units import percent_text, time_text

Plain = dict[str, Any]
CONFIDENCE = 0.9
"""Chance that the latency lies in its interval."""


def uncertainty(evaluation: Evaluation) -> Plain | None:
    """How far the latency may be off, nine times in ten; null where nobody knows, as of `fixed`.

    ``kernels`` is the margin for errors of kernel models alone; ``margin`` that with all that they say nothing of.
    """
    interval, margin = evaluation.latency_interval_s, evaluation.latency_margin
    if interval is None or margin is None:
        return None
    latency = evaluation.metrics.latency_s
    return {
        "confidence": CONFIDENCE,
        "latency_s": list(interval),
        "tokens_per_s": [evaluation.metrics.tokens / value for value in reversed(interval)],
        "margin": margin,
        "kernels": float(np.sinh(INTERVAL * evaluation.latency_error_s / latency)),
    }


def evidence(evaluation: Evaluation) -> list[Plain]:
    """How run times on the scheduled path were got, by kind of operator, the longest first.

    ``expected_error`` is the mean of the errors to expect, weighted by time; null where one is unknown. ``outside`` is
    whether they lie outside of what was measured; of one kind, those that do are apart.
    """
    path, rows = evaluation.path_evidence, evaluation.scheduled_path.rows
    time, kinds = evaluation.duration_s[rows], evaluation.graph.op[rows]
    found: list[Plain] = []
    groups = zip(kinds.tolist(), path.provenance.tolist(), path.outside.tolist(), strict=True)
    for kind, code, outside in sorted(set(groups)):
        own = (kinds == kind) & (path.provenance == code) & (path.outside == outside)
        seconds, error = float(time[own].sum()), float((path.error[own] * time[own]).sum())
        if seconds:
            found.append(
                {
                    "op": OP_NAMES[kind],
                    "provenance": PROVENANCES[code],
                    "operators": int(own.sum()),
                    "path_s": seconds,
                    "expected_error": error / seconds if error == error else None,
                    "outside": outside,
                }
            )
    return sorted(found, key=lambda item: -item["path_s"])


def operators_by_provenance(evaluation: Evaluation) -> dict[str, int]:
    """How many operators got their time in which way; those that take none are left out."""
    chosen = evaluation.evidence.provenance[evaluation.duration_s > 0]
    counts = np.bincount(chosen, minlength=len(PROVENANCES)).tolist()
    return {name: count for name, count in zip(PROVENANCES, counts, strict=True) if count}


def outside_text(evaluation: Evaluation) -> str:
    """How much of the time of a step rests on kernels outside of what was measured, as words; empty where none does."""
    rows = evaluation.scheduled_path.rows[evaluation.path_evidence.outside]
    if not evaluation.duration_s[rows].any():
        return ""
    share = percent_text(float(evaluation.duration_s[rows].sum()) / evaluation.metrics.latency_s)
    kinds = [item["op"] for item in evidence(evaluation) if item["outside"]]
    return f"{share} of the time of one step is {OUTSIDE_MEASURED}, and less sure: {', '.join(kinds)}"


def margin_text(evaluation: Evaluation) -> str:
    """Between what the latency lies nine times in ten, as words; empty where nobody knows."""
    known = uncertainty(evaluation)
    if known is None:
        return ""
    low, high = (time_text(value, 3) for value in known["latency_s"])
    return f"{low} to {high}, ±{percent_text(known['margin'], 0)} (kernels alone ±{percent_text(known['kernels'])})"
