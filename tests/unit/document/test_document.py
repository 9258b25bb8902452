"""The document: history, preview, selection, file."""

from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection
from moe_studio.errors import ProjectError, SaveError
from moe_studio.locator import resource
from moe_studio.project.edit import (
    Edit,
    identity,
    move_expert,
    remove_instance,
    rename,
    replicate_expert,
    reset_placement,
    set_value,
    swap_experts,
)
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project

EXAMPLE = resource("examples", "seed0-proposed.moe.yaml")
SLOTS = st.integers(0, 15)
LAYERS = st.sets(st.integers(0, 3), min_size=1)


def edits() -> st.SearchStrategy[Edit]:
    """Any edit that is valid for the example."""
    instance = st.tuples(SLOTS, SLOTS)
    return st.one_of(
        st.just(identity),
        st.builds(lambda x, a, b, n: move_expert(x, a, b, layers=n), SLOTS, SLOTS, SLOTS, LAYERS),
        st.builds(lambda a, b, n: swap_experts(a, b, layers=n), instance, instance, LAYERS),
        st.builds(lambda x, a, n: replicate_expert(x, a, layers=n), SLOTS, SLOTS, LAYERS),
        st.builds(lambda x, a, n: remove_instance(x, a, layers=n), SLOTS, SLOTS, LAYERS),
        st.builds(rename, st.text("ab ", max_size=4)),
        st.builds(reset_placement, st.sampled_from(("contiguous", "round-robin"))),
        st.builds(lambda n: set_value("workload.batch", n), st.integers(1, 4096)),
    )


class Editing(RuleBasedStateMachine):
    """Whatever is done, the history holds the very objects that were committed."""

    def __init__(self) -> None:
        super().__init__()
        self.document = Document(load_project(EXAMPLE))
        self.states = [self.document.project]
        self.cursor = 0

    @rule(edit=edits())
    def commit(self, edit: Edit) -> None:
        before = self.document.history.current
        if self.document.commit("edit", edit):
            self.states = [*self.states[: self.cursor + 1], self.document.project]
            self.cursor += 1
        else:
            assert edit(before) == before

    @rule(edit=edits())
    def preview(self, edit: Edit) -> None:
        self.document.preview(edit)
        assert self.document.project == edit(self.states[self.cursor])

    @rule(edit=edits(), chosen=edits())
    def drag(self, edit: Edit, chosen: Edit) -> None:
        self.preview(edit)
        self.preview(chosen)
        self.commit(chosen)

    @rule()
    def cancel(self) -> None:
        self.document.cancel()
        assert self.document.project is self.states[self.cursor]

    @rule()
    def undo(self) -> None:
        self.document.undo()
        self.cursor = max(0, self.cursor - 1)
        assert self.document.project is self.states[self.cursor]

    @rule()
    def redo(self) -> None:
        self.document.redo()
        self.cursor = min(len(self.states) - 1, self.cursor + 1)
        assert self.document.project is self.states[self.cursor]

    @invariant()
    def history_holds_the_committed_objects(self) -> None:
        assert all(a.project is b for a, b in zip(self.document.history.entries, self.states, strict=True))

    def teardown(self) -> None:
        for _ in range(len(self.states)):
            self.document.undo()
        assert self.document.project is self.states[0]
        for _ in range(len(self.states)):
            self.document.redo()
        assert self.document.project is self.states[-1]


TestEditing = Editing.TestCase
TestEditing.settings = settings(stateful_step_count=25, max_examples=25)


def test_a_preview_changes_the_evaluation_and_cancelling_restores_the_same_object(small: Project) -> None:
    document = Document(small)
    before = document.evaluation
    document.preview(move_expert(0, 0, 1, layers=range(4)))
    assert document.evaluation.metrics.latency_s > before.metrics.latency_s
    assert document.committed_evaluation is before
    document.cancel()
    assert document.evaluation is before


def test_a_drop_keeps_the_evaluation_of_its_preview(small: Project) -> None:
    document = Document(small)
    edit = move_expert(0, 0, 1, layers=range(4))
    document.preview(edit)
    shown = document.evaluation
    document.commit("Move", edit)
    assert document.evaluation is shown


def test_an_effect_is_what_the_preview_would_show(small: Project) -> None:
    document = Document(small)
    edit = move_expert(0, 0, 1, layers=range(4))
    effect = document.effect(edit, 1)
    assert not document.is_previewing
    document.preview(edit)
    assert effect.latency_s == document.evaluation.metrics.latency_s
    assert effect.memory_byte == document.evaluation.memory.total[1]
    assert effect.ratio > 0


def test_a_change_that_the_project_refuses_leaves_everything_as_it_was(small: Project) -> None:
    document = Document(small)
    with pytest.raises(ProjectError):
        document.commit("Too many stages", set_value("parallel.pp", 64))
    assert document.project is small
    assert len(document.history.entries) == 1


def test_listeners_hear_of_changes_and_not_of_nothing(small: Project) -> None:
    document = Document(small)
    heard: list[str] = []
    document.on_project.append(lambda: heard.append("project"))
    document.on_selection.append(lambda: heard.append("selection"))
    document.preview(identity)
    document.select(document.selection)
    assert heard == []
    document.select(Selection(kind="gpu", gpu=1))
    document.commit("Rename", rename("Other"))
    assert heard == ["selection", "project"]


def test_selecting_is_no_step_of_the_history(small: Project) -> None:
    document = Document(small)
    document.commit("Rename", rename("Other"))
    document.select(Selection(kind="gpu", gpu=1))
    document.undo()
    assert document.project is small
    assert document.selection.gpu == 1


def test_what_the_design_no_longer_has_is_no_longer_selected() -> None:
    document = Document(load_project(EXAMPLE))
    heard: list[Selection] = []
    document.on_selection.append(lambda: heard.append(document.selection))
    document.select_all([Selection(kind="gpu", gpu=15), Selection(kind="gpu", gpu=3), Selection(kind="node", node=1)])
    nodes = document.project.cluster.nodes

    def without_the_second(project: Project) -> Project:
        cluster = replace(project.cluster, nodes=nodes[:1])
        return replace(project, cluster=cluster, parallel=replace(project.parallel, ep=8))

    document.commit("Remove node1", without_the_second)
    assert document.selected == (Selection(kind="gpu", gpu=3),)
    assert heard[-1] == document.selection == Selection(kind="gpu", gpu=3)


def test_a_file_is_modified_until_it_is_saved_or_the_change_undone(tmp_path: Path) -> None:
    path = Path(copy(EXAMPLE, tmp_path))
    document = Document.load(path)
    assert not document.is_modified
    document.commit("Rename", rename("Other"))
    assert document.is_modified
    document.undo()
    assert not document.is_modified
    document.redo()
    document.save()
    assert not document.is_modified
    assert load_project(path).name == "Other"
    assert "# Source document 000" in path.read_text()


def test_saving_does_not_overwrite_what_another_program_wrote(tmp_path: Path) -> None:
    path = Path(copy(EXAMPLE, tmp_path))
    document = Document.load(path)
    path.write_text(path.read_text() + "# mine\n")
    document.commit("Rename", rename("Other"))
    with pytest.raises(SaveError, match="another program"):
        document.save()
    assert path.read_text().endswith("# mine\n")
    document.save_as(tmp_path / "other.moe.yaml")
    assert load_project(tmp_path / "other.moe.yaml").name == "Other"


def test_a_new_design_is_unmodified_until_edited_and_asks_for_a_file(small: Project) -> None:
    document = Document(small)
    assert not document.is_modified
    document.commit("Rename", rename("Other"))
    assert document.is_modified
    with pytest.raises(SaveError, match="Save as"):
        document.save()
