"""What the fitting and the prediction need to know of a kernel family."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.fitted import Calibration

Columns = Mapping[str, FloatArray]
"""Number columns by name, all of the same length."""
Words = Mapping[str, str]
"""The text columns of some rows that share them: ``{"dtype": "bfloat16", "kernel": "fa3"}``."""


Load = Callable[[str], Calibration]
"""Finds the calibration of a GPU as tables write it: of the catalogue, or a user's own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Rows of one device that share their words; ``time_us`` is what was measured, ``lines`` where in the file."""

    words: Words
    columns: Columns
    time_us: FloatArray
    lines: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Empty where the rows are of no file."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    """What is said of some rows, shape (rows,): run times in µs, NaN where there is none, and how each was got.

    ``value`` is what stands beside the measured column where that holds no times, see `Family.predicted`.
    """

    time_us: FloatArray
    source: NDArray[np.object_]
    value: FloatArray | None = None


NOT_PREDICTED = "not predicted: "
"""What the source of a row without a prediction starts with; the reason follows."""


_DTYPES = {
    "bfloat16": "bf16",
    "float16": "fp16",
    "half": "fp16",
    "float8": "fp8",
    "fp8_e4m3": "fp8",
    "float32": "fp32",
    "nvfp4": "fp4",
    "mxfp4": "fp4",
}


def short_dtype(name: str) -> str:
    """The short name of a data type: ``bfloat16`` is ``bf16``."""
    return _DTYPES.get(name.lower(), name.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kernel family: its columns, and functions that fit and predict it.

    ``numbers`` and ``words`` are needed columns (besides ``gpu``); ``zero_allowed`` are numbers that may be 0;
    ``optional`` gives words that may be missing their value then. Rows with the same variant share a record of
    parameters. ``shape`` are the columns that make up a held-out group; ``size`` is the column of the error bands,
    which start at ``bands``. ``floor_us`` is the least time that the datasheet allows. ``gpu`` is the column of the
    GPU, ``measured`` that of the time, in units of ``measured_us`` µs.
    """

    name: str
    numbers: tuple[str, ...]
    words: tuple[str, ...]
    optional: Mapping[str, str]
    zero_allowed: tuple[str, ...] = ()
    gpu: str = "gpu"
    measured: str = "time_us"
    measured_us: float = 1.0
    variants: Callable[[Words], tuple[str, ...]]
    """Parameter records for rows with these words (``op``, ``dtype``, ``kernel`` …): the first is fitted to them, the
    others stand in when a prediction finds that one missing. Empty: such rows are not modelled."""
    parameters: type
    predict: Callable[[Any, DeviceFacts, Columns, Words], FloatArray]
    fit: Callable[[Sequence[Block], DeviceFacts], Any]
    floor_us: Callable[[Columns, Words, DeviceFacts], FloatArray]
    """A row faster than this is set aside: its units are wrong, or it did not do the work."""
    shape: tuple[str, ...]
    size: str
    bands: tuple[float, ...]
    leave_out: str = ""
    """A column whose values, all but the least, are also held out one by one: node counts."""
    predicted: str = ""
    """A further column, with what is predicted of ``measured`` where that is no time."""
    whole: Callable[[str, Block, Load, Any], Prediction] | None = None
    """Predicts rows on a device where no numbers are fitted to them; the last argument is an `Opinion` or None."""


def no_floor(columns: Columns, words: Words, facts: DeviceFacts) -> FloatArray:
    """No least time."""
    return np.zeros(len(next(iter(columns.values()))))
