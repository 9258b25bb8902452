"""Exporting and copying from the window: the same files as the command line writes, with a preview of each."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest
from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QWidget

from moe_studio.__main__ import main
from moe_studio.api import PICTURES, Design
from moe_studio.document.document import Document
from moe_studio.export.export import FORMATS
from moe_studio.gui.export.dialog import ExportDialog, size_text
from moe_studio.gui.export.order import SUBJECTS, Order, command_line, with_suffix
from moe_studio.gui.export.work import COUNTING_S, HEAD, Preview, preview
from moe_studio.project.edit import move_expert
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project, parse_project
from moe_studio.view.view import VIEW_NAMES
from tests.gui.conftest import Driver

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def dialog(driver: Driver, tmp_path: Path) -> Iterator[ExportDialog]:
    """The dialog of a window whose design lies in a file."""
    driver.document.save_as(tmp_path / "my design.moe.yaml")
    driver.qtbot.waitUntil(driver.window.isActiveWindow)
    QTest.keyClick(driver.window, Qt.Key.Key_E, CONTROL)
    made = driver.window.exports.dialog
    assert made is not None
    yield made
    driver.window.exports.end()


def wait_preview(driver: Driver, dialog: ExportDialog) -> None:
    driver.qtbot.waitUntil(lambda: not dialog._settle.isActive() and not dialog.previewer.is_running, timeout=20_000)


def export(driver: Driver, dialog: ExportDialog, name: str, suffix: str) -> Path:
    """Choose, export, and wait until the file is there."""
    dialog.choose(name, suffix)
    path = Path(dialog.path.text())
    with driver.qtbot.waitSignal(dialog.written, timeout=30_000):
        QTest.mouseClick(dialog.export_button, Qt.MouseButton.LeftButton)
    return path


def test_everything_that_the_command_line_exports_is_offered() -> None:
    suffixes = {item.suffix for subject in SUBJECTS for item in subject.formats}
    assert suffixes >= {suffix for suffix in FORMATS if suffix != ".gv"} | set(PICTURES) | {".yaml", ".md", ".html"}
    assert {subject.view for subject in SUBJECTS if subject.view} == set(VIEW_NAMES)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("overview", ".svg"),
        ("layer", ".dot"),
        ("critical", ".graphml"),
        ("trace", ".trace.json"),
        ("summary", ".json"),
        ("report", ".md"),
        ("report", ".pdf"),
        ("project", ".yaml"),
        ("attention", ".png"),
        ("routing", ".pdf"),
    ],
)
def test_the_file_is_the_one_that_the_command_shown_writes(
    driver: Driver, dialog: ExportDialog, name: str, suffix: str
) -> None:
    dialog.choose(name, suffix)
    words = shlex.split(dialog.command.text())
    assert words[0] == "moe-studio"
    path = export(driver, dialog, name, suffix)
    written = path.read_bytes()
    path.unlink()
    if suffix in PICTURES:  # a process of its own draws them as the command does, without this one's fonts and screen
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        done = subprocess.run([sys.executable, "-m", "moe_studio", *words[1:]], env=environment)
        assert done.returncode in (0, 1)
    else:
        assert main(words[1:]) in (0, 1)
    assert path.read_bytes() == written
    assert path.name.endswith(suffix)


@pytest.mark.parametrize(("name", "suffix"), [("comparison", ".md"), ("compared-report", ".html")])
def test_documents_that_compare_with_the_pinned_reference_are_offered(
    driver: Driver, tmp_path: Path, name: str, suffix: str
) -> None:
    driver.document.save_as(tmp_path / "design.moe.yaml")
    driver.window.compare.pin_file(copy(example_path("seed0-baseline"), tmp_path / "base.moe.yaml"))
    driver.window.exports.show()
    made = driver.window.exports.dialog
    assert made is not None
    path = export(driver, made, name, suffix)
    written = path.read_bytes()
    assert b"2.36 times faster" in written
    path.unlink()
    assert main(shlex.split(made.command.text())[1:]) in (0, 1)
    assert path.read_bytes() == written
    driver.window.compare.end()


def test_the_preview_is_the_beginning_of_the_file_and_its_size_is_right(driver: Driver, dialog: ExportDialog) -> None:
    dialog.choose("table", ".csv")
    wait_preview(driver, dialog)
    shown, size = dialog.text.toPlainText(), dialog.size_text.text()
    path = export(driver, dialog, "table", ".csv")
    text = path.read_text()
    assert shown == text[:HEAD]
    assert size == size_text(Preview(byte=path.stat().st_size))


def test_a_drawing_is_previewed_as_a_picture(driver: Driver, dialog: ExportDialog) -> None:
    dialog.choose("attention", ".svg")
    wait_preview(driver, dialog)
    assert dialog.pages.currentWidget() is dialog.picture
    assert dialog.picture.image.width() > 300
    assert not dialog.grab().isNull()


def test_layer_and_gpu_are_asked_for_where_they_matter(driver: Driver, dialog: ExportDialog) -> None:
    dialog.choose("overview", ".dot")
    assert not dialog.layer.isVisible() and not dialog.gpu.isVisible()
    dialog.choose("attention", ".dot")
    dialog.layer.setValue(2)
    dialog.gpu.setValue(7)
    assert dialog.command.text().endswith("--view attention --layer 2 --gpu 7")
    assert dialog.path.text().endswith("attention-layer2-gpu7.dot")
    wait_preview(driver, dialog)
    assert "l2_q_g7" in dialog.text.toPlainText()


def test_what_cannot_be_exported_is_explained(driver: Driver, qtbot: object, tmp_path: Path) -> None:
    made = ExportDialog(Document(load_project(example_path("seed0-baseline"))), tmp_path, "design", driver.window)
    made.show()
    made.choose("attention", ".dot")
    made.layer.setValue(0)
    made.gpu.setValue(12)
    wait_preview(driver, made)
    assert "GPU 12 does not hold layer 0" in made.message.text()
    made.reject()


def test_the_toast_opens_the_folder_without_a_shell(
    driver: Driver, dialog: ExportDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    path = export(driver, dialog, "summary", ".json")
    toast = driver.window.toast
    assert toast.label.text().startswith(f"Wrote {path.name}, ")
    QTest.mouseClick(toast.button, Qt.MouseButton.LeftButton)
    assert opened == [QUrl.fromLocalFile(str(path.parent))]
    assert driver.window.exports.dialog is None


def test_a_file_that_is_there_is_announced_and_a_cancelled_export_leaves_it(
    driver: Driver, dialog: ExportDialog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "old.csv"
    old.write_text("old")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(old), ""))
    dialog.choose("table", ".csv")
    QTest.mouseClick(dialog.browse, Qt.MouseButton.LeftButton)
    assert "will be replaced" in dialog.note.text()
    QTest.mouseClick(dialog.export_button, Qt.MouseButton.LeftButton)
    assert dialog.writer.is_running
    dialog.stop()
    dialog.writer.end()
    assert old.read_text() == "old"
    assert not list(tmp_path.glob(".moe-studio-*"))
    assert "Cancelled" in dialog.note.text()


def test_a_folder_that_is_not_there_is_explained(driver: Driver, dialog: ExportDialog, tmp_path: Path) -> None:
    dialog.choose("summary")
    dialog.path.setText(str(tmp_path / "nowhere" / "x.json"))
    dialog._on_path()
    dialog.export()
    driver.qtbot.waitUntil(lambda: not dialog.writer.is_running, timeout=20_000)
    assert "x.json was not written" in dialog.note.text()
    assert dialog.export_button.isEnabled()


@pytest.mark.parametrize("name", ["a" * 300, "~nobody-of-this-name/x"])
def test_a_name_that_cannot_be_is_said_when_it_is_exported_and_no_defect_as_it_is_typed(
    driver: Driver, dialog: ExportDialog, name: str
) -> None:
    dialog.choose("summary")
    dialog.path.selectAll()
    QTest.keyClicks(dialog.path, name)
    assert name in dialog.command.text()
    QTest.mouseClick(dialog.export_button, Qt.MouseButton.LeftButton)
    driver.qtbot.waitUntil(lambda: not dialog.writer.is_running, timeout=20_000)
    assert "was not written" in dialog.note.text()


def test_a_name_that_is_cleared_comes_back_with_the_next_subject(dialog: ExportDialog) -> None:
    dialog.path.selectAll()
    ready = dialog.export_button.grab().toImage().pixelColor(12, 5)
    QTest.keyClick(dialog.path, Qt.Key.Key_Backspace)
    assert not dialog.export_button.isEnabled()
    assert dialog.export_button.grab().toImage().pixelColor(12, 5) != ready, "it looks as if it could be pressed"
    dialog.choose("report", ".md")
    assert dialog.path.text().endswith("-report.md")


def test_the_preview_comes_after_an_export_that_is_cancelled(driver: Driver, dialog: ExportDialog) -> None:
    dialog.choose("table", ".csv")
    QTest.mouseClick(dialog.export_button, Qt.MouseButton.LeftButton)
    dialog._settle.stop()
    dialog.stop()
    wait_preview(driver, dialog)
    assert dialog.pages.currentWidget() is dialog.text
    assert "Cancelled" in dialog.note.text()


@pytest.mark.long
def test_the_event_loop_is_never_blocked_while_150_000_operators_are_exported(driver: Driver, tmp_path: Path) -> None:
    made = ExportDialog(Document(load_project(example_path("seed3"))), tmp_path, "design", driver.window)
    made.show()
    gaps, last = [0.0], [time.thread_time()]

    def tick() -> None:
        now = time.thread_time()  # of this thread: other programs of a shared machine do not count
        gaps.append(now - last[0])
        last[0] = now

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(1)
    made.choose("full", ".dot")
    wait_preview(driver, made)
    assert made.size_text.text().startswith("more than")
    made.choose("table", ".csv")
    with driver.qtbot.waitSignal(made.written, timeout=60_000):
        made.export()
    timer.stop()
    assert max(gaps) < 0.1
    assert (tmp_path / "design-table.csv").stat().st_size > 1e7


@pytest.mark.long
def test_a_long_text_is_counted_for_a_while_only() -> None:
    subject = next(item for item in SUBJECTS if item.name == "full")
    order = Order(subject=subject, format=next(item for item in subject.formats if item.suffix == ".dot"))
    started = time.perf_counter()
    found = preview(load_project(example_path("seed3")), None, order, lambda _: None)
    assert not found.is_exact and found.byte > HEAD == len(found.text)
    assert time.perf_counter() - started < COUNTING_S + 10


def test_copies_go_to_the_clipboard_and_leave_the_history_alone(driver: Driver) -> None:
    document = driver.document
    document.commit("Move", move_expert(5, 5, 13, layers=(0,)))
    driver.settle()
    before = document.history
    clipboard = QGuiApplication.clipboard()
    driver.window.actions_by_name["copy_yaml"].trigger()
    assert parse_project(clipboard.text(), folder=None) == document.history.current
    driver.window.actions_by_name["copy_sum"].trigger()
    assert clipboard.text() == Design(project=document.history.current).evaluate().symbolic
    assert "Get_Time(640000, 8192, 32768)" in clipboard.text()
    QTest.keyClick(driver.window, Qt.Key.Key_C, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert clipboard.pixmap().size() == driver.cluster.grab().size()
    driver.window.workspace.dag.setFocus()
    driver.window.actions_by_name["copy_picture"].trigger()
    assert clipboard.pixmap().size() == driver.window.workspace.dag.grab().size()
    assert document.history is before


def test_the_command_line_can_be_copied(driver: Driver, dialog: ExportDialog) -> None:
    QTest.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == dialog.command.text()
    assert "'" in dialog.command.text()  # the file's name has a space


def test_names_cannot_break_out_of_the_command_line() -> None:
    subject = SUBJECTS[0]
    line = command_line(Order(subject=subject, format=subject.formats[0]), "a; rm -rf ~ #.moe.yaml", "$(x) y.svg")
    assert shlex.split(line) == ["moe-studio", "export", "a; rm -rf ~ #.moe.yaml", "-o", "$(x) y.svg"]


@pytest.mark.parametrize(
    ("name", "suffix", "wanted"),
    [
        ("a.svg", ".dot", "a.dot"),
        ("a.trace.json", ".json", "a.json"),
        ("a", ".csv", "a.csv"),
        ("a.b.svg", ".trace.json", "a.b.trace.json"),
        ("a.svg", ".yaml", "a.moe.yaml"),
        ("a.moe.yaml", ".svg", "a.svg"),
    ],
)
def test_another_format_gives_the_file_its_ending(name: str, suffix: str, wanted: str) -> None:
    assert with_suffix(name, suffix) == wanted


def test_the_dialog_is_no_larger_than_the_screen(dialog: ExportDialog) -> None:
    room = dialog.screen().availableSize()
    assert dialog.width() < room.width() and dialog.height() < room.height()


def test_a_name_gets_the_ending_of_the_format_and_another_ending_chooses_it(
    driver: Driver, dialog: ExportDialog, tmp_path: Path
) -> None:
    dialog.choose("overview", ".svg")
    dialog.path.selectAll()
    QTest.keyClicks(dialog.path, "v1.2")
    assert shlex.split(dialog.command.text())[4] == str(tmp_path / "v1.2.svg"), "what follows a dot is no ending"
    QTest.keyClicks(dialog.path, ".dot")
    assert dialog.order.format.suffix == ".dot"
    with driver.qtbot.waitSignal(dialog.written, timeout=30_000):
        QTest.mouseClick(dialog.export_button, Qt.MouseButton.LeftButton)
    assert (tmp_path / "v1.2.dot").read_text(encoding="utf-8").startswith("digraph")


def test_the_dialog_can_be_used_by_keyboard(driver: Driver, dialog: ExportDialog) -> None:
    QTest.keyClick(dialog.subjects, Qt.Key.Key_End)
    assert dialog.subject.name == "project"
    path = Path(dialog.path.text())
    wait_preview(driver, dialog)
    with driver.qtbot.waitSignal(dialog.written, timeout=20_000):
        QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert load_project(path) == driver.document.history.current


def test_every_part_of_the_dialog_has_a_name_and_shows_plain_text(driver: Driver, dialog: ExportDialog) -> None:
    for label in dialog.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText
    for widget in dialog.findChildren(QWidget):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
            text = getattr(widget, "text", lambda: "")()
            inner = isinstance(widget.parentWidget(), QWidget) and bool(widget.parentWidget().accessibleName())
            assert widget.accessibleName() or text or inner


def test_escape_closes_and_leaves_no_process(driver: Driver, dialog: ExportDialog) -> None:
    dialog.choose("critical", ".svg")
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert driver.window.exports.dialog is None
    assert QApplication.activeModalWidget() is None
