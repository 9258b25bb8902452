"""Changes that are suggested were evaluated, help, and break nothing."""

import pytest

from moe_studio.document.document import Document
from moe_studio.document.suggestion import MOST, best, suggestion, tries
from moe_studio.engine.rule import problems
from moe_studio.project.edit import move_expert
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project

CROWDED = move_expert(5, 5, 13, layers=range(4))(load_project(example_path("seed0-proposed-dp")))


@pytest.mark.parametrize("project", [CROWDED, load_project(example_path("seed1"))], ids=["crowded", "seed1"])
def test_what_is_suggested_does_what_it_says(project: Project) -> None:
    document = Document(project)
    before = document.evaluation
    errors = {problem.code for problem in problems(before) if problem.severity == "error"}
    found = [item for tried in tries(before) if (item := suggestion(before, tried)) is not None]
    assert found
    for item in found:
        assert document.commit(item.label, item.edit)
        after = document.evaluation
        assert item.latency_s == pytest.approx(after.metrics.latency_s)
        assert item.ratio == pytest.approx(after.metrics.latency_s / before.metrics.latency_s - 1)
        assert item.ratio < 0 or item.byte < 0
        assert {problem.code for problem in problems(after) if problem.severity == "error"} <= errors
        document.undo()
        assert document.project is project
    assert [item.ratio for item in best(found)] == sorted(item.ratio for item in found)[:MOST]


def test_a_crowded_gpu_is_relieved_first() -> None:
    evaluation = Document(CROWDED).evaluation
    found = best([item for tried in tries(evaluation) if (item := suggestion(evaluation, tried)) is not None])
    assert found[0].text.startswith("Move E5 to GPU 5: 37.8 % faster")


def test_what_helps_nothing_is_not_suggested() -> None:
    evaluation = Document(load_project(example_path("seed0-proposed-dp"))).evaluation
    tried = {item.title: item for item in tries(evaluation)}
    assert not any(title.startswith("Move") for title in tried)
    assert suggestion(evaluation, tried["EP 32 instead of 16"]) is None
