"""How run times were got, and how far their sum may be wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_studio.graph.column import FloatArray, IntArray

PROVENANCES = ("measured", "calibrated", "datasheet", "fixed", "user")
"""How a time was got, by code."""

UNKNOWN = -1
"""Number of no family and of no kernel."""

UNKNOWN_SPREAD = 0.45
"""Spread of a time of which nobody knows how far it is from the truth: a datasheet roofline errs by 40 to 50 % on
measured matrix multiplications, a share of it that suits them by 10 to 30 %."""

ALIKE = 0.3
"""Correlation of the errors of two kernels of one family, see `sum_spread_s`."""

INTERVAL = 1.645
"""Standard deviations on either side that hold nine of ten values of a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """How one time was got: one of `PROVENANCES`, the relative error to expect (None: unknown), and a sentence."""

    provenance: str
    error: float | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Per operator, how its time was got; shape (rows,) each.

    ``provenance``: index into `PROVENANCES`. ``error``: relative error to expect, the median of rows held out.
    ``spread``: its standard deviation. Both are nan where nobody knows. ``family``: operators with the same number
    were priced by the same fitted numbers; ``kernel``: by the same kernel of the same shape.
    """

    provenance: NDArray[np.int8]
    error: FloatArray
    spread: FloatArray
    family: IntArray
    kernel: IntArray

    @staticmethod
    def code(provenance: str) -> int:
        """The code of a provenance."""
        return PROVENANCES.index(provenance)

    @staticmethod
    def fixed(rows: int) -> "Evidence":
        """Exact arithmetic, of which nobody knows how far it is from the truth."""
        unknown = np.full(rows, np.nan)
        number = np.full(rows, UNKNOWN)
        provenance = np.full(rows, Evidence.code("fixed"), np.int8)
        return Evidence(provenance=provenance, error=unknown, spread=unknown, family=number, kernel=number)

    def of(self, rows: IntArray) -> "Evidence":
        """That of some rows."""
        return Evidence(
            provenance=self.provenance[rows],
            error=self.error[rows],
            spread=self.spread[rows],
            family=self.family[rows],
            kernel=self.kernel[rows],
        )

    @staticmethod
    def joined(parts: "list[Evidence]") -> "Evidence":
        """That of several layers, one after another."""
        names = ("provenance", "error", "spread", "family", "kernel")
        return Evidence(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def sum_spread_s(seconds: FloatArray, evidence: Evidence) -> float:
    """Standard deviation of the sum of ``seconds``, nan if nothing is known of any; shape (rows,).

    The same kernel of the same shape errs by the same share wherever it runs, so its times add up before they are
    squared. Different kernels of one family share a part `ALIKE` of the variance of their errors; families err
    independently. Times of which nobody knows anything all err together.
    """
    known = np.isfinite(evidence.spread)
    if not known.any():
        return float("nan")
    error_s = np.where(known, evidence.spread, UNKNOWN_SPREAD) * seconds
    pairs, place = np.unique(np.stack([evidence.family, evidence.kernel]), axis=1, return_inverse=True)
    kernel_s = np.bincount(place.reshape(-1), error_s)
    family_s = np.bincount(pairs[0] - UNKNOWN, kernel_s)
    return float(np.sqrt((1 - ALIKE) * (kernel_s**2).sum() + ALIKE * (family_s**2).sum()))
