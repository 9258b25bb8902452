"""Fits every kernel family found in some tables of run times to one device."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from datetime import date as calendar_day
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from moe_studio.calibration.family import Block, Family
from moe_studio.calibration.own_device import (
    OwnDevice,
    check_links,
    check_same,
    chosen_name,
    empty_calibration,
    facts_by_gpu,
    held_at,
    own_device,
)
from moe_studio.calibration.plausible import MOST_ODD, believable, too_fast
from moe_studio.calibration.registry import FAMILIES
from moe_studio.calibration.report import Check, FitReport, Residual, band_errors, median_and_p90, shared_variance
from moe_studio.calibration.split import held_out
from moe_studio.calibration.store import merged, save_calibration, shipped
from moe_studio.calibration.table import (
    SetAside,
    Table,
    blocks_of,
    joined,
    read_chunks,
    selected,
    sound_rows,
)
from moe_studio.errors import MoeStudioError
from moe_studio.kernel.carry import carried_over
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.fitted import Evidence, Fitted, completed
from moe_studio.units import counted

MIN_ROWS = 40
"""Fewer rows cannot tell a dozen numbers apart."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Found:
    """What was read of one kernel variant."""

    family: Family
    blocks: list[Block] = field(default_factory=list)
    files: set[str] = field(default_factory=set)


def calibrate(
    paths: Iterable[Path],
    out_path: Path | None = None,
    *,
    device: str = "",
    sources: Sequence[str] = (),
    date: str = "",
) -> FitReport:
    """Fit every family and variant in the tables at ``paths`` and save the result at ``out_path``.

    Variants of a calibration that is already at ``out_path`` stay where the tables hold none. ``device`` chooses the
    GPU when the tables hold several, or is a YAML file with the datasheet of one that the catalogue does not have;
    the result then holds that datasheet. ``sources`` says where the times come from, with licence. The error that is
    recorded is that of a first fit without a quarter of the shapes, on those; the numbers are then fitted to all rows.
    The report also says how far fits without a whole node count err on it, and the numbers of other shipped devices.

    Raises:
        MoeStudioError: if ``date`` is none, a table is no such table, its times cannot be in microseconds, nothing can
            be fitted, or ``out_path`` is of another device.
    """
    day = _day(date)
    old = held_at(out_path, device)
    own = own_device(device, old, out_path)
    asides: dict[str, SetAside] = {}
    found: dict[str, dict[tuple[str, str], _Found]] = {}
    for path in paths:
        aside = asides.setdefault(path.name, SetAside())
        for table in read_chunks(path, FAMILIES, aside):
            _sort_in(table, found, aside, own)
    notes = [f"{file}: {text}" for file, aside in asides.items() for text in aside.sentences()]
    calibration = empty_calibration(_chosen(found, chosen_name(device, own), notes), own)
    facts = calibration.facts
    if old is not None and out_path is not None:
        check_same(old, calibration, out_path.name)
    unused = sum(aside.total for aside in asides.values())
    evidence = Evidence(date=day, sources=tuple(sources), set_aside=unused)
    families: dict[str, dict[str, Fitted]] = {}
    residuals: list[Residual] = []
    checks: list[Check] = []
    for (family, variant), rows in sorted(found[facts.name].items()):
        blocks, odd = _believed(rows, facts)
        if odd:
            far = (
                f"beside what such kernels can be expected to take, more than {MOST_ODD:g} times off half of the others"
            )
            notes.append(f"{family} {variant}: {counted(odd, 'row')} set aside: {far}.")
            evidence = replace(evidence, set_aside=evidence.set_aside + odd)
        if (count := sum(len(block.time_us) for block in blocks)) < MIN_ROWS:
            notes.append(f"{family} {variant}: {counted(count, 'row')}; a fit needs {MIN_ROWS}.")
            continue
        _log.info("fitting %s %s to %d rows", family, variant, count)
        fitted, residual = _fit(rows, blocks, variant, facts, evidence)
        families.setdefault(family, {})[variant] = fitted
        residuals.append(residual)
        checks += _checks(rows.family, variant, blocks, facts)
    if not families:
        raise MoeStudioError(" ".join(["Nothing was fitted.", *(note.removesuffix(".") + "." for note in notes)]))
    calibration = replace(calibration, families=MappingProxyType(families))
    if out_path is not None:
        save_calibration(out_path, merged(old or calibration, calibration))
    return FitReport(calibration=calibration, residuals=tuple(residuals), notes=tuple(notes), checks=tuple(checks))


def _day(text: str) -> str:
    """``text``, a date as ISO 8601 writes it with hyphens; today if empty."""
    if not text:
        return datetime.now(UTC).date().isoformat()
    with suppress(ValueError):
        if calendar_day.fromisoformat(text).isoformat() == text:
            return text
    raise MoeStudioError(f"The day of a fit is written like 2026-11-20 (year, month, day), not {text[:40]!r}.")


def _sort_in(
    table: Table, found: dict[str, dict[tuple[str, str], _Found]], aside: SetAside, own: OwnDevice | None
) -> None:
    """Add the usable rows of ``table`` to what was found of their device and variant."""
    family = table.family
    if "time_us" not in table.header:
        raise MoeStudioError(f"{table.file} has no column time_us; a fit needs measured times.")
    for rows, gpu, block in blocks_of(table, sound_rows(table, aside, with_time=True), with_time=True):
        variants = family.variants(block.words)
        try:
            facts = facts_by_gpu(gpu, own)
        except MoeStudioError as error:
            aside.add(str(error), [table.lines[row] for row in rows])
            continue
        if not variants:
            words = ", ".join(f"{name} {value}" for name, value in block.words.items())
            aside.add(f"no model for {words}", [table.lines[row] for row in rows])
            continue
        check_links(own, facts, family.name, table.file)
        possible = np.ones(len(rows), bool)
        for reason, faster in too_fast(family, block, completed(facts, shipped())):
            aside.add(reason, block.lines[faster].tolist())
            possible &= ~faster
        if possible.any():
            place = found.setdefault(facts.name, {}).setdefault((family.name, variants[0]), _Found(family=family))
            place.blocks.append(selected(block, possible))
            place.files.add(table.file)


def _chosen(found: dict[str, dict[tuple[str, str], _Found]], device: str, notes: Sequence[str]) -> str:
    names = sorted(found)
    if device:
        if device not in found:
            held = f"The tables hold no usable rows of {device}; they hold {', '.join(names) or 'none'}."
            raise MoeStudioError(" ".join([held, *(f"{note}." for note in notes)]))
        return device
    if len(names) != 1:
        held = f"rows of {', '.join(names)}; name the one to fit" if names else "no usable rows"
        raise MoeStudioError(" ".join([f"The tables hold {held}.", *(f"{note}." for note in notes if not names)]))
    return names[0]


def _believed(found: _Found, facts: DeviceFacts) -> tuple[list[Block], int]:
    """The rows to fit to, those with the same words together, and how many are too far off to be believed."""
    blocks = _same_words_joined(found.blocks)
    # A line says nothing where there are several files.
    named = blocks if len(found.files) == 1 else [replace(block, lines=block.lines[:0]) for block in blocks]
    masks = believable(", ".join(sorted(found.files)), found.family, named, completed(facts, shipped()))
    kept = [selected(block, mask) for block, mask in zip(blocks, masks, strict=True) if mask.any()]
    return kept, sum(int((~mask).sum()) for mask in masks)


def _same_words_joined(blocks: Sequence[Block]) -> list[Block]:
    groups: dict[tuple[tuple[str, str], ...], list[Block]] = {}
    for block in blocks:
        groups.setdefault(tuple(sorted(block.words.items())), []).append(block)
    return [joined(group) for _, group in sorted(groups.items())]


def _fit(
    found: _Found, blocks: Sequence[Block], variant: str, facts: DeviceFacts, evidence: Evidence
) -> tuple[Fitted, Residual]:
    """The numbers fitted to all of ``blocks``, and the error on shapes held out of a first fit."""
    family = found.family
    size, ratio = _held_out_ratio(family, blocks, facts)
    known = Evidence(
        date=evidence.date,
        sources=evidence.sources,
        files=tuple(sorted(found.files)),
        rows=sum(len(block.time_us) for block in blocks),
        set_aside=evidence.set_aside,
        ranges=_ranges(family, blocks),
        split_by=family.shape,
        size=family.size,
        held_out=band_errors(size, ratio, family.bands) if len(size) else (),
    )
    fitted = Fitted(parameters=family.fit(blocks, facts), evidence=known, origin=facts.name)
    return fitted, Residual(family=family.name, variant=variant, size_name=family.size, size=size, ratio=ratio)


def _held_out_ratio(family: Family, blocks: Sequence[Block], facts: DeviceFacts) -> tuple[FloatArray, FloatArray]:
    """Size and predicted over measured of the rows held out; nothing when there are too few shapes to hold any out."""
    every = {name: np.concatenate([block.columns[name] for block in blocks]) for name in family.shape}
    out = np.split(held_out(every, family.shape), np.cumsum([len(block.time_us) for block in blocks])[:-1])
    learnt = [selected(block, ~rows) for block, rows in zip(blocks, out, strict=True) if not rows.all()]
    tested = [selected(block, rows) for block, rows in zip(blocks, out, strict=True) if rows.any()]
    if not tested or sum(len(block.time_us) for block in learnt) < MIN_ROWS:
        return np.empty(0), np.empty(0)
    ratio = _ratio(family, family.fit(learnt, facts), tested, facts)
    return np.concatenate([block.columns[family.size] for block in tested]), ratio


def _ratio(family: Family, parameters: Any, blocks: Sequence[Block], facts: DeviceFacts) -> FloatArray:
    """Predicted over measured of all rows."""
    return np.concatenate(
        [family.predict(parameters, facts, block.columns, block.words) / block.time_us for block in blocks]
    )


def _checks(family: Family, variant: str, blocks: Sequence[Block], facts: DeviceFacts) -> list[Check]:
    """Errors on what is wholly new to the numbers: a value of the family's column to leave out, or the device."""

    def check(about: str, parameters: Any, rows: Sequence[Block]) -> Check:
        ratio = _ratio(family, parameters, rows, facts)
        median, p90 = median_and_p90(ratio)
        size = np.concatenate([block.columns[family.size] for block in rows])
        return Check(
            family=family.name,
            variant=variant,
            about=about,
            rows=len(ratio),
            median=median,
            p90=p90,
            shared=shared_variance(ratio, size),
        )

    found = []
    column = family.leave_out
    values = np.unique(np.concatenate([block.columns[column] for block in blocks])) if column else np.empty(0)
    for value in values[1:]:
        learnt = [part for block in blocks if len((part := selected(block, block.columns[column] != value)).time_us)]
        tested = [part for block in blocks if len((part := selected(block, block.columns[column] == value)).time_us)]
        found.append(check(f"without {column} {value:g}", family.fit(learnt, facts), tested))
    for other in shipped():
        fitted = other.families.get(family.name, {}).get(variant)
        if fitted is not None and not facts.is_like(other.facts):
            parameters = carried_over(fitted.parameters, family.name, other.facts, facts)
            found.append(check(f"with numbers of {other.facts.name}", parameters, blocks))
    return found


def _ranges(family: Family, blocks: Sequence[Block]) -> dict[str, tuple[float, float]]:
    return {
        name: (
            float(min(block.columns[name].min() for block in blocks)),
            float(max(block.columns[name].max() for block in blocks)),
        )
        for name in family.numbers
    }
