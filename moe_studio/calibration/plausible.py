"""Whether a table's times can be in the unit that they claim, and which of its rows cannot be."""

from collections.abc import Sequence

import numpy as np

from moe_studio.calibration.family import Block, Family
from moe_studio.calibration.store import choose
from moe_studio.calibration.table import Mask
from moe_studio.errors import MoeStudioError
from moe_studio.kernel.device import FloatArray
from moe_studio.kernel.fitted import Calibration, NotCalibratedError

MOST = 20.0
"""Kernel models of another device err by far less; units differ by a thousand."""
UNITS = {"seconds": 1e-6, "milliseconds": 1e-3, "nanoseconds": 1e3}
"""How many times as long a number of microseconds looks that is in another unit."""
MOST_ODD = 200.0
"""Single rows of sound tables lie up to 165 times off; in another unit they would be a thousand."""


def believable(file: str, family: Family, blocks: Sequence[Block], calibration: Calibration) -> list[Mask]:
    """Which rows of each block, all of one device, lie within `MOST_ODD` times of where half of all rows do.

    Each is set against what kernel models expect of it; rows that no model knows are believed.

    Raises:
        MoeStudioError: if half of them are `MOST` times faster or slower than kernel models expect.
    """
    ratios = [ratio_to_models(family, block, calibration) for block in blocks]
    return near_half(f"{file}: half of the {family.name} rows of {calibration.facts.name}", blocks, ratios)


def near_half(about: str, blocks: Sequence[Block], ratios: Sequence[FloatArray]) -> list[Mask]:
    """The same for rows whose measured over expected is ``ratios``; a refusal starts with ``about``."""
    middle = float(np.nanmedian(every)) if not np.isnan(every := np.concatenate(ratios)).all() else 1.0
    if not 1 / MOST <= middle <= MOST:
        times, word = (middle, "slower") if middle > 1 else (1 / middle, "faster")
        far = f"{float(f'{times:.2g}'):,.0f} times {word} than such kernels can be expected to be"
        example = next(filter(None, map(_example, blocks, ratios)), "")
        raise MoeStudioError(f"{about} are more than {far}{example}; {unit_question('time_us', middle)}")
    return [~(np.abs(np.log(ratio / middle)) > np.log(MOST_ODD)) for ratio in ratios]


def unit_question(word: str, ratio: float) -> str:
    """What unit times seem to be in that are ``ratio`` times as long as kernel models expect; they are ``word``."""
    unit = next((name for name, scale in UNITS.items() if abs(np.log(ratio / scale)) < np.log(MOST)), "")
    if not unit:
        return f"is {word} in microseconds?"
    return f"{word} looks like {unit}, and must be in microseconds"


def too_fast(family: Family, block: Block, calibration: Calibration) -> list[tuple[str, Mask]]:
    """The rows of ``block`` that are faster than the datasheet allows, by what is to be said of them."""
    fast = block.time_us < family.floor_us(block.columns, block.words, calibration.facts)
    if not fast.any():
        return []
    less = f"time_us is less than the datasheet of {calibration.facts.name} allows"
    return by_unit(less, fast, ratio_to_models(family, block, calibration))


def by_unit(about: str, rows: Mask, ratio: FloatArray) -> list[tuple[str, Mask]]:
    """``rows``, by the unit that they seem to be in; what is to be said of them starts with ``about``."""
    found: dict[str, Mask] = {}
    for row in np.flatnonzero(rows).tolist():
        words = f"{about}; {unit_question('it', float(ratio[row]))}"
        found.setdefault(words, np.zeros(len(rows), bool))[row] = True
    return list(found.items())


def ratio_to_models(family: Family, block: Block, calibration: Calibration) -> FloatArray:
    """Measured over expected of each row; NaN where no device has a model."""
    try:
        _, fitted = choose(calibration, family, family.variants(block.words))
    except NotCalibratedError:
        return np.full(len(block.time_us), np.nan)
    expected = family.predict(fitted.parameters, calibration.facts, block.columns, block.words)
    return np.asarray(block.time_us / expected)


def _example(block: Block, ratio: FloatArray) -> str:
    """The first row that is far off, by its line, with its time and that to be expected; empty if none has a line."""
    far = np.flatnonzero(np.abs(np.log(ratio)) > np.log(MOST))
    if not len(far) or not len(block.lines):
        return ""
    row = far[np.argmin(block.lines[far])]
    time = block.time_us[row]
    return f", as in line {block.lines[row]}: time_us is {time:.4g} where about {time / ratio[row]:.3g} is expected"
