"""Laying a cluster out by hand: adding, removing, copying, moving and changing nodes.

A strategy that no longer divides the GPUs is fitted to them in the same step, and the change says so in words.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from moe_studio.document.fitting import fitted
from moe_studio.document.node_place import (
    STEP,
    Place,
    free_place,
    from_origin,
    is_overlap,
    landing,
    placed,
    spot_of,
)
from moe_studio.errors import ProjectError
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.edit import Edit
from moe_studio.project.project import Project, design_faults
from moe_studio.storage.catalogue import devices_for, load_cluster, load_device

LAST = "A cluster needs at least one node with a GPU; change this one, or add another first."

_NUMBERED = re.compile(r"(.*?)(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutChange:
    """An edit of the cluster, its label for the history, and what else it had to change, in a sentence."""

    label: str
    edit: Edit
    note: str = ""


def add_node(project: Project, device: str, gpus: int, at: Place | None = None) -> LayoutChange:
    """Another machine, at a free place nearest to ``at``."""
    cluster = placed(project.cluster)
    spot = free_place([spot_of(node) for node in cluster.nodes], at)
    node = Node(name=_free_name(cluster, _stem(cluster)), gpus=gpus, device=device, at=spot)
    return _change(project, f"Add {_named(node)}", _with(cluster, (*cluster.nodes, node)))


def duplicate_nodes(project: Project, chosen: Collection[int]) -> LayoutChange:
    """A copy of each node, beside it."""
    cluster = placed(project.cluster)
    for number in sorted(chosen):
        node = project.cluster.nodes[number]
        column, row = spot_of(cluster.nodes[number])
        spot = free_place([spot_of(item) for item in cluster.nodes], (column + 1, row))
        match = _NUMBERED.fullmatch(node.name)
        name = _free_name(cluster, match[1] if match else node.name or "node")
        cluster = _with(cluster, (*cluster.nodes, replace(node, name=name, at=spot)))
    return _change(project, f"Duplicate {_names(project.cluster, chosen)}", cluster)


def remove_nodes(project: Project, chosen: Collection[int]) -> LayoutChange:
    """The cluster without these nodes.

    Raises:
        ProjectError: if none would be left.
    """
    kept = tuple(node for number, node in enumerate(project.cluster.nodes) if number not in chosen)
    if not kept:
        raise ProjectError(LAST)
    return _change(project, f"Remove {_names(project.cluster, chosen)}", _with(project.cluster, kept))


def set_device(project: Project, chosen: Collection[int], device: str) -> LayoutChange:
    """Another kind of GPU in these nodes."""
    nodes = _changed(project.cluster, chosen, device=device)
    label = f"{_title(project.cluster, device)} in {_names(project.cluster, chosen)}"
    return _change(project, label, _with(project.cluster, nodes))


def set_gpus(project: Project, chosen: Collection[int], gpus: int) -> LayoutChange:
    """Another number of GPUs in these nodes.

    Raises:
        ProjectError: if a node would have none.
    """
    if gpus < 1:
        raise ProjectError("A node needs at least one GPU; remove the node instead.")
    nodes = _changed(project.cluster, chosen, gpus=gpus)
    label = f"{gpus} GPU{'s' if gpus > 1 else ''} in {_names(project.cluster, chosen)}"
    return _change(project, label, _with(project.cluster, nodes))


def add_gpus(project: Project, node: int, count: int = 1) -> LayoutChange:
    """More GPUs in a node."""
    return set_gpus(project, [node], project.cluster.nodes[node].gpus + count)


def remove_gpus(project: Project, gpus: Collection[int]) -> LayoutChange:
    """The cluster with as many GPUs fewer in their nodes; a node without any goes, too.

    Raises:
        ProjectError: if none would be left.
    """
    nodes = _resized(project.cluster, Counter(_node_of(project.cluster, gpus)))
    what = f"GPU {min(gpus)}" if len(gpus) == 1 else f"{len(gpus)} GPUs"
    return _change(project, f"Remove {what}", _with(project.cluster, nodes))


def move_gpus(project: Project, gpus: Collection[int], target: int) -> LayoutChange:
    """GPUs taken out of their nodes and put into another; there they are of its kind."""
    cluster = project.cluster
    homes = Counter(node for node in _node_of(cluster, gpus) if node != target)
    nodes = list(cluster.nodes)
    nodes[target] = replace(nodes[target], gpus=nodes[target].gpus + homes.total())
    nodes = _resized(replace(cluster, nodes=tuple(nodes)), homes)
    what = f"GPU {min(gpus)}" if len(gpus) == 1 else f"{len(gpus)} GPUs"
    return _change(project, f"Move {what} to {cluster.nodes[target].name}", _with(cluster, nodes))


def move_nodes(project: Project, chosen: Collection[int], by: Place) -> LayoutChange:
    """Nodes shifted by whole steps; those that would lie on others go to the nearest free place."""
    cluster = placed(project.cluster)
    spots = landing([spot_of(node) for node in cluster.nodes], chosen, by)
    nodes = [replace(node, at=spot) for node, spot in zip(cluster.nodes, spots, strict=True)]
    return _change(project, f"Move {_names(cluster, chosen)}", _with(cluster, from_origin(nodes)))


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
    label = f"Align {_names(cluster, chosen)} in a {along}"
    return _change(project, label, _with(cluster, from_origin(nodes)))


def tidy_nodes(project: Project) -> LayoutChange:
    """Nodes without places of their own: the canvas arranges them."""
    nodes = tuple(replace(node, at=()) for node in project.cluster.nodes)
    return _change(project, "Arrange nodes", _with(project.cluster, nodes))


def put_in_rack(project: Project, chosen: Collection[int]) -> LayoutChange:
    """Nodes put into a new rack: their names then begin with it, as in ``rack0/node3``."""
    cluster = project.cluster
    racks = {node.rack for node in cluster.nodes}
    rack = next(name for number in range(len(racks) + 1) if (name := f"rack{number}") not in racks)
    others = {node.name for number, node in enumerate(cluster.nodes) if number not in chosen}
    nodes = list(cluster.nodes)
    for number in chosen:
        name = f"{rack}/{nodes[number].name.rpartition('/')[2] or f'node{number}'}"
        nodes[number] = replace(nodes[number], name=name if name not in others else f"{name}-{number}")
        others.add(nodes[number].name)
    return _change(project, f"Put {_names(cluster, chosen)} into {rack}", _with(cluster, tuple(nodes)))


def use_preset(project: Project, name: str) -> LayoutChange:
    """The nodes and links of a cluster of the catalogue."""
    return _change(project, f"Cluster {name}", load_cluster(name))


# Words and parts


def _change(project: Project, label: str, cluster: Cluster) -> LayoutChange:
    result, note = fitted(project, cluster)
    assert not design_faults(result)
    return LayoutChange(label=label, edit=lambda _: result, note=note)


def _with(cluster: Cluster, nodes: Sequence[Node]) -> Cluster:
    """The cluster with other nodes, and the devices of the catalogue that these use."""
    new = devices_for(nodes, {**cluster.devices, **cluster.catalogue})
    used = {node.device for node in nodes}
    known = {name: device for name, device in cluster.catalogue.items() if name in used}
    return replace(cluster, nodes=tuple(nodes), catalogue={**known, **new})


def _changed(cluster: Cluster, chosen: Collection[int], **values: object) -> tuple[Node, ...]:
    return tuple(
        replace(node, **values) if number in chosen else node  # type: ignore[arg-type]
        for number, node in enumerate(cluster.nodes)
    )


def _node_of(cluster: Cluster, gpus: Collection[int]) -> list[int]:
    nodes = cluster.node_of_gpu()
    return [nodes[gpu] for gpu in gpus]


def _resized(cluster: Cluster, fewer: Mapping[int, int]) -> list[Node]:
    """The nodes with other numbers of GPUs, without those that have none left."""
    left = [(node, node.gpus - fewer.get(number, 0)) for number, node in enumerate(cluster.nodes)]
    kept = [replace(node, gpus=gpus) if gpus != node.gpus else node for node, gpus in left if gpus > 0]
    if not kept:
        raise ProjectError(LAST)
    return kept


def _stem(cluster: Cluster) -> str:
    match = _NUMBERED.fullmatch(cluster.nodes[-1].name)
    return match[1] if match else "node"


def _free_name(cluster: Cluster, stem: str) -> str:
    names = {node.name for node in cluster.nodes}
    return next(name for number in range(len(names) + 1) if (name := f"{stem}{number}") not in names)


def _named(node: Node) -> str:
    return f"{node.name} with {node.gpus} GPU{'s' if node.gpus > 1 else ''}"


def _names(cluster: Cluster, chosen: Collection[int]) -> str:
    numbers = sorted(chosen)
    if len(numbers) > 2:
        return f"{len(numbers)} nodes"
    return " and ".join(cluster.nodes[number].name or f"node {number}" for number in numbers)


def _title(cluster: Cluster, device: str) -> str:
    found = cluster.devices.get(device) or cluster.catalogue.get(device) or load_device(device)
    return found.title or device
