"""Where nodes stand on the canvas: columns and rows, on a grid, none on another."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from moe_studio.project.cluster import Cluster, Node

Place = tuple[float, float]
"""Column and row on the canvas."""

STEP = 0.5
"""Nodes snap to halves of a card."""


def placed(cluster: Cluster) -> Cluster:
    """The cluster with a place for every node: its own, or the one that the canvas gives it."""
    spots = places(cluster)
    if all(len(node.at) == 2 for node in cluster.nodes) and len({node.at for node in cluster.nodes}) == len(spots):
        return cluster
    return replace(
        cluster, nodes=tuple(replace(node, at=spot) for node, spot in zip(cluster.nodes, spots, strict=True))
    )


def has_places(cluster: Cluster) -> bool:
    """Whether the project says where nodes stand; else the canvas arranges them."""
    return any(len(node.at) == 2 for node in cluster.nodes)


def places(cluster: Cluster, *, columns: int = 0) -> tuple[Place, ...]:
    """Where each node stands: as the project says, else rack by rack, or in ``columns`` columns."""
    given = [node.at for node in cluster.nodes]
    if all(len(at) == 2 for at in given) and len(set(given)) == len(given):
        return tuple(spot_of(node) for node in cluster.nodes)
    racks: dict[str, int] = {}
    for node in cluster.nodes:
        racks.setdefault(node.rack, len(racks))
    if len(racks) > 1:
        return _by_rack(cluster, racks, min(len(racks), columns or math.ceil(math.sqrt(len(racks) * 2))))
    width = columns or math.ceil(math.sqrt(len(given)))
    return tuple((float(number % width), float(number // width)) for number in range(len(given)))


def free_place(taken: Sequence[Place], wanted: Place | None) -> Place:
    """``wanted`` where it is free, else the nearest free place of the grid; without a wish after the last node."""
    if wanted is None:
        last = max((row for _, row in taken), default=0.0)
        wanted = (max((column for column, row in taken if row == last), default=-1.0) + 1, last)
        widest = max((column for column, _ in taken), default=0.0)
        if wanted[0] > max(widest, math.ceil(math.sqrt(len(taken) + 1)) - 1):
            wanted = (0.0, last + 1)
    exact = (_bounded(wanted[0]), _bounded(wanted[1]))
    if not any(is_overlap(exact, item) for item in taken):
        return exact
    column, row = (snapped(value) for value in wanted)
    reach = 0
    while True:
        ring = [
            (column + dx * STEP, row + dy * STEP)
            for dx in range(-reach, reach + 1)
            for dy in range(-reach, reach + 1)
            if max(abs(dx), abs(dy)) == reach
        ]
        free = [spot for spot in ring if not any(is_overlap(spot, item) for item in taken)]
        if free:
            return min(free, key=lambda spot: (abs(spot[0] - column) + abs(spot[1] - row), -spot[0], -spot[1]))
        reach += 1


def is_overlap(first: Place, second: Place) -> bool:
    """Whether cards at two places would cover each other."""
    return abs(first[0] - second[0]) < 1 - 1e-9 and abs(first[1] - second[1]) < 1 - 1e-9


def snapped(value: float) -> float:
    """The nearest step of the grid."""
    return _bounded(round(value / STEP) * STEP)


def _bounded(value: float) -> float:
    return max(-1000.0, min(1000.0, round(value, 3)))


def spot_of(node: Node) -> Place:
    """The place that a node was given; the first for one that has none."""
    return (node.at[0], node.at[1]) if len(node.at) == 2 else (0.0, 0.0)


def from_origin(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Nodes shifted together so that none has a place left of or above 0, 0."""
    left, top = (min(0.0, *(spot_of(node)[axis] for node in nodes)) if nodes else 0.0 for axis in (0, 1))
    spots = [spot_of(node) for node in nodes]
    # Rounded: sums of steps are to stand in the file as a person would write them.
    return tuple(
        replace(node, at=(_bounded(column - left), _bounded(row - top)))
        for node, (column, row) in zip(nodes, spots, strict=True)
    )


def _by_rack(cluster: Cluster, racks: dict[str, int], across: int) -> tuple[Place, ...]:
    """One column for each rack, ``across`` of them side by side."""
    counts = [0] * len(racks)
    spots = []
    tallest = max(sum(node.rack == rack for node in cluster.nodes) for rack in racks)
    for node in cluster.nodes:
        rack = racks[node.rack]
        spots.append((float(rack % across), float(rack // across * tallest + counts[rack])))
        counts[rack] += 1
    return tuple(spots)


def landing(spots: Sequence[Place], chosen: Collection[int], by: Place) -> list[Place]:
    """Where all nodes are after shifting the chosen ones: none on another."""
    result = list(spots)
    taken = [spot for number, spot in enumerate(spots) if number not in chosen]
    for number in sorted(chosen):
        column, row = spots[number]
        result[number] = free_place(taken, (column + by[0], row + by[1]))
        taken.append(result[number])
    return result
