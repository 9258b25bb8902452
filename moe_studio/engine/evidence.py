"""How run times were got, and how far their sum may be wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.units import percent_text

PROVENANCES = ("measured", "calibrated", "datasheet", "fixed", "user")
"""How a time was got, by code."""

OUTSIDE_MEASURED = "outside what was measured"
"""What is said of a time whose kernel has a size that nobody measured so small or so large."""

UNKNOWN = -1
"""Number of no family and of no kernel."""

UNKNOWN_SPREAD = 0.45
"""Spread of a time of which nobody knows how far it is from the truth: a datasheet roofline errs by 40 to 50 % on
measured matrix multiplications, a share of it that suits them by 10 to 30 %."""

INTERVAL = 1.645
"""Standard deviations on either side that hold nine of ten values of a normal distribution."""

WHOLE_MODEL_SPREAD = 0.175
"""Spread of what kernels say nothing of: gaps between them, the engine's own work and choices, contention.

Nine of ten of 452 measured times per output token of served models (Llama 3.1 and DeepSeek-R1 by TensorRT-LLM, vLLM and
SGLang on H100 and H200; ai-dynamo/aiconfigurator, Apache-2.0) lie within a factor of 1.35 of what is put together from
kernels, half within 8.5 %: moe-studio predict on that table prints it. Nothing that is predicted is fitted to them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """How one time was got: one of `PROVENANCES`, the relative error to expect (None: unknown), and a sentence.

    ``is_outside``: whether the kernel lies outside of what was measured.
    """

    provenance: str
    error: float | None
    sentence: str
    is_outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Per operator, how its time was got; shape (rows,) each.

    ``provenance``: index into `PROVENANCES`. ``error``: relative error to expect, the median of rows held out.
    ``spread``: its standard deviation. Both are nan where nobody knows. ``family``: operators with the same number
    were priced by the same fitted numbers; ``kernel``: by the same kernel of the same shape. ``shared``: the part of
    the variance that the family has in common. ``outside``: whether a size lies outside of what was measured.
    """

    provenance: NDArray[np.int8]
    error: FloatArray
    spread: FloatArray
    family: IntArray
    kernel: IntArray
    shared: FloatArray
    outside: NDArray[np.bool_]

    @staticmethod
    def code(provenance: str) -> int:
        """The code of a provenance."""
        return PROVENANCES.index(provenance)

    @staticmethod
    def fixed(rows: int) -> "Evidence":
        """Exact arithmetic, of which nobody knows how far it is from the truth."""
        unknown = np.full(rows, np.nan)
        number = np.full(rows, UNKNOWN)
        return Evidence(
            provenance=np.full(rows, Evidence.code("fixed"), np.int8),
            error=unknown,
            spread=unknown,
            family=number,
            kernel=number,
            shared=np.ones(rows),
            outside=np.zeros(rows, bool),
        )

    def of(self, rows: IntArray) -> "Evidence":
        """That of some rows."""
        return Evidence(**{name: getattr(self, name)[rows] for name in _COLUMNS})

    @staticmethod
    def joined(parts: "Sequence[Evidence]") -> "Evidence":
        """That of several layers, one after another."""
        return Evidence(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS})

    def basis(self, row: int) -> tuple[str, float | None]:
        """How the time of one operator was got, and the relative error to expect, None if unknown."""
        error = float(self.error[row])
        return PROVENANCES[self.provenance[row]], error if error == error else None

    def text(self, row: int) -> str:
        """The same as words: ``calibrated, ±5.8 %; outside what was measured``."""
        word, error = self.basis(row)
        said = word if error is None else f"{word}, ±{percent_text(error)}"
        return f"{said}; {OUTSIDE_MEASURED}" if self.outside[row] else said


_COLUMNS = tuple(item.name for item in fields(Evidence))


def sum_spread_s(seconds: FloatArray, evidence: Evidence) -> float:
    """Standard deviation of the sum of ``seconds``, nan if nothing is known of any; shape (rows,).

    The same kernel of the same shape errs by the same share wherever it runs, so its times add up before they are
    squared. Different shapes of one family have the part ``shared`` of their variance in common; families err
    independently. Times of which nobody knows anything all err together.
    """
    known = np.isfinite(evidence.spread)
    if not known.any():
        return float("nan")
    error_s = np.where(known, evidence.spread, UNKNOWN_SPREAD) * seconds
    family, kernel = evidence.family - UNKNOWN, evidence.kernel - UNKNOWN
    _, first, place = np.unique(family * (kernel.max() + 1) + kernel, return_index=True, return_inverse=True)
    kernel_s, shared = np.bincount(place, error_s), evidence.shared[first]
    family_s = np.bincount(family[first], np.sqrt(shared) * kernel_s)
    return float(np.sqrt(((1 - shared) * kernel_s**2).sum() + (family_s**2).sum()))
