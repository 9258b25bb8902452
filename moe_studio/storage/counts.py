"""Reads recorded routing: how many tokens each expert of each layer got."""

import csv
from collections.abc import Iterable
from pathlib import Path

from moe_studio.errors import Fault, FileError
from moe_studio.project.model import MAX_EXPERTS, MAX_LAYERS
from moe_studio.storage.json_text import MAX_JSON_BYTE, parse_json
from moe_studio.storage.plain_file import read_plain_text

Counts = tuple[tuple[float, ...], ...]

_MAX_COUNT = 1e18

NO_LOADS = (
    "is neither recorded loads, which are a row of counts for each layer or have the columns layer, expert and count, "
    "nor measured run times, which have a column time_us."
)


def load_counts(path: Path) -> Counts:
    """The counts in a ``.json`` or CSV file, one row per layer."""
    text = read_plain_text(path, limit_byte=MAX_JSON_BYTE)
    return json_counts(text, path.name) if text.lstrip()[:1] in ("[", "{") else csv_counts(text, path.name)


def json_counts(text: str, file: str) -> Counts:
    """Counts from a matrix ``[[…], …]`` or ``{"logical_count": …}``, where several steps are added up."""
    value = parse_json(text, file)
    if isinstance(value, dict):
        if "logical_count" not in value:
            raise _refusal(file, "must have the key logical_count.")
        value = value["logical_count"]
    steps = value if _depth(value) == 3 else [value]
    matrices = [_matrix(step, file) for step in steps] if isinstance(steps, list) else []
    if not matrices:
        raise _refusal(file, "must be a list of layers, each a list of counts.")
    if len({tuple(len(row) for row in matrix) for matrix in matrices}) > 1:
        raise _refusal(file, "every step must have the same layers and experts.")
    return tuple(tuple(map(sum, zip(*rows, strict=True))) for rows in zip(*matrices, strict=True))


def csv_counts(text: str, file: str) -> Counts:
    """Counts from CSV: rows ``layer,expert,count`` under such a header, else a plain matrix."""
    reader = csv.reader(text.splitlines())
    try:
        rows = [(reader.line_num, row) for row in reader if row and not row[0].startswith("#")]
    except csv.Error as error:
        raise _refusal(file, f"is not CSV: {error}.") from None
    if not rows:
        raise _refusal(file, "is empty; it must have one row of counts per layer.")
    header = [cell.strip().lower() for cell in rows[0][1]]
    if {"layer", "expert", "count"} <= set(header):
        places = [header.index(name) for name in ("layer", "expert", "count")]
        return _gathered((_cells(row, places, file, line) for line, row in rows[1:]), file)
    if not any(map(_is_number, header)):
        raise _refusal(file, NO_LOADS, rows[0][0])
    return _matrix([[_number(cell, file, line) for cell in row] for line, row in rows], file)


def _cells(row: list[str], places: list[int], file: str, line: int) -> tuple[float, float, float]:
    if len(row) <= max(places):
        raise _refusal(file, f"the row {','.join(row)[:60]!r} is too short.", line)
    layer, expert, count = (_number(row[place], file, line) for place in places)
    return layer, expert, count


def _gathered(rows: Iterable[tuple[float, float, float]], file: str) -> Counts:
    """A matrix from triples: counts of one layer and expert are added, layers without rows are left out."""
    table: dict[int, dict[int, float]] = {}
    for layer, expert, count in rows:
        if not (layer.is_integer() and expert.is_integer() and 0 <= layer < MAX_LAYERS and 0 <= expert < MAX_EXPERTS):
            raise _refusal(file, "layer and expert must be whole numbers from 0 up.")
        experts = table.setdefault(int(layer), {})
        experts[int(expert)] = experts.get(int(expert), 0.0) + count
    width = max((expert for experts in table.values() for expert in experts), default=-1) + 1
    matrix = [[table[layer].get(expert, 0.0) for expert in range(width)] for layer in sorted(table)]
    return _matrix(matrix, file)


def _matrix(value: object, file: str) -> Counts:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_LAYERS:
        raise _refusal(file, f"must have 1 to {MAX_LAYERS} layers, each a list of counts.")
    return tuple(tuple(_count(cell, file) for cell in _row(row, file)) for row in value)


def _row(row: object, file: str) -> list[object]:
    if not isinstance(row, list) or not 1 <= len(row) <= MAX_EXPERTS:
        raise _refusal(file, f"each layer must be a list of 1 to {MAX_EXPERTS} counts.")
    return row


def _count(cell: object, file: str) -> float:
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not 0 <= cell <= _MAX_COUNT:
        raise _refusal(file, f"each count must be a number from 0 to {_MAX_COUNT:g}, not {str(cell)[:40]}.")
    return float(cell)


def _number(cell: str, file: str, line: int) -> float:
    if not _is_number(cell):
        raise _refusal(file, f"{cell[:40]!r} is not a number.", line)
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _depth(value: object) -> int:
    depth = 0
    while isinstance(value, list) and value:
        depth, value = depth + 1, value[0]
    return depth


def _refusal(file: str, message: str, line: int = 0) -> FileError:
    return FileError(file, [Fault(path="", message=message, line=line, column=1 if line else 0)])
