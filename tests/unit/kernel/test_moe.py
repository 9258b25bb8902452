"""The model of a fused mixture-of-experts layer, and who gets how many rows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.calibration.store import facts_of, load_calibration
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.expert_load import power_of, rank_load
from moe_studio.kernel.moe import MoeParameters, moe_us

H100 = facts_of("h100-sxm")
PLAIN = MoeParameters(
    launch_us=20.0, memory_share=0.8, math_share=0.6, load_ratio=6.0, overlap=50.0, quantum=0.0, row_share=1.0
)
DEEPSEEK = {"hidden": 7168, "inter": 2048, "topk": 8, "experts": 256, "moe_tp": 1, "moe_ep": 8}


def layer_us(
    tokens: object, parameters: MoeParameters = PLAIN, routing: str = "balanced", dtype: str = "bf16", **changed: float
) -> FloatArray:
    count = np.atleast_1d(np.asarray(tokens, dtype=np.float64))
    columns: dict[str, Any] = {name: np.full(len(count), float(value)) for name, value in (DEEPSEEK | changed).items()}
    return moe_us(parameters, H100, tokens=count, routing=routing, dtype=dtype, **columns)


def load_of(tokens: float, experts: float, topk: float, ranks: float, power: float | None = None) -> Any:
    columns = (np.array([value]) for value in (tokens, experts, topk, ranks))
    return rank_load(*columns, power=power, heights=(16, 128))


def test_a_balanced_rank_gets_its_even_share() -> None:
    load = load_of(4096.0, 256.0, 8.0, 8.0)
    assert (load.rows[0], load.active[0], load.tokens[0]) == (4096, 32, 4096)
    assert load.tiles[0].tolist() == [32 * 8, 32]


def test_few_tokens_reach_few_experts() -> None:
    assert load_of(2.0, 256.0, 8.0, 1.0).active[0] == 16
    assert load_of(1.0, 256.0, 8.0, 64.0).active[0] == 1


@given(
    tokens=st.integers(1, 40000),
    experts=st.sampled_from((8, 64, 160, 256, 512)),
    topk=st.integers(1, 8),
    ranks=st.sampled_from((1, 2, 4, 8)),
    power=st.sampled_from((None, 1.01, 1.2, 2.0)),
)
def test_the_busiest_rank_has_at_least_its_share_and_no_more_than_all(
    tokens: int, experts: int, topk: int, ranks: int, power: float | None
) -> None:
    load = load_of(float(tokens), float(experts), float(topk), float(ranks), power)
    rows, active = load.rows[0], load.active[0]
    assert tokens * topk / ranks - 1 <= rows <= tokens * topk + 1e-6
    assert active <= min(experts / ranks, rows)
    assert rows / 16 <= load.tiles[0, 0] <= rows / 16 + active
    assert rows <= active * tokens + 1e-6


def test_a_power_law_loads_the_busiest_rank_more() -> None:
    assert load_of(4096.0, 256.0, 8.0, 8.0, 1.2).rows[0] > 1.3 * 4096


def test_the_exponent_is_read_from_the_name() -> None:
    assert power_of("balanced") is None
    assert power_of("power_law_1.2") == 1.2


@pytest.mark.parametrize(
    "name", ["", "1.2", "zipf_1.2", "power_law_", "power_law_nan", "power_law_-1", "power_law_1e9"]
)
def test_no_other_routing_passes_for_a_power_law(name: str) -> None:
    with pytest.raises(ValueError, match="neither balanced"):
        power_of(name)


def test_decode_reads_each_active_expert_once() -> None:
    """32 tokens reach all 32 experts of the rank: three matrices of 7168 × 2048 in two bytes each."""
    weights_us = 32 * 3 * 7168 * 2048 * 2 / (3.35e12 * 0.8) * 1e6
    rows_us = 32 * (6 * 2048 + 3 * 7168) * 2 / 3.35e12 * 1e6
    assert layer_us(32)[0] == pytest.approx(20 + weights_us + rows_us, rel=1e-3)


def test_prefill_computes_every_row() -> None:
    arithmetic_us = 32768 * 6 * 7168 * 2048 / (989.5e12 * 0.6) * 1e6
    assert arithmetic_us < layer_us(32768)[0] < 1.5 * arithmetic_us


def test_tokens_and_skew_cost_time_and_tensor_parallelism_saves_some() -> None:
    time = layer_us(np.geomspace(1, 65536, 17).round())
    assert np.all(np.diff(time) >= 0)
    assert layer_us(8192, routing="power_law_1.2")[0] > layer_us(8192)[0]
    assert layer_us(8192, moe_tp=4)[0] < layer_us(8192)[0]


def test_fp8_weights_take_half_the_time_to_read() -> None:
    assert layer_us(32, dtype="fp8")[0] - 20 == pytest.approx((layer_us(32)[0] - 20) / 2, rel=0.02)


@pytest.mark.parametrize("name", ["a100-80g-sxm", "h100-sxm", "h200-sxm", "b200", "l40s"])
def test_no_shipped_model_beats_the_datasheet(name: str) -> None:
    facts: DeviceFacts = facts_of(name)
    tokens = np.geomspace(1, 65536, 17).round()
    shape: dict[str, Any] = {key: np.full(len(tokens), float(value)) for key, value in DEEPSEEK.items()}
    for variant, fitted in load_calibration(name).families["moe"].items():
        dtype = variant.partition("-")[2]
        time = moe_us(fitted.parameters, facts, tokens=tokens, routing="balanced", dtype=dtype, **shape)
        flop = tokens * 6 * 7168 * 2048
        assert np.all(time > flop / facts.peak(dtype.removesuffix("_block")) * 1e6)
        assert time[-1] / time[-2] == pytest.approx(tokens[-1] / tokens[-2], rel=0.1)
