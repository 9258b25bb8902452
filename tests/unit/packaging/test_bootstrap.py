"""The set-up command: what it asks for, what it says, and when it leaves things alone."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "packaging" / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module that works in a folder of its own."""
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "OUT", tmp_path / "out")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return module


def test_it_needs_only_the_standard_library() -> None:
    names = re.findall(r"^(?:import|from) (\w+)", SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert set(names) <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("arguments", [[], ["start"], ["run", "a", "b"]])
def test_wrong_words_are_answered_with_the_right_ones(arguments: list[str]) -> None:
    result = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, encoding="utf-8")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("bootstrap: Usage: bootstrap.py run [PROJECT]")
    assert result.stderr.count("\n") == 1


def test_a_project_that_is_not_there_is_named_before_anything_is_installed(tmp_path: Path) -> None:
    missing = tmp_path / "missing.moe.yaml"
    result = subprocess.run([sys.executable, str(SCRIPT), "run", str(missing)], capture_output=True, encoding="utf-8")
    assert (result.returncode, result.stderr) == (2, f"bootstrap: There is no project file {missing}.\n")


def test_an_old_python_is_refused_with_both_versions(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 1))
    assert bootstrap.main(["run"]) == 2
    error = capsys.readouterr().err
    assert "needs Python 99.1 or newer" in error
    assert ".".join(map(str, sys.version_info[:3])) in error


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems bring these libraries")
def test_a_missing_library_is_named_in_one_line_to_paste(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "can_apt", lambda: False)
    assert bootstrap.missing_libraries({"libc.so.6": "libc6"}) == []
    with pytest.raises(bootstrap.SetupError, match=r"sudo apt-get install -y libnone1 libnone2$"):
        bootstrap.require_libraries({"libnone.so.1": "libnone1", "libc.so.6": "libc6", "libnone.so.2": "libnone2"})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}, False),
    ],
)
def test_a_display_is_told_from_none(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: bool
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert bootstrap.has_display() is expected


def test_pip_is_called_once_and_again_only_when_the_lock_changes(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_lock, test_lock = tmp_path / "run.txt", tmp_path / "test.txt"
    run_lock.write_text("a==1\n")
    test_lock.write_text("a==1\nb==1\n")
    (tmp_path / ".venv").mkdir()
    calls: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "TEST_LOCK", test_lock)
    monkeypatch.setattr(bootstrap, "is_usable", lambda: True)
    monkeypatch.setattr(bootstrap, "pip", lambda arguments, count: calls.append(arguments))

    def installs(lock: Path) -> bool:
        calls.clear()
        bootstrap.install(lock)
        return bool(calls)

    assert installs(run_lock)
    assert "--require-hashes" in calls[0]
    assert not installs(run_lock)
    assert installs(test_lock)
    assert not installs(run_lock), "the test lock holds all of it"
    run_lock.write_text("a==2\n")
    test_lock.write_text("a==2\nb==1\n")
    assert installs(run_lock)
    assert installs(test_lock)


def test_an_interrupted_installation_is_begun_anew(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = tmp_path / "run.txt"
    lock.write_text("a==1\n")
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(bootstrap, "TEST_LOCK", lock)
    monkeypatch.setattr(bootstrap, "is_usable", lambda: True)

    def interrupted(arguments: list[str], count: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "pip", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            bootstrap.install(lock)


def test_a_hash_that_differs_stops_the_installation_and_keeps_what_pip_said(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel = tmp_path / "none_such-1-py3-none-any.whl"
    wheel.write_bytes(b"not what was locked")
    (tmp_path / ".venv").mkdir()
    lock = tmp_path / "lock.txt"
    lock.write_text(f"none_such @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(bootstrap, "venv_python", lambda: Path(sys.executable))
    with pytest.raises(bootstrap.SetupError, match="HASHES"):
        bootstrap.pip(["--dry-run", "--require-hashes", "--requirement", str(lock)], 1)
    assert "HASHES" in (tmp_path / ".venv" / "moe-studio-pip.log").read_text("utf-8")


def test_without_a_display_every_picture_is_written_even_of_a_design_that_breaks_a_rule(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys; open(sys.argv[sys.argv.index('-o') + 1], 'w').write('x'); sys.exit(1)")
    run = subprocess.run

    def through_program(call: list[str], **options: object) -> object:
        assert call[1:3] == ["-m", "moe_studio"]
        return run([sys.executable, str(program), *call[3:]], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(bootstrap.subprocess, "run", through_program)
    assert bootstrap.write_pictures(tmp_path / "design.moe.yaml") == 0
    text = capsys.readouterr().out
    assert "no display" in text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(bootstrap.PICTURES)
    assert all(f"out/{name}" in text for name in bootstrap.PICTURES)
