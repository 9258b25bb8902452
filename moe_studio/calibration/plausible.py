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
MOST_ODD = 200.0
"""Single rows of sound tables lie up to 165 times off; in another unit they would be a thousand."""


def believable(file: str, family: Family, blocks: Sequence[Block], calibration: Calibration) -> list[Mask]:
    """Which rows of each block, all of one device, lie within `MOST_ODD` times of where half of all rows do.

    Each is set against what kernel models expect of it; rows that no model knows are believed.

    Raises:
        MoeStudioError: if half of them are `MOST` times faster or slower than kernel models expect.
    """
    ratios = [_ratio(family, block, calibration) for block in blocks]
    middle = float(np.nanmedian(every)) if not np.isnan(every := np.concatenate(ratios)).all() else 1.0
    if not 1 / MOST <= middle <= MOST:
        times, word = (middle, "slower") if middle > 1 else (1 / middle, "faster")
        about = f"{float(f'{times:.2g}'):,.0f} times {word} than such kernels can be expected to be"
        raise MoeStudioError(
            f"{file}: half of the {family.name} rows of {calibration.facts.name} are more than {about}; "
            "is time_us in microseconds?"
        )
    return [~(np.abs(np.log(ratio / middle)) > np.log(MOST_ODD)) for ratio in ratios]


def _ratio(family: Family, block: Block, calibration: Calibration) -> FloatArray:
    """Measured over expected of each row; NaN where no device has a model."""
    try:
        _, fitted = choose(calibration, family, family.variants(block.words))
    except NotCalibratedError:
        return np.full(len(block.time_us), np.nan)
    expected = family.predict(fitted.parameters, calibration.facts, block.columns, block.words)
    return np.asarray(block.time_us / expected)
