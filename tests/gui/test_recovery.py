"""What keeps a document safe in the window: recovery, locks, changes from outside, and defects in slots and paint."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copy

import pytest
from PySide6.QtCore import QEvent, QSettings, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.journal import FOLDER, left_copies
from moe_studio.document.lock import lock_path
from moe_studio.errors import MoeStudioError
from moe_studio.gui.app import Session
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.start.keeper import Places
from moe_studio.locator import resource
from moe_studio.project.edit import move_expert, rename
from moe_studio.storage.loader import load_project

EXAMPLE = resource("examples", "seed0-proposed-dp.moe.yaml")
ROOT = Path(__file__).parents[2]
Open = Callable[[Path | None], MainWindow]

CRASH = """
import os, signal, sys
from pathlib import Path
from PySide6.QtCore import QSize, Qt
from PySide6.QtTest import QTest
from moe_studio.document.document import Document
from moe_studio.gui.app import application
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.start.keeper import Places
from moe_studio.project.edit import rename
application()
path, state = Path(sys.argv[1]), Path(sys.argv[2])
window = MainWindow(Document.load(path), theme="light", places=Places(state=state, templates=state))
window.open_at(QSize(1000, 700))
if window.files.notice.subject == "recovery":
    window.files.notice.buttons[0].click()
else:
    window.document.commit("Rename", rename("Edited"))
QTest.qWait(int(sys.argv[3]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def crash(path: Path, state: Path, wait_ms: int = 300) -> None:
    """Edit, or restore what is offered, in a window that is then killed."""
    words = [sys.executable, "-c", CRASH, str(path), str(state), str(wait_ms)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(words, cwd=ROOT, timeout=60, env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(state=tmp_path / "state", templates=tmp_path / "templates")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(copy(EXAMPLE, tmp_path / "design.moe.yaml"))


@pytest.fixture
def open_window(qapp: QApplication, qtbot: QtBot, places: Places) -> Iterator[Open]:
    windows: list[MainWindow] = []

    def made(path: Path | None) -> MainWindow:
        document = Document.load(path) if path else Document(load_project(EXAMPLE))
        window = MainWindow(document, theme="light", places=places)
        qtbot.addWidget(window, before_close_func=lambda _: window.set_document(Document(load_project(EXAMPLE))))
        window.open_at(QSize(1000, 700))
        qtbot.waitUntil(window.isVisible)
        windows.append(window)
        return window

    yield made
    for window in windows:
        window.files.end()


def answer(window: MainWindow, word: str) -> None:
    """Press the button of the notice that says ``word``."""
    [button] = [button for button in window.files.notice.buttons if button.text() == word]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def copies(places: Places) -> list[Path]:
    return sorted((places.state / FOLDER).glob("*.json"))


# Recovery


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_window_offers_its_edits_until_they_are_saved(open_window: Open, places: Places, path: Path) -> None:
    before = path.read_bytes()
    crash(path, places.state)
    crash(path, places.state)  # the second one has restored them and is killed, too
    window = open_window(path)
    assert QApplication.activeModalWidget() is None
    assert window.files.notice.subject == "recovery"
    assert path.read_bytes() == before
    answer(window, "Restore")
    assert window.document.title == "Edited"
    assert window.document.is_modified
    window.document.undo()
    assert window.document.title != "Edited"
    window.document.redo()
    window.files.save()
    assert load_project(path).name == "Edited"
    assert copies(places) == []
    assert left_copies(places.state) == ()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_discarded_recovery_can_be_brought_back(open_window: Open, places: Places, path: Path) -> None:
    crash(path, places.state)
    window = open_window(path)
    answer(window, "Discard")
    assert left_copies(places.state) == ()
    QTest.mouseClick(window.toast.button, Qt.MouseButton.LeftButton)
    assert len(left_copies(places.state)) == 1
    assert window.files.notice.subject == "recovery"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_the_start_page_lists_what_a_crash_has_left(open_window: Open, places: Places, path: Path) -> None:
    crash(path, places.state)
    window = open_window(None)
    window.files.show_start()
    assert len(window.files.page.copies) == 1
    window.files.page.recover_wanted.emit(left_copies(places.state)[0])
    assert window.document.title == "Edited"
    assert window.document.path == path


def test_an_edit_is_journalled_at_once_and_forgotten_when_undone(open_window: Open, places: Places, path: Path) -> None:
    window = open_window(path)
    assert copies(places) == []
    window.document.commit("Rename", rename("Edited"))
    window.files.keeper.flush()
    [file] = copies(places)
    assert json.loads(file.read_text())["title"] == "Edited"
    window.document.preview(rename("Dragging"))
    window.document.cancel()
    assert copies(places) == [file]
    window.document.undo()
    assert copies(places) == []


def test_leaving_without_saving_leaves_no_copy_and_no_lock(open_window: Open, places: Places, path: Path) -> None:
    window = open_window(path)
    assert lock_path(path).exists()
    window.document.commit("Rename", rename("Edited"))
    window.leave()
    assert copies(places) == []
    assert not lock_path(path).exists()


def test_another_language_keeps_the_document_its_history_and_its_copy(
    qapp: QApplication, places: Places, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moe_studio.gui.looks.has_letters", lambda _: True)
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    session = Session(qapp, settings, places)
    session.open_window(Document.load(path))
    first = session.window
    assert first is not None
    first.document.commit("Rename", rename("Edited"))
    first.looks.choose_language("zh_CN")
    second = session.window
    assert second is not None and second is not first
    assert second.document is first.document
    assert second.files.notice.subject == ""
    second.files.keeper.flush()
    assert len(copies(places)) == 1
    second.looks.choose_language("en")
    third = session.window
    assert third is not None
    third.document.undo()
    assert third.close()
    assert settings.value("language") == "en"


def test_a_full_disk_for_copies_is_said_once(open_window: Open, places: Places, path: Path) -> None:
    places.state.mkdir()
    (places.state / FOLDER).write_text("in the way")
    window = open_window(path)
    window.document.commit("Rename", rename("Edited"))
    window.files.keeper.flush()
    window.files.keeper.look()
    assert "recovery copy" in window.toast.label.text()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_an_offer_at_the_start_leaves_all_panels_in_the_window(
    open_window: Open, places: Places, path: Path, qtbot: QtBot
) -> None:
    crash(path, places.state)
    window = open_window(path)
    assert window.files.notice.isVisible()
    tabs = window.workspace.tabs
    qtbot.waitUntil(lambda: 0 < tabs.mapTo(window, tabs.rect().bottomRight()).y() < window.height())


# Other programs and windows


def test_a_change_from_outside_is_offered_and_reloading_can_be_undone(
    open_window: Open, path: Path, qtbot: QtBot
) -> None:
    window = open_window(path)
    window.document.commit("Rename", rename("Mine"))
    path.write_text(path.read_text().replace("batch: 1024", "batch: 512"))
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    assert window.files.notice.isVisible()
    assert window.files.notice.subject == "disk"
    answer(window, "Reload")
    assert window.document.project.workload.batch == 512
    assert not window.document.is_modified
    window.document.undo()
    assert window.document.title == "Mine"
    assert window.document.is_modified
    window.files.save()
    assert load_project(path).name == "Mine"


def test_keeping_ones_own_lets_the_next_save_replace_the_file(open_window: Open, path: Path) -> None:
    window = open_window(path)
    window.document.commit("Rename", rename("Mine"))
    path.write_text(path.read_text() + "# theirs\n")
    window.files.save()  # refused, and the notice comes
    assert "changed by another program" in window.toast.label.text()
    assert load_project(path).name != "Mine"
    answer(window, "Keep mine")
    window.files.save()
    assert load_project(path).name == "Mine"


def test_a_file_that_was_removed_can_be_saved_again(open_window: Open, path: Path) -> None:
    window = open_window(path)
    path.unlink()
    window.files.keeper.look()
    answer(window, "Save it again")
    assert load_project(path) == window.document.project


def test_our_own_save_is_no_change_from_outside(open_window: Open, path: Path) -> None:
    window = open_window(path)
    for name in "AB":
        window.document.commit("Rename", rename(name))
        window.files.save()
        window.files.keeper.look()
        assert not window.files.notice.isVisible()


def test_a_broken_file_is_not_reloaded(open_window: Open, path: Path) -> None:
    window = open_window(path)
    before = window.document.project
    path.write_text("format: [")
    window.files.keeper.look()
    answer(window, "Reload")
    assert window.document.project is before
    assert window.toast.isVisible()


def test_the_second_window_is_warned_and_cannot_overwrite(
    open_window: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = open_window(path), open_window(path)
    assert not first.files.notice.isVisible()
    assert second.files.notice.subject == "lock"
    second.document.commit("Rename", rename("Second"))
    second.files.save()
    assert "open in another window" in second.toast.label.text()
    assert load_project(path).name != "Second"
    other = path.with_name("other.moe.yaml")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(other), ""))
    answer(second, "Save as…")
    assert load_project(other).name == "Second"
    assert not second.document.is_modified


def test_taking_over_turns_the_tables(open_window: Open, path: Path) -> None:
    first, second = open_window(path), open_window(path)
    answer(second, "Take over")
    second.document.commit("Rename", rename("Second"))
    second.files.save()
    first.document.commit("Rename", rename("First"))
    first.files.save()
    assert load_project(path).name == "Second"


# Defects


class Broken(QWidget):
    """A widget whose painting and slot fail."""

    painted = 0

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        self.painted += 1
        raise ZeroDivisionError("in a paint event")


PLACES_TO_FAIL = ("slot", "paint", "listener", "error", "view")


@pytest.mark.parametrize("where", PLACES_TO_FAIL)
def test_the_window_stays_usable_wherever_an_exception_escapes(
    open_window: Open,
    path: Path,
    where: str,
    qtbot: QtBot,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = open_window(path)
    qtbot.waitUntil(lambda: not window.bridge.is_pending and not window.workspace.is_busy)
    broken = Broken(window)
    broken.resize(50, 50)

    def fail(*_: object) -> None:
        raise MoeStudioError("The sentence.") if where == "error" else ZeroDivisionError("division by zero")

    with qtbot.captureExceptions():
        window.hook.install()
        for _ in range(3):
            if where == "paint":
                broken.show()
                broken.raise_()
                painted = broken.painted
                broken.update()
                qtbot.waitUntil(lambda painted=painted: broken.painted > painted)
            elif where == "view":
                with monkeypatch.context() as patch:
                    patch.setattr(window.workspace.breakdown, "show_evaluation", fail)
                    window.document.commit("Move", move_expert(5, 5, 13, layers=range(4)))
                    qtbot.waitUntil(lambda: not window.bridge.is_pending)
                    window.document.undo()
                    qtbot.waitUntil(lambda: not window.bridge.is_pending)
            elif where == "listener":
                window.bridge.evaluated.connect(fail)
                window.bridge.refresh()
                window.bridge.evaluated.disconnect(fail)
            else:
                window.actions_by_name["fit"].triggered.connect(fail)
                window.actions_by_name["fit"].trigger()
                window.actions_by_name["fit"].triggered.disconnect(fail)
        window.hook.remove()
    broken.hide()
    defects = [record for record in caplog.records if record.name == "moe_studio.gui.messages"]
    assert len(defects) == (0 if where == "error" else 1)
    qtbot.waitUntil(window.toast.isVisible)
    assert ("The sentence." in window.toast.label.text()) == (where == "error")
    window.document.commit("Move", move_expert(5, 5, 13, layers=range(4)))
    qtbot.waitUntil(lambda: window.strip.cards["Latency"].value.text() == "48.61 s")
    window.document.undo()
