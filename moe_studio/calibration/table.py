"""Reads tables of run times from CSV files without trusting them."""

import csv
import gzip
import math
import stat
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
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
from moe_studio.project.model import MAX_EXPERTS
from moe_studio.units import counted

TIME = "time_us"
CHUNK_ROWS = 50_000
MAX_LINES_NAMED = 20
MAX_COLUMNS = 256
BLOCK_CHARACTERS = 1 << 22
MAX_LINE = 1 << 20
MAX_PLAIN = 64_000_000
MAX_RATIO = 200
"""A compressed file of more than `MAX_PLAIN` characters that grows more than this holds no measurements."""
MAX_SIZE = 10**15
"""No size of a kernel, in elements or bytes, is larger."""
WHOLE_AND_PART = (("gpus", "nodes"), ("experts", "topk"), ("heads", "kv_heads"))
"""Columns of which the first counts no fewer than the second."""

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
        return f"{counted(count, 'row')} set aside: {reason} (line {shown})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Some rows of a file: ``texts[i]`` is line ``lines[i]`` as it stands there, ``columns`` its fields by column.

    ``ragged`` marks rows that had not one field for each column: what they lacked is empty, what they had too much of
    stands in their last.
    """

    file: str
    family: Family
    header: tuple[str, ...]
    texts: Sequence[str]
    columns: Sequence[Sequence[str]]
    lines: Sequence[int]
    ragged: Mask
    _numbers: dict[str, FloatArray] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.texts)

    def words(self, name: str) -> Sequence[str]:
        """The texts of a column; the family's default where the file has no such column."""
        if name not in self.header:
            return [self.family.optional.get(name, "")] * len(self)
        return self.columns[self.header.index(name)]

    def numbers(self, name: str) -> FloatArray:
        """The values of a column; what is not a number is NaN."""
        if name not in self._numbers:
            self._numbers[name] = _values(self.words(name))
        return self._numbers[name]


def read_chunks(
    path: Path, families: Sequence[Family], aside: SetAside, *, block_characters: int = BLOCK_CHARACTERS
) -> Iterator[Table]:
    """The rows of a CSV file, plain or compressed, some at a time; ragged ones are noted in ``aside``.

    Raises:
        FileError: if it is no such file, no known kind of table, or decompresses to too much.
    """
    line = 1
    try:
        with _open_text(path) as stream:
            blocks = _blocks(stream, path, block_characters)
            first = next(blocks, "")
            head, _, rest = first.partition("\n")
            header = _header(head, path.name)
            family = _family(header, families, path.name)
            line += 1
            for rows in _parsed(chain([rest], blocks), line, path.name):
                line = rows.lines[-1] + 1
                even, ragged = _even(rows, len(header))
                aside.add(not_fields(len(header)), [even.lines[row] for row in np.flatnonzero(ragged).tolist()])
                if len(even.texts):
                    yield Table(
                        file=path.name,
                        family=family,
                        header=header,
                        texts=even.texts,
                        columns=list(zip(*even.fields, strict=True)) if even.fields else _columns(even, len(header)),
                        lines=even.lines,
                        ragged=ragged,
                    )
    except UnicodeDecodeError:
        raise _refusal(path.name, "is not valid UTF-8.", _undecodable_line(path)) from None
    except (OSError, EOFError, zlib.error) as error:
        raise _refusal(path.name, f"cannot be read to its end: {error}.") from None


def sound_rows(table: Table, aside: SetAside, *, with_time: bool) -> Mask:
    """Which rows have all fields and usable numbers: finite, and greater than zero where zero makes no sense."""
    sound = ~table.ragged
    for name in (*table.family.numbers, *((TIME,) if with_time else ())):
        value = table.numbers(name)
        allowed = value >= 0 if name in table.family.zero_allowed else value > 0
        good = np.isfinite(value) & allowed
        for reason, bad in (
            (f"{name} is not a finite number", ~np.isfinite(value)),
            (f"{name} is zero or negative", np.isfinite(value) & ~allowed),
        ):
            aside.add(reason, [table.lines[index] for index in np.flatnonzero(bad & sound).tolist()])
        sound &= good
    for reason, bad in _impossible(table, sound):
        aside.add(reason, [table.lines[index] for index in np.flatnonzero(bad & sound).tolist()])
        sound &= ~bad
    return sound


def _impossible(table: Table, sound: Mask) -> list[tuple[str, Mask]]:
    """Rows of kernels as there are none: sizes in another unit, or more of a part than of the whole."""
    if table.family.whole is not None:
        return []
    sizes = {name: np.where(sound, table.numbers(name), 0.0) for name in table.family.numbers}
    found = [(f"{name} is not a whole number", size != np.floor(size)) for name, size in sizes.items()]
    for name, size in sizes.items():
        most = MAX_EXPERTS if name == "experts" else MAX_SIZE
        found.append((f"{name} is more than {most:,}", size > most))
    for whole, part in WHOLE_AND_PART:
        if whole in sizes and part in sizes:
            found.append((f"{whole} are fewer than {part}", sizes[whole] < sizes[part]))
    return found


def blocks_of(table: Table, sound: Mask, *, with_time: bool) -> list[tuple[NDArray[np.int64], str, Block]]:
    """The sound rows, those with the same words together: their indices, their GPU's name, and the block."""
    names = (table.family.gpu, *table.family.words, *table.family.optional)
    words = [table.words(name) for name in names]
    numbers = {name: table.numbers(name) for name in table.family.numbers}
    time = table.numbers(TIME) if with_time else np.full(len(table), math.nan)
    rows, lines = np.flatnonzero(sound), np.asarray(table.lines)
    alike = _alike(words)[rows]
    order = np.argsort(alike, kind="stable")
    groups = np.split(rows[order], np.flatnonzero(np.diff(alike[order])) + 1) if len(rows) else []
    return [
        _block(group, {name: texts[group[0]] for name, texts in zip(names, words, strict=True)}, numbers, time, lines)
        for group in sorted(groups, key=lambda group: int(group[0]))
    ]


def _alike(words: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """A number for each row; rows have the same when all their words are the same."""
    found = np.zeros(len(words[0]), dtype=np.int64)
    for texts in words:
        kinds = {text: index for index, text in enumerate(dict.fromkeys(texts))}
        if len(kinds) > 1:
            kind = np.fromiter(map(kinds.__getitem__, texts), dtype=np.int64, count=len(texts))
            found = np.unique(found * len(kinds) + kind, return_inverse=True)[1].reshape(-1)
    return found


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks with the same words, one after another."""
    columns = {name: np.concatenate([block.columns[name] for block in blocks]) for name in blocks[0].columns}
    time_us, lines = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("time_us", "lines"))
    return Block(words=blocks[0].words, columns=columns, time_us=time_us, lines=lines)


def selected(block: Block, chosen: Mask) -> Block:
    """The rows of ``block`` that ``chosen`` marks."""
    columns = {name: value[chosen] for name, value in block.columns.items()}
    lines = block.lines[chosen] if len(block.lines) else block.lines
    return Block(words=block.words, columns=columns, time_us=block.time_us[chosen], lines=lines)


def _block(
    rows: NDArray[np.int64],
    words: dict[str, str],
    numbers: Mapping[str, FloatArray],
    time: FloatArray,
    lines: NDArray[np.int64],
) -> tuple[NDArray[np.int64], str, Block]:
    gpu = words.pop(next(iter(words)))
    columns = {name: value[rows] for name, value in numbers.items()}
    return rows, gpu, Block(words=words, columns=columns, time_us=time[rows], lines=lines[rows])


def _open_text(path: Path) -> IO[str]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refusal(path.name, "is not a plain file.")
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        return path.open(encoding="utf-8-sig", newline="")
    except (OSError, ValueError) as error:
        raise _refusal(path.name, f"cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _undecodable_line(path: Path) -> int:
    """The first line that is not UTF-8."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        for number, text in enumerate(iter(lambda: stream.readline(MAX_LINE), b""), 1):
            try:
                text.decode()
            except UnicodeDecodeError:
                return number
    return 0


def _blocks(stream: IO[str], path: Path, characters: int) -> Iterator[str]:
    """Whole lines, many at a time, each ended by a line feed alone."""
    limit = max(MAX_PLAIN, path.stat().st_size * MAX_RATIO) if path.suffix == ".gz" else math.inf
    rest, total = "", 0
    while text := stream.read(characters):
        total += len(text)
        if total > limit:
            raise _refusal(path.name, f"decompresses to more than {MAX_RATIO} times its size; that is no table.")
        block = rest + text
        end = block.rfind("\n") + 1
        if len(block) - end > MAX_LINE:
            raise _refusal(path.name, f"has a line of more than {MAX_LINE:,} characters.")
        rest = block[end:]
        if end:
            yield _line_feeds(block[:end])
    if rest:
        yield _line_feeds(rest)


def _line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """Rows as they stand in the file, with their line numbers; ``fields`` of each where quotes made splitting hard."""

    texts: list[str]
    lines: Sequence[int]
    fields: list[list[str]]


def _parsed(blocks: Iterator[str], line: int, file: str) -> Iterator[_Rows]:
    """The rows of each block. Up to the first quote a row is a line, and its fields lie between commas."""
    for block in blocks:
        if '"' in block:
            yield from _quoted(chain([block], blocks), line, file)
            return
        texts = block.removesuffix("\n").split("\n")
        if block:
            yield _Rows(texts=texts, lines=range(line, line + len(texts)), fields=[])
        line += len(texts)


def _quoted(blocks: Iterator[str], line: int, file: str) -> Iterator[_Rows]:
    """The same where fields may be quoted, hold commas and line ends."""
    first = line
    reader = csv.reader(chain.from_iterable(block.splitlines(keepends=True) for block in blocks), strict=True)
    while True:
        lines, fields = [], []
        try:
            for row in islice(reader, CHUNK_ROWS):
                fields.append(row)
                lines.append(line)
                line = first + reader.line_num
        except csv.Error as error:
            raise _refusal(file, f"is not CSV: {error}.", line) from None
        if not fields:
            return
        yield _Rows(texts=list(map(csv_line, fields)), lines=lines, fields=fields)


def csv_line(fields: Iterable[str]) -> str:
    """One line of CSV, without its end; fields that hold a line end are quoted."""
    text = StringIO()
    # The writer of Python 3.11 quotes of the line ends only the characters of its own.
    csv.writer(text, lineterminator="\r\n").writerow(fields)
    return text.getvalue().removesuffix("\r\n")


def _header(text: str, file: str) -> tuple[str, ...]:
    try:
        names = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise _refusal(file, f"is not CSV: {error}.", 1) from None
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
    fitting = [family for family in families if set(_needed(family)) <= set(header)]
    if fitting:
        return max(fitting, key=lambda family: len(family.words) + len(family.numbers))
    small = {name.lower() for name in header}
    nearest = max(families, key=lambda family: np.mean([name.lower() in small for name in _needed(family)]))
    missing = [name for name in _needed(nearest) if name not in header]
    hint = " Capital letters count." if any(name.lower() in small for name in missing) else ""
    if len(header) == 1 and any(sign in header[0] for sign in ";\t|"):
        hint = " Commas separate columns."
    needs = f"the nearest is {nearest.name}, which needs {_listed(missing)}."
    raise _refusal(file, f"is no known table of run times; {needs}{hint}", 1)


def _needed(family: Family) -> list[str]:
    """The columns that a table of ``family`` cannot do without."""
    return [name for name in (family.gpu, *family.words, *family.numbers) if name not in family.optional]


def _listed(names: Sequence[str]) -> str:
    return ("the column " if len(names) == 1 else "the columns ") + ", ".join(names)


def not_fields(columns: int) -> str:
    """What is wrong with a ragged row of a table."""
    return f"not {columns} fields"


def _even(rows: _Rows, columns: int) -> tuple[_Rows, Mask]:
    """``rows`` with one field for each column, and which were ragged; empty lines are none at all."""
    if rows.fields:
        sizes = [len(row) for row in rows.fields]
    else:
        sizes = [text.count(",") + 1 if text else 0 for text in rows.texts]
    if set(sizes) == {columns}:
        return rows, np.zeros(len(sizes), dtype=bool)
    kept = [index for index, size in enumerate(sizes) if size]
    ragged = np.array([sizes[index] != columns for index in kept], dtype=bool)
    fields = [rows.fields[index] if rows.fields else rows.texts[index].split(",") for index in kept]
    fields = [_stretched(row, columns) for row in fields]
    texts = [
        csv_line(row) if uneven else rows.texts[index]
        for index, row, uneven in zip(kept, fields, ragged.tolist(), strict=True)
    ]
    return _Rows(texts=texts, lines=[rows.lines[index] for index in kept], fields=fields), ragged


def _stretched(fields: list[str], columns: int) -> list[str]:
    """As many fields as columns: empty ones added, or those that are too many joined to the last."""
    last = columns - 1
    return [*fields[:last], ",".join(fields[last:]), *[""] * (last - len(fields))][:columns]


def _columns(rows: _Rows, count: int) -> list[list[str]]:
    """The fields of unquoted rows by column: one split for all of them."""
    fields = ",".join(rows.texts).split(",")
    return [fields[column::count] for column in range(count)]


def _values(texts: Sequence[str]) -> FloatArray:
    """Texts as numbers; few are different in most columns, so that each of those is read once."""
    different = set(texts)
    if 2 * len(different) > len(texts) and "_" not in "".join(texts):
        with suppress(ValueError):
            return np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
    known = {text: _number(text) for text in different}
    return np.fromiter(map(known.__getitem__, texts), dtype=np.float64, count=len(texts))


def _number(text: str) -> float:
    """``text`` as a number; NaN for what is none, also for underscores, which Python would read over."""
    try:
        return float(text) if "_" not in text else math.nan
    except ValueError:
        return math.nan


def _refusal(file: str, message: str, line: int = 0) -> FileError:
    return FileError(file, [Fault(path="", message=message, line=line, column=1 if line else 0)])
