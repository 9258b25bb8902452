"""Predicting every row of a table."""

import csv
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

import pytest

from moe_studio.calibration.predict import predict_file
from moe_studio.errors import FileError, MoeStudioError
from tests.unit.calibration.conftest import HEADER, gemm_rows

Write = Callable[[Sequence[str]], Path]


def predicted(in_path: Path, out_path: Path) -> list[dict[str, str]]:
    predict_file(in_path, out_path)
    data = out_path.read_bytes()
    text = gzip.decompress(data) if out_path.suffix == ".gz" else data
    return list(csv.DictReader(text.decode().splitlines()))


def test_columns_are_added_and_others_pass_through(write: Write, tmp_path: Path) -> None:
    path = write(["note,k,m,gpu,n,dtype", '"a, b",4096,64,H100-SXM,4096,bfloat16'])
    (row,) = predicted(path, tmp_path / "out.csv")
    assert list(row) == ["note", "k", "m", "gpu", "n", "dtype", "predicted_us", "source"]
    assert row["note"] == "a, b"
    assert 10 < float(row["predicted_us"]) < 25
    assert row["source"] == "calibrated: gemm bf16"


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_prediction_can_be_compressed_and_predicted_again(write: Write, tmp_path: Path, suffix: str) -> None:
    first = predicted(write([HEADER, *gemm_rows("H100-SXM")[:9]]), tmp_path / f"out{suffix}")
    again = predicted(tmp_path / f"out{suffix}", tmp_path / "again.csv")
    assert again == first


def test_a_device_known_by_its_datasheet_says_so(write: Write, tmp_path: Path) -> None:
    rows = predicted(write([HEADER, *gemm_rows("B200")[:3]]), tmp_path / "out.csv")
    assert {row["source"] for row in rows} == {"datasheet: gemm bf16 of h100-sxm"}


def test_rows_that_cannot_be_predicted_stay_with_the_reason(write: Write, tmp_path: Path) -> None:
    lines = [HEADER, "TPU,bfloat16,1,2,3,4,x", "H100-SXM,bfloat16,0,2,3,4,x", "H100-SXM,bfloat16,64,512,512,4,x"]
    rows = predicted(write(lines), tmp_path / "out.csv")
    assert [bool(row["predicted_us"]) for row in rows] == [False, False, True]
    assert "no GPU 'TPU'" in rows[0]["source"]
    assert rows[1]["source"] == "not predicted: a number is missing or out of range"


@pytest.mark.parametrize("note", ["x", '"x"'])
def test_rows_of_another_length_stay_in_their_place_with_the_reason(write: Write, tmp_path: Path, note: str) -> None:
    good = f"H100-SXM,bfloat16,64,512,512,4,{note}"
    rows = predicted(write([HEADER, good, "H100-SXM,bfloat16,64", "", good + ",more", good]), tmp_path / "out.csv")
    assert [bool(row["predicted_us"]) for row in rows] == [True, False, False, True]
    assert rows[1]["m"] == "64"
    assert rows[1]["source"] == "not predicted: not 7 fields"
    assert (rows[2]["kernel"], rows[2]["source"]) == ("x,more", "not predicted: not 7 fields")
    assert rows[3] == rows[0]


def test_a_column_source_of_the_table_itself_is_kept(write: Write, tmp_path: Path) -> None:
    path = write([HEADER + ",source", gemm_rows("H100-SXM")[0] + ",our lab"])
    (row,) = predicted(path, tmp_path / "out.csv")
    assert (row["own_source"], row["source"]) == ("our lab", "calibrated: gemm bf16")
    assert predicted(tmp_path / "out.csv", tmp_path / "again.csv") == [row]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_field_of_several_lines_can_be_read_back(tmp_path: Path, end: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(f'gpu,dtype,m,k,n,note{end}H100-SXM,bfloat16,64,512,512,"a{end}b"{end}'.encode())
    predict_file(path, tmp_path / "out.csv")
    assert predict_file(tmp_path / "out.csv", tmp_path / "again.csv").predicted == 1
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()


def test_a_table_is_not_overwritten_by_its_predictions(write: Write, tmp_path: Path) -> None:
    path = write([HEADER, *gemm_rows()[:1]])
    text = path.read_text(encoding="utf-8")
    (tmp_path / "other.csv").symlink_to(path)
    for name in ("table.csv", "other.csv"):
        with pytest.raises(MoeStudioError, match="write the predictions to another file"):
            predict_file(path, tmp_path / name)
    assert path.read_text(encoding="utf-8") == text


def test_counts_are_reported(write: Write, tmp_path: Path) -> None:
    report = predict_file(write([HEADER, *gemm_rows()[:5], "A100-SXM,bfloat16,x,2,3,4,y"]), tmp_path / "out.csv")
    assert (report.family, report.rows, report.predicted) == ("gemm", 6, 5)
    assert report.aside.sentences() == ["1 row set aside: m is not a finite number (line 7)"]


def test_a_refused_table_leaves_nothing_behind(write: Write, tmp_path: Path) -> None:
    path = write(["a,b", "1,2"])
    with pytest.raises(FileError):
        predict_file(path, tmp_path / "out.csv")
    with pytest.raises(MoeStudioError, match="has no rows"):
        predict_file(write([HEADER]), tmp_path / "out.csv")
    assert [item.name for item in tmp_path.iterdir()] == ["table.csv"]


def test_an_unwritable_place_is_named(write: Write, tmp_path: Path) -> None:
    with pytest.raises(MoeStudioError, match=r"out\.csv was not written"):
        predict_file(write([HEADER, *gemm_rows()[:1]]), tmp_path / "missing" / "out.csv")


@pytest.mark.long
def test_a_hundred_thousand_rows_take_a_second_or_two(write: Write, tmp_path: Path) -> None:
    rows = gemm_rows("H100-SXM")
    path = write([HEADER, *(rows * (100_000 // len(rows) + 1))[:100_000]])
    start = process_time()
    predict_file(path, tmp_path / "out.csv")
    assert process_time() - start < 3


def test_over_more_nodes_than_were_measured_a_time_is_the_datasheets(write: Write, tmp_path: Path) -> None:
    header = "gpu,op,dtype,gpus,nodes,bytes"
    counts = [(8, 1), (32, 4), (8, 16), (2.5, 1), (8, 1.5)]
    lines = [f"H100-SXM,all_reduce,bfloat16,{gpus},{nodes},1048576" for gpus, nodes in counts]
    rows = predicted(write([header, *lines]), tmp_path / "out.csv")
    assert rows[0]["source"] == "calibrated: collective all_reduce"
    assert rows[1]["source"] == "datasheet: collective all_reduce, outside what was measured"
    assert [bool(row["predicted_us"]) for row in rows] == [True, True, False, False, False]


@pytest.mark.parametrize(("scale", "unit"), [(1e-6, "seconds"), (1e-3, "milliseconds"), (1e3, "nanoseconds")])
def test_times_in_another_unit_are_no_error_of_the_prediction(
    write: Write, tmp_path: Path, scale: float, unit: str
) -> None:
    rows = [line.rsplit(",", 2) for line in gemm_rows()[:20]]
    other = [f"{front},{float(time) * scale:.9f},{kernel}" for front, time, kernel in rows[:5]]
    report = predict_file(write([HEADER, *gemm_rows()[:20], *other]), tmp_path / "out.csv")
    assert len(report.ratio) == 20
    assert report.predicted == 25
    (sentence,) = report.aside.sentences()
    assert sentence.startswith("5 rows set aside: not in the error, for time_us is more than 200 times off")
    assert sentence.endswith(f"it looks like {unit}, and must be in microseconds (line 22, 23, 24, 25, 26)")


def test_rows_outside_of_what_was_measured_say_so(write: Write, tmp_path: Path) -> None:
    lines = [f"H100-SXM,bfloat16,{m},4096,{n}" for m, n in ((64, 4096), (10**6, 4096), (64, 8), (10**6, 8))]
    rows = predicted(write(["gpu,dtype,m,k,n", *lines]), tmp_path / "out.csv")
    far = "calibrated: gemm bf16, outside what was measured"
    assert [row["source"] for row in rows] == ["calibrated: gemm bf16", far, far, far]


def test_a_kernel_that_stands_in_for_another_says_so(write: Write, tmp_path: Path) -> None:
    rows = predicted(write(["gpu,dtype,m,k,n", "H100-SXM,nvfp4,64,4096,4096"]), tmp_path / "out.csv")
    assert rows[0]["source"] == "datasheet: gemm fp8 standing in for fp4"
