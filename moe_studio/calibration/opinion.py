"""A second opinion on the time of kernels: measured tables and plug-ins, which know better than the kernel models."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from moe_studio.calibration.family import Block, Family
from moe_studio.errors import MoeStudioError
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forgiving:
    """An opinion whose faults are noted instead of raised: where it gives nonsense, kernel models stand."""

    opinion: Opinion
    faults: list[str] = field(default_factory=list)
    """Sentences on what cannot be used; those of the opinion are added to what is there already."""
    _own: list[str] = field(default_factory=list)

    def ratio(self, family: Family, fitted: Fitted, facts: DeviceFacts, block: Block) -> Ratio:
        """What the opinion says, or nothing."""
        try:
            return self.opinion.ratio(family, fitted, facts, block)
        except MoeStudioError as error:
            # One fault is enough to mend it; the others would say the same of other kernels.
            if not self._own:
                self._own.append(str(error))
                self.faults.append(str(error))
            unknown = np.full(len(block.time_us), np.nan)
            return Ratio(value=unknown, provenance="calibrated", error=unknown)
