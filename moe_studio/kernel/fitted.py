"""What was fitted to a device: numbers of every kernel family, and how well they are known."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from math import hypot, log2
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_studio.errors import MoeStudioError
from moe_studio.kernel.carry import ON_THE_CHIP, carried_over
from moe_studio.kernel.device import GENERATIONS, DeviceFacts, FloatArray
from moe_studio.project.cluster import Device
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

    def and_(self, other: "Trust") -> "Trust":
        """Both at once: errors add in quadrature."""
        return Trust(error=hypot(self.error, other.error), shared=max(self.shared, other.shared))


# moe-studio calibrate prints both for numbers of the other devices that ship. Fitted on the device itself, errors of
# two shapes correlate by 0.02 to 0.3. Between H100 and H200 the median error was 5 % above that (none to 8 %), added in
# quadrature, and the correlation 0.1 to 0.5; between A100 and these two 13 % (6 to 20 %) and 0.1 to 0.6 for kernels on
# the chip, 33 % (23 to 47 %) and 0.9 to 1 for collectives.
OWN = Trust(error=0.0, shared=0.1)
SAME_GENERATION = Trust(error=0.05, shared=0.25)
OTHER_GENERATION = Trust(error=0.13, shared=0.4)
OTHER_LINKS = Trust(error=0.33, shared=0.9)
# Kernels that carry over worse, with the errors measured: the fp8 products around latent attention within Hopper (10 to
# 21 %); between generations those in bf16 (14 to 22 %), latent attention (48 to 97 % in decode, 15 to 48 % in prefill,
# where one errs so does the other), and sends, whose nodes had other networks (43 and 81 %).
_WORSE_WITHIN: Mapping[str, Trust] = MappingProxyType({"mla absorb_*_fp8": Trust(error=0.15, shared=0.5)})
_WORSE_BEYOND: Mapping[str, Trust] = MappingProxyType(
    {
        "mla absorb_*": Trust(error=0.18, shared=0.7),
        "mla decode_*": Trust(error=0.65, shared=0.9),
        "mla prefill_*": Trust(error=0.32, shared=0.9),
        "p2p *": Trust(error=0.65, shared=0.9),
    }
)
STAND_IN = Trust(error=0.2, shared=0.5)
"""One kernel for another: fp8 and block-scaled fp8 products for each other err by 14 to 16 %, bf16 attention for fp8 by
2 to 24 %, one library's grouped experts for another's by 12 to 47 %, on A100, H100 and H200."""
OUTSIDE = 0.05
"""Median error that comes on top for each factor of two outside of what was measured, by each size that is there.

Measured on H100 by fits without an end of a range, a factor of four or eight (kernel times of
ai-dynamo/aiconfigurator): in quadrature to the error that a fit to all rows has there, the first factor of two adds 3 %
in the middle of 110 such cases and less than 5 % in three of four; more of them 2 % each in the middle of 191, less
than 5 % in nine of ten. DeepEP fitted to one and two nodes, two factors of two in nodes and in GPUs, errs on eight by
8 to 19 %.
"""
UNKNOWN_NETWORK = OTHER_LINKS
"""Over several nodes where one was measured: the links between them are known by their datasheet alone."""

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
    stands_for: str = ""
    """The variant that nobody measured, for which this one serves."""
    outside: tuple[str, ...] = ()
    """The sizes that lie outside of what was measured."""

    def standing_for(self, variant: str) -> "Fitted":
        """These numbers for a kernel that nobody measured."""
        return replace(self, provenance=DATASHEET, trust=self.trust.and_(STAND_IN), stands_for=variant)

    def measured(self) -> Iterator[tuple[str, float, float]]:
        """The sizes that the kernel was measured over, with the least and the largest; 0 is a size that it has not."""
        for name, ends in self.evidence.ranges.items():
            if (high := max(ends, default=0.0)) > 0:
                yield name, min(ends), high

    def at(self, sizes: Mapping[str, float]) -> "Fitted":
        """These numbers at ``sizes``, less sure where those lie outside of what was measured.

        Parts of a row, as operators that another kernel stands in for have, count as one.
        """
        own = _own_work(sizes)
        factors = {
            name: max(size / high, low / size)
            for name, low, high in self.measured()
            if not low <= (size := max(own.get(name, low), 1.0)) <= high
        }
        if not factors:
            return self
        is_own_network = "nodes" not in factors or max(self.evidence.ranges["nodes"]) > 1
        doublings = sum(log2(factor) for name, factor in factors.items() if is_own_network or name != "nodes")
        trust = self.trust if is_own_network else self.trust.and_(UNKNOWN_NETWORK)
        return replace(
            self,
            provenance=DATASHEET if "nodes" in factors else self.provenance,
            trust=trust.and_(Trust(error=OUTSIDE * doublings, shared=0.0)),
            outside=tuple(factors),
        )

    def outside_of(self, columns: Mapping[str, FloatArray]) -> Mapping[str, NDArray[np.bool_]]:
        """Which rows lie outside of what was measured, shape (rows,), by each size of which some do."""
        own = _own_work(columns)
        ends = [(name, np.maximum(own[name], 1.0), low, high) for name, low, high in self.measured() if name in own]
        found = {name: (size < low) | (size > high) for name, size, low, high in ends}
        return {name: rows for name, rows in found.items() if rows.any()}

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
    datasheet: Device | None = None
    """Where ``facts`` are from: a user's own datasheet, or None, that of the catalogue."""

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
        is_own = facts.is_like(calibration.facts)
        other = " with other figures" if not is_own and calibration.facts.name == facts.name else ""
        for family, variants in calibration.families.items():
            for variant, fitted in variants.items():
                provenance = fitted.provenance if is_own else DATASHEET
                here = carried_over(fitted.parameters, family, calibration.facts, facts)
                carried = replace(
                    fitted,
                    parameters=here,
                    provenance=provenance,
                    origin=calibration.facts.name + other,
                    trust=OWN if is_own else _trust(family, variant, facts, calibration.facts),
                )
                families.setdefault(family, {}).setdefault(variant, carried)
    return Calibration(facts=facts, families=MappingProxyType(families))


def _own_work(sizes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The sizes of what one GPU does: tokens of a layer of experts are those of all ranks, which share them."""
    if "moe_ep" not in sizes:
        return sizes
    return {**sizes, "tokens": sizes["tokens"] / sizes["moe_ep"]}


def _trust(family: str, variant: str, here: DeviceFacts, there: DeviceFacts) -> Trust:
    """What it does to errors here that numbers were fitted to another device."""
    if here.generation == there.generation:
        usual, worse = SAME_GENERATION, _WORSE_WITHIN
    else:
        usual, worse = OTHER_GENERATION if family in ON_THE_CHIP else OTHER_LINKS, _WORSE_BEYOND
    name = f"{family} {variant}"
    return next((trust for pattern, trust in worse.items() if fnmatchcase(name, pattern)), usual)


def _distance(facts: DeviceFacts, other: DeviceFacts) -> tuple[bool, bool, float, float]:
    """How far ``other`` is: itself first, then with other figures, by generation, by arithmetic over bandwidth."""
    here, there = GENERATIONS.index(facts.generation), GENERATIONS.index(other.generation)
    generations = abs(here - there) + (0.5 if there > here else 0.0)
    balance = (facts.peak("bf16") / facts.memory_byte_s) / (other.peak("bf16") / other.memory_byte_s)
    return not facts.is_like(other), other.name != facts.name, generations, max(balance, 1 / balance)
