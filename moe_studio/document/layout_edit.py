"""Laying a cluster out by hand: adding, removing, copying, moving and changing nodes.

A strategy that no longer divides the GPUs is fitted to them in the same step, and the change says so in words.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from moe_studio.engine.evaluation import check_size
from moe_studio.errors import ProjectError
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.design import Move, Parallel
from moe_studio.project.edit import Edit
from moe_studio.project.project import Project, design_faults
from moe_studio.storage.catalogue import devices_for, load_cluster, load_device

Place = tuple[float, float]
"""Column and row on the canvas."""

STEP = 0.5
"""Nodes snap to halves of a card."""

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
    spot = free_place([_at(node) for node in cluster.nodes], at)
    node = Node(name=_free_name(cluster, _stem(cluster)), gpus=gpus, device=device, at=spot)
    return _change(project, f"Add {_named(node)}", _with(cluster, (*cluster.nodes, node)))


def duplicate_nodes(project: Project, chosen: Collection[int]) -> LayoutChange:
    """A copy of each node, beside it."""
    cluster = placed(project.cluster)
    for number in sorted(chosen):
        node = project.cluster.nodes[number]
        column, row = _at(cluster.nodes[number])
        spot = free_place([_at(item) for item in cluster.nodes], (column + 1, row))
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
    spots = landing([_at(node) for node in cluster.nodes], chosen, by)
    nodes = [replace(node, at=spot) for node, spot in zip(cluster.nodes, spots, strict=True)]
    return _change(project, f"Move {_names(cluster, chosen)}", _with(cluster, _from_origin(nodes)))


def landing(spots: Sequence[Place], chosen: Collection[int], by: Place) -> list[Place]:
    """Where all nodes are after shifting the chosen ones: on the grid, and none on another."""
    result = list(spots)
    taken = [spot for number, spot in enumerate(spots) if number not in chosen]
    for number in sorted(chosen):
        column, row = spots[number]
        result[number] = free_place(taken, (_snapped(column + by[0]), _snapped(row + by[1])))
        taken.append(result[number])
    return result


def align_nodes(project: Project, chosen: Collection[int], along: str) -> LayoutChange:
    """Nodes brought into one ``row`` or ``column``, that of the first of them."""
    cluster = placed(project.cluster)
    axis = 1 if along == "row" else 0
    order = sorted(chosen, key=lambda number: (_at(cluster.nodes[number])[1 - axis], number))
    if not order:
        raise ProjectError("Select the nodes to align first.")
    line = _at(cluster.nodes[min(chosen)])[axis]
    taken = [_at(node) for number, node in enumerate(cluster.nodes) if number not in chosen]
    nodes = list(cluster.nodes)
    for number in order:
        other = _at(nodes[number])[1 - axis]
        spot = (line, other) if axis == 0 else (other, line)
        while any(_overlap(spot, item) for item in taken):
            spot = (spot[0], spot[1] + STEP) if axis == 0 else (spot[0] + STEP, spot[1])
        taken.append(spot)
        nodes[number] = replace(nodes[number], at=spot)
    label = f"Align {_names(cluster, chosen)} in a {along}"
    return _change(project, label, _with(cluster, _from_origin(nodes)))


def tidy_nodes(project: Project) -> LayoutChange:
    """Nodes without places of their own: the canvas arranges them."""
    nodes = tuple(replace(node, at=()) for node in project.cluster.nodes)
    return _change(project, "Arrange nodes", _with(project.cluster, nodes))


def put_in_rack(project: Project, chosen: Collection[int]) -> LayoutChange:
    """Nodes put into a new rack: their names then begin with it, as in ``rack0/node3``."""
    cluster = project.cluster
    racks = {rack_of(node) for node in cluster.nodes}
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


def rack_of(node: Node) -> str:
    """The rack in a node's name, such as ``rack0`` in ``rack0/node3``; empty for none."""
    return node.name.rpartition("/")[0]


# Places


def placed(cluster: Cluster) -> Cluster:
    """The cluster with a place for every node: its own, or the one that the canvas gives it."""
    spots = places(cluster)
    if all(len(node.at) == 2 for node in cluster.nodes) and len({node.at for node in cluster.nodes}) == len(spots):
        return cluster
    return _with(cluster, tuple(replace(node, at=spot) for node, spot in zip(cluster.nodes, spots, strict=True)))


def places(cluster: Cluster, *, columns: int = 0) -> tuple[Place, ...]:
    """Where each node stands: as the project says, else rack by rack, or in ``columns`` columns."""
    given = [node.at for node in cluster.nodes]
    if all(len(at) == 2 for at in given) and len(set(given)) == len(given):
        return tuple(_at(node) for node in cluster.nodes)
    racks: dict[str, int] = {}
    for node in cluster.nodes:
        racks.setdefault(rack_of(node), len(racks))
    if len(racks) > 1:
        return _by_rack(cluster, racks, min(len(racks), columns or math.ceil(math.sqrt(len(racks) * 2))))
    width = columns or math.ceil(math.sqrt(len(given)))
    return tuple((float(number % width), float(number // width)) for number in range(len(given)))


def free_place(taken: Sequence[Place], wanted: Place | None) -> Place:
    """The free place nearest to ``wanted``; without a wish behind the last node of the last row."""
    if wanted is None:
        last = max((row for _, row in taken), default=0.0)
        wanted = (max((column for column, row in taken if row == last), default=-1.0) + 1, last)
        widest = max((column for column, _ in taken), default=0.0)
        if wanted[0] > max(widest, math.ceil(math.sqrt(len(taken) + 1)) - 1):
            wanted = (0.0, last + 1)
    column, row = (_snapped(value) for value in wanted)
    reach = 0
    while True:
        ring = [
            (column + dx * STEP, row + dy * STEP)
            for dx in range(-reach, reach + 1)
            for dy in range(-reach, reach + 1)
            if max(abs(dx), abs(dy)) == reach
        ]
        free = [spot for spot in ring if not any(_overlap(spot, item) for item in taken)]
        if free:
            return min(free, key=lambda spot: (abs(spot[0] - column) + abs(spot[1] - row), -spot[0], -spot[1]))
        reach += 1


def _overlap(first: Place, second: Place) -> bool:
    return abs(first[0] - second[0]) < 1 - 1e-9 and abs(first[1] - second[1]) < 1 - 1e-9


def _snapped(value: float) -> float:
    return max(-1000.0, min(1000.0, round(value / STEP) * STEP))


def _at(node: Node) -> Place:
    return (node.at[0], node.at[1]) if len(node.at) == 2 else (0.0, 0.0)


def _from_origin(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Nodes shifted together so that none has a place left of or above 0, 0."""
    left, top = (min(0.0, *(_at(node)[axis] for node in nodes)) if nodes else 0.0 for axis in (0, 1))
    return tuple(replace(node, at=(_at(node)[0] - left, _at(node)[1] - top)) for node in nodes)


def _by_rack(cluster: Cluster, racks: dict[str, int], across: int) -> tuple[Place, ...]:
    """One column for each rack, ``across`` of them side by side."""
    counts = [0] * len(racks)
    spots = []
    tallest = max(sum(rack_of(node) == rack for node in cluster.nodes) for rack in racks)
    for node in cluster.nodes:
        rack = racks[rack_of(node)]
        spots.append((float(rack % across), float(rack // across * tallest + counts[rack])))
        counts[rack] += 1
    return tuple(spots)


# Fitting the strategy to the GPUs


def fitted(project: Project, cluster: Cluster) -> tuple[Project, str]:
    """``project`` on ``cluster``, and in words what had to change for it to be valid.

    Raises:
        ProjectError: if the cluster itself is wrong, or the design gets too large.
    """
    parallel = fitting_strategy(project, cluster.gpu_count)
    slots = cluster.gpu_count // (parallel.dp * parallel.pp * parallel.etp)
    moves, lost = _fitting_moves(project, slots, parallel.dp)
    placement = replace(project.placement, moves=moves) if moves != project.placement.moves else project.placement
    result = replace(project, cluster=cluster, parallel=parallel, placement=placement)
    check_size(result)
    notes = _strategy_changes(project.parallel, parallel)
    if lost:
        notes.append(f"{lost} move{'s' if lost > 1 else ''} of experts that no longer fit")
    if not notes:
        return result, ""
    verb = "dropped" if len(notes) == 1 and lost else "changed"
    return result, f"{cluster.gpu_count} GPUs now, so this was {verb} too: {', '.join(notes)}."


def fitting_strategy(project: Project, gpus: int) -> Parallel:
    """The valid strategy for ``gpus`` GPUs that is nearest to the project's own; its own when that is valid."""
    own, layers = project.parallel, project.model.layers
    experts = max((layer.ffn.experts for layer in layers if layer.ffn.is_moe), default=0)
    if _divides(own, gpus, has_experts=bool(experts)):
        return own
    return min(
        _strategies(own, gpus, len(layers), experts),
        key=lambda item: (_distance(own, item, experts), item.dp, item.pp, item.tp, item.ep, item.etp),
    )


def _strategies(own: Parallel, gpus: int, layers: int, experts: int) -> Iterator[Parallel]:
    for pp in _divisors(gpus):
        if pp > min(layers, max(own.pp, 1)):
            continue
        for dp in _divisors(gpus // pp):
            width = gpus // (pp * dp)
            for tp in _near(width, own.tp):
                for etp in _near(width, own.etp):
                    for ep in _divisors(width // etp) if experts else _near(width // etp, own.ep):
                        if ep <= max(experts, own.ep, 1):
                            yield replace(own, dp=dp, pp=pp, tp=tp, ep=ep, etp=etp)


def _distance(own: Parallel, other: Parallel, experts: int) -> float:
    """How far a strategy is from the one wanted: replicas and expert slots change most readily."""
    weights = {"dp": 1.0, "ep": 1.0, "pp": 20.0, "tp": 10.0, "etp": 10.0}
    far = sum(weight * abs(math.log(getattr(other, name) / getattr(own, name))) for name, weight in weights.items())
    is_uneven = bool(experts) and experts % other.ep != 0 and experts % own.ep == 0
    return round(far + 0.5 * is_uneven, 9)


def _divides(parallel: Parallel, gpus: int, *, has_experts: bool) -> bool:
    if gpus % (parallel.dp * parallel.pp):
        return False
    width = gpus // (parallel.dp * parallel.pp)
    return not (width % parallel.tp or width % ((parallel.ep if has_experts else 1) * parallel.etp))


def _near(whole: int, wanted: int) -> tuple[int, ...]:
    """``wanted`` when it divides ``whole``, else the largest divisor below it."""
    return (max(part for part in _divisors(whole) if part <= wanted),)


def _divisors(number: int) -> list[int]:
    low = [part for part in range(1, math.isqrt(number) + 1) if number % part == 0]
    return sorted({*low, *(number // part for part in low)})


def _fitting_moves(project: Project, slots: int, dp: int) -> tuple[tuple[Move, ...], int]:
    """The moves of experts that there is still room for, and how many were changed or dropped."""
    kept, lost = [], 0
    for move in project.placement.moves:
        if move.replica is not None and move.replica >= dp:
            lost += 1
            continue
        left = tuple(slot for slot in move.slots if slot < slots)
        if not left and project.placement.policy == "explicit":
            left = tuple(dict.fromkeys(slot % slots for slot in move.slots))
        lost += left != move.slots
        if left:
            kept.append(move if left == move.slots else replace(move, slots=left))
    return tuple(kept), lost


def _strategy_changes(before: Parallel, after: Parallel) -> list[str]:
    return [
        f"{name} {getattr(before, name)} → {getattr(after, name)}"
        for name in ("dp", "pp", "tp", "ep", "etp")
        if getattr(before, name) != getattr(after, name)
    ]


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
