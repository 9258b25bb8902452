"""Writing projects: canonical text is stable, and an edit leaves what was written by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from moe_studio.errors import ProjectError
from moe_studio.project.cluster import Device, Link, Links, Node
from moe_studio.project.design import Limits, Move, Parallel, Placement, Reference
from moe_studio.project.model import Attention, FeedForward
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import devices_for, example_names, example_path, load_model, model_names
from moe_studio.storage.loader import load_project, parse_project
from moe_studio.storage.writer import project_text, save_project, updated_text

HAND = """\
# A file that somebody wrote by hand.
format: 1
name: 'By hand'     # the name

# The model is small.
model:
  hidden: 4096      # width
  # attention of every layer
  attention: {kind: gqa, heads: 32,
              kv_heads: 8}                 # grouped
  ffn:
    # experts first
    moe: {experts: 16, top_k: 2, hidden: 14336}   # eight would do
    dense:
      hidden: 8192
  blocks:
    # one dense layer
    - ffn: dense

    - repeat: 3     # then experts
      ffn: moe
cluster:
  # two machines
  nodes:
    - {name: left, gpus: 8, device: seed-64g, at: [0, 0]}     # left
    # the other
    - name: right   # right
      gpus: 8
      device: mine
      at: [ 1, 0 ]
  devices:
    mine: {memory_gb: 80, memory_tb_s: 3.35, peak_tflops: {bf16: 989}}   # ours
parallel: {tp: 2, ep: 8}       # eight slots
placement:
  moves:
    - {layers: 1-2, expert: 3, slots: [7]}      # away from its friends
    - {expert: 5, slots: [0, 2]}
# what it does
workload: {batch: 64, tokens: 2048}
reference: {tokens_per_s: 1.5e3, note: "measured: twice"}
# the end
"""

TEXTS = {name: example_path(name).read_text(encoding="utf-8") for name in example_names()} | {"hand": HAND}


@pytest.mark.parametrize("name", TEXTS)
def test_canonical_text_reads_back_as_the_same_project_and_the_same_bytes(name: str) -> None:
    project = parse_project(TEXTS[name])
    text = project_text(project)
    assert parse_project(text) == project
    assert project_text(parse_project(text)) == text


@pytest.mark.parametrize("name", model_names())
def test_every_preset_is_written_as_its_name_and_reads_back(name: str) -> None:
    model = parse_project(f"model: {{preset: {name}}}").model
    other = parse_project("model: {hidden: 16, ffn: {dense: {hidden: 16}}}")
    project = replace(other, model=model)
    assert f"model: {{preset: {name}}}\n" in project_text(project)
    assert parse_project(project_text(project)) == project
    whole = replace(other, model=load_model(name))
    assert parse_project(project_text(whole)) == whole


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_an_unchanged_project_stays_as_it_is(name: str) -> None:
    assert updated_text(TEXTS[name], parse_project(TEXTS[name])) == TEXTS[name]


def changed(edit: Callable[[Project], Project], text: str = HAND) -> tuple[list[str], list[str]]:
    """The lines that ``edit`` takes out of ``text``, and those that it puts in."""
    project = edit(parse_project(text))
    result = updated_text(text, project)
    assert parse_project(result) == project
    before, after = text.splitlines(), result.splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


def test_a_changed_number_changes_only_its_own_characters() -> None:
    assert changed(lambda old: replace(old, workload=replace(old.workload, batch=128))) == (
        ["workload: {batch: 64, tokens: 2048}"],
        ["workload: {batch: 128, tokens: 2048}"],
    )


def test_a_changed_name_keeps_its_quotes_and_its_comment() -> None:
    assert changed(lambda old: replace(old, name="no")) == (
        ["name: 'By hand'     # the name"],
        ['name: "no"     # the name'],
    )


def test_a_key_in_a_mapping_of_several_lines_is_changed_in_its_place() -> None:
    def edit(old: Project) -> Project:
        return replace(old, model=replace(old.model, attention=replace(old.model.attention, kv_heads=4, window=128)))

    assert changed(edit) == (
        ["              kv_heads: 8}                 # grouped"],
        ["              kv_heads: 4, window: 128}                 # grouped"],
    )


def test_a_move_taken_out_takes_its_comment_along_and_no_other() -> None:
    assert changed(lambda old: replace(old, placement=Placement(moves=old.placement.moves[1:]))) == (
        ["    - {layers: 1-2, expert: 3, slots: [7]}      # away from its friends"],
        [],
    )


def test_a_new_move_goes_behind_the_others() -> None:
    def edit(old: Project) -> Project:
        return replace(old, placement=Placement(moves=(*old.placement.moves, Move(layers="3", expert=0, slots=(1,)))))

    assert changed(edit) == ([], ['    - {layers: "3", expert: 0, slots: [1]}'])


def test_a_section_back_at_its_default_is_taken_out() -> None:
    removed, added = changed(lambda old: replace(old, placement=Placement()))
    assert (removed[0], len(removed), added) == ("placement:", 4, [])


def test_a_new_section_goes_where_it_belongs() -> None:
    project = replace(parse_project(HAND), limits=Limits(min_ep=8))
    lines = updated_text(HAND, project).splitlines()
    assert lines.index("limits: {min_ep: 8}") == lines.index("workload: {batch: 64, tokens: 2048}") + 1


def test_a_node_taken_out_leaves_the_others_alone() -> None:
    text = TEXTS["seed3"]
    project = parse_project(text)
    nodes = project.cluster.nodes[:3] + project.cluster.nodes[4:7] + project.cluster.nodes[8:]
    edited = replace(
        project, cluster=replace(project.cluster, nodes=nodes), parallel=Parallel(ep=8, dp=1), limits=Limits()
    )
    result = updated_text(text, edited)
    assert [line for line in text.splitlines() if "name: node" in line and line not in result.splitlines()] == [
        "    - {name: node3, gpus: 8, device: seed-64g, at: [3, 0]}",
        "    - {name: node7, gpus: 8, device: seed-64g, at: [3, 1]}",
    ]
    assert parse_project(result) == edited


def test_windows_line_ends_stay() -> None:
    text = HAND.replace("\n", "\r\n")
    result = updated_text(text, replace(parse_project(text), name="new", limits=Limits(min_ep=4)))
    assert result.count("\n") == result.count("\r\n") == text.count("\r\n") + 1


def test_text_that_is_no_project_any_more_is_replaced_by_the_canonical_text() -> None:
    project = parse_project(HAND)
    for broken in ("", "# nothing\n", "model: {", "- a\n- b\n", "nmae: x\n"):
        assert updated_text(broken, project) == project_text(project)


def test_counts_whose_file_is_gone_do_not_cost_the_comments(tmp_path: Path) -> None:
    (tmp_path / "load.csv").write_text("1,2,3,4\n")
    text = (
        "# mine\nmodel: {hidden: 16, ffn: {moe: {hidden: 16, experts: 4}}}\n"
        "workload: {routing: {kind: recorded, file: load.csv}}\n"
    )
    project = parse_project(text, folder=tmp_path)
    (tmp_path / "load.csv").unlink()
    assert updated_text(text, replace(project, name="new"), folder=tmp_path).startswith("# mine\n")


def test_saving_edits_the_file_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.moe.yaml"
    save_project(path, parse_project(HAND))
    assert path.read_text(encoding="utf-8") == project_text(parse_project(HAND))
    path.write_text(HAND, encoding="utf-8")
    project = replace(parse_project(HAND), name="ö")
    save_project(path, project)
    assert path.read_text(encoding="utf-8") == HAND.replace("'By hand'", '"ö"')
    assert load_project(path) == project


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12) | st.sampled_from(
    [
        "no",
        "null",
        "012",
        "# x",
        "a: b",
        "- a",
        "{",
        "'",
        '"',
        "a\nb",
        "\ttab",
        " x ",
        "%",
        "\u2028",
        "\ufeff",
        "1e5",
        "~",
    ]
)
SLOTS = st.lists(st.integers(0, 7), min_size=1, max_size=3, unique=True).map(tuple)
MOVES = st.builds(
    Move,
    layers=st.sampled_from(["", "0", "0-3", "0,2-3"]),
    expert=st.integers(0, 3),
    slots=SLOTS,
    replica=st.sampled_from([None, 0]),
)
NODES = st.builds(
    Node,
    name=WORDS,
    gpus=st.sampled_from([8, 16]),
    device=st.sampled_from(["seed-64g", "h200-sxm", "own"]),
    at=st.sampled_from([(), (0.0, 1.0), (1.5, -2.0)]),
)
OWN = Device(memory_gb=64, memory_tb_s=1.8, peak_tflops={"fp16": 1e-3})
POSITIVE = st.floats(1e-6, 1e6)


def some_moves(draw: Any, old: Project) -> Project:
    moves = list(old.placement.moves)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(moves)))
        moves[place : place + draw(st.integers(0, 2))] = draw(st.lists(MOVES, max_size=2))
    return replace(
        old, placement=Placement(policy=draw(st.sampled_from(["contiguous", "explicit"])), moves=tuple(moves))
    )


def some_nodes(draw: Any, old: Project) -> Project:
    nodes = list(old.cluster.nodes)
    place = draw(st.integers(0, len(nodes)))
    nodes[place : place + draw(st.integers(0, 2))] = draw(st.lists(NODES, max_size=2))
    devices = dict(old.cluster.devices) | ({"own": OWN} if draw(st.booleans()) else {})
    catalogue = devices_for(nodes, {**devices, "own": OWN, "mine": OWN})
    return replace(old, cluster=replace(old.cluster, nodes=tuple(nodes), devices=devices, catalogue=catalogue))


def some_links(draw: Any, old: Project) -> Project:
    intra = Link(gb_s=draw(POSITIVE), latency_us=draw(st.sampled_from([0.0, 2.0, 2.5])))
    return replace(old, cluster=replace(old.cluster, links=Links(intra=intra)))


def some_model(draw: Any, old: Project) -> Project:
    preset = draw(st.sampled_from(["mixtral-8x7b", "deepseek-v3"]))
    based = parse_project(f"model: {{preset: {preset}}}").model
    ffn = {key: replace(value, hidden=value.hidden + 8) for key, value in based.ffn.items() if draw(st.booleans())}
    whole = based if draw(st.booleans()) else replace(based, ffn={**based.ffn, **ffn})
    return replace(old, model=whole if draw(st.booleans()) else replace(whole, preset=""))


def some_parts(draw: Any, old: Project) -> Project:
    ffn = {key: replace(value, extra_parameters=draw(st.integers(0, 2))) for key, value in old.model.ffn.items()}
    if draw(st.booleans()):
        ffn[draw(WORDS)] = FeedForward(hidden=draw(st.integers(1, 9)))
    attention = replace(old.model.attention, window=draw(st.sampled_from([0, 128])))
    extra = {"other": Attention(heads=3)} if draw(st.booleans()) else {}
    return replace(old, model=replace(old.model, ffn=ffn, attention=attention, attentions=extra))


def some_scalars(draw: Any, old: Project) -> Project:
    cost = replace(old.cost, launch_us=draw(st.sampled_from([0.0, 0.1, 1e-9])), overlap=draw(st.booleans()))
    reference = draw(st.sampled_from([None, old.reference, Reference(), Reference(tpot_ms=2.5, note="a # b")]))
    parallel = replace(old.parallel, attention=draw(st.sampled_from(["data", "replicated"])))
    return replace(old, name=draw(WORDS), cost=cost, reference=reference, parallel=parallel)


EDITS = (some_moves, some_nodes, some_links, some_model, some_parts, some_scalars)


@st.composite
def edits(draw: Any) -> tuple[str, list[Project]]:
    """A text, and projects that follow from it one after another."""
    text = TEXTS[draw(st.sampled_from(sorted(TEXTS)))]
    projects = [parse_project(text)]
    for _ in range(draw(st.integers(1, 3))):
        try:
            projects.append(draw(st.sampled_from(EDITS))(draw, projects[-1]))
        except ProjectError:
            assume(False)
    return text, projects[1:]


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(edits())
def test_any_edit_reads_back_as_the_same_project_and_keeps_the_first_comment(case: tuple[str, list[Project]]) -> None:
    text, projects = case
    comment = text.splitlines()[0]
    for project in projects:
        text = updated_text(text, project)
        assert parse_project(text) == project
        assert parse_project(project_text(project)) == project
        assert text.splitlines()[0] == comment, "the canonical text was taken instead of an edit"


@given(st.data(), st.sampled_from(sorted(TEXTS)))
def test_every_comment_survives_edits_of_scalars(data: st.DataObject, name: str) -> None:
    project = some_scalars(data.draw, parse_project(TEXTS[name]))
    result = updated_text(TEXTS[name], project)
    comments = [line[line.index("#") :] for line in TEXTS[name].splitlines() if "#" in line]
    assert parse_project(result) == project
    assert [comment for comment in comments if comment not in result] == []
