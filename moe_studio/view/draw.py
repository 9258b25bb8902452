"""Turns rows and edges of an operator graph into nodes and edges of a view."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.edge import COMMUNICATION, KIND_NAMES, ORDER, Edges, data_edges, junction_name, pairs
from moe_studio.graph.graph import Part
from moe_studio.view.label import Labeller, gpu_text
from moe_studio.view.node import Section, ViewEdge, ViewNode, end_node

IntArray = NDArray[np.int64]


class Drawer:
    """Turns rows and edges of the graph into those of a view."""

    def __init__(self, evaluation: Evaluation, name: Callable[[int], str], *, has_phases: bool = True) -> None:
        self.evaluation, self.graph, self.name = evaluation, evaluation.graph, name
        self.edges = data_edges(self.graph)
        self.labeller = Labeller(evaluation, name, has_phases=has_phases)
        self.steps = path_steps(self.edges, evaluation.scheduled_path.rows)

    def node_id(self, number: int) -> str:
        """Id of an operator, junction, ``input`` or ``output``."""
        edges = self.edges
        if number < edges.operators:
            return self.name(number)
        if number < edges.input:
            return junction_name(self.graph, int(edges.members[number - edges.operators]))
        return "input" if number == edges.input else "output"

    def selected(self, title: str, part: Part, rows: IntArray, has_pairs: bool) -> Section:
        """The section of some rows, with what lies outside as two nodes."""
        kept = self._kept(rows + part.first)
        inner, before, after = self._cut(kept)
        meetings = np.flatnonzero(kept[self.edges.operators : self.edges.input]) + self.edges.operators
        if has_pairs:
            inner, meetings = pairs(inner), meetings[:0]
        nodes = [self.labeller.node(part, int(row)) for row in rows]
        ids = {node.row: node.id for node in nodes}
        nodes += [self.junction(int(number)) for number in meetings]
        ids |= {int(number): self.node_id(int(number)) for number in meetings}
        ends = {inner.input: self._outside(before, "before"), inner.output: self._outside(after, "after")}
        ids |= {number: node.id for number, node in ends.items() if node is not None}
        first, last = ([node] if node is not None else [] for node in ends.values())
        drawn = self._drawn(inner, ids, frozenset() if has_pairs else self.steps.by_junction)
        return Section(title=title, nodes=(*first, *nodes, *last), edges=tuple(drawn))

    def _kept(self, rows: IntArray) -> NDArray[np.bool_]:
        """Which nodes belong to a view: its operators, and the junctions that they wait in or feed."""
        edges, kept = self.edges, np.zeros(self.edges.nodes, bool)
        kept[rows] = True
        number = np.arange(edges.nodes)
        is_junction = (number >= edges.operators) & (number < edges.input)
        fed = edges.target[kept[edges.source] & is_junction[edges.target]]
        awaited = edges.source[kept[edges.target] & is_junction[edges.source]]
        kept[fed] = True
        kept[awaited] = True
        return kept

    def _cut(self, kept: NDArray[np.bool_]) -> tuple[Edges, IntArray, IntArray]:
        """The edges of a view, with ``input`` and ``output`` for what lies outside, and what that is."""
        edges = self.edges
        used = kept[edges.source] | kept[edges.target]
        source, target, kind = edges.source[used], edges.target[used], edges.kind[used]
        before, after = source[~kept[source]], target[~kept[target]]
        source, target = np.where(kept[source], source, edges.input), np.where(kept[target], target, edges.output)
        found = np.unique(np.stack([source, target, kind]), axis=1)
        inner = replace(edges, source=found[0], target=found[1], kind=found[2].astype(np.int8))
        return inner, before, after

    def _drawn(self, inner: Edges, ids: dict[int, str], meeting: frozenset[tuple[int, int]]) -> Iterator[ViewEdge]:
        steps = self.steps
        for source, target, kind in zip(inner.source.tolist(), inner.target.tolist(), inner.kind.tolist(), strict=True):
            if source != inner.input or target != inner.output:
                marked = (source, target) in steps.links or (source, target) in meeting
                yield ViewEdge(source=ids[source], target=ids[target], kind=KIND_NAMES[kind], on_path=marked)
        for source, target in steps.orders:
            if source in ids and target in ids:
                yield ViewEdge(source=ids[source], target=ids[target], kind=KIND_NAMES[ORDER], on_path=True)

    def whole_edges(self, indices: IntArray, orders: list[tuple[int, int]]) -> Iterator[ViewEdge]:
        """Some edges of the whole graph, and steps of the longest path that follow a stream alone."""
        edges, steps, name = self.edges, self.steps, self.node_id
        columns = (edges.source[indices].tolist(), edges.target[indices].tolist(), edges.kind[indices].tolist())
        for source, target, kind in zip(*columns, strict=True):
            marked = (source, target) in steps.links or (source, target) in steps.by_junction
            yield ViewEdge(source=name(source), target=name(target), kind=KIND_NAMES[kind], on_path=marked)
        for source, target in orders:
            yield ViewEdge(source=name(source), target=name(target), kind=KIND_NAMES[ORDER], on_path=True)

    def junction(self, number: int) -> ViewNode:
        """The point where the members of a collective meet."""
        graph, edges = self.graph, self.edges
        part, local = graph.part_of(int(edges.members[number - edges.operators]))
        member = self.labeller.node(part, local)
        name = self.node_id(number)
        gpus = gpu_text(graph.gpu[edges.target[edges.source == number]].tolist())
        return ViewNode(
            id=name,
            lines=(name, gpus, f"{member.op} starts on all of them together"),
            op="start",
            family="communication",
            shape="point",
            cluster=member.cluster[:1],
            column=member.column,
            layer=member.layer,
            micro_batch=member.micro_batch,
            stage=member.stage,
            replica=member.replica,
            start_s=member.start_s,
        )

    def _outside(self, numbers: IntArray, name: str) -> ViewNode | None:
        """One node for everything that feeds a selection, or that it feeds."""
        if not len(numbers):
            return None
        rows = np.unique(numbers[numbers < self.edges.operators])
        if not len(rows):
            return end_node("input" if name == "before" else "output")
        found: dict[str, list[int]] = {}
        for row in rows.tolist():
            found.setdefault(f"layer {self.graph.layer[row]} {self.graph.kind_name(row)}", []).append(
                int(self.graph.gpu[row])
            )
        lines = tuple(f"{what} · {gpu_text(gpus)}" for what, gpus in list(found.items())[:4])
        return ViewNode(id=name, lines=(name, *lines), op=name, family="boundary", shape="parallelogram")


@dataclass(frozen=True, slots=True)
class PathSteps:
    """Steps of the longest path as pairs of rows: ``links`` along edges, ``orders`` along a stream alone.

    ``by_junction``: the edges into and out of junctions that links go through.
    """

    links: dict[tuple[int, int], int]
    orders: tuple[tuple[int, int], ...]
    by_junction: frozenset[tuple[int, int]]


def path_steps(edges: Edges, rows: IntArray) -> PathSteps:
    """What kind of edge each step of the path ``rows`` takes."""
    on_path = np.zeros(edges.nodes, bool)
    on_path[rows] = True
    direct: dict[tuple[int, int], int] = {}
    into: dict[int, set[int]] = {}
    out_of: dict[int, int] = {}
    for index in np.flatnonzero(on_path[edges.source] | on_path[edges.target]).tolist():
        source, target, kind = int(edges.source[index]), int(edges.target[index]), int(edges.kind[index])
        if source >= edges.operators:
            if source < edges.input:
                out_of[target] = source
        elif target < edges.operators:
            direct[source, target] = kind
        elif target < edges.input:
            into.setdefault(source, set()).add(target)
    links, orders, through = {}, [], set()
    for source, target in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True):
        junction = out_of.get(target, -1)
        if (source, target) in direct:
            links[source, target] = direct[source, target]
        elif junction in into.get(source, ()):
            links[source, target] = COMMUNICATION
            through |= {(source, junction), (junction, target)}
        else:
            orders.append((source, target))
    return PathSteps(links, tuple(orders), frozenset(through))
