"""One difference of two designs in words: the row of a list."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from moe_studio.document.selection import Selection
from moe_studio.project.design import layers_text

Change = Literal["added", "removed", "moved", "changed"]
Category = Literal["figures", "settings", "GPUs", "experts", "operators"]

CHANGES: tuple[Change, ...] = ("added", "removed", "moved", "changed")
CATEGORIES: tuple[Category, ...] = ("figures", "settings", "GPUs", "experts", "operators")

SAME = 1e-9
"""Relative difference up to which two figures are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One difference in words. ``gain`` is 1 when it is for the better, -1 when for the worse, else 0."""

    category: Category
    change: Change
    what: str
    was: str
    now: str
    selection: Selection
    gain: int = 0


def numbers_text(numbers: Iterable[int], word: str) -> str:
    """Numbers in words: ``GPU 3``, ``GPUs 0–3, 7``, ``layers 0–57``."""
    known = sorted(set(numbers))
    text = layers_text(known).replace("-", "–").replace(",", ", ")
    return f"{word} {text}" if len(known) == 1 else f"{word}s {text}"
