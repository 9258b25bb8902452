"""Fitting tables of run times to a device."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from moe_studio.calibration.family import Block
from moe_studio.calibration.fit import calibrate
from moe_studio.calibration.fit_elementwise import ELEMENTWISE
from moe_studio.calibration.fit_moe import MOE
from moe_studio.calibration.report import markdown, picture
from moe_studio.calibration.store import facts_of, read_calibration
from moe_studio.errors import MoeStudioError
from moe_studio.kernel.elementwise import ElementwiseParameters
from moe_studio.kernel.gemm import gemm_us
from moe_studio.kernel.moe import MoeParameters
from tests.unit.calibration.conftest import HEADER, KNOWN, gemm_rows

Write = Callable[[Sequence[str]], Path]
A100 = facts_of("a100-80g-sxm")


def test_a_fit_finds_what_explains_the_data_and_shapes_it_has_not_seen(write: Write, tmp_path: Path) -> None:
    report = calibrate([write([HEADER, *gemm_rows()])], tmp_path / "a100.yaml", sources=("own",), date="2030-01-02")
    (residual,) = report.residuals
    median, p90 = residual.error()
    assert median < 0.035
    assert p90 < 0.10
    fitted = read_calibration(tmp_path / "a100.yaml").fitted("gemm", "bf16")
    unseen = {"m": np.array([48.0, 700.0, 9000.0]), "k": np.array([3584.0] * 3), "n": np.array([9216.0] * 3)}
    ratio = gemm_us(fitted.parameters, A100, **unseen, dtype="bf16") / gemm_us(KNOWN, A100, **unseen, dtype="bf16")
    assert np.all(np.abs(ratio - 1) < 0.08)
    evidence = fitted.evidence
    assert (evidence.date, evidence.sources, evidence.files) == ("2030-01-02", ("own",), ("table.csv",))
    assert (evidence.rows, evidence.set_aside, evidence.ranges["m"]) == (343, 0, (1.0, 16384.0))
    assert sum(band.rows for band in evidence.held_out) == len(residual.ratio)
    assert "| gemm | bf16 | all |" in markdown(report)
    assert picture(report).count("<circle") == len(residual.ratio)


def test_the_numbers_of_other_devices_are_tried_on_the_rows(write: Write) -> None:
    report = calibrate([write([HEADER, *gemm_rows()[::5]])])
    assert [check.about for check in report.checks] == ["with numbers of h100-sxm", "with numbers of h200-sxm"]
    assert all(check.rows == 69 and check.p90 > report.residuals[0].error()[1] for check in report.checks)


def test_node_counts_are_left_out_one_by_one(write: Write) -> None:
    rows = [
        f"deepep_ll_dispatch,H100-SXM,{8 * nodes},{nodes},{tokens},7168,8,256,0,{15 + 7 * nodes + tokens * nodes / 5}"
        for nodes in (1, 2, 4)
        for tokens in range(2, 32)
    ]
    report = calibrate([write(["op,gpu,gpus,nodes,tokens,hidden,topk,experts,sms,time_us", *rows])])
    left_out = [check for check in report.checks if check.about.startswith("without")]
    assert [(check.about, check.rows) for check in left_out] == [("without nodes 2", 30), ("without nodes 4", 30)]


def test_the_same_tables_give_the_same_file(write: Write, tmp_path: Path) -> None:
    path = write([HEADER, *gemm_rows()[::5]])
    for name in ("one.yaml", "two.yaml"):
        calibrate([path], tmp_path / name, date="2030-01-02")
    assert (tmp_path / "one.yaml").read_bytes() == (tmp_path / "two.yaml").read_bytes()


@pytest.mark.parametrize("day", ["yesterday", "2026-11-31", "20261120", "2026-W47-5", "2026-11-20T10:00", "20.11.2026"])
def test_a_day_that_is_no_date_is_refused_before_anything_is_read(tmp_path: Path, day: str) -> None:
    with pytest.raises(MoeStudioError, match=r"is written like 2026-11-20 .* not '" + day[:5]):
        calibrate([tmp_path / "none.csv"], tmp_path / "out.yaml", date=day)
    assert not (tmp_path / "out.yaml").exists()


def test_rows_in_milliseconds_are_set_aside_and_do_not_spoil_the_fit(write: Write) -> None:
    rows = gemm_rows()
    wrong = [line.rsplit(",", 2) for line in rows if float(line.split(",")[5]) > 100][:40]
    spoilt = [f"{front},{float(time) / 1000:.5g},{kernel}" for front, time, kernel in wrong]
    report = calibrate([write([HEADER, *rows, *spoilt])])
    (note,) = report.notes
    assert note.startswith(
        "table.csv: 40 rows set aside: time_us is less than the datasheet of a100-80g-sxm allows; it looks like "
        "milliseconds, and must be in microseconds"
    )
    assert "(line 345, 346" in note
    assert report.residuals[0].error()[0] < 0.035


def test_a_table_in_milliseconds_is_refused(write: Write, tmp_path: Path) -> None:
    rows = [line.rsplit(",", 2) for line in gemm_rows()]
    path = write([HEADER, *(f"{front},{float(time) / 1000:.7g},{kernel}" for front, time, kernel in rows)])
    with pytest.raises(
        MoeStudioError, match=r"times faster than such kernels can be.* as in line \d+.*milliseconds, and"
    ):
        calibrate([path], tmp_path / "out.yaml")
    assert not (tmp_path / "out.yaml").exists()


def test_a_table_without_a_usable_row_says_what_became_of_them(write: Write) -> None:
    with pytest.raises(MoeStudioError, match=r"no usable rows\. table\.csv: 1 row set aside: m is zero .* \(line 2\)"):
        calibrate([write([HEADER, "A100-SXM,bfloat16,0,64,64,9,x"])])


def test_a_fit_keeps_what_the_file_held_of_other_kernels(write: Write, tmp_path: Path) -> None:
    out = tmp_path / "a100.yaml"
    calibrate([write([HEADER, *gemm_rows()[::5]])], out)
    sizes = [(m, k) for m in (1, 64, 1024, 8192) for k in (64, 512, 1024, 2048, 4096, 7168, 8192, 16384, 32768, 65536)]
    rows = [f"scale,A100-SXM,fp8,{m},{k},{2 + m * k * 3 / 1.6e6:.4f},torch_ops" for m, k in sizes]
    calibrate([write(["op,gpu,dtype,m,k,time_us,kernel", *rows])], out)
    families = read_calibration(out).families
    assert set(families) == {"gemm", "elementwise"}
    assert families["elementwise"]["pieces"].parameters.launch_us == pytest.approx(2, rel=0.05)


def test_two_devices_need_a_choice(write: Write) -> None:
    path = write([HEADER, *gemm_rows()[::5], *gemm_rows("H100-SXM")[::5]])
    with pytest.raises(MoeStudioError, match="rows of a100-80g-sxm, h100-sxm; name the one to fit"):
        calibrate([path])
    assert calibrate([path], device="A100-SXM").calibration.facts.name == "a100-80g-sxm"
    with pytest.raises(MoeStudioError, match="no usable rows of b200"):
        calibrate([path], device="b200")


def test_too_few_rows_are_not_fitted_to_and_leave_no_file(write: Write, tmp_path: Path) -> None:
    with pytest.raises(MoeStudioError, match=r"^Nothing was fitted\. gemm bf16: 20 rows; a fit needs 40\.$"):
        calibrate([write([HEADER, *gemm_rows()[:20]])], tmp_path / "out.yaml")
    assert not (tmp_path / "out.yaml").exists()


def test_rows_that_say_nanoseconds_are_set_aside_and_do_not_spoil_the_fit(write: Write) -> None:
    rows = gemm_rows()
    fields = [line.rsplit(",", 2) for line in rows]
    mixed = [
        f"{front},{float(time) * (1 if index % 3 else 1000):.7g},{kernel}"
        for index, (front, time, kernel) in enumerate(fields)
    ]
    report = calibrate([write([HEADER, *mixed])])
    (note,) = report.notes
    assert note.startswith("gemm bf16: 115 rows set aside: ")
    evidence = report.calibration.fitted("gemm", "bf16").evidence
    assert (evidence.rows, evidence.set_aside) == (len(rows) - 115, 115)
    assert report.residuals[0].error()[0] < 0.05


def test_a_table_without_times_is_refused(write: Write) -> None:
    with pytest.raises(MoeStudioError, match="no column time_us"):
        calibrate([write(["gpu,dtype,m,k,n", "A100-SXM,bfloat16,1,2,3"])])


def test_unknown_gpus_are_set_aside(write: Write) -> None:
    report = calibrate([write([HEADER, *gemm_rows()[::5], gemm_rows("TPU")[0]])])
    assert "no GPU 'TPU'" in report.notes[0]


def test_a_memory_bound_kernel_is_recovered() -> None:
    known = ElementwiseParameters(
        launch_us=2.2, memory_share=0.8, cache_ratio=2.0, cache_share=0.6, row_us=0.08, element_us=5e-5
    )
    m, k = (
        grid.ravel() for grid in np.meshgrid(np.geomspace(1, 32768, 16).round(), np.geomspace(32, 65536, 12).round())
    )
    time = ELEMENTWISE.predict(known, A100, {"m": m, "k": k}, {})
    found = ELEMENTWISE.fit([Block(words={}, columns={"m": m, "k": k}, time_us=time)], A100)
    ratio = ELEMENTWISE.predict(found, A100, {"m": m, "k": k}, {}) / time
    assert np.percentile(np.abs(ratio - 1), 95) < 0.02


def test_a_fused_moe_kernel_is_recovered() -> None:
    known = MoeParameters(
        tiles="by_tokens",
        launch_us=30.0,
        rank_us=8.0,
        expert_us=0.05,
        memory_share=0.7,
        math_share=0.4,
        load_ratio=5.0,
        step_us=0.02,
        wave_us=0.5,
        quantum=0.5,
        overlap=2.0,
        row_share=0.8,
        masked_row_share=0.9,
        masked_math_share=0.02,
    )
    models = [(2048, 768, 8, 128), (4096, 14336, 2, 8), (7168, 2048, 8, 256), (6144, 2560, 8, 160)]
    rows = np.array(
        [
            (t, *model, tp, ep)
            for t in (1, 8, 64, 512, 4096, 16384)
            for model in models
            for tp in (1, 4)
            for ep in (1, 8)
        ],
        dtype=float,
    )
    columns = dict(zip(MOE.numbers, rows.T, strict=True))
    blocks = []
    for routing in ("balanced", "power_law_1.2"):
        words = {"dtype": "bfloat16", "routing": routing, "kernel": "triton"}
        blocks.append(Block(words=words, columns=columns, time_us=MOE.predict(known, A100, columns, words)))
    found = MOE.fit(blocks, A100)
    assert found.tiles == "by_tokens"
    for block in blocks:
        ratio = MOE.predict(found, A100, columns, block.words) / block.time_us
        assert np.percentile(np.abs(ratio - 1), 90) < 0.06
