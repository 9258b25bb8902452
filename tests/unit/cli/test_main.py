"""The command line as a whole: exit statuses, one line for what is wrong, quick where it must be."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moe_studio import __version__
from moe_studio.__main__ import main
from moe_studio.cli import COMMANDS
from moe_studio.cli.main import available_commands
from moe_studio.storage.catalogue import example_path

SEED1 = str(example_path("seed1"))
FITS = """name: Fits
model: {hidden: 64, ffn: {moe: {hidden: 64, experts: 4, top_k: 1}}, blocks: [{repeat: 2}]}
cluster: {nodes: [{name: n, gpus: 4, device: h100-sxm}]}
parallel: {ep: 4}
workload: {batch: 8, tokens: 16}
"""
QUIET = [name for name in available_commands() if name not in ("open", "bench")]


@pytest.fixture
def fits(tmp_path: Path) -> str:
    path = tmp_path / "fits.moe.yaml"
    path.write_text(FITS, "utf-8")
    return str(path)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "moe_studio", *words]


@pytest.mark.parametrize("name", ["evaluate", "validate", "report"])
def test_a_design_that_breaks_no_rule_exits_with_0_and_one_that_does_with_1(
    name: str, fits: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, fits]) == 0
    assert main([name, SEED1]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate"],
        ["evaluate", "--nonsense", SEED1],
        ["evaluate", "no-such-file.moe.yaml"],
        ["evaluate", SEED1, SEED1],
        ["evaluate", "."],
        ["evalute"],
        ["no-such-file.moe.yaml"],
        ["--nonsense"],
        ["-x"],
        ["get-time", "1", "2"],
        ["get-time", "1", "2", "x"],
        ["get-time", "1", "2", "0"],
        ["get-time", "1", "2", "3", "--device", "abacus"],
        ["get-time", "1", "2", "3", "--dtype", "fp7"],
        ["get-time", "1", "2", "3", "--compute", "nan"],
        ["report", SEED1, "-o", "report.doc"],
        ["report", SEED1, "-o", "no/such/folder/report.md"],
        ["export", SEED1, "-o", "graph.xyz"],
        ["export", SEED1, "-o", "graph.svg", "--view", "sideways"],
        ["export", SEED1, "-o", "graph.svg", "--view", "layer", "--layer", "99"],
        ["compare", SEED1],
        ["compare", SEED1, "no-such-file.moe.yaml"],
        ["examples", "no-such-example"],
        ["new", "--preset", "no-such-model", "-o", "new.moe.yaml"],
        ["new", "--cluster", "no-such-cluster", "-o", "new.moe.yaml"],
        ["new", "--phase", "sleep", "-o", "new.moe.yaml"],
        ["import", SEED1, "-o", "new.moe.yaml"],
        ["screenshot", SEED1, "-o", "window.png", "--size", "huge"],
        ["schema", "extra"],
    ],
    ids=" ".join,
)
def test_what_is_wrong_is_one_line_on_standard_error_and_exits_with_2(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("moe-studio: ")
    assert written.err.count("\n") == 1
    assert written.err.endswith("\n")
    assert list(tmp_path.iterdir()) == []


def test_several_faults_of_a_file_are_joined_in_the_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.moe.yaml"
    path.write_text("model: {preset: dbrx}\nparallel: {tp: 0, dpp: 1}\nwork: {}\n", "utf-8")
    assert main(["evaluate", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "parallel.tp" in error
    assert "parallel.dpp" in error
    assert "work" in error


def test_a_file_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "\x1b[31m\nred.yaml"]) == 2
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert error.count("\n") == 1


def test_a_mistyped_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evalute"]) == 2
    assert "did you mean 'evaluate'?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_lists_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in available_commands())


def test_commands_are_those_of_the_design() -> None:
    named = {
        "new",
        "evaluate",
        "validate",
        "export",
        "report",
        "compare",
        "screenshot",
        "get-time",
        "bench",
        "examples",
    }
    assert named | {"import", "check", "schema", "open", "predict", "calibrate", "accuracy", "providers"} == set(
        COMMANDS
    )


@pytest.mark.parametrize("name", QUIET)
def test_the_help_of_a_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"Usage: moe-studio {name}" in text
    assert f"Examples:\n    moe-studio {name}" in text


@pytest.mark.long
def test_the_version_is_there_at_once() -> None:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        done = subprocess.run(command("--version"), capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - begun)
        assert done.stdout == f"MoE Studio {__version__}\n"
    assert min(times) < 0.25


def test_the_version_imports_nothing_heavy() -> None:
    code = "import sys; from moe_studio.__main__ import main; main(['-V']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in ("typer", "numpy", "rich", "yaml", "PySide6", "networkx"):
        assert f"'{name}'" not in done.stdout


def test_commands_do_not_import_qt(fits: str) -> None:
    code = "import sys; from moe_studio.__main__ import main; main(sys.argv[1:]); print('PySide6' in sys.modules)"
    words = [sys.executable, "-c", code, "evaluate", fits]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.endswith("False\n")


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("words", [["evaluate", SEED1, "--json"], ["--help"], ["report", SEED1]])
def test_a_reader_that_goes_away_is_no_error(words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command(*words), stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_output_onto_a_full_disk_is_said_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "moe_studio", "examples"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "moe-studio: the output: No space left on device."


def test_ctrl_c_ends_with_one_line(tmp_path: Path) -> None:
    pipe = tmp_path / "never.moe.yaml"
    code = (
        "import sys, os, signal, time; import moe_studio.api as api; from moe_studio.__main__ import main;"
        # A shell that starts tests beside itself lets them ignore interrupts.
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "api.load_project = lambda path: (os.kill(os.getpid(), signal.SIGINT), time.sleep(10));"
        f"sys.exit(main(['evaluate', {str(pipe)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode in (130, -signal.SIGINT)
    assert done.stderr == "moe-studio: interrupted\n"


def test_output_is_utf8_whatever_the_locale_says(fits: str) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command("evaluate", fits), capture_output=True, env=environment)
    assert done.returncode == 0
    assert "input → l0_ln1_g0" in done.stdout.decode("utf-8")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there always is a display")
def test_without_a_display_no_window_is_waited_for(fits: str) -> None:
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(command(fits), capture_output=True, text=True, env=environment, timeout=20)
    assert done.returncode == 2
    assert "There is no display" in done.stderr


def test_qt_that_cannot_be_loaded_is_said_in_one_line(fits: str, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['PySide6'] = None; from moe_studio.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", code, "screenshot", fits, "-o", str(tmp_path / "window.png")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("moe-studio: This needs Qt")
    assert done.stderr.count("\n") == 1
