"""Older and newer formats."""

from dataclasses import replace
from pathlib import Path

import pytest

from moe_studio.errors import FileError
from moe_studio.storage.loader import load_project, parse_project
from moe_studio.storage.migration import migrated
from moe_studio.storage.yaml_tree import MappingNode, ScalarNode, read_tree

SAMPLES = Path(__file__).parent / "samples"


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.moe.yaml")), ids=lambda path: path.name)
def test_a_sample_of_every_format_opens_and_is_not_rewritten(path: Path) -> None:
    before = path.read_bytes()
    assert load_project(path).name == "Sample"
    assert path.read_bytes() == before


def test_a_newer_file_says_that_it_is_newer() -> None:
    with pytest.raises(
        FileError, match="line 2, column 9: format: the file is newer than this program: it has format 7"
    ):
        parse_project("# later\nformat: 7\nunheard_of: {}\n")


@pytest.mark.parametrize("number", ["0", "-1", "one", "1.0", "[1]", "'1'", "null", "01"])
def test_a_format_that_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(FileError, match="format: must be a whole number from 1 up"):
        parse_project(f"format: {number}\n")


def _to_2(tree: MappingNode) -> MappingNode:
    return replace(tree, entries={"title" if key == "name" else key: entry for key, entry in tree.entries.items()})


def _to_3(tree: MappingNode) -> MappingNode:
    return replace(tree, entries={key: entry for key, entry in tree.entries.items() if key != "gone"})


@pytest.mark.parametrize(
    ("text", "keys"), [("", "title"), ("format: 1\n", "title"), ("format: 2\n", "name"), ("format: 3\n", "name gone")]
)
def test_steps_are_applied_in_order_from_the_format_of_the_file(text: str, keys: str) -> None:
    tree = migrated(read_tree(text + "name: a\ngone: b\n", "file"), "file", (_to_2, _to_3))
    assert isinstance(tree, MappingNode)
    assert set(tree.entries) - {"format"} == set(keys.split())
    if entry := tree.entries.get("format"):
        assert isinstance(entry.value, ScalarNode)
        assert entry.value.text == "1"
