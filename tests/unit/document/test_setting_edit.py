"""Typing settings: one step per field, what breaks the design waits, and undo brings everything back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.document.document import Document
from moe_studio.document.layout_edit import add_node
from moe_studio.document.selection import Selection
from moe_studio.document.setting_draft import allowed, suggestions
from moe_studio.document.setting_edit import Editing
from moe_studio.document.setting_field import MANY, Field
from moe_studio.document.setting_section import Action, Section, all_fields, field_at, sections
from moe_studio.document.setting_selection import selection_fields, together
from moe_studio.document.setting_value import layer_block, set_layer
from moe_studio.project.edit import move_expert, set_all, set_value
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path, load_model
from moe_studio.storage.loader import load_project
from moe_studio.storage.writer import project_text


@pytest.fixture(scope="module")
def example() -> Project:
    return load_project(example_path("seed0-proposed-dp"))


@pytest.fixture
def editing(example: Project) -> Editing:
    return Editing(Document(example))


def field(editing: Editing, path: str) -> Field:
    found = field_at(editing.document.project, path)
    assert found is not None, path
    return found


def type_(editing: Editing, path: str, *texts: str) -> None:
    row = (field(editing, path),)
    for text in texts:
        editing.type(row, text)


def enter(editing: Editing, path: str, text: str) -> bool:
    return editing.enter((field(editing, path),), text)


def labels(editing: Editing) -> list[str]:
    return [entry.label for entry in editing.document.history.entries[1:]]


def test_typing_previews_every_key_and_is_one_step(editing: Editing) -> None:
    document = editing.document
    seen = []
    for text in ("1", "12", "128"):
        type_(editing, "workload.batch", text)
        seen.append(document.project.workload.batch)
    assert seen == [1, 12, 128]
    assert document.history.current.workload.batch == 1024
    assert editing.finish()
    assert labels(editing) == ["Set Batch to 128"]
    document.undo()
    assert document.project.workload.batch == 1024


def test_escape_gives_back_what_was_there(editing: Editing) -> None:
    row = (field(editing, "workload.batch"),)
    editing.type(row, "7")
    editing.cancel(row)
    assert editing.document.project.workload.batch == 1024
    assert not editing.finish()
    assert labels(editing) == []


def test_another_field_ends_the_step_of_the_first(editing: Editing) -> None:
    type_(editing, "workload.batch", "64")
    type_(editing, "workload.tokens", "512")
    editing.finish()
    assert labels(editing) == ["Set Batch to 64", "Set Tokens to 512"]


def test_a_value_that_breaks_the_design_waits_until_another_makes_room_for_it(editing: Editing) -> None:
    document = editing.document
    assert not enter(editing, "parallel.pp", "2")
    assert document.project.parallel.pp == 1
    (waiting,) = editing.draft.changes
    assert waiting.text == "2"
    assert waiting.sentence == "ep · etp = 16 must divide the 8 GPUs of a stage."
    assert [(item.where, item.severity) for item in editing.problems()] == [("parallel.pp", "error")]
    assert enter(editing, "parallel.ep", "8")
    assert (document.project.parallel.pp, document.project.parallel.ep) == (2, 8)
    assert editing.draft.changes == ()
    assert labels(editing) == ["Set PP to 2 and EP to 8"]
    document.undo()
    assert (document.project.parallel.pp, document.project.parallel.ep) == (1, 16)


def test_values_that_are_valid_in_no_order_are_valid_together(editing: Editing) -> None:
    """24 GPUs do not divide by 16, and 16 GPUs not by 24."""
    enter(editing, "cluster.nodes[1].gpus", "16")
    assert len(editing.draft.changes) == 1
    assert enter(editing, "parallel.ep", "24")
    project = editing.document.project
    assert (project.cluster.gpu_count, project.parallel.ep) == (24, 24)


def test_latent_attention_waits_for_its_sizes(editing: Editing) -> None:
    enter(editing, "model.attention.kind", "mla")
    assert "needs kv_lora" in editing.draft.changes[0].sentence
    shown = sections(editing.document.project, editing.draft.values)
    wanted = {item.path: item for group in shown[0].groups for row in group.rows for item in row.fields}
    for name, text in (("kv_lora", "512"), ("qk_nope", "128"), ("v_dim", "128")):
        editing.enter((wanted[f"model.attention.{name}"],), text)
    attention = editing.document.project.model.attention
    assert (attention.kind, attention.kv_lora, attention.qk_nope, attention.v_dim) == ("mla", 512, 128, 128)
    assert editing.draft.changes == ()


@pytest.mark.parametrize(
    ("path", "text", "sentence"),
    [
        ("parallel.tp", "", "TP must be a whole number, such as 16."),
        ("parallel.tp", "1.5", "TP must be a whole number, such as 16."),
        ("parallel.tp", "0", "TP must be at least 1, not 0."),
        ("cost.compute", "nan", "Compute share must be a number, such as 1.8."),
        ("cost.compute", "1e999", "Compute share must be a number, such as 1.8."),
        ("cost.compute", "2", "Compute share must be at most 1, not 2."),
        ("workload.phase", "sleep", "Phase must be one of forward, prefill, decode."),
    ],
)
def test_a_text_that_means_no_value_stays_with_its_sentence(
    editing: Editing, path: str, text: str, sentence: str
) -> None:
    assert not enter(editing, path, text)
    (waiting,) = editing.draft.changes
    assert (waiting.text, waiting.sentence) == (text, sentence)
    assert labels(editing) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [("128,000", 128_000), ("8 × 2048", 16_384), ("1e6", 1_000_000), (" 64 ", 64), ("12_000", 12_000)],
)
def test_whole_numbers_are_read_as_engineers_write_them(editing: Editing, text: str, value: int) -> None:
    enter(editing, "workload.tokens", text)
    assert editing.document.project.workload.tokens == value


def test_what_waits_is_never_applied_by_undo(editing: Editing) -> None:
    enter(editing, "workload.batch", "512")
    enter(editing, "parallel.ep", "8")
    enter(editing, "parallel.pp", "2")
    enter(editing, "parallel.ep", "16")
    assert editing.draft.changes[0].text == "16"
    editing.document.undo()
    editing.refresh()
    assert editing.draft.changes[0].sentence == "It fits now: press Enter to apply it."
    assert editing.document.project.parallel.ep == 8


def test_an_undo_while_typing_lets_the_typed_text_go(editing: Editing) -> None:
    enter(editing, "workload.batch", "512")
    type_(editing, "workload.tokens", "5")
    editing.document.undo()
    assert not editing.finish()
    assert editing.document.project.workload.tokens == 10_000


def test_allowed_degrees_are_those_that_divide(editing: Editing) -> None:
    project = editing.document.project
    assert allowed(project, field(editing, "parallel.tp")) == (1, 2, 4, 8, 16)
    assert allowed(project, field(editing, "parallel.dp")) == (1,)
    assert allowed(project, field(editing, "workload.batch")) == ()


def test_a_suggestion_makes_room_in_one_step(editing: Editing) -> None:
    enter(editing, "parallel.pp", "2")
    found = suggestions(editing.document.project, editing.draft.changes[0])
    assert [item.text for item in found] == ["with EP 8"]
    assert editing.follow(found[0])
    assert (editing.document.project.parallel.pp, editing.document.project.parallel.ep) == (2, 8)
    assert editing.draft.changes == ()
    assert labels(editing) == ["Set PP to 2 and EP to 8"]


def test_moves_in_the_way_may_be_undone_with_the_suggestion(example: Project) -> None:
    moved = move_expert(0, 0, 15, layers=range(4))(example)
    editing = Editing(Document(moved))
    enter(editing, "parallel.pp", "2")
    enter(editing, "parallel.ep", "8")
    (waiting,) = editing.draft.changes
    assert "must be below the number of slots of a stage, 8" in waiting.sentence
    (suggestion,) = suggestions(editing.document.project, waiting)
    assert suggestion.text == "with every move undone"
    assert editing.follow(suggestion)
    assert editing.document.project.parallel.pp == 2


def test_adding_a_node_in_the_form_is_what_the_canvas_does(editing: Editing) -> None:
    before = editing.document.project
    assert editing.act(action_of(editing, "Add a node like the last"))
    assert editing.document.project == add_node(before).edit(before)
    assert [node.name for node in editing.document.project.cluster.nodes] == ["node0", "node1", "node2"]
    assert editing.draft.changes == ()


def test_what_an_action_of_the_form_changes_besides_is_said_as_on_the_canvas(editing: Editing) -> None:
    said: list[str] = []
    editing.on_note.append(said.append)
    before = editing.document.project
    editing.act(action_of(editing, "Add a node like the last"))
    assert said == [add_node(before).note]
    assert said[0].startswith("24 GPUs now")
    editing.act(action_of(editing, "Links inside a rack"))
    assert len(said) == 1, "nothing else was changed"


def test_a_node_may_go_while_something_else_waits() -> None:
    editing = Editing(Document(load_project(example_path("seed4-proposed"))))
    editing.act(action_of(editing, "Add a move"))
    assert [change.label for change in editing.draft.changes] == ["Add a move"], "the model has no experts to move"
    rows = (row for section in sections(editing.document.project) for group in section.groups for row in group.rows)
    removal = next(action for row in rows for action in row.actions if action.label == "Remove node1")
    assert editing.act(removal)
    assert [node.name for node in editing.document.project.cluster.nodes] == ["node0"]
    assert [change.label for change in editing.draft.changes] == ["Add a move"]


@pytest.mark.parametrize("verb", ["Duplicate", "Remove"])
def test_a_node_that_a_waiting_cluster_lacks_can_be_changed_in_the_one_in_force(verb: str) -> None:
    editing = Editing(Document(load_project(example_path("seed0-baseline"))))
    enter(editing, "cluster.preset", "dgx-h100")
    assert len(editing.draft.changes) == 1, "its one node is too few for the strategy"
    rows = (row for section in sections(editing.document.project) for group in section.groups for row in group.rows)
    chosen = next(action for row in rows for action in row.actions if action.label == f"{verb} node1")
    assert editing.act(chosen)
    assert len(editing.document.project.cluster.nodes) == (3 if verb == "Duplicate" else 1)


def test_racks_get_links_of_their_own_in_the_form_and_lose_them(editing: Editing) -> None:
    before = editing.document.project
    assert editing.act(action_of(editing, "Links inside a rack"))
    assert editing.document.project.cluster.links.rack == before.cluster.links.inter
    enter(editing, "cluster.links.rack.oversubscription", "2")
    rack = editing.document.project.cluster.links.rack
    assert rack is not None
    assert rack.byte_s == before.cluster.links.inter.byte_s / 2
    assert editing.act(action_of(editing, "Remove links inside a rack"))
    assert editing.document.project == before


def action_of(editing: Editing, label: str) -> Action:
    """What the forms offer under this label."""
    groups = (group for section in sections(editing.document.project) for group in section.groups)
    return next(action for group in groups for action in group.actions if action.label == label)


def test_a_device_of_the_catalogue_comes_with_its_figures(editing: Editing) -> None:
    enter(editing, "cluster.nodes[1].device", "b200")
    cluster = editing.document.project.cluster
    assert cluster.device("b200").memory_gb > 100
    assert editing.document.evaluation.metrics.latency_s > 0


def test_a_model_preset_brings_all_its_sizes_and_a_field_resets_to_them(example: Project) -> None:
    editing = Editing(Document(set_value("parallel.ep", 8)(example)))
    assert enter(editing, "model.preset", "mixtral-8x7b")
    assert editing.document.project.model.hidden == load_model("mixtral-8x7b").hidden
    enter(editing, "model.hidden", "2048")
    changed = field(editing, "model.hidden")
    assert not changed.is_default
    editing.enter((changed,), changed.text_of(changed.default))
    assert editing.document.project.model.hidden == load_model("mixtral-8x7b").hidden


def test_references_come_and_go(editing: Editing) -> None:
    for path in ("tokens_per_s", "tpot_ms"):
        enter(editing, f"reference.{path}", "0")
    enter(editing, "reference.note", "")
    assert editing.document.project.reference is None
    enter(editing, "reference.tpot_ms", "3.5")
    assert editing.document.project.reference is not None


def test_recorded_routing_reads_its_counts(example: Project, tmp_path: Path) -> None:
    (tmp_path / "load.json").write_text(json.dumps([[float(x + 1) for x in range(16)]] * 4))
    editing = Editing(Document(example, folder=tmp_path))
    enter(editing, "workload.routing.kind", "recorded")
    assert "needs a file" in editing.draft.changes[0].sentence
    enter(editing, "workload.routing.file", "load.json")
    assert len(editing.document.project.workload.routing.counts) == 4
    assert editing.draft.changes == ()
    enter(editing, "workload.routing.kind", "uniform")
    assert editing.document.project.workload.routing.counts == ()


def test_several_nodes_are_edited_as_one_step(editing: Editing) -> None:
    project = editing.document.project
    both = (Selection(kind="node", node=0), Selection(kind="node", node=1))
    rows = selection_fields(project, both, None)
    assert [row[0].label for row in rows] == ["GPUs", "Device"]
    assert editing.enter(rows[1], "h200-sxm")
    assert {node.device for node in editing.document.project.cluster.nodes} == {"h200-sxm"}
    assert labels(editing) == ["Set Device of 2 to h200-sxm"]
    enter(editing, "cluster.nodes[0].device", "b200")
    (_, devices) = selection_fields(editing.document.project, both, None)
    assert together(devices).value is MANY


def test_one_layer_gets_another_feed_forward_and_the_run_is_split(example: Project) -> None:
    dense = {**example.model.ffn, "dense": load_model("mistral-7b").ffn["dense"]}
    project = set_all({("model", "ffn"): dense})(example)
    changed = set_layer(1, "ffn", "dense")(project)
    assert [(block.repeat, block.ffn) for block in changed.model.blocks] == [(1, "moe"), (1, "dense"), (2, "moe")]
    assert layer_block(changed.model, 1).ffn == "dense"
    assert set_layer(1, "ffn", "moe")(changed).model.blocks == project.model.blocks


@given(st.data())
def test_setting_a_layer_changes_that_layer_alone(data: st.DataObject) -> None:
    model = load_model("kimi-linear-48b-a3b")
    project = set_all({("model",): model})(load_project(example_path("seed1")))
    layer = data.draw(st.integers(0, model.layer_count - 1))
    name = data.draw(st.sampled_from(sorted(model.ffn)))
    changed = set_layer(layer, "ffn", name)(project).model
    wanted = list(model.layers)
    wanted[layer] = type(wanted[layer])(attention=wanted[layer].attention, ffn=model.ffn[name])
    assert list(changed.layers) == wanted


def test_an_expert_is_put_into_slots_by_typing(editing: Editing) -> None:
    (row,) = selection_fields(editing.document.project, (Selection(kind="expert", expert=5),), None)
    assert row[0].text == "5"
    assert editing.enter(row, "7, 12")
    assert [move.slots for move in editing.document.project.placement.moves] == [(7, 12)]
    (row,) = selection_fields(editing.document.project, (Selection(kind="expert", expert=5),), None)
    assert not editing.enter(row, "16")
    assert "must be below the number of slots" in editing.draft.changes[0].sentence


def test_a_kind_of_layer_is_renamed_where_blocks_name_it(editing: Editing) -> None:
    enter(editing, "model.ffn.moe.@name", "experts")
    model = editing.document.project.model
    assert list(model.ffn) == ["experts"]
    assert {block.ffn for block in model.blocks} == {"experts"}


def test_every_setting_of_a_file_has_a_field(example: Project) -> None:
    """What the file may say and no form shows: where things are drawn, and what an import says of itself."""
    shown = {item.words[-1] for item in all_fields(example)}
    text = {"hf_config", "at", "unmodelled", "format"}
    assert {"dp", "pp", "tp", "ep", "etp", "batch", "skew", "launch_us", "note", "policy", "gb_s", "top_k"} <= shown
    assert not text & shown


def test_every_field_says_what_it_is_and_takes_its_own_text(example: Project) -> None:
    for item in all_fields(example):
        assert item.label and item.hint.endswith(".")
        if item.value is not None:
            parsed = item.parsed(item.value if item.kind == "choice" else item.text)
            assert (parsed.sentence, parsed.value) == ("", item.value), item.path


TEXTS = st.sampled_from(["", "0", "1", "2", "3", "4", "8", "16", "24", "0.5", "yes", "no", "x", "node0", "0-2"])


@given(st.data())
def test_whatever_is_typed_undoing_all_gives_the_very_same_project(data: st.DataObject) -> None:
    example = load_project(example_path("seed0-proposed-dp"))
    before = project_text(example)
    editing = Editing(Document(example))
    document = editing.document
    for _ in range(data.draw(st.integers(1, 14))):
        verb = data.draw(st.sampled_from(["type", "type", "type", "enter", "cancel", "undo", "redo", "act", "follow"]))
        table: tuple[Section, ...] = sections(document.project, editing.draft.values)
        found = [item for section in table for group in section.groups for row in group.rows for item in row.fields]
        item = data.draw(st.sampled_from(found))
        if verb in ("type", "enter"):
            words = [choice.value for choice in item.choices]
            text = data.draw(st.sampled_from(words)) if words else data.draw(TEXTS)
            editing.type((item,), text)
            if verb == "enter":
                editing.finish()
        elif verb == "cancel":
            editing.cancel((item,))
        elif verb in ("undo", "redo"):
            getattr(document, verb)()
        elif verb == "act":
            acts = [action for section in table for group in section.groups for action in group.actions]
            rows = [row for section in table for group in section.groups for row in group.rows]
            acts += [action for row in rows for action in row.actions]
            editing.act(data.draw(st.sampled_from(acts)))
        elif editing.draft.changes:
            for suggestion in suggestions(document.history.current, editing.draft.changes[-1])[:1]:
                editing.follow(suggestion)
        assert type(document.project) is Project
    editing.finish()
    document.go_to(0)
    assert document.project is example
    assert project_text(document.project) == before


def test_several_things_are_selected_and_the_first_is_the_one_to_show(example: Project) -> None:
    document = Document(example)
    told: list[int] = []
    document.on_selection.append(lambda: told.append(len(document.selected)))
    first, second = Selection(kind="node", node=0), Selection(kind="node", node=1)
    document.select(first)
    document.toggle(second)
    assert (document.selection, document.selected) == (second, (second, first))
    document.toggle(second)
    assert document.selected == (first,)
    document.select(Selection())
    assert document.selected == ()
    document.select(Selection())
    assert told == [1, 2, 1, 0]


def test_very_large_designs_are_shown_when_the_field_is_left(editing: Editing) -> None:
    type_(editing, "workload.micro_batches", "1024")
    assert editing.is_held
    assert editing.document.project.workload.micro_batches == 1
    assert editing.finish()
    assert editing.document.project.workload.micro_batches == 1024


def test_a_table_of_run_times_and_its_provider_wait_for_each_other(tmp_path: Path) -> None:
    design = "model: {hidden: 4096, ffn: {moe: {kind: gelu, hidden: 4096}}}\ncluster: {nodes: [{gpus: 1}]}\n"
    (tmp_path / "own.moe.yaml").write_text(design, "utf-8")
    (tmp_path / "own.csv").write_text("gpu,dtype,m,k,n,time_us\nH100-SXM,bfloat16,64,4096,4096,21.5\n", "utf-8")
    editing = Editing(Document.load(tmp_path / "own.moe.yaml"))
    assert not editing.enter((field(editing, "cost.provider"),), "table")
    assert "needs a CSV file" in editing.draft.changes[0].sentence
    assert not editing.enter((field(editing, "cost.table"),), "other.csv")
    assert "not a file beside the project" in editing.draft.changes[-1].sentence
    assert editing.enter((field(editing, "cost.table"),), "own.csv")
    document = editing.document
    assert (document.project.cost.provider, document.project.cost.table) == ("table", "own.csv")
    assert document.evaluation.provider.notes == ("own.csv: 1 measured row is used",)
    document.save()
    assert Document.load(tmp_path / "own.moe.yaml").project == document.project
    document.undo()
    assert document.project.cost.table == ""
