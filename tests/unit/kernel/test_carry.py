"""Numbers of one GPU on another."""

import pytest

from moe_studio.calibration.store import facts_of, load_calibration
from moe_studio.kernel.carry import CLOCK_GHZ, ON_THE_CHIP, carried_over
from moe_studio.kernel.device import GENERATIONS

A100, H100, H200 = (facts_of(name) for name in ("a100-80g-sxm", "h100-sxm", "h200-sxm"))


def test_every_generation_has_a_clock() -> None:
    assert set(CLOCK_GHZ) == set(GENERATIONS)


@pytest.mark.parametrize("family", ON_THE_CHIP)
def test_gpus_of_one_generation_share_their_latencies(family: str) -> None:
    for fitted in load_calibration("h100-sxm").families[family].values():
        assert carried_over(fitted.parameters, family, H100, H200) == fitted.parameters


def test_latencies_shrink_with_the_clock_and_shares_stay() -> None:
    fitted = load_calibration("a100-80g-sxm").families["gemm"]["bf16"].parameters
    faster = carried_over(fitted, "gemm", A100, H100)
    assert faster.wave_us == pytest.approx(fitted.wave_us * 1.41 / 1.83)
    assert (faster.memory_share, faster.tiles) == (fitted.memory_share, fitted.tiles)


def test_latencies_inside_records_of_head_sizes_shrink_as_well() -> None:
    fitted = load_calibration("a100-80g-sxm").families["attention"]["decode_bf16_bf16"].parameters
    faster = carried_over(fitted, "attention", A100, H100)
    for before, after in zip(fitted.heads, faster.heads, strict=True):
        assert after.launch_us == pytest.approx(before.launch_us * 1.41 / 1.83)
        assert after.tile_rows == before.tile_rows


def test_the_same_work_makes_the_clock_fall() -> None:
    """The H20 has a seventh of the H100's arithmetic, and takes as many times as long until it throttles as much."""
    h20 = facts_of("h20")
    fitted = load_calibration("h100-sxm").families["gemm"]["fp8"].parameters
    carried = carried_over(fitted, "gemm", H100, h20)
    assert carried.throttle_ms == pytest.approx(fitted.throttle_ms * H100.peak("bf16") / h20.peak("bf16"))
    assert carried.launch_us == fitted.launch_us


def test_the_fault_of_the_widest_tiles_stays_with_its_generation() -> None:
    fitted = load_calibration("h100-sxm").families["gemm"]["fp8_block"].parameters
    assert fitted.wide_tile_share < 0.5
    assert carried_over(fitted, "gemm", H100, facts_of("h20")).wide_tile_share == fitted.wide_tile_share
    assert carried_over(fitted, "gemm", H100, facts_of("b200")).wide_tile_share == 1


def test_a_link_has_no_clock() -> None:
    fitted = load_calibration("a100-80g-sxm").families["p2p"]["send_recv"].parameters
    assert carried_over(fitted, "p2p", A100, H100) is fitted


def test_devices_without_data_use_the_numbers_at_their_own_clock() -> None:
    own = load_calibration("a100-80g-sxm").families["gemm"]["bf16"].parameters
    carried = load_calibration("l40s").families["gemm"]["bf16"].parameters
    assert carried.launch_us == pytest.approx(own.launch_us * 1.41 / 2.52)
