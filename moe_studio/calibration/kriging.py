"""Interpolates scattered values: simple kriging with an exponential covariance.

Between two neighbours of one dimension it is a straight line; in several it weighs neighbours by how near they are and
how much they say the same; away from all of them it returns to the middle of all values (Cressie, Statistics for
Spatial Data, 1993, section 3.2).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_studio.kernel.device import FloatArray

NEIGHBOURS = 12
"""Values that an interpolation rests on; more change nothing, since near ones screen far ones."""
REACHES = (1.0, 3.0, 10.0)
"""Distances over which values may be alike; the one is taken that tells values best from their neighbours."""
NOISE = 0.01
"""Variance of one measurement, as a share of that of all values."""
_TRIED = 300
_CHUNK = 8192


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """Values at ``points``, shape (points, dimensions); ``error`` is the median of leaving each of them out."""

    points: FloatArray
    values: FloatArray
    middle: float
    reach: float
    error: float
    tree: Any

    def at(self, wanted: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The value at each of ``wanted``, and from 0 to 1 how much of it is known; shape (wanted,) each."""
        parts = [self._at(wanted[start : start + _CHUNK], 0) for start in range(0, len(wanted), _CHUNK)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _at(self, wanted: FloatArray, skip: int) -> tuple[FloatArray, FloatArray]:
        """The same without the nearest ``skip`` points."""
        count = min(NEIGHBOURS + skip, len(self.points))
        distance, near = self.tree.query(wanted, k=np.arange(1 + skip, count + 1))
        between = np.linalg.norm(self.points[near][:, :, None] - self.points[near][:, None, :], axis=-1)
        covariance = np.exp(-between / self.reach) + NOISE * np.eye(near.shape[1])
        toward = np.exp(-distance / self.reach)[:, :, None]
        weight = np.linalg.solve(covariance, toward)
        value = self.middle + (weight[:, :, 0] * (self.values[near] - self.middle)).sum(axis=1)
        return value, np.clip((weight * toward).sum(axis=(1, 2)), 0.0, 1.0)

    def left_out_error(self) -> float:
        """Median of |value − that of its neighbours|, over some of the points."""
        if len(self.points) < 2:
            return float("nan")
        tried = np.random.default_rng(0).permutation(len(self.points))[:_TRIED]
        return float(np.median(np.abs(self._at(self.points[tried], 1)[0] - self.values[tried])))


def surface(points: FloatArray, values: FloatArray) -> Surface:
    """A surface through ``values``; those at one point are replaced by their median."""
    # Imported here, because few designs have a table and it takes long to load.
    from scipy.spatial import cKDTree

    unique, place = np.unique(points, axis=0, return_inverse=True)
    medians = _medians(values, place.reshape(-1), len(unique))
    tree, middle = cKDTree(unique), float(np.median(medians))
    tried = [
        Surface(points=unique, values=medians, middle=middle, reach=reach, error=0.0, tree=tree) for reach in REACHES
    ]
    errors = [item.left_out_error() for item in tried]
    best = int(np.nanargmin(errors)) if len(unique) > 1 else 0
    return Surface(points=unique, values=medians, middle=middle, reach=tried[best].reach, error=errors[best], tree=tree)


def _medians(values: FloatArray, place: NDArray[np.intp], count: int) -> FloatArray:
    order = np.lexsort((values, place))
    size = np.bincount(place, minlength=count)
    first = np.concatenate(([0], np.cumsum(size)[:-1]))
    ordered = values[order]
    return np.asarray((ordered[first + (size - 1) // 2] + ordered[first + size // 2]) / 2)
