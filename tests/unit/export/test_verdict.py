"""Designs in words: nothing is said that was not computed."""

from functools import cache

import pytest

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.export.verdict import bound_s, fit_text, group_s, ladder, verdict
from moe_studio.storage.catalogue import example_names, example_path
from moe_studio.storage.loader import load_project, parse_project


@cache
def example(name: str) -> Evaluation:
    return evaluate(load_project(example_path(name)))


SMALL = (
    "model: {preset: mixtral-8x7b}\ncluster: {preset: dgx-h100}\nparallel: {ep: 8}\n"
    "workload: {phase: decode, batch: 64, context: 1000}\ncost: {attention: fused}\n"
)


def test_the_verdict_on_the_proposal_of_document_000_has_the_misfit_the_reason_and_the_fix() -> None:
    text = verdict(example("seed0-proposed"))
    assert "It does not fit: GPU 0 needs 8.41 TB of 64.0 GB" in text
    assert "the residual stream alone is a tensor of 168 GB" in text
    assert "The reason: attention is replicated" in text
    assert "With data-parallel attention it would take 30.24 s for 10,240,000 tokens (6.94 times the tokens/s)" in text


def test_a_design_that_fits_is_said_to_fit() -> None:
    evaluation = evaluate(parse_project(SMALL))
    assert fit_text(evaluation).startswith("It fits: the fullest GPU, 0, needs ")
    assert "does not fit" not in verdict(evaluation)


def test_the_first_change_is_data_parallel_attention_and_gives_what_that_design_gives() -> None:
    first = ladder(example("seed0-proposed"))[0]
    assert first.label == "data-parallel attention"
    assert first.latency_s == example("seed0-proposed-dp").metrics.latency_s


@pytest.mark.parametrize("name", example_names())
def test_every_change_has_been_evaluated_and_the_last_one_fits(name: str) -> None:
    rungs = ladder(example(name))
    for rung in rungs:
        again = evaluate(rung.project)
        assert again.metrics.latency_s == rung.latency_s
        assert again.memory.fits == rung.fits
    assert rungs[-1].fits


@pytest.mark.parametrize("name", example_names())
def test_time_by_group_and_by_bound_sums_to_the_latency(name: str) -> None:
    evaluation = example(name)
    for parts in (group_s(evaluation), bound_s(evaluation)):
        assert sum(parts.values()) == pytest.approx(evaluation.metrics.latency_s, rel=1e-12)


def test_weights_that_no_batch_can_make_fit_are_named() -> None:
    text = verdict(evaluate(parse_project(SMALL.replace("mixtral-8x7b", "deepseek-v3"))))
    assert "The weights alone need" in text
