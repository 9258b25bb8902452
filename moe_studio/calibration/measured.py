"""A user's own measured run times, as a correction of the kernel models: the provider `table`.

Interpolated is the logarithm of measured over predicted, in the logarithms of the columns: where a model errs, it errs
much the same for neighbouring sizes. Outside the measured range nothing is said, and the models stand.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_studio.calibration.family import Block, Columns, Family, Words
from moe_studio.calibration.kriging import Surface, surface
from moe_studio.calibration.opinion import Ratio
from moe_studio.calibration.plausible import MOST_ODD, believable, by_unit, near_half, ratio_to_models, too_fast
from moe_studio.calibration.registry import FAMILIES
from moe_studio.calibration.split import held_out
from moe_studio.calibration.store import device_name
from moe_studio.calibration.table import SetAside, Table, blocks_of, read_chunks, sound_rows
from moe_studio.errors import FileError, MoeStudioError
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.fitted import Calibration, Fitted

MAX_BYTE = 256_000_000
MAX_ROWS = 2_000_000
MIN_KNOWN = 0.25
"""Share of a value that must be known from its neighbours; less is not inside the measured range."""
MIN_SHAPES = 8
"""Shapes that must be measured before anything is said of others."""
MUCH_LESS = 0.9
"""Share of the models' mean error below which interpolating between shapes is worth more than they are."""
_LEAST = 1e-3

Kernel = tuple[str, str, str, str]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """Rows of one GPU that share their words."""

    family: Family
    gpu: str
    block: Block

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """What the rows are measurements of."""
        return _kernels(self.family, self.block.words)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Residuals:
    """What the rows of one kernel say of a model: a surface for its own shapes, and whether it may serve others."""

    facts: DeviceFacts
    parameters: object
    surface: Surface
    shapes: FloatArray
    low: FloatArray
    high: FloatArray
    other_error: float
    """Error on shapes left out; NaN where the models do better there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """The rows of one file."""

    file: str
    parts: tuple[_Part, ...]
    aside: SetAside
    _known: dict[tuple[str, Kernel], _Residuals | None] = field(default_factory=dict)

    def ratio(self, family: Family, fitted: Fitted, facts: DeviceFacts, block: Block) -> Ratio:
        """Measured over predicted for rows inside the measured range."""
        value, error = np.full((2, len(block.time_us)), np.nan)
        for kernel in _kernels(family, block.words):
            known = self._residuals(family, kernel, fitted, facts)
            if known is not None:
                value, error = _inside(known, family, block)
                break
        return Ratio(value=value, provenance="measured", error=error)

    def notes(self, calibrations: Iterable[Calibration]) -> tuple[str, ...]:
        """What of the file is used for these devices, and what is not, with line numbers.

        Raises:
            MoeStudioError: if nothing of it is.
        """
        aside = SetAside(count=self.aside.count.copy(), lines=dict(self.aside.lines))
        used = 0
        every = {item.facts.name: item for item in calibrations}
        for part in self.parts:
            known = next((item for name, item in every.items() if _is_device(part.gpu, name)), None)
            if known is not None:
                (near,) = believable(self.file, part.family, [part.block], known)
                possible = _possible(part, known.facts)
                for reason, faster in too_fast(part.family, part.block, known):
                    aside.add(reason, part.block.lines[faster].tolist())
                odd, ratio = possible & ~near, ratio_to_models(part.family, part.block, known)
                for reason, rows in by_unit(
                    f"time_us is more than {MOST_ODD:g} times off half of the others", odd, ratio
                ):
                    aside.add(reason, part.block.lines[rows].tolist())
                used += int((possible & near).sum())
        if not used:
            held = ", ".join(sorted({part.gpu for part in self.parts})) or "none"
            because = "".join(f" {sentence}." for sentence in aside.sentences())
            raise MoeStudioError(
                f"{self.file} has no usable row of {', '.join(every)}; it has rows of {held}.{because}"
            )
        counted = "1 measured row is used" if used == 1 else f"{used:,} measured rows are used"
        return (f"{self.file}: {counted}", *(f"{self.file}: {x}" for x in aside.sentences()))

    def _residuals(self, family: Family, kernel: Kernel, fitted: Fitted, facts: DeviceFacts) -> _Residuals | None:
        """What is measured of a kernel on a device; found anew only when the device or the model is another one."""
        known = self._known.get((facts.name, kernel))
        if known is None or known.facts != facts or known.parameters is not fitted.parameters:
            parts = [part for part in self.parts if part.kernels[0] == kernel and _is_device(part.gpu, facts.name)]
            known = _found(self.file, family, parts, fitted, facts)
            self._known[facts.name, kernel] = known
        return known


def read_measured(path: Path) -> Measured:
    """The measured rows in the CSV file at ``path``, plain or compressed; the same object while the file is the same.

    Raises:
        FileError: if it is no table of measured run times, or too large.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise MoeStudioError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    if state.st_size > MAX_BYTE:
        raise MoeStudioError(f"{path.name} is larger than {MAX_BYTE:,} bytes.")
    return _read(path, state.st_mtime_ns, state.st_size)


def is_measured(path: Path) -> bool:
    """Whether the file at ``path`` is a table of measured run times."""
    try:
        table = next(read_chunks(path, FAMILIES, SetAside()), None)
    except FileError:
        return False
    return table is not None and "time_us" in table.header


@lru_cache(maxsize=4)
def _read(path: Path, _changed_ns: int, _size: int) -> Measured:
    aside, parts, rows = SetAside(), [], 0
    for table in read_chunks(path, FAMILIES, aside):
        rows += len(table)
        if rows > MAX_ROWS:
            raise MoeStudioError(f"{path.name} has more than {MAX_ROWS:,} rows.")
        parts += _parts(table, aside)
    return Measured(file=path.name, parts=tuple(parts), aside=aside)


def _parts(table: Table, aside: SetAside) -> list[_Part]:
    if "time_us" not in table.header:
        raise MoeStudioError(f"{table.file} has no column time_us; a table needs measured times.")
    parts = []
    for _, gpu, block in blocks_of(table, sound_rows(table, aside, with_time=True), with_time=True):
        if table.family.variants(block.words):
            parts.append(_Part(family=table.family, gpu=gpu, block=block))
        else:
            words = ", ".join(f"{name} {value}" for name, value in block.words.items())
            aside.add(f"no model for {words}", block.lines.tolist())
    return parts


def _kernels(family: Family, words: Words) -> tuple[Kernel, ...]:
    """The kernel with these words, then others of the same data type that a user may have measured instead."""
    names = family.variants(words)
    # Grouped GEMMs are named by their implementation and data type: "triton-bf16".
    alike = [name for name in names if name.partition("-")[1:] == names[0].partition("-")[1:]]
    chosen = alike if "-" in names[0] else names[:1]
    return tuple((family.name, name, words.get("op", ""), words.get("routing", "")) for name in chosen)


@lru_cache(maxsize=256)
def _is_device(gpu: str, name: str) -> bool:
    """Whether a table's name of a GPU means the device ``name``."""
    try:
        return device_name(gpu, (name,)) == name
    except MoeStudioError:
        return False


def _possible(part: _Part, facts: DeviceFacts) -> Mask:
    return np.asarray(part.block.time_us >= part.family.floor_us(part.block.columns, part.block.words, facts))


def _found(file: str, family: Family, parts: Sequence[_Part], fitted: Fitted, facts: DeviceFacts) -> _Residuals | None:
    if not parts:
        return None
    blocks = [part.block for part in parts]
    predicted = [family.predict(fitted.parameters, facts, block.columns, block.words) for block in blocks]
    ratios = [block.time_us / time_us for block, time_us in zip(blocks, predicted, strict=True)]
    near = np.concatenate(near_half(f"{file}: half of the {family.name} rows of {facts.name}", blocks, ratios))
    near &= np.concatenate([_possible(part, facts) for part in parts])
    if not near.any():
        return None
    residual = np.log(np.concatenate(ratios))[near]
    columns = {name: np.concatenate([block.columns[name] for block in blocks])[near] for name in family.numbers}
    points, shapes = _points(family.numbers, columns), _points(family.shape, columns)
    places, place = np.unique(shapes, axis=0, return_inverse=True)
    low, high = np.full((len(places), points.shape[1]), np.inf), np.full((len(places), points.shape[1]), -np.inf)
    np.minimum.at(low, place.reshape(-1), points)
    np.maximum.at(high, place.reshape(-1), points)
    return _Residuals(
        facts=facts,
        parameters=fitted.parameters,
        surface=surface(points, residual),
        shapes=places,
        low=low,
        high=high,
        other_error=_other_error(held_out(columns, family.shape), points, residual, len(places)),
    )


def _other_error(out: Mask, points: FloatArray, residual: FloatArray, shapes: int) -> float:
    """Median error on shapes left out; NaN if it is not much less than that of the models alone."""
    if shapes < MIN_SHAPES or not out.any() or out.all():
        return float("nan")
    found, _ = surface(points[~out], residual[~out]).at(points[out])
    left = np.abs(found - residual[out])
    return float(np.median(left)) if left.mean() < MUCH_LESS * np.abs(residual[out]).mean() else float("nan")


def _inside(known: _Residuals, family: Family, block: Block) -> tuple[FloatArray, FloatArray]:
    """Measured over predicted, and the error to expect; NaN for rows that lie outside the measured range."""
    points, shapes = _points(family.numbers, block.columns), _points(family.shape, block.columns)
    place, is_known = _places(known.shapes, shapes)
    low = np.where(is_known[:, None], known.low[place], known.low.min(axis=0))
    high = np.where(is_known[:, None], known.high[place], known.high.max(axis=0))
    error = np.where(is_known, known.surface.error, known.other_error)
    inside = ((points >= low) & (points <= high)).all(axis=1) & (is_known | np.isfinite(known.other_error))
    value = np.full(len(points), np.nan)
    if inside.any():
        found, share = known.surface.at(points[inside])
        value[inside] = np.where(share >= MIN_KNOWN, np.exp(found), np.nan)
    return value, np.where(np.isfinite(value), error, np.nan)


def _places(shapes: FloatArray, wanted: FloatArray) -> tuple[NDArray[np.int64], Mask]:
    """The index of each of ``wanted`` among the sorted rows of ``shapes``, and whether it is there at all."""
    both, place = np.unique(np.concatenate([shapes, wanted]), axis=0, return_inverse=True)
    index = np.full(len(both), -1)
    index[place.reshape(-1)[: len(shapes)]] = np.arange(len(shapes))
    found = index[place.reshape(-1)[len(shapes) :]]
    return np.maximum(found, 0), found >= 0


def _points(names: Sequence[str], columns: Columns) -> FloatArray:
    """The logarithms of columns, shape (rows, names)."""
    return np.log(np.maximum(np.stack([columns[name] for name in names], axis=1), _LEAST))
