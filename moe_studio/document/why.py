"""Why a design takes as long as it does, in a few sentences."""

from moe_studio.document.placing import hosted_experts
from moe_studio.engine.evaluation import Evaluation
from moe_studio.export.verdict import bound_text, fit_text, repeated_work_text
from moe_studio.units import percent_text, significant

UNEVEN = 1.05
"""Imbalance from which on it is worth a sentence."""

MUCH_WAITING = 0.02
"""Share of the run time for which GPUs wait, from which on it is worth a sentence."""


def why(evaluation: Evaluation) -> tuple[str, ...]:
    """What binds the design and what would help, most important first."""
    sentences = (
        "" if evaluation.memory.fits else fit_text(evaluation),
        imbalance_text(evaluation),
        repeated_work_text(evaluation),
        bound_text(evaluation),
        waiting_text(evaluation),
    )
    return tuple(text for text in sentences if text)


def imbalance_text(evaluation: Evaluation) -> str:
    """Which GPU the others wait for in the most uneven layer; nothing when all have about the same."""
    worst = float(evaluation.imbalance.max(initial=0.0))
    if worst < UNEVEN:
        return ""
    layer = int(evaluation.imbalance.argmax())
    gpu = int(evaluation.load[layer].argmax())
    held = list(hosted_experts(evaluation.project, layer)[gpu])
    experts = f"expert {held[0]}" if len(held) == 1 else f"{len(held)} experts"
    uneven = int((evaluation.imbalance >= UNEVEN).sum())
    layers = f" {uneven} layers are uneven." if uneven > 1 else ""
    return (
        f"GPU {gpu} hosts {experts} of layer {layer} and handles {significant(worst, 3)} times the mean number of "
        f"tokens, so the others wait for it at combine.{layers}"
    )


def waiting_text(evaluation: Evaluation) -> str:
    """How long GPUs have nothing to do."""
    latency = evaluation.metrics.latency_s
    share = float(evaluation.idle_s.mean()) / latency if latency else 0.0
    if share < MUCH_WAITING:
        return ""
    most = int(evaluation.idle_s.argmax())
    own = float(evaluation.idle_s[most]) / latency
    return f"On average a GPU waits for {percent_text(share)} of the run time; GPU {most} for {percent_text(own)}."
