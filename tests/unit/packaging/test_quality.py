"""The checks of how the code is written, run as part of the tests."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def check(*command: str) -> None:
    """Run a tool of this environment on the checkout; its complaints become the test's."""
    result = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"


def test_ruff_finds_nothing_to_mend() -> None:
    check("-m", "ruff", "check", ".")


def test_every_file_is_formatted() -> None:
    check("-m", "ruff", "format", "--check", ".")


def test_types_are_complete_and_agree() -> None:
    check("-m", "mypy")


def test_imports_point_down() -> None:
    check("-c", "from importlinter.cli import lint_imports_command as run; run()")
