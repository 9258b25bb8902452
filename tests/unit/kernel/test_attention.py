"""Laws of attention's run time, and the recovery of known parameters."""

from dataclasses import replace

import numpy as np
import pytest

from moe_studio.calibration.family import Block
from moe_studio.calibration.fit_attention import ATTENTION, fit_kernels, predict_attention
from moe_studio.calibration.store import facts_of
from moe_studio.kernel.attention import AttentionParameters, HeadParameters, attention_us
from moe_studio.kernel.device import FloatArray

H100 = facts_of("h100-sxm")

HEAD = HeadParameters(
    head_dim=128,
    tile_rows=128,
    tile_step=64,
    split_below=0.8,
    split_tokens=256,
    launch_us=9.5,
    unpacked_us=0.5,
    block_us=2.2,
    first_row_us=0.003,
    row_us=0.003,
    block_reuse=0.1,
    compute_share=0.65,
    pad_tokens=30.0,
    solo=0.9,
    tail=0.3,
    memory_share=0.9,
    row_weight=1.0,
    cache_ratio=1.8,
    cache_fit=0.75,
    overlap=2.0,
    combine_us=1.8,
    part_us=0.05,
)
PARAMETERS = AttentionParameters(heads=(HEAD,))


def columns(**given: object) -> dict[str, FloatArray]:
    """Rows of 32 heads that share 8 KV heads, except for what is ``given``."""
    values = {"batch": 8, "q_len": 1, "kv_len": 1024, "heads": 32, "kv_heads": 8, "head_dim": 128, **given}
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values.values()))
    return {name: np.atleast_1d(array) for name, array in zip(values, arrays, strict=True)}


def time_us(**given: object) -> FloatArray:
    return attention_us(PARAMETERS, H100, columns(**given), dtype="bf16", kv_dtype="bf16")


def test_time_never_falls_as_the_context_grows() -> None:
    context = np.unique(np.round(np.geomspace(1, 2**20, 400)))
    for batch in (1, 7, 64, 1024):
        time = time_us(kv_len=context, batch=batch)
        assert (time[1:] > time[:-1] * 0.93).all()
        assert (np.maximum.accumulate(time) / time).max() < 1.1


def test_time_never_falls_as_the_batch_grows_by_whole_waves() -> None:
    batch = 132 / 4 * 2.0 ** np.arange(10)
    assert (np.diff(time_us(batch=batch, kv_heads=4, kv_len=512)) > 0).all()


def test_a_large_cache_is_read_at_the_fitted_share_of_the_memory_bandwidth() -> None:
    byte = 2 * 512 * 8 * 32768 * 128 * 2
    expected = byte / (HEAD.memory_share * H100.memory_byte_s) * 1e6
    assert time_us(batch=512, kv_len=32768)[0] == pytest.approx(expected, rel=0.1)


def test_a_long_prefill_runs_at_the_fitted_share_of_the_peak() -> None:
    length = 65536
    flop = 4 * 32 * 128 * length**2 / 2
    expected = flop / (HEAD.compute_share * H100.peak("bf16")) * 1e6
    assert time_us(batch=1, q_len=length, kv_len=length)[0] == pytest.approx(expected, rel=0.05)


def test_full_attention_does_twice_the_work_of_causal_attention() -> None:
    rows = columns(batch=1, q_len=32768, kv_len=32768)
    causal = attention_us(PARAMETERS, H100, rows, dtype="bf16", kv_dtype="bf16")
    full = attention_us(PARAMETERS, H100, rows, dtype="bf16", kv_dtype="bf16", is_causal=False)
    assert full[0] / causal[0] == pytest.approx(2, rel=0.05)


def test_time_is_linear_in_work_beyond_what_was_measured() -> None:
    assert time_us(batch=4096, kv_len=2**17) / time_us(batch=4096, kv_len=2**16) == pytest.approx(2, rel=0.01)
    prefill = time_us(q_len=np.array([2**17, 2**18]), kv_len=np.array([2**17, 2**18]))
    assert prefill[1] / prefill[0] == pytest.approx(4, rel=0.01)


def test_a_lone_long_sequence_is_split_over_the_chip() -> None:
    whole = AttentionParameters(heads=(replace(HEAD, split_below=0.0),))
    rows = columns(batch=1, kv_len=65536, heads=4, kv_heads=1)
    alone = attention_us(whole, H100, rows, dtype="bf16", kv_dtype="bf16")
    split = attention_us(PARAMETERS, H100, rows, dtype="bf16", kv_dtype="bf16")
    assert split[0] < alone[0] / 5


def test_a_cache_of_half_the_bytes_takes_little_more_than_half_the_time() -> None:
    rows = columns(batch=512, kv_len=32768)
    wide = attention_us(PARAMETERS, H100, rows, dtype="bf16", kv_dtype="bf16")
    narrow = attention_us(PARAMETERS, H100, rows, dtype="bf16", kv_dtype="fp8")
    assert 1.6 < wide[0] / narrow[0] <= 2


def test_a_head_size_without_a_kernel_pays_for_the_next_larger_one() -> None:
    long = {"batch": 1, "q_len": 32768, "kv_len": 32768}
    assert time_us(head_dim=80, **long) == pytest.approx(time_us(head_dim=128, **long), rel=0.02)


def test_every_row_is_timed_on_its_own_kernel() -> None:
    small = replace(HEAD, head_dim=64, launch_us=3.0)
    long = replace(HEAD, from_tokens=512, launch_us=30.0)
    both = AttentionParameters(heads=(HEAD, small, long))
    rows = columns(head_dim=[64, 128, 128], kv_len=[16, 16, 1024], batch=1)
    time = attention_us(both, H100, rows, dtype="bf16", kv_dtype="bf16")
    assert time[0] < time[1] < time[2]
    assert time[1] == pytest.approx(time_us(kv_len=16, batch=1)[0])


def test_a_fit_recovers_what_decode_times_were_made_with() -> None:
    random = np.random.default_rng(3)
    kv_heads = random.choice([1, 2, 4, 8], 900)
    rows = columns(
        batch=2 ** random.integers(0, 11, 900),
        kv_len=2 ** random.integers(1, 16, 900),
        heads=kv_heads * random.choice([1, 2, 4, 8], 900),
        kv_heads=kv_heads,
    )
    words = {"op": "attn_decode", "dtype": "bfloat16", "kv_dtype": "bfloat16", "kernel": ""}
    clean = predict_attention(PARAMETERS, H100, rows, words)
    noisy = clean * np.exp(0.02 * random.standard_normal(900))
    found = ATTENTION.fit([Block(words=words, columns=rows, time_us=noisy)], H100)
    error = np.abs(ATTENTION.predict(found, H100, rows, words) / clean - 1)
    assert np.median(error) < 0.02
    assert np.percentile(error, 90) < 0.06
    assert found.heads[0].launch_us == pytest.approx(HEAD.launch_us, rel=0.1)
    assert found.heads[0].memory_share == pytest.approx(HEAD.memory_share, rel=0.05)


def test_a_switch_of_kernels_at_long_contexts_is_found() -> None:
    random = np.random.default_rng(4)
    rows = columns(batch=2 ** random.integers(0, 11, 900), kv_len=2 ** random.integers(1, 14, 900))
    slow = replace(HEAD, from_tokens=384, launch_us=30.0, memory_share=0.4)

    def predict(head: HeadParameters, part: dict[str, FloatArray]) -> FloatArray:
        return attention_us(AttentionParameters(heads=(head,)), H100, part, dtype="bf16", kv_dtype="bf16")

    two = AttentionParameters(heads=(HEAD, slow))
    time = attention_us(two, H100, rows, dtype="bf16", kv_dtype="bf16")
    found = fit_kernels(predict, rows, time, 128)
    assert [kernel.from_tokens > 0 for kernel in found] == [False, True]


def test_variants_fall_back_to_a_kernel_that_is_near() -> None:
    words = {"op": "attn_decode", "dtype": "fp8", "kv_dtype": "fp8", "kernel": "fa3"}
    assert ATTENTION.variants(words) == ("decode_fp8_fp8", "decode_bf16_fp8", "decode_bf16_bf16")
    assert ATTENTION.variants({**words, "op": "mla_decode"}) == ()


def test_a_time_below_the_arithmetic_of_the_datasheet_is_impossible() -> None:
    rows = columns(batch=1, q_len=8192, kv_len=8192)
    words = {"op": "attn_prefill", "dtype": "bfloat16", "kv_dtype": "bfloat16", "kernel": ""}
    floor = ATTENTION.floor_us(rows, words, H100)
    assert 0 < floor[0] < predict_attention(PARAMETERS, H100, rows, words)[0]
