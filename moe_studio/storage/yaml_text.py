"""Plain data as YAML text, always the same: short things in one line, long ones in blocks."""

import json
import re

from moe_studio.storage.plain_data import Plain, Scalar

WIDTH = 110

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.+/-]*(?: [A-Za-z0-9_.+/()-]+)*")
_LIKE_PLAIN_RANGE = re.compile(r"[0-9]{1,4}-[0-9]{1,4}")
_NOT_TEXT = re.compile(r"null|true|false|yes|no|on|off|y|n|inf|nan", re.IGNORECASE)
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")


def document(data: dict[str, Plain]) -> str:
    """The text of a file that holds ``data``."""
    return "".join(f"{line}\n" for key, value in data.items() for line in entry_lines(key, value, 0))


def entry_lines(key: str, value: Plain, indent: int) -> list[str]:
    """The lines of one entry of a block mapping; the first is indented, too."""
    lead = f"{' ' * indent}{scalar_text(key)}:"
    if fits_in_line(value, len(lead) + 1):
        return [f"{lead} {flow_text(value)}"]
    return [lead, *block_lines(value, indent + 2)]


def block_lines(value: Plain, indent: int) -> list[str]:
    """The lines of a mapping or list in block style."""
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in entry_lines(key, item, indent)]
    assert isinstance(value, list)
    return [line for item in value for line in item_lines(item, indent)]


def item_lines(item: Plain, indent: int) -> list[str]:
    """The lines of one item of a block list."""
    lead = " " * indent + "- "
    if fits_in_line(item, len(lead)):
        return [lead + flow_text(item)]
    first, *rest = block_lines(item, indent + 2)
    return [lead + first.lstrip(" "), *rest]


def fits_in_line(value: Plain, used: int) -> bool:
    """Whether ``value`` reads well in the rest of a line of which ``used`` columns are taken."""
    if not isinstance(value, list | dict) or not value:
        return True
    return not _has_records(value) and used + len(flow_text(value)) <= WIDTH


def flow_text(value: Plain) -> str:
    """``value`` in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar_text(key)}: {flow_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow_text(item) for item in value) + "]"
    return scalar_text(value)


def scalar_text(value: Scalar, *, quoted: bool = False) -> str:
    """``value`` as one scalar that is safe in flow and block style; ``quoted`` text gets quotes in any case."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value)
    is_plain = _PLAIN.fullmatch(value) or _LIKE_PLAIN_RANGE.fullmatch(value)
    if is_plain and not quoted and not _NOT_TEXT.fullmatch(value):
        return value
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _has_records(value: Plain) -> bool:
    """Whether there is a list of mappings in ``value``: nodes, blocks, moves."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return True
    return any(_has_records(item) for item in items)
