"""Names for the arrays that everything is made of, and sums over groups of rows."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def total_by(key: IntArray, value: FloatArray, size: int) -> FloatArray:
    """Sum of ``value`` over the rows of each key 0 … ``size`` − 1, shape (size,)."""
    return np.bincount(key, value, minlength=size).astype(np.float64)
