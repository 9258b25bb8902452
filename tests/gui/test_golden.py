"""The main states of the window as pictures that a person has looked at: `pytest tests/gui/test_golden.py`.

After a change of the looks that is meant, `pytest tests/gui/test_golden.py --golden-write` takes the pictures in
tests/golden anew; look at each of them before it is committed.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageWriter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from moe_studio.document.document import Document
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.theme import LIGHT, apply_theme
from moe_studio.locator import resource
from moe_studio.project.edit import move_expert
from moe_studio.storage.loader import load_project
from tests.gui.conftest import Driver
from tests.gui.screen import ROOT, Picture, picture_of

GOLDEN = Path(__file__).parents[1] / "golden"
SIZE = QSize(1280, 800)
BLOCK = 8
"""Pixels are compared as means over squares of this side, which letters drawn a little differently leave alone."""

MOST_DIFFERENCE, MOST_BLOCKS = 20.0, 0.004
"""From which difference of 255 on a square is another, and the share of squares that may be another."""

PATIENCE = 4
"""So many pictures in a row must be equal: some sentences are found only when nothing has changed for a while."""

MOST_MEAN = 2.5
"""Greatest mean difference of all pixels: a shade that is a little off everywhere is noticed, too."""


def example(name: str) -> Document:
    return Document(load_project(resource("examples", f"{name}.moe.yaml")))


def start_page(driver: Driver) -> None:
    driver.window.files.show_start()


def dark(driver: Driver) -> None:
    driver.window.actions_by_name["dark"].trigger()


def dragging(driver: Driver) -> None:
    driver.drag(5, 13)


def comparing(driver: Driver) -> None:
    window = driver.window
    window.compare.pin_state()
    window.document.commit("Move", move_expert(5, 5, 13, layers=range(4)))
    window.workspace.show_tab("compare")
    driver.qtbot.waitUntil(lambda: not window.compare.job.is_running, timeout=60_000)


def tab(name: str) -> Callable[[Driver], None]:
    return lambda driver: driver.window.workspace.show_tab(name)


STATES: dict[str, tuple[str, Callable[[Driver], None]]] = {
    "start": ("seed0-proposed", start_page),
    "light": ("seed0-proposed", lambda _: None),
    "dark": ("seed0-proposed", dark),
    "dragging": ("seed0-proposed", dragging),
    "compare": ("seed0-proposed", comparing),
    "timeline": ("seed0-proposed", tab("timeline")),
    "problems": ("seed0-proposed", tab("problems")),
    "settings": ("seed0-proposed", tab("settings")),
    "large": ("seed3", lambda _: None),
}


def blocks(picture: Picture) -> np.ndarray:
    """Means over squares, shape ``(rows, columns, 3)``; what is left at the right and below is not looked at."""
    rows, columns = picture.shape[0] // BLOCK, picture.shape[1] // BLOCK
    cut = picture[: rows * BLOCK, : columns * BLOCK].astype(float)
    return cut.reshape(rows, BLOCK, columns, BLOCK, 3).mean(axis=(1, 3))


def difference(actual: Picture, wanted: Picture) -> str:
    """What is wrong with ``actual``; empty when nobody would see a difference."""
    if actual.shape != wanted.shape:
        return f"it is {actual.shape[1]} × {actual.shape[0]}, not {wanted.shape[1]} × {wanted.shape[0]}"
    apart = np.abs(blocks(actual) - blocks(wanted)).max(axis=2)
    share, mean = float(np.mean(apart > MOST_DIFFERENCE)), float(apart.mean())
    if share <= MOST_BLOCKS and mean <= MOST_MEAN:
        return ""
    return f"{share:.2%} of its squares are others (at most {MOST_BLOCKS:.2%}), mean {mean:.2f} (at most {MOST_MEAN})"


def compare(actual: Picture, name: str, folder: Path, is_written: bool) -> None:
    """Hold ``actual`` against the picture ``name``, or make it that picture."""
    path = GOLDEN / f"{name}.png"
    if is_written:
        GOLDEN.mkdir(exist_ok=True)
        save(actual, path)
        return
    assert path.is_file(), f"there is no {path.name} yet: run pytest -k golden --golden-write and look at it"
    wanted = picture_of(QImage(str(path)))
    if wrong := difference(actual, wanted):
        save(actual, folder / "actual.png")
        if actual.shape == wanted.shape:
            apart = np.abs(actual.astype(int) - wanted).max(axis=2, keepdims=True)
            save(np.repeat(255 - np.minimum(255, apart * 3), 3, axis=2).astype(np.uint8), folder / "difference.png")
        pytest.fail(f"{name} looks different: {wrong}. See actual.png and difference.png in {folder}")


def save(picture: Picture, path: Path) -> None:
    """Write a picture as PNG, as small as Qt makes it."""
    rows = np.ascontiguousarray(picture)
    image = QImage(rows.data, rows.shape[1], rows.shape[0], rows.shape[1] * 3, QImage.Format.Format_RGB888)
    writer = QImageWriter(str(path))
    writer.setCompression(100)
    assert writer.write(image), writer.errorString()


def still_picture(window: MainWindow) -> Picture:
    """What the window looks like when nothing moves any more."""
    shown, still = None, 0
    for _ in range(300):
        QTest.qWait(60)
        before, shown = shown, picture_of(window.grab().toImage())
        is_busy = window.workspace.is_busy or window.workspace.breakdown.why.is_pending
        is_still = before is not None and not is_busy and np.array_equal(before, shown)
        still = still + 1 if is_still else 0
        if still == PATIENCE:
            return shown
    raise AssertionError("the window does not stand still")


@pytest.fixture
def is_written(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--golden-write"))


@pytest.mark.parametrize("name", STATES)
def test_the_window_looks_as_it_did(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, name: str, is_written: bool
) -> None:
    opened, prepare = STATES[name]
    window = MainWindow(example(opened), theme="light")
    qtbot.addWidget(window, before_close_func=lambda _: window.set_document(example("seed0-proposed")))
    window.open_at(SIZE)
    driver = Driver(window, qtbot)
    driver.settle()
    still_picture(window)
    prepare(driver)
    try:
        compare(still_picture(window), name, tmp_path, is_written)
    finally:
        QTest.keyClick(driver.cluster, Qt.Key.Key_Escape)
        apply_theme(qapp, LIGHT)


def test_at_200_percent_everything_is_as_at_100_but_sharper(tmp_path: Path, is_written: bool) -> None:
    file = tmp_path / "doubled.png"
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": "2"}
    words = [sys.executable, "-m", "moe_studio", "screenshot", str(resource("examples", "seed0-proposed.moe.yaml"))]
    size = f"{SIZE.width()}x{SIZE.height()}"
    subprocess.run([*words, "-o", str(file), "--size", size], cwd=ROOT, env=environment, check=True, timeout=120)
    image = QImage(str(file))
    assert image.size() == SIZE * 2
    smooth = Qt.TransformationMode.SmoothTransformation
    compare(picture_of(image.scaled(SIZE, mode=smooth)), "doubled", tmp_path, is_written)


def test_the_comparison_forgives_edges_and_notices_what_a_person_would() -> None:
    rng = np.random.default_rng(1)
    wanted = np.full((800, 1280, 3), 250, np.uint8)
    wanted[100:400, 100:500] = (30, 110, 220)
    edges = wanted.copy()
    edges[::16] = np.clip(edges[::16].astype(int) - rng.integers(0, 60, edges[::16].shape), 0, 255)
    assert difference(edges, wanted) == "", "letters that are drawn a little differently"
    for changed in (np.roll(wanted, 12, axis=1), np.where(wanted == 250, 245, wanted).astype(np.uint8)):
        assert difference(changed, wanted), "a card that has moved, another shade of the ground"
    missing = wanted.copy()
    missing[100:140, 100:300] = 250
    assert difference(missing, wanted), "a missing button"
