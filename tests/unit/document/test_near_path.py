"""The next-longest paths."""

import numpy as np
import pytest

from moe_studio.document.document import Document
from moe_studio.document.near_path import near_paths
from moe_studio.engine.evaluation import Evaluation
from moe_studio.locator import resource
from moe_studio.project.edit import move_expert
from moe_studio.storage.loader import load_project


@pytest.fixture(scope="module", params=["as it is", "moved", "seed1", "one GPU"])
def evaluation(request: pytest.FixtureRequest) -> Evaluation:
    name = {"seed1": "seed1", "one GPU": "seed4-baseline"}.get(request.param, "seed0-proposed-dp")
    document = Document(load_project(resource("examples", f"{name}.moe.yaml")))
    if request.param == "moved":
        document.preview(move_expert(5, 5, 13, layers=range(2, 4)))
    return document.evaluation


def test_paths_are_different_and_listed_by_slack(evaluation: Evaluation) -> None:
    found = near_paths(evaluation)
    assert len(found) <= 10
    assert [path.slack_s for path in found] == sorted(path.slack_s for path in found)
    assert len({path.rows.tobytes() for path in found}) == len(found)
    on_path = set(evaluation.scheduled_path.rows.tolist())
    assert all(not on_path & set(path.detour.tolist()) for path in found)


def test_a_path_is_as_long_as_it_says_and_runs_in_order(evaluation: Evaluation) -> None:
    makespan = evaluation.schedule.makespan_s
    for path in near_paths(evaluation):
        assert path.length_s == pytest.approx(makespan - path.slack_s)
        assert path.length_s == pytest.approx(float(evaluation.duration_s[path.rows].sum()), rel=1e-6)
        gap = evaluation.start_s[path.rows[1:]] - evaluation.finish_s[path.rows[:-1]]
        assert gap.min() >= -1e-9 * makespan


def test_a_design_that_is_out_of_balance_has_shorter_paths_too() -> None:
    document = Document(load_project(resource("examples", "seed0-proposed-dp.moe.yaml")))
    document.preview(move_expert(5, 5, 13, layers=range(2, 4)))
    found = near_paths(document.evaluation)
    assert found[-1].slack_s > 0
    assert found[0].alike >= 1


def test_no_more_are_listed_than_wanted(evaluation: Evaluation) -> None:
    assert len(near_paths(evaluation, most=2)) <= 2
    assert near_paths(evaluation, most=0) == ()


def test_finding_them_changes_nothing(evaluation: Evaluation) -> None:
    before = evaluation.scheduled_path.rows.copy()
    near_paths(evaluation)
    assert np.array_equal(before, evaluation.scheduled_path.rows)
