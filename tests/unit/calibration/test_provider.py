"""Designs priced by fitted kernels."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moe_studio.calibration.calibrated import EXCHANGES
from moe_studio.calibration.provider import provide
from moe_studio.calibration.store import load_calibration, save_calibration
from moe_studio.engine.cost import cost_with, layer_cost
from moe_studio.engine.evaluation import Evaluation, Pipeline, evaluate
from moe_studio.engine.evidence import PROVENANCES
from moe_studio.engine.provider import LINKS, RESOURCES
from moe_studio.errors import ProjectError
from moe_studio.export.section_method import method_section
from moe_studio.export.uncertainty import evidence, outside_text
from moe_studio.graph.operator import OP_KINDS
from moe_studio.kernel.fitted import OUTSIDE, Calibration
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.design import Cost, Parallel, Workload
from moe_studio.project.edit import place_expert, set_value
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_device, load_model


def project(phase: str = "decode", device: str = "h100-sxm", preset: str = "deepseek-v3", **parallel: int) -> Project:
    """One model on four nodes of eight GPUs."""
    return Project(
        model=load_model(preset),
        cluster=Cluster(
            nodes=tuple(Node(name=f"node{index}", device=device) for index in range(4)),
            catalogue={device: load_device(device)},
        ),
        parallel=Parallel(**({"ep": 32} | parallel)),
        workload=Workload(phase=phase, batch=2048 if phase == "decode" else 64, tokens=2048, context=2048),
        cost=Cost(provider="calibrated", attention="fused", causal=True),
    )


def shares(evaluation: Evaluation) -> dict[str, int]:
    counts = np.bincount(evaluation.evidence.provenance, minlength=len(PROVENANCES))
    return {name: int(count) for name, count in zip(PROVENANCES, counts, strict=True) if count}


@pytest.mark.parametrize("phase", ["decode", "prefill"])
@pytest.mark.parametrize(
    ("preset", "parallel"), [("deepseek-v3", {}), ("mixtral-8x7b", {"ep": 1, "tp": 8, "etp": 8}), ("gpt-oss-120b", {})]
)
def test_no_matmul_is_faster_than_the_datasheet_allows(phase: str, preset: str, parallel: dict[str, int]) -> None:
    evaluation = evaluate(project(phase, preset=preset, **parallel), provide)
    graph, device = evaluation.graph, load_device("h100-sxm")
    peak = max(device.peak_tflops.values()) * 1e12
    is_weight = np.array([kind.has_weight and not kind.is_expert for kind in OP_KINDS])[graph.op]
    floor = graph.column("flop") / peak
    assert (evaluation.duration_s[is_weight] >= floor[is_weight]).all()
    assert np.isfinite(evaluation.duration_s).all()
    assert evaluation.duration_s[evaluation.scheduled_path.rows].sum() == pytest.approx(evaluation.metrics.latency_s)


def test_what_only_moves_as_many_bytes_as_a_measured_kernel_does_not_pass_for_it() -> None:
    evaluation = evaluate(project(), provide)
    graph, evidence = evaluation.graph, evaluation.evidence
    stand_ins = ("ln1", "res1", "ln2", "route")
    rows = [row for row in range(len(graph)) if graph.kind_name(row) in stand_ins]
    assert {graph.kind_name(row) for row in rows} == set(stand_ins)
    assert {evidence.basis(row)[0] for row in rows} == {"datasheet"}
    assert (evidence.error[rows] >= 0.2).all()


@pytest.mark.parametrize("phase", ["decode", "prefill"])
def test_tokens_that_travel_in_wider_types_take_longer(phase: str) -> None:
    """DeepEP was measured with fp8 out and bf16 back; other types are neither priced nor trusted as these."""

    def exchanges(dispatch: str, combine: str) -> dict[str, tuple[float, str]]:
        typed = set_value("model.dtypes.combine", combine)(set_value("model.dtypes.dispatch", dispatch)(project(phase)))
        found = evaluate(typed, provide)
        graph, evidence = found.graph, found.evidence
        first = {name: next(row for row in range(len(graph)) if graph.kind_name(row) == name) for name in EXCHANGES}
        return {name: (float(found.duration_s[row]), evidence.basis(row)[0]) for name, row in first.items()}

    usual, other = exchanges("fp8", "bf16"), exchanges("bf16", "fp8")
    assert 1.2 < other["dispatch"][0] / usual["dispatch"][0] < 2.0
    assert 0.5 < other["combine"][0] / usual["combine"][0] < 0.8
    assert {usual[name][1] for name in EXCHANGES} == {"calibrated"}
    assert {other[name][1] for name in EXCHANGES} == {"datasheet"}


def test_how_each_time_was_got_is_known() -> None:
    measured = shares(evaluate(project(), provide))
    assert measured["calibrated"] > measured.get("fixed", 0)
    carried = shares(evaluate(project(device="b200"), provide))
    assert "calibrated" not in carried
    assert carried["datasheet"] > carried.get("fixed", 0)
    assert shares(evaluate(set_value("cost.provider", "fixed")(project()), provide)).keys() == {"fixed"}


def test_the_expected_error_of_the_latency_grows_with_ignorance() -> None:
    known, carried = (evaluate(project(device=device), provide) for device in ("h100-sxm", "b200"))
    ratios = [item.latency_error_s / item.metrics.latency_s for item in (known, carried)]
    assert 0 < ratios[0] < ratios[1] < 1
    assert np.isnan(evaluate(set_value("cost.provider", "fixed")(project()), provide).latency_error_s)


def test_more_of_each_resource_helps_or_leaves_alone() -> None:
    evaluation = evaluate(project("prefill"), provide)
    assert all(change <= 1e-9 * evaluation.metrics.latency_s for change in evaluation.sensitivity.values())
    assert min(evaluation.sensitivity.values()) < -1e-3 * evaluation.metrics.latency_s


@pytest.mark.parametrize("phase", ["decode", "prefill"])
@pytest.mark.parametrize("resource", LINKS)
def test_work_takes_as_long_whatever_the_links_carry(phase: str, resource: str) -> None:
    evaluation = evaluate(project(phase, preset="qwen3-30b-a3b"), provide)
    for cost in dict.fromkeys(evaluation.costs):
        quick = cost_with(cost, resource, 3.0, evaluation.provider, evaluation.rates)
        whole = layer_cost(cost.body, evaluation.provider, evaluation.rates.scaled(resource, 3.0))
        assert np.array_equal(quick.duration_s, whole.duration_s) and np.array_equal(quick.own_s, whole.own_s)


def test_layers_that_differ_in_their_experts_alone_are_priced_as_if_alone() -> None:
    base = set_value("workload.routing.imbalance", 1.3)(set_value("workload.routing.chance", True)(project("prefill")))
    together = evaluate(base, provide)
    for cost in list(dict.fromkeys(together.costs))[:6]:
        for resource in RESOURCES:
            rates = together.rates.scaled(resource, 2.0)
            alone = layer_cost(cost.body, provide(base), rates)
            assert np.array_equal(layer_cost(cost.body, together.provider, rates).duration_s, alone.duration_s)


def test_measured_collectives_follow_the_links_of_the_design() -> None:
    usual = project("prefill", tp=8)
    latency = evaluate(usual, provide).metrics.latency_s
    slow = set_value("cluster.links.inter.gb_s", 25.0)(usual)
    assert evaluate(slow, provide).metrics.latency_s > latency
    share = set_value("cluster.links.inter.oversubscription", 2.0)(usual)
    assert evaluate(share, provide).metrics.latency_s == evaluate(slow, provide).metrics.latency_s
    racked = set_value("cluster.links.rack", usual.cluster.links.inter)(slow)
    nodes = tuple(replace(node, name=f"rack0/{node.name}") for node in racked.cluster.nodes)
    one_rack = replace(racked, cluster=replace(racked.cluster, nodes=nodes))
    assert evaluate(one_rack, provide).metrics.latency_s == latency


def test_collectives_follow_the_links_of_the_design_where_a_datasheet_has_none() -> None:
    base = project("prefill", preset="mixtral-8x7b", ep=1, tp=8, etp=8)
    unlinked = replace(load_device("h100-sxm"), link_gb_s=0.0)
    usual = replace(base, cluster=replace(base.cluster, devices={"h100-sxm": unlinked}))

    def reduce_s(gb_s: float) -> float:
        evaluation = evaluate(set_value("cluster.links.intra.gb_s", gb_s)(usual), provide)
        return evaluation.breakdown.by_kind["attn_reduce"]

    assert reduce_s(30.0) == pytest.approx(10 * reduce_s(300.0), rel=0.05)


def test_two_experts_on_a_gpu_take_longer_than_one() -> None:
    before = project()
    after = evaluate(place_expert(5, [9], layers=range(3, 61))(before), provide)
    assert after.metrics.latency_s > evaluate(before, provide).metrics.latency_s


def test_a_pipeline_that_has_seen_other_designs_gives_the_same_bits() -> None:
    pipeline = Pipeline(provide=provide)
    for phase in ("decode", "prefill", "decode"):
        last = pipeline.evaluate(project(phase))
    fresh = evaluate(project("decode"), provide)
    assert (last.start_s == fresh.start_s).all()
    assert last.metrics == fresh.metrics


def test_auto_is_calibrated_on_known_devices_only() -> None:
    known = set_value("cost.provider", "auto")(project())
    assert "calibrated" in shares(evaluate(known, provide))
    own = replace(known, cluster=replace(known.cluster, devices={"h100-sxm": load_device("h100-sxm")}))
    assert shares(evaluate(own, provide)).keys() == {"fixed"}


def test_an_unknown_provider_is_named() -> None:
    with pytest.raises(ProjectError, match="no cost provider 'guess'"):
        evaluate(set_value("cost.provider", "guess")(project()), provide)


def own_calibration(path: Path, launch_us: float) -> Path:
    """The shipped calibration of the H100 with another launch of its GEMMs alone."""
    shipped = load_calibration("h100-sxm")
    fitted = shipped.fitted("gemm", "bf16")
    slower = replace(fitted, parameters=replace(fitted.parameters, launch_us=launch_us))
    save_calibration(path, Calibration(facts=shipped.facts, families={"gemm": {"bf16": slower}}))
    return path


def test_an_own_calibration_comes_before_those_that_ship(tmp_path: Path) -> None:
    path = own_calibration(tmp_path / "own.yaml", 500.0)
    base = project(preset="mixtral-8x7b", ep=8)
    own = replace(base, cost=replace(base.cost, calibration="own.yaml", calibration_path=str(path)))
    before, after = evaluate(base, provide), evaluate(own, provide)
    kinds = np.array([before.graph.kind_name(row) for row in range(len(before.graph))])
    is_gemm = kinds == "o"
    assert (after.duration_s[is_gemm] > 450e-6).all()
    assert (after.duration_s[kinds == "up"] == before.duration_s[kinds == "up"]).all()
    assert "calibrated" in shares(after)
    own_calibration(path, 1000.0)
    os.utime(path, ns=(1, 1))
    assert evaluate(own, provide).duration_s[is_gemm].min() > 900e-6


def test_a_calibration_that_cannot_be_read_is_named_with_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("device: h100-sxm\ngemm: {bf16: {}}\n", "utf-8")
    base = project()
    own = replace(base, cost=replace(base.cost, calibration="own.yaml", calibration_path=str(path)))
    with pytest.raises(ProjectError, match=r"cost\.calibration: own\.yaml: .*gemm\.bf16\.parameters: is missing"):
        provide(own)
    path.unlink()
    with pytest.raises(ProjectError, match=r"cost\.calibration: .*No such file"):
        provide(own)


def test_an_evaluation_goes_to_another_process_and_knows_as_much() -> None:
    known = evaluate(project(preset="mixtral-8x7b", ep=8), provide)
    sent = pickle.loads(pickle.dumps(known))
    assert sent.metrics == known.metrics
    assert sent.latency_interval_s == known.latency_interval_s


def test_far_outside_of_what_was_measured_a_design_is_less_sure_and_says_so() -> None:
    usual, long = (evaluate(set_value("workload.context", tokens)(project()), provide) for tokens in (4096, 2**22))
    rows = [next(row for row in range(len(item.graph)) if item.graph.kind_name(row) == "av") for item in (usual, long)]
    near, far = (item.evidence.error[row] for item, row in zip((usual, long), rows, strict=True))
    assert far > near + 4 * OUTSIDE
    assert usual.evidence.text(rows[0]).startswith("calibrated")
    assert "outside" not in usual.evidence.text(rows[0])
    assert long.evidence.text(rows[1]).endswith("; outside what was measured")
    assert (long.latency_margin or 0) > (usual.latency_margin or 0)
    known = next(item for item in evidence(long) if item["op"] == "av")
    assert known["outside"]
    assert "av" in outside_text(long)
    assert f"{known['provenance']}, outside what was measured" in str(method_section(long))
