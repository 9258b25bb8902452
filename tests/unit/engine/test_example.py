"""The nine example projects give the figures that were computed for them independently."""

import pytest

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.engine.rule import problems
from moe_studio.graph.operator import OP_KINDS
from moe_studio.storage.catalogue import example_names, example_path
from moe_studio.storage.loader import load_project

FIGURES = {
    "seed0-baseline": (840, "42.5183085", "71.5009492", "143215"),
    "seed0-proposed": (1344, "158.211272", "209.750879", "48819.8"),
    "seed0-proposed-dp": (1344, "21.6545738", "30.2445084", "338574"),
    "seed1": (648, "2.858351", "3.54318936", "591883"),
    "seed2-baseline": (2632, "2.81372011", "4.38935569", "291615"),
    "seed2-proposed": (1280, "1.77119953", "1.86067802", "687921"),
    "seed3": (154240, "5.07801794", "6.05612516", "173143"),
    "seed4-baseline": (2184, "205.439076", "228.345568", "44844.3"),
    "seed4-proposed": (255, "1327.72095", "1510.97288", "6777.09"),
}

M = 10_240_000
MATMULS = {
    "seed0-baseline": {
        **{(op, M, 8192, 1024, 1): 32 for op in "qkv"},
        ("scores", M, 512, 10000, 2): 32,
        ("av", M, 10000, 512, 2): 32,
        ("o", M, 1024, 8192, 1): 32,
        ("up", 640000, 8192, 32768, 1): 64,
        ("gate_proj", 640000, 8192, 32768, 1): 64,
        ("down", 640000, 32768, 8192, 1): 64,
    },
    "seed0-proposed": {
        **{(op, M, 8192, 8192, 1): 64 for op in "qkvo"},
        ("scores", M, 512, 10000, 16): 64,
        ("up", 640000, 8192, 32768, 1): 64,
        ("gate_proj", 640000, 8192, 32768, 1): 64,
        ("down", 640000, 32768, 8192, 1): 64,
    },
    "seed1": {
        **{(op, 2097152, 4096, 128, 1): 32 for op in "qkv"},
        ("scores", 2097152, 128, 2048, 1): 32,
        ("av", 2097152, 2048, 128, 1): 32,
        ("o", 2097152, 128, 4096, 1): 32,
        ("gate", 2097152, 4096, 16, 1): 32,
        ("linear", 2097152, 4096, 2048, 1): 64,
    },
    "seed2-baseline": {
        ("q", 1280000, 4096, 512, 1): 32,
        ("scores", 1280000, 128, 10000, 4): 32,
        ("up", 80000, 4096, 4096, 1): 512,
        ("down", 80000, 4096, 4096, 1): 512,
    },
    "seed3": {
        **{(op, 8192, 7168, 16384, 1): 7808 for op in "qkv"},
        ("scores", 8192, 128, 2048, 128): 7808,
        ("gate", 8192, 7168, 64, 1): 7424,
        ("up", 65536, 7168, 2048, 1): 7424,
        ("down", 65536, 2048, 7168, 1): 7424,
        ("ffn_up", 8192, 7168, 2048, 1): 384,
    },
    "seed4-baseline": {
        ("q", M, 8192, 1024, 1): 128,
        ("ffn_up", M, 8192, 4096, 1): 128,
        ("ffn_down", M, 4096, 8192, 1): 128,
    },
    "seed4-proposed": {("q", M, 8192, 8192, 1): 16, ("ffn_up", M, 8192, 32768, 1): 16},
}


@pytest.fixture(scope="module")
def evaluations() -> dict[str, Evaluation]:
    return {name: evaluate(load_project(example_path(name))) for name in FIGURES}


def digits(value: float, text: str) -> str:
    return f"{value:.{len(text.replace('.', '').lstrip('0'))}g}"


def test_the_gallery_has_exactly_the_nine_examples() -> None:
    assert set(FIGURES) <= set(example_names())


@pytest.mark.parametrize("name", FIGURES)
def test_operators_paths_and_throughput_are_those_of_the_table(name: str, evaluations: dict[str, Evaluation]) -> None:
    operators, dependency, scheduled, throughput = FIGURES[name]
    evaluation = evaluations[name]
    assert len(evaluation.graph) == operators
    assert float(digits(evaluation.metrics.dependency_s, dependency)) == float(dependency)
    assert float(digits(evaluation.metrics.latency_s, scheduled)) == float(scheduled)
    assert float(digits(evaluation.metrics.tokens_per_s, throughput)) == float(throughput)


@pytest.mark.parametrize("name", MATMULS)
def test_matmuls_appear_with_their_shapes_and_counts(name: str, evaluations: dict[str, Evaluation]) -> None:
    found = {(item.op, item.m, item.k, item.n, item.count): item.operators for item in evaluations[name].matmuls}
    assert {shape: found.get(shape) for shape in MATMULS[name]} == MATMULS[name]


@pytest.mark.parametrize("name", FIGURES)
def test_the_breakdown_sums_to_the_latency(name: str, evaluations: dict[str, Evaluation]) -> None:
    evaluation = evaluations[name]
    for part in (evaluation.breakdown.by_kind, evaluation.breakdown.by_layer, evaluation.breakdown.by_stream):
        assert sum(part.values()) + evaluation.breakdown.waiting_s == pytest.approx(
            evaluation.metrics.latency_s, rel=1e-12
        )


def test_the_proposal_of_document_000_is_slower_than_its_baseline_and_does_not_fit(
    evaluations: dict[str, Evaluation],
) -> None:
    baseline, proposed = evaluations["seed0-baseline"], evaluations["seed0-proposed"]
    assert proposed.metrics.latency_s > 2.9 * baseline.metrics.latency_s
    codes = {problem.code for problem in problems(proposed)}
    assert {"memory", "replicated-work"} <= codes
    assert proposed.memory.activations[0] > 167.8e9 * 2


def test_every_matmul_kind_of_a_layer_is_a_matmul_in_the_table(evaluations: dict[str, Evaluation]) -> None:
    known = {kind.name for kind in OP_KINDS if kind.is_matmul}
    assert {item.op for item in evaluations["seed3"].matmuls} <= known


def test_colocated_experts_of_document_001_are_both_on_the_scheduled_path(evaluations: dict[str, Evaluation]) -> None:
    evaluation = evaluations["seed1"]
    experts = [
        evaluation.graph.name(row)
        for row in evaluation.scheduled_path.rows.tolist()
        if "linear" in evaluation.graph.name(row)
    ]
    assert experts[:2] == ["l0_linear_e0_g0", "l0_linear_e1_g0"]
