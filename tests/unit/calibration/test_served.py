"""Time per output token of served models."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moe_studio.calibration.measured import read_measured
from moe_studio.calibration.predict import predict_file
from moe_studio.calibration.served import model_name
from moe_studio.calibration.store import load_calibration, loader, save_calibration
from moe_studio.errors import FileError, MoeStudioError

Write = Callable[[Sequence[str]], Path]
HEADER = "model_path,system,precision_filled,isl,osl,batch_size,tp_size,silicon_tpot_ms,note"


def predicted_ms(path: Path, out: Path) -> list[float]:
    predict_file(path, out)
    with out.open(encoding="utf-8") as stream:
        return [float(row["predicted_us"]) / 1e3 for row in csv.DictReader(stream)]


def test_more_requests_at_once_take_longer_for_each_and_more_gpus_shorter(write: Write, tmp_path: Path) -> None:
    rows = [f"meta-llama/Llama-3.1-8B-Instruct,h100_sxm,bf16,1024,512,{batch},{tp},7,x" for batch, tp in SETTINGS]
    few, many, shared = predicted_ms(write([HEADER, *rows]), tmp_path / "out.csv")
    # 8 billion parameters of 2 bytes each are read for every token: 4.8 ms at 3.35 TB/s.
    assert 4.8 < few < 7
    assert few < many < 4 * few
    assert 0.5 * few < shared < few


SETTINGS = ((4, 1), (64, 1), (4, 2))


def test_prompts_between_outputs_cost_their_share(write: Write, tmp_path: Path) -> None:
    rows = [f"llama-3.1-8b,h100_sxm,bf16,4096,{osl},32,1,7,x" for osl in (4096, 64)]
    long, short = predicted_ms(write([HEADER, *rows]), tmp_path / "out.csv")
    assert short > 3 * long


def test_the_error_against_measured_tokens_is_reported(write: Write, tmp_path: Path) -> None:
    path = write([HEADER, "llama-3.1-8b,h100_sxm,bf16,1024,512,4,1,6,x", "llama-3.1-8b,h100_sxm,bf16,1024,512,4,1,,x"])
    report = predict_file(path, tmp_path / "out.csv")
    assert (report.family, report.measured, report.predicted, len(report.ratio)) == ("served", "silicon_tpot_ms", 2, 1)
    assert report.ratio[0] == pytest.approx(predicted_ms(path, tmp_path / "out.csv")[0] / 6)


def test_an_own_calibration_and_measured_times_serve_a_model_too(write: Write, tmp_path: Path) -> None:
    path = write([HEADER, "llama-3.1-8b,h100_sxm,bf16,1024,512,4,1,6,x", "llama-3.1-8b,b200_sxm,bf16,1024,512,4,1,6,x"])
    shipped = load_calibration("h100-sxm")
    gemm = shipped.fitted("gemm", "bf16")
    slower = replace(gemm, parameters=replace(gemm.parameters, memory_share=gemm.parameters.memory_share / 2))
    save_calibration(tmp_path / "own.yaml", replace(shipped, families={"gemm": {"bf16": slower}}))
    plain, other = sources(path, tmp_path / "out.csv")
    own, _ = sources(path, tmp_path / "own.csv", load=loader(tmp_path / "own.yaml"))
    table = tmp_path / "measured.csv"
    # Its largest product of a decoding step, four requests at once, at twice the time.
    table.write_text("gpu,dtype,m,k,n,time_us\nH100-SXM,bfloat16,4,4096,28672,174\n", encoding="utf-8")
    measured, _ = sources(path, tmp_path / "measured-out.csv", opinion=read_measured(table))
    assert float(own["predicted_us"]) > 1.4 * float(plain["predicted_us"])
    assert float(measured["predicted_us"]) > 1.1 * float(plain["predicted_us"])
    assert plain["source"] == "calibrated: its kernels"
    assert other["source"] == "datasheet: its kernels, all of a100-80g-sxm, h100-sxm"
    assert measured["source"] == "calibrated: its kernels, corrected by run times of your own"


def sources(path: Path, out: Path, **how: Any) -> list[dict[str, str]]:
    """The rows of a prediction."""
    predict_file(path, out, **how)
    with out.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_names_of_models_are_found_in_the_catalogue() -> None:
    assert model_name("meta-llama/Llama-3.1-70B") == "llama-3.1-70b"
    assert model_name("deepseek-ai/DeepSeek-R1") == "deepseek-v3"
    with pytest.raises(MoeStudioError, match=r"no model .acme/lama-3\.1-8b.; did you mean .llama-3\.1-8b."):
        model_name("acme/lama-3.1-8b")


def test_a_served_model_that_makes_no_sense_says_why(write: Write, tmp_path: Path) -> None:
    rows = ["nothing,h100_sxm,bf16,1024,512,4,1,6,x", "llama-3.1-8b,h100_sxm,fp7,1024,512,4,1,6,x"]
    report = predict_file(write([HEADER, *rows]), tmp_path / "out.csv")
    assert report.predicted == 0
    assert [reason[:40] for reason in report.aside.count] == [
        "The catalogue has no model 'nothing'; kn",
        "There is no data type 'fp7'; known are f",
    ]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("attention_dp_size", "abc", "attention_dp_size is not a whole number of at least 1: 'abc'."),
        ("attention_dp_size", "0", "attention_dp_size is not a whole number of at least 1: '0'."),
        ("moe_ep_size", "1.5", "moe_ep_size is not a whole number of at least 1: '1.5'."),
        ("moe_ep_size", "3", "moe_ep_size 3 does not divide the 8 GPUs."),
        ("osl", "0.5", "osl is not a whole number of at least 1"),
        ("tp_size", "1.7", "tp_size is not a whole number of at least 1"),
        ("tp_size", "1e9", "cluster.nodes.gpus must be at most 65536, not 1000000000."),
        ("isl", "1e300", "workload.context must be at most 1000000000, not a number this large."),
    ],
)
def test_a_row_that_makes_no_sense_does_not_spoil_its_neighbours(
    write: Write, tmp_path: Path, column: str, value: str, reason: str
) -> None:
    good = {"model_path": "DeepSeek-R1", "system": "h200_sxm", "precision_filled": "fp8"}
    good |= {"isl": "1024", "osl": "512", "batch_size": "16", "tp_size": "8"}
    good |= {"attention_dp_size": "1.0", "moe_ep_size": ""}
    rows = [",".join(row.values()) for row in (good, good | {column: value}, good)]
    predict_file(write([",".join(good), *rows]), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8") as stream:
        found = list(csv.DictReader(stream))
    assert (found[1]["predicted_us"], found[1]["source"]) == ("", f"not predicted: {reason}")
    assert found[0]["source"] == found[2]["source"] != found[1]["source"]
    assert found[0]["predicted_us"] == found[2]["predicted_us"] != ""


def test_served_models_are_not_fitted_to(write: Write, tmp_path: Path) -> None:
    from moe_studio.calibration.fit import calibrate

    with pytest.raises(FileError, match="no known table of run times"):
        calibrate([write([HEADER, "llama-3.1-8b,h100_sxm,bf16,1024,512,4,1,6,x"])], tmp_path / "out.yaml")
