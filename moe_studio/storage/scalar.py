"""Reads one scalar as what its field wants, never as what YAML 1.1 would guess."""

import re

from moe_studio.storage.yaml_tree import ScalarNode

_WHOLE = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.?(inf|infinity|nan)", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_MAX_DIGITS = 40


class ScalarError(Exception):
    """The text is not what the field wants; says what would be right."""


def read_int(node: ScalarNode) -> int:
    """A decimal whole number."""
    _check_plain(node, "a whole number such as 16")
    if _LEADING_ZERO.match(node.text):
        raise ScalarError("must not start with 0: some programs read that as an octal number.")
    if not _WHOLE.fullmatch(node.text):
        raise ScalarError(f"must be a whole number such as 16, not {shown(node)}.")
    if len(node.text) > _MAX_DIGITS:
        raise ScalarError("is too long a number.")
    return int(node.text)


def read_float(node: ScalarNode) -> float:
    """A decimal number, finite."""
    _check_plain(node, "a number such as 1.8")
    if _NOT_FINITE.fullmatch(node.text):
        raise ScalarError("must be a finite number.")
    if _LEADING_ZERO.match(node.text):
        raise ScalarError("must not start with 0: some programs read that as an octal number.")
    if not _NUMBER.fullmatch(node.text):
        raise ScalarError(f"must be a number such as 1.8, not {shown(node)}.")
    if len(node.text) > _MAX_DIGITS:
        raise ScalarError("is too long a number.")
    return float(node.text)


def read_bool(node: ScalarNode) -> bool:
    """True or false, nothing else."""
    if node.style or node.text not in ("true", "false"):
        raise ScalarError(f"must be true or false, not {shown(node)}.")
    return node.text == "true"


def read_str(node: ScalarNode) -> str:
    """Any text. Nothing at all is the empty text, but a plain ``null`` is not text."""
    if node.is_null and not node.is_empty:
        raise ScalarError(f"must be text, not {node.text}; put it in quotes if it is meant.")
    return node.text


def shown(node: ScalarNode) -> str:
    """The text of ``node`` for a message, cut when it is long."""
    if node.is_empty:
        return "nothing"
    return repr(node.text if len(node.text) <= 60 else node.text[:57] + "...")


def _check_plain(node: ScalarNode, wanted: str) -> None:
    if node.style:
        raise ScalarError(f"must be {wanted}, not text in quotes.")
