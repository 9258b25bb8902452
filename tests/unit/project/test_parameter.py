"""Parameter counts of models small enough to count by hand."""

from dataclasses import replace

import pytest

from moe_studio.project.model import Attention, Block, FeedForward, Model
from moe_studio.project.parameter import (
    attention_parameters,
    expert_parameters,
    ffn_parameters,
    head_parameters,
    parameters,
)

HIDDEN = 10
MHA = Attention(kind="mha", heads=2, head_dim=3)
MOE = FeedForward(kind="swiglu", hidden=7, experts=4, top_k=2)
MODEL = Model(hidden=HIDDEN, attention=MHA, ffn={"moe": MOE}, blocks=(Block(repeat=3),))


@pytest.mark.parametrize(
    ("attention", "expected"),
    [
        (MHA, 4 * 10 * 6),
        (replace(MHA, kv_heads=1), 4 * 10 * 6),
        (Attention(kind="gqa", heads=4, head_dim=3, kv_heads=2), 2 * 10 * 12 + 2 * 10 * 6),
        (Attention(kind="gqa", heads=4, head_dim=3), 4 * 10 * 12),
        (Attention(kind="linear", in_width=9, out_width=5), 10 * 14),
        (replace(MHA, side_width=11, extra_parameters=13), 4 * 10 * 6 + 10 * 11 + 13),
        (replace(MHA, window=128), 4 * 10 * 6),
    ],
)
def test_attention_counts_its_projections(attention: Attention, expected: int) -> None:
    assert attention_parameters(attention, HIDDEN) == expected


def test_latent_attention_counts_both_compressions() -> None:
    latent = Attention(kind="mla", heads=2, q_lora=5, kv_lora=6, qk_nope=3, qk_rope=1, v_dim=4)
    q = 10 * 5 + 5 * 2 * (3 + 1)
    kv = 10 * (6 + 1) + 6 * 2 * (3 + 4)
    assert attention_parameters(latent, HIDDEN) == q + kv + 2 * 4 * 10
    assert attention_parameters(replace(latent, q_lora=0), HIDDEN) == 10 * 2 * (3 + 1) + kv + 2 * 4 * 10


@pytest.mark.parametrize(("kind", "matrices"), [("swiglu", 3), ("gelu", 2)])
def test_a_dense_layer_has_the_matrices_of_its_kind(kind: str, matrices: int) -> None:
    dense = FeedForward(kind=kind, hidden=7, extra_parameters=3)
    assert ffn_parameters(dense, HIDDEN) == matrices * 10 * 7 + 3
    assert expert_parameters(dense, HIDDEN) == 0


def test_a_mixture_counts_router_experts_and_shared_experts() -> None:
    moe = replace(MOE, shared=2, shared_hidden=5, router_width=6, extra_parameters=9, expert_extra_parameters=8)
    assert expert_parameters(moe, HIDDEN) == 3 * 10 * 7 + 8
    assert ffn_parameters(moe, HIDDEN) == 10 * 6 + 4 * (3 * 10 * 7 + 8) + 3 * 10 * 10 + 9


def test_shared_experts_are_as_wide_as_the_others_unless_told() -> None:
    assert ffn_parameters(replace(MOE, shared=1), HIDDEN) == ffn_parameters(MOE, HIDDEN) + 3 * 10 * 7


def test_single_has_one_square_matrix_per_expert() -> None:
    single = FeedForward(kind="single", hidden=HIDDEN, experts=4)
    assert ffn_parameters(single, HIDDEN) == 4 * 10 * 10 + 10 * 4


def test_a_model_sums_its_layers_and_their_norms() -> None:
    layer = attention_parameters(MHA, HIDDEN) + ffn_parameters(MOE, HIDDEN) + 2 * HIDDEN
    count = parameters(MODEL)
    assert count.total == 3 * layer
    assert count.routed == 3 * 4 * 3 * 10 * 7
    assert count.active == count.total - count.routed * (4 - 2) // 4
    assert count.embedding == 0


def test_embedding_and_head_count_once_when_they_are_one_matrix() -> None:
    untied, tied = replace(MODEL, vocab=100), replace(MODEL, vocab=100, tied=True)
    assert head_parameters(untied) == 2 * 1000 + HIDDEN
    assert head_parameters(tied) == 1000 + HIDDEN
    assert parameters(untied).total - parameters(tied).total == 1000
    assert parameters(tied).embedding == 1000


def test_extra_parameters_of_the_model_are_active() -> None:
    more, count = parameters(replace(MODEL, extra_parameters=17)), parameters(MODEL)
    assert (more.total - count.total, more.active - count.active, more.routed) == (17, 17, count.routed)


def test_dense_models_use_all_their_parameters() -> None:
    model = replace(MODEL, ffn={"dense": FeedForward(hidden=8)})
    count = parameters(model)
    assert (count.active, count.routed) == (count.total, 0)


def test_counts_stay_exact_beyond_what_a_float_holds() -> None:
    model = replace(MODEL, ffn={"moe": replace(MOE, hidden=1 << 24, experts=4096, top_k=1)}, hidden=(1 << 24) - 1)
    count = parameters(model)
    assert count.routed == 3 * 4096 * 3 * ((1 << 24) - 1) * (1 << 24)
    assert count.total - count.active == count.routed // 4096 * 4095
