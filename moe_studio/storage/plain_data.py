"""A project as plain mappings, lists and scalars that hold only what differs from its base."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, is_dataclass
from typing import Any

from moe_studio.errors import MoeStudioError
from moe_studio.project.cluster import Cluster
from moe_studio.project.model import Model
from moe_studio.storage.reader import FieldShape, Sources, field_shapes

Scalar = str | int | float | bool | None
Plain = Scalar | list["Plain"] | dict[str, "Plain"]


def reference_base(value: Any, otherwise: Any, known: Sources) -> Any:
    """The value that ``value`` is written as a change of: its preset, its configuration, or ``otherwise``."""
    loaders: list[tuple[str, Callable[[str], object]]] = []
    if isinstance(value, Model):
        loaders = [(value.preset, known.model), (value.hf_config, known.hf_model)]
    elif isinstance(value, Cluster):
        loaders = [(value.preset, known.cluster)]
    for name, load in loaders:
        if name:
            try:
                return load(name)
            except MoeStudioError:
                return None
    return otherwise


def field_base(shape: FieldShape, base: Any) -> Any:
    """What the field ``shape`` is when a file does not name it; `MISSING` when it must be named."""
    if base is None:
        return MISSING if shape.kind is Cluster else shape.default
    return getattr(base, shape.name)


def plain_record(value: Any, base: Any, known: Sources) -> dict[str, Plain]:
    """The fields of ``value`` that differ from those of ``base``, in order."""
    base = reference_base(value, base, known)
    fields: dict[str, Plain] = {}
    for shape in field_shapes(type(value)):
        item, below = getattr(value, shape.name), field_base(shape, base)
        if shape.name == "format" or below is MISSING or item != below:
            fields[shape.name] = plain(item, None if below is MISSING else below, known)
    return fields


def plain_table(value: Mapping[str, Any], base: Mapping[str, Any], known: Sources) -> dict[str, Plain]:
    """The entries of ``value`` that differ from those of ``base``; None removes one of the base."""
    table: dict[str, Plain] = {}
    for key, item in value.items():
        if key not in base or item != base[key]:
            table[key] = plain(item, base.get(key), known)
    return table | {key: None for key in base if key not in value}


def plain(value: Any, base: Any, known: Sources) -> Plain:
    """``value`` as plain data, written as a change of ``base`` where the file allows that."""
    if is_dataclass(value):
        return plain_record(value, base, known)
    if isinstance(value, Mapping):
        return plain_table(value, base or {}, known)
    if isinstance(value, tuple):
        return [plain(item, None, known) for item in value]
    assert value is None or isinstance(value, str | int | float)
    return value
