"""Everything but the window works where Qt is not installed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

BLOCK_QT = """
import sys
from importlib.abc import MetaPathFinder

class NoQt(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("PySide6", "shiboken6", "pyqtgraph"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoQt())
"""

IMPORT_ALL = """
import importlib, pkgutil
import moe_studio
names = [item.name for item in pkgutil.walk_packages(moe_studio.__path__, "moe_studio.", onerror=print)]
for name in names:
    if not name.startswith("moe_studio.gui"):
        importlib.import_module(name)
        print(name)
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a Python of its own that cannot import Qt."""
    command = [sys.executable, "-c", BLOCK_QT + code, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "COLUMNS": "120"}, capture_output=True, encoding="utf-8"
    )


def test_the_block_works() -> None:
    assert "No module named 'PySide6'" in python("import PySide6").stderr


def test_every_module_but_the_windows_is_imported_without_qt() -> None:
    result = python(IMPORT_ALL)
    assert result.returncode == 0, result.stderr
    for package in ("project", "graph", "engine", "storage", "export", "document", "cli"):
        assert f"moe_studio.{package}" in result.stdout.split()


def test_the_tests_of_the_engine_run_without_qt() -> None:
    folders = [f"tests/unit/{name}" for name in ("project", "graph", "engine") if (ROOT / "tests/unit" / name).is_dir()]
    assert folders
    # Random designs say nothing more about Qt.
    random = [f"--ignore=tests/unit/engine/test_{name}.py" for name in ("against_reference", "law")]
    options = ["-p", "no:pytest-qt", "-p", "no:xdist", "-q", *folders, *random]
    result = python("import pytest; raise SystemExit(pytest.main(sys.argv[1:]))", *options)
    assert result.returncode == 0, result.stdout + result.stderr
