"""Printing: tables in colour on a terminal, plain text elsewhere, and nothing that steers a terminal."""

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from moe_studio.export.text import plain

MAX_LINE = 4000
"""Longer messages are cut; `moe-studio check` prints all of them."""

STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan", "yes": "green", "no": "red"}
"""How words that stand alone in a cell look on a terminal."""


def use_utf8() -> None:
    """Write UTF-8, and never fail at a letter that cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def one_line(text: str) -> str:
    """``text`` as one line, without control characters."""
    return plain(" ".join(text.split()), limit=MAX_LINE)


def say(text: str = "") -> None:
    """Print ``text``, one line."""
    print(plain(text, limit=MAX_LINE))


def is_terminal() -> bool:
    """Whether a person reads along."""
    return sys.stdout.isatty()


def show_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, words: Iterable[int] = (0,), title: str = ""
) -> None:
    """Print a table; columns that are not ``words`` hold numbers and are aligned to the right."""
    cells = [[plain(cell, limit=MAX_LINE) for cell in row] for row in rows]
    if not cells:
        return
    if is_terminal():
        _show_rich(header, cells, set(words), title)
    else:
        _show_plain(header, cells, set(words), title)


def _show_rich(header: Sequence[str], rows: list[list[str]], words: set[int], title: str) -> None:
    table = Table(title=Text(title, style="bold") if title else None, title_justify="left", box=box.SIMPLE_HEAD)
    for place, name in enumerate(header):
        table.add_column(Text(name), justify="left" if place in words else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console(highlight=False).print(table)


def _show_plain(header: Sequence[str], rows: list[list[str]], words: set[int], title: str) -> None:
    widths = [max(len(row[place]) for row in [list(header), *rows]) for place in range(len(header))]
    if title:
        print(title)
    for row in [list(header), *rows]:
        cells = [
            cell.ljust(width) if place in words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print()
