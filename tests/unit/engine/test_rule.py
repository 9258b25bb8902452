"""Every rule is broken once, and named with its place."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.engine.rule import RULES, problems
from moe_studio.graph.layer import LayerGraph
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Limits, Parallel, Placement, Routing, Workload
from moe_studio.project.edit import place_expert, set_value
from moe_studio.project.model import Attention, Block, FeedForward, Model
from moe_studio.project.project import Project
from tests.unit.engine.strategies import projects

DEVICE = Device(memory_gb=80, memory_tb_s=3, peak_tflops={"bf16": 900})


def project(**parallel: object) -> Project:
    """Three layers of eight experts on two nodes of four GPUs; nothing wrong with it."""
    return Project(
        model=Model(
            hidden=512,
            attention=Attention(kind="gqa", heads=8, kv_heads=4, head_dim=64),
            ffn={"dense": FeedForward(hidden=1024), "moe": FeedForward(hidden=256, experts=8, top_k=2, shared=1)},
            blocks=(Block(ffn="dense"), Block(repeat=2, ffn="moe")),
            vocab=1000,
        ),
        cluster=Cluster(
            nodes=(Node(name="a", gpus=4, device="x"), Node(name="b", gpus=4, device="x")), devices={"x": DEVICE}
        ),
        parallel=Parallel(**({"ep": 8} | parallel)),  # type: ignore[arg-type]
        workload=Workload(batch=8, tokens=64),
    )


def found(project: Project) -> dict[str, str]:
    return {problem.code: problem.where for problem in problems(evaluate(project))}


@pytest.mark.parametrize(
    "parallel",
    [{}, {"tp": 4, "ep": 4, "etp": 2}, {"pp": 2, "ep": 4}, {"dp": 2, "ep": 2}, {"tp": 2, "ep": 4, "etp": 2, "pp": 1}],
)
def test_a_sound_design_breaks_no_rule(parallel: dict[str, int]) -> None:
    assert found(project(**parallel)) == {}


@pytest.mark.parametrize("kind", ["mla", "linear"])
@pytest.mark.parametrize("phase", ["decode", "prefill"])
def test_other_kinds_of_attention_agree_in_their_shapes(kind: str, phase: str) -> None:
    attention = Attention(
        kind=kind, heads=8, q_lora=64, kv_lora=64, qk_nope=32, qk_rope=16, v_dim=32, in_width=1536, out_width=512
    )
    changed = set_value("model.attention", attention)(project(tp=2))
    assert found(set_value("workload", Workload(phase=phase, batch=8, tokens=8, context=8))(changed)) == {}


def test_codes_are_stable() -> None:
    assert [rule.code for rule in RULES] == [
        "acyclic", "source-sink", "connected", "experts-placed", "experts-per-gpu", "min-ep", "shapes", "heads",
        "hidden-sizes", "slots", "stages", "memory", "one-gpu", "idle-gpu", "imbalance", "cross-node",
        "replicated-work", "costs", "remarks",
    ]  # fmt: skip


def test_limits_of_experts_and_parallelism() -> None:
    broken = set_value("limits", Limits(experts_per_gpu=1, min_ep=16))(project())
    assert found(broken) == {"min-ep": "parallel.ep"}
    assert found(place_expert(5, [3], layers=[1])(broken)) | {"experts-per-gpu": "gpu 3"} == found(
        place_expert(5, [3], layers=[1])(broken)
    )


def test_an_expert_without_a_slot_is_named() -> None:
    explicit = set_value("placement", Placement(policy="explicit"))(project())
    for expert in range(7):
        explicit = place_expert(expert, [expert], layers=[1, 2])(explicit)
    message = next(problem.message for problem in problems(evaluate(explicit)) if problem.code == "experts-placed")
    assert "Layer 1" in message
    assert "expert 7 of replica 0" in message


def test_sizes_that_do_not_divide() -> None:
    odd = set_value("model.attention", Attention(heads=6, head_dim=64))(project(tp=4, ep=8))
    assert found(odd)["heads"] == "parallel.tp"
    odd = set_value("model.ffn[moe].hidden", 255)(project(tp=8, etp=2, ep=4))
    assert found(odd)["hidden-sizes"] in ("parallel.etp", "parallel.tp")


def test_memory_names_the_worst_gpu_and_what_fills_it() -> None:
    small = set_value("cluster.devices[x].memory_gb", 0.001)(project())
    problem = next(problem for problem in problems(evaluate(small)) if problem.code == "memory")
    assert problem.severity == "error"
    assert "8 of 8 GPUs" in problem.message
    assert problem.where.startswith("gpu ")


def test_what_does_not_fit_is_told_a_batch_that_would() -> None:
    def message(memory_gb: float) -> str:
        small = set_value("cluster.devices[x].memory_gb", memory_gb)(project())
        return next(problem.message for problem in problems(evaluate(small)) if problem.code == "memory")

    needed = evaluate(project()).memory
    weights, whole = float(needed.weights.max()) / 1e9, float(needed.total.max()) / 1e9
    half = evaluate(set_value("cluster.devices[x].memory_gb", (weights + whole) / 2)(project())).room
    assert f"A batch of about {half.batch_estimate:,} would fit." in message((weights + whole) / 2)
    assert 0 < half.largest_batch <= half.batch_estimate + 1 < project().workload.batch
    assert "No batch would fit" in message(weights / 2)


def test_gpus_without_experts_wait() -> None:
    moved = project()
    for layer in (1, 2):
        moved = place_expert(5, [4], layers=[layer])(moved)
    assert found(moved) == {"idle-gpu": "gpu 5", "imbalance": "gpu 4"}


def test_skewed_routing_is_an_imbalance() -> None:
    skewed = set_value("workload.routing", Routing(kind="zipf", skew=2))(project())
    assert "imbalance" in found(skewed)


@pytest.mark.parametrize("attention", ["data", "replicated"])
def test_a_dispatch_that_no_expert_takes_feeds_the_output(attention: str) -> None:
    emptied = project(attention=attention)
    for layer in (1, 2):
        emptied = place_expert(5, [4], layers=[layer])(emptied)
    assert "connected" not in found(emptied)


def on_nodes(*gpus: int, **parallel: int) -> Project:
    nodes = tuple(Node(name=f"n{number}", gpus=count, device="x") for number, count in enumerate(gpus))
    return set_value("cluster.nodes", nodes)(project(**parallel))


def crossing(design: Project) -> set[str]:
    return {problem.where for problem in problems(evaluate(design)) if problem.code == "cross-node"}


def test_a_group_across_nodes_that_would_fit_into_one() -> None:
    assert crossing(on_nodes(2, 4, 2, tp=4, ep=8)) == {"parallel.tp"}
    assert crossing(on_nodes(2, 4, 2, ep=2, etp=4)) == {"parallel.etp"}
    assert crossing(on_nodes(2, 4, 2, dp=2, ep=4)) == {"parallel.ep"}


def test_a_group_that_must_lie_across_nodes_is_no_fault() -> None:
    assert crossing(on_nodes(3, 5, tp=2, ep=4, etp=2)) == set()
    assert crossing(on_nodes(6, 2, dp=2, ep=4)) == set()


def test_replicated_attention_is_work_done_again() -> None:
    assert found(project(attention="replicated"))["replicated-work"] == "parallel.attention"


def test_what_is_not_modelled_is_said() -> None:
    mamba = Attention(kind="linear", in_width=1024, out_width=512, unmodelled="Mamba is priced by its projections.")
    remarks = [
        problem
        for problem in problems(evaluate(set_value("model.attention", mamba)(project())))
        if problem.severity == "info"
    ]
    assert [(item.code, item.message) for item in remarks] == [
        ("unmodelled", "Mamba is priced by its projections; all parameters are counted.")
    ]
    fp8 = set_value("model.dtype", "fp8")(project())
    assert found(fp8)["dtype-peak"] == "device x"


def tampered(change: object) -> Evaluation:
    """An evaluation in which one layer's operators were changed behind the engine's back."""
    evaluation = evaluate(project())
    body = evaluation.graph.parts[1].body
    columns = {name: column.copy() for name, column in body.columns.items()}
    wrong: LayerGraph = replace(body, columns=columns, lane=body.lane.copy())
    wrong = change(wrong) or wrong  # type: ignore[operator]
    parts = tuple(replace(part, body=wrong) if part.body is body else part for part in evaluation.graph.parts)
    return replace(evaluation, graph=replace(evaluation.graph, parts=parts))


def codes(evaluation: Evaluation, *chosen: str) -> set[str]:
    return {problem.code for rule in RULES if rule.code in chosen for problem in rule.check(evaluation)}


def test_shapes_that_disagree_along_an_edge_are_found() -> None:
    def wrong(body: LayerGraph) -> None:
        body.columns["in_width"][body.run_of["o"].rows] += 1

    assert codes(tampered(wrong), "shapes") == {"shapes"}


def test_an_operator_on_no_gpu_is_found() -> None:
    def wrong(body: LayerGraph) -> LayerGraph:
        return replace(body, stage=replace(body.stage, gpu=body.stage.gpu + 7))

    assert codes(tampered(wrong), "one-gpu") == {"one-gpu"}


def test_a_cycle_is_found() -> None:
    def wrong(body: LayerGraph) -> LayerGraph:
        late = len(body.runs) - 1
        runs = tuple(replace(run, takes=(late,)) if run.kind.name == "ln2" else run for run in body.runs)
        return replace(body, runs=runs)

    assert "acyclic" in codes(tampered(wrong), "acyclic")


def test_an_operator_that_nothing_uses_is_found() -> None:
    def wrong(body: LayerGraph) -> LayerGraph:
        runs = tuple(replace(run, takes=run.takes[:1]) if run.kind.name == "agg" else run for run in body.runs)
        return replace(body, runs=runs)

    assert codes(tampered(wrong), "connected") == {"connected"}


@given(projects())
@settings(max_examples=20)
def test_what_is_left_out_in_a_drag_no_design_can_break(project: Project) -> None:
    evaluation = evaluate(project)
    assert problems(evaluation, is_quick=True) == problems(evaluation)
