"""Builds the values of `moe_studio.project` from a tree of YAML nodes.

The value classes are the only description of the file: their fields, types, defaults
and settings are read here by introspection. Every fault that can be found is collected
with its path and place before the file is refused.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from moe_studio.errors import Fault, FileError, MoeStudioError, ProjectError
from moe_studio.project.cluster import Cluster, Device
from moe_studio.project.design import COST_FILES, Cost, Routing
from moe_studio.project.model import Model
from moe_studio.project.setting import Setting, settings_of
from moe_studio.storage.nearest import nearest_hint
from moe_studio.storage.scalar import ScalarError, read_bool, read_float, read_int, read_str, shown
from moe_studio.storage.yaml_tree import (
    MAX_FAULTS,
    Entry,
    MappingNode,
    Mark,
    Node,
    ScalarNode,
    SequenceNode,
    child_path,
    read_tree,
)

T = TypeVar("T")
Counts = tuple[tuple[float, ...], ...]

_SCALARS: Mapping[type, Callable[[ScalarNode], object]] = {
    int: read_int,
    float: read_float,
    bool: read_bool,
    str: read_str,
}
_PATH_AT_START = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")


def _absent(name: str) -> Any:
    raise MoeStudioError("cannot be used in this file.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a file's references lead; each function raises `MoeStudioError` when they lead nowhere."""

    device: Callable[[str], Device] = _absent
    model: Callable[[str], Model] = _absent
    cluster: Callable[[str], Cluster] = _absent
    hf_model: Callable[[str], Model] = _absent
    counts: Callable[[str], Counts] = _absent
    file: Callable[[str], str] = _absent


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShape:
    """One field of a value class as a file sees it."""

    name: str
    kind: Any
    known: Setting
    default: Any


def field_shapes(cls: Any) -> tuple[FieldShape, ...]:
    """The fields of a value class that a file may have, in order."""
    return _field_shapes(cls)


@cache
def _field_shapes(cls: type) -> tuple[FieldShape, ...]:
    hints = get_type_hints(cls)
    return tuple(
        FieldShape(name=item.name, kind=hints[item.name], known=item.metadata["setting"], default=_default(item))
        for item in fields(cls)
        if item.init and not item.metadata["setting"].derived
    )


def _default(item: Any) -> Any:
    """The default of a field. The default cluster needs the catalogue, so it is read like an empty one."""
    if item.default_factory is Cluster:
        return None
    return item.default if item.default_factory is MISSING else item.default_factory()


START = Mark(1, 1, 0)
EMPTY = MappingNode(is_flow=True, start=START)


class _Failed:
    """Stands for a value that could not be read."""


_FAILED = _Failed()


class Reader:
    """Reads one file; collects faults and remembers where each path was written."""

    def __init__(self, sources: Sources) -> None:
        self._file = ""
        self._faults: list[Fault] = []
        self._sources = sources
        self._marks: dict[str, Mark] = {}

    def read_text(self, cls: type[T], text: str, file: str) -> T:
        """The value of class ``cls`` that ``text`` holds, or `FileError`."""
        return self.read_node(cls, read_tree(text, file), file)

    def read_node(self, cls: type[T], node: Node, file: str, path: str = "") -> T:
        """The value of class ``cls`` that ``node``, at ``path`` of the file, holds, or `FileError`."""
        self._file = file
        value = self._record(cls, node, path, None)
        if self._faults or not isinstance(value, cls):
            raise self._refusal()
        return value

    def _refusal(self) -> FileError:
        return FileError(self._file, sorted(self._faults, key=lambda fault: (fault.line, fault.column)))

    def _fault(self, path: str, mark: Mark, message: str) -> _Failed:
        self._faults.append(Fault(path=path, message=message, line=mark.line, column=mark.column))
        if len(self._faults) >= MAX_FAULTS:
            raise self._refusal()
        return _FAILED

    def _value(self, kind: Any, node: Node, path: str, known: Setting, base: Any) -> Any:
        self._marks[path] = node.start
        origin = get_origin(kind)
        if origin is UnionType:
            if isinstance(node, ScalarNode) and node.is_null:
                return None
            return self._value(_without_none(kind), node, path, known, base)
        if origin is tuple:
            return self._items(get_args(kind)[0], node, path, known)
        if origin is not None:
            return self._table(get_args(kind)[1], node, path, known, base)
        if is_dataclass(kind):
            return self._record(kind, node, path, base)
        return self._scalar(kind, node, path, known)

    def _scalar(self, kind: type, node: Node, path: str, known: Setting) -> Any:
        if not isinstance(node, ScalarNode):
            return self._fault(path, node.start, "must be a single value, not a list or a mapping.")
        try:
            value = _SCALARS[kind](node)
        except ScalarError as error:
            return self._fault(path, node.start, str(error))
        if fault := known.fault(value):
            return self._fault(path, node.start, fault)
        return value

    def _items(self, kind: Any, node: Node, path: str, known: Setting) -> Any:
        if isinstance(node, ScalarNode) and node.is_null:
            return ()
        if not isinstance(node, SequenceNode):
            return self._fault(path, node.start, "must be a list.")
        items = [self._value(kind, item, f"{path}[{index}]", known, None) for index, item in enumerate(node.items)]
        return _FAILED if any(item is _FAILED for item in items) else tuple(items)

    def _table(self, kind: Any, node: Node, path: str, known: Setting, base: Any) -> Any:
        entries = self._entries(node, path)
        if entries is None:
            return _FAILED
        table = dict(base or {})
        for key, entry in entries.items():
            if key in table and isinstance(entry.value, ScalarNode) and entry.value.is_null:
                del table[key]
            else:
                table[key] = self._value(kind, entry.value, child_path(path, key), known, table.get(key))
        return _FAILED if any(value is _FAILED for value in table.values()) else table

    def _entries(self, node: Node, path: str) -> dict[str, Entry] | None:
        if isinstance(node, MappingNode):
            return node.entries
        if isinstance(node, ScalarNode) and node.is_null:
            return {}
        found = "a list" if isinstance(node, SequenceNode) else shown(node)
        self._fault(path, node.start, f"must be a mapping of keys and values, not {found}.")
        return None

    def _record(self, cls: Any, node: Node, path: str, base: Any) -> Any:
        self._marks.setdefault(path, node.start)
        entries = self._entries(node, path)
        if entries is None:
            return _FAILED
        self._refuse_unknown(cls, entries, path)
        if cls is Model or cls is Cluster:
            base = self._reference(cls, entries, path) or base
        values = {shape.name: self._field(shape, entries, path, base, node) for shape in field_shapes(cls)}
        if base is _FAILED or any(value is _FAILED for value in values.values()):
            return _FAILED
        return self._built(cls, values | self._derived(cls, values, path, base), path, node)

    def _refuse_unknown(self, cls: type, entries: Mapping[str, Entry], path: str) -> None:
        known = [shape.name for shape in field_shapes(cls)]
        for key, entry in entries.items():
            if key not in known:
                hint = nearest_hint(key, known)
                self._fault(child_path(path, key), entry.key.start, f"is not a known key; {hint}")

    def _field(self, shape: FieldShape, entries: Mapping[str, Entry], path: str, base: Any, node: Node) -> Any:
        below = shape.default if base is None or base is _FAILED else getattr(base, shape.name)
        path = child_path(path, shape.name)
        if entry := entries.get(shape.name):
            return self._value(shape.kind, entry.value, path, shape.known, None if below is MISSING else below)
        if below is MISSING:
            return _FAILED if base is _FAILED else self._fault(path, node.start, "is missing; it has no default.")
        return self._record(Cluster, EMPTY, path, None) if below is None and shape.kind is Cluster else below

    def _reference(self, cls: type, entries: Mapping[str, Entry], path: str) -> Any:
        """The value that ``preset`` or ``hf_config`` names, `_FAILED`, or None when neither is there."""
        loaders = {"preset": self._sources.model if cls is Model else self._sources.cluster}
        if cls is Model:
            loaders["hf_config"] = self._sources.hf_model
        named = {key: entries[key].value for key in loaders if key in entries and not _is_blank(entries[key].value)}
        if len(named) == 2:
            return self._fault(path, named["hf_config"].start, "is based on a preset or on hf_config, not on both.")
        for key, node in named.items():
            return self._looked_up(loaders[key], node, child_path(path, key))
        return None

    def _looked_up(self, load: Callable[[str], object], node: Node, path: str) -> Any:
        if not isinstance(node, ScalarNode) or node.is_null:
            return _FAILED
        return self._loaded(load, node.text, path, node.start)

    def _loaded(self, load: Callable[[str], object], name: str, path: str, mark: Mark) -> Any:
        try:
            return load(name)
        except MoeStudioError as error:
            return self._fault(path, mark, str(error))

    def _derived(self, cls: type, values: Mapping[str, Any], path: str, base: Any) -> dict[str, Any]:
        """The fields that are never in a file: found elsewhere, or taken from the base."""
        if cls is Cluster:
            return {"catalogue": self._catalogue(values, path)}
        if cls is Routing and values["kind"] == "recorded" and values["file"]:
            file = child_path(path, "file")
            return {"counts": self._loaded(self._sources.counts, values["file"], file, self._nearest(file))}
        if cls is Cost:
            return {f"{name}_path": self._place(values[name], child_path(path, name)) for name in COST_FILES}
        derived = [name for name, known in settings_of(cls) if known.derived]
        return {name: getattr(base, name) for name in derived} if base is not None else {}

    def _place(self, name: str, path: str) -> Any:
        """Where a file beside the project lies; nothing for none."""
        return self._loaded(self._sources.file, name, path, self._nearest(path)) if name else ""

    def _catalogue(self, values: Mapping[str, Any], path: str) -> Any:
        devices: dict[str, Any] = {}
        for index, node in enumerate(values["nodes"]):
            if node.device not in devices and node.device not in values["devices"]:
                place = f"{child_path(path, 'nodes')}[{index}].device"
                devices[node.device] = self._loaded(self._sources.device, node.device, place, self._nearest(place))
        return _FAILED if any(device is _FAILED for device in devices.values()) else devices

    def _built(self, cls: Any, values: Mapping[str, Any], path: str, node: Node) -> Any:
        if any(value is _FAILED for value in values.values()):
            return _FAILED
        try:
            return cls(**values)
        except ProjectError as error:
            for inner, message in error.faults or [_split(str(error), cls, path)]:
                self._fault(inner, self._nearest(inner, node.start), message)
            return _FAILED

    def _nearest(self, path: str, otherwise: Mark = START) -> Mark:
        """Where ``path`` was written, or the nearest of what holds it."""
        while path and path not in self._marks:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._marks[path] if path in self._marks and path else otherwise


def _is_blank(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.text


def _without_none(kind: Any) -> Any:
    return next(item for item in get_args(kind) if item is not NoneType)


def _split(message: str, cls: type, path: str) -> tuple[str, str]:
    """A sentence such as ``model.ffn.top_k must be …`` as the path of that field here, and the rest."""
    found = _PATH_AT_START.match(message)
    name = found[0].rpartition(".")[2] if found else ""
    if found and name in {shape.name for shape in field_shapes(cls)} and not path.endswith(f".{name}"):
        return child_path(path, name), message[found.end() :].lstrip(": ")
    return path, message
