"""Differences: operators, experts, settings and figures of two designs of any shapes."""

import pickle

import pytest

from moe_studio.document.difference import MOST_ROWS, Difference, difference
from moe_studio.document.difference_row import Row, numbers_text
from moe_studio.document.expert_change import expert_changes
from moe_studio.document.selection import Selection, operator_row
from moe_studio.engine.evaluation import evaluate
from moe_studio.project.edit import move_expert, replicate_expert, set_value, swap_experts
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project


def example(name: str) -> Project:
    return load_project(example_path(name))


def compared(first: Project, second: Project) -> Difference:
    return difference(first, second, lambda _: None)


def rows(found: Difference, category: str, change: str = "") -> list[Row]:
    return [row for row in found.rows if row.category == category and change in ("", row.change)]


PROPOSED = example("seed0-proposed-dp")
MOVED = move_expert(5, 5, 13, layers=(0, 1, 2, 3))(PROPOSED)


def test_a_design_does_not_differ_from_itself() -> None:
    found = compared(PROPOSED, PROPOSED)
    assert found.rows == ()
    assert found.counts == {}
    assert found.experts == ()


def test_a_moved_expert_takes_its_operators_along() -> None:
    found = compared(PROPOSED, MOVED)
    (expert,) = found.experts
    assert (expert.expert, expert.change, expert.was, expert.now) == (5, "moved", (5,), (13,))
    assert expert.layers == (0, 1, 2, 3)
    moved = {row.what.split()[0]: row for row in rows(found, "operators", "moved")}
    assert moved.keys() == {"up", "gate_proj", "act", "down"}
    assert found.counts["moved"] == 4 * 4
    assert moved["up"].was.startswith("GPU 5 · ")
    assert moved["up"].now.startswith("GPU 13 · ")


def test_every_operator_is_counted_once() -> None:
    found = compared(PROPOSED, MOVED)
    assert found.counts["changed"] == 128  # dispatch and combine of 16 GPUs in 4 layers; they last as their slowest
    assert not rows(found, "operators", "added") and not rows(found, "operators", "removed")


def test_a_swap_moves_both() -> None:
    swapped = swap_experts((5, 5), (9, 9), layers=(2,))(PROPOSED)
    assert [(item.expert, item.was, item.now, item.layers) for item in expert_changes(PROPOSED, swapped)] == [
        (5, (5,), (9,), (2,)),
        (9, (9,), (5,), (2,)),
    ]


def test_a_copy_adds_operators_and_halves_the_others() -> None:
    found = compared(PROPOSED, replicate_expert(5, 13, layers=(1, 2))(PROPOSED))
    assert [(item.change, item.was, item.now) for item in found.experts] == [("changed", (5,), (5, 13))]
    assert found.counts["added"] == 2 * 4
    down = next(row for row in rows(found, "operators", "changed") if row.what.startswith("down"))
    assert "(640000, 32768, 8192)" in down.was
    assert "(320000, 32768, 8192)" in down.now
    assert down.gain == 1


def test_going_back_turns_every_difference_around() -> None:
    there, back = compared(PROPOSED, MOVED), compared(MOVED, PROPOSED)
    assert there.counts == back.counts
    assert {(row.what, row.was, row.now) for row in rows(there, "figures")} == {
        (row.what, row.now, row.was) for row in rows(back, "figures")
    }
    assert [(item.was, item.now) for item in there.experts] == [(item.now, item.was) for item in back.experts]
    added = compared(PROPOSED, replicate_expert(5, 13, layers=(1,))(PROPOSED)).counts["added"]
    assert compared(replicate_expert(5, 13, layers=(1,))(PROPOSED), PROPOSED).counts["removed"] == added


def test_designs_of_other_shapes_add_and_remove() -> None:
    large, small = example("seed3"), example("seed2-proposed")
    found = compared(small, large)
    operators = len(evaluate(large).graph)
    assert found.counts["added"] + found.counts.get("moved", 0) + found.counts["changed"] <= operators
    assert found.counts["added"] >= operators - len(evaluate(small).graph)
    assert len(found.first.memory) == 16 and len(found.second.memory) == 128
    assert {row.what for row in rows(found, "settings")} >= {"model.hidden", "parallel.ep"}


def test_pipelines_and_single_stages_can_be_compared() -> None:
    found = compared(example("seed0-baseline"), PROPOSED)
    assert "send on GPUs 0–7, layer 1" in {row.what for row in rows(found, "operators", "removed")}
    moved = next(item for item in found.experts if item.expert == 1 and 2 in item.layers)
    assert (moved.was, moved.now) == ((8,), (1,))


def test_what_is_changed_can_be_selected() -> None:
    graph = evaluate(MOVED).graph
    for row in rows(compared(PROPOSED, MOVED), "operators"):
        assert operator_row(graph, row.selection) >= 0
    (expert,) = rows(compared(PROPOSED, MOVED), "experts")
    assert expert.selection == Selection(kind="expert", expert=5, gpu=13)


def test_figures_say_whether_they_are_better() -> None:
    figures = {row.what: row for row in rows(compared(PROPOSED, MOVED), "figures")}
    assert figures["Time of one step"].gain == -1
    assert figures["Tokens/s"].gain == -1
    assert {row.gain for row in rows(compared(MOVED, PROPOSED), "figures")} <= {0, 1}


def test_words_say_which_is_faster_and_names_stay_apart() -> None:
    found = compared(PROPOSED, MOVED)
    assert "slower" in found.headline
    assert found.first.name != found.second.name
    assert found.reasons and found.groups


def test_only_the_largest_changes_are_listed_and_all_are_counted() -> None:
    plain = example("seed3")
    found = compared(plain, set_value("workload.routing.kind", "zipf")(plain))
    assert len(rows(found, "operators")) == MOST_ROWS < found.listed["operators"]
    assert rows(found, "operators")[0].what.split()[0] in ("combine", "dispatch", "up", "down", "gate_proj")


def test_a_difference_can_be_sent_to_another_process() -> None:
    found = compared(PROPOSED, MOVED)
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("numbers", "text"), [([3], "GPU 3"), ([0, 1, 2, 7], "GPUs 0–2, 7"), ([2, 2], "GPU 2"), ([4, 0], "GPUs 0, 4")]
)
def test_numbers_are_written_as_ranges(numbers: list[int], text: str) -> None:
    assert numbers_text(numbers, "GPU") == text
