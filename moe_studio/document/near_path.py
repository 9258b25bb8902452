"""The next-longest paths: what decides the run time once the longest path has become shorter.

Each of them leaves the longest path, goes through an operator that could start only a little later, and comes
back. Operators of one kind with the same slack give one entry, so that the list shows different reasons.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moe_studio.document.neighbourhood import next_rows, previous_rows
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.operator import OP_NAMES

MOST_STEPS = 4000
"""Steps that a detour may take in one direction before it is cut off."""
Way = tuple[list[int], int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NearPath:
    """A path that is ``slack_s`` shorter than the longest.

    ``via``: the operator that it is found by; ``detour``: its operators that are not on the longest path;
    ``rows``: all of them, first to last; ``alike``: how many operators of this kind have the same slack.
    """

    via: int
    name: str
    slack_s: float
    length_s: float
    detour: IntArray
    rows: IntArray
    alike: int


def near_paths(evaluation: Evaluation, most: int = 10) -> tuple[NearPath, ...]:
    """Up to ``most`` different paths besides the longest, longest first."""
    walk = _Walk(evaluation)
    rows = np.flatnonzero(~walk.is_path)
    group = _groups(evaluation)
    order = np.lexsort((rows, evaluation.start_s[rows], group[rows]))
    _, first, count = np.unique(group[rows[order]], return_index=True, return_counts=True)
    found: list[NearPath] = []
    met: set[int] = set()
    for via, alike in zip(rows[order[first]].tolist(), count.tolist(), strict=True):
        if len(found) == most:
            break
        if int(group[via]) not in met:
            path = _path_through(evaluation, walk, via, alike=alike)
            met.update(group[path.detour].tolist())
            found.append(path)
    return tuple(found)


def _path_through(evaluation: Evaluation, walk: "_Walk", via: int, *, alike: int) -> NearPath:
    before, leaves = walk.back(via)
    after, meets = walk.on(via)
    detour = np.array([*before[::-1], via, *after])
    slack = max(0.0, float(evaluation.slack_s[via]))
    return NearPath(
        via=via,
        name=OP_NAMES[evaluation.graph.op[via]],
        slack_s=slack,
        length_s=evaluation.schedule.makespan_s - slack,
        detour=detour,
        rows=_joined(evaluation.scheduled_path.rows, leaves, detour, meets),
        alike=alike,
    )


def _groups(evaluation: Evaluation) -> IntArray:
    """A number for each kind and slack, in order of slack; shape (operators,)."""
    # Slack is a difference of large sums: what differs by less than a part in 10^9 is the same.
    grain = max(evaluation.schedule.makespan_s, 1e-12) * 1e-9
    slack = np.round(np.maximum(evaluation.slack_s, 0.0) / grain).astype(np.int64)
    return slack * len(OP_NAMES) + evaluation.graph.op


def _joined(longest: IntArray, leaves: int, detour: IntArray, meets: int) -> IntArray:
    """The longest path up to where the detour leaves it, the detour, and the rest from where they meet."""
    head = longest[: int(np.flatnonzero(longest == leaves)[0]) + 1] if leaves >= 0 else longest[:0]
    tail = longest[int(np.flatnonzero(longest == meets)[0]) :] if meets >= 0 else longest[:0]
    return np.concatenate([head, detour, tail])


class _Walk:
    """Steps to what an operator waited for, and to what most urgently waits for it."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.graph = evaluation.graph
        self.is_path = np.zeros(len(evaluation.graph), bool)
        self.is_path[evaluation.scheduled_path.rows] = True
        self._lines: dict[tuple[int, bool], IntArray] = {}

    @cached_property
    def late_s(self) -> FloatArray:
        """Latest start of each operator."""
        return self.evaluation.start_s + self.evaluation.slack_s

    def back(self, row: int) -> Way:
        """What came before ``row``, nearest first, and where the longest path is met (-1: nowhere)."""
        finish = self.evaluation.finish_s
        return self._follow(row, lambda at: _best(self._before(at), finish[self._before(at)]))

    def on(self, row: int) -> Way:
        """What comes after ``row``, nearest first, and where the longest path is met (-1: nowhere)."""
        return self._follow(row, lambda at: _best(self._after(at), -self.late_s[self._after(at)]))

    def _follow(self, row: int, step: Callable[[int], int]) -> Way:
        met: list[int] = []
        while len(met) < MOST_STEPS:
            row = step(row)
            if row < 0 or self.is_path[row]:
                return met, row
            met.append(row)
        return met, -1

    def _before(self, row: int) -> IntArray:
        beside = [self._beside(member, -1) for member in self._members(row)]
        return np.array(
            [*previous_rows(self.graph, row).tolist(), *(other for other in beside if other >= 0)], np.int64
        )

    def _after(self, row: int) -> IntArray:
        own = self._beside(row, 1)
        return np.array([*next_rows(self.graph, row).tolist(), *([own] if own >= 0 else [])], np.int64)

    def _members(self, row: int) -> list[int]:
        """The operators that start together with ``row``."""
        start = self.evaluation.start_s
        if not self.evaluation.is_comm[row]:
            return [row]
        part, local = self.graph.part_of(row)
        run = part.body.run_of[OP_NAMES[part.body.op[local]]]
        rows = np.arange(part.first + run.first, part.first + run.last)
        same: list[int] = rows[start[rows] == start[row]].tolist()
        return same

    def _beside(self, row: int, step: int) -> int:
        """The operator before or after ``row`` on its stream, -1 at an end."""
        line = self._line(int(self.graph.gpu[row]), bool(self.evaluation.is_comm[row]))
        place = int(np.flatnonzero(line == row)[0]) + step
        return int(line[place]) if 0 <= place < len(line) else -1

    def _line(self, gpu: int, is_comm: bool) -> IntArray:
        """The operators of one stream in the order in which they run."""
        evaluation, has_streams = self.evaluation, self.evaluation.project.cost.overlap
        key = (gpu, is_comm and has_streams)
        if key not in self._lines:
            mask = self.graph.gpu == gpu
            if has_streams:
                mask &= evaluation.is_comm == is_comm
            rows = np.flatnonzero(mask)
            order = np.lexsort((rows, evaluation.finish_s[rows], evaluation.start_s[rows]))
            self._lines[key] = rows[order]
        return self._lines[key]


def _best(rows: IntArray, score: FloatArray) -> int:
    """The row with the highest score, -1 without rows."""
    return int(rows[int(np.argmax(score))]) if len(rows) else -1
