"""What was fitted to a device: numbers of every kernel family, and how well they are known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import hypot
from types import MappingProxyType
from typing import Any

from moe_studio.errors import MoeStudioError
from moe_studio.kernel.carry import ON_THE_CHIP, carried_over
from moe_studio.kernel.device import GENERATIONS, DeviceFacts
from moe_studio.project.setting import setting

CALIBRATED = "calibrated"
DATASHEET = "datasheet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the origin of numbers does to their errors.

    ``error`` is the median error that comes on top of that on rows held out; ``shared`` the part of the variance of
    errors that kernels of one family have in common, whatever their shape.
    """

    error: float
    shared: float


# moe-studio calibrate prints both for numbers of the other devices that ship. Fitted on the device itself, errors of
# two shapes correlate by 0.02 to 0.3. Between H100 and H200 the median error was 5 % above that (none to 8 %), added in
# quadrature, and the correlation 0.1 to 0.5; between A100 and these two 13 % (6 to 20 %) and 0.1 to 0.6 for kernels on
# the chip, 33 % (26 to 40 %) and 0.9 to 1 for links.
OWN = Trust(error=0.0, shared=0.1)
SAME_GENERATION = Trust(error=0.05, shared=0.25)
OTHER_GENERATION = Trust(error=0.13, shared=0.4)
OTHER_LINKS = Trust(error=0.33, shared=0.9)

MEDIAN_TO_SPREAD, P90_TO_SPREAD = 1 / 0.67449, 1 / 1.64485
"""Standard deviation of a normal distribution over the median and the 90th percentile of its absolute values."""


class NotCalibratedError(MoeStudioError):
    """No device has numbers for this kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandError:
    """Error on rows held out of the fit, in one band of sizes: ``low`` ≤ size < ``high``."""

    low: float = setting("smallest size of the band", low=0)
    high: float = setting("size at which the next band starts", above=0)
    rows: int = setting("rows held out", low=0)
    median: float = setting("median of |predicted / measured − 1|", low=0)
    p90: float = setting("90th percentile of |predicted / measured − 1|", low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a fit rests on: rows, their ranges and origin, when, and how far it errs on rows held out."""

    date: str = setting("day of the fit", "")
    sources: tuple[str, ...] = setting("where the measured times come from, with licence", ())
    files: tuple[str, ...] = setting("names of the files that were read", ())
    rows: int = setting("rows fitted to", 0, low=0)
    set_aside: int = setting("rows that were not used", 0, low=0)
    ranges: Mapping[str, tuple[float, ...]] = setting("smallest and largest value by column", factory=dict)
    split_by: tuple[str, ...] = setting("columns that tell the held-out groups apart", ())
    size: str = setting("column of the bands", "")
    held_out: tuple[BandError, ...] = setting("error on rows held out", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The numbers of one kernel variant, how they were got, and what they rest on."""

    parameters: Any
    evidence: Evidence
    provenance: str = CALIBRATED
    origin: str = ""
    """The device whose numbers these are."""
    trust: Trust = OWN

    def expected_error(self, size: float) -> float:
        """Median relative error to expect at ``size``, more where numbers are carried over from another GPU."""
        band = self._band(size)
        return hypot(band.median, self.trust.error) if band else float("nan")

    def spread(self, size: float) -> float:
        """Standard deviation of the relative error at ``size``.

        That of a normal distribution with the median of the rows held out, or with their 90th percentile if that is
        more, as it is where tails are heavy.
        """
        band = self._band(size)
        if band is None:
            return float("nan")
        own = max(band.median * MEDIAN_TO_SPREAD, band.p90 * P90_TO_SPREAD)
        return hypot(own, self.trust.error * MEDIAN_TO_SPREAD)

    def _band(self, size: float) -> BandError | None:
        """The band of ``size``, or the nearest below it."""
        bands = self.evidence.held_out
        return next((band for band in reversed(bands) if band.low <= size), bands[0] if bands else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All that was fitted to one device: ``families[family][variant]``."""

    facts: DeviceFacts
    families: Mapping[str, Mapping[str, Fitted]]

    def fitted(self, family: str, variant: str) -> Fitted:
        """The numbers of one kernel variant, or `NotCalibratedError`."""
        variants = self.families.get(family, {})
        if variant not in variants:
            known = ", ".join(variants) or "none"
            raise NotCalibratedError(
                f"{self.facts.name} has no calibration of {family} {variant!r}; known variants: {known}. "
                "Fit one with moe-studio calibrate."
            )
        return variants[variant]


def completed(facts: DeviceFacts, known: Iterable[Calibration]) -> Calibration:
    """A calibration of ``facts`` in which what was not fitted comes from the nearest device that has it.

    Parameters are shares of the datasheet's figures and latencies; `carry` says how they carry over.
    """
    families: dict[str, dict[str, Fitted]] = {}
    for calibration in sorted(known, key=lambda item: _distance(facts, item.facts)):
        is_own = calibration.facts.name == facts.name
        for family, variants in calibration.families.items():
            for variant, fitted in variants.items():
                provenance = fitted.provenance if is_own else DATASHEET
                here = carried_over(fitted.parameters, family, calibration.facts, facts)
                carried = replace(
                    fitted,
                    parameters=here,
                    provenance=provenance,
                    origin=calibration.facts.name,
                    trust=_trust(family, facts, calibration.facts),
                )
                families.setdefault(family, {}).setdefault(variant, carried)
    return Calibration(facts=facts, families=MappingProxyType(families))


def _trust(family: str, here: DeviceFacts, there: DeviceFacts) -> Trust:
    """What it does to errors here that numbers were fitted there."""
    if here.name == there.name:
        return OWN
    if here.generation == there.generation:
        return SAME_GENERATION
    return OTHER_GENERATION if family in ON_THE_CHIP else OTHER_LINKS


def _distance(facts: DeviceFacts, other: DeviceFacts) -> tuple[bool, float, float]:
    """How far ``other`` is: itself first, then by generation, then by the ratio of arithmetic to bandwidth."""
    here, there = GENERATIONS.index(facts.generation), GENERATIONS.index(other.generation)
    generations = abs(here - there) + (0.5 if there > here else 0.0)
    balance = (facts.peak("bf16") / facts.memory_byte_s) / (other.peak("bf16") / other.memory_byte_s)
    return other.name != facts.name, generations, max(balance, 1 / balance)
