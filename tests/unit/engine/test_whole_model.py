"""What serving engines do beside single layers: drafts, caches, balance, overlap, pipelines, memory."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.engine.memory import memory
from moe_studio.engine.room import MAX_BATCH
from moe_studio.engine.stage_time import pipeline_time
from moe_studio.graph.graph import build_graph
from moe_studio.graph.routing import largest_of
from moe_studio.project.cluster import Cluster, Device, Link, Links, Node
from moe_studio.project.design import Cost, MemoryRules, Parallel, Placement, Routing, Workload
from moe_studio.project.edit import set_value
from moe_studio.project.model import Attention, Block, Dtypes, FeedForward, Model
from moe_studio.project.parameter import parameters
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_model
from tests.unit.engine.strategies import projects

few = settings(max_examples=settings().max_examples // 2)
MHA = Attention(kind="mha", heads=4, head_dim=8)
DENSE = FeedForward(kind="gelu", hidden=64)
MOE = FeedForward(kind="gelu", hidden=64, experts=8, top_k=2)


def design(gpus: int = 4, *, layers: int = 4, ffn: FeedForward = MOE, vocab: int = 0, **parts: object) -> Project:
    """A small model on one node with slow, equal links."""
    return Project(
        model=Model(hidden=32, vocab=vocab, attention=MHA, ffn={"ffn": ffn}, blocks=(Block(repeat=layers),)),
        cluster=Cluster(
            nodes=(Node(name="node0", gpus=gpus, device="plain"),),
            devices={"plain": Device(memory_gb=1, memory_tb_s=1, peak_tflops={"bf16": 1})},
            links=Links(intra=Link(gb_s=1, latency_us=0), inter=Link(gb_s=1, latency_us=0)),
        ),
        **({"parallel": Parallel(ep=gpus), "workload": Workload(phase="decode", batch=64, context=100)} | parts),  # type: ignore[arg-type]
    )


def shape(evaluation: Evaluation, name: str) -> tuple[float, float, float]:
    """Rows, depth and columns of one GEMM."""
    row = evaluation.graph.row_of[name]
    return tuple(float(evaluation.graph.column(column)[row]) for column in "mkn")  # type: ignore[return-value]


# Drafts and the prediction module


def test_a_step_verifies_one_row_more_for_each_draft() -> None:
    plain, drafted = (
        evaluate(design(workload=Workload(phase="decode", batch=64, context=100, draft_tokens=k))) for k in (0, 2)
    )
    assert shape(plain, "l0_q_g0") == (16, 32, 32)
    assert shape(drafted, "l0_q_g0") == (48, 32, 32)
    # The cache is read once for all rows of a sequence.
    byte = [item.graph.column("byte")[item.graph.row_of["l0_scores_g0"]] for item in (plain, drafted)]
    assert byte[1] - byte[0] == 4 * 32 * 8 * 2 + 4 * 32 * 100 * 2


def test_drafts_count_for_throughput_as_far_as_they_hold() -> None:
    work = Workload(phase="decode", batch=64, context=100, draft_tokens=1, acceptance=0.6)
    metrics = evaluate(design(workload=work)).metrics
    assert metrics.tokens == pytest.approx(64 * 1.6)
    assert metrics.tokens_per_s == pytest.approx(64 * 1.6 / metrics.latency_s)
    assert metrics.tpot_s == pytest.approx(metrics.latency_s / 1.6)


def test_all_verified_rows_need_logits() -> None:
    work = Workload(phase="decode", batch=64, context=100, draft_tokens=1)
    evaluation = evaluate(design(vocab=1000, workload=work))
    assert shape(evaluation, "l3_lm_head_g0") == (32, 32, 1000)


def test_a_prediction_pass_is_a_layer_with_a_projection_and_the_head() -> None:
    project = set_value("model.mtp", 1)(design(vocab=1000))
    evaluation = evaluate(project)
    assert shape(evaluation, "l4_mtp_proj_g1") == (16, 64, 32)
    assert shape(evaluation, "l4_lm_head_g1") == (16, 32, 1000)
    plain = evaluate(design(vocab=1000))
    layer = sum(plain.breakdown.by_layer[number] for number in (1, 2)) / 2
    head = sum(plain.breakdown.by_kind[name] for name in ("final_ln", "lm_head", "sample"))
    assert evaluation.metrics.latency_s > plain.metrics.latency_s + layer + head


def test_the_prediction_module_is_held_once_however_often_it_runs() -> None:
    once, twice = (evaluate(set_value("model.mtp", passes)(design(vocab=1000))) for passes in (1, 2))
    assert (once.memory.weights == twice.memory.weights).all()
    assert (once.memory.kv_cache == twice.memory.kv_cache).all()
    plain = evaluate(design(vocab=1000))
    attention, experts, router, norms = 4 * 32 * 32, 2 * (2 * 32 * 64), 32 * 8, 2 * 32
    module = attention + experts + router + norms + 2 * 32 * 32 + 2 * 32
    more = once.memory.weights - plain.memory.weights
    assert more.tolist() == [2 * (module + 32)] * 4


def test_deepseek_v3_with_its_prediction_module_has_the_published_parameters() -> None:
    model = load_model("deepseek-v3")
    plain, whole = parameters(model), parameters(replace(model, mtp=1))
    assert plain.total == 671_026_404_352
    # The checkpoint's 685 billion count embedding and head of the module again (README of deepseek-ai/DeepSeek-V3).
    assert whole.total + 2 * 129280 * 7168 == pytest.approx(685e9, rel=1e-3)
    assert whole.active == plain.active


# Scales


def test_scales_of_blocks_count_where_they_are_asked_for() -> None:
    def weights(dtype: str, *, scales: bool) -> float:
        base = design(1, layers=1, ffn=FeedForward(kind="gelu", hidden=128))
        model = replace(base.model, dtypes=Dtypes(weights=dtype, scales=scales))
        return float(evaluate(replace(base, model=model)).memory.weights[0])

    count = 4 * 32 * 32 + 2 * 32 * 128 + 2 * 32
    assert [weights(dtype, scales=False) for dtype in ("bf16", "fp8", "fp4")] == [2 * count, count, count / 2]
    assert [weights(dtype, scales=True) for dtype in ("bf16", "fp8")] == [2 * count, count * (1 + 4 / 128**2)]
    # gpt-oss stores 4.25 bits for each weight of its experts (its model card, arXiv 2508.10925).
    assert weights("fp4", scales=True) == count * 4.25 / 8


def test_tokens_are_dispatched_in_fp8_with_scales_and_come_back_in_bf16() -> None:
    model = replace(design().model, dtypes=Dtypes(dispatch="fp8", scales=True))
    evaluation = evaluate(replace(design(), model=model))
    there, back = (evaluation.graph.column("inter_byte") + evaluation.graph.column("intra_byte")).reshape(-1)[
        [evaluation.graph.row_of["l0_dispatch_g0"], evaluation.graph.row_of["l0_combine_g0"]]
    ]
    assert there / back == pytest.approx((1 + 4 / 128) / 2)


# Caches


@few
@given(project=projects())
def test_a_cached_prefix_is_context_that_the_batch_has_already(project: Project) -> None:
    work = replace(project.workload, phase="prefill", tokens=64, cached_share=0.25)
    rest = replace(work, tokens=48, context=work.context + 16, cached_share=0.0)
    cached, plain = (evaluate(replace(project, workload=item)) for item in (work, rest))
    assert cached.metrics.latency_s == plain.metrics.latency_s
    assert cached.metrics.model_flop == plain.metrics.model_flop
    assert cached.metrics.tokens_per_s == pytest.approx(plain.metrics.tokens_per_s * 64 / 48)


def test_the_paged_cache_holds_whole_blocks() -> None:
    one, paged = (evaluate(design(memory=MemoryRules(block_tokens=tokens))) for tokens in (1, 64))
    each = 2 * 4 * 8 * 2 * 16 * 4  # keys and values of 4 heads of 8, 2 bytes, 16 sequences, 4 layers
    assert one.memory.kv_cache.tolist() == [each * 100] * 4
    assert paged.memory.kv_cache.tolist() == [each * 128] * 4


def test_room_for_the_cache_is_what_all_else_and_the_engine_leave() -> None:
    rules = MemoryRules(usable=0.5, reserve_gb=0.1, block_tokens=16)
    evaluation = evaluate(design(memory=rules))
    held, room = evaluation.memory, evaluation.room
    assert held.capacity.tolist() == [0.4e9] * 4
    left = 0.4e9 - held.weights[0] - held.activations[0] - held.buffers[0]
    block = 2 * 4 * 8 * 2 * 16 * 4  # as above, of one sequence
    assert room.tokens[0] == left // block * 16
    assert room.sequences[0] == left // (7 * block)


@few
@given(project=projects())
def test_the_largest_batch_fits_and_one_more_does_not(project: Project) -> None:
    largest = evaluate(project).room.largest_batch

    def fits(batch: int) -> bool:
        return memory(build_graph(set_value("workload.batch", batch)(project))).fits

    assert largest == 0 or fits(largest)
    assert largest == MAX_BATCH or not fits(largest + 1)


def test_live_activations_are_those_that_are_needed_later() -> None:
    work = Workload(phase="prefill", batch=1, tokens=10)
    project = design(1, layers=1, ffn=DENSE, workload=work, memory=MemoryRules(activations="live"))
    # Unfused: the residual, queries, keys and values are alive while the scores are made.
    square, rows = 4 * 10 * 10, 10 * 32
    assert evaluate(project).memory.activations.tolist() == [2 * (4 * rows + square)]
    fused = set_value("cost.attention", "fused")(project)
    # Fused: the residual and its norm, and two of queries, keys and values beside the third that is made.
    assert evaluate(fused).memory.activations.tolist() == [2 * (5 * rows)]


# Balance


def test_redundant_experts_even_out_a_skewed_load() -> None:
    skewed = design(workload=Workload(phase="decode", batch=6400, context=100, routing=Routing(kind="zipf", skew=1.2)))
    packed = replace(skewed, placement=Placement(policy="balanced"))
    spread = replace(skewed, placement=Placement(policy="balanced", redundant=4))
    worst = [evaluate(project).mean_imbalance for project in (skewed, packed, spread)]
    assert worst[0] > worst[1] > worst[2]
    assert worst[2] == pytest.approx(1, abs=0.05)


@few
@given(project=projects())
def test_redundant_experts_lose_no_tokens(project: Project) -> None:
    placed = replace(project, placement=Placement(redundant=3))
    before, after = (evaluate(replace(project, placement=item)) for item in (Placement(), placed.placement))
    for layer, spec in enumerate(project.model.layers):
        # Rounding up gives each instance less than one token more.
        instances = sum(part.body.columns["m"].size for part in after.graph.parts if part.layer == layer)
        assert abs(after.load[layer].sum() - before.load[layer].sum()) <= instances * project.workload.micro_batches
        assert spec.ffn.is_moe or not after.load[layer].any()


def test_a_zipf_law_can_be_as_uneven_as_was_measured_of_deepseek() -> None:
    # README of TensorRT-LLM's examples/ep_load_balancer: 1.564 above the mean over 32 ranks, 0.115 after balancing.
    base = design(32, layers=58, ffn=replace(MOE, experts=256, top_k=8))
    work = Workload(phase="decode", batch=32_000, context=100, routing=Routing(kind="zipf", skew=0.64))
    skewed = replace(base, workload=work)
    assert evaluate(skewed).mean_imbalance == pytest.approx(2.564, rel=0.03)
    spread = replace(skewed, placement=Placement(policy="balanced", redundant=32))
    assert 1 <= evaluate(spread).mean_imbalance < 1.115


def test_the_busiest_gpu_of_each_layer_is_as_busy_as_engines_log() -> None:
    work = Workload(phase="decode", batch=640_000, context=100, routing=Routing(imbalance=1.25))
    evaluation = evaluate(design(workload=work))
    assert evaluation.imbalance == pytest.approx(np.full(4, 1.25), rel=1e-3)
    assert sorted(evaluation.load.argmax(axis=1).tolist()) == [0, 1, 2, 3]
    assert evaluation.load.sum(axis=1) == pytest.approx(np.full(4, 640_000 * 2), rel=1e-3)


def test_by_chance_the_busiest_of_many_gpus_is_as_busy_as_draws_show() -> None:
    work = Workload(phase="decode", batch=800, context=100, routing=Routing(chance=True))
    expected = evaluate(design(8, workload=work)).mean_imbalance
    draw = np.random.default_rng(7)
    rows = [np.bincount(draw.integers(0, 8, 1600), minlength=8).max() for _ in range(2000)]
    assert expected == pytest.approx(np.mean(rows) / 200, rel=0.01)


@pytest.mark.parametrize(("count", "deviates"), [(2, 0.564), (10, 1.539), (100, 2.508)])
def test_the_largest_of_normal_deviates_is_that_of_tables(count: int, deviates: float) -> None:
    assert largest_of(count) == pytest.approx(deviates, abs=0.03)


# Overlap


def test_shared_experts_hide_behind_the_exchange() -> None:
    shared = replace(MOE, shared=1)
    work = Workload(phase="prefill", batch=64, tokens=64)
    plain, beside = (evaluate(design(ffn=ffn, workload=work)) for ffn in (MOE, shared))
    alone = evaluate(design(ffn=shared, workload=work, cost=Cost(overlap=False)))
    names = ("shared_up", "shared_act", "shared_down")
    own = [sum(item.duration_s[[item.graph.row_of[f"l0_{name}_g0"] for name in names]]) for item in (beside, alone)]
    assert own[0] > 0
    assert beside.metrics.latency_s == pytest.approx(plain.metrics.latency_s, rel=1e-9)
    without = evaluate(design(workload=work, cost=Cost(overlap=False)))
    assert alone.metrics.latency_s == pytest.approx(without.metrics.latency_s + 4 * own[1], rel=1e-9)


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_two_interleaved_micro_batches_hide_communication_behind_computing(phase: str) -> None:
    work = Workload(phase=phase, batch=4096, tokens=8, context=64, micro_batches=2)
    apart, together = (
        evaluate(design(layers=16, workload=replace(work, order=order))) for order in ("sequential", "interleaved")
    )
    assert together.metrics.latency_s < 0.9 * apart.metrics.latency_s
    busiest = max(float(together.compute_s.max()), float(together.communication_s.max()))
    assert together.metrics.latency_s < 1.2 * busiest


# Pipelines


@pytest.mark.parametrize(("stages", "batches"), [(1, 3), (2, 1), (2, 6), (4, 4)])
def test_the_bubble_of_equal_stages_is_that_of_gpipe(stages: int, batches: int) -> None:
    work = Workload(phase="prefill", batch=96, tokens=8, micro_batches=batches)
    project = design(4, layers=8, ffn=DENSE, parallel=Parallel(dp=4 // stages, pp=stages), workload=work)
    quick = Links(intra=Link(gb_s=1e6, latency_us=0), inter=Link(gb_s=1e6, latency_us=0))
    evaluation = evaluate(set_value("cluster.links", quick)(project))
    found = pipeline_time(evaluation)
    assert found.bubble == pytest.approx((stages - 1) / (batches + stages - 1), abs=1e-3)
    assert found.period_s == pytest.approx(float(evaluation.compute_s.max()), rel=1e-3)
    assert found.tokens_per_s == pytest.approx(96 * 8 / found.period_s)


def test_a_full_pipeline_is_as_fast_as_its_slowest_stage() -> None:
    work = Workload(phase="prefill", batch=96, tokens=8, micro_batches=4)
    found = pipeline_time(evaluate(design(2, layers=5, ffn=DENSE, parallel=Parallel(pp=2), workload=work)))
    assert [(item.first_layer, item.last_layer) for item in found.stages] == [(0, 2), (3, 4)]
    assert found.period_s == found.stages[0].occupied_s > found.stages[1].occupied_s
    assert found.stages[0].bubble < found.stages[1].bubble
