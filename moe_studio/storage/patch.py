"""Changes values inside a YAML text and leaves all else as somebody wrote it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, is_dataclass
from difflib import SequenceMatcher
from typing import Any

from moe_studio.project.cluster import Cluster
from moe_studio.storage.plain_data import Plain, field_base, plain, reference_base
from moe_studio.storage.reader import Sources, field_shapes
from moe_studio.storage.yaml_text import block_lines, entry_lines, fits_in_line, flow_text, item_lines, scalar_text
from moe_studio.storage.yaml_tree import Entry, MappingNode, Node, ScalarNode, SequenceNode

_MOST_COMPARED = 300
"""Items beyond this number are paired in order: matching them would take too long."""

_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)")


@dataclass(frozen=True, slots=True)
class _Part:
    """An entry or item: where it was, or -1 when it is new, and its text now, None when it is removed."""

    start: int
    end: int
    text: str | None


@dataclass(frozen=True, slots=True)
class _Change:
    """What a node stood for, what it must stand for now, and what it is written as a change of."""

    old: Any
    new: Any
    base: Any
    is_base_new: bool

    @property
    def is_none(self) -> bool:
        """Whether the node may stay as it is."""
        return not self.is_base_new and bool(self.old == self.new)


class Patch:
    """One text under change."""

    def __init__(self, text: str, known: Sources) -> None:
        self._text = text
        self._known = known

    def updated(self, tree: MappingNode, old: object, new: object) -> str:
        """The text in which ``tree``, which stood for ``old``, stands for ``new``."""
        changed = self._node(tree, _Change(old, new, None, False), 0)
        return self._text[: tree.start.index] + changed + self._text[self._end(tree) :]

    def _node(self, node: Node, change: _Change, indent: int, *, is_flow: bool = False) -> str:
        """Text of ``node`` after ``change``; that of a block collection takes in the comment behind it."""
        if change.is_none:
            return self._text[node.start.index : self._end(node)]
        if isinstance(node, MappingNode) and is_dataclass(change.new) and change.old is not None:
            return self._record(node, change)
        if isinstance(node, MappingNode) and isinstance(change.new, Mapping):
            return self._table(node, change)
        if isinstance(node, SequenceNode) and isinstance(change.new, tuple):
            return self._items(node, change.old, change.new)
        return self._fresh(node, change, indent, is_flow)

    def _fresh(self, node: Node, change: _Change, indent: int, is_flow: bool) -> str:
        """The value written anew, unless it is a scalar that stays."""
        is_scalar = not isinstance(change.new, tuple | Mapping) and not is_dataclass(change.new)
        if is_scalar and change.old == change.new:
            return self._text[node.start.index : node.end]
        data = plain(change.new, change.base, self._known)
        lead = " " if self._text[max(node.start.index - 1, 0) : node.start.index] in (":", "-") else ""
        if isinstance(data, list | dict) and not is_flow and not fits_in_line(data, indent + 20):
            return "\n" + "\n".join(block_lines(data, indent + 2))
        if isinstance(data, list | dict):
            return lead + flow_text(data)
        return lead + scalar_text(data, quoted=isinstance(node, ScalarNode) and node.style in ("'", '"'))

    def _record(self, node: MappingNode, change: _Change) -> str:
        base = reference_base(change.new, change.base, self._known)
        is_base_new = change.is_base_new or base != reference_base(change.old, change.base, self._known)
        fates: dict[str, _Change | None] = {}
        missing: dict[str, Plain] = {}
        for shape in field_shapes(type(change.new)):
            old, new, below = getattr(change.old, shape.name), getattr(change.new, shape.name), field_base(shape, base)
            if shape.name in node.entries:
                is_back = new != old and below is not MISSING and new == below
                fates[shape.name] = None if is_back else _Change(old, new, _known(below), is_base_new)
            elif (shape.kind is not Cluster or new != old) if below is MISSING else new != below:
                missing[shape.name] = plain(new, _known(below), self._known)
        order = [shape.name for shape in field_shapes(type(change.new))]
        return self._mapping(node, fates, missing, order)

    def _table(self, node: MappingNode, change: _Change) -> str:
        base: Mapping[str, Any] = change.base or {}
        fates: dict[str, _Change | None] = {}
        for key in node.entries:
            old, new = change.old.get(key), change.new.get(key)
            is_back = new != old and new == base.get(key)
            fates[key] = None if is_back else _Change(old, new, base.get(key), change.is_base_new)
        missing = {
            key: plain(new, base.get(key), self._known)
            for key, new in change.new.items()
            if key not in node.entries and (key not in base or new != base[key])
        }
        gone: dict[str, Plain] = {key: None for key in base if key not in change.new and key not in node.entries}
        return self._mapping(node, fates, missing | gone, [*change.new, *gone])

    def _mapping(
        self,
        node: MappingNode,
        fates: Mapping[str, _Change | None],
        missing: Mapping[str, Plain],
        order: Sequence[str],
    ) -> str:
        indent = node.start.column - 1
        parts: dict[str, _Part] = {}
        for key, entry in node.entries.items():
            change = fates.get(key)
            text = None if change is None else self._entry(entry, change, indent, node.is_flow)
            parts[key] = _Part(entry.key.start.index, self._part_end(entry.value, node), text)
        for key, data in missing.items():
            lines = [f"{scalar_text(key)}: {flow_text(data)}"] if node.is_flow else entry_lines(key, data, indent)
            parts = _inserted(parts, key, _Part(-1, -1, "\n".join(lines).lstrip(" ")), order)
        return self._joined(node, list(parts.values()), "{}")

    def _entry(self, entry: Entry, change: _Change, indent: int, is_flow: bool) -> str:
        value = self._node(entry.value, change, indent, is_flow=is_flow)
        lead = self._text[entry.key.start.index : entry.value.start.index]
        return (lead.rstrip(" ") if value.startswith("\n") else lead) + value + self._rest(entry.value, is_flow)

    def _items(self, node: SequenceNode, old: tuple[Any, ...], new: tuple[Any, ...]) -> str:
        targets, extra = _pairs(old, new)
        starts = self._item_starts(node)
        indent = node.start.column - 1
        parts: list[_Part] = []
        for index, item in enumerate(node.items):
            text = None
            if index in targets:
                change = _Change(old[index], new[targets[index]], None, False)
                value = self._node(item, change, indent, is_flow=node.is_flow)
                text = self._text[starts[index] : item.start.index] + value + self._rest(item, node.is_flow)
            parts.append(_Part(starts[index], self._part_end(item, node), text))
        for place, index in reversed(extra):
            data = plain(new[index], None, self._known)
            text = flow_text(data) if node.is_flow else "\n".join(item_lines(data, indent)).lstrip(" ")
            parts.insert(place, _Part(-1, -1, text))
        return self._joined(node, parts, "[]")

    def _joined(self, node: MappingNode | SequenceNode, parts: list[_Part], empty: str) -> str:
        """The collection with its parts as they are now, and the text between those that stay."""
        if node.is_flow:
            return self._joined_flow(node, parts, empty)
        result, carry, end = "", "", -1
        for part in parts:
            is_behind_old = end >= 0 and part.start >= 0
            gap = self._text[end : part.start] if is_behind_old else "\n" + " " * (node.start.column - 1)
            end = max(end, part.end)
            if part.start < 0:
                result += (gap if result else "") + (part.text or "")
            elif part.text is None:
                carry += gap[: max(gap.rfind("\n"), 0)] if is_behind_old else ""
            else:
                lead = carry + gap
                result += (lead if result else lead.lstrip()) + part.text
                carry = ""
        return (result or empty) + carry

    def _joined_flow(self, node: MappingNode | SequenceNode, parts: list[_Part], empty: str) -> str:
        open_end, end = node.start.index + 1, -1
        inside = ""
        for part in parts:
            is_lead = end < 0 and not inside
            gap = (
                self._text[open_end if is_lead else end : part.start]
                if part.start >= 0 and (is_lead or end >= 0)
                else ", "
            )
            end = max(end, part.end)
            if part.text is not None:
                is_first = not inside
                inside += ("" if is_first and "," in gap else gap) + part.text
        if not inside:
            return empty
        return empty[0] + inside + (self._text[end : node.end] if end >= 0 else empty[1])

    def _item_starts(self, node: SequenceNode) -> list[int]:
        """Where each item begins: at its dash in block style."""
        if node.is_flow:
            return [item.start.index for item in node.items]
        starts, place = [], node.start.index
        for item in node.items:
            while self._text[place] != "-":
                place = self._text.index("\n", place) if self._text[place] == "#" else place + 1
            starts.append(place)
            place = item.end
        return starts

    def _rest(self, node: Node, is_flow: bool) -> str:
        """The comment behind a value on its line, unless the value's own text has it already."""
        if is_flow or (not isinstance(node, ScalarNode) and not node.is_flow):
            return ""
        return self._text[node.end : self._line_end(node.end)]

    def _end(self, node: Node) -> int:
        """Where the text of `_node` ends in the old text."""
        is_block = not isinstance(node, ScalarNode) and not node.is_flow
        return self._line_end(node.end) if is_block else node.end

    def _part_end(self, node: Node, parent: MappingNode | SequenceNode) -> int:
        return node.end if parent.is_flow else self._line_end(node.end)

    def _line_end(self, place: int) -> int:
        """End of the line at ``place`` when only a comment follows there, else ``place``."""
        found = _REST_OF_LINE.match(self._text, place)
        return found.end() if found else place


def _known(base: Any) -> Any:
    return None if base is MISSING else base


def _pairs(old: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """Which old item becomes which new one, and the new ones without a partner, each behind an old place."""
    targets: dict[int, int] = {}
    extra: list[tuple[int, int]] = []
    for old_start, old_stop, new_start, new_stop in _runs(old, new):
        paired = min(old_stop - old_start, new_stop - new_start)
        targets |= {old_start + index: new_start + index for index in range(paired)}
        extra += [(old_stop, index) for index in range(new_start + paired, new_stop)]
    return targets, extra


def _runs(old: tuple[Any, ...], new: tuple[Any, ...]) -> Iterator[tuple[int, int, int, int]]:
    """Runs of items that belong together, as (start, stop) in ``old`` and in ``new``."""
    shorter = min(len(old), len(new))
    head = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    tail = next((index for index in range(shorter - head) if old[-1 - index] != new[-1 - index]), shorter - head)
    yield 0, head, 0, head
    if shorter - head - tail <= _MOST_COMPARED:
        before = [repr(item) for item in old[head : len(old) - tail]]
        after = [repr(item) for item in new[head : len(new) - tail]]
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        for _, *(old_start, old_stop, new_start, new_stop) in matcher.get_opcodes():
            yield head + old_start, head + old_stop, head + new_start, head + new_stop
    else:
        yield head, len(old) - tail, head, len(new) - tail
    yield len(old) - tail, len(old), len(new) - tail, len(new)


def _inserted(parts: dict[str, _Part], key: str, part: _Part, order: Sequence[str]) -> dict[str, _Part]:
    """``parts`` with ``key`` behind the nearest of those that come before it in ``order``, else at the end."""
    before = [name for name in order[: order.index(key)] if name in parts]
    if not before:
        return {**parts, key: part}
    names = list(parts)
    place = names.index(before[-1]) + 1
    return {**{name: parts[name] for name in names[:place]}, key: part, **{name: parts[name] for name in names[place:]}}
