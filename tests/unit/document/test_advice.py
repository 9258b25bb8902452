"""Changes that are offered were tried, and help."""

import pytest

from moe_studio.document.advice import MOST_TRIES, advice, candidates
from moe_studio.document.document import Document
from moe_studio.document.selection import Selection
from moe_studio.project.edit import move_expert
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project


@pytest.fixture(scope="module")
def example() -> Project:
    return load_project(example_path("seed0-proposed-dp"))


@pytest.fixture
def crowded(example: Project) -> Document:
    """GPU 5 holds two experts, GPU 4 none."""
    return Document(move_expert(4, 4, 5, layers=range(4))(example))


def test_experts_of_the_busiest_gpu_are_tried_where_least_is_to_do(crowded: Document) -> None:
    found = list(candidates(crowded.evaluation, Selection(kind="gpu", gpu=5)))
    assert found[0] == (4, 5, 4)
    assert {expert for expert, _, _ in found} == {4, 5}
    assert len(found) <= 2 * MOST_TRIES


def test_a_selected_expert_is_the_one_that_is_tried(crowded: Document) -> None:
    found = list(candidates(crowded.evaluation, Selection(kind="expert", expert=5, gpu=5)))
    assert {expert for expert, _, _ in found} == {5}


@pytest.mark.parametrize("selection", [Selection(), Selection(kind="gpu", gpu=4), Selection(kind="gpu", gpu=99)])
def test_nothing_is_tried_where_nothing_waits(crowded: Document, selection: Selection) -> None:
    assert list(candidates(crowded.evaluation, selection)) == []


def test_advice_tells_what_really_happens(crowded: Document) -> None:
    before = crowded.evaluation.metrics.latency_s
    found = advice(crowded, (4, 5, 4))
    assert found is not None
    assert crowded.commit(found.drop.label, found.drop.edit)
    after = crowded.evaluation.metrics.latency_s
    assert found.effect.latency_s == pytest.approx(after)
    assert found.text == f"Move E4 to GPU 4: {(1 - after / before) * 100:.1f} % faster"


def test_what_helps_nothing_is_not_advised(example: Project) -> None:
    assert advice(Document(example), (4, 4, 5)) is None
    assert advice(Document(example), (4, 9, 5)) is None
