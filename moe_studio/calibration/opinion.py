"""A second opinion on the time of kernels: measured tables and plug-ins, which know better than the kernel models."""

from dataclasses import dataclass
from typing import Protocol

from moe_studio.calibration.family import Block, Family
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.fitted import Fitted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratio:
    """Time over what the kernel model says, NaN where nothing better is known; shape (rows,).

    ``error`` is the relative error to expect of each, NaN where unknown.
    """

    value: FloatArray
    provenance: str
    error: FloatArray


class Opinion(Protocol):
    """Corrects kernel models."""

    def ratio(self, family: Family, fitted: Fitted, facts: DeviceFacts, block: Block) -> Ratio:
        """The correction of each row of ``block``, whose ``time_us`` is what ``fitted`` says of it.

        Raises:
            MoeStudioError: if what should know better gives nonsense.
        """
        ...
