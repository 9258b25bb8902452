"""Random use of the real window: whatever is done, nothing breaks, and undoing all gives the first project."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from moe_studio.gui.text import ENGLISH, use_language
from moe_studio.gui.theme import LIGHT, apply_theme
from moe_studio.locator import resource
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project
from tests.gui.random_user import little_design, random_user

USUAL_SEEDS, USUAL_ACTIONS = 16, 1_250
LONG_SEEDS, LONG_ACTIONS = 200, 5_000
LARGER = ("seed4-proposed", "seed1", "seed0-baseline", "seed0-proposed-dp")
"""Every fourth seed begins with one of these examples, all others with a little design."""


@pytest.fixture(autouse=True)
def as_before(qapp: QApplication) -> Iterator[None]:
    """Language and colours belong to the process: the next test finds those that it expects."""
    yield
    use_language(ENGLISH)
    apply_theme(qapp, LIGHT)


def first_project(seed: int) -> Project:
    if seed % 4 == 3:
        return load_project(resource("examples", f"{LARGER[seed // 4 % len(LARGER)]}.moe.yaml"))
    return little_design(seed)


def survive(app: QApplication, folder: Path, seed: int, count: int) -> None:
    """Do ``count`` random things."""
    with random_user(app, folder, seed, first_project(seed)) as user:
        for _ in range(count):
            user.act()
        user.end()


@pytest.mark.parametrize("seed", range(USUAL_SEEDS))
def test_20_000_random_actions_break_nothing(qapp: QApplication, tmp_path: Path, seed: int) -> None:
    survive(qapp, tmp_path, seed, USUAL_ACTIONS)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 100 + LONG_SEEDS))
def test_a_million_random_actions_break_nothing(qapp: QApplication, tmp_path: Path, seed: int) -> None:
    survive(qapp, tmp_path, seed, LONG_ACTIONS)
