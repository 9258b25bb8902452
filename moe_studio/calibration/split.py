"""Holds whole shapes out of a fit, so that its error is that on shapes it has not seen."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moe_studio.calibration.family import Columns

HELD_OUT_SHARE = 0.25


def held_out(
    columns: Columns, shape: Sequence[str], *, share: float = HELD_OUT_SHARE, seed: int = 0
) -> NDArray[np.bool_]:
    """Marks the rows of about ``share`` of the shapes: all rows of a shape, or none.

    A shape is what the columns ``shape`` say together: (k, n), a head layout, a model. Which ones are taken is chance,
    but always the same chance.
    """
    values = np.stack([columns[name] for name in shape])
    shapes, place = np.unique(values, axis=1, return_inverse=True)
    draw = _uniform(list(shapes), seed)
    taken = np.zeros(shapes.shape[1], dtype=bool)
    taken[np.argsort(draw, kind="stable")[: round(share * len(draw))]] = True
    return taken[place.reshape(-1)]


def _uniform(values: Sequence[NDArray[np.float64]], seed: int) -> NDArray[np.float64]:
    """A number from 0 to 1 for each row that mixes its values well (the finaliser of splitmix64, public domain)."""
    mixed = np.full(len(values[0]), seed, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for value in values:
            mixed = mixed + np.uint64(0x9E3779B97F4A7C15) + np.round(value * 1024).astype(np.int64).astype(np.uint64)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
    return np.asarray(mixed / float(2**64))
