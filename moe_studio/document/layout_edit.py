"""Laying a cluster out by hand: adding, removing, copying, moving and changing nodes.

A strategy that no longer divides the GPUs is fitted to them in the same step, and the change says so in words.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from moe_studio.document.layout_change import (
    NUMBERED,
    LayoutChange,
    free_name,
    laid_out,
    name_stem,
    node_names,
    with_nodes,
)
from moe_studio.document.node_place import Place, free_place, has_places, placed, spot_of
from moe_studio.document.placing import gpus_phrase
from moe_studio.errors import ProjectError
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_cluster, load_device

LAST = "A cluster needs at least one node with a GPU; change this one, or add another first."


def add_node(
    project: Project, device: str = "", gpus: int = 0, at: Place | None = None, *, rack: str | None = None
) -> LayoutChange:
    """Another machine, like the last one where nothing else is said, at a free place nearest to ``at``.

    It goes into ``rack``, with an empty name into none.
    """
    cluster, last = project.cluster, project.cluster.nodes[-1]
    spot: Sequence[float] = ()
    if at is not None or has_places(cluster):
        cluster = placed(cluster)
        spot = free_place([spot_of(node) for node in cluster.nodes], at)
    stem = name_stem(cluster)
    if rack is not None:
        stem = f"{rack}/{stem.rpartition('/')[2]}".removeprefix("/")
    name = free_name(cluster, stem)
    node = Node(name=name, gpus=gpus or last.gpus, device=device or last.device, at=tuple(spot))
    return laid_out(project, f"Add {_named(node)}", with_nodes(cluster, (*cluster.nodes, node)))


def duplicate_nodes(project: Project, chosen: Collection[int]) -> LayoutChange:
    """A copy of each node, beside it."""
    is_placed = has_places(project.cluster)
    cluster = placed(project.cluster) if is_placed else project.cluster
    for number in sorted(chosen):
        node = cluster.nodes[number]
        column, row = spot_of(node)
        spot = free_place([spot_of(item) for item in cluster.nodes], (column + 1, row)) if is_placed else ()
        match = NUMBERED.fullmatch(node.name)
        name = free_name(cluster, match[1] if match else node.name or "node")
        cluster = with_nodes(cluster, (*cluster.nodes, replace(node, name=name, at=spot)))
    return laid_out(project, f"Duplicate {node_names(project.cluster, chosen)}", cluster)


def remove_nodes(project: Project, chosen: Collection[int]) -> LayoutChange:
    """The cluster without these nodes.

    Raises:
        ProjectError: if none would be left.
    """
    kept = tuple(node for number, node in enumerate(project.cluster.nodes) if number not in chosen)
    if not kept:
        raise ProjectError(LAST)
    return laid_out(project, f"Remove {node_names(project.cluster, chosen)}", with_nodes(project.cluster, kept))


def set_device(project: Project, chosen: Collection[int], device: str) -> LayoutChange:
    """Another kind of GPU in these nodes."""
    nodes = _changed(project.cluster, chosen, device=device)
    label = f"{_title(project.cluster, device)} in {node_names(project.cluster, chosen)}"
    return laid_out(project, label, with_nodes(project.cluster, nodes))


def set_gpus(project: Project, chosen: Collection[int], gpus: int) -> LayoutChange:
    """Another number of GPUs in these nodes.

    Raises:
        ProjectError: if a node would have none.
    """
    if gpus < 1:
        raise ProjectError("A node needs at least one GPU; remove the node instead.")
    nodes = _changed(project.cluster, chosen, gpus=gpus)
    label = f"{gpus} GPU{'s' if gpus > 1 else ''} in {node_names(project.cluster, chosen)}"
    return laid_out(project, label, with_nodes(project.cluster, nodes))


def add_gpus(project: Project, node: int, count: int = 1) -> LayoutChange:
    """More GPUs in a node."""
    return set_gpus(project, [node], project.cluster.nodes[node].gpus + count)


def duplicate_gpus(project: Project, gpus: Collection[int]) -> LayoutChange:
    """One more GPU for each of these, in its node."""
    more = Counter(_node_of(project.cluster, gpus))
    nodes = _resized(project.cluster, {node: -count for node, count in more.items()})
    return laid_out(project, f"Duplicate {gpus_phrase(gpus)}", with_nodes(project.cluster, nodes))


def remove_gpus(project: Project, gpus: Collection[int]) -> LayoutChange:
    """The cluster with as many GPUs fewer in their nodes; a node without any goes, too.

    Raises:
        ProjectError: if none would be left.
    """
    nodes = _resized(project.cluster, Counter(_node_of(project.cluster, gpus)))
    return laid_out(project, f"Remove {gpus_phrase(gpus)}", with_nodes(project.cluster, nodes))


def move_gpus(project: Project, gpus: Collection[int], target: int) -> LayoutChange:
    """GPUs taken out of their nodes and put into another; there they are of its kind."""
    cluster = project.cluster
    homes = Counter(node for node in _node_of(cluster, gpus) if node != target)
    nodes = list(cluster.nodes)
    nodes[target] = replace(nodes[target], gpus=nodes[target].gpus + homes.total())
    nodes = _resized(replace(cluster, nodes=tuple(nodes)), homes)
    return laid_out(project, f"Move {gpus_phrase(gpus)} to {cluster.nodes[target].name}", with_nodes(cluster, nodes))


def use_preset(project: Project, name: str) -> LayoutChange:
    """The nodes and links of a cluster of the catalogue."""
    return laid_out(project, f"Cluster {name}", load_cluster(name))


# Parts


def _named(node: Node) -> str:
    return f"{node.name} with {node.gpus} GPU{'s' if node.gpus > 1 else ''}"


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


def _title(cluster: Cluster, device: str) -> str:
    found = cluster.devices.get(device) or cluster.catalogue.get(device) or load_device(device)
    return found.title or device
