"""The model of one matrix multiplication."""

from dataclasses import replace

import numpy as np
import pytest

from moe_studio.calibration.store import facts_of, load_calibration
from moe_studio.errors import MoeStudioError
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.gemm import GemmParameters, gemm_us, tiles_by_rows, tiles_of_fewest_waves

PLAIN = GemmParameters(
    tiles="coarse",
    launch_us=2.0,
    wave_us=1.0,
    split_us=2.0,
    memory_share=0.8,
    math_share=0.8,
    load_ratio=6.0,
    quantum=1.0,
    overlap=2.0,
)
H100 = facts_of("h100-sxm")


def times(parameters: GemmParameters, m: object, k: object, n: object, dtype: str = "bf16") -> FloatArray:
    rows = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (m, k, n)))
    flat = [np.atleast_1d(value).astype(np.float64) for value in rows]
    return gemm_us(parameters, H100, m=flat[0], k=flat[1], n=flat[2], dtype=dtype)


def shipped() -> list[tuple[DeviceFacts, str, GemmParameters]]:
    devices = ("a100-80g-sxm", "h100-sxm", "h200-sxm", "l40s", "b200", "mi300x")
    return [
        (facts_of(name), variant, fitted.parameters)
        for name in devices
        for variant, fitted in load_calibration(name).families["gemm"].items()
    ]


def test_one_wave_of_full_tiles_takes_its_k_steps_and_no_more() -> None:
    """132 tiles of 256×128 on 132 SMs: arithmetic at 0.8 of an SM's peak, one wave's start and end, and its writing."""
    alone = replace(PLAIN, overlap=50.0, load_ratio=100.0)
    time = times(alone, 256 * 12, 4096, 128 * 11)[0]
    k_loop_us = 2 * 256 * 128 * 4096 / (989.5e12 / 132 * 0.8) * 1e6
    writing_us = 2 * 256 * 12 * 128 * 11 / (3.35e12 * 0.8) * 1e6
    assert time == pytest.approx(2.0 + k_loop_us + 1.0 + writing_us, rel=1e-6)


def test_writing_hides_behind_the_next_wave_but_not_at_the_end() -> None:
    """Of 32 waves, all but the last write while the next computes."""
    hidden = replace(PLAIN, overlap=50.0, load_ratio=100.0, write_overlap=1.0)
    m, n = 256.0 * 12 * 8, 128.0 * 11 * 4
    writing_us = 2 * m * n / (3.35e12 * 0.8) * 1e6
    saved = times(replace(hidden, write_overlap=0.0), m, 8192, n)[0] - times(hidden, m, 8192, n)[0]
    assert saved == pytest.approx(writing_us * 31 / 32, rel=1e-3)


def test_a_tile_loads_faster_when_the_gpu_is_its_own() -> None:
    """64 columns are one tile of 132 SMs; 64 · 132 are a full wave, whose SMs share the way to memory."""
    shared = replace(PLAIN, tiles="by_rows", load_ratio=2.0)
    alone = replace(shared, lone_load=0.25)
    assert times(alone, 64, 65536, 64, "fp8")[0] < 0.5 * times(shared, 64, 65536, 64, "fp8")[0]
    full = times(alone, 64, 4096, 64 * 132, "fp8")[0]
    assert full == pytest.approx(times(shared, 64, 4096, 64 * 132, "fp8")[0])


def test_a_row_beyond_full_tiles_slows_the_loop_by_the_tiles_left_empty() -> None:
    """257 rows take two pairs of tiles of 128, of which all but one row of the second are empty; 512 fill them."""
    plain = replace(PLAIN, tiles="by_rows")
    ragged = replace(plain, ragged_loss=0.2)
    assert times(ragged, 512, 65536, 8192, "fp8")[0] == times(plain, 512, 65536, 8192, "fp8")[0]
    assert times(ragged, 257, 65536, 8192, "fp8")[0] > 1.1 * times(plain, 257, 65536, 8192, "fp8")[0]


def test_block_scales_of_an_odd_number_of_rows_are_quantised_in_more_blocks() -> None:
    """4,096 rows of six groups make 1,536 blocks of 16 groups, 4,097 rows 12,291 of two."""
    quantising = replace(PLAIN, tiles="fewest_waves", quantise_us=1.0, quantise_row_us=0.2)
    even, odd = times(quantising, [4096, 4097], 768, 128, "fp8_block")
    assert odd - even > 0.2 * (12291 / 132) - 0.2 * (1536 / 132) - 2.0


def test_rows_too_long_for_the_cache_are_quantised_with_a_second_reading() -> None:
    """Short rows move 3 bytes for each element: 2 in, 1 out; long ones 5, as they are read twice."""
    bare = replace(PLAIN, tiles="by_rows", quantise_share=0.9)
    for k, byte in ((128, 3), (65536, 5)):
        more = [np.diff(times(replace(bare, quantise_us=us), [32768, 65536], k, 64, "fp8"))[0] for us in (0.0, 1.0)]
        assert more[1] - more[0] == pytest.approx(byte * 32768 * k / (3.35e12 * 0.9) * 1e6, rel=1e-3)


def test_a_single_wave_of_large_tiles_is_slow_whichever_way_they_lie() -> None:
    slow = replace(PLAIN, tiles="fewest_waves", wide_tile_share=0.25)
    for m, n in ((16384, 256), (32768, 128)):
        even = times(replace(slow, wide_tile_share=1.0), m, 8192, n, "fp8_block")[0]
        assert times(slow, m, 8192, n, "fp8_block")[0] > 1.5 * even


def test_a_tile_more_than_a_wave_costs_another_wave() -> None:
    full, more = times(PLAIN, [256 * 12, 256 * 12 + 1], 8192, 128 * 11)
    assert more > 1.1 * full


def test_split_k_speeds_up_a_single_tile_with_a_long_k() -> None:
    never = replace(PLAIN, split_us=1e6)
    assert times(PLAIN, 64, 65536, 64)[0] < 0.3 * times(never, 64, 65536, 64)[0]


def test_a_skinny_gemm_reads_its_weights_at_the_share_of_the_bandwidth() -> None:
    alone = replace(PLAIN, overlap=50.0)
    weights_us = (16384 * 16384 + 16384) * 2 / (3.35e12 * 0.8) * 1e6
    assert times(alone, 1, 16384, 16384)[0] == pytest.approx(weights_us + 2.0, rel=0.01)


def test_cutlass_takes_taller_tiles_with_more_rows() -> None:
    rows, columns = tiles_by_rows(np.array([1.0, 64.0, 65.0, 128.0, 129.0]), np.full(5, 4096.0), 132)
    assert rows.tolist() == [64, 64, 64, 64, 128]
    assert columns.tolist() == [64, 64, 128, 128, 128]


def test_deepgemm_takes_the_tile_with_the_fewest_waves() -> None:
    """1024 × 4096: 8 · 16 tiles of 128×256 fill one wave of 132; no smaller tile does."""
    rows, columns = tiles_of_fewest_waves(np.array([1024.0, 1024.0]), np.array([4096.0, 2560.0]), 132)
    assert (rows[0], columns[0]) == (128, 256)
    assert (rows[1], columns[1]) == (128, 160)


def test_fp8_pays_for_quantisation() -> None:
    bare = replace(PLAIN, tiles="by_rows")
    with_quantisation = replace(bare, quantise_us=1.5, quantise_row_us=0.02)
    assert times(with_quantisation, 1, 512, 512, "fp8")[0] > times(bare, 1, 512, 512, "fp8")[0] + 1.5


@pytest.mark.parametrize(("facts", "variant", "parameters"), shipped(), ids=lambda value: getattr(value, "name", value))
def test_no_shipped_model_beats_the_datasheet(facts: DeviceFacts, variant: str, parameters: GemmParameters) -> None:
    m, k, n = (grid.ravel() for grid in np.meshgrid(*[np.geomspace(1, 65536, 9).round()] * 3))
    time = gemm_us(parameters, facts, m=m, k=k, n=n, dtype=variant)
    element = 1.0 if variant.startswith("fp8") else 2.0
    peak = facts.peak(variant.removesuffix("_block"))
    roofline = np.maximum(2 * m * k * n / peak, (m * k + k * n) * element / facts.memory_byte_s) * 1e6
    assert np.all(time > roofline)


@pytest.mark.parametrize(("facts", "variant", "parameters"), shipped(), ids=lambda value: getattr(value, "name", value))
def test_time_is_linear_in_m_beyond_the_data(facts: DeviceFacts, variant: str, parameters: GemmParameters) -> None:
    m = np.array([65536.0, 262144.0])
    for k, n in ((4096.0, 4096.0), (7168.0, 2048.0)):
        short, long = gemm_us(parameters, facts, m=m, k=np.full(2, k), n=np.full(2, n), dtype=variant)
        assert 3.6 < long / short < 4.4


@pytest.mark.parametrize(("facts", "variant", "parameters"), shipped(), ids=lambda value: getattr(value, "name", value))
def test_much_more_work_never_takes_less_time(facts: DeviceFacts, variant: str, parameters: GemmParameters) -> None:
    base = np.geomspace(64, 16384, 6).round()
    m, k, n = (grid.ravel() for grid in np.meshgrid(base, base, base))
    time = gemm_us(parameters, facts, m=m, k=k, n=n, dtype=variant)
    for more in ((4, 1, 1), (1, 4, 1), (1, 1, 4)):
        larger = gemm_us(parameters, facts, m=m * more[0], k=k * more[1], n=n * more[2], dtype=variant)
        # DeepGEMM's own choice of tile is that uneven: the widest tiles in a single wave run at a quarter of the rate.
        assert np.all(larger > (0.2 if parameters.tiles == "fewest_waves" else 0.98) * time)


def test_a_data_type_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(MoeStudioError, match="no data type 'int3'; known are fp32, bf16"):
        times(PLAIN, 1, 512, 512, "int3")


def test_a_row_costs_the_same_alone_and_among_many() -> None:
    m = np.arange(1.0, 20001.0)
    many = gemm_us(PLAIN, H100, m=m, k=np.full_like(m, 512), n=np.full_like(m, 1024), dtype="bf16")
    assert many[12345] == times(PLAIN, 12346, 512, 1024)[0]
