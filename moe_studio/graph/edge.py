"""Edges of the operator graph, as arrays.

A collective starts on all its members at once, so its inputs meet in a *junction*, a node without
cost: edges grow with the number of GPUs, not with its square. `pairs` draws them out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from moe_studio.graph.column import IntArray
from moe_studio.graph.graph import Graph
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.graph.stage import sync_size

DATA, COMMUNICATION, ORDER = 0, 1, 2
KIND_NAMES = ("data", "communication", "order")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edges:
    """Edges between nodes. Operators come first (0 … operators − 1), then junctions, then ``input`` and ``output``.

    ``source``, ``target``, ``kind``: shape (edges,). ``members`` is one row of each junction's
    collective, to name it by; shape (junctions,).
    """

    source: IntArray
    target: IntArray
    kind: NDArray[np.int8]
    operators: int
    members: IntArray

    @property
    def junctions(self) -> int:
        """How many junctions there are."""
        return len(self.members)

    @property
    def input(self) -> int:
        """The single source."""
        return self.operators + self.junctions

    @property
    def output(self) -> int:
        """The single sink."""
        return self.operators + self.junctions + 1

    @property
    def nodes(self) -> int:
        """Operators, junctions, input and output."""
        return self.operators + self.junctions + 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerEdges:
    """Edges inside one layer, by local rows and local junctions.

    ``direct``, ``inward`` (row to junction) and ``outward`` (junction to row) have shape (2, edges);
    ``entry``: rows that take the layer's input, with the lane of it, shape (2, rows).
    ``junction_of``: junction of each row, -1 for none.
    """

    direct: IntArray
    direct_kind: NDArray[np.int8]
    inward: IntArray
    outward: IntArray
    entry: IntArray
    junction_of: IntArray
    junction_member: IntArray

    @property
    def pair_count(self) -> int:
        """How many edges there are when junctions are drawn out."""
        junctions = len(self.junction_member)
        into, out = np.bincount(self.inward[1], minlength=junctions), np.bincount(self.outward[0], minlength=junctions)
        return int(self.direct.shape[1]) + int((into * out).sum())


_KNOWN: "WeakKeyDictionary[LayerGraph, LayerEdges]" = WeakKeyDictionary()


def layer_edges(body: LayerGraph) -> LayerEdges:
    """Edges inside ``body``; remembered as long as it lives."""
    if body not in _KNOWN:
        _KNOWN[body] = _layer_edges(body)
    return _KNOWN[body]


def _layer_edges(body: LayerGraph) -> LayerEdges:
    junction_of, junction_member = _junctions(body)
    direct: list[IntArray] = []
    kinds: list[NDArray[np.int8]] = []
    inward: list[IntArray] = []
    entry: list[IntArray] = []
    for run in body.runs:
        for take in run.takes:
            if take < 0:
                entry.append(np.stack([np.arange(run.first, run.last), body.lane[run.rows]]))
                continue
            for source, target in _links(body, body.runs[take], run):
                junction = junction_of[target]
                if (junction >= 0).all() and len(target):
                    pair = np.unique(source * len(junction_member) + junction)
                    inward.append(np.stack(np.divmod(pair, len(junction_member))))
                else:
                    kind = COMMUNICATION if run.on_comm else DATA
                    direct.append(np.stack([source, target]))
                    kinds.append(np.full(len(source), kind, np.int8))
    members = np.flatnonzero(junction_of >= 0)
    return LayerEdges(
        direct=_joined(direct),
        direct_kind=np.concatenate(kinds) if kinds else np.zeros(0, np.int8),
        inward=_joined(inward),
        outward=np.stack([junction_of[members], members]),
        entry=_joined(entry),
        junction_of=junction_of,
        junction_member=junction_member,
    )


def _joined(pieces: Iterable[IntArray]) -> IntArray:
    pieces = list(pieces)
    return np.concatenate(pieces, axis=1) if pieces else np.zeros((2, 0), np.int64)


def _junctions(body: LayerGraph) -> tuple[IntArray, IntArray]:
    """The junction of each row (-1: none) and one member row of each junction."""
    stage = body.stage
    junction_of = np.full(len(body), -1)
    members: list[int] = []
    for run in body.runs:
        size = sync_size(run.sync, stage)
        if size == 1:
            continue
        lane, expert = body.lane[run.rows], body.expert[run.rows]
        _, first, group = np.unique(
            lane // size * (int(expert.max(initial=0)) + 2) + expert + 1, return_index=True, return_inverse=True
        )
        junction_of[run.rows] = group + len(members)
        members.extend((first + run.first).tolist())
    return junction_of, np.array(members, dtype=np.int64)


def _links(body: LayerGraph, source: Run, target: Run) -> list[tuple[IntArray, IntArray]]:
    """Rows of ``source`` and the rows of ``target`` that take them, on the same GPU.

    A replica whose layer has no experts sends its dispatch to combine.
    """
    host = body.host
    if source.kind.is_expert == target.kind.is_expert:
        count = source.last - source.first
        return [(np.arange(count) + source.first, np.arange(count) + target.first)]
    if target.kind.is_expert:
        return [(source.first + host.lane, np.arange(target.first, target.last))]
    links = [(np.arange(source.first, source.last), target.first + host.lane)]
    width = body.stage.width
    for replica in host.orphans:
        lanes = np.arange(replica * width, (replica + 1) * width)
        links.append((body.run_of["dispatch"].first + lanes, target.first + lanes))
    return links


def data_edges(graph: Graph) -> Edges:
    """All data and communication edges, with junctions, input and output."""
    source: list[IntArray] = []
    target: list[IntArray] = []
    kind: list[NDArray[np.int8]] = []
    members: list[IntArray] = []
    junction = len(graph)
    outputs: dict[tuple[int, int], tuple[IntArray, int]] = {}

    def put(a: IntArray, b: IntArray, kinds: NDArray[np.int8] | int) -> None:
        source.append(a)
        target.append(b)
        kind.append(np.broadcast_to(np.asarray(kinds, np.int8), a.shape))

    for part in graph.parts:
        local, body = layer_edges(part.body), part.body
        put(local.direct[0] + part.first, local.direct[1] + part.first, local.direct_kind)
        put(local.inward[0] + part.first, local.inward[1] + junction, COMMUNICATION)
        put(local.outward[0] + junction, local.outward[1] + part.first, COMMUNICATION)
        members.append(local.junction_member + part.first)
        junction += len(local.junction_member)
        last = body.runs[-1]
        # What a stage sends arrives on another GPU.
        outgoing = COMMUNICATION if last.kind.name == "send" else DATA
        outputs[part.layer, part.micro_batch] = np.arange(last.first, last.last) + part.first, outgoing
        if (part.layer - 1, part.micro_batch) in outputs:
            given, inward = outputs[part.layer - 1, part.micro_batch]
            rows, lanes = local.entry
            put(given[lanes], rows + part.first, inward)
    everything = len(graph)
    is_lonely, is_unused = np.ones(junction, bool), np.ones(junction, bool)
    for a, b in zip(source, target, strict=True):
        is_unused[a] = False
        is_lonely[b] = False
    lonely, unused = np.flatnonzero(is_lonely[:everything]), np.flatnonzero(is_unused[:everything])
    put(np.full(len(lonely), junction), lonely, DATA)
    put(unused, np.full(len(unused), junction + 1), DATA)
    return Edges(
        source=np.concatenate(source),
        target=np.concatenate(target),
        kind=np.concatenate(kind),
        operators=everything,
        members=np.concatenate(members) if members else np.zeros(0, np.int64),
    )


def edge_count(graph: Graph) -> int:
    """Data and communication edges between operators, with every pair of a collective counted."""
    count = 0
    for part in graph.parts:
        local = layer_edges(part.body)
        count += local.pair_count + (local.entry.shape[1] if part.layer else 0)
    return count


def pairs(edges: Edges) -> Edges:
    """The same edges with junctions drawn out: every input of a collective to every member."""
    low, high = edges.operators, edges.operators + edges.junctions
    is_in, is_out = (edges.target >= low) & (edges.target < high), (edges.source >= low) & (edges.source < high)
    plain = ~(is_in | is_out)
    into = _by_junction(edges.target[is_in] - low, edges.source[is_in], edges.kind[is_in])
    out = _by_junction(edges.source[is_out] - low, edges.target[is_out], edges.kind[is_out])
    source, target, kind = [edges.source[plain]], [edges.target[plain]], [edges.kind[plain]]
    for junction, (givers, kinds) in into.items():
        takers = out[junction][0]
        source.append(np.repeat(givers, len(takers)))
        target.append(np.tile(takers, len(givers)))
        kind.append(np.repeat(kinds, len(takers)))
    shift = edges.junctions
    moved = [np.where(part >= high, part - shift, part) for part in (np.concatenate(source), np.concatenate(target))]
    return Edges(
        source=moved[0],
        target=moved[1],
        kind=np.concatenate(kind),
        operators=edges.operators,
        members=np.zeros(0, np.int64),
    )


def _by_junction(
    junction: IntArray, row: IntArray, kind: NDArray[np.int8]
) -> dict[int, tuple[IntArray, NDArray[np.int8]]]:
    order = np.argsort(junction, kind="stable")
    numbers, first = np.unique(junction[order], return_index=True)
    rows, kinds = np.split(row[order], first[1:]), np.split(kind[order], first[1:])
    return {int(number): (rows[i], kinds[i]) for i, number in enumerate(numbers)}


def junction_name(graph: Graph, member: int) -> str:
    """Id of the junction of the collective that ``member`` takes part in, such as ``l0_dispatch_start_g0``."""
    name = graph.name(member)
    head, _, tail = name.rpartition("_g")
    return f"{head}_start_g{tail}"
