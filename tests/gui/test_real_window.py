"""The real program on a real X server: mouse and keys go in, files and the screen come out."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSettings, QSize
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from moe_studio.document.document import Document
from moe_studio.document.placing import hosted_experts
from moe_studio.gui.canvas.palette import DevicePalette
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.start.keeper import Places
from moe_studio.locator import resource
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project
from tests.gui.screen import SIZE, Picture, RealWindow, Screen, needs_screen, picture_of, real_window, wait_for

pytestmark = needs_screen

EXAMPLE = resource("examples", "seed0-proposed-dp.moe.yaml")


class Twin:
    """The same window in this process, which tells where on the screen things are. It is never clicked."""

    def __init__(self, path: Path, places: Places | None = None) -> None:
        self.window = MainWindow(Document.load(path), theme="light", places=places)
        self.window.open_at(QSize(*SIZE))
        self.cluster = self.window.workspace.cluster
        self.picture = self._grabbed()
        wait_for(self._stands_still, "the twin stands still")

    def _grabbed(self) -> Picture:
        QTest.qWait(100)
        return picture_of(self.window.grab().toImage())

    def _stands_still(self) -> bool:
        before, self.picture = self.picture, self._grabbed()
        return not self.window.workspace.is_busy and np.array_equal(before, self.picture)

    def close(self) -> None:
        self.window.leave()
        self.window.hide()
        self.window.deleteLater()

    def place(self, widget: QWidget, point: QPoint | None = None) -> QPoint:
        """A point of a widget, or its middle, on the screen."""
        return widget.mapTo(self.window, widget.rect().center() if point is None else point)

    def chip(self, expert: int, gpu: int) -> QPoint:
        rect = self.cluster.gpus[gpu].expert_rect(expert)
        assert rect is not None
        return self.place(self.cluster.viewport(), self.cluster.mapFromScene(rect.center()))

    def gpu(self, gpu: int) -> QPoint:
        """A place in the tile where no chip is."""
        box = self.cluster.gpu_rect(gpu)
        return self.place(self.cluster.viewport(), self.cluster.mapFromScene(box.right() - 12, box.top() + 14))


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    made = Screen(tmp_path_factory.mktemp("screen"))
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user's folder in which the tour was offered already: a toast would hide a part of the window."""
    settings = QSettings(str(tmp_path / ".config" / "moe-studio" / "window.ini"), QSettings.Format.IniFormat)
    settings.setValue("tour_offered", "1")
    settings.setValue("theme", "light")
    settings.sync()
    return tmp_path


@pytest.fixture
def path(home: Path) -> Path:
    return Path(copy(EXAMPLE, home / "design.moe.yaml"))


@pytest.fixture(scope="module")
def twin(qapp: QApplication) -> Iterator[Twin]:
    made = Twin(EXAMPLE)
    yield made
    made.close()


@pytest.fixture
def real(screen: Screen, home: Path, path: Path, twin: Twin) -> Iterator[RealWindow]:
    """The program on the design, as soon as its picture is the twin's."""
    with real_window(screen, home, path) as window:
        window.wait_picture(twin.picture)
        yield window


def saved(real: RealWindow, path: Path) -> Project:
    """What the file holds after Ctrl+S."""
    real.wait_modified(True)
    real.key("ctrl+s")
    real.wait_modified(False)
    return load_project(path)


def held(project: Project, gpu: int) -> list[int]:
    return [*hosted_experts(project, None)[gpu]]


def test_an_expert_dragged_to_a_gpu_is_there_in_the_saved_file(real: RealWindow, twin: Twin, path: Path) -> None:
    assert held(load_project(path), 13) == [13]
    real.drag(twin.chip(5, 5), twin.gpu(13))
    project = saved(real, path)
    assert held(project, 13) == [5, 13]
    assert 5 not in held(project, 5)


def test_an_expert_dropped_on_another_changes_places_with_it(real: RealWindow, twin: Twin, path: Path) -> None:
    real.drag(twin.chip(5, 5), twin.chip(12, 12))
    project = saved(real, path)
    assert (held(project, 5), held(project, 12)) == ([12], [5])


def test_with_control_the_expert_is_on_both_gpus(real: RealWindow, twin: Twin, path: Path) -> None:
    real.drag(twin.chip(5, 5), twin.gpu(13), key="ctrl")
    project = saved(real, path)
    assert (held(project, 5), held(project, 13)) == ([5], [5, 13])


def test_undoing_all_and_saving_gives_the_first_file_byte_by_byte(real: RealWindow, twin: Twin, path: Path) -> None:
    before = path.read_bytes()
    real.drag(twin.chip(5, 5), twin.gpu(13))
    real.wait_modified(True)
    real.drag(twin.chip(0, 0), twin.gpu(9))
    real.key("ctrl+s")
    wait_for(lambda: len(load_project(path).placement.moves) == 2, "both moves are saved")
    real.key("ctrl+z", "ctrl+z")
    saved(real, path)
    assert path.read_bytes() == before


def test_escape_gives_the_drag_up(real: RealWindow, twin: Twin, path: Path) -> None:
    do = real.screen.do
    do("mousemove", *twin.chip(5, 5).toTuple(), "mousedown", 1)
    do("mousemove", *twin.gpu(12).toTuple(), "mousemove", *twin.gpu(13).toTuple())
    real.key("Escape")
    do("mouseup", 1)
    real.drag(twin.chip(0, 0), twin.gpu(9))
    project = saved(real, path)
    assert (held(project, 13), held(project, 9)) == ([13], [0, 9])


def test_a_device_dragged_from_the_palette_becomes_a_node_of_the_file(real: RealWindow, twin: Twin, path: Path) -> None:
    palette = twin.window.findChild(DevicePalette)
    [button] = [button for button in palette.buttons if button.gpus == 8]
    canvas = twin.cluster.viewport()
    real.drag(twin.place(button), twin.place(canvas, QPoint(canvas.width() // 2, 24)))
    project = saved(real, path)
    assert [node.gpus for node in project.cluster.nodes] == [8, 8, 8]


def test_what_is_exported_in_the_dialog_is_the_file_that_it_names(real: RealWindow, home: Path) -> None:
    real.key("ctrl+e")
    wait_for(lambda: real.screen.do("search", "--onlyvisible", "--name", "^Export$").strip(), "the dialog is there")
    real.key("Return")
    file = wait_for(lambda: next(home.glob("*.svg"), None), "a file is there")
    text = wait_for(lambda: file.read_text() if "</svg>" in file.read_text() else "", "the file is whole")
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "Overview: 16 GPUs, 4 layers" in text


@pytest.mark.parametrize("answer", ["Restore", "Discard"])
def test_after_a_kill_the_edits_are_offered_and_come_back_when_wanted(
    screen: Screen, home: Path, path: Path, twin: Twin, answer: str
) -> None:
    before, state = path.read_bytes(), home / ".local" / "state" / "moe-studio"
    with real_window(screen, home, path) as window:
        window.wait_picture(twin.picture)
        window.drag(twin.chip(5, 5), twin.gpu(13))
        wait_for(lambda: list((state / "recovery").glob("*.json")), "the edit is in the journal")
        window.kill()
    assert path.read_bytes() == before
    # The second twin is shown a copy of what the crash left, for what is restored is not offered again.
    shutil.copytree(state, home / "twin")
    second = Twin(path, Places(state=home / "twin", templates=home / "templates"))
    buttons = {button.text(): second.place(button) for button in second.window.files.notice.buttons}
    height = buttons[answer].y() + 10
    second.close()
    with real_window(screen, home, path) as window:
        window.wait_picture(second.picture, height=height)
        window.click(buttons[answer])
        if answer == "Restore":
            assert held(saved(window, path), 13) == [5, 13]
        wait_for(lambda: not list((state / "recovery").glob("*.json")), "nothing is offered any more")
    assert (path.read_bytes() == before) == (answer == "Discard")
