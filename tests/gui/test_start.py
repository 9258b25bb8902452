"""The start page, files dropped on the window, and paper."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copy

import pytest
from PySide6.QtCore import QMimeData, QPoint, QSettings, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtPrintSupport import QPrinter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QLabel, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from moe_studio.document.document import Document
from moe_studio.document.gallery import Offer
from moe_studio.document.recent import remember
from moe_studio.document.template import save_template, templates
from moe_studio.gui.app import Session, opened
from moe_studio.gui.help.tour import Tour
from moe_studio.gui.main_window import DESK, START, MainWindow
from moe_studio.gui.start.keeper import Places
from moe_studio.gui.theme import DARK, LIGHT
from moe_studio.locator import resource
from moe_studio.project.edit import rename
from moe_studio.storage.loader import load_project

EXAMPLE = resource("examples", "seed0-proposed-dp.moe.yaml")
CONFIG = {
    "model_type": "mixtral",
    "hidden_size": 1024,
    "intermediate_size": 2048,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "num_hidden_layers": 4,
    "num_local_experts": 16,
    "num_experts_per_tok": 2,
    "vocab_size": 32000,
    "torch_dtype": "bfloat16",
}
Open = Callable[..., MainWindow]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(state=tmp_path / "state", templates=tmp_path / "templates")


@pytest.fixture
def open_window(qapp: QApplication, qtbot: QtBot, places: Places) -> Open:
    """Opens windows on a file or a new design, with folders of their own for what the program keeps."""

    def made(path: Path | None = None, size: QSize | None = None) -> MainWindow:
        document = Document.load(path) if path else Document(load_project(EXAMPLE))
        window = MainWindow(document, theme="light", places=places)
        qtbot.addWidget(window, before_close_func=lambda _: window.set_document(Document(load_project(EXAMPLE))))
        window.open_at(size or QSize(1600, 1000))
        qtbot.waitUntil(window.isActiveWindow)
        return window

    return made


def drop(window: MainWindow, *paths: Path) -> bool:
    """Drag files over the window and let go; whether the window took them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(600, 500), action, data, button, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window, enter)
    if not enter.isAccepted():
        return False
    dropped = QDropEvent(QPoint(600, 500), action, data, button, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window, dropped)
    return True


def card_texts(card: QWidget) -> list[str]:
    return [label.text() for label in card.findChildren(QLabel)]


def test_the_start_page_offers_every_example_with_figures(open_window: Open, qtbot: QtBot) -> None:
    window = open_window()
    window.files.show_start()
    cards = window.files.page.examples
    assert len(cards) == len(list(resource("examples").glob("*.moe.yaml")))
    assert "16 GPUs · 4 layers · 16 experts" in card_texts(cards[2])
    qtbot.waitUntil(lambda: "30.24 s · 338,574 tokens/s" in card_texts(cards[2]))
    qtbot.waitUntil(lambda: not any("…" in card_texts(card) for card in cards))
    assert len(window.files.page.deployments) == len(list(resource("examples", "real").glob("*.moe.yaml")))
    assert QApplication.activeModalWidget() is None


def test_the_start_page_finds_its_figures_one_by_one_and_only_while_it_is_seen(
    open_window: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    beats: list[int] = []
    window = open_window()

    def predicted(offer: Offer) -> tuple[str, ...]:
        found.append(offer.title)
        if len(found) == 3:
            window.files.leave_start()
        return ("1 s",)

    monkeypatch.setattr("moe_studio.gui.start.page.predicted", predicted)
    timer = QTimer(window)
    timer.timeout.connect(lambda: beats.append(len(found)))
    timer.start(0)
    window.files.show_start()
    assert not found
    qtbot.waitUntil(lambda: len(found) >= 3)
    qtbot.wait(50)
    assert len(found) == 3
    window.files.show_start()
    page = window.files.page
    qtbot.waitUntil(lambda: not any("…" in card_texts(card) for card in (*page.examples, *page.deployments)))
    assert len(found) == sum(card.offer.is_open for card in (*page.examples, *page.deployments))
    assert set(range(len(found))) <= set(beats), "other work has its turn between any two"


def test_a_card_opens_its_design_by_mouse_and_by_keyboard(open_window: Open) -> None:
    window = open_window()
    window.files.show_start()
    page = window.files.page
    assert window.pages.currentIndex() == START
    assert not window.actions_by_name["save"].isEnabled()
    QTest.mouseClick(page.examples[0], Qt.MouseButton.LeftButton)
    assert window.document.title == "Seed 0 baseline, TP8 PP2"
    assert window.document.path is None
    assert window.pages.currentIndex() == DESK
    assert window.actions_by_name["save"].isEnabled()
    QTest.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.currentIndex() == START
    page.examples[3].setFocus()
    QTest.keyClick(page.examples[3], Qt.Key.Key_Space)
    assert window.document.title.startswith("Seed 1")


def test_a_new_design_is_made_of_a_model_and_a_cluster(open_window: Open) -> None:
    window = open_window()
    window.files.show_start()
    page = window.files.page
    page.model.setCurrentIndex(page.model.findData("mixtral-8x7b"))
    page.cluster.setCurrentIndex(page.cluster.findData("dgx-h100"))
    page.phase.setCurrentIndex(page.phase.findData("prefill"))
    QTest.mouseClick(page.create_button, Qt.MouseButton.LeftButton)
    project = window.document.project
    assert (project.model.preset, project.cluster.preset, project.workload.phase) == (
        "mixtral-8x7b",
        "dgx-h100",
        "prefill",
    )


def test_recent_files_open_and_missing_ones_are_grey(open_window: Open, places: Places, tmp_path: Path) -> None:
    path = Path(copy(EXAMPLE, tmp_path / "mine.moe.yaml"))
    remember(places.state, path, "Mine")
    remember(places.state, tmp_path / "gone.moe.yaml", "Gone")
    window = open_window()
    window.files.show_start()
    gone, mine = window.files.page.recent
    assert not gone.isEnabled()
    assert "Missing" in gone.accessibleName()
    QTest.mouseClick(mine, Qt.MouseButton.LeftButton)
    assert window.document.path == path
    window.menus.fill_recent()
    assert [action.text() for action in window.menus.recent.actions()] == [
        "Seed 0 proposed, EP16, data-parallel attention"
    ]


def test_a_design_is_kept_as_template_and_offered(
    open_window: Open, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("Sixteen", True))
    window.actions_by_name["save_as_template"].trigger()
    window.files.show_start()
    [card] = window.files.page.templates
    assert card.accessibleName() == "Sixteen"
    assert card.height() > 40
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert window.document.title == "Sixteen"


def test_a_template_can_be_removed_and_brought_back(open_window: Open, places: Places) -> None:
    save_template(places.templates, "Sixteen", load_project(EXAMPLE))
    window = open_window()
    window.files.show_start()
    [card] = window.files.page.templates
    [remove] = card.findChildren(QPushButton)
    QTest.mouseClick(remove, Qt.MouseButton.LeftButton)
    assert window.files.page.isVisible(), "the template itself was not chosen"
    assert window.files.page.templates == []
    assert templates(places.templates) == ()
    QTest.mouseClick(window.toast.button, Qt.MouseButton.LeftButton)
    assert [card.offer.title for card in window.files.page.templates] == ["Sixteen"]
    assert not any(card.findChildren(QPushButton) for card in window.files.page.examples), "only one's own"


def test_a_deployment_without_a_public_figure_shows_what_is_predicted(open_window: Open, qtbot: QtBot) -> None:
    window = open_window()
    window.files.show_start()
    page = window.files.page
    qtbot.waitUntil(lambda: len(page.deployments) == len(list(resource("examples", "real").glob("*.moe.yaml"))))
    alone = [card for card in page.deployments if not card.offer.figures]
    assert alone
    [card] = [card for card in alone if card.offer.title == "gpt-oss-120b decode on one node of H100"]
    qtbot.waitUntil(lambda: any(text.endswith(" tokens/s") for text in card_texts(card)), timeout=20_000)


@pytest.mark.parametrize("size", [QSize(1600, 1000), QSize(1280, 800), QSize(860, 600)])
def test_nothing_of_the_start_page_is_cut_off(open_window: Open, places: Places, qtbot: QtBot, size: QSize) -> None:
    save_template(places.templates, "Sixteen", load_project(EXAMPLE))
    window = open_window(size=size)
    window.files.show_start()
    page = window.files.page
    qtbot.waitUntil(lambda: len(page.deployments) == len(list(resource("examples", "real").glob("*.moe.yaml"))))
    cards = (*page.examples, *page.deployments, *page.templates)
    labels = [label for card in cards for label in card.findChildren(QLabel)]
    # Qt rounds while it shares heights out; a missing line would be 15 pixels.
    qtbot.waitUntil(lambda: all(label.height() + 2 >= label.heightForWidth(label.width()) for label in labels))
    for card in cards:
        assert card.mapTo(page.viewport(), QPoint(card.width(), 0)).x() <= page.viewport().width()
    for box in (page.create_button, page.open_button):
        assert box.width() >= box.sizeHint().width()


def test_what_takes_the_focus_on_the_start_page_has_a_name(open_window: Open) -> None:
    window = open_window()
    window.files.show_start()
    for widget in window.files.page.findChildren(QWidget):
        if widget.focusPolicy() is not Qt.FocusPolicy.NoFocus and widget.isVisible():
            assert widget.accessibleName() or (isinstance(widget, QPushButton) and widget.text()), widget


def test_both_themes_draw_the_start_page(open_window: Open) -> None:
    window = open_window()
    window.files.show_start()
    for theme in (DARK, LIGHT):
        window.looks.choose_theme(theme.name)
        picture = window.grab().toImage()
        assert picture.pixelColor(8, picture.height() - 8).name() == theme.color("window").name()


def test_without_a_file_the_program_begins_with_the_start_page_and_no_dialog(
    qapp: QApplication, places: Places, tmp_path: Path
) -> None:
    session = Session(qapp, QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat), places)
    session.open_window(opened(None), shows_start=True)
    window = session.window
    assert window is not None
    assert window.pages.currentIndex() == START
    assert QApplication.activeModalWidget() is None
    assert not window.files.notice.isVisible()
    window.actions_by_name["leave_start"].trigger()
    assert window.pages.currentIndex() == DESK
    assert window.toast.button.text() == "Tour"
    assert window.findChild(Tour) is None, "the tour is offered, not begun"
    window.toast.hide()
    window.files.show_start()
    window.files.leave_start()
    assert not window.toast.isVisible(), "it is offered once"
    window.close()


# Dropped files


def test_a_dropped_project_is_opened(open_window: Open, tmp_path: Path) -> None:
    path = Path(copy(EXAMPLE, tmp_path / "dropped.moe.yaml"))
    window = open_window()
    assert drop(window, path)
    assert window.document.path == path


def test_a_dropped_configuration_replaces_the_model_or_makes_a_new_design(open_window: Open, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    window = open_window()
    before = window.document.project
    drop(window, config)
    assert window.document.project.model.hidden == 1024
    assert len(window.document.history.entries) == 2
    window.document.undo()
    assert window.document.project is before
    window.document.redo()
    window.toast.button.click()  # "New design instead"
    assert window.document.history.cursor == 0
    assert window.document.project.model.hidden == 1024
    window.files.show_start()
    drop(window, config)
    assert window.pages.currentIndex() == DESK
    assert len(window.document.history.entries) == 1


def test_dropped_loads_route_the_tokens(open_window: Open, tmp_path: Path) -> None:
    loads = tmp_path / "loads.csv"
    loads.write_text("\n".join(",".join(str(1 + expert) for expert in range(16)) for _ in range(4)))
    window = open_window()
    drop(window, loads)
    assert window.document.project.workload.routing.kind == "recorded"
    assert window.toast.button.text() == "Undo"
    window.toast.button.click()
    assert window.document.project.workload.routing.kind == "uniform"


def test_loads_that_do_not_fit_are_explained_and_change_nothing(open_window: Open, tmp_path: Path) -> None:
    loads = tmp_path / "loads.csv"
    loads.write_text("1,2,3\n")
    window = open_window()
    drop(window, loads)
    assert "must have one row per layer (4) or per MoE layer (4), not 1." in window.toast.label.text()
    assert not window.document.is_modified


def test_a_dropped_datasheet_is_a_gpu_of_the_design(open_window: Open, tmp_path: Path) -> None:
    sheet = tmp_path / "acme.yaml"
    sheet.write_text("memory_gb: 96\nmemory_tb_s: 2.6\npeak_tflops: {bf16: 620}\nsms: 112\n")
    window = open_window()
    drop(window, sheet)
    assert window.toast.label.text() == "The design knows the GPU acme now; nodes can be changed to it."
    assert window.document.project.cluster.devices["acme"].sms == 112
    window.toast.button.click()
    assert "acme" not in window.document.project.cluster.devices
    window.files.open_path(sheet)
    assert "acme.yaml: is the datasheet of a GPU, not a project" in window.toast.label.text()


def test_a_dropped_calibration_prices_the_design_or_says_of_which_gpu_it_is(open_window: Open) -> None:
    fitted = resource("calibration", "h100-sxm.yaml")
    window = open_window(resource("examples", "real", "mixtral-8x7b-decode-h100.moe.yaml"))
    drop(window, fitted)
    assert window.document.project.cost.calibration.endswith("h100-sxm.yaml")
    assert window.toast.label.text().startswith("Kernels are priced by the calibration h100-sxm.yaml")
    window.toast.button.click()
    assert window.document.project.cost.calibration == ""
    drop(window, resource("calibration", "a100-80g-sxm.yaml"))
    assert "was fitted to a100-80g-sxm; the design has h100-sxm." in window.toast.label.text()
    assert window.document.project.cost.calibration == ""


def test_other_things_are_refused(open_window: Open, tmp_path: Path) -> None:
    window = open_window()
    picture = tmp_path / "a.png"
    picture.write_bytes(b"")
    drop(window, picture)
    assert "is not a project" in window.toast.label.text()
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/config.json")])
    enter = QDragEnterEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    enter.ignore()
    QApplication.sendEvent(window, enter)
    assert not enter.isAccepted()


def test_a_drop_that_would_lose_changes_asks_first(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(copy(EXAMPLE, tmp_path / "dropped.moe.yaml"))
    window = open_window()
    window.document.commit("Rename", rename("Edited"))
    monkeypatch.setattr(QMessageBox, "exec", lambda _: QMessageBox.StandardButton.Cancel)
    drop(window, path)
    assert window.document.title == "Edited"
    assert window.document.path is None


# Paper


@pytest.mark.parametrize("name", ["report_pdf", "view_pdf"])
def test_report_and_view_become_pdf(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    window = open_window()
    target = tmp_path / "paper"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    window.actions_by_name[name].trigger()
    data = target.with_suffix(".pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert data.rstrip().endswith(b"%%EOF")
    assert len(data) > 8000
    assert window.toast.label.text() == "Saved paper.pdf."


@pytest.mark.parametrize("name", ["print_report", "print_view"])
def test_report_and_view_are_printed(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    window = open_window()
    target = tmp_path / "printed.pdf"

    def printer(*_: object, **__: object) -> QPrinter:
        made = QPrinter(QPrinter.PrinterMode.HighResolution)
        made.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
        made.setOutputFileName(str(target))
        return made

    monkeypatch.setattr("moe_studio.gui.paper.ask_printer", printer)
    window.actions_by_name[name].trigger()
    assert target.read_bytes().startswith(b"%PDF")
    assert target.stat().st_size > 8000
    monkeypatch.setattr("moe_studio.gui.paper.ask_printer", lambda *_, **__: None)
    target.unlink()
    window.actions_by_name[name].trigger()
    assert not target.exists(), "leaving the dialog prints nothing"


def test_a_pdf_that_cannot_be_written_is_explained(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "paper.pdf"), ""))
    window.actions_by_name["report_pdf"].trigger()
    assert "was not written" in window.toast.label.text()
