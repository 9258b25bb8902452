"""GPUs of two designs: which differ, in what, and where the operators are that do."""

from collections import Counter

import pytest

from moe_studio.document.difference import Difference, Side, difference
from moe_studio.document.difference_row import CHANGES
from moe_studio.document.gpu_change import gpu_change, gpu_differences
from moe_studio.document.layout_edit import set_device
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import evaluate
from moe_studio.project.edit import move_expert, replicate_expert, set_value
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project


def example(name: str) -> Project:
    return load_project(example_path(name))


def compared(first: Project, second: Project) -> Difference:
    return difference(first, second, lambda _: None)


def marks(side: Side, span: int | None = None) -> list[dict[str | None, int]]:
    """For each GPU how many operators differ in each way, and under None all of them; without zeros."""
    table = side.operators.by_gpu(span).T.tolist()
    return [{key: count for key, count in zip((None, *CHANGES), own, strict=True) if count} for own in table]


BASE = example("seed0-proposed-dp")
PAIRS = {
    "moved": (BASE, move_expert(5, 5, 13, layers=(1, 2))(BASE)),
    "copied": (BASE, replicate_expert(5, 13, layers=(2,))(BASE)),
    "larger batch": (BASE, set_value("workload.batch", 2048)(BASE)),
    "strategy": (example("seed0-baseline"), BASE),
    "more micro-batches": (BASE, set_value("workload.micro_batches", 2)(BASE)),
    "more GPUs": (example("seed2-proposed"), example("seed3")),
}


@pytest.fixture(scope="module", params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[Project, Project, Difference]:
    first, second = PAIRS[request.param]
    return first, second, compared(first, second)


def test_every_operator_that_differs_is_on_a_gpu(pair: tuple[Project, Project, Difference]) -> None:
    first, second, found = pair
    for project, side, gone in ((first, found.first, "added"), (second, found.second, "removed")):
        total: Counter[str | None] = Counter()
        for own in marks(side):
            total.update(own)
            assert sum(own.get(change, 0) for change in CHANGES) <= own[None]
        assert total[None] == len(evaluate(project).graph)
        wanted = {change: count for change, count in found.counts.items() if change != gone}
        assert {change: count for change, count in total.items() if change is not None} == wanted


def test_layers_together_differ_as_much_as_one_by_one(pair: tuple[Project, Project, Difference]) -> None:
    first, _, found = pair
    whole = [Counter(own) for own in marks(found.first)]
    parts = [Counter[str | None]() for _ in whole]
    for layer in range(first.model.layer_count):
        for sum_of, own in zip(parts, marks(found.first, layer), strict=True):
            sum_of.update(own)
    assert parts == whole


def test_seen_from_the_other_design_what_was_added_is_removed(pair: tuple[Project, Project, Difference]) -> None:
    first, second, there = pair
    back = compared(second, first)
    turned = {"added": "removed", "removed": "added"}
    for side, other in ((there.first, back.second), (there.second, back.first)):
        assert marks(side) == [{turned.get(str(key), key): n for key, n in own.items()} for own in marks(other)]
    rows = [row for row in there.rows if row.category == "GPUs"]
    others = [row for row in back.rows if row.category == "GPUs"]
    assert {(row.what, row.was, row.now) for row in rows} == {(row.what, row.now, row.was) for row in others}


def test_operators_of_a_moved_expert_are_gone_from_one_gpu_and_are_on_another() -> None:
    found = compared(*PAIRS["moved"])
    assert [own.get("moved", 0) for own in marks(found.first)] == [8 if gpu == 5 else 0 for gpu in range(16)]
    assert [own.get("moved", 0) for own in marks(found.second)] == [8 if gpu == 13 else 0 for gpu in range(16)]
    assert not any("moved" in own for own in marks(found.second, 0))


def test_gpus_that_stand_elsewhere_are_listed() -> None:
    found = compared(*PAIRS["strategy"])
    (row,) = [row for row in found.rows if row.category == "GPUs"]
    assert (row.change, row.what, row.was, row.now) == ("moved", "Stage of GPUs 8–15", "1", "0")
    assert row.selection == Selection(kind="gpu", gpu=8)
    changes = [gpu_change(was, now) for was, now in zip(found.first.gpus, found.second.gpus, strict=True)]
    assert changes == [None] * 8 + ["moved"] * 8


def test_gpus_that_only_one_design_has_are_added_or_removed() -> None:
    there, back = compared(*PAIRS["more GPUs"]), compared(*PAIRS["more GPUs"][::-1])
    for found, change, kind in ((there, "added", "gpu"), (back, "removed", "design")):
        (row,) = [row for row in found.rows if row.category == "GPUs" and row.change == change]
        assert row.what == "GPUs 16–127"
        assert row.selection.kind == kind
    state = there.second.gpus[100]
    assert gpu_change(None, state) == "added" and gpu_change(state, None) == "removed"


def test_another_device_is_a_change_and_another_name_of_the_node_is_none() -> None:
    device = compared(BASE, set_device(BASE, [1], "b200").edit(BASE))
    (row,) = [row for row in device.rows if row.category == "GPUs"]
    assert (row.change, row.what, row.now) == ("changed", "Device of GPUs 8–15", "b200")
    renamed = compared(BASE, set_value("cluster.nodes[1].name", "other")(BASE))
    assert not [row for row in renamed.rows if row.category == "GPUs"]
    assert not list(gpu_differences(renamed.first.gpus[9], renamed.second.gpus[9]))
