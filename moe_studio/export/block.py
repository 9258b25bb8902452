"""What a document is made of, before it is Markdown or HTML."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text; ``lead`` for the one that a reader in haste should read."""

    kind: ClassVar[str] = "paragraph"
    text: str
    lead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; columns named in ``numbers`` are aligned to the right."""

    kind: ClassVar[str] = "table"
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int]
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Text to be kept as it is, such as a formula or a chain of names."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Shares of a whole, largest first: (name, share of 1, text)."""

    kind: ClassVar[str] = "bars"
    title: str
    bars: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawing, as the text of an SVG that is known to be safe. Markdown names it only."""

    kind: ClassVar[str] = "figure"
    title: str
    svg: str


Block = Paragraph | Table | Bullets | Code | Bars | Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a document under a heading. ``level`` 2 is a main heading."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 2


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, words: Iterable[int] = (0,), caption: str = ""
) -> Table:
    """A table whose columns hold numbers, but for those of ``words``."""
    wordy = set(words)
    return Table(
        header=tuple(header),
        rows=tuple(tuple(row) for row in rows),
        numbers=frozenset(place for place in range(len(header)) if place not in wordy),
        caption=caption,
    )
