"""Files that hold what was fitted to a device."""

import math
from pathlib import Path

import numpy as np
import pytest

from moe_studio.calibration.asker import BY_NAME
from moe_studio.calibration.store import (
    calibration_of,
    calibration_text,
    choose,
    device_name,
    facts_of,
    load_calibration,
    merged,
    read_calibration,
    save_calibration,
    shipped,
)
from moe_studio.errors import FileError, MoeStudioError
from moe_studio.kernel.fitted import CALIBRATED, DATASHEET, OUTSIDE, Fitted, NotCalibratedError
from moe_studio.locator import resource
from moe_studio.project.cluster import Device
from moe_studio.project.model import DTYPES
from moe_studio.storage.catalogue import device_names, load_device


@pytest.mark.parametrize(
    ("gpu", "name"),
    [
        ("H100-SXM", "h100-sxm"),
        ("h200_sxm", "h200-sxm"),
        ("A100-DGX", "a100-80g-sxm"),
        ("NVIDIA H100 80GB HBM3", "h100-sxm"),
        ("H100-PCIe", "h100-pcie"),
        ("B200-SXM", "b200"),
        ("L40S", "l40s"),
        ("NVIDIA A100-SXM4-40GB", "a100-40g-sxm"),
        ("NVIDIA A100-SXM4-80GB", "a100-80g-sxm"),
    ],
)
def test_a_gpu_is_found_in_the_catalogue(gpu: str, name: str) -> None:
    assert device_name(gpu) == name


@pytest.mark.parametrize("gpu", ["TPU-v5", "H100-NVL", "A100-PCIE-40GB"])
def test_an_unknown_gpu_is_refused_also_when_its_name_begins_like_a_known_one(gpu: str) -> None:
    with pytest.raises(MoeStudioError, match=f"no GPU '{gpu}'"):
        device_name(gpu)


@pytest.mark.parametrize("name", ["a100-80g-sxm", "h100-sxm", "h200-sxm"])
def test_a_shipped_file_is_the_text_of_what_it_holds(name: str) -> None:
    path = resource("calibration", f"{name}.yaml")
    assert calibration_text(read_calibration(path)) == path.read_text(encoding="utf-8")


def test_every_shipped_fit_says_what_it_rests_on() -> None:
    for calibration in shipped():
        for variants in calibration.families.values():
            for fitted in variants.values():
                assert fitted.evidence.rows > 0
                assert fitted.evidence.date
                assert fitted.evidence.sources
                assert fitted.evidence.files
                assert fitted.evidence.ranges
                assert fitted.evidence.held_out


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    first = shipped()[0]
    save_calibration(tmp_path / "own.yaml", first)
    assert calibration_text(read_calibration(tmp_path / "own.yaml")) == calibration_text(first)


def test_edges_of_bands_are_those_of_the_family_to_the_byte(tmp_path: Path) -> None:
    for calibration in shipped():
        save_calibration(tmp_path / "own.yaml", calibration)
        for source in (calibration, read_calibration(tmp_path / "own.yaml")):
            for family, variants in source.families.items():
                for fitted in variants.values():
                    assert {band.low for band in fitted.evidence.held_out} <= set(BY_NAME[family].bands)


def test_merging_keeps_what_is_not_new() -> None:
    first, other = shipped()[:2]
    both = merged(first, other)
    assert set(both.families["gemm"]) >= set(first.families["gemm"]) | set(other.families["gemm"])


def test_a_device_without_data_takes_its_nearest_relative_and_says_so() -> None:
    own, carried = load_calibration("h100-sxm").fitted("gemm", "bf16"), load_calibration("b200").fitted("gemm", "bf16")
    assert (own.provenance, own.origin) == (CALIBRATED, "h100-sxm")
    assert (carried.provenance, carried.origin) == (DATASHEET, "h100-sxm")
    assert load_calibration("l40s").fitted("gemm", "bf16").origin == "a100-80g-sxm"
    assert carried.expected_error(64) == pytest.approx(math.hypot(own.expected_error(64), 0.13))
    assert carried.spread(64) > own.spread(64) > own.expected_error(64)


@pytest.mark.parametrize(
    ("device", "family", "variant", "error"),
    [
        ("h20", "mla", "absorb_q_fp8", 0.15),
        ("h20", "mla", "absorb_q_bf16", 0.05),
        ("b200", "mla", "decode_bf16_fp8", 0.65),
        ("b200", "mla", "prefill_bf16_bf16", 0.32),
        ("b200", "p2p", "send_recv", 0.65),
        ("b200", "collective", "all_reduce", 0.33),
    ],
)
def test_kernels_that_carry_over_badly_say_so(device: str, family: str, variant: str, error: float) -> None:
    assert load_calibration(device).fitted(family, variant).trust.error == error


def test_a_kernel_that_nobody_measured_is_not_called_calibrated() -> None:
    calibration, gemm = load_calibration("h100-sxm"), BY_NAME["gemm"]
    variant, lent = choose(calibration, gemm, gemm.variants({"dtype": "fp4"}))
    assert (variant, lent.provenance, lent.stands_for) == ("fp8", DATASHEET, "fp4")
    own = calibration.fitted("gemm", "fp8")
    assert lent.expected_error(4096) == pytest.approx(math.hypot(own.expected_error(4096), 0.2))
    assert choose(calibration, gemm, gemm.variants({"dtype": "float16"}))[1] is calibration.fitted("gemm", "bf16")


def test_over_more_nodes_than_were_measured_collectives_are_less_sure() -> None:
    fitted = load_calibration("h100-sxm").fitted("collective", "all_reduce")
    assert fitted.at({"nodes": 1}) is fitted
    over = fitted.at({"nodes": 2})
    assert (over.provenance, over.outside) == (DATASHEET, ("nodes",))
    assert over.expected_error(1e6) == pytest.approx(math.hypot(fitted.expected_error(1e6), 0.33))
    sends = load_calibration("h100-sxm").fitted("p2p", "send_recv")
    assert sends.at({"nodes": 2}) is sends


def every_fit() -> list[Fitted]:
    return [fitted for item in shipped() for each in item.families.values() for fitted in each.values()]


def test_each_factor_of_two_outside_of_what_was_measured_makes_a_time_less_sure() -> None:
    for fitted in every_fit():
        for name, low, high in fitted.measured():
            if name in ("tokens", "moe_ep"):
                continue
            assert fitted.at({name: low}) is fitted.at({name: high}) is fitted
            beyond = [fitted.at({name: high * factor}) for factor in (1.01, 2, 4, 64)]
            below = [fitted.at({name: low / factor}) for factor in (1.01, 2, 4) if low / factor >= 1]
            assert all(one.outside == (name,) for one in (*beyond, *below))
            if not (name == "nodes" and high == 1):
                for row in (beyond, below):
                    errors = [fitted.expected_error(4096), *(one.expected_error(4096) for one in row)]
                    assert errors == sorted(set(errors))
                    spreads = [fitted.spread(4096), *(one.spread(4096) for one in row)]
                    assert spreads == sorted(set(spreads))


def test_a_little_outside_is_hardly_less_sure_and_sizes_add_up() -> None:
    fitted = load_calibration("h100-sxm").fitted("deepep", "low_latency_combine")
    inside = fitted.expected_error(64)
    assert fitted.at({"nodes": 9, "gpus": 72}).expected_error(64) < inside + 0.01
    assert fitted.at({"nodes": 16, "gpus": 128}).expected_error(64) == pytest.approx(math.hypot(inside, 2 * OUTSIDE))


def test_tokens_of_experts_count_for_each_rank() -> None:
    fitted = load_calibration("h100-sxm").fitted("moe", "triton-fp8_block")
    assert fitted.at({"tokens": 16384.0, "moe_ep": 1.0}) is fitted
    assert fitted.at({"tokens": 16384.0 * 32, "moe_ep": 32.0}) is fitted
    assert fitted.at({"tokens": 1.0, "moe_ep": 256.0}) is fitted
    assert fitted.at({"tokens": 16384.0 * 8, "moe_ep": 1.0}).trust.error == pytest.approx(3 * OUTSIDE)


def test_a_size_that_a_kernel_has_not_is_never_outside() -> None:
    absorb = load_calibration("h100-sxm").fitted("mla", "absorb_q_bf16")
    assert absorb.at({"batch": 64, "q_len": 1, "kv_len": 5000, "heads": 16}) is absorb


def test_rows_of_a_table_lie_outside_as_single_kernels_do() -> None:
    draw = np.random.default_rng(0)
    for fitted in every_fit():
        names = [name for name, *_ in fitted.measured()]
        columns = {name: np.exp2(draw.uniform(0, 20, 200)).round() for name in names}
        found = fitted.outside_of(columns)
        for row in range(200):
            one = fitted.at({name: float(values[row]) for name, values in columns.items()})
            assert set(one.outside) == {name for name, rows in found.items() if rows[row]}


def test_a_device_of_the_users_own_is_calibrated_by_its_data_types() -> None:
    device = Device(memory_gb=80, memory_tb_s=3, peak_tflops={"bf16": 900, "fp8": 1800})
    assert calibration_of("mine", device).fitted("gemm", "fp8").origin == "h100-sxm"


def test_an_unknown_variant_names_the_known_ones() -> None:
    with pytest.raises(NotCalibratedError, match="known variants: bf16"):
        load_calibration("h100-sxm").fitted("gemm", "int3")


def test_the_expected_error_is_that_of_the_band() -> None:
    fitted = load_calibration("h100-sxm").fitted("gemm", "bf16")
    for band in fitted.evidence.held_out:
        assert fitted.expected_error(band.low) == band.median
    assert fitted.expected_error(1e9) == fitted.evidence.held_out[-1].median


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gemm: {}\n", "device: is missing"),
        ("device: h1000\n", "is not a device of the catalogue"),
        ("device: h100-sxm\ngem: {}\n", "not a known kernel family; did you mean 'gemm'"),
        ("device: h100-sxm\ngemm: {bf16: {}}\n", "gemm.bf16.parameters: is missing"),
        ("device: h100-sxm\ngemm: {bf16: {parameters: {tiles: coarse}, evidence: {}}}\n", "launch_us: is missing"),
        ("device: h100-sxm\ngemm: 3\n", "must be a mapping"),
        ("device: h100-sxm\n", "holds no kernels"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match=message):
        read_calibration(path)


def test_facts_of_the_catalogue_are_complete() -> None:
    for name in ("a100-80g-sxm", "h100-sxm", "b200", "mi300x", "seed-64g"):
        facts = facts_of(name)
        assert facts.sms > 0
        assert facts.l2_byte > 1e6
        assert facts.peak("fp8") >= facts.peak("bf16") > 0


def test_the_peak_of_a_type_that_a_gpu_lacks_is_the_same_everywhere() -> None:
    for name in device_names():
        assert all(facts_of(name).peak(dtype) == load_device(name).peak_flop_s(dtype) for dtype in DTYPES)
    assert facts_of("a100-80g-sxm").peak("fp4") == facts_of("a100-80g-sxm").peak("bf16")
    assert facts_of("h100-sxm").peak("fp4") == facts_of("h100-sxm").peak("fp8")
