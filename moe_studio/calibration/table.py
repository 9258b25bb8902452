"""Reads tables of run times from CSV files without trusting them."""

import csv
import gzip
import math
import stat
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from moe_studio.calibration.family import Block, Family
from moe_studio.errors import Fault, FileError
from moe_studio.kernel.device import FloatArray

TIME = "time_us"
GPU = "gpu"
CHUNK_ROWS = 50_000
MAX_LINES_NAMED = 20
MAX_COLUMNS = 256
BLOCK_CHARACTERS = 1 << 20

Mask = NDArray[np.bool_]


@dataclass(slots=True)
class SetAside:
    """Rows that are not used: how many for each reason, and the first lines of each."""

    count: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[int]] = field(default_factory=dict)

    def add(self, reason: str, lines: Sequence[int]) -> None:
        """Note that the rows in ``lines`` are not used."""
        if lines:
            self.count[reason] += len(lines)
            named = self.lines.setdefault(reason, [])
            named.extend(lines[: MAX_LINES_NAMED - len(named)])

    @property
    def total(self) -> int:
        """All rows that are not used."""
        return self.count.total()

    def sentences(self) -> list[str]:
        """One sentence for each reason, with line numbers."""
        return [self._sentence(reason, count) for reason, count in self.count.items()]

    def _sentence(self, reason: str, count: int) -> str:
        named = self.lines[reason]
        shown = ", ".join(str(line) for line in named) + (", …" if count > len(named) else "")
        return f"{count:,} {'row' if count == 1 else 'rows'} set aside: {reason} (line {shown})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Some rows of a file, as text: ``rows[i]`` is line ``lines[i]`` and has one text for each column."""

    file: str
    family: Family
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    _columns: list[tuple[str, ...]] = field(default_factory=list, repr=False)

    def words(self, name: str) -> Sequence[str]:
        """The texts of a column; the family's default where the file has no such column."""
        if name not in self.header:
            return [self.family.optional.get(name, "")] * len(self.rows)
        if not self._columns:
            self._columns.extend(zip(*self.rows, strict=True))
        return self._columns[self.header.index(name)] if self._columns else []

    def numbers(self, name: str) -> FloatArray:
        """The values of a column; what is not a number is NaN."""
        texts = self.words(name)
        try:
            return np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
        except ValueError:
            return np.array([_number(text) for text in texts])


def read_chunks(
    path: Path, families: Sequence[Family], aside: SetAside, *, chunk_rows: int = CHUNK_ROWS
) -> Iterator[Table]:
    """The rows of a CSV file, plain or compressed, some at a time; rows with missing fields go to ``aside``."""
    with _open_text(path) as stream:
        reader = csv.reader(_lines(stream, path.name), strict=True)
        try:
            header = _header(next(reader, []), path.name)
            family = _family(header, families, path.name)
            while rows := _whole_rows(reader, reader.line_num + 1, len(header), chunk_rows, aside):
                yield Table(file=path.name, family=family, header=header, rows=rows[1], lines=rows[0])
        except csv.Error as error:
            raise _refusal(path.name, f"is not CSV: {error}.", reader.line_num) from None
        except UnicodeDecodeError:
            raise _refusal(path.name, "is not valid UTF-8.", reader.line_num + 1) from None
        except (OSError, EOFError, zlib.error) as error:
            raise _refusal(path.name, f"cannot be read to its end: {error}.", reader.line_num) from None


def sound_rows(table: Table, aside: SetAside, *, with_time: bool) -> Mask:
    """Which rows have usable numbers: finite, and greater than zero where zero makes no sense."""
    sound = np.ones(len(table.rows), dtype=bool)
    for name in (*table.family.numbers, *((TIME,) if with_time else ())):
        value = table.numbers(name)
        allowed = value >= 0 if name in table.family.zero_allowed else value > 0
        good = np.isfinite(value) & allowed
        for reason, bad in (
            (f"{name} is not a finite number", ~np.isfinite(value)),
            (f"{name} is zero or negative", np.isfinite(value) & ~allowed),
        ):
            aside.add(reason, [table.lines[index] for index in np.flatnonzero(bad & sound)])
        sound &= good
    return sound


def blocks_of(table: Table, sound: Mask, *, with_time: bool) -> list[tuple[NDArray[np.int64], str, Block]]:
    """The sound rows, those with the same words together: their indices, their GPU's name, and the block."""
    names = (GPU, *table.family.words, *table.family.optional)
    words = [table.words(name) for name in names]
    numbers = {name: table.numbers(name) for name in table.family.numbers}
    time = table.numbers(TIME) if with_time else np.full(len(table.rows), math.nan)
    groups: dict[tuple[str, ...], list[int]] = {}
    usable = sound.tolist()
    for index, key in enumerate(zip(*words, strict=True)):
        if usable[index]:
            groups.setdefault(key, []).append(index)
    return [_block(np.array(rows), dict(zip(names, key, strict=True)), numbers, time) for key, rows in groups.items()]


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks with the same words, one after another."""
    columns = {name: np.concatenate([block.columns[name] for block in blocks]) for name in blocks[0].columns}
    return Block(words=blocks[0].words, columns=columns, time_us=np.concatenate([block.time_us for block in blocks]))


def selected(block: Block, chosen: Mask) -> Block:
    """The rows of ``block`` that ``chosen`` marks."""
    columns = {name: value[chosen] for name, value in block.columns.items()}
    return Block(words=block.words, columns=columns, time_us=block.time_us[chosen])


def _block(
    rows: NDArray[np.int64], words: dict[str, str], numbers: Mapping[str, FloatArray], time: FloatArray
) -> tuple[NDArray[np.int64], str, Block]:
    gpu = words.pop(GPU)
    columns = {name: value[rows] for name, value in numbers.items()}
    return rows, gpu, Block(words=words, columns=columns, time_us=time[rows])


def _open_text(path: Path) -> IO[str]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refusal(path.name, "is not a plain file.")
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        return path.open(encoding="utf-8-sig", newline="")
    except (OSError, ValueError) as error:
        raise _refusal(path.name, f"cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _lines(stream: IO[str], file: str) -> Iterator[str]:
    """The lines of ``stream``, none of them without end."""
    return chain.from_iterable(_line_blocks(stream, file))


def _line_blocks(stream: IO[str], file: str) -> Iterator[IO[str]]:
    """Whole lines, many at a time, so that taking one costs no call."""
    rest = ""
    while text := stream.read(BLOCK_CHARACTERS):
        block = rest + text
        end = block.rfind("\n") + 1
        if not end and len(block) > BLOCK_CHARACTERS:
            raise _refusal(file, f"has a line of more than {BLOCK_CHARACTERS:,} characters.")
        rest = block[end:]
        yield StringIO(block[:end], newline="")
    yield StringIO(rest, newline="")


def _header(names: list[str], file: str) -> tuple[str, ...]:
    header = tuple(name.strip() for name in names)
    if not any(header):
        raise _refusal(file, "has no header; its first line must name the columns.", 1)
    if len(header) > MAX_COLUMNS:
        raise _refusal(file, f"has more than {MAX_COLUMNS} columns.", 1)
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise _refusal(file, f"names the column {twice[0]!r} more than once.", 1)
    return header


def _family(header: Sequence[str], families: Sequence[Family], file: str) -> Family:
    """The family with the most needed columns of which the file has every one."""

    def missing(family: Family) -> list[str]:
        return [name for name in (GPU, *family.words, *family.numbers) if name not in header]

    fitting = [family for family in families if not missing(family)]
    if fitting:
        return max(fitting, key=lambda family: len(family.words) + len(family.numbers))
    nearest = min(families, key=lambda family: len(missing(family)))
    raise _refusal(
        file, f"is no known table of run times; the nearest is {nearest.name}, which needs {_listed(missing(nearest))}."
    )


def _listed(names: Sequence[str]) -> str:
    return ("the column " if len(names) == 1 else "the columns ") + ", ".join(names)


def _whole_rows(
    reader: Iterator[list[str]], start: int, columns: int, limit: int, aside: SetAside
) -> tuple[list[int], list[list[str]]] | None:
    """The next rows with their line numbers, without those that do not have one field for each column."""
    taken = list(islice(reader, limit))
    if not taken:
        return None
    lines = list(range(start, start + len(taken)))
    if set(map(len, taken)) == {columns}:
        return lines, taken
    ragged = [line for line, row in zip(lines, taken, strict=True) if row and len(row) != columns]
    aside.add(f"not {columns} fields", ragged)
    whole = [(line, row) for line, row in zip(lines, taken, strict=True) if len(row) == columns]
    return [line for line, _ in whole], [row for _, row in whole]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _refusal(file: str, message: str, line: int = 0) -> FileError:
    return FileError(file, [Fault(path="", message=message, line=line, column=1 if line else 0)])
