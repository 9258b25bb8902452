"""Reads JSON from outside: bounded depth, no duplicate keys, finite numbers of bounded length."""

import json
import re

from moe_studio.errors import Fault, FileError

MAX_JSON_BYTE = 4_000_000
MAX_DEPTH = 64
_MAX_DIGITS = 400

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def parse_json(text: str, file: str, *, has_constants: bool = False) -> object:
    """The value that the JSON ``text`` holds, or `FileError`.

    ``has_constants`` lets Infinity and NaN through, which some programs write; who reads the value checks it.
    """
    if len(text) > MAX_JSON_BYTE:
        raise FileError(file, [Fault(path="", message=f"is longer than {MAX_JSON_BYTE:,} characters.")])
    _check_depth(text, file)
    try:
        return json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=float if has_constants else _constant,
            object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as error:
        fault = Fault(path="", message=f"is not JSON: {error.msg}.", line=error.lineno, column=error.colno)
    except _JsonError as error:
        fault = Fault(path="", message=str(error))
    raise FileError(file, [fault])


class _JsonError(Exception):
    """What the JSON has that no file of ours may have."""


def _check_depth(text: str, file: str) -> None:
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > MAX_DEPTH:
            raise FileError(file, [Fault(path="", message=f"is nested more than {MAX_DEPTH} levels deep.")])


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise _JsonError("has a number that is too long.")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _JsonError(f"has a number that is not finite: {text[:40]}.")
    return value


def _constant(text: str) -> float:
    raise _JsonError(f"has a number that is not finite: {text}.")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _JsonError(f"has the key {key[:60]!r} twice in one object.")
            seen.add(key)
    return table
