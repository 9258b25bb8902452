"""Operators around others: next to them along edges, and everything before and after them."""

import numpy as np
from numpy.typing import NDArray

from moe_studio.graph.column import IntArray
from moe_studio.graph.edge import LayerEdges, layer_edges
from moe_studio.graph.graph import Graph, Part

Mask = NDArray[np.bool_]


def next_rows(graph: Graph, row: int) -> IntArray:
    """Operators that take the result of ``row``; what it gives to a collective goes to all members."""
    part, local = graph.part_of(row)
    edges = layer_edges(part.body)
    found = edges.direct[1][edges.direct[0] == local] + part.first
    junctions = edges.inward[1][edges.inward[0] == local]
    joined = edges.outward[1][np.isin(edges.outward[0], junctions)] + part.first
    after, last = part_after(graph, part), part.body.runs[-1]
    later = np.zeros(0, np.int64)
    if after is not None and last.first <= local < last.last:
        rows, lanes = layer_edges(after.body).entry
        later = rows[lanes == local - last.first] + after.first
    return np.concatenate([found, joined, later])


def previous_rows(graph: Graph, row: int) -> IntArray:
    """Operators whose results ``row`` needs; a collective needs the inputs of all its members."""
    part, local = graph.part_of(row)
    edges = layer_edges(part.body)
    found = edges.direct[0][edges.direct[1] == local] + part.first
    junctions = edges.outward[0][edges.outward[1] == local]
    joined = edges.inward[0][np.isin(edges.inward[1], junctions)] + part.first
    entered = edges.entry[1][edges.entry[0] == local]
    before = part_before(graph, part)
    earlier = entered + before.first + before.body.runs[-1].first if before is not None else entered[:0]
    return np.concatenate([found, joined, earlier])


def downstream(graph: Graph, rows: IntArray) -> Mask:
    """``rows`` and every operator that depends on one of them; shape (operators,)."""
    return _reach(graph, rows, is_forward=True)


def upstream(graph: Graph, rows: IntArray) -> Mask:
    """``rows`` and every operator that one of them depends on; shape (operators,)."""
    return _reach(graph, rows, is_forward=False)


def part_before(graph: Graph, part: Part) -> Part | None:
    """The same micro-batch in the layer before."""
    return _part(graph, part.layer - 1, part.micro_batch)


def part_after(graph: Graph, part: Part) -> Part | None:
    """The same micro-batch in the layer after."""
    return _part(graph, part.layer + 1, part.micro_batch)


def _part(graph: Graph, layer: int, micro_batch: int) -> Part | None:
    """Parts are ordered by (layer, micro-batch)."""
    number = layer * graph.project.workload.micro_batches + micro_batch
    return graph.parts[number] if layer >= 0 and number < len(graph.parts) else None


def _reach(graph: Graph, rows: IntArray, *, is_forward: bool) -> Mask:
    """What is reached layer by layer; equal layers that are reached in the same way are looked at once."""
    reached = np.zeros(len(graph), bool)
    reached[rows] = True
    known: dict[tuple[int, bytes], Mask] = {}
    follow = part_after if is_forward else part_before
    for part in graph.parts if is_forward else reversed(graph.parts):
        own = reached[part.rows]
        if not own.any():
            continue
        key = id(part.body), own.tobytes()
        if key not in known:
            known[key] = _within(part, own, is_forward=is_forward)
        reached[part.rows] = known[key]
        other = follow(graph, part)
        if other is not None:
            giver, taker = (part, other) if is_forward else (other, part)
            _carry(reached, giver, taker, is_forward=is_forward)
    return reached


def _carry(reached: Mask, giver: Part, taker: Part, *, is_forward: bool) -> None:
    """From the results of one layer to those that take them in the next, or back."""
    rows, lanes = layer_edges(taker.body).entry
    given, taken = giver.first + giver.body.runs[-1].first + lanes, taker.first + rows
    if is_forward:
        reached[taken[reached[given]]] = True
    else:
        reached[given[reached[taken]]] = True


def _within(part: Part, own: Mask, *, is_forward: bool) -> Mask:
    """What is reached inside one layer."""
    edges = layer_edges(part.body)
    source, target = _ends(edges, len(part.body))
    if not is_forward:
        source, target = target, source
    mask = np.concatenate([own, np.zeros(len(edges.junction_member), bool)])
    count = -1
    while count != (count := int(mask.sum())):
        mask[target[mask[source]]] = True
    return mask[: len(own)]


def _ends(edges: LayerEdges, size: int) -> tuple[IntArray, IntArray]:
    """Both ends of every edge of a layer; junctions come after its rows."""
    source = np.concatenate([edges.direct[0], edges.inward[0], edges.outward[0] + size])
    target = np.concatenate([edges.direct[1], edges.inward[1] + size, edges.outward[1]])
    return source, target
