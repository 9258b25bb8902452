"""Arranging nodes on the canvas: moving, aligning, distributing; the design computes the same as before."""

from collections.abc import Collection
from dataclasses import replace

from moe_studio.document.layout_change import LayoutChange, laid_out, node_names, with_nodes
from moe_studio.document.node_place import STEP, Place, free_place, from_origin, is_overlap, landing, placed, spot_of
from moe_studio.errors import ProjectError
from moe_studio.project.project import Project


def move_nodes(project: Project, chosen: Collection[int], by: Place) -> LayoutChange:
    """Nodes shifted by whole steps; those that would lie on others go to the nearest free place."""
    cluster = placed(project.cluster)
    spots = landing([spot_of(node) for node in cluster.nodes], chosen, by)
    nodes = [replace(node, at=spot) for node, spot in zip(cluster.nodes, spots, strict=True)]
    return laid_out(project, f"Move {node_names(cluster, chosen)}", with_nodes(cluster, from_origin(nodes)))


def align_nodes(project: Project, chosen: Collection[int], along: str) -> LayoutChange:
    """Nodes brought into one ``row`` or ``column``, that of the first of them."""
    cluster = placed(project.cluster)
    axis = 1 if along == "row" else 0
    order = sorted(chosen, key=lambda number: (spot_of(cluster.nodes[number])[1 - axis], number))
    if not order:
        raise ProjectError("Select the nodes to align first.")
    line = spot_of(cluster.nodes[min(chosen)])[axis]
    taken = [spot_of(node) for number, node in enumerate(cluster.nodes) if number not in chosen]
    nodes = list(cluster.nodes)
    for number in order:
        other = spot_of(nodes[number])[1 - axis]
        spot = (line, other) if axis == 0 else (other, line)
        while any(is_overlap(spot, item) for item in taken):
            spot = (spot[0], spot[1] + STEP) if axis == 0 else (spot[0] + STEP, spot[1])
        taken.append(spot)
        nodes[number] = replace(nodes[number], at=spot)
    label = f"Align {node_names(cluster, chosen)} in a {along}"
    return laid_out(project, label, with_nodes(cluster, from_origin(nodes)))


def distribute_nodes(project: Project, chosen: Collection[int], along: str) -> LayoutChange:
    """Nodes moved along a ``row`` or ``column`` so that the steps between neighbours are equal; the ends stay.

    Raises:
        ProjectError: if there are fewer than three.
    """
    if len(chosen) < 3:
        raise ProjectError("Select three nodes or more to distribute them.")
    cluster = placed(project.cluster)
    axis = 0 if along == "row" else 1
    spots = [spot_of(node) for node in cluster.nodes]
    order = sorted(chosen, key=lambda number: (spots[number][axis], spots[number][1 - axis], number))
    first, last = spots[order[0]][axis], spots[order[-1]][axis]
    taken = [spot for number, spot in enumerate(spots) if number not in chosen]
    for place, number in enumerate(order):
        value = round(first + (last - first) * place / (len(order) - 1), 3)
        spot = (value, spots[number][1]) if axis == 0 else (spots[number][0], value)
        spots[number] = free_place(taken, spot)
        taken.append(spots[number])
    nodes = [replace(node, at=spot) for node, spot in zip(cluster.nodes, spots, strict=True)]
    label = f"Distribute {node_names(cluster, chosen)} along a {along}"
    return laid_out(project, label, with_nodes(cluster, from_origin(nodes)))


def tidy_nodes(project: Project) -> LayoutChange:
    """Nodes without places of their own: the canvas arranges them."""
    nodes = tuple(replace(node, at=()) for node in project.cluster.nodes)
    return laid_out(project, "Arrange nodes", with_nodes(project.cluster, nodes))
