"""Edges between the operators in view, and steps along them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_studio.document.neighbourhood import next_rows, part_before, previous_rows
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.graph.edge import DATA, ORDER, layer_edges
from moe_studio.graph.graph import Graph, Part


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Links:
    """Pairs of operators with the kind of edge, shape (edges,); and collectives as (inputs, members)."""

    source: IntArray
    target: IntArray
    kind: NDArray[np.int8]
    meetings: tuple[tuple[IntArray, IntArray], ...]


def links_between(evaluation: Evaluation, rows: IntArray, *, has_order: bool = True) -> Links:
    """All edges that touch ``rows``; program order, if at all, only between neighbours among them."""
    graph = evaluation.graph
    is_seen = np.zeros(len(graph), bool)
    is_seen[rows] = True
    source: list[IntArray] = []
    target: list[IntArray] = []
    kind: list[NDArray[np.int8]] = []
    meetings: list[tuple[IntArray, IntArray]] = []
    for number in np.unique(np.searchsorted(graph.first_rows, rows, side="right") - 1).tolist():
        part = graph.parts[number]
        a, b, kinds = _direct(graph, part)
        kept = is_seen[a] | is_seen[b]
        source.append(a[kept])
        target.append(b[kept])
        kind.append(kinds[kept])
        meetings += _meetings(part, is_seen)
    before, after = _order(evaluation, rows if has_order else rows[:0])
    source.append(before)
    target.append(after)
    kind.append(np.full(len(before), ORDER, np.int8))
    return Links(
        source=np.concatenate(source),
        target=np.concatenate(target),
        kind=np.concatenate(kind),
        meetings=tuple(meetings),
    )


def step_along(evaluation: Evaluation, row: int, *, forward: bool) -> int:
    """The operator that an edge leads to: on the same GPU if there is one; ``row`` itself at an end."""
    graph = evaluation.graph
    found = next_rows(graph, row) if forward else previous_rows(graph, row)
    if not len(found):
        return row
    same = found[graph.gpu[found] == graph.gpu[row]]
    return int((same if len(same) else found)[0])


def _direct(graph: Graph, part: Part) -> tuple[IntArray, IntArray, NDArray[np.int8]]:
    """Edges without junction of one part, and those from the layer before."""
    edges = layer_edges(part.body)
    a, b, kinds = edges.direct[0] + part.first, edges.direct[1] + part.first, edges.direct_kind
    before = part_before(graph, part)
    if before is None:
        return a, b, kinds
    rows, lanes = edges.entry
    entered = before.first + before.body.runs[-1].first + lanes
    return (
        np.concatenate([a, entered]),
        np.concatenate([b, rows + part.first]),
        np.concatenate([kinds, np.full(len(rows), DATA, np.int8)]),
    )


def _meetings(part: Part, is_seen: NDArray[np.bool_]) -> list[tuple[IntArray, IntArray]]:
    edges = layer_edges(part.body)
    found = []
    for junction in range(len(edges.junction_member)):
        inputs = edges.inward[0][edges.inward[1] == junction] + part.first
        members = edges.outward[1][edges.outward[0] == junction] + part.first
        if is_seen[inputs].any() or is_seen[members].any():
            found.append((inputs, members))
    return found


def _order(evaluation: Evaluation, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Operators among ``rows`` that follow each other on a stream."""
    has_overlap = evaluation.project.cost.overlap
    stream = evaluation.graph.gpu[rows] * 2 + (evaluation.is_comm[rows] if has_overlap else 0)
    start_s = evaluation.start_s[rows]
    order = np.lexsort((rows, start_s + evaluation.duration_s[rows], start_s, stream))
    same = stream[order][1:] == stream[order][:-1]
    return rows[order][:-1][same], rows[order][1:][same]
