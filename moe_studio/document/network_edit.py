"""Drawing the network: nodes into racks and out of them, and what the tiers of the network carry."""

from collections.abc import Collection
from dataclasses import replace

from moe_studio.document.layout_change import LayoutChange, laid_out, node_names, with_nodes
from moe_studio.document.node_place import free_place, has_places, placed, spot_of
from moe_studio.errors import ProjectError
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.project import Project

TIERS = {"intra": "inside nodes", "rack": "inside racks", "inter": "between nodes"}
"""The tiers of the network, from the inside out, and what they are called."""


def tier_title(cluster: Cluster, tier: str) -> str:
    """What a tier of ``cluster`` is called: the outermost joins racks where racks have links of their own."""
    return "between racks" if tier == "inter" and cluster.links.rack else TIERS[tier]


def move_to_rack(project: Project, chosen: Collection[int], rack: str | None = None) -> LayoutChange:
    """Nodes put into a rack: their names then begin with it, as in ``rack0/node3``.

    Without ``rack`` into a new one; with an empty name into none.
    """
    cluster = project.cluster
    target = new_rack(cluster) if rack is None else rack
    taken = {node.name for number, node in enumerate(cluster.nodes) if number not in chosen}
    nodes = list(cluster.nodes)
    for number in sorted(chosen):
        nodes[number] = replace(nodes[number], name=_name_in(target, nodes[number], number, taken))
        taken.add(nodes[number].name)
    what = node_names(cluster, chosen)
    label = f"Put {what} into {target}" if target else f"Take {what} out of the rack"
    return laid_out(project, label, with_nodes(cluster, nodes))


def add_rack(project: Project) -> LayoutChange:
    """Another rack like the last one; where there are none, one with a copy of the last node."""
    cluster = placed(project.cluster) if has_places(project.cluster) else project.cluster
    last = cluster.nodes[-1].rack
    models = [node for node in cluster.nodes if node.rack == last] if last else [cluster.nodes[-1]]
    rack, nodes = new_rack(cluster), list(cluster.nodes)
    across = max(spot_of(node)[0] for node in cluster.nodes) + 1 - min(spot_of(node)[0] for node in models)
    for number, model in enumerate(models):
        column, row = spot_of(model)
        at = free_place([spot_of(node) for node in nodes], (column + across, row)) if has_places(cluster) else ()
        nodes.append(replace(model, name=f"{rack}/node{number}", at=at))
    return laid_out(project, f"Add {rack}", with_nodes(cluster, nodes))


def set_tier(project: Project, tier: str, gb_s: float | None) -> LayoutChange:
    """Another bandwidth per GPU for one of `TIERS`; None takes the links of racks away.

    Racks that had no links of their own get them with the latency of the links between nodes.

    Raises:
        ProjectError: if the bandwidth is out of range, or the tier cannot be taken away.
    """
    links = project.cluster.links
    title = tier_title(project.cluster, tier)
    if gb_s is None:
        if tier != "rack":
            raise ProjectError(f"The links {title} need a bandwidth above 0 GB/s.")
        return laid_out(project, "Racks without links of their own", _with_links(project.cluster, tier, None))
    link = replace(getattr(links, tier) or replace(links.inter, oversubscription=1.0), gb_s=gb_s)
    return laid_out(project, f"{gb_s:g} GB/s {title}", _with_links(project.cluster, tier, link))


def new_rack(cluster: Cluster) -> str:
    """The first name for a rack that none has."""
    racks = {node.rack for node in cluster.nodes}
    return next(name for number in range(len(racks) + 1) if (name := f"rack{number}") not in racks)


def _with_links(cluster: Cluster, tier: str, link: object) -> Cluster:
    return replace(cluster, links=replace(cluster.links, **{tier: link}))  # type: ignore[arg-type]


def _name_in(rack: str, node: Node, number: int, taken: Collection[str]) -> str:
    """The name of a node in ``rack``, its own if it can be."""
    own = node.name.rpartition("/")[2] or f"node{number}"
    first = f"{rack}/{own}" if rack else own
    return next(
        name for name in (first, *(f"{first}-{copy}" for copy in range(2, len(taken) + 3))) if name not in taken
    )
