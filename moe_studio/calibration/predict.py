"""Predicts the run time of every row of a table."""

import gzip
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from moe_studio.calibration.family import Block, Family
from moe_studio.calibration.opinion import Opinion
from moe_studio.calibration.provider import calibrated_provider
from moe_studio.calibration.registry import FAMILIES
from moe_studio.calibration.served import SERVED
from moe_studio.calibration.store import choose, device_name, load_calibration
from moe_studio.calibration.table import SetAside, Table, blocks_of, csv_line, not_fields, read_chunks, sound_rows
from moe_studio.engine.provider import Provider
from moe_studio.errors import MoeStudioError, SaveError
from moe_studio.graph.stage import device_names
from moe_studio.kernel.device import FloatArray
from moe_studio.kernel.fitted import CALIBRATED, DATASHEET, Calibration
from moe_studio.project.project import Project

PREDICTED = "predicted_us"
SOURCE = "source"

Load = Callable[[str], Calibration]
Texts = NDArray[np.object_]


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


def predict_file(
    in_path: Path, out_path: Path, *, load: Load = load_calibration, opinion: Opinion | None = None
) -> PredictionReport:
    """Write the table at ``in_path`` to ``out_path`` with the columns ``predicted_us`` and ``source`` added.

    The kind of table is told by its columns; others pass through. Rows that cannot be predicted stay, with the
    reason as their source. A name that ends in ``.gz`` is read or written compressed. ``opinion`` corrects the models.

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
            for table in read_chunks(in_path, (*FAMILIES, SERVED), aside):
                if not rows:
                    stream.write(csv_line([*_kept(table.header), PREDICTED, SOURCE]) + "\n")
                time, source = predict_table(table, aside, load=load, opinion=opinion)
                _write(stream, table, time, source)
                family, rows, predicted = table.family, rows + len(table), predicted + int(np.isfinite(time).sum())
                ratios.append(_ratio(table, time))
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
    )


def _ratio(table: Table, time: FloatArray) -> FloatArray:
    """Predicted over measured, of the rows that have both."""
    if table.family.measured not in table.header:
        return np.empty(0)
    measured = table.numbers(table.family.measured) * table.family.measured_us
    both = np.isfinite(time) & np.isfinite(measured) & (measured > 0)
    return np.asarray(time[both] / measured[both])


def predict_table(
    table: Table, aside: SetAside, *, load: Load = load_calibration, opinion: Opinion | None = None
) -> tuple[FloatArray, list[str]]:
    """The run time of each row in microseconds, NaN where none can be given, and how each was got."""
    time = np.full(len(table), np.nan)
    source = np.full(len(table), "not predicted: a number is missing or out of range", dtype=object)
    source[table.ragged] = "not predicted: " + not_fields(len(table.header))
    for rows, gpu, block in blocks_of(table, sound_rows(table, aside, with_time=False), with_time=False):
        try:
            time[rows], source[rows] = predict_block(table.family, gpu, block, load=load, opinion=opinion)
        except MoeStudioError as error:
            aside.add(str(error), [table.lines[row] for row in rows])
            source[rows] = "not predicted: " + str(error)
    return time, source.tolist()


def predict_block(
    family: Family, gpu: str, block: Block, *, load: Load = load_calibration, opinion: Opinion | None = None
) -> tuple[FloatArray, Texts]:
    """The run time of rows that share their words, and how each was got."""
    calibration = load(device_name(gpu))
    if family.whole is not None:
        time = family.whole(calibration.facts.name, block, _Priced(load, opinion))
        return time, np.full(len(time), _origins(calibration, opinion), dtype=object)
    variants = family.variants(block.words)
    if not variants:
        raise MoeStudioError(f"There is no model of {family.name} for {', '.join(filter(None, block.words.values()))}.")
    variant, fitted = choose(calibration, family, variants)
    time = family.predict(fitted.parameters, calibration.facts, block.columns, block.words)
    origin = "" if fitted.origin == calibration.facts.name else f" of {fitted.origin}"
    lent = f" standing in for {fitted.stands_for}" if fitted.stands_for else ""
    source = np.full(len(time), f"{fitted.provenance}: {family.name} {variant}{origin}{lent}", dtype=object)
    if "nodes" in block.columns:
        far = block.columns["nodes"] > fitted.most_nodes
        source[far] = f"{DATASHEET}: {family.name} {variant}{origin} over more nodes than were measured"
    if opinion is not None:
        found = opinion.ratio(family, fitted, calibration.facts, replace(block, time_us=time))
        known = ~np.isnan(found.value)
        time[known] *= found.value[known]
        source[known] = f"{found.provenance}: {family.name} {variant}"
    return time, source


@dataclass(frozen=True, slots=True)
class _Priced:
    """Prices designs by the calibrations that ``load`` finds; equal for the same two, so that answers can be kept."""

    load: Load
    opinion: Opinion | None

    def __call__(self, project: Project) -> Provider:
        known = tuple(self.load(name) for name in device_names(project.cluster))
        return calibrated_provider(project, self.opinion, known)


def _origins(calibration: Calibration, opinion: Opinion | None) -> str:
    """How the kernels of a whole model are known."""
    here = calibration.facts.name
    origins = {
        family: {fitted.origin for fitted in variants.values()} for family, variants in calibration.families.items()
    }
    far = {family: sorted(each) for family, each in origins.items() if here not in each}
    provenance = DATASHEET if len(far) == len(origins) else CALIBRATED
    others = ", ".join(sorted({name for each in far.values() for name in each}))
    lent = f", {'all' if provenance == DATASHEET else ', '.join(sorted(far))} of {others}" if far else ""
    return f"{provenance}: its kernels{lent}" + (", corrected by run times of your own" if opinion else "")


def _write(stream: IO[str], table: Table, time: FloatArray, source: Sequence[str]) -> None:
    """Write the rows with their predictions."""
    numbers = [f"{value:.6g}" if value == value else "" for value in time.tolist()]
    words = {text: csv_line([text]) for text in set(source)}
    stream.writelines(
        f"{row},{number},{words[word]}\n" for row, number, word in zip(_rows(table), numbers, source, strict=True)
    )


def _rows(table: Table) -> Sequence[str]:
    """The rows as they pass through: as they were, but for columns of an earlier prediction."""
    kept = [index for index, name in enumerate(table.header) if name not in (PREDICTED, SOURCE)]
    if len(kept) == len(table.header):
        return table.texts
    return [csv_line(fields) for fields in zip(*(table.columns[index] for index in kept), strict=True)]


def _kept(header: Sequence[str]) -> list[str]:
    """The columns that pass through: all but those of an earlier prediction."""
    return [name for name in header if name not in (PREDICTED, SOURCE)]


def _open_new(temporary: Path, final: Path) -> IO[str]:
    if final.suffix == ".gz":
        return gzip.open(temporary, "xt", encoding="utf-8", newline="", compresslevel=1)
    return temporary.open("x", encoding="utf-8", newline="")
