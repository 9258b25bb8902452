"""Two designs side by side, with reasons."""

import json
from functools import cache

import pytest

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.export.compare import compare, plain_comparison, settings_changes
from moe_studio.export.summary import json_text
from moe_studio.project.edit import rename, set_value
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project


@cache
def example(name: str) -> Evaluation:
    return evaluate(load_project(example_path(name)))


def test_the_proposal_of_document_000_is_slower_and_the_reason_is_replication() -> None:
    comparison = compare(example("seed0-baseline"), example("seed0-proposed"))
    assert comparison.speed == pytest.approx(48819.8 / 143215, rel=1e-5)
    assert "2.93 times slower" in comparison.headline
    first, second, third, *_ = comparison.reasons
    assert "Attention is replicated" in first
    assert "each of the 16 attention groups computes all 10,240,000 tokens" in first
    assert "6.24 times" in second
    assert "64 × Get_Time(10240000, 512, 10000), instead of 8 × Get_Time(10240000, 512, 10000)" in third


def test_a_claim_that_computation_contradicts_is_said_to_be_so() -> None:
    comparison = compare(example("seed0-baseline"), example("seed0-proposed"))
    assert "3.75 times as many; computed is 0.341 times as many" in comparison.claim
    assert "disagree on which is faster" in comparison.claim
    agreeing = compare(example("seed2-baseline"), example("seed2-proposed"))
    assert "Both say which is faster" in agreeing.claim
    assert compare(example("seed4-baseline"), example("seed4-proposed")).claim == ""


def test_one_claim_for_two_versions_of_a_design_is_not_held_against_either() -> None:
    before = example("seed0-proposed")
    assert before.project.reference is not None
    after = evaluate(set_value("parallel.attention", "data")(before.project))
    assert compare(before, after).claim == ""


def test_what_its_authors_meant_is_faster_than_their_baseline() -> None:
    comparison = compare(example("seed0-baseline"), example("seed0-proposed-dp"))
    assert "2.36 times faster" in comparison.headline
    assert not any("replicated" in reason for reason in comparison.reasons)


def test_exchanging_the_two_inverts_the_ratio() -> None:
    one, other = example("seed4-baseline"), example("seed4-proposed")
    assert compare(one, other).speed * compare(other, one).speed == pytest.approx(1.0)


def test_full_pipelines_are_compared_where_the_stages_differ() -> None:
    comparison = compare(example("seed4-baseline"), example("seed4-proposed"))
    assert "6.62 times slower" in comparison.headline
    assert any("With full pipelines" in reason and "1.09 times as many" in reason for reason in comparison.reasons)


def test_a_design_is_as_fast_as_itself_and_differs_in_nothing() -> None:
    comparison = compare(example("seed1"), example("seed1"))
    assert "as fast as" in comparison.headline
    assert comparison.changes == ()
    assert comparison.names == ("Seed 1, TP8 PP2, two GPUs per expert (A)", "Seed 1, TP8 PP2, two GPUs per expert (B)")
    assert all(figure.ratio in (1.0, None) for figure in comparison.figures)


def test_groups_sum_to_the_latency_of_each() -> None:
    comparison = compare(example("seed2-baseline"), example("seed2-proposed"))
    for place, evaluation in ((1, comparison.first), (2, comparison.second)):
        assert sum(row[place] for row in comparison.groups) == pytest.approx(evaluation.metrics.latency_s)


def test_settings_that_differ_are_listed_by_their_path() -> None:
    first = example("seed0-proposed").project
    second = rename("other")(set_value("cluster.nodes[1].gpus", 8)(set_value("parallel.attention", "data")(first)))
    assert [(item.path, item.first, item.second) for item in settings_changes(first, second)] == [
        ("parallel.attention", "replicated", "data")
    ]
    third = set_value("cost.overlap", False)(set_value("model.ffn.moe.top_k", 2)(first))
    assert [item.path for item in settings_changes(first, third)] == ["model.ffn.moe.top_k", "cost.overlap"]


def test_the_plain_object_is_json_and_the_same_every_time() -> None:
    texts = {
        json_text(plain_comparison(compare(example("seed0-baseline"), example("seed0-proposed")))) for _ in range(2)
    }
    assert len(texts) == 1
    plain = json.loads(texts.pop())
    assert plain["projects"] == ["Seed 0 baseline, TP8 PP2", "Seed 0 proposed, EP16"]
    assert plain["fits"] == [False, False]
    assert {"figures", "breakdown_s", "reasons", "bounds", "remedies", "settings", "claim"} <= set(plain)
