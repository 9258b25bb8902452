"""One operator with all that it takes from and gives to; many alike stand together in one node."""

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.errors import MoeStudioError
from moe_studio.graph.edge import COMMUNICATION, KIND_NAMES, ORDER
from moe_studio.graph.graph import Graph
from moe_studio.units import time_text
from moe_studio.view.draw import Drawer
from moe_studio.view.label import gpu_text
from moe_studio.view.node import Section, ViewEdge, ViewGraph, ViewNode, end_node

_ID = re.compile(r"l(\d{1,9})_\w+?(?:_m(\d{1,9}))?")

MOST_ALIKE = 4
"""Operators of one kind and layer that are drawn one by one; more stand in one node."""


def one_operator(evaluation: Evaluation, name: str) -> ViewGraph:
    """The operator ``name`` with its inputs and its users.

    Raises:
        MoeStudioError: if there is no such operator.
    """
    graph = evaluation.graph
    row = _row_of(graph, name)
    if row < 0:
        example = graph.name(0)
        raise MoeStudioError(f"There is no operator {name[:60]!r}; one that there is: {example}.")
    maker = _Maker(evaluation, row)
    before, after = maker.side(is_before=True), maker.side(is_before=False)
    nodes = (*(node for node, _ in before), maker.own, *(node for node, _ in after))
    edges = [_edge(node, maker.own, kind) for node, kind in before]
    edges += [_edge(maker.own, node, kind) for node, kind in after]
    title = f"{name}, what it takes and what takes it"
    section = Section(title=title, nodes=nodes, edges=tuple(edges))
    return ViewGraph(name="operator", title=title, subtitle=evaluation.project.name, sections=(section,))


def _row_of(graph: Graph, name: str) -> int:
    """The row of an id, -1 if there is none; looked up in its layer alone."""
    found = _ID.fullmatch(name)
    if found is None:
        return -1
    number = int(found[1]) * graph.project.workload.micro_batches + int(found[2] or 0)
    if number >= len(graph.parts):
        return -1
    part = graph.parts[number]
    return next((row for row in range(part.first, part.first + len(part.body)) if graph.name(row) == name), -1)


def _edge(source: ViewNode, target: ViewNode, kind: int) -> ViewEdge:
    is_path = source.on_path and target.on_path
    return ViewEdge(source=source.id, target=target.id, kind=KIND_NAMES[kind], on_path=is_path)


class _Maker:
    """Makes the nodes around one operator."""

    def __init__(self, evaluation: Evaluation, row: int) -> None:
        self.evaluation, self.graph, self.row = evaluation, evaluation.graph, row
        self.drawer = Drawer(evaluation, evaluation.graph.name)
        self.own = self._node(row)

    def _node(self, row: int) -> ViewNode:
        """An operator with when it runs and how long it may wait."""
        node = self.drawer.labeller.node(*self.graph.part_of(row))
        slack = f"slack {time_text(node.slack_s)}" if node.slack_s else "no slack"
        when = f"{node.lines[-1]} from {time_text(node.start_s)} on, {slack}"
        return replace(node, lines=(*node.lines[:-1], when), cluster=node.cluster[1:])

    def side(self, *, is_before: bool) -> list[tuple[ViewNode, int]]:
        """What the operator takes, or what takes it, each with the kind of its edge."""
        edges = self.drawer.edges
        here, there = (edges.target, edges.source) if is_before else (edges.source, edges.target)
        found = np.flatnonzero(here == self.row)
        kinds = dict(zip(there[found].tolist(), edges.kind[found].tolist(), strict=True))
        meetings = [number for number in kinds if edges.operators <= number < edges.input]
        for meeting in meetings:
            del kinds[meeting]
            kinds |= dict.fromkeys(there[here == meeting].tolist(), COMMUNICATION)
        neighbour = self._on_stream(is_before=is_before)
        if neighbour >= 0 and neighbour not in kinds:
            kinds[neighbour] = ORDER
        return [(node, kinds[numbers[0]]) for numbers in self._alike(sorted(kinds)) for node in self._drawn(numbers)]

    def _on_stream(self, *, is_before: bool) -> int:
        """The operator that the longest path reaches along the stream alone, -1 for none."""
        for source, target in self.drawer.steps.orders:
            if self.row == (target if is_before else source):
                return source if is_before else target
        return -1

    def _alike(self, numbers: Iterable[int]) -> list[list[int]]:
        """Operators of one kind and layer together."""
        groups: dict[tuple[int, int], list[int]] = {}
        for number in numbers:
            is_operator = number < self.drawer.edges.operators
            key = (int(self.graph.layer[number]), int(self.graph.op[number])) if is_operator else (-1, number)
            groups.setdefault(key, []).append(number)
        return list(groups.values())

    def _drawn(self, numbers: list[int]) -> list[ViewNode]:
        edges = self.drawer.edges
        if numbers[0] >= edges.operators:
            return [end_node("input" if numbers[0] == edges.input else "output")]
        if len(numbers) <= MOST_ALIKE:
            return [self._node(number) for number in numbers]
        first = self._node(numbers[0])
        gpus = gpu_text(self.graph.gpu[numbers].tolist())
        times = self.evaluation.finish_s[numbers]
        return [
            replace(
                first,
                id=f"{len(numbers)}_{first.id}",
                lines=(
                    f"{len(numbers)} × {first.op}",
                    f"layer {first.layer} · {gpus}",
                    f"done at {time_text(float(times.min()))} – {time_text(float(times.max()))}",
                ),
                row=-1,
                gpu=-1,
                cluster=(),
                on_path=bool(np.isin(numbers, self.evaluation.scheduled_path.rows).any()),
            )
        ]
