"""What serving engines do in one kernel, beside kernels, and on the host."""

from dataclasses import replace

import numpy as np
import pytest

from moe_studio.calibration.calibrated import CalibratedProvider
from moe_studio.calibration.provider import calibrated_provider, provide
from moe_studio.calibration.question import gemm_question, moving_question
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.design import Cost, Parallel, Workload
from moe_studio.project.edit import in_order, set_value
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_device, load_model


def project(preset: str = "llama-3.1-8b", gpus: int = 1, **workload: object) -> Project:
    """A model on GPUs of one node."""
    model = load_model(preset)
    return Project(
        model=model,
        cluster=Cluster(
            nodes=(Node(name="node0", gpus=gpus, device="h100-sxm"),), catalogue={"h100-sxm": load_device("h100-sxm")}
        ),
        parallel=Parallel(ep=gpus),
        workload=Workload(**({"phase": "decode", "batch": 16 * gpus, "context": 1024} | workload)),  # type: ignore[arg-type]
        cost=Cost(provider="calibrated", attention="fused", causal=True),
    )


def seconds(evaluation: Evaluation, *names: str) -> float:
    """Time of operators together."""
    return float(sum(evaluation.duration_s[evaluation.graph.row_of[name]] for name in names))


def asked(design: Project, question: object) -> float:
    """Time of one kernel on the first device."""
    provider: CalibratedProvider = calibrated_provider(design)
    answer = provider.asker.ask(question, 0, provider.asker.base)  # type: ignore[arg-type]
    assert answer is not None
    return answer.seconds


def test_matrices_with_the_same_input_are_one_product() -> None:
    design = project()
    evaluation = evaluate(design, provide)
    together = seconds(evaluation, "l0_q_g0", "l0_k_g0", "l0_v_g0")
    assert together == pytest.approx(asked(design, gemm_question(16, 4096, 6144, "bf16")))
    widths = seconds(evaluation, "l0_ffn_up_g0", "l0_ffn_gate_proj_g0")
    assert widths == pytest.approx(asked(design, gemm_question(16, 4096, 2 * 14336, "bf16")))


def test_a_sum_and_the_norm_after_it_are_one_kernel_that_moves_four_tensors() -> None:
    design = project()
    evaluation = evaluate(design, provide)
    expected = asked(design, moving_question(4 * 16 * 4096 * 2, 4096))
    assert seconds(evaluation, "l0_res1_g0", "l0_ln2_g0") == pytest.approx(expected)
    assert seconds(evaluation, "l0_res2_g0", "l0_ln1_g0") == pytest.approx(expected)


def test_rows_of_experts_are_gathered_and_added_up_by_their_own_kernels() -> None:
    evaluation = evaluate(project("mixtral-8x7b"), provide)
    assert seconds(evaluation, "l0_dispatch_g0", "l0_agg_g0") == 0
    assert seconds(evaluation, "l0_up_e0_g0") > 0


def test_few_tokens_reach_few_experts() -> None:
    one, many = (evaluate(project("qwen3-30b-a3b", batch=batch), provide) for batch in (1, 64))
    experts = [
        sum(seconds(item, f"l0_{name}_e{x}_g0") for name in ("up", "gate_proj", "down") for x in range(128))
        for item in (one, many)
    ]
    # 8 of 128 experts are read for one token, nearly all for 64.
    assert experts[0] < 0.3 * experts[1]


def test_rotation_and_the_write_into_the_cache_are_work() -> None:
    design = project()
    evaluation = evaluate(design, provide)
    byte = 2 * 16 * (32 + 8) * 128 * 2 + 16 * 2 * 8 * 128 * (2 + 2)
    assert seconds(evaluation, "l0_scale_g0") == pytest.approx(asked(design, moving_question(byte, 32 * 128)))


def test_packing_for_low_latency_exchanges_is_work_of_the_gpu() -> None:
    design = project("deepseek-v3", gpus=8, batch=8 * 128)
    provider = calibrated_provider(design)
    evaluation = evaluate(design, lambda _: provider)
    prefill = evaluate(project("deepseek-v3", gpus=8, phase="prefill", batch=8, tokens=128), provide)
    assert seconds(evaluation, "l3_route_g0") > 1.5 * seconds(prefill, "l3_route_g0")
    byte = 128 * 7168 * (9 * 2)
    assert seconds(evaluation, "l3_agg_g0") > asked(design, moving_question(byte, 7168))


@pytest.mark.parametrize(
    ("phase", "graphs", "waits"),
    [("decode", "auto", False), ("decode", "off", True), ("prefill", "on", False), ("prefill", "auto", True)],
)
def test_without_graphs_the_host_issues_every_kernel(phase: str, graphs: str, waits: bool) -> None:
    design = in_order(set_value("cost.graphs", graphs), set_value("cost.host_us", 50))(
        project(phase=phase, batch=1, tokens=16)
    )
    evaluation = evaluate(design, provide)
    ready = evaluate(set_value("cost.graphs", "on")(design), provide)
    if not waits:
        assert evaluation.metrics.latency_s == ready.metrics.latency_s
    else:
        # qkv, attention, o, up and gate, act, down and two sums with norms: eight kernels a layer.
        assert evaluation.metrics.latency_s == pytest.approx(32 * 8 * 50e-6, rel=0.05)


def test_the_host_runs_ahead_of_long_kernels() -> None:
    design = project(phase="prefill", batch=8, tokens=4096)
    slow, quick = (evaluate(set_value("cost.host_us", host)(design), provide) for host in (5.0, 0.0))
    assert slow.metrics.latency_s == quick.metrics.latency_s


def test_fixed_costs_know_no_host() -> None:
    design = set_value("cost.provider", "fixed")(project())
    assert np.array_equal(
        evaluate(design, provide).duration_s,
        evaluate(replace(design, cost=replace(design.cost, graphs="off")), provide).duration_s,
    )
