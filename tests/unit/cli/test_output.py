"""Where commands may write."""

import os
from pathlib import Path

import pytest

from moe_studio.cli.main import run
from moe_studio.cli.output import check_ending, refuse_inputs
from moe_studio.errors import MoeStudioError

GEMM = "gpu,dtype,m,k,n,time_us\nH100-SXM,bfloat16,64,4096,4096,15.5\n"


@pytest.mark.parametrize("name", ["table.csv", "folder/../table.csv", "symbolic.csv", "hard.csv"])
def test_what_is_read_is_not_written_by_whatever_name(tmp_path: Path, name: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text(GEMM, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "symbolic.csv").symlink_to(table)
    os.link(table, tmp_path / "hard.csv")
    refuse_inputs(tmp_path / "other.csv", table, None)
    with pytest.raises(MoeStudioError, match="used by this command already"):
        refuse_inputs(tmp_path / name, None, table)


def test_two_files_that_are_not_there_yet_differ_by_their_place(tmp_path: Path) -> None:
    refuse_inputs(tmp_path / "one.yaml", tmp_path / "two.yaml")
    with pytest.raises(MoeStudioError, match="used by this command already"):
        refuse_inputs(tmp_path / "one.yaml", tmp_path / "." / "one.yaml")


def test_an_ending_must_be_one_that_the_command_makes() -> None:
    check_ending(Path("report.svg"), (".md", ".svg"))
    with pytest.raises(MoeStudioError, match=r"report\.png must end in \.md or \.svg"):
        check_ending(Path("report.png"), (".md", ".svg"))


@pytest.mark.parametrize(
    "words",
    [
        "calibrate table.csv -o fit.yaml --report table.csv",
        "calibrate table.csv -o table.csv",
        "calibrate table.csv -o fit.md --report fit.md",
        "calibrate table.csv -o fit.yaml --report residuals.png",
        "predict table.csv -o table.csv",
        "predict table.csv --table own.csv -o own.csv",
        "predict table.csv --calibration own.csv -o own.csv",
    ],
)
def test_a_command_does_not_destroy_its_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("table.csv", "own.csv"):
        Path(name).write_text(GEMM, encoding="utf-8")
    assert run(words.split()) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        "table.csv": GEMM,
        "own.csv": GEMM,
    }
