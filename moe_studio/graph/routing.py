"""How many tokens reach each expert, and which GPUs a token needs."""

from statistics import NormalDist

import numpy as np

from moe_studio.graph.column import FloatArray

EVEN = 1e-12
"""A value this close (relatively) to an integer counts as that integer."""


def ceiling(value: FloatArray) -> FloatArray:
    """The least integer not below ``value``, which may miss an integer by rounding error."""
    nearest = np.round(value)
    return np.where(np.abs(value - nearest) <= EVEN * np.maximum(np.abs(value), 1e-300), nearest, np.ceil(value))


def ceil(value: float) -> float:
    """`ceiling` of one number."""
    return float(ceiling(np.array([value]))[0])


def largest_of(count: int) -> float:
    """What the largest of ``count`` normal deviates is expected to be, in standard deviations.

    Blom's approximation (Statistical Estimates and Transformed Beta-Variables, 1958).
    """
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25)) if count > 1 else 0.0


def reach_uniform(experts_here: FloatArray, experts: int, top_k: int) -> FloatArray:
    """Probability that a token needs a GPU with ``experts_here`` of the experts, all equally likely.

    1 − C(E − E_g, k) / C(E, k), as a product so that nothing overflows.
    """
    missing = np.ones_like(experts_here)
    for step in range(top_k):
        missing *= np.maximum(experts - experts_here - step, 0.0) / (experts - step)
    return 1.0 - missing
