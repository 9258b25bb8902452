"""Tables of the share of a link's bandwidth that collectives reach."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from moe_studio.calibration.predict import predict_file

Write = Callable[[Sequence[str]], Path]


def predicted(path: Path, out: Path) -> list[dict[str, str]]:
    predict_file(path, out)
    with out.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("table", ["nvlink", "nic", "ata"])
@pytest.mark.parametrize("scale", ["1 Node(NVLinkx)", "2Node-16GPU(NIC )", "16Node-128GPU(NIC)"])
def test_larger_messages_reach_more_of_the_link(write: Write, tmp_path: Path, table: str, scale: str) -> None:
    rows = [f"{size},{scale},0.5,{table}" for size in (2**24, 2**28, 2**32)]
    found = predicted(write(["Size,scale,bw_fraction,table", *rows]), tmp_path / "out.csv")
    small, middle, large = (float(row["predicted_bw_fraction"]) for row in found)
    assert 0.03 < small < middle < large < 1
    link_byte_s = 450e9 if scale.startswith("1 ") else 50e9
    assert float(found[1]["predicted_us"]) == pytest.approx(2**28 / (middle * link_byte_s) * 1e6, rel=1e-5)


def test_rings_over_more_nodes_reach_less(write: Write, tmp_path: Path) -> None:
    rows = [f"268435456,{nodes}Node-{8 * nodes}GPU(NIC),nic" for nodes in (2, 8, 64)]
    shares = [float(row["predicted_bw_fraction"]) for row in predicted(write([HEADER, *rows]), tmp_path / "out.csv")]
    assert shares == sorted(shares, reverse=True)


HEADER = "Size,scale,table"


def test_the_error_is_that_of_the_share(write: Write, tmp_path: Path) -> None:
    path = write([HEADER + ",bw_fraction", "1073741824,2Node-16GPU(NIC),nic,0.4"])
    report = predict_file(path, tmp_path / "out.csv")
    (row,) = predicted(path, tmp_path / "out.csv")
    assert (report.family, report.is_time) == ("bandwidth", False)
    assert report.ratio[0] == pytest.approx(float(row["predicted_bw_fraction"]) / 0.4, rel=1e-5)
    assert predicted(tmp_path / "out.csv", tmp_path / "again.csv") == [row]


def test_the_gpu_is_an_h100_unless_the_table_says_another(write: Write, tmp_path: Path) -> None:
    row = "1073741824,1 Node(NVLinkx),nic"
    (bare,) = predicted(write([HEADER, row]), tmp_path / "out.csv")
    hopper, ampere = predicted(write([HEADER + ",gpu", row + ",H100-SXM", row + ",A100-SXM"]), tmp_path / "out.csv")
    assert bare["source"] == hopper["source"] == "calibrated: rings in a node of h100-sxm, 450 GB/s a GPU"
    assert bare["predicted_us"] == hopper["predicted_us"]
    assert ampere["source"] == "calibrated: rings in a node of a100-80g-sxm, 300 GB/s a GPU"


@pytest.mark.parametrize(
    ("scale", "table", "reason"),
    [
        ("Multi 16", "nic", "The scale 'Multi 16' does not say how many nodes; write it as '2Node-16GPU(NIC)'."),
        ("0Node", "nic", "The scale '0Node' does not say how many nodes; write it as '2Node-16GPU(NIC)'."),
        ("2Node-16GPU(NIC)", "pcie", "There is no table 'pcie'; known are nvlink, nic, ata."),
    ],
)
def test_a_scale_or_table_that_nobody_knows_is_the_reason_for_no_prediction(
    write: Write, tmp_path: Path, scale: str, table: str, reason: str
) -> None:
    rows = [f"1073741824,{scale},{table}", "1073741824,2Node-16GPU(NIC),nic"]
    bad, good = predicted(write([HEADER, *rows]), tmp_path / "out.csv")
    assert (bad["predicted_us"], bad["predicted_bw_fraction"], bad["source"]) == ("", "", f"not predicted: {reason}")
    assert good["source"] == "datasheet: rings over 2 nodes, 50 GB/s a GPU"
