"""Where operators stand in the lanes: rows are GPUs, columns are levels or time. Arrays only, no Qt."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.graph import Graph

Columns = Literal["level", "time"]
PathKind = Literal["scheduled", "dependency"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lanes:
    """Left and right end of every operator (levels or seconds) and its row; shape (operators,) each.

    ``lane_first``: first row of each GPU's lane, and one past the last; shape (GPUs + 1,).
    ``path``: rows of the graph that make the longest path, first to last.
    """

    evaluation: Evaluation
    left: FloatArray
    right: FloatArray
    row: IntArray
    lane_first: IntArray
    path: IntArray

    @property
    def rows(self) -> int:
        """Rows of all lanes together."""
        return int(self.lane_first[-1])

    @cached_property
    def span(self) -> float:
        """Right end of the last operator."""
        return float(self.right.max(initial=1e-12)) or 1e-12

    @cached_property
    def is_path(self) -> NDArray[np.bool_]:
        """Whether each operator is on the longest path."""
        flags = np.zeros(len(self.left), bool)
        flags[self.path] = True
        return flags

    def lane_of_row(self, row: float) -> int:
        """GPU of a row."""
        return int(np.clip(np.searchsorted(self.lane_first, row, side="right") - 1, 0, len(self.lane_first) - 2))

    def within(self, left: float, right: float, top: float, bottom: float) -> IntArray:
        """Operators that touch a rectangle."""
        hit = (self.right >= left) & (self.left <= right) & (self.row + 1 >= top) & (self.row <= bottom)
        return np.flatnonzero(hit)

    def at(self, x: float, row: float) -> int:
        """The operator at a point, -1 for none."""
        found = np.flatnonzero((self.left <= x) & (x <= self.right) & (self.row == int(row)))
        if not len(found):
            return -1
        # Operators that take no time lie under their neighbours; the narrowest is the one meant.
        return int(found[np.argmin(self.right[found] - self.left[found])])


def lanes(evaluation: Evaluation, columns: Columns, path: PathKind) -> Lanes:
    """The lanes of ``evaluation``."""
    rows = evaluation.scheduled_path.rows if path == "scheduled" else evaluation.dependency_path.rows
    gpus = evaluation.project.cluster.gpu_count
    gpu = evaluation.graph.gpu
    if columns == "time":
        streams = 2 if evaluation.project.cost.overlap else 1
        return Lanes(
            evaluation=evaluation,
            left=evaluation.start_s,
            right=evaluation.finish_s,
            row=gpu * streams + (evaluation.is_comm if streams == 2 else 0),
            lane_first=np.arange(gpus + 1) * streams,
            path=rows,
        )
    level = evaluation.level
    place = _places(evaluation.graph, level)
    tallest = np.zeros(gpus, np.int64)
    np.maximum.at(tallest, gpu, place + 1)
    first = np.concatenate(([0], np.cumsum(np.maximum(tallest, 1))))
    return Lanes(
        evaluation=evaluation,
        left=level.astype(np.float64) - 1.0,
        right=level.astype(np.float64),
        row=first[gpu] + place,
        lane_first=first,
        path=rows,
    )


def _places(graph: Graph, level: IntArray) -> IntArray:
    """How many operators of the same GPU and level come before each; shape (operators,)."""
    low, high = (ends.reduceat(level, graph.first_rows) for ends in (np.minimum, np.maximum))
    if _is_overlapping(graph, low, high):
        return _place_in_cell(graph.gpu * (int(level.max()) + 1) + level)
    # Layers are alike, so few of them have to be looked at.
    known: dict[tuple[int, bytes], IntArray] = {}
    found = []
    for part, start in zip(graph.parts, low.tolist(), strict=True):
        local = level[part.rows] - start
        key = id(part.body), local.tobytes()
        if key not in known:
            known[key] = _place_in_cell(part.body.lane * (int(local.max()) + 1) + local)
        found.append(known[key])
    return np.concatenate(found)


def _is_overlapping(graph: Graph, low: IntArray, high: IntArray) -> bool:
    """Whether two parts on the same GPUs have operators of the same level."""
    stage = np.array([part.body.stage.index for part in graph.parts])
    order = np.lexsort((low, stage))
    same = stage[order][1:] == stage[order][:-1]
    return bool((same & (low[order][1:] <= high[order][:-1])).any())


def _place_in_cell(cell: IntArray) -> IntArray:
    """How many operators of the same cell come before each; shape (operators,)."""
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(np.append(starts, len(cell)))
    place = np.empty(len(cell), np.int64)
    place[order] = np.arange(len(cell)) - np.repeat(starts, counts)
    return place
