"""Copying and pasting nodes and placements as text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.document.clipboard import copied_text, pasted
from moe_studio.document.document import Document
from moe_studio.document.selection import Selection
from moe_studio.errors import MoeStudioError
from moe_studio.project.edit import expert_slots, move_expert, reset_placement, set_value
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project

NODES = tuple(Selection(kind="node", node=number) for number in range(2))


@pytest.fixture(scope="module")
def example() -> Project:
    return load_project(example_path("seed0-proposed-dp"))


def test_nodes_are_copied_in_the_words_of_a_project_file(example: Project) -> None:
    assert copied_text(example, NODES) == (
        "cluster:\n"
        "  nodes:\n"
        "    - {name: node0, device: seed-64g, at: [0, 0]}\n"
        "    - {name: node1, device: seed-64g, at: [1, 0]}\n"
    )


def test_pasted_nodes_get_free_names_and_places_in_one_step(example: Project) -> None:
    document = Document(example)
    paste = pasted(example, copied_text(example, NODES))
    assert document.commit(paste.label, paste.edit)
    nodes = document.project.cluster.nodes
    assert [node.name for node in nodes] == ["node0", "node1", "node2", "node3"]
    assert len({node.at for node in nodes}) == 4
    assert paste.label == "Paste 2 nodes"
    assert [item.node for item in paste.selected] == [2, 3]
    document.undo()
    assert document.project is example


def test_nodes_bring_their_own_devices_into_another_design(example: Project) -> None:
    mine = replace(example.cluster.device("seed-64g"), memory_gb=96.0)
    other = set_value("cluster.devices.mine", mine)(example)
    other = set_value("cluster.nodes[1].device", "mine")(other)
    text = copied_text(other, NODES[1:])
    assert "memory_gb: 96" in text
    made = pasted(example, text).edit(example)
    assert made.cluster.device("mine") == mine
    clash = set_value("cluster.devices.mine", replace(mine, memory_gb=1.0))(example)
    with pytest.raises(MoeStudioError, match="other figures for the device 'mine'"):
        pasted(clash, text)


def test_a_placement_is_copied_with_what_the_policy_does(example: Project) -> None:
    moved = move_expert(5, 5, 13, layers=[0, 1])(example)
    text = copied_text(moved, (Selection(kind="expert", expert=5),))
    assert text.splitlines()[2:] == [
        "    - {layers: 0-1, expert: 5, slots: [13]}",
        "    - {layers: 2-3, expert: 5, slots: [5]}",
    ]


def test_a_pasted_placement_is_where_it_was_copied(example: Project) -> None:
    moved = move_expert(5, 5, 13, layers=range(4))(example)
    text = copied_text(moved, (Selection(kind="gpu", gpu=13),))
    paste = pasted(example, text)
    made = paste.edit(example)
    assert expert_slots(made, 5) == expert_slots(moved, 5)
    assert paste.label == "Paste the placement of 2 experts"


@given(st.data())
def test_copying_all_experts_and_pasting_them_gives_the_same_placement(data: st.DataObject) -> None:
    example = load_project(example_path("seed0-proposed-dp"))
    moved = example
    for _ in range(data.draw(st.integers(0, 6))):
        expert, slot = data.draw(st.integers(0, 15)), data.draw(st.integers(0, 15))
        source = data.draw(st.integers(0, 15))
        layers = data.draw(st.lists(st.integers(0, 3), min_size=1, unique=True))
        moved = move_expert(expert, source, slot, layers=layers)(moved)
    text = copied_text(moved, [Selection(kind="expert", expert=expert) for expert in range(16)])
    made = pasted(reset_placement("round-robin")(example), text).edit(reset_placement("round-robin")(example))
    assert all(expert_slots(made, expert) == expert_slots(moved, expert) for expert in range(16))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The clipboard is empty."),
        ("hello there", "holds no nodes and no placement"),
        ("https://somewhere/else", "holds no nodes and no placement"),
        ("cluster: {nodes: []}", "holds no nodes and no placement"),
        ("cluster: {nodes: [{name: a, gpus: -1}]}", "gpus: must be at least 1"),
        ("cluster: {nodse: []}", "nodse: is not a known key"),
        ("cluster: {nodes: [{name: a, device: tpu-9}]}", "has no device 'tpu-9'"),
        ("placement: {moves: [{expert: 99, slots: [0]}]}", "This model has no expert 99."),
        ("placement: {moves: [{expert: 1, slots: [16]}]}", "slots here are 0 to 15"),
        ("placement: {moves: [{expert: 1, slots: [3], replica: 4}]}", "There is no replica 4"),
        ("a: &x [1]\nb: *x", "holds no nodes and no placement"),
        ("[" * 5000, "holds no nodes and no placement"),
        ("x" * 3_000_000, "is longer than"),
    ],
)
def test_foreign_text_is_refused_in_a_sentence(example: Project, text: str, said: str) -> None:
    with pytest.raises(MoeStudioError) as found:
        pasted(example, text)
    assert said in str(found.value)
    assert len(str(found.value)) < 400


def test_nothing_to_copy_is_said(example: Project) -> None:
    with pytest.raises(MoeStudioError, match="Select nodes"):
        copied_text(example, (Selection(kind="design"),))
