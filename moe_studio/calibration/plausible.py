"""Whether a table's times can be in the unit that they claim."""

from collections.abc import Sequence

import numpy as np

from moe_studio.calibration.family import Block, Family
from moe_studio.calibration.store import choose
from moe_studio.errors import MoeStudioError
from moe_studio.kernel.device import FloatArray
from moe_studio.kernel.fitted import Calibration, NotCalibratedError

MOST = 20.0
"""Kernel models of another device err by far less; units differ by a thousand."""


def check_unit(file: str, family: Family, blocks: Sequence[Block], calibration: Calibration) -> None:
    """Refuse rows of one device whose times are not those of such kernels in microseconds.

    Raises:
        MoeStudioError: if half of them are `MOST` times faster or slower than kernel models expect.
    """
    ratios = [ratio for block in blocks if (ratio := _ratio(family, block, calibration)) is not None]
    if not ratios:
        return
    middle = float(np.median(np.concatenate(ratios)))
    if not 1 / MOST <= middle <= MOST:
        times, word = (middle, "slower") if middle > 1 else (1 / middle, "faster")
        about = f"{float(f'{times:.2g}'):,.0f} times {word} than such kernels can be expected to be"
        raise MoeStudioError(
            f"{file}: half of the {family.name} rows of {calibration.facts.name} are more than {about}; "
            "is time_us in microseconds?"
        )


def _ratio(family: Family, block: Block, calibration: Calibration) -> FloatArray | None:
    """Measured over expected of each row; None where no device has a model."""
    try:
        _, fitted = choose(calibration, family, family.variants(block.words))
    except NotCalibratedError:
        return None
    expected = family.predict(fitted.parameters, calibration.facts, block.columns, block.words)
    return np.asarray(block.time_us / expected)
