"""How many tokens reach each expert, and which GPUs a token needs."""

import numpy as np

from moe_studio.graph.column import FloatArray
from moe_studio.project.project import Project

EVEN = 1e-12
"""A value this close (relatively) to an integer counts as that integer."""


def ceiling(value: FloatArray) -> FloatArray:
    """The least integer not below ``value``, which may miss an integer by rounding error."""
    nearest = np.round(value)
    return np.where(np.abs(value - nearest) <= EVEN * np.maximum(np.abs(value), 1e-300), nearest, np.ceil(value))


def ceil(value: float) -> float:
    """`ceiling` of one number."""
    return float(ceiling(np.array([value]))[0])


def shares(project: Project, layer: int) -> FloatArray:
    """Load share of each expert of ``layer``, shape (experts,), with sum 1."""
    routing, experts = project.workload.routing, project.model.layers[layer].ffn.experts
    if routing.kind == "recorded":
        counts = routing.counts
        if len(counts) != project.model.layer_count:
            layer = sum(item.ffn.is_moe for item in project.model.layers[:layer])
        row = np.array(counts[layer], dtype=float)
        return np.asarray(row / row.sum())
    if routing.kind == "zipf":
        share = np.empty(experts)
        order = np.random.default_rng((routing.seed, layer)).permutation(experts)
        share[order] = np.arange(1, experts + 1, dtype=float) ** -routing.skew
        return np.asarray(share / share.sum())
    return np.full(experts, 1.0 / experts)


def visit_probability(share: FloatArray, top_k: int) -> FloatArray:
    """Probability that a token visits each expert: min(1, λ · share), λ such that they sum to ``top_k``.

    The largest shares saturate first, so λ is found exactly by trying how many do.
    """
    order = np.argsort(-share, kind="stable")
    ranked = share[order]
    rest = np.cumsum(ranked[::-1])[::-1]
    full = np.arange(top_k)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (top_k - full) / rest[:top_k]
    fits = np.flatnonzero(scale * ranked[:top_k] <= 1.0 + 1e-15)
    if not len(fits):
        return np.asarray((np.argsort(order, kind="stable") < top_k).astype(float))
    return np.asarray(np.minimum(1.0, scale[fits[0]] * share))


def reach_uniform(experts_here: FloatArray, experts: int, top_k: int) -> FloatArray:
    """Probability that a token needs a GPU with ``experts_here`` of the experts, all equally likely.

    1 − C(E − E_g, k) / C(E, k), as a product so that nothing overflows.
    """
    missing = np.ones_like(experts_here)
    for step in range(top_k):
        missing *= np.maximum(experts - experts_here - step, 0.0) / (experts - step)
    return 1.0 - missing
