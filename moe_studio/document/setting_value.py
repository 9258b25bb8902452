"""What giving a setting another value means: most just change, some bring other things with them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from moe_studio.document.setting_field import Words
from moe_studio.errors import ProjectError
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.design import COST_FILES, Reference, Routing, layer_ranges
from moe_studio.project.edit import Edit, place_expert, set_all, set_at
from moe_studio.project.model import Block, Model
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import devices_for, load_cluster, load_model
from moe_studio.storage.counts import load_counts
from moe_studio.storage.loader import beside, located


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rough(Project):
    """A project on the way to another one: its parts may still contradict each other."""

    def __post_init__(self) -> None:
        """Nothing is checked."""


def changed(project: Project, values: Mapping[Words, Any], edits: Iterable[Edit] = ()) -> Project:
    """``project`` after all of ``edits`` and with all of ``values``, which need only be valid together.

    Raises:
        MoeStudioError: if they are not.
    """
    return Project(**_parts(rough(project, values, edits)))


def rough(project: Project, values: Mapping[Words, Any], edits: Iterable[Edit] = ()) -> Project:
    """The same without asking whether its parts agree: only to be looked at, never to be shown."""
    made: Project = _Rough(**_parts(project))
    for edit in edits:
        made = edit(made)
    return set_all(values)(made) if values else made


def _parts(project: Project) -> dict[str, Any]:
    return {item.name: getattr(project, item.name) for item in fields(project) if item.init}


def value_edit(words: Words, value: Any, *, folder: Path | None = None) -> Edit | None:
    """The edit that giving ``words`` this value is, where it is more than that one value; else None.

    Files that it names are looked for in ``folder``.
    """
    match words:
        case ("model", "preset"):
            return lambda project: replace(project, model=_model_of(project.model, value))
        case ("cluster", "preset"):
            return lambda project: replace(project, cluster=_cluster_of(project.cluster, value))
        case ("cluster", "nodes", number, "device"):
            return lambda project: _with_device(project, int(number), value)
        case ("workload", "routing", name):
            return lambda project: _with_routing(project, name, value, folder)
        case ("cost", name) if name in COST_FILES:
            return lambda project: _with_cost_file(project, name, value, folder)
        case ("reference", name):
            return lambda project: _with_reference(project, name, value)
        case ("layer", number, part):
            return set_layer(int(number), part, value)
        case ("expert", number, layers, "slots"):
            return _with_slots(int(number), layers, value)
        case ("model", part, name, "@name"):
            return lambda project: replace(project, model=_renamed(project.model, part, name, value))
        case (*_, "peak_tflops", dtype) if value is None:
            return dropped(words[:-1], dtype)
    return None


def at(project: Project, words: Words) -> Any:
    """What stands at ``words``.

    Raises:
        ProjectError: if there is nothing.
    """
    value: Any = project
    for word in words:
        if isinstance(value, tuple) and word.isdigit() and int(word) < len(value):
            value = value[int(word)]
        elif hasattr(value, "__dataclass_fields__") and word in value.__dataclass_fields__:
            value = getattr(value, word)
        elif hasattr(value, "keys") and word in value:
            value = value[word]
        else:
            raise ProjectError(f"There is no setting {'.'.join(words)}.")
    return value


# Lists and tables


def inserted(words: Words, index: int, item: Any) -> Edit:
    """Put ``item`` into the list at ``words``, before the one at ``index``."""
    return _listed(words, lambda items: (*items[:index], item, *items[index:]))


def removed(words: Words, index: int) -> Edit:
    """Take one item out of the list at ``words``."""
    return _listed(words, lambda items: (*items[:index], *items[index + 1 :]))


def shifted(words: Words, index: int, step: int) -> Edit:
    """Let an item of the list at ``words`` and its neighbour change places."""

    def swapped(items: tuple[Any, ...]) -> tuple[Any, ...]:
        if not (0 <= index < len(items) and 0 <= index + step < len(items)):
            return items
        order = list(items)
        order[index], order[index + step] = order[index + step], order[index]
        return tuple(order)

    return _listed(words, swapped)


def entered(words: Words, name: str, item: Any) -> Edit:
    """Put ``item`` into the table at ``words`` under ``name``."""
    return set_at((*words, name), item)


def dropped(words: Words, name: str) -> Edit:
    """Take ``name`` out of the table at ``words``."""
    return _without(words, name)


def _listed(words: Words, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Edit:
    return lambda project: set_at(words, change(at(project, words)))(project)


def _without(words: Words, name: str) -> Edit:
    def edit(project: Project) -> Project:
        return set_at(words, {key: item for key, item in at(project, words).items() if key != name})(project)

    return edit


# Values that bring others with them


def _with_device(project: Project, number: int, device: str) -> Project:
    nodes = project.cluster.nodes
    if number >= len(nodes):
        raise ProjectError(f"There is no setting cluster.nodes.{number}.device.")
    return _with_nodes(project, (*nodes[:number], replace(nodes[number], device=device), *nodes[number + 1 :]))


def _with_nodes(project: Project, nodes: tuple[Node, ...]) -> Project:
    cluster = project.cluster
    known = dict(cluster.catalogue)
    known |= devices_for([node for node in nodes if node.device not in known], cluster.devices)
    return replace(project, cluster=replace(cluster, nodes=nodes, catalogue=known))


def _model_of(model: Model, preset: str) -> Model:
    return replace(load_model(preset), preset=preset) if preset else replace(model, preset="")


def _cluster_of(cluster: Cluster, preset: str) -> Cluster:
    return replace(load_cluster(preset), preset=preset) if preset else replace(cluster, preset="")


def _with_routing(project: Project, name: str, value: Any, folder: Path | None) -> Project:
    before = project.workload.routing
    after: Routing = replace(before, **{name: value})
    counts = before.counts if after.file == before.file else ()
    if after.kind == "recorded" and after.file and not counts:
        counts = load_counts(beside(folder, after.file))
    after = replace(after, counts=counts if after.kind == "recorded" else ())
    return replace(project, workload=replace(project.workload, routing=after))


def _with_cost_file(project: Project, name: str, value: str, folder: Path | None) -> Project:
    files: dict[str, Any] = {name: value, f"{name}_path": located(folder, value) if value else ""}
    return replace(project, cost=replace(project.cost, **files))


def _with_reference(project: Project, name: str, value: Any) -> Project:
    after = replace(project.reference or Reference(), **{name: value})
    return replace(project, reference=None if after == Reference() else after)


def _with_slots(expert: int, layers: str, slots: tuple[int, ...]) -> Edit:
    ranges = layer_ranges(layers)
    return place_expert(expert, slots, layers=[layer for low, high in ranges for layer in range(low, high + 1)])


# Blocks


def set_layer(layer: int, part: str, name: str) -> Edit:
    """Let one layer have the ``attention`` or ``ffn`` of that name; runs of layers are split where need be."""

    def edit(project: Project) -> Project:
        model = project.model
        if not 0 <= layer < model.layer_count:
            raise ProjectError(f"There is no layer {layer}; the model has {model.layer_count}.")
        return replace(project, model=replace(model, blocks=_merged(_split(model.blocks, layer, part, name))))

    return edit


def layer_block(model: Model, layer: int) -> Block:
    """The block that ``layer`` is of."""
    blocks, first = model.blocks, 0
    while True:
        for block in blocks:
            size = _size(block)
            if layer < first + size * block.repeat:
                break
            first += size * block.repeat
        if not block.blocks:
            return block
        blocks, layer, first = block.blocks, (layer - first) % size, 0


def _split(blocks: tuple[Block, ...], layer: int, part: str, name: str) -> tuple[Block, ...]:
    result: list[Block] = []
    first = 0
    for block in blocks:
        size = _size(block)
        times, inside = divmod(layer - first, size)
        first += size * block.repeat
        if not 0 <= times < block.repeat:
            result.append(block)
            continue
        result += [replace(block, repeat=times)] if times else []
        result += _split(block.blocks, inside, part, name) if block.blocks else [_named(block, part, name)]
        result += [replace(block, repeat=block.repeat - times - 1)] if times < block.repeat - 1 else []
    return tuple(result)


def _named(block: Block, part: str, name: str) -> Block:
    return replace(block, repeat=1, attention=name) if part == "attention" else replace(block, repeat=1, ffn=name)


def _merged(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """``blocks`` with equal neighbours as one run."""
    result: list[Block] = []
    for block in blocks:
        if result and replace(result[-1], repeat=1) == replace(block, repeat=1):
            result[-1] = replace(block, repeat=result[-1].repeat + block.repeat)
        else:
            result.append(block)
    return tuple(result)


def _size(block: Block) -> int:
    """Layers of one repetition."""
    return sum(_size(item) * item.repeat for item in block.blocks) if block.blocks else 1


def _renamed(model: Model, table: str, old: str, new: str) -> Model:
    """``model`` whose attention or feed-forward ``old`` is called ``new``, in blocks, too."""
    entries = dict(getattr(model, table))
    if not new or (new != old and new in entries):
        raise ProjectError("The name must not be empty." if not new else f"The name {new!r} is used already.")

    def walk(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        return tuple(named(replace(block, blocks=walk(block.blocks))) for block in blocks)

    def named(block: Block) -> Block:
        if table == "ffn":
            return replace(block, ffn=new) if block.ffn == old else block
        return replace(block, attention=new) if block.attention == old else block

    renamed: dict[str, Any] = {new if name == old else name: entry for name, entry in entries.items()}
    if table == "ffn":
        return replace(model, ffn=renamed, blocks=walk(model.blocks))
    return replace(model, attentions=renamed, blocks=walk(model.blocks))
