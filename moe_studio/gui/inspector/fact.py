"""Facts: rows of a label and a value, and how they compare with those of another design."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from moe_studio.gui.widgets.figure import NO_POINTS, points_text
from moe_studio.units import percent_text

SAME = 1e-9
"""Relative difference up to which two figures are the same."""

DASH, OPEN = "—", "…"
"""What stands for values that differ, and for those that are being found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One row: a label and a value; ``tone`` is good, bad, path or none.

    ``amount``: the value as a number, None for words. ``better``: 1 when more of it is better, -1 when less is.
    ``change``: how it differs from the reference, with its own tone.
    """

    label: str
    value: str
    tone: str = ""
    amount: float | None = None
    better: int = 0
    change: str = ""
    change_tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything about one thing. ``gpu`` is the one whose memory is drawn, -1 for none."""

    title: str
    kind: str
    rows: tuple[Fact, ...]
    sentence: str = ""
    gpu: int = -1


def common_facts(every: Sequence[Facts], count: int) -> Facts:
    """What several things have in common, ``count`` of them in all; a dash where they differ."""
    first = every[0]
    if count < 2:
        return first
    tables = [{row.label: row for row in item.rows} for item in every]
    rows = [row for row in first.rows if all(row.label in table for table in tables)]
    same = [row if all(table[row.label] == row for table in tables) else _dash(row) for row in rows]
    kinds = {item.kind for item in every}
    kind = kinds.pop() if len(kinds) == 1 else "thing"
    return Facts(title=f"{count} {kind}s", kind="selected", rows=tuple(same))


def _dash(row: Fact) -> Fact:
    return Fact(label=row.label, value=DASH)


def awaited(quick: Facts, last: Facts | None) -> Facts:
    """``quick`` with the rows that ``last`` had besides, left open until there is time to find them."""
    if last is None or (last.title, last.kind) != (quick.title, quick.kind):
        return quick
    known = {row.label: row for row in quick.rows}
    return replace(quick, rows=tuple(known.get(row.label) or Fact(label=row.label, value=OPEN) for row in last.rows))


def compared(found: Facts, before: Facts | None) -> Facts:
    """``found`` with its changes from what is said of the same thing in another design."""
    if before is None or before.kind != found.kind:
        return found
    known = {row.label: row for row in before.rows}
    return replace(found, rows=tuple(_compared(row, known.get(row.label)) for row in found.rows))


def _compared(row: Fact, before: Fact | None) -> Fact:
    if before is None or row.value == before.value or {DASH, OPEN} & {row.value, before.value}:
        return row
    if row.amount is None or before.amount is None:
        return replace(row, change="changed" if "\n" in before.value else f"was {before.value}")
    difference = row.amount - before.amount
    if abs(difference) <= SAME * max(abs(row.amount), abs(before.amount)):
        return row
    gain = difference * row.better
    tone = "" if not gain else "good" if gain > 0 else "bad"
    if row.value.endswith("%"):  # a share: percent of percent would read as points
        text = points_text(row.amount, before.amount)
        tone = "" if text == NO_POINTS else tone
    else:
        text = signed(difference / before.amount) if before.amount else f"was {before.value}"
    return replace(row, change=text, change_tone=tone)


def signed(ratio: float) -> str:
    """A relative change: ``+4.6 %``."""
    return f"{'+' if ratio > 0 else '−'}{percent_text(abs(ratio))}"
