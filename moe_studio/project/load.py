"""How tokens spread over the experts of a layer."""

import numpy as np
from numpy.typing import NDArray

from moe_studio.project.project import Project

FloatArray = NDArray[np.float64]


def shares(project: Project, layer: int) -> FloatArray:
    """Load share of each expert of ``layer``, shape (experts,), with sum 1."""
    routing, experts = project.workload.routing, project.model.layers[layer].ffn.experts
    layer = project.model.held_layer(layer)
    if routing.kind == "recorded":
        counts = routing.counts
        own = len(project.model.own_layers)
        # Nobody records the prediction module; it is taken to choose as the last layer does.
        layer = min(layer, own - 1)
        if len(counts) != own:
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


def visits(project: Project, layer: int) -> FloatArray:
    """Probability that a token visits each expert of ``layer``, shape (experts,)."""
    ffn = project.model.layers[layer].ffn
    if project.workload.routing.kind == "uniform":
        return np.full(ffn.experts, ffn.top_k / ffn.experts)
    return visit_probability(shares(project, layer), ffn.top_k)
