"""What every change of the layout has in common: a label, the strategy fitted to the GPUs, names of nodes."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from moe_studio.document.fitting import fitted
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.edit import Edit
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import devices_for

NUMBERED = re.compile(r"(.*?)(\d+)")
"""A name that ends in a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutChange:
    """An edit of the cluster, its label for the history, and what else it had to change, in a sentence."""

    label: str
    edit: Edit
    note: str = ""


def laid_out(project: Project, label: str, cluster: Cluster) -> LayoutChange:
    """The change that gives ``project`` another cluster."""
    result, note = fitted(project, cluster)
    return LayoutChange(label=label, edit=lambda _: result, note=note)


def with_nodes(cluster: Cluster, nodes: Sequence[Node]) -> Cluster:
    """The cluster with other nodes, and the devices of the catalogue that these use."""
    new = devices_for(nodes, {**cluster.devices, **cluster.catalogue})
    used = {node.device for node in nodes}
    known = {name: device for name, device in cluster.catalogue.items() if name in used}
    return replace(cluster, nodes=tuple(nodes), catalogue={**known, **new})


def name_stem(cluster: Cluster) -> str:
    """What the name of the last node begins with, before its number."""
    match = NUMBERED.fullmatch(cluster.nodes[-1].name)
    return match[1] if match else "node"


def free_name(cluster: Cluster, stem: str, taken: Collection[str] = ()) -> str:
    """The first name of this beginning that no node has, and that is not ``taken``."""
    names = {node.name for node in cluster.nodes}.union(taken)
    return next(name for number in range(len(names) + 1) if (name := f"{stem}{number}") not in names)


def node_names(cluster: Cluster, chosen: Collection[int]) -> str:
    """Nodes in words: two by name, more as a number."""
    numbers = sorted(chosen)
    if len(numbers) > 2:
        return f"{len(numbers)} nodes"
    return " and ".join(map(cluster.node_title, numbers))
