"""The schedule as tracks: one per stream of each GPU, each with its operators in the order in which they run."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moe_studio.document.chosen import selected_rows
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.operator import FAMILIES, OP_KINDS
from moe_studio.units import time_text

FAMILY_OF_OP = np.array([FAMILIES.index(kind.family) for kind in OP_KINDS])
STREAMS = ("compute", "communication")


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """Operators by track and start. A track is ``gpu · streams + stream``.

    ``row``: rows of the graph; ``start``, ``finish``, ``track``: theirs; shape (operators,) each, in this order.
    ``first``: where each track begins, and one past the last; shape (tracks + 1,).
    """

    evaluation: Evaluation
    streams: int
    row: IntArray
    start: FloatArray
    finish: FloatArray
    track: IntArray
    first: IntArray

    @property
    def tracks(self) -> int:
        """How many tracks there are."""
        return len(self.first) - 1

    @property
    def span(self) -> float:
        """End of the schedule in seconds; never 0."""
        return self.evaluation.metrics.latency_s or 1e-12

    @cached_property
    def place(self) -> IntArray:
        """Where each row of the graph stands here; shape (operators,)."""
        place = np.empty(len(self.row), np.int64)
        place[self.row] = np.arange(len(self.row))
        return place

    @cached_property
    def family(self) -> IntArray:
        """Family of each operator, an index into `FAMILIES`."""
        return FAMILY_OF_OP[self.evaluation.graph.op[self.row]]

    @cached_property
    def path(self) -> IntArray:
        """Where the operators of the longest path stand, first to last."""
        return self.place[self.evaluation.scheduled_path.rows]

    @cached_property
    def is_path(self) -> NDArray[np.bool_]:
        """Whether each operator is on the longest path."""
        flags = np.zeros(len(self.row), bool)
        flags[self.path] = True
        return flags

    def gpu_of(self, track: int) -> int:
        """GPU of a track."""
        return track // self.streams

    def stream_of(self, track: int) -> str:
        """What a track does, in a word."""
        return STREAMS[track % self.streams] if self.streams > 1 else "all operators"

    def at(self, track: int, second: float, *, within: float = 0.0) -> int:
        """Place of the operator that runs at a moment, or nearest to it ``within`` so many seconds; -1 for none."""
        low, high = int(self.first[track]), int(self.first[track + 1])
        if low == high:
            return -1
        place = low + int(np.searchsorted(self.start[low:high], second, side="right")) - 1
        near = [item for item in (place, place + 1) if low <= item < high]
        best = min(near, key=lambda item: self._away(item, second))
        return best if self._away(best, second) <= within else -1

    def _away(self, place: int, second: float) -> float:
        return max(float(self.start[place]) - second, second - float(self.finish[place]), 0.0)

    def beside(self, place: int, step: int) -> int:
        """Place of the operator before or after on the same track; the same at its ends."""
        track = int(self.track[place])
        return int(np.clip(place + step, self.first[track], self.first[track + 1] - 1))

    def across(self, place: int, step: int) -> int:
        """Place of the operator at about the same time on the next track that has any."""
        middle = float(self.start[place] + self.finish[place]) / 2
        track = int(self.track[place]) + step
        while 0 <= track < self.tracks:
            found = self.at(track, middle, within=np.inf)
            if found >= 0:
                return found
            track += step
        return place

    def matching(self, selection: Selection) -> IntArray:
        """Places of the operators that a selection stands for: of an operator, a layer, an expert, or a reach."""
        if selection.kind in ("operator", "layer", "expert", "reach"):
            return np.sort(self.place[selected_rows(self.evaluation.graph, selection)])
        return np.zeros(0, np.int64)


def timeline(evaluation: Evaluation) -> Timeline:
    """The tracks of ``evaluation``."""
    streams = 2 if evaluation.project.cost.overlap else 1
    gpu = evaluation.graph.gpu
    track = gpu * streams + evaluation.is_comm if streams == 2 else gpu
    tracks = evaluation.project.cluster.gpu_count * streams
    start = evaluation.start_s
    # Numbers of 16 bits are sorted by counting, ten times as fast.
    row = np.argsort(track.astype(np.uint16) if tracks < 1 << 16 else track, kind="stable")
    track, began = track[row], start[row]
    if ((began[1:] < began[:-1]) & (track[1:] == track[:-1])).any():  # rows are not in the order in which they run
        row = np.lexsort((evaluation.finish_s, start, evaluation.graph.gpu * streams + _stream(evaluation, streams)))
        began = start[row]
    return Timeline(
        evaluation=evaluation,
        streams=streams,
        row=row,
        start=began,
        finish=evaluation.finish_s[row],
        track=track,
        first=np.searchsorted(track, np.arange(tracks + 1)),
    )


def _stream(evaluation: Evaluation, streams: int) -> IntArray:
    return evaluation.is_comm.astype(np.int64) if streams == 2 else np.zeros(len(evaluation.graph), np.int64)


def waits(shown: Timeline, track: int, low: float, high: float, least: float) -> FloatArray:
    """Gaps of a track between two moments in which it has nothing to do for ``least`` seconds; shape (gaps, 2)."""
    first, last = int(shown.first[track]), int(shown.first[track + 1])
    begin = np.concatenate(([0.0], shown.finish[first:last]))
    end = np.concatenate((shown.start[first:last], [shown.span]))
    chosen = (end - begin >= least) & (end > low) & (begin < high)
    return np.stack([begin[chosen], end[chosen]], axis=1)


def operator_text(shown: Timeline, place: int) -> str:
    """Short name of an operator: ``E5 up``, ``scores``."""
    row = int(shown.row[place])
    part, local = shown.evaluation.graph.part_of(row)
    expert = int(part.body.expert[local])
    name = OP_KINDS[int(part.body.op[local])].name
    return f"E{expert} {name}" if expert >= 0 else name


def operator_sentence(shown: Timeline, place: int) -> str:
    """An operator's name, place and times in one line."""
    evaluation, row, track = shown.evaluation, int(shown.row[place]), int(shown.track[place])
    start, finish = float(shown.start[place]), float(shown.finish[place])
    where = f"GPU {shown.gpu_of(track)}, {shown.stream_of(track)}"
    times = f"{time_text(finish - start)} · {time_text(start)} – {time_text(finish)}"
    if shown.is_path[place]:
        return f"{evaluation.graph.name(row)} · {where} · {times} · on the longest path"
    slack = float(evaluation.slack_s[row])
    spare = f"slack {time_text(slack, 3)}" if slack else "no slack"
    return f"{evaluation.graph.name(row)} · {where} · {times} · {spare}"
