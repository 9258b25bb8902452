"""Names from a project made harmless before they enter a drawing or a table."""

import re
import unicodedata
from collections.abc import Sequence

MAX_TEXT = 200
"""Longer names are cut."""

_SAFE = re.compile(r"[ -~×·–→…★µ]*")
_SAFE_XML = re.compile(r"[ !#-%(-;=?-~×·–→…★µ]*")
_SAFE_LINES = re.compile(r"[\n !#-%(-;=?-~×·–→…★µ]*")
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(text: str, limit: int = MAX_TEXT) -> str:
    """``text`` on one line, without control, formatting and private characters."""
    if _SAFE.fullmatch(text) and len(text) <= limit:
        return text
    spaced = text.replace("\n", " ").replace("\t", " ")
    kept = "".join(letter for letter in spaced if unicodedata.category(letter) not in _DROPPED)
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def xml(text: str, limit: int = MAX_TEXT) -> str:
    """``text`` for XML, inside an element or a quoted attribute."""
    if _SAFE_XML.fullmatch(text) and len(text) <= limit:
        return text
    cleaned = plain(text, limit)
    for letter, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        if letter in cleaned:
            cleaned = cleaned.replace(letter, entity)
    return cleaned


def xml_lines(lines: Sequence[str]) -> str:
    """Several lines of text for XML."""
    joined = "\n".join(lines)
    if _SAFE_LINES.fullmatch(joined) and joined.count("\n") == len(lines) - 1 and len(joined) <= MAX_TEXT * 2:
        return joined
    return "\n".join(xml(line) for line in lines)


def number(value: float) -> str:
    """A number that is read back as itself to twelve digits, the same on every machine."""
    return f"{value:.12g}"
