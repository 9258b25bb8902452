"""Nodes and placements as text for the clipboard, in the words of a project file, and back again.

The text may come from anywhere, so it is read by the same hardened reader as a file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from moe_studio.document.fitting import fitted
from moe_studio.document.layout_change import free_name
from moe_studio.document.node_place import free_place, places
from moe_studio.document.placing import Span, hosted_experts, in_span
from moe_studio.document.selection import Selection
from moe_studio.errors import FileError, MoeStudioError, ProjectError
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Move, Placement, layer_ranges, layers_text
from moe_studio.project.edit import Edit, expert_slots, in_order, place_expert
from moe_studio.project.project import Project
from moe_studio.project.setting import setting
from moe_studio.storage.catalogue import devices_for
from moe_studio.storage.plain_data import plain_record
from moe_studio.storage.reader import Reader, Sources
from moe_studio.storage.yaml_text import document

NAME = "clipboard"
LABEL = "Paste"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedCluster:
    """Nodes, and those of their devices that are no catalogue's."""

    nodes: tuple[Node, ...] = setting("machines", ())
    devices: Mapping[str, Device] = setting("own kinds of GPU, by name", factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What the clipboard can hold, under the same keys as in a project file."""

    cluster: CopiedCluster = setting("nodes", factory=CopiedCluster)
    placement: Placement = setting("experts and their slots", factory=Placement)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paste:
    """What pasting does: its label, the edit, a sentence on what else it changed, and what to select then."""

    label: str
    edit: Edit
    note: str = ""
    selected: tuple[Selection, ...] = field(default=())


def copied_text(project: Project, selected: Sequence[Selection], span: Span = None) -> str:
    """The selected nodes, or the placement of the selected experts, GPUs and layers, as YAML.

    ``span`` are the layers whose experts are shown.

    Raises:
        MoeStudioError: if nothing of that is selected.
    """
    nodes = [item.node for item in selected if item.kind == "node" and 0 <= item.node < len(project.cluster.nodes)]
    if nodes:
        return _text(Copied(cluster=_copied_nodes(project.cluster, sorted(set(nodes)))))
    moves = tuple(move for item in selected for move in _moves(project, item, span))
    if moves:
        return _text(Copied(placement=Placement(moves=tuple(dict.fromkeys(moves)))))
    raise MoeStudioError("Select nodes, GPUs, experts or layers to copy.")


def pasted(project: Project, text: str) -> Paste:
    """What pasting ``text`` into ``project`` does.

    Raises:
        MoeStudioError: if the text holds no nodes and no placement, or the design has no room for them.
    """
    found = _read(text)
    if found.cluster.nodes:
        return _pasted_nodes(project, found.cluster)
    return _pasted_moves(project, found.placement.moves)


# Out


def _text(value: Copied) -> str:
    return document(plain_record(value, None, Sources()))


def _copied_nodes(cluster: Cluster, numbers: Sequence[int]) -> CopiedCluster:
    nodes = tuple(cluster.nodes[number] for number in numbers)
    used = {node.device for node in nodes}
    return CopiedCluster(
        nodes=nodes, devices={name: device for name, device in cluster.devices.items() if name in used}
    )


def _moves(project: Project, item: Selection, span: Span) -> Iterator[Move]:
    if item.kind == "expert":
        yield from _moves_of(project, item.expert, item.layer if item.layer >= 0 else span)
    elif item.kind == "gpu" and 0 <= item.gpu < project.cluster.gpu_count:
        for expert in hosted_experts(project, span)[item.gpu]:
            yield from _moves_of(project, expert, span)
    elif item.kind == "layer" and 0 <= item.layer < project.model.layer_count:
        for expert in range(project.model.layers[item.layer].ffn.experts):
            yield from _moves_of(project, expert, item.layer)


def _moves_of(project: Project, expert: int, span: Span) -> Iterator[Move]:
    """Where ``expert`` is, written out, the policy's doing too: elsewhere the policy may be another."""
    table = {home: slots for home, slots in expert_slots(project, expert).items() if in_span(home[0], span) and slots}
    every = {home[0] for home in expert_slots(project, expert)}
    same: dict[tuple[int | None, tuple[int, ...]], list[int]] = {}
    for number in dict.fromkeys(home[0] for home in table):
        given = {replica: slots for (home, replica), slots in table.items() if home == number}
        if len(set(given.values())) == 1 and len(given) == project.parallel.dp:
            same.setdefault((None, next(iter(given.values()))), []).append(number)
            continue
        for replica, slots in given.items():
            same.setdefault((replica, slots), []).append(number)
    for (which, slots), layers in same.items():
        text = "" if set(layers) == every else layers_text(layers)
        yield Move(layers=text, expert=expert, slots=slots, replica=which)


# In


def _read(text: str) -> Copied:
    if not text.strip():
        raise MoeStudioError("The clipboard is empty.")
    try:
        found = Reader(Sources()).read_text(Copied, text, NAME)
    except FileError as error:
        raise MoeStudioError(f"The clipboard holds no nodes and no placement of a design. {_first(error)}") from None
    if not found.cluster.nodes and not found.placement.moves:
        raise MoeStudioError("The clipboard holds no nodes and no placement of a design.")
    return found


def _first(error: FileError) -> str:
    """The first fault as a sentence."""
    fault = error.faults[0]
    said = f"{fault}" if fault.path or fault.line else f"The text {fault.message}"
    return said[:1].upper() + said[1:]


def _pasted_nodes(project: Project, copied: CopiedCluster) -> Paste:
    cluster = project.cluster
    for name, device in copied.devices.items():
        if name in cluster.devices and cluster.devices[name] != device:
            raise ProjectError(f"This design has other figures for the device {name!r}; give one of them another name.")
    nodes: list[Node] = []
    for node in copied.nodes:
        names, spots = [item.name for item in nodes], [(item.at[0], item.at[1]) for item in nodes if len(item.at) == 2]
        is_free = node.name not in {*names, *(item.name for item in cluster.nodes)}
        stem = node.name.rstrip("0123456789") or "node"
        name = node.name if is_free and node.name else free_name(cluster, stem, names)
        nodes.append(replace(node, name=name, at=_free_at(cluster, node.at, spots)))
    own = {**cluster.devices, **copied.devices}
    every = (*cluster.nodes, *nodes)
    known = {**cluster.catalogue, **devices_for([node for node in nodes if node.device not in cluster.catalogue], own)}
    made, note = fitted(project, replace(cluster, nodes=every, devices=own, catalogue=known))
    what = nodes[0].name if len(nodes) == 1 else f"{len(nodes)} nodes"
    chosen = (Selection(kind="node", node=number) for number in range(len(cluster.nodes), len(every)))
    return Paste(label=f"{LABEL} {what}", edit=lambda _: made, note=note, selected=tuple(chosen))


def _free_at(cluster: Cluster, like: Sequence[float], taken: Sequence[tuple[float, float]] = ()) -> tuple[float, ...]:
    """A place on the canvas beside ``like`` where no node is; none when places are not given."""
    return free_place([*places(cluster), *taken], (like[0] + 1, like[1])) if len(like) == 2 else ()


def _pasted_moves(project: Project, moves: Sequence[Move]) -> Paste:
    edits = []
    for move in moves:
        layers = [number for number, layer in enumerate(project.model.layers) if move.expert < layer.ffn.experts]
        ranges = layer_ranges(move.layers)
        chosen = [number for number in layers if not ranges or any(low <= number <= high for low, high in ranges)]
        if not chosen:
            where = f" in layers {move.layers}" if ranges else ""
            raise ProjectError(f"This model has no expert {move.expert}{where}.")
        if max(move.slots) >= project.slots:
            last = project.slots - 1
            raise ProjectError(f"Expert {move.expert} cannot be in slot {max(move.slots)}: slots here are 0 to {last}.")
        if move.replica is not None and move.replica >= project.parallel.dp:
            raise ProjectError(f"There is no replica {move.replica}: they are 0 to {project.parallel.dp - 1}.")
        edits.append(place_expert(move.expert, move.slots, layers=chosen, replica=move.replica))
    experts = sorted({move.expert for move in moves})
    what = f"the placement of expert {experts[0]}" if len(experts) == 1 else f"the placement of {len(experts)} experts"
    chosen_experts = tuple(Selection(kind="expert", expert=expert) for expert in experts)
    return Paste(label=f"{LABEL} {what}", edit=in_order(*edits), selected=chosen_experts)
