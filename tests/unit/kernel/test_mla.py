"""Laws of latent attention's run time, and the recovery of known parameters."""

import numpy as np
import pytest

from moe_studio.calibration.family import Block
from moe_studio.calibration.fit_mla import MLA
from moe_studio.calibration.store import facts_of
from moe_studio.kernel.attention import HeadParameters
from moe_studio.kernel.device import FloatArray
from moe_studio.kernel.mla import (
    KV_LORA,
    QK_NOPE,
    QK_ROPE,
    V_DIM,
    HeadProductParameters,
    MlaParameters,
    head_product_us,
    mla_decode_us,
    mla_prefill_us,
)

H100 = facts_of("h100-sxm")
KERNEL = HeadParameters(
    head_dim=512,
    tile_rows=64,
    tile_step=64,
    split_below=0.8,
    split_tokens=128,
    launch_us=12.0,
    unpacked_us=0.3,
    block_us=2.5,
    first_row_us=0.03,
    row_us=0.07,
    block_reuse=0.1,
    compute_share=0.7,
    pad_tokens=10.0,
    solo=0.9,
    tail=0.3,
    memory_share=0.92,
    row_weight=1.0,
    cache_ratio=1.05,
    cache_fit=0.8,
    overlap=2.6,
    combine_us=0.2,
    part_us=0.07,
)
PRODUCT = HeadProductParameters(
    launch_us=4.0, head_us=0.01, compute_share=0.5, memory_share=0.8, cache_ratio=3.0, cache_fit=0.75
)
ATTENTION = MlaParameters(value_parts=2, kernels=(KERNEL,))
DECODE = {"op": "mla_decode", "dtype": "bfloat16", "kv_dtype": "bfloat16", "kernel": ""}


def columns(**given: object) -> dict[str, FloatArray]:
    values = {"batch": 8, "q_len": 1, "kv_len": 1024, "heads": 16, **given}
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values.values()))
    return {name: np.atleast_1d(array) for name, array in zip(values, arrays, strict=True)}


def decode_us(**given: object) -> FloatArray:
    return mla_decode_us(ATTENTION, H100, columns(**given), dtype="bf16", kv_dtype="bf16")


def test_decode_reads_the_latent_once_for_all_heads() -> None:
    byte = 512 * 32768 * (KV_LORA + QK_ROPE) * 2
    expected = byte / (KERNEL.memory_share * H100.memory_byte_s) * 1e6
    assert decode_us(batch=512, kv_len=32768, heads=1)[0] == pytest.approx(expected, rel=0.1)
    assert decode_us(batch=512, kv_len=32768, heads=16)[0] < 1.2 * expected


def test_prefill_does_the_arithmetic_of_every_head() -> None:
    length = 32768
    flop = 2 * 64 * (QK_NOPE + QK_ROPE + V_DIM) * length**2 / 2
    expected = flop / (KERNEL.compute_share * H100.peak("bf16")) * 1e6
    rows = columns(batch=1, q_len=length, kv_len=length, heads=64)
    assert mla_prefill_us(ATTENTION, H100, rows, dtype="bf16", kv_dtype="bf16")[0] == pytest.approx(expected, rel=0.08)


def test_more_packed_heads_never_take_less_time() -> None:
    heads = np.array([2, 4, 8, 16, 32, 64, 128])
    for batch in (1, 32, 512):
        time = decode_us(heads=heads, batch=batch)
        assert (time[1:] > 0.98 * time[:-1]).all()


def test_the_product_of_the_heads_moves_its_operands_at_the_fitted_share() -> None:
    rows = columns(batch=65536, heads=128)
    byte = 128 * (2 * 65536 * (QK_NOPE + KV_LORA) + QK_NOPE * KV_LORA * 2)
    expected = byte / (PRODUCT.memory_share * H100.memory_byte_s) * 1e6
    found = head_product_us(MlaParameters(product=(PRODUCT,)), H100, rows, dtype="bf16")
    assert found[0] == pytest.approx(expected, rel=0.02)


def test_a_fit_predicts_head_counts_that_it_has_not_seen() -> None:
    random = np.random.default_rng(5)
    rows = columns(
        batch=2 ** random.integers(0, 11, 800),
        kv_len=2 ** random.integers(1, 17, 800),
        heads=2 ** random.integers(0, 8, 800),
    )
    time = MLA.predict(ATTENTION, H100, rows, DECODE)
    seen = rows["heads"] != 32
    part = {name: value[seen] for name, value in rows.items()}
    found = MLA.fit([Block(words=DECODE, columns=part, time_us=time[seen])], H100)
    error = np.abs(MLA.predict(found, H100, rows, DECODE) / time - 1)[~seen]
    assert np.median(error) < 0.03
    assert np.percentile(error, 90) < 0.1


def test_a_fit_of_the_product_recovers_its_parameters() -> None:
    batch, heads = (value.ravel() for value in np.meshgrid(2.0 ** np.arange(15), [1, 4, 16, 64, 128]))
    rows = columns(batch=batch, heads=heads, kv_len=0)
    words = {"op": "mla_gen_pre", "dtype": "bfloat16", "kv_dtype": "", "kernel": ""}
    time = MLA.predict(MlaParameters(product=(PRODUCT,)), H100, rows, words)
    found = MLA.fit([Block(words=words, columns=rows, time_us=time)], H100).product[0]
    assert found.launch_us == pytest.approx(PRODUCT.launch_us, rel=0.1)
    assert found.memory_share == pytest.approx(PRODUCT.memory_share, rel=0.05)


def test_variants_name_the_phase_and_the_data_types() -> None:
    assert MLA.variants({**DECODE, "kv_dtype": "fp8"}) == ("decode_bf16_fp8", "decode_bf16_bf16")
    assert MLA.variants({**DECODE, "op": "mla_gen_post", "dtype": "fp8"}) == ("absorb_v_fp8", "absorb_v_bf16")
    assert MLA.variants({**DECODE, "op": "attn_decode"}) == ()


@pytest.mark.parametrize("op", ["mla_prefill", "mla_decode"])
def test_a_time_below_the_arithmetic_of_the_datasheet_is_impossible(op: str) -> None:
    rows = columns(batch=4, q_len=1 if op == "mla_decode" else 4096, kv_len=4096, heads=128)
    words = {**DECODE, "op": op}
    assert 0 < MLA.floor_us(rows, words, H100)[0] < MLA.predict(ATTENTION, H100, rows, words)[0]
