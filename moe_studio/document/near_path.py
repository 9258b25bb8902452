"""The next-longest paths: what decides the run time once the longest path has become shorter.

Two lists of them can be wanted. *Every* path: those that follow the longest in length, however alike they are.
Or different *reasons*: the longest path through an operator of each kind and slack, so that ten entries are not ten
GPUs that do the same; where there are fewer reasons, other paths fill the list up.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from moe_studio.document.schedule_graph import GRAIN, ScheduleGraph, schedule_graph
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.graph.operator import OP_NAMES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NearPath:
    """A path that is ``slack_s`` shorter than the longest.

    ``rows``: its operators, first to last; ``detour``: those that are not on the longest path; ``via``: the one of
    them that it is named by; ``alike``: how many operators of this kind have the same slack.
    """

    via: int
    slack_s: float
    length_s: float
    detour: IntArray
    rows: IntArray
    alike: int = 1


def near_paths(evaluation: Evaluation, most: int = 10, *, is_every: bool = False) -> tuple[NearPath, ...]:
    """Up to ``most`` different paths besides the longest, longest first; fewer only where there are no more."""
    if most <= 0:
        return ()
    walk = schedule_graph(evaluation)
    found = [] if is_every else list(_reasons(walk, most))
    known = {path.rows.tobytes() for path in found}
    for path in _ranked(walk, most if len(found) < most else 0):
        if len(found) == most:
            break
        if path.rows.tobytes() not in known:
            known.add(path.rows.tobytes())
            found.append(path)
    return tuple(sorted(found, key=lambda path: path.slack_s))


def _made(walk: ScheduleGraph, slack: float, nodes: list[int], via: int = -1, alike: int = 1) -> NearPath:
    """The path along ``nodes``, first to last."""
    evaluation = walk.evaluation
    rows = np.array([node for node in nodes if node < walk.edges.operators], np.int64)
    detour = rows[~np.isin(rows, evaluation.scheduled_path.rows)]
    # What is shorter because it leaves something out has no operator of its own.
    named = detour if len(detour) else rows
    return NearPath(
        via=via if via >= 0 else int(named[np.argmax(evaluation.duration_s[named])]),
        slack_s=slack if slack > GRAIN * evaluation.schedule.makespan_s else 0.0,
        length_s=evaluation.schedule.makespan_s - slack,
        detour=detour,
        rows=rows,
        alike=alike,
    )


# Every path


def _ranked(walk: ScheduleGraph, most: int) -> Iterator[NearPath]:
    """The ``most`` longest paths but the longest, longest first.

    A path is told by where it leaves the tight edges, so each is met once: as the deviation of the one that has all
    its deviations but the earliest (Lawler 1972, with exact bounds as in Eppstein 1998).
    """
    waiting: list[tuple[float, int, int, list[int]]] = []
    serial = 0
    slack, walked, tail = 0.0, walk.back(walk.edges.output), list[int]()
    for _ in range(most):
        for spare, edge, place in _deviations(walk, walked, most):
            serial += 1
            heapq.heappush(waiting, (slack + spare, serial, edge, [*tail, *walked[: place + 1]]))
        if not waiting:
            return
        slack, _, edge, tail = heapq.heappop(waiting)
        source = int(walk.source[edge])
        walked = walk.back(source) if source != walk.edges.input else []
        yield _made(walk, slack, [*tail, *walked][::-1])


def _deviations(walk: ScheduleGraph, walked: list[int], most: int) -> Iterator[tuple[float, int, int]]:
    """The ``most`` edges into ``walked`` that are not taken and have least to spare, each with its place there."""
    nodes = np.array(walked, np.int64)
    into = walk.into(nodes)
    place = np.repeat(np.arange(len(nodes)), walk.first[nodes + 1] - walk.first[nodes])
    other = into != walk.tight[nodes][place]
    into, place = into[other], place[other]
    spare = walk.spare_s[into]
    limit = np.partition(spare, most)[most] if len(spare) > most else np.inf
    low = np.flatnonzero(spare <= limit)
    order = low[np.lexsort((into[low], spare[low]))[:most]]
    yield from zip(spare[order].tolist(), into[order].tolist(), place[order].tolist(), strict=True)


# Different reasons


def _reasons(walk: ScheduleGraph, most: int) -> Iterator[NearPath]:
    """The longest path through an operator of each kind and slack that is on no path yet, longest first."""
    evaluation = walk.evaluation
    group = _groups(walk)
    is_off = np.ones(len(group), bool)
    is_off[evaluation.scheduled_path.rows] = False
    rows = np.flatnonzero(is_off)
    _, first, count = np.unique(group[rows], return_index=True, return_counts=True)
    met: set[int] = set()
    found = 0
    for via, alike in zip(rows[first].tolist(), count.tolist(), strict=True):
        if found == most:
            return
        if int(group[via]) not in met:
            nodes = [*walk.back(via)[::-1], *walk.on(via)]
            path = _made(walk, float(walk.slack_s[via]), nodes, via, alike)
            met.update(group[path.detour].tolist())
            found += 1
            yield path


def _groups(walk: ScheduleGraph) -> IntArray:
    """A number for each kind and slack, in order of slack; shape (operators,)."""
    grain = max(walk.evaluation.schedule.makespan_s, 1e-12) * GRAIN
    return np.round(walk.slack_s / grain).astype(np.int64) * len(OP_NAMES) + walk.evaluation.graph.op
