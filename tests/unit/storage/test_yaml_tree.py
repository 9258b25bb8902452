"""The hardened YAML reader: what it refuses, where it says the fault is, and that it never crashes."""

import time

import pytest

from moe_studio.errors import FileError
from moe_studio.storage.yaml_tree import MAX_DEPTH, MappingNode, ScalarNode, SequenceNode, read_tree

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)
MERGES = "a: &a {k: v}\n" + "".join(f"b{i}: &b{i} {{<<: [*a, *a]}}\n" for i in range(20))

BOMBS = {
    "laughs": LAUGHS,
    "merges": MERGES,
    "one merge key": "a: {<<: {b: 1}}",
    "merge of a list": "<<: [{a: 1}, {b: 2}]",
    "anchor": "a: &x 1",
    "anchor of a key": "&x a: 1",
    "alias of nothing": "a: *x",
    "alias to itself": "a: &x [*x]",
    "100,000 anchors": "".join(f"k{i}: &a{i} 1\n" for i in range(100_000)),
    "100,000 aliases": "a: [" + "*x, " * 100_000 + "]",
    "python tag": "a: !!python/object/apply:os.system [ls]",
    "python name": "a: !!python/name:os.system",
    "local tag": "a: !evil {}",
    "verbatim tag": "a: !<tag:yaml.org,2002:binary> aGk=",
    "set": "a: !!set {x, y}",
    "binary": "a: !!binary aGVsbG8=",
    "non-specific tag": "a: ! 12",
    "tag directives": "".join(f"%TAG !{i}! !{i}\n" for i in range(50_000)) + "--- a",
    "version directive": "%YAML 1.1\n---\na: 1",
    "two documents": "a: 1\n---\nb: 2",
    "100,000 documents": "--- a\n" * 100_000,
    "flow lists": "[" * 1_000_000,
    "flow mappings": "{a: " * 500_000,
    "both": "[{a: " * 300_000,
    "block lists": "- " * 1_000_000,
    "explicit keys": "? " * 1_000_000,
    "deep blocks": "".join(" " * i + "a:\n" for i in range(1_500)),
    "closed lists": "[" * 100_000 + "]" * 100_000,
    "keys that are lists": "{" + "[" * 1000 + "]" * 1000 + ": 1}",
    "list as key": "? [a, b]\n: 1",
    "mapping as key": "{{a: b}: 1}",
    "flat list": "[" + "1," * 700_000 + "]",
    "medium list": "[" + "1," * 100_000 + "]",
    "medium mapping": "".join(f"k{i}: 1\n" for i in range(100_000)),
    "flat lines": "- 1\n" * 400_000,
    "flat keys": "".join(f"k{i}: 1\n" for i in range(200_000)),
    "same key": "a: 1\n" * 100_000,
    "empty lines": "\n" * 1_900_000,
    "returns": "\r" * 1_900_000,
    "long scalar": "a: " + "x" * 1_900_000,
    "long quoted scalar": 'a: "' + "x" * 1_900_000 + '"',
    "long key": "x" * 1_900_000 + ": 1",
    "long block scalar": "a: |\n " + "x" * 1_900_000,
    "too long": "#" * 20_000_000,
    "unclosed quote": 'a: "' + "x " * 900_000,
    "escapes": 'a: "' + "\\x41" * 400_000 + '"',
    "escaped nothing": 'a: "\\0"',
    "escaped bell": 'a: "\\a"',
    "escaped return": 'a: "x\\r"',
    "escaped surrogate": 'a: "\\ud800"',
    "nothing": "a: \x00",
    "bell": "a: \x07",
    "escape sequence": "a: \x1b[31m",
    "next line": "a: 1\x85b: 2",
    "line separator": "a: 1\u2028b: 2",
    "mark inside": "a: \ufeff1",
    "lone surrogate": "a: \ud800",
    "number as key": "1: a",
    "true as key": "true: a",
    "missing key": ": a",
    "null as key": "~: a",
    "tab as indent": "a:\n\tb: 1",
    "two values": "a: b: c",
    "percent": "a: 1\n%b: 2",
}


@pytest.mark.parametrize("name", BOMBS)
def test_every_bomb_is_refused_with_few_faults(name: str) -> None:
    with pytest.raises(FileError) as refusal:
        read_tree(BOMBS[name], "bomb")
    assert 1 <= len(refusal.value.faults) <= 100
    assert all(len(str(fault)) < 400 for fault in refusal.value.faults)


@pytest.mark.long
def test_there_are_at_least_fifty_bombs_and_together_they_take_no_time() -> None:
    assert len(BOMBS) >= 50
    start = time.process_time()
    for text in BOMBS.values():
        with pytest.raises(FileError):
            read_tree(text, "bomb")
    assert time.process_time() - start < 0.1 * len(BOMBS)


@pytest.mark.parametrize("depth", [100, 1_000, 10_000, 100_000, 1_000_000])
@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[{a: "])
def test_any_depth_is_refused_and_never_crashes(opening: str, depth: int) -> None:
    text = (opening * depth)[:1_900_000]
    with pytest.raises(FileError, match=r"nested more than 64 levels|lines and commas"):
        read_tree(text, "deep")


def test_the_deepest_allowed_list_is_read() -> None:
    node = read_tree("[" * MAX_DEPTH + "]" * MAX_DEPTH, "deep")
    depth = 0
    while isinstance(node, SequenceNode):
        depth, node = depth + 1, node.items[0] if node.items else ScalarNode("", "", node.start, 0)
    assert depth == MAX_DEPTH


def test_a_duplicate_key_is_refused_with_its_path_and_place() -> None:
    with pytest.raises(FileError) as refusal:
        read_tree("cluster:\n  nodes:\n    - {gpus: 1}\n    - {gpus: 2, gpus: 3}\n", "file")
    (fault,) = refusal.value.faults
    assert (fault.path, fault.line, fault.column) == ("cluster.nodes[1].gpus", 4, 17)
    assert "already" in fault.message


def test_all_faults_come_at_once() -> None:
    with pytest.raises(FileError) as refusal:
        read_tree("a: &x 1\nb: !!int 2\nc: *x\na: 3\n? [1]\n: 2\n", "file")
    assert [fault.line for fault in refusal.value.faults] == [1, 2, 3, 4, 5]


def test_scalars_stay_text_and_know_their_place() -> None:
    tree = read_tree("a: no\nb: 012\nc: 2001-01-01\nd: 1:30\n", "file")
    assert isinstance(tree, MappingNode)
    values = [entry.value for entry in tree.entries.values()]
    assert [value.text for value in values if isinstance(value, ScalarNode)] == ["no", "012", "2001-01-01", "1:30"]
    assert [(value.start.line, value.start.column) for value in values] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_place_counts_characters_and_not_bytes() -> None:
    tree = read_tree("a: ärger\nü: {b: 😀, c: 1}\n", "file")
    assert isinstance(tree, MappingNode)
    inner = tree.entries["ü"].value
    assert isinstance(inner, MappingNode)
    assert inner.entries["c"].value.start.column == 14
