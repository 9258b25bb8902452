"""The schedule as one graph: data edges, the order on every stream, and how much each edge has to spare.

A path from ``input`` to ``output`` is as long as the work on it. An edge's spare time is how long what it brings
waits before it is used, so a path is shorter than the longest by the spare times of its edges.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moe_studio.document.timeline import timeline
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.edge import Edges, data_edges

GRAIN = 1e-9
"""Times that differ by less than this share of the run time are the same."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScheduleGraph:
    """Nodes are numbered as in `Edges`: operators, junctions of collectives, ``input``, ``output``.

    ``source``, ``target``, ``spare_s``: shape (edges,), sorted by target; ``first``: first edge into each node, and
    one past the last. ``taken``: the edges of the longest path. ``tight``: the edge into each node that has nothing
    to spare, one of those if there is one; -1 for ``input``.
    """

    evaluation: Evaluation
    edges: Edges
    source: IntArray
    target: IntArray
    spare_s: FloatArray
    first: IntArray
    taken: IntArray
    tight: IntArray

    def into(self, nodes: IntArray) -> IntArray:
        """All edges into ``nodes``; shape (edges,)."""
        low, count = self.first[nodes], self.first[nodes + 1] - self.first[nodes]
        starts = np.cumsum(count) - count
        edges: IntArray = np.arange(int(count.sum())) - np.repeat(starts - low, count)
        return edges

    def back(self, node: int) -> list[int]:
        """``node`` and what it waited for, step by step down to ``input``, which is left out."""
        walk = []
        while node != self.edges.input:
            walk.append(node)
            node = int(self.source[self.tight[node]])
        return walk

    def on(self, node: int) -> list[int]:
        """What most urgently waits for ``node``, step by step up to ``output``, which is left out."""
        walk = []
        while (node := int(self.target[self._urgent[node]])) != self.edges.output:
            walk.append(node)
        return walk

    @cached_property
    def _late_s(self) -> FloatArray:
        """Latest start of each node; a junction's is that of its most urgent member."""
        late = np.full(self.edges.nodes, self.evaluation.schedule.makespan_s)
        rows = self.edges.operators
        late[:rows] = self.evaluation.start_s + self.evaluation.slack_s
        is_start = (self.source >= rows) & (self.source < self.edges.input)
        np.minimum.at(late, self.source[is_start], late[self.target[is_start]])
        return late

    @cached_property
    def _needed_s(self) -> FloatArray:
        """When what each node gives is needed at the latest."""
        needed = np.full(self.edges.nodes, np.inf)
        np.minimum.at(needed, self.source, self._late_s[self.target])
        return needed

    @cached_property
    def slack_s(self) -> FloatArray:
        """By how much the longest path through each operator is shorter than the longest; shape (operators,).

        For a member of a collective this may be more than its slack, which it shares with all members.
        """
        slack = self._needed_s[: self.edges.operators] - self.evaluation.finish_s
        slack[slack < GRAIN * self.evaluation.schedule.makespan_s] = 0.0
        return slack

    @cached_property
    def _urgent(self) -> IntArray:
        """The edge out of each node that must be taken first; -1 for ``output``."""
        chosen = np.flatnonzero(self._late_s[self.target] == self._needed_s[self.source])[::-1]
        urgent = np.full(self.edges.nodes, -1)
        # Of several the first one is written last.
        urgent[self.source[chosen]] = chosen
        urgent[self.source[self.taken]] = self.taken
        return urgent


def schedule_graph(evaluation: Evaluation) -> ScheduleGraph:
    """The graph of ``evaluation``'s schedule."""
    edges, path = data_edges(evaluation.graph), evaluation.scheduled_path.rows
    junction = _junction_of(edges)
    before, after = _order(evaluation)
    # A collective waits for the streams of all its members, as it does for their inputs.
    after = np.where(junction[after] >= 0, junction[after], after)
    steps = _steps(edges, path, junction)
    # Most steps of the longest path are edges already; between operators that take no time some may not be.
    source = np.concatenate([edges.source, before, steps[0]])
    target = np.concatenate([edges.target, after, steps[1]])
    found = np.sort(target * edges.nodes + source)
    found = found[np.concatenate([[True], found[1:] != found[:-1]])]
    source, target = found % edges.nodes, found // edges.nodes
    ready, done = _times(evaluation, edges)
    spare = ready[target] - done[source]
    # A difference of large sums that is as good as nothing is nothing, so that ties are told as such.
    spare[spare < GRAIN * evaluation.schedule.makespan_s] = 0.0
    taken = np.searchsorted(found, steps[1] * edges.nodes + steps[0])
    return ScheduleGraph(
        evaluation=evaluation,
        edges=edges,
        source=source,
        target=target,
        spare_s=spare,
        first=np.searchsorted(target, np.arange(edges.nodes + 1)),
        taken=taken,
        tight=_tight(edges, target, spare, taken),
    )


def _junction_of(edges: Edges) -> IntArray:
    """Junction in which each operator waits for the other members of its collective, -1 for none."""
    junction = np.full(edges.operators, -1)
    is_out = (edges.source >= edges.operators) & (edges.source < edges.input)
    junction[edges.target[is_out]] = edges.source[is_out]
    return junction


def _order(evaluation: Evaluation) -> tuple[IntArray, IntArray]:
    """Operators that follow each other on a stream."""
    shown = timeline(evaluation)
    same = shown.track[1:] == shown.track[:-1]
    return shown.row[:-1][same], shown.row[1:][same]


def _steps(edges: Edges, path: IntArray, junction: IntArray) -> tuple[IntArray, IntArray]:
    """The edges that the longest path takes, through junctions where it goes to a member of a collective."""
    before = np.concatenate([[edges.input], path])
    after = np.concatenate([path, [edges.output]])
    meets = np.concatenate([junction[path], [-1]])
    meets[0] = -1 if len(path) else meets[0]
    into, out = np.where(meets >= 0, meets, after), meets >= 0
    return np.concatenate([before, meets[out]]), np.concatenate([into, after[out]])


def _times(evaluation: Evaluation, edges: Edges) -> tuple[FloatArray, FloatArray]:
    """When each node starts, and when it is done; a junction takes no time."""
    rows, makespan = edges.operators, evaluation.schedule.makespan_s
    ready, done = np.zeros(edges.nodes), np.zeros(edges.nodes)
    ready[:rows], done[:rows] = evaluation.start_s, evaluation.finish_s
    ready[rows : edges.input] = done[rows : edges.input] = evaluation.start_s[edges.members]
    ready[edges.output] = done[edges.output] = makespan
    return ready, done


def _tight(edges: Edges, target: IntArray, spare: FloatArray, taken: IntArray) -> IntArray:
    """The edge with least to spare into each node, of several the one from the lowest node."""
    least = np.full(edges.nodes, np.inf)
    np.minimum.at(least, target, spare)
    chosen = np.flatnonzero(spare == least[target])[::-1]
    tight = np.full(edges.nodes, -1)
    # Of several the first one is written last.
    tight[target[chosen]] = chosen
    tight[target[taken]] = taken
    return tight
