"""The window: files, problems, selection in every view, themes, and what happens when something goes wrong."""

import subprocess
import sys
from pathlib import Path
from shutil import copy

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QSettings, QSize, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLabel, QMenu, QWidget
from pytestqt.qtbot import QtBot
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection, operator_row
from moe_studio.gui.actions import COMMANDS
from moe_studio.gui.app import use_size
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.theme import DARK, LIGHT, Theme, ui_font
from moe_studio.gui.widgets.palette import CommandPalette
from moe_studio.gui.widgets.picker import both_sides
from moe_studio.locator import resource
from moe_studio.project.edit import move_expert, rename, set_all
from moe_studio.storage.loader import load_project
from tests.gui.conftest import Driver, send

SAVE = Qt.Key.Key_S
CONTROL = Qt.KeyboardModifier.ControlModifier


class Restyled(QLabel):
    """Counts how often it is told of another style."""

    count = 0

    @override
    def changeEvent(self, event: QEvent) -> None:
        self.count += event.type() is QEvent.Type.StyleChange
        super().changeEvent(event)


def test_another_theme_polishes_what_lies_deep_as_rarely_as_what_does_not(driver: Driver) -> None:
    deep = Restyled("deep")
    inner: QWidget = deep
    for _ in range(6):
        outer = QWidget()
        inner.setParent(outer)
        inner = outer
    inner.setParent(driver.window)
    shallow = Restyled("shallow", driver.window)
    inner.show()
    shallow.show()
    before = deep.count, shallow.count
    driver.window.looks.choose_theme("dark")
    assert deep.count - before[0] == shallow.count - before[1]
    assert deep.palette().color(deep.foregroundRole()) == DARK.color("text")
    driver.window.looks.choose_theme("light")


def test_headings_of_the_outline_keep_the_colour_of_text_in_another_theme(driver: Driver) -> None:
    outline = driver.window.workspace.outline

    def colors() -> dict[str, str | None]:
        found = outline.findItems("*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive)
        inks = {item.text(0): item.data(1, Qt.ItemDataRole.ForegroundRole) for item in found}
        return {name: ink and ink.color().name() for name, ink in inks.items()}

    begun = colors()
    assert begun["Model"] is None
    assert begun["Layer 1"] == LIGHT.color("muted").name()
    driver.window.looks.choose_theme("dark")
    assert colors()["Model"] is None
    assert colors()["Layer 1"] == DARK.color("muted").name()
    driver.window.looks.choose_theme("light")
    assert colors() == begun


def test_the_box_of_layers_names_a_range(driver: Driver) -> None:
    box = driver.window.bar.layer
    driver.document.show_layers((1, 2))
    driver.settle()
    assert box.currentText() == "Layers 1–2"
    driver.document.show_layers(None)
    driver.settle()
    assert [box.currentText(), box.count()] == ["All 4 layers", 5]


def test_save_writes_the_file(driver: Driver, tmp_path: Path) -> None:
    path = Path(copy(resource("examples", "seed0-proposed-dp.moe.yaml"), tmp_path))
    driver.window.files.open_path(path)
    driver.settle()
    driver.drag(5, 13)
    driver.release(driver.gpu_point(13))
    driver.settle()
    assert driver.window.bar.state.text() == "● unsaved"
    QTest.keyClick(driver.window, SAVE, CONTROL)
    driver.settle()
    assert driver.window.bar.state.text() == ""
    assert load_project(path) == driver.document.project
    assert [move.slots for move in load_project(path).placement.moves] == [(13,)]


def test_a_new_design_asks_where_to_save(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = tmp_path / "mine"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(wanted), ""))
    QTest.keyClick(driver.window, SAVE, CONTROL)
    assert driver.document.path == tmp_path / "mine.moe.yaml"
    assert load_project(driver.document.path) == driver.document.project


def test_a_file_that_cannot_be_read_is_explained_and_the_design_stays(driver: Driver, tmp_path: Path) -> None:
    broken = tmp_path / "broken.moe.yaml"
    broken.write_text("format: 1\nmodle: {}\n")
    before = driver.document
    driver.window.files.open_path(broken)
    assert driver.document is before
    assert driver.window.toast.isVisible()
    assert "modle" in driver.window.toast.label.text()


def test_a_problem_leads_to_its_place(driver: Driver) -> None:
    problems = driver.window.workspace.problems.list
    driver.window.workspace.show_tab("problems")
    texts = [problems.item(row).text() for row in range(problems.count())]
    memory = next(row for row, text in enumerate(texts) if "do not have room" in text)
    rect = problems.visualItemRect(problems.item(memory))
    QTest.mouseClick(problems.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    driver.qtbot.waitUntil(lambda: driver.document.selection.kind == "gpu")
    assert driver.window.workspace.inspector.text().startswith(f"GPU {driver.document.selection.gpu}")


def test_problems_follow_the_drag(driver: Driver) -> None:
    before = driver.window.strip.cards["Problems"].value.text()
    driver.drag(5, 13)
    driver.settle()
    texts = [problem.code for problem in driver.window.workspace.found]
    assert "imbalance" in texts
    driver.cluster.setFocus()
    QTest.keyClick(driver.cluster, Qt.Key.Key_Escape)
    driver.settle()
    assert driver.window.strip.cards["Problems"].value.text() == before


def test_an_operator_clicked_in_the_graph_is_shown_in_every_view(driver: Driver) -> None:
    dag = driver.window.workspace.dag
    evaluation = driver.document.evaluation
    row = evaluation.graph.row_of["l0_scores_g1"]
    dag.frame_rows(np.array([row]))
    assert dag.shown is not None
    x = dag._area().left() + dag.camera.to_x(float(dag.shown.left[row] + dag.shown.right[row]) / 2)
    y = dag._area().top() + dag.camera.to_y(float(dag.shown.row[row]) + 0.5)
    QTest.mouseClick(dag, Qt.MouseButton.LeftButton, pos=QPoint(int(x), int(y)))
    assert operator_row(evaluation.graph, driver.document.selection) == row
    text = driver.window.workspace.inspector.text()
    assert "l0_scores_g1" in text
    assert "(640,000, 512, 10,000) × 16" in text
    assert "1 · node0 · r0 s0 p1" in text
    assert [item.mark for item in driver.cluster.gpus].index("selected") == 1


def test_a_gpu_clicked_on_the_canvas_is_shown_in_every_view(driver: Driver) -> None:
    point = driver.gpu_point(9)
    driver.press(point)
    driver.release(point)
    assert driver.document.selection == Selection(kind="gpu", gpu=9)
    assert driver.window.workspace.inspector.text().startswith("GPU 9")
    dag = driver.window.workspace.dag
    assert dag.shown is not None
    top, bottom = dag.camera.y, dag.camera.from_y(dag._area().height())
    assert top <= dag.shown.lane_first[9] < dag.shown.lane_first[10] <= bottom + 0.5
    assert dag.grab().toImage() != dag.map.grab().toImage()


def test_brackets_walk_along_the_longest_path(driver: Driver) -> None:
    driver.window.workspace.walk_path(1)
    path = driver.document.evaluation.scheduled_path.rows.tolist()
    graph = driver.document.evaluation.graph
    assert operator_row(graph, driver.document.selection) == path[0]
    driver.window.workspace.dag.setFocus()
    QTest.keyClick(driver.window.workspace.dag, Qt.Key.Key_BracketRight)
    assert operator_row(graph, driver.document.selection) == path[1]


def test_arrows_follow_edges(driver: Driver) -> None:
    dag, graph = driver.window.workspace.dag, driver.document.evaluation.graph
    dag.setFocus()
    driver.document.select(Selection(kind="operator", op="softmax", layer=0, gpu=3, micro_batch=0))
    names = []
    for _ in range(3):
        QTest.keyClick(dag, Qt.Key.Key_Right)
        names.append(graph.name(operator_row(graph, driver.document.selection)))
    assert names == ["l0_av_g3", "l0_o_g3", "l0_res1_g3"]
    QTest.keyClick(dag, Qt.Key.Key_Left)
    assert driver.document.selection.op == "o"


@pytest.mark.parametrize("columns", ["level", "time"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_graph_shows_the_longest_path_near_and_far(driver: Driver, columns: str, theme: Theme) -> None:
    driver.window.looks.choose_theme(theme.name)
    dag = driver.window.workspace.dag
    dag.set_columns("time" if columns == "time" else "level")
    driver.document.select(Selection(kind="operator", op="scores", layer=1, gpu=0, micro_batch=0))
    for look in (dag.fit, dag.frame_selection):
        look()
        picture = dag.grab(dag._area().toRect()).toImage()
        wanted = theme.color("path").rgb()
        places = ((x, y) for x in range(0, picture.width(), 2) for y in range(picture.height()))
        assert any(picture.pixelColor(x, y).rgb() == wanted for x, y in places)
    driver.window.looks.choose_theme("light")


def test_a_point_of_the_history_is_one_click_away(driver: Driver) -> None:
    driver.document.commit("First", rename("A"))
    driver.document.commit("Second", rename("B"))
    driver.settle()
    driver.window.workspace.show_tab("history")
    rows = driver.window.workspace.history.list
    assert [rows.item(row).text() for row in range(rows.count())] == ["New", "First", "Second"]
    rows.setCurrentRow(1)
    driver.settle()
    assert driver.document.project.name == "A"
    assert driver.window.bar.title.text() == "A"


def test_names_from_files_are_never_read_as_markup(driver: Driver) -> None:
    driver.document.commit("Rename", rename("<img src='x'><b>bold</b>"))
    driver.settle()
    labels = driver.window.findChildren(QLabel)
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)
    assert driver.window.bar.title.text() == "<img src='x'><b>bold</b>"


def test_what_takes_the_focus_has_a_name(driver: Driver) -> None:
    nameless = [
        widget
        for widget in driver.window.findChildren(QWidget)
        if widget.focusPolicy() is not Qt.FocusPolicy.NoFocus
        and widget.isVisible()
        and widget.focusProxy() is None
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
    ]
    assert [(type(widget).__name__, widget.objectName()) for widget in nameless] == []


@pytest.mark.parametrize("size", [QSize(1600, 1000), QSize(1280, 800)], ids=["large", "small"])
@pytest.mark.parametrize("name", ["seed0-proposed", "seed3", "seed4-proposed"])
def test_no_text_of_the_figures_is_cut_off(driver: Driver, size: QSize, name: str) -> None:
    driver.window.files.new_from_example(resource("examples", f"{name}.moe.yaml"))
    driver.window.resize(size)
    driver.settle()
    cut = [
        label.text()
        for card in driver.window.strip.cards.values()
        for label in (card.title, card.note, card.value)
        if label.fontMetrics().horizontalAdvance(label.text()) > label.width()
    ]
    assert cut == []


def test_an_exception_in_a_slot_is_said_once_and_the_window_lives_on(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    error = ZeroDivisionError("division by zero")
    for _ in range(3):
        try:
            raise error
        except ZeroDivisionError:
            driver.window.hook(ZeroDivisionError, error, error.__traceback__)
        error.__traceback__ = None
    assert len(caplog.records) <= 3
    driver.qtbot.waitUntil(lambda: "Your design is intact" in driver.window.toast.label.text())
    driver.document.commit("Move", move_expert(5, 5, 13, layers=range(4)))
    driver.settle()
    assert driver.window.strip.cards["Latency"].value.text() == "48.61 s"


def test_an_exception_while_painting_is_said_once_and_leaves_the_window_alive(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dag = driver.window.workspace.dag
    whole = dag.grab().toImage()

    def broken(_: object) -> None:
        raise ZeroDivisionError

    driver.window.hook.install()
    with monkeypatch.context() as patch:
        patch.setattr(dag, "_paint", broken)
        for _ in range(3):
            dag.repaint()
        assert dag.grab().toImage() != whole
    driver.window.hook.remove()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    driver.qtbot.waitUntil(lambda: "ZeroDivisionError" in driver.window.toast.label.text())
    assert dag.grab().toImage() == whole


def test_every_action_is_in_the_palette(driver: Driver) -> None:
    driver.document.commit("First", rename("A"))
    driver.document.commit("Second", rename("B"))
    driver.document.undo()
    driver.settle()
    driver.window.helps.show_palette()
    palette = driver.window.findChild(CommandPalette)
    assert palette is not None
    offered = [action for _, action in driver.window.menus.entries() if action.isEnabled()]
    assert palette.list.count() == len(offered) > len(COMMANDS)
    QTest.keyClicks(palette.line, "undo")
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    driver.settle()
    assert driver.document.project.name == "Seed 0 proposed, EP16, data-parallel attention"


def test_a_palette_outlives_the_menu_that_it_was_made_from(driver: Driver) -> None:
    menu = QMenu(driver.window)
    palette = CommandPalette(driver.window, [("Open recent: mine", menu.addAction("mine"))])
    menu.clear()
    QTest.keyClicks(palette.line, "mine")
    assert palette.list.item(0).text() == "Open recent: mine"
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    driver.settle()
    assert not palette.isVisible()


def test_panning_over_the_map_moves_the_view(driver: Driver) -> None:
    dag = driver.window.workspace.dag
    before = dag.place_text()
    where = dag.map.where().center().toPoint()
    send(dag.map, QEvent.Type.MouseButtonPress, where)
    send(dag.map, QEvent.Type.MouseButtonRelease, where)
    assert dag.place_text() != before


def test_the_design_of_every_example_can_be_shown(driver: Driver) -> None:
    for path in sorted(resource("examples").glob("*.moe.yaml")):
        driver.window.files.new_from_example(path)
        driver.settle()
        assert driver.window.bar.title.text() == load_project(path).name
        assert not driver.window.toast.isVisible()
        assert not driver.window.grab().isNull()


@pytest.mark.long
def test_a_picture_of_the_window_is_taken_from_a_cold_start_in_two_seconds(tmp_path: Path) -> None:
    code = (
        "import time; start = time.process_time()\n"
        "from moe_studio.gui.app import screenshot\n"
        f"screenshot(None, {str(tmp_path / 'window.png')!r}, tab='problems', theme='dark')\n"
        "assert time.process_time() - start < 2.0, time.process_time() - start\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=Path(__file__).parents[2])
    assert (tmp_path / "window.png").stat().st_size > 50_000


def test_a_document_that_is_let_go_of_is_no_longer_listened_to(driver: Driver) -> None:
    old = driver.document
    driver.window.set_document(Document(old.project))
    assert old.on_project == []
    assert old.on_selection == []
    assert QApplication.activeModalWidget() is None


def test_a_chosen_size_is_that_of_the_next_start(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    window = MainWindow(Document(driver.document.project), theme="light", settings=settings)
    driver.qtbot.addWidget(window)
    window.actions_by_name["size_150"].trigger()
    assert "next time" in window.toast.label.text()
    environment: dict[str, str] = {}
    monkeypatch.setattr("os.environ", environment)
    use_size(str(settings.value("size")))
    assert environment == {"QT_SCALE_FACTOR": "1.5"}
    use_size("300")
    assert environment == {"QT_SCALE_FACTOR": "1.5"}, "what the user has set outside stays"
    environment.clear()
    window.actions_by_name["size_system"].trigger()
    use_size(str(settings.value("size")))
    assert environment == {}


def test_the_menus_of_looks_tick_what_holds_now(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ticked(window: MainWindow) -> list[str]:
        return [name for name, action in window.actions_by_name.items() if action.isChecked()]

    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    settings.setValue("size", "150")
    document = Document(load_project(resource("examples", "seed0-proposed-dp.moe.yaml")))
    window = MainWindow(document, theme="system", settings=settings)
    qtbot.addWidget(window)
    assert ticked(window) == ["system", "language_system", "size_150"]
    for name in ("light", "light", "size_200", "size_system"):
        window.actions_by_name[name].trigger()
    assert ticked(window) == ["light", "language_system", "size_system"]
    monkeypatch.setattr("moe_studio.gui.looks.has_letters", lambda _: False)
    window.actions_by_name["chinese"].trigger()
    assert ticked(window) == ["light", "language_system", "size_system"], "what is refused is not ticked"
    assert [name for name, _ in window.menus.entries()].count("Light") == 1


@pytest.mark.parametrize("width", [120, 420, 2000])
@pytest.mark.parametrize(
    "text", ["GPU 3\t" + "long-name-" * 12, "Node " + "long-name-" * 12 + "\tnode", "Fit\tHome", "x"]
)
def test_both_sides_of_a_line_of_a_list_have_room(qapp: QApplication, text: str, width: int) -> None:
    metrics = QFontMetrics(ui_font())
    left, right = both_sides(text, metrics, width)
    assert metrics.horizontalAdvance(left) + metrics.horizontalAdvance(right) <= width
    if metrics.horizontalAdvance(text.replace("\t", "")) <= width:
        assert (left, right) == text.partition("\t")[::2]
    if text.startswith("GPU"):
        assert left == "GPU 3"


def test_traffic_takes_no_width_from_the_outline(driver: Driver) -> None:
    """With several replicas the title row of the cluster is full; the slider gives way, not the panels beside it."""
    window, workspace = driver.window, driver.window.workspace
    driver.document.commit("Replicas", set_all({("parallel", "dp"): 2, ("parallel", "ep"): 8}))
    window.resize(1440, 900)
    workspace.arrange()
    driver.qtbot.wait(50)
    driver.settle()
    before = workspace.outline.width()
    QTest.mouseClick(workspace.cluster_panel.traffic, Qt.MouseButton.LeftButton)
    driver.qtbot.wait(50)
    assert workspace.cluster_panel.what.isVisible()
    assert workspace.outline.width() == before
