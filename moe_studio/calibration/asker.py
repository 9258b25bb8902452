"""Answers questions about kernels from what was fitted to the devices of a design."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from moe_studio.calibration.family import Block, Family, short_dtype
from moe_studio.calibration.opinion import Opinion
from moe_studio.calibration.question import Question
from moe_studio.calibration.registry import FAMILIES
from moe_studio.calibration.store import choose
from moe_studio.engine.evidence import OUTSIDE_MEASURED, Basis
from moe_studio.engine.provider import Rates
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.fitted import CALIBRATED, MEDIAN_TO_SPREAD, OWN, Calibration, Fitted, NotCalibratedError
from moe_studio.project.cluster import arithmetic_type

US = 1e-6
BY_NAME: Mapping[str, Family] = {family.name: family for family in FAMILIES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one kernel whatever the hardware is given more of.

    ``ratio`` corrects the model; ``provenance`` is one of `PROVENANCES`; ``error`` the relative error to expect and
    ``spread`` its standard deviation; ``family`` and ``kernel`` are numbers that tell kernels apart that err together,
    and ``shared`` is the part of the variance that the family has in common. ``is_outside`` is whether a size lies
    outside of what was measured; ``remark`` says how far the kernel is from the one that was.
    """

    fitted: Fitted
    ratio: float
    provenance: str
    error: float
    spread: float
    family: int
    kernel: int
    shared: float
    is_outside: bool = False
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Time of one kernel in seconds, and how it is known."""

    seconds: float
    known: Known


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asker:
    """Remembers every answer; ``base`` are the rates that the calibrations' facts stand for.

    ``lent_sms`` of every GPU serve communication.
    """

    calibrations: tuple[Calibration, ...]
    base: Rates
    lent_sms: int = 0
    opinion: Opinion | None = None
    _known: dict[tuple[object, ...], Known | None] = field(default_factory=dict)
    _answers: dict[tuple[object, ...], Answer | None] = field(default_factory=dict)
    _families: dict[tuple[object, ...], int] = field(default_factory=dict)

    def ask(self, question: Question | None, kind: int, rates: Rates) -> Answer | None:
        """The time of one kernel on the device ``kind``; None where no kernel was fitted."""
        if question is None:
            return None
        key = (kind, self._scale(kind, rates), question.key)
        if key not in self._answers:
            known = self.known(question, kind)
            time = None if known is None else self._model_us(question, known.fitted, self.facts(kind, rates))
            self._answers[key] = (
                None if known is None or time is None else Answer(seconds=time * known.ratio * US, known=known)
            )
        return self._answers[key]

    def known(self, question: Question, kind: int) -> Known | None:
        """The numbers that answer a question, and how far they are to be trusted."""
        key = (kind, question.key)
        if key not in self._known:
            self._known[key] = self._found(question, kind, len(self._known))
        return self._known[key]

    def facts(self, kind: int, rates: Rates) -> DeviceFacts:
        """The datasheet of a device that is given more of something, or less."""
        facts = self.calibrations[kind].facts
        compute, memory, link = self._scale(kind, rates)
        if self.lent_sms:
            left = max(1, facts.sms - self.lent_sms)
            compute, facts = compute * left / facts.sms, replace(facts, sms=left)
        if (compute, memory, link) == (1.0, 1.0, 1.0):
            return facts
        return replace(
            facts,
            peak_flop_s={name: peak * compute for name, peak in facts.peak_flop_s.items()},
            memory_byte_s=facts.memory_byte_s * memory,
            link_byte_s=facts.link_byte_s * link,
        )

    def _found(self, question: Question, kind: int, number: int) -> Known | None:
        family, calibration = BY_NAME[question.family], self.calibrations[kind]
        try:
            variant, fitted = choose(calibration, family, family.variants(question.words))
        except NotCalibratedError:
            return None
        size, fitted = question.columns[family.size], fitted.at(question.columns)
        if question.is_stand_in:
            fitted = fitted.standing_for(f"{variant} of other {family.name} work")
        known = Known(
            fitted=fitted,
            ratio=1.0,
            provenance="calibrated" if fitted.provenance == CALIBRATED else "datasheet",
            error=fitted.expected_error(size),
            spread=fitted.spread(size),
            family=self._families.setdefault((kind, question.family, variant), len(self._families)),
            kernel=number,
            shared=fitted.trust.shared,
            is_outside=bool(fitted.outside),
            remark=_remark(fitted, variant, question, calibration.facts),
        )
        if self.opinion is None or question.is_stand_in:
            return known
        return self._corrected(known, self.opinion, question, calibration.facts)

    def _corrected(self, known: Known, opinion: Opinion, question: Question, facts: DeviceFacts) -> Known:
        model_us = np.array([self._model_us(question, known.fitted, facts)])
        block = Block(words=question.words, columns=_table(question), time_us=model_us)
        found = opinion.ratio(BY_NAME[question.family], known.fitted, facts, block)
        if np.isnan(found.value[0]):
            return known
        error = float(found.error[0])
        return replace(
            known,
            ratio=float(found.value[0]),
            provenance=found.provenance,
            error=error,
            spread=error * MEDIAN_TO_SPREAD,
            shared=OWN.shared,
            is_outside=False,
            remark="",
        )

    def _model_us(self, question: Question, fitted: Fitted, facts: DeviceFacts) -> float:
        family = BY_NAME[question.family]
        return float(family.predict(fitted.parameters, facts, _table(question), question.words)[0])

    def _scale(self, kind: int, rates: Rates) -> tuple[float, float, float]:
        """How much more the device is given than its datasheet says: arithmetic, memory, link in the node."""
        base = self.base
        return (
            round(float(rates.peak_flop_s[kind, 0] / base.peak_flop_s[kind, 0]), 6),
            round(float(rates.memory_byte_s[kind] / base.memory_byte_s[kind]), 6),
            round(rates.intra_byte_s / base.intra_byte_s, 6),
        )


def _table(question: Question) -> dict[str, FloatArray]:
    return {name: np.array([float(value)]) for name, value in question.columns.items()}


def basis(known: Known) -> Basis:
    """How a time is known, as a sentence."""
    evidence, origin = known.fitted.evidence, known.fitted.origin
    error = known.error if known.error == known.error else None
    if known.provenance == "user":
        return Basis(provenance="user", error=error, sentence="given by a plug-in")
    if known.provenance == "measured":
        return Basis(provenance="measured", error=error, sentence="interpolated in your own measured run times")
    fitted = f"kernel model fitted to {evidence.rows:,} run times of {origin} on {evidence.date}"
    return Basis(provenance=known.provenance, error=error, sentence=fitted + known.remark, is_outside=known.is_outside)


def _remark(fitted: Fitted, variant: str, question: Question, facts: DeviceFacts) -> str:
    """How far a kernel is from the one that was measured, and whether the GPU lacks its data type; else empty."""
    said = [", carried over by the datasheets of both"] if fitted.origin != facts.name else []
    if fitted.stands_for:
        said.append(f"; {variant} stands in for {fitted.stands_for}, which nobody measured")
    if fitted.outside:
        ends = {name: f"{name} {low:,.0f} to {high:,.0f}" for name, low, high in fitted.measured()}
        said.append(f"; {OUTSIDE_MEASURED}: {', '.join(ends[name] for name in fitted.outside)}")
    dtype = short_dtype(question.words.get("dtype", "")).removesuffix("_block")
    if question.family in ("gemm", "moe") and dtype not in facts.peak_flop_s:
        said.append(f"; {facts.name} has no {dtype} and computes in {arithmetic_type(dtype, facts.peak_flop_s)}")
    return "".join(said)
