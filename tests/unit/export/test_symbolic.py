"""Run times as sums of Get_Time terms, and paths as names."""

import re
from functools import cache

import pytest

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.export.symbolic import path_names, path_text, run_time_sum
from moe_studio.project.edit import in_order, set_value
from moe_studio.storage.catalogue import example_names, example_path, load_cluster, load_device, load_model
from moe_studio.storage.loader import load_project, parse_project

TERM = re.compile(r"(?:(\d+) × )?Get_Time\((\d+), (\d+), (\d+)\)")


@cache
def example(name: str) -> Evaluation:
    return evaluate(load_project(example_path(name)))


@pytest.mark.parametrize("name", example_names())
def test_the_sum_of_the_scheduled_path_is_the_latency(name: str) -> None:
    evaluation = example(name)
    assert run_time_sum(evaluation).seconds == pytest.approx(evaluation.metrics.latency_s, rel=1e-12)


@pytest.mark.parametrize("name", example_names())
def test_the_sum_of_the_dependency_path_is_its_length(name: str) -> None:
    evaluation = example(name)
    total = run_time_sum(evaluation, evaluation.dependency_path)
    assert total.seconds == pytest.approx(evaluation.dependency_path.seconds, rel=1e-12)


@pytest.mark.parametrize("name", ["seed0-baseline", "seed0-proposed", "seed4-baseline", "seed4-proposed"])
def test_whoever_evaluates_the_printed_terms_gets_the_latency(name: str) -> None:
    evaluation = example(name)
    device = load_device("seed-64g")
    total = 0.0
    for line in run_time_sum(evaluation).lines:
        factor = int(found[1]) if (found := re.match(r"(\d+) × \[", line)) else 1
        inner = line.partition("[")[2] if "Get_Time" in line else ""
        for times, m, k, n in TERM.findall(inner):
            each = evaluation.provider.get_time_s(int(m), int(k), int(n), count=1, dtype="fp16", device=device)
            total += factor * int(times or 1) * each
        if not inner:
            amount, unit = line.split()[:2]
            total += float(amount.replace(",", "")) * {"s": 1.0, "ms": 1e-3}[unit]
    # The rest is printed with four digits.
    assert total == pytest.approx(evaluation.metrics.latency_s, rel=2e-4)


def test_layers_that_are_alike_are_written_once_with_their_number() -> None:
    text = str(run_time_sum(example("seed3")))
    assert text.startswith("3 × [3 × Get_Time(8192, 7168, 16384) [q, k, v] + 128 × Get_Time(8192, 128, 2048)")
    assert "58 × [" in text
    assert "Get_Time(65536, 7168, 2048) [up] + Get_Time(65536, 2048, 7168) [down]" in text
    assert text.count("Get_Time") == 6 + 7


def test_the_head_stands_apart_so_that_the_last_layer_is_like_the_others() -> None:
    project = parse_project(
        "model: {preset: mixtral-8x7b}\ncluster: {preset: dgx-h100}\nparallel: {ep: 8}\n"
        "workload: {phase: decode, batch: 64, context: 100}\n"
    )
    layers = run_time_sum(evaluate(project)).layers
    assert [len(item.layers) for item in layers] == [32, 1]
    assert [term.ops for term in layers[1].terms] == [("lm_head",)]


def test_a_path_begins_at_input_ends_at_output_and_names_every_operator() -> None:
    evaluation = example("seed1")
    names = path_names(evaluation, evaluation.scheduled_path)
    text = path_text(evaluation, evaluation.scheduled_path, is_folded=False)
    assert text.split(" → ") == ["input", *names, "output"]


def test_repeated_layers_of_a_path_are_folded() -> None:
    evaluation = example("seed3")
    text = path_text(evaluation, evaluation.scheduled_path)
    assert "l0_res2_g0 → [layers 1–2 the same] → l3_ln1_g0" in text
    assert text.endswith("l3_res2_g0 → [layers 4–60 the same] → output")


def test_a_fold_says_on_which_gpus_the_stages_of_a_pipeline_repeat() -> None:
    evaluation = example("seed4-proposed")
    text = path_text(evaluation, evaluation.scheduled_path)
    assert "l0_send_g0 → [layers 1–14 the same, GPUs 1–14] → l15_ln1_g15" in text


def test_layers_that_differ_are_not_folded() -> None:
    evaluation = example("seed0-baseline")
    text = path_text(evaluation, evaluation.scheduled_path)
    # Layer 1 has a send, layer 0 has none.
    assert "l0_ln1_g0" in text
    assert "l1_ln1_g0" in text
    assert "l1_send_g0" in text
    assert text.endswith("[layer 3 the same] → output")


def test_repeated_micro_batches_of_a_path_are_folded() -> None:
    project = in_order(set_value("workload.micro_batches", 8))(example("seed0-proposed-dp").project)
    evaluation = evaluate(project)
    text = path_text(evaluation, evaluation.scheduled_path)
    assert "[layers 1–3 the same]" in text
    assert "micro-batches" in text
    assert text.count("_ln1_") < 8
    assert len(evaluation.scheduled_path.rows) > 8 * 4 * 10


def test_the_same_operator_of_many_experts_is_named_first_and_last() -> None:
    evaluation = example("seed2-baseline")
    text = path_text(evaluation, evaluation.scheduled_path)
    assert re.search(r"l0_up_e0_g(\d+) → … 14 more experts → l0_up_e15_g\1 ", text)
    assert len(path_names(evaluation, evaluation.scheduled_path)) == len(evaluation.scheduled_path.rows)


def test_waiting_is_a_term_of_its_own() -> None:
    project = parse_project(
        "model: {hidden: 64, ffn: {moe: {hidden: 64, experts: 4, top_k: 1}}, blocks: [{repeat: 2}]}\n"
        "cluster: {nodes: [{name: a, gpus: 4, device: h100-sxm}]}\nparallel: {ep: 4}\n"
        "workload: {batch: 8, tokens: 16, micro_batches: 2, order: interleaved}\ncost: {launch_us: 3}\n"
    )
    evaluation = evaluate(project)
    total = run_time_sum(evaluation)
    assert total.waiting_s == pytest.approx(evaluation.breakdown.waiting_s, abs=1e-15)
    assert total.seconds == pytest.approx(evaluation.metrics.latency_s, rel=1e-12)


def test_models_of_the_catalogue_can_be_written_as_sums() -> None:
    assert load_model("deepseek-v3").attention.kind == "mla"
    assert load_cluster("dgx-h100-4").gpu_count == 32
    project = parse_project(
        "model: {preset: deepseek-v3}\ncluster: {preset: dgx-h100-4}\nparallel: {ep: 32}\n"
        "workload: {phase: decode, batch: 256, context: 2048}\n"
    )
    evaluation = evaluate(project)
    assert run_time_sum(evaluation).seconds == pytest.approx(evaluation.metrics.latency_s, rel=1e-12)
