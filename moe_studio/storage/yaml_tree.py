"""Turns YAML text into a tree of nodes that know their places, or refuses it.

The file may come from anyone. PyYAML is used for its event stream alone: its composer
and constructors, which crash on deep nesting, multiply on aliases and read ``no`` as
False, never run. What a scalar means is decided later, by the field that it is for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from moe_studio.errors import Fault, FileError

MAX_BYTE = 2_000_000
MAX_DEPTH = 64
MAX_SEPARATORS = 150_000
MAX_NODES = 400_000
MAX_ITEMS = 32_768
MAX_KEYS = 8_192
MAX_SCALAR = 65_536
MAX_FAULTS = 100

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_FORBIDDEN_VALUE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_DIRECTIVE = re.compile("^%", re.MULTILINE)
_NOT_TEXT = re.compile(
    r"|~|null|Null|NULL|true|True|TRUE|false|False|FALSE"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_NULL = ("", "~", "null", "Null", "NULL")


@dataclass(slots=True)
class Mark:
    """A place in the text; ``line`` and ``column`` count from 1, ``index`` from 0."""

    line: int
    column: int
    index: int


@dataclass(slots=True)
class ScalarNode:
    """A piece of text; ``style`` is its quote, ``|`` or ``>``, or empty when it is plain."""

    text: str
    style: str
    start: Mark
    end: int

    @property
    def is_null(self) -> bool:
        """Whether nothing is written, or a plain ``null`` or ``~``."""
        return not self.style and self.text in _NULL

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is written."""
        return not self.style and not self.text


@dataclass(slots=True)
class SequenceNode:
    """A list."""

    is_flow: bool
    start: Mark
    end: int = 0
    items: "list[Node]" = field(default_factory=list)


@dataclass(slots=True)
class MappingNode:
    """Keys and values in the order in which they are written."""

    is_flow: bool
    start: Mark
    end: int = 0
    entries: "dict[str, Entry]" = field(default_factory=dict)


@dataclass(slots=True)
class Entry:
    """A key and its value."""

    key: ScalarNode
    value: "Node"


Node = ScalarNode | SequenceNode | MappingNode


def child_path(path: str, key: str) -> str:
    """Path of the entry ``key`` of the mapping at ``path``; a long key is cut."""
    return f"{path}.{key[:60]}" if path else key[:60]


def read_tree(text: str, file: str) -> Node:
    """The tree of one YAML document, or `FileError` with every fault that could be found."""
    faults = _text_faults(text)
    if not faults:
        builder = _Builder(text)
        try:
            builder.read(yaml.parse(text, Loader=_PARSER))
        except yaml.MarkedYAMLError as error:
            builder.faults.append(_syntax_fault(error))
        except yaml.YAMLError as error:
            builder.faults.append(Fault(path="", message=f"is not YAML: {error}."))
        except _TooManyError:
            pass
        faults = builder.faults
    if faults:
        raise FileError(file, faults)
    return builder.root


def _text_faults(text: str) -> list[Fault]:
    """What is wrong with the text before any of it is parsed."""
    if len(text) > MAX_BYTE:
        return [Fault(path="", message=f"is longer than {MAX_BYTE:,} characters.")]
    if text.count(",") + text.count("\n") + text.count("\r") > MAX_SEPARATORS:
        return [Fault(path="", message=f"has more than {MAX_SEPARATORS:,} lines and commas.")]
    if found := _FORBIDDEN.search(text):
        message = f"the character U+{ord(found[0]):04X} is not allowed; in double quotes it can be written as \\u…"
        return [_place(text, found.start(), message)]
    if found := _DIRECTIVE.search(text):
        return [_place(text, found.start(), "a line that starts with % is a YAML directive; remove it.")]
    return []


def _place(text: str, index: int, message: str) -> Fault:
    line = text.count("\n", 0, index) + 1
    return Fault(path="", message=message, line=line, column=index - text.rfind("\n", 0, index))


def _syntax_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    message = f"is not YAML: {error.problem or error.context}" + (f" ({error.context})" if error.context else "")
    return Fault(
        path="", message=message + ".", line=mark.line + 1 if mark else 0, column=mark.column + 1 if mark else 0
    )


class _TooManyError(Exception):
    """Reading stops here; the last fault says why."""


class _Builder:
    """Builds nodes from parser events with a stack of its own."""

    def __init__(self, text: str) -> None:
        self.root: Node = ScalarNode("", "", Mark(1, 1, 0), 0)
        self.faults: list[Fault] = []
        self._text = text
        self._stack: list[SequenceNode | MappingNode] = []
        self._keys: list[ScalarNode | None] = []
        self._paths: list[str] = []
        self._nodes = 0
        self._documents = 0

    def read(self, events: Iterator[Any]) -> None:
        """Take all events of the parser."""
        for event in events:
            if isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    self._stop(_mark(event), "holds several YAML documents; only one is allowed.")

    def _node(self, event: Any) -> None:
        start = _mark(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(start, f"has more than {MAX_NODES:,} entries.")
        if event.anchor is not None or event.__class__ is yaml.AliasEvent or event.tag is not None:
            self._refuse_extras(event, start)
        if event.__class__ is yaml.ScalarEvent:
            self._add(self._scalar(event, start))
        elif event.__class__ is yaml.AliasEvent:
            self._add(ScalarNode("", "", start, _end(event)))
        else:
            self._open(event, start)

    def _refuse_extras(self, event: Any, start: Mark) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._fault(start, f"aliases such as *{str(event.anchor)[:40]} are not allowed; write the value itself.")
        elif event.anchor is not None:
            self._fault(start, f"anchors such as &{str(event.anchor)[:40]} are not allowed; remove it.")
        if getattr(event, "tag", None) is not None:
            self._fault(start, f"tags such as {event.tag[:60]} are not allowed; remove it.")

    def _open(self, event: Any, start: Mark) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._stop(start, f"is nested more than {MAX_DEPTH} levels deep.")
        kind = SequenceNode if isinstance(event, yaml.SequenceStartEvent) else MappingNode
        node = kind(bool(event.flow_style), start, _end(event))
        path = self._path()
        self._add(node)
        self._paths.append(path)
        self._stack.append(node)
        self._keys.append(None)

    def _scalar(self, event: Any, start: Mark) -> ScalarNode:
        text = event.value
        style = event.style or ""
        if len(text) > MAX_SCALAR:
            self._fault(start, f"a text may have at most {MAX_SCALAR:,} characters, not {len(text):,}.")
            text = ""
        elif found := _FORBIDDEN_VALUE.search(text):
            self._fault(start, f"the character U+{ord(found[0]):04X} is not allowed.")
        end = _end(event)
        if style in ("|", ">"):
            end = start.index + len(self._text[start.index : end].rstrip())
        return ScalarNode(text, style, start, end)

    def _add(self, node: Node) -> None:
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        if isinstance(parent, SequenceNode):
            if len(parent.items) >= MAX_ITEMS:
                self._stop(node.start, f"a list may have at most {MAX_ITEMS:,} items.")
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = self._key(node)
        else:
            self._keys[-1] = None
            parent.entries.setdefault(key.text, Entry(key, node))
            if len(parent.entries) > MAX_KEYS:
                self._stop(node.start, f"a mapping may have at most {MAX_KEYS:,} keys.")

    def _key(self, node: Node) -> ScalarNode:
        parent = self._stack[-1]
        assert isinstance(parent, MappingNode)
        if not isinstance(node, ScalarNode):
            self._fault(node.start, "a key must be a word, not a list or a mapping.")
            return ScalarNode("", "", node.start, node.end)
        if node.text == "<<":
            self._fault(node.start, "merge keys (<<) are not allowed; write the values themselves.")
        elif not node.style and _NOT_TEXT.fullmatch(node.text):
            shown = f"the key {node.text[:40]} is not text" if node.text else "a key is missing"
            self._fault(node.start, f"{shown}; put it in quotes.")
        elif node.text in parent.entries:
            first = parent.entries[node.text].key.start.line
            self._fault(node.start, f"the key {node.text[:60]!r} is there already, in line {first}.", node.text)
        return node

    def _close(self, event: Any) -> None:
        node = self._stack.pop()
        self._keys.pop()
        self._paths.pop()
        if node.is_flow:
            node.end = _end(event)
        elif isinstance(node, SequenceNode):
            node.end = max([node.end, *(item.end for item in node.items[-1:])])
        else:
            node.end = max([node.end, *(entry.value.end for entry in node.entries.values())])

    def _path(self) -> str:
        """Path of the node that comes next."""
        if not self._stack:
            return ""
        if isinstance(self._stack[-1], SequenceNode):
            return f"{self._paths[-1]}[{len(self._stack[-1].items)}]"
        return child_path(self._paths[-1], key.text) if (key := self._keys[-1]) else self._paths[-1]

    def _fault(self, mark: Mark, message: str, key: str = "") -> None:
        path = child_path(self._path(), key) if key else self._path()
        self.faults.append(Fault(path=path, message=message, line=mark.line, column=mark.column))
        if len(self.faults) >= MAX_FAULTS:
            raise _TooManyError

    def _stop(self, mark: Mark, message: str) -> None:
        self._fault(mark, message)
        raise _TooManyError


def _mark(event: Any) -> Mark:
    mark = event.start_mark
    return Mark(mark.line + 1, mark.column + 1, mark.index)


def _end(event: Any) -> int:
    return int(event.end_mark.index)
