"""The settings of a project as a table of forms: sections, groups of fields, lists, and what can be done to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from moe_studio.calibration.provider import provider_names
from moe_studio.document.layout_change import LayoutChange
from moe_studio.document.layout_edit import add_node, duplicate_nodes, remove_nodes
from moe_studio.document.setting_field import NO_DEFAULT, Field, Words, choices_of, fields_of
from moe_studio.document.setting_value import (
    dropped,
    entered,
    inserted,
    removed,
    shifted,
)
from moe_studio.errors import MoeStudioError, ProjectError
from moe_studio.project.cluster import Cluster, Device, Links
from moe_studio.project.design import Move, Reference
from moe_studio.project.edit import Edit, reset_placement, set_at
from moe_studio.project.model import DTYPES, Attention, Block, Model, default_ffn
from moe_studio.project.project import Project
from moe_studio.project.setting import Setting, settings_of
from moe_studio.storage.catalogue import cluster_names, device_names, load_cluster, load_model, model_names

MAX_ROWS = 48
"""So many items of a list are shown; more would be no form any more."""

USED_BY_KIND = {
    "mha": ("heads", "head_dim", "window"),
    "gqa": ("heads", "kv_heads", "head_dim", "window"),
    "mla": ("heads", "q_lora", "kv_lora", "qk_nope", "qk_rope", "v_dim", "window"),
    "linear": ("in_width", "out_width"),
}
"""Which sizes an attention layer of each kind has; those of other kinds are only shown where they are set."""

SIZES = {name for names in USED_BY_KIND.values() for name in names}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Action:
    """Something that can be done to a list or a table: its sign, what it does in words, and the edit.

    ``note``: what else it changes in a project, in a sentence; empty for nothing.
    """

    text: str
    label: str
    edit: Edit
    note: Callable[[Project], str] = lambda _: ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Fields beside each other: one, or those of one item of a list. ``depth`` is how far it is indented."""

    fields: tuple[Field, ...]
    actions: tuple[Action, ...] = ()
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows under a heading; ``is_list`` when each row is an item with the same fields."""

    title: str
    rows: tuple[Row, ...]
    actions: tuple[Action, ...] = ()
    is_list: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Groups that belong together."""

    title: str
    groups: tuple[Group, ...]


def sections(project: Project, waiting: Mapping[Words, Any] | None = None) -> tuple[Section, ...]:
    """All settings of ``project``; ``waiting`` are values that are wanted but not valid yet."""
    work = project.workload
    return (
        Section(title="Model", groups=tuple(_model(project, waiting or {}))),
        Section(title="Cluster", groups=tuple(_cluster(project))),
        Section(title="Strategy", groups=(_simple("Parallel", project.parallel, "parallel"), *_placement(project))),
        Section(
            title="Workload",
            groups=(_simple("Workload", work, "workload"), _simple("Routing", work.routing, "workload", "routing")),
        ),
        Section(
            title="Costs",
            groups=(
                _cost(project),
                _simple("Memory", project.memory, "memory"),
                _simple("Limits", project.limits, "limits"),
                _simple("Reference", project.reference or Reference(), "reference"),
                _group("Design", [_title(project)]),
            ),
        ),
    )


def all_fields(project: Project) -> Iterator[Field]:
    """Every field of every section."""
    for section in sections(project):
        for group in section.groups:
            for row in group.rows:
                yield from row.fields


def matching(table: Sequence[Section], text: str) -> tuple[Group, ...]:
    """The groups of ``table`` with those rows of which every word of ``text`` says something."""
    words = text.lower().split()
    found = []
    for section in table:
        for group in section.groups:
            rows = tuple(row for row in group.rows if _says(row, f"{section.title} {group.title}", words))
            if rows:
                found.append(replace(group, rows=rows))
    return tuple(found)


def _says(row: Row, heading: str, words: Sequence[str]) -> bool:
    text = " ".join([heading, *(f"{item.title} {item.path} {item.known.doc}" for item in row.fields)]).lower()
    return all(word in text for word in words)


def field_at(project: Project, path: str) -> Field | None:
    """The field at ``path``, such as ``parallel.tp``."""
    return next((field for field in all_fields(project) if field.path == path), None)


def _group(title: str, found: Sequence[Field], *actions: Action) -> Group:
    return Group(title=title, rows=tuple(Row(fields=(field,)) for field in found), actions=actions)


def _simple(title: str, value: Any, *words: str) -> Group:
    owner = "" if words[-1] in ("parallel", "workload") else words[-1]
    return _group(title, list(fields_of(value, words, owner=owner)))


def _title(project: Project) -> Field:
    found = next(field for field in fields_of(project, ()) if field.words == ("name",))
    return replace(found, default=NO_DEFAULT)


def _cost(project: Project) -> Group:
    found = [
        replace(field, kind="choice", choices=choices_of(provider_names())) if field.words[-1] == "provider" else field
        for field in fields_of(project.cost, ("cost",), owner="cost")
    ]
    return _group("Cost", found)


# The model


def _model(project: Project, waiting: Mapping[Words, Any]) -> Iterator[Group]:
    model, base = project.model, _model_base(project.model)
    own = {field.words[-1]: field for field in fields_of(model, ("model",), base=base)}
    preset = _presets(own.pop("preset"), model_names(), "own sizes")
    own.pop("hf_config")
    yield _group("Model", [preset, *own.values()])
    yield Group(
        title="Blocks",
        rows=tuple(_block_rows(model, model.blocks, ("model", "blocks"), 0))[:MAX_ROWS],
        actions=(_block_adder(model),),
        is_list=True,
        note=_more(len(model.blocks)),
    )
    copied = _free_name("attention", model.attentions)
    extra = Action(
        text="Add a kind",
        label=f"Add the attention {copied}",
        edit=entered(("model", "attentions"), copied, model.attention),
    )
    yield _group("Attention", list(_attention(model.attention, ("model", "attention"), base, waiting)), extra)
    for name, attention in model.attentions.items():
        words = ("model", "attentions", name)
        drop = _dropper(("model", "attentions"), name, f"Remove the attention {name}")
        yield _group(f"Attention {name}", [_name(words), *_attention(attention, words, base, waiting)], drop)
    copied = _free_name("ffn", model.ffn)
    for name, ffn in model.ffn.items():
        words = ("model", "ffn", name)
        below = base.ffn.get(name) if base is not None else None
        add = Action(text="Add a kind", label=f"Add the layer {copied}", edit=entered(words[:-1], copied, ffn))
        drop = _dropper(words[:-1], name, f"Remove the layer {name}")
        own_fields = list(fields_of(ffn, words, base=below, owner=name))
        yield _group(f"Feed-forward {name}", [_name(words), *own_fields], add, *([drop] if len(model.ffn) > 1 else []))
    under = base.dtypes if base is not None else None
    differing = fields_of(model.dtypes, ("model", "dtypes"), base=under, owner="data types")
    yield _group("Data types that differ", list(differing))


def _model_base(model: Model) -> Model | None:
    if not model.preset:
        return None
    try:
        return load_model(model.preset)
    except MoeStudioError:
        return None


def _presets(field: Field, names: Sequence[str], blank: str) -> Field:
    values = tuple(dict.fromkeys(("", *names, field.value)))
    owner = "the " + field.words[0]
    return replace(field, kind="choice", choices=choices_of(values, blank=blank), default=NO_DEFAULT, owner=owner)


def _attention(value: Attention, words: Words, base: Model | None, waiting: Mapping[Words, Any]) -> Iterator[Field]:
    """Its kind, and the sizes that its kind has, or the kind that is wanted."""
    used = {*USED_BY_KIND[value.kind], *USED_BY_KIND.get(str(waiting.get((*words, "kind"))), ())}
    under = None
    if base is not None:
        under = base.attention if words[-1] == "attention" else base.attentions.get(words[-1])
    owner = "" if words[-1] == "attention" else words[-1]
    for field in fields_of(value, words, base=under, owner=owner):
        name = field.words[-1]
        if name in SIZES and name not in used and field.is_default and field.words not in waiting:
            continue
        if name != "unmodelled":
            yield field


def _name(words: Words) -> Field:
    known = Setting(doc="name, by which blocks call it")
    return Field(words=(*words, "@name"), label="Name", kind="text", known=known, value=words[-1], owner=words[-1])


def _block_rows(model: Model, blocks: tuple[Block, ...], words: Words, depth: int) -> Iterator[Row]:
    for index, block in enumerate(blocks):
        here = (*words, str(index))
        found = {field.words[-1]: field for field in fields_of(block, here, owner=f"block {index}")}
        shown = [found["repeat"]]
        if not block.blocks:
            shown.append(attention_choice(found["attention"], model))
            shown.append(ffn_choice(found["ffn"], model))
        yield Row(fields=tuple(shown), actions=_item_actions(words, index, block, f"block {index}"), depth=depth)
        yield from _block_rows(model, block.blocks, (*here, "blocks"), depth + 1)


def attention_choice(field: Field, model: Model) -> Field:
    """``field`` with the kinds of attention of ``model`` to choose from."""
    names = tuple(dict.fromkeys(("", *model.attentions, field.value)))
    return replace(field, kind="choice", choices=choices_of(names, blank=f"usual ({model.attention.kind})"))


def ffn_choice(field: Field, model: Model) -> Field:
    """``field`` with the feed-forward layers of ``model`` to choose from."""
    names = tuple(dict.fromkeys(("", *model.ffn, field.value)))
    return replace(field, label="FFN", kind="choice", choices=choices_of(names, blank=f"usual ({default_ffn(model)})"))


def _block_adder(model: Model) -> Action:
    count = len(model.blocks)
    return Action(text="Add a run", label="Add a run of layers", edit=inserted(("model", "blocks"), count, Block()))


def _item_actions(words: Words, index: int, item: Any, name: str) -> tuple[Action, ...]:
    return (
        Action(text="↑", label=f"Move {name} up", edit=shifted(words, index, -1)),
        Action(text="↓", label=f"Move {name} down", edit=shifted(words, index, 1)),
        Action(text="⧉", label=f"Duplicate {name}", edit=inserted(words, index + 1, item)),
        Action(text="×", label=f"Remove {name}", edit=removed(words, index)),
    )


def _dropper(words: Words, name: str, label: str) -> Action:
    return Action(text="Remove", label=label, edit=dropped(words, name))


def _free_name(stem: str, taken: Any) -> str:
    return next(name for number in range(2, len(taken) + 3) if (name := f"{stem}{number}") not in taken)


def _more(count: int) -> str:
    return f"The first {MAX_ROWS} of {count}; select others to edit them in the inspector." if count > MAX_ROWS else ""


# Placement


def _placement(project: Project) -> Iterator[Group]:
    words = ("placement", "moves")
    reset = Action(text="Reset", label="Reset placement", edit=reset_placement(project.placement.policy))
    yield _group("Placement", list(fields_of(project.placement, ("placement",))), reset)
    moves = project.placement.moves
    rows = []
    for index, move in enumerate(moves[:MAX_ROWS]):
        own = fields_of(move, (*words, str(index)), owner=f"move {index}")
        drop = Action(text="×", label=f"Remove move {index}", edit=removed(words, index))
        rows.append(Row(fields=tuple(own), actions=(drop,)))
    add = Action(text="Add a move", label="Add a move", edit=inserted(words, len(moves), Move(expert=0, slots=(0,))))
    yield Group(title="Moves", rows=tuple(rows), actions=(add,), is_list=True, note=_more(len(moves)))


# The cluster


def _cluster(project: Project) -> Iterator[Group]:
    cluster = project.cluster
    base = _cluster_base(cluster)
    own = next(field for field in fields_of(cluster, ("cluster",)) if field.words[-1] == "preset")
    links = cluster.links
    yield _group("Cluster", [_presets(own, cluster_names(), "own nodes")])
    yield Group(
        title="Nodes",
        rows=tuple(_node_row(cluster, index) for index in range(min(len(cluster.nodes), MAX_ROWS))),
        actions=(NODE_ADDER,),
        is_list=True,
        note=_more(len(cluster.nodes)),
    )
    yield from _tiers(links, base.links if base else Links())
    for name, device in cluster.devices.items():
        drop = _dropper(("cluster", "devices"), name, f"Remove the device {name}")
        yield _group(f"Device {name}", list(_device(device, ("cluster", "devices", name))), drop)
    used = [name for name in dict.fromkeys(node.device for node in cluster.nodes) if name not in cluster.devices]
    for name in used[:3]:
        copy = Action(
            text=f"Change {name} here",
            label=f"Own figures for {name}",
            edit=entered(("cluster", "devices"), name, cluster.device(name)),
        )
        note = "Figures of the catalogue; a copy of them in this design may be changed."
        yield Group(title=f"Device {name}", rows=(), actions=(copy,), note=note)


def _tiers(links: Links, base: Links) -> Iterator[Group]:
    """The tiers of the network; that of racks may be added and dropped."""
    outer = "Links between racks" if links.rack else "Links between nodes"
    for name, title in (("intra", "Links inside a node"), ("rack", "Links inside a rack"), ("inter", outer)):
        words, tier = ("cluster", "links", name), getattr(links, name)
        if tier is None:
            add = Action(text="Give racks links of their own", label=title, edit=set_at(words, links.inter))
            note = "Nodes whose names begin with the same rack, as in rack0/node3, can have links of their own."
            yield Group(title=title, rows=(), actions=(add,), note=note)
            continue
        drop = [Action(text="Remove", label=f"Remove {title.lower()}", edit=set_at(words, None))] * (name == "rack")
        yield _group(title, list(fields_of(tier, words, base=getattr(base, name), owner=title.lower())), *drop)


def _cluster_base(cluster: Cluster) -> Cluster | None:
    if not cluster.preset:
        return None
    try:
        return load_cluster(cluster.preset)
    except MoeStudioError:
        return None


def _node_row(cluster: Cluster, index: int) -> Row:
    node = cluster.nodes[index]
    return Row(
        fields=tuple(node_fields(cluster, index)),
        actions=(
            _layout_action("⧉", f"Duplicate {node.name}", _of_node(duplicate_nodes, index)),
            _layout_action("×", f"Remove {node.name}", _of_node(remove_nodes, index)),
        ),
    )


def _of_node(change: Callable[[Project, list[int]], LayoutChange], index: int) -> Callable[[Project], LayoutChange]:
    """``change`` of one node, which what waits, such as another cluster, may not have."""

    def made(project: Project) -> LayoutChange:
        if index >= len(project.cluster.nodes):
            raise ProjectError(f"The cluster has no node {index}.")
        return change(project, [index])

    return made


def node_fields(cluster: Cluster, index: int) -> Iterator[Field]:
    """The fields of one node."""
    node = cluster.nodes[index]
    for field in fields_of(node, ("cluster", "nodes", str(index)), owner=cluster.node_title(index)):
        if field.words[-1] == "device":
            names = tuple(dict.fromkeys((*cluster.devices, *device_names(), node.device)))
            yield replace(field, kind="choice", choices=choices_of(names), default=NO_DEFAULT)
        else:
            yield replace(field, default=NO_DEFAULT)


def _layout_action(text: str, label: str, change: Callable[[Project], LayoutChange]) -> Action:
    """What the canvas does, too: the strategy is fitted in the same step."""
    return Action(
        text=text,
        label=label,
        edit=lambda project: change(project).edit(project),
        note=lambda project: change(project).note,
    )


NODE_ADDER = _layout_action("Add a node", "Add a node like the last", add_node)


def _device(device: Device, words: Words) -> Iterator[Field]:
    owner = words[-1]
    for field in fields_of(device, words, owner=owner):
        yield replace(field, default=NO_DEFAULT) if field.words[-1] in ("title", "source") else field
    known = dict(settings_of(Device))["peak_tflops"]
    for dtype in DTYPES:
        yield Field(
            words=(*words, "peak_tflops", dtype),
            label=f"Peak, {dtype}",
            kind="number",
            known=known,
            value=device.peak_tflops.get(dtype),
            owner=owner,
            is_optional=True,
            blank="none",
        )
