"""Brings the tree of an older project file to today's format, in memory only.

Each step is one function ``_to_N`` that takes the tree of format N - 1; steps are
applied in order and never edited after release. Opening never rewrites the file.
"""

from collections.abc import Callable
from dataclasses import replace

from moe_studio.errors import Fault, FileError
from moe_studio.project.project import FORMAT
from moe_studio.storage.scalar import ScalarError, read_int
from moe_studio.storage.yaml_tree import Entry, MappingNode, Node, ScalarNode

Step = Callable[[MappingNode], MappingNode]

_STEPS: tuple[Step, ...] = ()


def migrated(tree: Node, file: str, steps: tuple[Step, ...] = _STEPS) -> Node:
    """``tree`` in today's format; a file without ``format`` is of the first."""
    if not isinstance(tree, MappingNode) or (entry := tree.entries.get("format")) is None:
        return _upgraded(tree, 1, steps)
    number = _format_number(entry, file)
    newest = len(steps) + 1
    if number > newest:
        message = (
            f"the file is newer than this program: it has format {number}, and this version of MoE Studio "
            f"reads up to format {newest}. Update MoE Studio to open it."
        )
        raise FileError(file, [_fault(entry, message)])
    return _upgraded(tree, number, steps)


def _upgraded(tree: Node, number: int, steps: tuple[Step, ...]) -> Node:
    if not isinstance(tree, MappingNode):
        return tree
    for step in steps[number - 1 :]:
        tree = step(tree)
    if entry := tree.entries.get("format"):
        assert isinstance(entry.value, ScalarNode)
        today = Entry(entry.key, replace(entry.value, text=str(FORMAT)))
        return replace(tree, entries={**tree.entries, "format": today})
    return tree


def _format_number(entry: Entry, file: str) -> int:
    try:
        if isinstance(entry.value, ScalarNode) and (number := read_int(entry.value)) >= 1:
            return number
    except ScalarError:
        pass
    raise FileError(file, [_fault(entry, "must be a whole number from 1 up.")])


def _fault(entry: Entry, message: str) -> Fault:
    place = entry.value.start
    return Fault(path="format", message=message, line=place.line, column=place.column)
