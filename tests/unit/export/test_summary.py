"""The object that ``evaluate --json`` prints, and the figures of the source documents in it."""

import json
import math
from functools import cache
from typing import Any

import jsonschema
import pytest

from moe_studio.calibration.provider import provide
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.export.summary import json_text, summary, summary_json
from moe_studio.locator import resource
from moe_studio.storage.catalogue import example_names, example_path
from moe_studio.storage.loader import load_project, parse_project

SCHEMA = json.loads(resource("schema", "summary.schema.json").read_text("utf-8"))

# Operators, dependency path, scheduled path, tokens/s.
FIGURES = {
    "seed0-baseline": (840, 42.5183085, 71.5009492, 143215),
    "seed0-proposed": (1344, 158.211272, 209.750879, 48819.8),
    "seed0-proposed-dp": (1344, 21.6545738, 30.2445084, 338574),
    "seed1": (648, 2.858351, 3.54318936, 591883),
    "seed2-baseline": (2632, 2.81372011, 4.38935569, 291615),
    "seed2-proposed": (1280, 1.77119953, 1.86067802, 687921),
    "seed3": (154240, 5.07801794, 6.05612516, 173143),
    "seed4-baseline": (2184, 205.439076, 228.345568, 44844.3),
    "seed4-proposed": (255, 1327.72095, 1510.97288, 6777.09),
}

# m, k, n, count, operators of each op.
MATMULS = {
    "seed0-baseline": {
        **dict.fromkeys(("q", "k", "v"), (10240000, 8192, 1024, 1, 32)),
        "scores": (10240000, 512, 10000, 2, 32),
        "av": (10240000, 10000, 512, 2, 32),
        "o": (10240000, 1024, 8192, 1, 32),
        "up": (640000, 8192, 32768, 1, 64),
        "gate_proj": (640000, 8192, 32768, 1, 64),
        "down": (640000, 32768, 8192, 1, 64),
    },
    "seed0-proposed": {
        **dict.fromkeys(("q", "k", "v", "o"), (10240000, 8192, 8192, 1, 64)),
        "scores": (10240000, 512, 10000, 16, 64),
        "up": (640000, 8192, 32768, 1, 64),
        "gate_proj": (640000, 8192, 32768, 1, 64),
        "down": (640000, 32768, 8192, 1, 64),
    },
    "seed1": {
        **dict.fromkeys(("q", "k", "v"), (2097152, 4096, 128, 1, 32)),
        "scores": (2097152, 128, 2048, 1, 32),
        "av": (2097152, 2048, 128, 1, 32),
        "o": (2097152, 128, 4096, 1, 32),
        "gate": (2097152, 4096, 16, 1, 32),
        "linear": (2097152, 4096, 2048, 1, 64),
    },
    "seed2-baseline": {
        "q": (1280000, 4096, 512, 1, 32),
        "scores": (1280000, 128, 10000, 4, 32),
        "up": (80000, 4096, 4096, 1, 512),
        "down": (80000, 4096, 4096, 1, 512),
    },
    "seed3": {
        **dict.fromkeys(("q", "k", "v"), (8192, 7168, 16384, 1, 7808)),
        "scores": (8192, 128, 2048, 128, 7808),
        "gate": (8192, 7168, 64, 1, 7424),
        "up": (65536, 7168, 2048, 1, 7424),
        "down": (65536, 2048, 7168, 1, 7424),
        "ffn_up": (8192, 7168, 2048, 1, 384),
    },
    "seed4-baseline": {
        "q": (10240000, 8192, 1024, 1, 128),
        "ffn_up": (10240000, 8192, 4096, 1, 128),
        "ffn_down": (10240000, 4096, 8192, 1, 128),
    },
    "seed4-proposed": {"q": (10240000, 8192, 8192, 1, 16), "ffn_up": (10240000, 8192, 32768, 1, 16)},
}


@cache
def example(name: str) -> Evaluation:
    return evaluate(load_project(example_path(name)))


@cache
def summed(name: str) -> dict[str, Any]:
    return summary(example(name))


@pytest.mark.parametrize("name", example_names())
def test_the_printed_object_is_as_its_schema_says(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(summary_json(example(name))), SCHEMA)


@pytest.mark.parametrize("phase", ["decode", "prefill", "forward"])
def test_a_real_model_in_every_phase_is_as_the_schema_says(phase: str) -> None:
    project = parse_project(
        "model: {preset: deepseek-v3}\ncluster: {preset: dgx-h100-4}\nparallel: {ep: 16, tp: 2, dp: 2}\n"
        f"workload: {{phase: {phase}, batch: 64, tokens: 16, context: 300, micro_batches: 2}}\n"
        "reference: {tokens_per_s: 100, tpot_ms: 20, ttft_ms: 30, latency_s: 1, note: measured}\n"
    )
    text = summary_json(evaluate(project))
    jsonschema.validate(json.loads(text), SCHEMA)
    assert "NaN" not in text
    assert "Infinity" not in text


def test_the_documented_names_come_first_and_in_order() -> None:
    assert list(summed("seed1"))[:10] == [
        "project",
        "graph",
        "dependency_path",
        "scheduled_path",
        "metrics",
        "breakdown_s",
        "gpus",
        "matmuls",
        "parameters",
        "problems",
    ]


@pytest.mark.parametrize("name", example_names())
def test_the_figures_are_those_of_the_source_documents_as_computed_independently(name: str) -> None:
    result = summed(name)
    operators, dependency, scheduled, tokens = FIGURES[name]
    assert result["graph"]["operators"] == operators
    assert result["dependency_path"]["seconds"] == pytest.approx(dependency, rel=5e-9)
    assert result["scheduled_path"]["seconds"] == pytest.approx(scheduled, rel=5e-9)
    assert result["metrics"]["tokens_per_s"] == pytest.approx(tokens, rel=5e-6)


@pytest.mark.parametrize("name", MATMULS)
def test_the_matmuls_are_those_of_the_source_documents(name: str) -> None:
    found = {
        row["op"]: (row["m"], row["k"], row["n"], row["count"], row["operators"]) for row in summed(name)["matmuls"]
    }
    for op, expected in MATMULS[name].items():
        assert found[op] == expected


@pytest.mark.parametrize("name", example_names())
def test_breakdowns_with_waiting_sum_to_the_latency(name: str) -> None:
    result = summed(name)
    latency = result["metrics"]["latency_s"]
    waiting = result["breakdown_s"]["waiting"]
    assert math.fsum(result["breakdown_s"].values()) == pytest.approx(latency, rel=1e-12)
    assert math.fsum(result["breakdown_by_layer_s"].values()) + waiting == pytest.approx(latency, rel=1e-12)
    assert math.fsum(result["breakdown_by_stream_s"].values()) + waiting == pytest.approx(latency, rel=1e-12)


def test_operators_of_a_path_are_never_folded() -> None:
    path = summed("seed3")["scheduled_path"]
    assert len(path["operators"]) == len(example("seed3").scheduled_path.rows)
    assert path["operators"][0] == "l0_ln1_g0"
    assert path["operators"][-1] == "l60_res2_g0"


def test_gpus_name_their_experts_by_moe_layer() -> None:
    gpus = summed("seed3")["gpus"]
    assert len(gpus) == 128
    assert list(gpus[70]["experts"]) == [str(layer) for layer in range(3, 61)]
    assert gpus[70]["experts"]["3"] == [6]
    assert (gpus[70]["replica"], gpus[70]["stage"], gpus[70]["node"]) == (1, 0, "node8")
    assert summed("seed0-baseline")["gpus"][9]["experts"] == {"2": [2, 3], "3": [2, 3]}
    assert summed("seed4-baseline")["gpus"][0]["experts"] == {}


def test_a_reference_of_another_phase_stands_beside_no_prediction() -> None:
    claims = {claim["metric"]: claim for claim in summed("seed0-proposed")["references"]}
    assert claims["tokens per second"]["error"] == pytest.approx(48819.8 / 450000 - 1, rel=1e-5)
    assert claims["time per output token"]["reference"] == 2.2
    assert claims["time per output token"]["predicted"] is None


def test_problems_are_in_the_object() -> None:
    codes = [problem["code"] for problem in summed("seed0-proposed")["problems"]]
    assert codes[0] == "memory"
    assert "replicated-work" in codes


def test_the_same_project_gives_the_same_bytes() -> None:
    path = example_path("seed2-baseline")
    assert summary_json(evaluate(load_project(path))) == summary_json(evaluate(load_project(path)))


def test_a_number_that_is_not_finite_is_never_printed() -> None:
    with pytest.raises(AssertionError, match="finite"):
        json_text({"a": [{"b": float("nan")}]})


@cache
def priced(name: str) -> dict[str, Any]:
    """The summary of a real deployment, by calibrated costs."""
    path = resource("examples", "real", f"{name}.moe.yaml")
    return summary(evaluate(load_project(path), provide))


def test_every_time_on_the_path_says_how_it_was_got() -> None:
    result = priced("mixtral-8x7b-decode-h100")
    path_s = math.fsum(item["path_s"] for item in result["evidence"])
    assert path_s + result["breakdown_s"]["waiting"] == pytest.approx(result["metrics"]["latency_s"])
    assert {item["provenance"] for item in result["evidence"]} <= {"calibrated", "datasheet", "fixed"}
    assert all(item["expected_error"] for item in result["evidence"] if item["provenance"] != "fixed")
    assert all(0 < shape["expected_error"] < 0.5 for shape in result["matmuls"] if shape["provenance"] != "fixed")


def test_the_interval_of_the_latency_reaches_as_far_up_as_down_and_holds_that_of_kernels() -> None:
    result = priced("mixtral-8x7b-decode-h100")
    known, latency = result["uncertainty"], result["metrics"]["latency_s"]
    low, high = known["latency_s"]
    assert low * high == pytest.approx(latency**2)
    assert 0 < known["kernels"] < known["margin"] == pytest.approx((high - low) / 2 / latency)
    slow, fast = known["tokens_per_s"]
    assert slow < result["metrics"]["tokens_per_s"] < fast


def test_nobody_knows_how_far_fixed_costs_are_off() -> None:
    result = summed("seed1")
    assert result["uncertainty"] is None
    assert result["provenance"]["operators"] == {"fixed": 648}
    assert {shape["expected_error"] for shape in result["matmuls"]} == {None}


def test_where_files_lie_on_this_machine_is_not_told() -> None:
    cost = summed("seed1")["provenance"]["cost"]
    assert "table" in cost
    assert not any(name.endswith("_path") for name in cost)
