"""What can be edited of what is selected, one thing or several."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from moe_studio.document.placing import Span, in_span, layers_phrase
from moe_studio.document.selection import Selection
from moe_studio.document.setting_field import MANY, NO_DEFAULT, Field, Words, fields_of, label_of
from moe_studio.document.setting_section import attention_choice, ffn_choice, field_at, node_fields
from moe_studio.document.setting_value import at, layer_block
from moe_studio.errors import ProjectError
from moe_studio.project.design import layers_text
from moe_studio.project.edit import expert_slots
from moe_studio.project.model import Block
from moe_studio.project.project import Project
from moe_studio.project.setting import Setting


def selection_fields(project: Project, selected: Sequence[Selection], span: Span) -> tuple[tuple[Field, ...], ...]:
    """Fields that all of ``selected`` have, one row each; a row holds the field of every selected thing.

    ``span`` are the layers whose experts are shown.
    """
    tables = []
    for selection in selected:
        try:
            tables.append({(field.label, field.kind): field for field in _of_selection(project, selection, span)})
        except (ProjectError, IndexError):
            return ()
    if not tables:
        return ()
    common = [key for key in tables[0] if all(key in table for table in tables[1:])]
    rows = [tuple({table[key].words: table[key] for table in tables}.values()) for key in common]
    # Two things cannot have the same name.
    return tuple(row for row in rows if len(row) == 1 or row[0].words[-1] not in ("name", "@name"))


def together(row: Sequence[Field]) -> Field:
    """The fields of a row as one; its value is `MANY` where they differ."""
    first = row[0]
    is_same = all(field.value == first.value for field in row)
    return first if is_same else replace(first, value=MANY)


def _of_selection(project: Project, selection: Selection, span: Span) -> Iterator[Field]:
    match selection.kind:
        case "node":
            yield from node_fields(project.cluster, selection.node)
        case "gpu":
            if not 0 <= selection.gpu < project.cluster.gpu_count:
                return
            index = project.cluster.node_of_gpu()[selection.gpu]
            yield from (field for field in node_fields(project.cluster, index) if field.words[-1] == "device")
        case "layer":
            yield from _layer_fields(project, selection.layer)
        case "expert":
            yield from _expert_fields(project, selection.expert, selection.layer if selection.layer >= 0 else span)
        case "operator":
            if selection.expert >= 0:
                yield from _expert_fields(project, selection.expert, selection.layer)
            else:
                yield from _layer_fields(project, selection.layer)
        case "setting":
            field = field_at(project, selection.path)
            if field is not None:
                yield field
                yield from _tier_mates(project, field)
        case _:
            yield replace(_field(project, ("name",)), default=NO_DEFAULT)
            yield from (_field(project, ("workload", name)) for name in ("phase", "batch", "tokens"))
            yield from (_field(project, ("parallel", name)) for name in ("dp", "pp", "tp", "ep"))


def _tier_mates(project: Project, field: Field) -> Iterator[Field]:
    """What else there is to say of the tier of the network to which ``field`` belongs."""
    words = field.words[:-1]
    if words[:2] == ("cluster", "links"):
        mates = fields_of(at(project, words), words, owner=field.owner)
        yield from (replace(mate, default=NO_DEFAULT) for mate in mates if mate.words != field.words)


def _field(project: Project, words: Words) -> Field:
    found = fields_of(at(project, words[:-1]), words[:-1])
    return next(field for field in found if field.words == words)


def _layer_fields(project: Project, layer: int) -> Iterator[Field]:
    model = project.model
    if not 0 <= layer < model.layer_count:
        return
    block = layer_block(model, layer)
    known = {item.name: item.metadata["setting"] for item in fields(Block)}
    for name, change in (("attention", attention_choice), ("ffn", ffn_choice)):
        yield change(
            Field(
                words=("layer", str(layer), name),
                label=label_of(name),
                kind="choice",
                known=known[name],
                value=getattr(block, name),
                owner=f"layer {layer}",
            ),
            model,
        )


def _expert_fields(project: Project, expert: int, span: Span) -> Iterator[Field]:
    table = {home: slots for home, slots in expert_slots(project, expert).items() if in_span(home[0], span)}
    if not table:
        return
    layers = sorted({home[0] for home in table})
    values = set(table.values())
    scope = layers_phrase(tuple(layers))
    doc = f"slots of a stage that hold it, 0 to {project.slots - 1}; two slots are two copies ({scope})"
    yield Field(
        words=("expert", str(expert), layers_text(layers), "slots"),
        label="Slots",
        kind="wholes",
        known=Setting(doc=doc, low=0, high=65535),
        value=values.pop() if len(values) == 1 else MANY,
        owner=f"expert {expert}, {scope}",
    )
