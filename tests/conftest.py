"""What every test run shares: no display, full counts behind ``--long``, Hypothesis kept out of the tree."""

import os
from pathlib import Path

import pytest
from hypothesis import configuration, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from platformdirs import user_cache_path

CACHE = user_cache_path("moe-studio", appauthor=False) / "hypothesis"
HARMLESS_QT_MESSAGES = (
    "This plugin does not support propagateSizeHints",
    "This plugin does not support raise",
    "This plugin does not support grabbing",
    "QStandardPaths: XDG_RUNTIME_DIR not set",
)

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--long`` and ``--golden-write``."""
    parser.addoption("--long", action="store_true", help="run the full counts, too: kills, fuzzing, soak tests")
    parser.addoption("--golden-write", action="store_true", help="take the pictures in tests/golden anew")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how hard Hypothesis searches: few and repeatable examples, or with ``--long`` many and new ones."""
    configuration.set_hypothesis_home_dir(CACHE)
    settings.register_profile("usual", deadline=None, derandomize=True, max_examples=50)
    database = DirectoryBasedExampleDatabase(CACHE / "examples")
    settings.register_profile("long", deadline=None, max_examples=1000, print_blob=True, database=database)
    settings.load_profile("long" if config.getoption("--long") else "usual")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip long tests unless asked for, and let a Qt warning fail the test that causes it."""
    skip = pytest.mark.skip(reason="runs with --long")
    for item in items:
        if "long" in item.keywords and not config.getoption("--long"):
            item.add_marker(skip)
        if config.pluginmanager.hasplugin("pytest-qt") and "gui" in Path(item.nodeid).parts:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            item.add_marker(pytest.mark.qt_log_ignore(*HARMLESS_QT_MESSAGES))
