"""Where operators stand in the lanes: rows are GPUs, columns are levels or time. Arrays only, no Qt."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray

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

    def width(self, rows: IntArray) -> FloatArray:
        """Levels or seconds from left to right end, shape (rows,)."""
        return self.right[rows] - self.left[rows]

    def lane_of_row(self, row: float) -> int:
        """GPU of a row."""
        return int(np.clip(np.searchsorted(self.lane_first, row, side="right") - 1, 0, len(self.lane_first) - 2))

    def within(self, left: float, right: float, top: float, bottom: float) -> IntArray:
        """Operators that touch a rectangle."""
        box = left, right, top, bottom
        if box not in self._touching:
            near = np.flatnonzero((self.row >= math.ceil(top - 1)) & (self.row <= math.floor(bottom)))
            self._touching.clear()
            self._touching[box] = near[(self.right[near] >= left) & (self.left[near] <= right)]
        return self._touching[box]

    @cached_property
    def _touching(self) -> dict[tuple[float, float, float, float], IntArray]:
        """The answer to the question that was asked last: who paints asks what who decides to paint has asked."""
        return {}

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
    if columns == "time":
        gpus = evaluation.project.cluster.gpu_count
        streams = 2 if evaluation.project.cost.overlap else 1
        return Lanes(
            evaluation=evaluation,
            left=evaluation.start_s,
            right=evaluation.finish_s,
            row=evaluation.graph.gpu * streams + (evaluation.is_comm if streams == 2 else 0),
            lane_first=np.arange(gpus + 1) * streams,
            path=rows,
        )
    found = _alike_places(evaluation)
    left = evaluation.leveling.start_s() if found is not None else evaluation.level - np.float64(1.0)
    found = found or _places(evaluation, evaluation.level)
    first = np.concatenate(([0], np.cumsum(np.maximum(found.tallest, 1))))
    return Lanes(
        evaluation=evaluation,
        left=left,
        right=left + 1.0,
        row=found.rows(first),
        lane_first=first,
        path=rows,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Places:
    """How many operators of the same GPU and level come before each, and GPUs' most operators of a level.

    ``pieces``: for parts in order the GPU of each row, and that number.
    """

    pieces: list[tuple[IntArray, IntArray]]
    tallest: IntArray

    def rows(self, first: IntArray) -> IntArray:
        """Row of each operator, shape (operators,), when GPUs' lanes begin at ``first``."""
        known: dict[int, IntArray] = {}
        for gpu, place in self.pieces:
            if id(place) not in known:
                known[id(place)] = first[gpu] + place
        return np.concatenate([known[id(place)] for _, place in self.pieces])


def _alike_places(evaluation: Evaluation) -> _Places | None:
    """Layers are alike, so few of them have to be looked at; None if they share levels."""
    if evaluation.project.workload.micro_batches > 1:
        return None
    known: dict[int, tuple[IntArray, IntArray]] = {}
    ends: dict[int, tuple[float, float]] = {}
    pieces: list[tuple[IntArray, IntArray]] = []
    tallest = np.zeros(evaluation.project.cluster.gpu_count, np.int64)
    for stage in evaluation.leveling.stages:
        reached = -np.inf
        for placed in stage:
            body, start, key = placed.unit.items[0].cost.body, placed.solution.start[0], id(placed.solution)
            if key not in ends:
                ends[key] = float(start.min()), float(placed.solution.finish[0].max())
            if ends[key][0] + min(placed.offset_s.tolist()) < reached:
                return None
            reached = ends[key][1] + max(placed.offset_s.tolist())
            if key not in known:
                level = (start - start.min()).astype(np.int64)
                gpu, place = body.stage.gpu[body.lane], _place_in_cell(body.lane * (int(level.max()) + 1) + level)
                np.maximum.at(tallest, gpu, place + 1)
                known[key] = gpu, place
            pieces.append(known[key])
    return _Places(pieces=pieces, tallest=tallest)


def _places(evaluation: Evaluation, level: IntArray) -> _Places:
    gpu = evaluation.graph.gpu
    place = _place_in_cell(gpu * (int(level.max()) + 1) + level)
    tallest = np.zeros(evaluation.project.cluster.gpu_count, np.int64)
    np.maximum.at(tallest, gpu, place + 1)
    return _Places(pieces=[(gpu, place)], tallest=tallest)


def _place_in_cell(cell: IntArray) -> IntArray:
    """How many operators of the same cell come before each; shape (operators,)."""
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(np.append(starts, len(cell)))
    place = np.empty(len(cell), np.int64)
    place[order] = np.arange(len(cell)) - np.repeat(starts, counts)
    return place
