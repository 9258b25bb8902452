"""Predicts the run time of every row of a table."""

import gzip
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np

from moe_studio.calibration.bandwidth import BANDWIDTH
from moe_studio.calibration.family import NOT_PREDICTED, Block, Family, Load, Prediction
from moe_studio.calibration.opinion import Opinion
from moe_studio.calibration.plausible import MOST_ODD, by_unit
from moe_studio.calibration.registry import FAMILIES
from moe_studio.calibration.served import SERVED
from moe_studio.calibration.store import choose, load_calibration
from moe_studio.calibration.table import (
    TIME,
    SetAside,
    Table,
    blocks_of,
    csv_line,
    not_fields,
    read_chunks,
    sound_rows,
)
from moe_studio.engine.evidence import OUTSIDE_MEASURED
from moe_studio.errors import MoeStudioError, SaveError
from moe_studio.kernel.device import FloatArray
from moe_studio.kernel.fitted import DATASHEET

PREDICTED = "predicted_us"
SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionReport:
    """What became of the rows of a file."""

    family: str
    rows: int
    predicted: int
    aside: SetAside
    measured: str
    ratio: FloatArray
    """Predicted over measured, of the rows that have both."""
    is_time: bool


def predict_file(
    in_path: Path, out_path: Path, *, load: Load = load_calibration, opinion: Opinion | None = None
) -> PredictionReport:
    """Write the table at ``in_path`` to ``out_path`` with the columns ``predicted_us`` and ``source`` added.

    The kind of table is told by its columns; others pass through, a ``source`` as ``own_source``. Rows that cannot be
    predicted stay, with the reason as their source. A name that ends in ``.gz`` is read or written compressed.
    ``opinion`` corrects the models.

    Raises:
        SaveError: if the two are the same file, or ``out_path`` cannot be written.
    """
    if out_path.exists() and in_path.exists() and out_path.samefile(in_path):
        raise SaveError(f"{out_path.name} is the table itself; write the predictions to another file.")
    aside = SetAside()
    family, rows, predicted, ratios = FAMILIES[0], 0, 0, [np.empty(0)]
    temporary = out_path.with_name(f".moe-studio-{secrets.token_hex(8)}.tmp")
    try:
        with _open_new(temporary, out_path) as stream:
            for table in read_chunks(in_path, (*FAMILIES, SERVED, BANDWIDTH), aside):
                if not rows:
                    stream.write(csv_line(_header(table)) + "\n")
                found = predict_table(table, aside, load=load, opinion=opinion)
                _write(stream, table, found)
                family, rows = table.family, rows + len(table)
                predicted += int(np.isfinite(found.time_us).sum())
                ratios.append(_ratio(table, found, aside))
        if not rows:
            raise MoeStudioError(f"{in_path.name} has no rows below its header.")
        os.replace(temporary, out_path)
    except OSError as error:
        raise SaveError(f"{out_path.name} was not written: {error.strerror or error}.") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    return PredictionReport(
        family=family.name,
        rows=rows,
        predicted=predicted,
        aside=aside,
        measured=family.measured,
        ratio=np.concatenate(ratios),
        is_time=not family.predicted,
    )


def _ratio(table: Table, found: Prediction, aside: SetAside) -> FloatArray:
    """Predicted over measured, of the rows that have both; those that must be in another unit are noted instead."""
    family = table.family
    if family.measured not in table.header:
        return np.empty(0)
    predicted = found.time_us / family.measured_us if found.value is None else found.value
    measured = table.numbers(family.measured)
    both = np.isfinite(predicted) & np.isfinite(measured) & (measured > 0)
    ratio = np.full(len(table), np.nan)
    ratio[both] = measured[both] / predicted[both]
    if family.measured == TIME:
        odd = both & ((ratio > MOST_ODD) | (ratio < 1 / MOST_ODD))
        far = f"not in the error, for time_us is more than {MOST_ODD:g} times off what is predicted"
        for reason, rows in by_unit(far, odd, ratio):
            aside.add(reason, [table.lines[row] for row in np.flatnonzero(rows).tolist()])
        both &= ~odd
    return np.asarray(1 / ratio[both])


def predict_table(
    table: Table, aside: SetAside, *, load: Load = load_calibration, opinion: Opinion | None = None
) -> Prediction:
    """What is predicted of every row; those of which nothing can be are noted in ``aside``."""
    time = np.full(len(table), np.nan)
    value = np.full(len(table), np.nan)
    source = np.full(len(table), NOT_PREDICTED + "a number is missing or out of range", dtype=object)
    source[table.ragged] = NOT_PREDICTED + not_fields(len(table.header))
    for rows, gpu, block in blocks_of(table, sound_rows(table, aside, with_time=False), with_time=False):
        try:
            found = predict_block(table.family, gpu, block, load=load, opinion=opinion)
        except MoeStudioError as error:
            reason = np.full(len(rows), NOT_PREDICTED + str(error), dtype=object)
            found = Prediction(time_us=np.full(len(rows), np.nan), source=reason)
        time[rows], source[rows] = found.time_us, found.source
        if found.value is not None:
            value[rows] = found.value
        missing = rows[np.isnan(time[rows])]
        for text in dict.fromkeys(source[missing]):
            aside.add(text.removeprefix(NOT_PREDICTED), [table.lines[row] for row in missing if source[row] == text])
    return Prediction(time_us=time, source=source, value=value if table.family.predicted else None)


def predict_block(
    family: Family, gpu: str, block: Block, *, load: Load = load_calibration, opinion: Opinion | None = None
) -> Prediction:
    """What is predicted of rows that share their words."""
    if family.whole is not None:
        return family.whole(gpu, block, load, opinion)
    calibration = load(gpu)
    variants = family.variants(block.words)
    if not variants:
        raise MoeStudioError(f"There is no model of {family.name} for {', '.join(filter(None, block.words.values()))}.")
    variant, fitted = choose(calibration, family, variants)
    time = family.predict(fitted.parameters, calibration.facts, block.columns, block.words)
    origin = "" if fitted.origin == calibration.facts.name else f" of {fitted.origin}"
    lent = f" standing in for {fitted.stands_for}" if fitted.stands_for else ""
    far = np.zeros(len(time), bool)
    source = np.full(len(time), f"{fitted.provenance}: {family.name} {variant}{origin}{lent}", dtype=object)
    for name, outside in fitted.outside_of(block.columns).items():
        if name == "nodes":
            source[outside] = f"{DATASHEET}: {family.name} {variant}{origin}{lent}"
        far |= outside
    source[far] += f", {OUTSIDE_MEASURED}"
    if opinion is not None:
        found = opinion.ratio(family, fitted, calibration.facts, replace(block, time_us=time))
        known = ~np.isnan(found.value)
        time[known] *= found.value[known]
        source[known] = f"{found.provenance}: {family.name} {variant}"
    return Prediction(time_us=time, source=source)


def _write(stream: IO[str], table: Table, found: Prediction) -> None:
    """Write the rows with their predictions."""
    numbers = [_numbers(found.time_us)]
    if found.value is not None:
        numbers.append(_numbers(found.value))
    words = {text: csv_line([text]) for text in set(found.source.tolist())}
    sources = [words[text] for text in found.source.tolist()]
    stream.writelines(map("{}\n".format, map(",".join, zip(_rows(table), *numbers, sources, strict=True))))


def _numbers(values: FloatArray) -> list[str]:
    return [f"{value:.6g}" if value == value else "" for value in values.tolist()]


def _rows(table: Table) -> Sequence[str]:
    """The rows as they pass through: as they were, but for columns of an earlier prediction."""
    kept = _kept(table)
    if len(kept) == len(table.header):
        return table.texts
    return [csv_line(fields) for fields in zip(*(table.words(name) for name in kept), strict=True)]


def _header(table: Table) -> list[str]:
    """The columns that are written; ``own_source`` is a ``source`` that the table had before any prediction."""
    added = _added(table.family)
    return [*(f"own_{name}" if name in added else name for name in _kept(table)), *added]


def _kept(table: Table) -> list[str]:
    """The columns that pass through: all but those of an earlier prediction."""
    if PREDICTED not in table.header:
        return list(table.header)
    return [name for name in table.header if name not in _added(table.family)]


def _added(family: Family) -> list[str]:
    """The columns that a prediction adds."""
    return [PREDICTED, *filter(None, [family.predicted]), SOURCE]


def _open_new(temporary: Path, final: Path) -> IO[str]:
    if final.suffix == ".gz":
        return gzip.open(temporary, "xt", encoding="utf-8", newline="", compresslevel=1)
    return temporary.open("x", encoding="utf-8", newline="")
