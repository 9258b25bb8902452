"""Fits the fields of a parameter record: least squares on log ratios, deaf to outliers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from moe_studio.calibration.family import Block, Columns
from moe_studio.kernel.device import FloatArray

Record = TypeVar("Record")
IntArray = NDArray[np.intp]
Bounds = Mapping[str, tuple[float, float]]

_NOISE = 0.05
"""Log ratio from which a residual counts less: about the scatter of repeated measurements."""
_PULL = 0.004
"""How hard a field that the data say nothing of is held to where it starts, per row."""
_MAX_ROWS = 6000


def robust_fit(
    start: Record,
    bounds: Bounds,
    predict: Callable[[Record], FloatArray],
    measured_us: FloatArray,
    *,
    evaluations: int = 60,
) -> tuple[Record, float]:
    """``start`` with its fields in ``bounds`` fitted, and the mean absolute log ratio, at most 0.3 for each row.

    Fields vary in log space, so that all stay positive and weigh alike.
    """
    # Imported here, because only fitting needs it and it takes longer to load than the window.
    from scipy.optimize import least_squares

    names = list(bounds)
    low, high = (np.log(np.array([bounds[name][side] for name in names])) for side in (0, 1))
    first = np.clip(np.log(np.array([getattr(start, name) for name in names])), low + 1e-6, high - 1e-6)

    def record(point: FloatArray) -> Record:
        values: dict[str, Any] = dict(zip(names, np.exp(point).tolist(), strict=True))
        return replace(start, **values)  # type: ignore[type-var]

    def residual(point: FloatArray) -> FloatArray:
        return np.asarray(np.log(predict(record(point)) / measured_us))

    pull = _PULL * np.sqrt(len(measured_us))

    def pulled(point: FloatArray) -> FloatArray:
        return np.concatenate([residual(point), pull * (point - first)])

    found = least_squares(
        pulled, first, bounds=(low, high), loss="soft_l1", f_scale=_NOISE, max_nfev=evaluations, diff_step=[1e-3]
    )
    best = record(found.x)
    return best, float(np.mean(np.minimum(0.3, np.abs(residual(found.x)))))


def thinned(rows: int, limit: int = _MAX_ROWS) -> IntArray:
    """Indices of at most ``limit`` of ``rows``, well mixed and always the same: enough to fit a dozen numbers to."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:limit])


def columns_of(blocks: Sequence[Block]) -> Columns:
    """The columns of ``blocks``, one block after another."""
    return {name: np.concatenate([block.columns[name] for block in blocks]) for name in blocks[0].columns}


def chosen(columns: Columns, rows: IntArray | NDArray[np.bool_]) -> Columns:
    """Some rows of ``columns``."""
    return {name: value[rows] for name, value in columns.items()}
