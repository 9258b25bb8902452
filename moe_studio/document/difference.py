"""In what two designs differ, down to GPUs, operators and experts: a value that holds all that a view of it needs.

Designs of any shapes can be compared.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from moe_studio.calibration.provider import provide_anyway
from moe_studio.document.difference_row import CATEGORIES, SAME, Change, Row
from moe_studio.document.expert_change import ExpertChange, expert_changes, expert_row
from moe_studio.document.gpu_change import GpuState, OperatorCounts, gpu_rows, gpu_states, operator_counts
from moe_studio.document.operator_change import OperatorChange, most_changed, operator_changes, operator_row
from moe_studio.document.reference import Headline, Tell, headline
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import evaluate
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.export.compare import Comparison, Quantity, compare, settings_changes
from moe_studio.project.project import Project

MOST_ROWS = 2000
"""Rows of one category that are listed, those that change most; the counts are of all."""

EMPTY = ("", "–")
"""What stands for a setting that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What a picture of one of the designs shows: per GPU what it is, and its memory by part as shares of the capacity.

    ``operators`` are those of its GPUs, and those of them that differ from the other design.
    """

    name: str
    headline: Headline
    memory: tuple[tuple[float, ...], ...]
    gpus: tuple[GpuState, ...]
    operators: OperatorCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two designs compared. ``groups`` are parts of the longest path with both times, in seconds.

    ``counts`` has the number of operators by change, ``listed`` how many rows each category would have.
    """

    first: Side
    second: Side
    headline: str
    claim: str
    reasons: tuple[str, ...]
    groups: tuple[tuple[str, float, float], ...]
    experts: tuple[ExpertChange, ...]
    rows: tuple[Row, ...]
    counts: dict[str, int]
    listed: dict[str, int]


def difference(reference: Project, project: Project, tell: Tell) -> Difference:
    """``project`` compared with ``reference``; ``tell`` takes what is being done."""
    if reference.name == project.name:
        reference = replace(reference, name=f"{reference.name} (pinned)")
    tell("Evaluating both designs")
    first, second = evaluate(reference, provide_anyway), evaluate(project, provide_anyway)
    comparison = compare(first, second)
    tell("Comparing operators")
    found = list(operator_changes(first, second))
    tell("Writing the summary")
    experts = expert_changes(reference, project)
    sides = _side(comparison, 0, found), _side(comparison, 1, found)
    rows = {
        "figures": [_figure_row(figure) for figure in comparison.figures if not _is_same(figure)],
        "settings": list(_setting_rows(reference, project)),
        "GPUs": gpu_rows(sides[0].gpus, sides[1].gpus),
        "experts": [expert_row(item) for item in experts],
        "operators": [operator_row(item, second) for item in most_changed(found, MOST_ROWS)],
    }
    counts: Counter[str] = Counter()
    for item in found:
        counts[item.change] += item.operators
    listed = {name: len(group) for name, group in rows.items()} | {"operators": len(found)}
    return Difference(
        first=sides[0],
        second=sides[1],
        headline=comparison.headline,
        claim=comparison.claim,
        reasons=comparison.reasons,
        groups=tuple(group for group in comparison.groups if max(group[1:]) > SAME * first.metrics.latency_s),
        experts=experts,
        rows=tuple(row for name in CATEGORIES for row in rows[name][:MOST_ROWS]),
        counts=dict(counts),
        listed=listed,
    )


def _is_same(figure: Quantity) -> bool:
    return abs(figure.second - figure.first) <= SAME * max(abs(figure.first), abs(figure.second))


def _figure_row(figure: Quantity) -> Row:
    gain = (figure.second - figure.first) * figure.better
    return Row(
        category="figures",
        change="changed",
        what=f"{figure.name[0].upper()}{figure.name[1:]}",
        was=figure.text(figure.first),
        now=figure.text(figure.second),
        selection=Selection(kind="design"),
        gain=(gain > 0) - (gain < 0),
    )


def _setting_rows(first: Project, second: Project) -> Iterator[Row]:
    for item in settings_changes(first, second):
        change: Change = "added" if item.first in EMPTY else "removed" if item.second in EMPTY else "changed"
        yield Row(
            category="settings",
            change=change,
            what=item.path,
            was=item.first or "–",
            now=item.second or "–",
            selection=Selection(kind="setting", path=item.path),
        )


def _side(comparison: Comparison, place: int, found: list[OperatorChange]) -> Side:
    evaluation = (comparison.first, comparison.second)[place]
    memory = evaluation.memory
    shares = (np.stack([getattr(memory, part) for part in MEMORY_PARTS]) / memory.capacity).T
    return Side(
        name=comparison.names[place],
        headline=headline(evaluation),
        memory=tuple(map(tuple, shares.tolist())),
        gpus=gpu_states(evaluation),
        operators=operator_counts(evaluation, found, is_first=place == 0),
    )
