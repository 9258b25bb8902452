"""The JSON Schema of project files, made from the value classes."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from moe_studio.locator import resource
from moe_studio.project.cluster import Cluster
from moe_studio.project.design import Move
from moe_studio.project.model import Model
from moe_studio.project.project import FORMAT, Project
from moe_studio.project.setting import Setting
from moe_studio.storage.reader import FieldShape, field_shapes

Schema = dict[str, Any]

_TYPES: Mapping[type, str] = {int: "integer", float: "number", bool: "boolean"}


def project_schema() -> Schema:
    """The schema of today's format, as a JSON Schema of 2020-12."""
    definitions: dict[str, Schema] = {}
    top = _reference(Project, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"MoE Studio project, format {FORMAT}",
        "description": "A design: a model, a cluster, how the one is spread over the other, and what it is to do.",
        **top,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(project_schema(), indent=2, ensure_ascii=False) + "\n"


def schema_path() -> Any:
    """Where the published schema lies."""
    return resource("schema", f"project-{FORMAT}.schema.json")


def _reference(cls: Any, definitions: dict[str, Schema], *, is_change: bool = False) -> Schema:
    """A reference to the definition of a value class; ``is_change`` when a default stands below it."""
    required = [shape.name for shape in field_shapes(cls) if shape.default is MISSING]
    name = cls.__name__ + ("Change" if is_change and required and cls is not Model else "")
    if name not in definitions:
        definitions[name] = {}
        definitions[name].update(_record(cls, required if name == cls.__name__ else [], definitions))
    return {"$ref": f"#/$defs/{name}"}


def _record(cls: Any, required: list[str], definitions: dict[str, Schema]) -> Schema:
    schema: Schema = {
        "description": (cls.__doc__ or "").splitlines()[0],
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {shape.name: _property(cls, shape, definitions) for shape in field_shapes(cls)},
    }
    if cls is Model:
        schema["anyOf"] = [{"required": [key]} for key in ("preset", "hf_config")] + [{"required": required}]
    elif required:
        schema["required"] = required
    return schema if not required else schema | {"type": "object"}


def _property(cls: type, shape: FieldShape, definitions: dict[str, Schema]) -> Schema:
    schema = _type(shape.kind, shape.known, definitions, has_base=shape.default is not MISSING)
    if cls is Move and shape.name == "layers":
        schema["type"] = ["string", "integer"]
    unit = f", in {shape.known.unit}" if shape.known.unit else ""
    schema["description"] = shape.known.doc + unit
    if isinstance(shape.default, str | int | float | bool):
        schema["default"] = shape.default
    return schema


def _type(kind: Any, known: Setting, definitions: dict[str, Schema], *, has_base: bool) -> Schema:
    origin = get_origin(kind)
    if origin is UnionType:
        inner = next(item for item in get_args(kind) if item is not NoneType)
        return {"anyOf": [_type(inner, known, definitions, has_base=False), {"type": "null"}]}
    if origin is tuple:
        return {"type": ["array", "null"], "items": _type(get_args(kind)[0], known, definitions, has_base=False)}
    if origin is not None:
        inner = _type(get_args(kind)[1], known, definitions, has_base=_may_have_base(kind))
        return {"type": ["object", "null"], "additionalProperties": {"anyOf": [inner, {"type": "null"}]}}
    if is_dataclass(kind):
        return _reference(kind, definitions, is_change=has_base and kind is not Cluster)
    return _scalar(kind, known)


def _may_have_base(kind: Any) -> bool:
    """Whether entries of such a mapping may change those of a preset."""
    return is_dataclass(get_args(kind)[1])


def _scalar(kind: type, known: Setting) -> Schema:
    if kind is str:
        # A plain number or word such as true is text, too, where text is wanted.
        return {"enum": list(known.choices)} if known.choices else {"type": ["string", "number", "boolean", "null"]}
    bounds = {"minimum": known.low, "exclusiveMinimum": known.above, "maximum": known.high}
    return {"type": _TYPES[kind]} | {name: bound for name, bound in bounds.items() if bound is not None}
