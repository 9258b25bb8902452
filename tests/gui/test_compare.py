"""Comparing designs in the window: pinning, the strip's changes, the Compare tab, its pictures and its list."""

import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QWidget

from moe_studio.document.difference_row import CATEGORIES
from moe_studio.document.document import Document
from moe_studio.document.selection import Selection
from moe_studio.gui.compare.bars import change_text, time_change
from moe_studio.gui.compare.mark import mark_color
from moe_studio.gui.compare.panel import ComparePanel
from moe_studio.gui.compare.picture import ClusterPicture
from moe_studio.gui.compare.place import PADDING, Camera, places, zoomed
from moe_studio.gui.compare.rows import IS, WAS, WHAT, shared
from moe_studio.gui.compare.rows import PADDING as PADDING_OF_TEXT
from moe_studio.gui.compare.rows import needed as needed_width
from moe_studio.gui.inspector.fact import Fact, Facts
from moe_studio.gui.inspector.fact import compared as against
from moe_studio.gui.text import CHINESE, ENGLISH, use_language
from moe_studio.gui.theme import DARK, LIGHT, Theme
from moe_studio.gui.widgets.job import Job
from moe_studio.project.edit import move_expert, rename, set_value
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project
from tests.gui.conftest import Driver

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
MOVE = move_expert(5, 5, 13, layers=(0, 1, 2, 3))


@pytest.fixture
def panel(driver: Driver) -> Iterator[ComparePanel]:
    """The Compare tab of a window, in view."""
    driver.window.workspace.show_tab("compare")
    yield driver.window.compare
    driver.window.compare.end()


def wait(driver: Driver) -> None:
    """Wait until the comparison shows what the document has committed to."""
    driver.settle()
    panel = driver.window.compare
    driver.qtbot.waitUntil(lambda: panel.shown is not None and not panel.job.is_running, timeout=20_000)


def pin_and_move(driver: Driver) -> None:
    QTest.keyClick(driver.window, Qt.Key.Key_R, CONTROL | SHIFT)
    driver.document.commit("Move expert 5", MOVE)
    wait(driver)
    driver.qtbot.waitUntil(lambda: bool(driver.window.compare.table.model.rows))


def note(driver: Driver, title: str) -> str:
    return driver.window.strip.cards[title].note.text()


def test_without_a_reference_the_tab_offers_to_pin_one(driver: Driver, panel: ComparePanel) -> None:
    assert panel.pin.isVisible()
    QTest.mouseClick(panel.pin, Qt.MouseButton.LeftButton)
    assert panel.reference is not None
    assert panel.reference.project is driver.document.project
    wait(driver)
    assert panel.table.count.text() == "0 of 0"
    assert "none differ" in panel.summary.text()


def test_figures_show_their_change_against_the_pinned_state_and_while_dragging_against_the_state_before(
    driver: Driver,
) -> None:
    QTest.keyClick(driver.window, Qt.Key.Key_R, CONTROL | SHIFT)
    assert "claim" in note(driver, "Tokens/s")
    driver.document.commit("Move expert 5", MOVE)
    driver.settle()
    assert note(driver, "Latency") == "+60.7 %"
    assert "state 1" in driver.window.strip.cards["Latency"].toolTip()
    driver.drag(5, 4)
    driver.settle()
    assert driver.document.is_previewing
    assert note(driver, "Latency") == "± 0 %"
    driver.cluster.setFocus()
    QTest.keyClick(driver.cluster, Qt.Key.Key_Escape)
    driver.settle()
    assert note(driver, "Latency") == "+60.7 %"
    driver.window.compare.unpin()
    assert note(driver, "Latency") == ""


def test_the_inspector_says_the_change_of_a_share_in_points_as_the_strip_does() -> None:
    before = Facts(title="a", kind="design", rows=(Fact(label="MFU", value="22.2 %", amount=0.222, better=1),))
    for now, change, tone in ((0.326, "+10.4 pt", "good"), (0.2, "−2.2 pt", "bad"), (0.2224, "± 0 pt", "")):
        after = Facts(title="b", kind="design", rows=(Fact(label="MFU", value=f"{now:%}", amount=now, better=1),))
        [row] = against(after, before).rows
        assert (row.change, row.change_tone) == (change, tone)


def test_bars_show_their_change_too_but_not_while_dragging(driver: Driver) -> None:
    kinds = driver.window.workspace.breakdown.kinds
    driver.window.compare.pin_state()
    assert not any(row.change for row in kinds.rows)
    driver.document.commit("Move expert 5", MOVE)
    driver.settle()
    changes = {row.name: row.change for row in kinds.rows}
    assert changes["up"] == changes["down"] == "+100 %"
    assert changes["q"] == ""
    assert "reference 5.73 s" in kinds.text_of([row.name for row in kinds.rows].index("up"))
    driver.drag(5, 4)
    driver.settle()
    assert not any(row.change for row in kinds.rows)
    driver.cluster.setFocus()
    QTest.keyClick(driver.cluster, Qt.Key.Key_Escape)
    driver.settle()
    assert {row.name: row.change for row in kinds.rows} == changes
    driver.window.compare.unpin()
    assert not any(row.change for row in kinds.rows)


def test_a_hidden_tab_compares_nothing(driver: Driver) -> None:
    driver.window.compare.pin_state()
    driver.document.commit("Move expert 5", MOVE)
    driver.settle()
    assert not driver.window.compare.job.is_running
    assert driver.window.compare.shown is None


def test_what_has_moved_is_marked_in_both_pictures_and_listed(driver: Driver, panel: ComparePanel) -> None:
    pin_and_move(driver)
    before, after = panel.pictures
    assert [(tile.gpu, tile.change) for tile in before.tiles if tile.change] == [(5, "moved")]
    assert [(tile.gpu, tile.change) for tile in after.tiles if tile.change] == [(13, "moved")]
    listed = {(row.change, row.what, row.was, row.now) for row in panel.table.model.rows}
    assert ("moved", "Expert 5, layers 0–3", "GPU 5", "GPU 13") in listed
    assert "1.61 times slower" in panel.summary.text()
    assert "16 → moved" in panel.summary.text()


def test_the_layer_that_is_shown_is_the_layer_that_is_compared(driver: Driver, panel: ComparePanel) -> None:
    panel.pin_state()
    driver.document.commit("Move expert 5", move_expert(5, 5, 13, layers=(2,)))
    wait(driver)
    driver.document.show_layer(1)
    driver.settle()
    assert not any(tile.change for tile in panel.pictures[1].tiles)
    assert not any(tile.marks for picture in panel.pictures for tile in picture.tiles)
    for span in (2, (2, 3), (0, 2), None):
        driver.document.show_layers(span)
        driver.settle()
        assert [tile.gpu for tile in panel.pictures[1].tiles if tile.change] == [13]
    driver.document.show_layers((0, 1))
    driver.settle()
    assert not any(tile.change for tile in panel.pictures[1].tiles)


def camera_on(picture: ClusterPicture, gpu: int) -> Camera:
    """A look at one GPU from nearby."""
    whole = picture._arranged()
    assert whole is not None
    x, y, width, height = whole.gpus[gpu]
    return Camera(x=(x + width / 2) / whole.width, y=(y + height / 2) / whole.height, zoom=4.0)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_operators_that_differ_are_marked_on_each_gpu_where_no_expert_moves(
    driver: Driver, panel: ComparePanel, theme: Theme
) -> None:
    panel.pin_state()
    driver.document.commit("Batch", set_value("workload.batch", 2048))
    wait(driver)
    panel.set_theme(theme)
    for picture in panel.pictures:
        assert {tile.sign for tile in picture.tiles} == {"≠"}
        assert not any(tile.change for tile in picture.tiles)
        for camera in (Camera(), camera_on(picture, 3)):
            picture.set_camera(camera)
            image = picture.grab().toImage()
            colors = {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(image.height())}
            assert mark_color(theme, "changed").rgb() in colors
    tile = panel.pictures[1].tiles[3]
    assert tile.marks == (("changed", tile.operators),)
    assert f"of {tile.operators} operators: {tile.operators} changed" in tile.text
    assert tile.time_change == "+100.0 %" and "computing " in tile.text


def test_the_shares_of_a_gpu_are_as_long_as_they_are_large(driver: Driver, panel: ComparePanel) -> None:
    pin_and_move(driver)
    picture = panel.pictures[1]
    picture.set_camera(camera_on(picture, 13))
    whole = picture._arranged()
    assert whole is not None
    image, box, tile = picture.grab().toImage(), picture.box_of(13).toRect(), picture.tiles[13]
    color = mark_color(LIGHT, "moved").rgb()
    longest = max(
        sum(image.pixel(x, y) == color for x in range(box.left() + 5, box.right() - 5))
        for y in range(box.top() + 20, box.center().y())
    )
    share = dict(tile.marks)["moved"] / tile.operators
    assert longest == pytest.approx(share * (box.width() - 2 * PADDING * picture._scale(whole)), abs=2.5)


def test_gpus_that_stand_elsewhere_say_where(driver: Driver, panel: ComparePanel) -> None:
    panel.pin_example("seed0-baseline")
    wait(driver)
    first, second = panel.pictures
    assert [tile.own for tile in second.tiles] == [None] * 8 + ["moved"] * 8
    assert (first.tiles[9].own_text, second.tiles[9].own_text) == ("r0 s1 p1", "r0 s0 p9")
    assert "stage 1 → 0" in second.tiles[9].text
    panel.table.category.setCurrentIndex(CATEGORIES.index("GPUs") + 1)
    assert [row.what for row in panel.table.model.rows] == ["Stage of GPUs 8–15"]


def test_a_row_and_a_tile_select_in_every_view(driver: Driver, panel: ComparePanel) -> None:
    pin_and_move(driver)
    panel.table.category.setCurrentIndex(CATEGORIES.index("experts") + 1)
    view = panel.table.view
    place = view.visualRect(view.model().index(0, 1)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    driver.qtbot.waitUntil(lambda: driver.document.selection.kind == "expert")
    assert driver.document.selection == Selection(kind="expert", expert=5, gpu=13)
    picture = panel.pictures[1]
    box = picture.box_of(9)
    QTest.mouseClick(picture, Qt.MouseButton.LeftButton, pos=(box.topLeft() + QPointF(4, 4)).toPoint())
    driver.qtbot.waitUntil(lambda: driver.document.selection.kind == "gpu")
    assert driver.document.selection.gpu == 9


def test_the_list_can_be_used_by_keyboard(driver: Driver, panel: ComparePanel) -> None:
    pin_and_move(driver)
    panel.table.line.setFocus()
    QTest.keyClicks(panel.table.line, "moved expert 5 up")
    assert [row.what for row in panel.table.model.rows] == ["up of expert 5, layers 0–3"]
    assert panel.table.count.text().startswith("1 of ")
    view = panel.table.view
    view.setFocus()
    view.setCurrentIndex(view.model().index(0, 0))
    QTest.keyClick(view, Qt.Key.Key_Return)
    driver.qtbot.waitUntil(lambda: driver.document.selection.kind == "operator")
    assert (driver.document.selection.op, driver.document.selection.gpu) == ("up", 13)


def test_the_list_is_filtered_by_the_words_that_it_shows(driver: Driver, panel: ComparePanel) -> None:
    use_language(CHINESE)
    try:
        pin_and_move(driver)
        model, whole = panel.table.model, panel.table.model.rowCount()
        shown = [str(model.index(row, 1).data()) for row in range(whole)]
        assert any("专家 5" in text for text in shown)
        for text in ("专家 5", "moved expert 5"):
            panel.table.line.setText(text)
            assert 0 < model.rowCount() < whole
    finally:
        use_language(ENGLISH)


@pytest.mark.parametrize(
    ("was", "now", "text"),
    [(1.0, 1.5, "+500 ms"), (1.5, 1.0, "−500 ms"), (0.3, 0.1 + 0.2, "± 0 s"), (0.0, 0.0, "± 0 s")],
)
def test_bars_tell_no_change_that_is_only_rounding(was: float, now: float, text: str) -> None:
    assert change_text(time_change(was, now)) == text


@pytest.mark.parametrize(
    ("wanted", "room"),
    [((10, 20, 30), 100), ((10, 200, 300), 100), ((50, 50, 50), 90), ((5, 0, 7), 0), ((9, 1, 1), -3)],
)
def test_columns_get_what_they_want_or_an_equal_share(wanted: tuple[int, ...], room: int) -> None:
    widths = shared(wanted, room)
    assert sum(widths) <= max(0, room)
    for width, own in zip(widths, wanted, strict=True):
        assert width == own or (width >= max(widths) - 1 and sum(widths) > max(0, room) - len(wanted))


@pytest.mark.parametrize(("size", "is_stacked"), [((720, 450), True), ((1440, 900), False), ((1920, 1080), False)])
def test_no_figure_in_the_list_is_cut(
    driver: Driver, panel: ComparePanel, size: tuple[int, int], is_stacked: bool
) -> None:
    driver.window.resize(*size)
    pin_and_move(driver)
    panel.table.category.setCurrentIndex(CATEGORIES.index("figures") + 1)
    view, rows = panel.table.view, panel.table.model.rows
    driver.settle()
    assert view.cells.is_stacked is is_stacked
    assert any(len(row.was) >= len("100,000 tokens/s") for row in rows)
    measure = view.fontMetrics().horizontalAdvance
    for place, row in enumerate(rows):
        if is_stacked:
            assert measure(f"{row.was} → {row.now}") <= view.columnWidth(WHAT) - 2 * PADDING_OF_TEXT
        else:
            for column in (WAS, IS):
                needed = view.sizeHintForIndex(view.model().index(place, column)).width()
                text = str(view.model().index(place, column).data())
                assert needed <= needed_width([text], view.fontMetrics()), "room beside a text is not what Qt takes"
                assert needed <= view.columnWidth(column)
    assert sum(view.columnWidth(column) for column in range(4) if not view.isColumnHidden(column)) <= (
        view.viewport().width()
    )


def test_a_narrow_list_has_both_values_below_the_name_in_their_colours(driver: Driver, panel: ComparePanel) -> None:
    pin_and_move(driver)
    view = panel.table.view
    assert panel.table.model.rows[0].gain == -1
    for width, is_stacked in ((260, True), (900, False)):
        view.setFixedWidth(width)
        driver.qtbot.waitUntil(lambda wanted=is_stacked: view.cells.is_stacked is wanted)
        assert view.isColumnHidden(IS) is is_stacked
        image = view.viewport().grab(view.visualRect(view.model().index(0, WHAT if is_stacked else IS))).toImage()
        colors = {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}
        assert LIGHT.color("bad").rgb() in colors


def test_locked_views_move_together_and_unlocked_ones_do_not(driver: Driver, panel: ComparePanel) -> None:
    pin_and_move(driver)
    first, second = panel.pictures
    wheel(first, QPoint(40, 40), 480)
    assert first.camera.zoom > 1.5
    assert second.camera == first.camera
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Right)
    assert second.camera == first.camera
    QTest.mouseClick(panel.lock, Qt.MouseButton.LeftButton)
    QTest.keyClick(first, Qt.Key.Key_Home)
    assert first.camera == Camera() != second.camera
    QTest.mouseClick(panel.lock, Qt.MouseButton.LeftButton)
    assert first.camera == second.camera


def wheel(widget: QWidget, point: QPoint, angle: int) -> None:
    where = QPointF(point)
    event = QWheelEvent(
        where,
        widget.mapToGlobal(where),
        QPoint(),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_the_place_under_the_pointer_stays_while_zooming() -> None:
    camera = zoomed(Camera(x=0.4, y=0.6, zoom=2.0), 3.0, 0.3, 0.7)
    assert (0.3 - camera.x) * camera.zoom == pytest.approx((0.3 - 0.4) * 2.0)
    assert (0.7 - camera.y) * camera.zoom == pytest.approx((0.7 - 0.6) * 2.0)
    assert zoomed(camera, 1e-9, 0.5, 0.5).zoom == 1.0


@pytest.mark.parametrize("nodes", [(8, 8), (8,) * 16, (1,), (72,), (3, 5, 1)])
def test_no_tile_lies_on_another_and_all_lie_in_their_nodes(nodes: tuple[int, ...]) -> None:
    found = places(nodes, 5, 1.6)
    boxes = iter(found.gpus)
    for gpus, (x, y, width, height) in zip(nodes, found.nodes, strict=True):
        own = [next(boxes) for _ in range(gpus)]
        assert all(x <= a and a + c <= x + width and y <= b and b + d <= y + height for a, b, c, d in own)
        assert len({(a, b) for a, b, _, _ in own}) == gpus
        assert x + width <= found.width + 1e-9 and y + height <= found.height + 1e-9


def test_examples_states_and_files_are_offered(driver: Driver, panel: ComparePanel) -> None:
    driver.document.commit("Rename", rename("A & B <b>bold</b>"))
    panel.fill_menu()
    texts = [action.text() for action in panel.menu.actions()]
    assert texts[:4] == ["Pin this state", "State of the history", "Example", "File…"]
    states = panel.menu.actions()[1].menu()
    assert states is not None and not isinstance(states, QLabel)
    assert [action.text() for action in states.actions()] == ["2  Rename", "1  New"]  # type: ignore[attr-defined]
    states.actions()[1].trigger()  # type: ignore[attr-defined]
    assert panel.reference is not None
    assert panel.reference.project is driver.document.history.entries[0].project


def test_a_file_can_be_the_reference(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copy(example_path("seed0-baseline"), tmp_path / "other.moe.yaml")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    driver.window.actions_by_name["compare_file"].trigger()
    driver.qtbot.waitUntil(lambda: driver.window.compare.headline is not None, timeout=20_000)
    assert note(driver, "Latency") == "−57.7 %"
    assert driver.window.compare.title.text() == "Seed 0 baseline, TP8 PP2 – other.moe.yaml"
    driver.window.compare.end()


def test_a_broken_file_is_explained_and_pins_nothing(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "broken.moe.yaml"
    path.write_text("format: 1\nmodle: {}\n")
    driver.window.compare.pin_file(path)
    assert driver.window.compare.reference is None
    assert "modle" in driver.window.toast.label.text()


def test_designs_of_other_shapes_stand_side_by_side(driver: Driver, panel: ComparePanel) -> None:
    panel.pin_example("seed3")
    wait(driver)
    first, second = panel.pictures
    assert (len(first.tiles), len(second.tiles)) == (128, 16)
    assert [tile.own for tile in first.tiles[16:]] == ["removed"] * 112
    for theme in (DARK, LIGHT):
        driver.window.looks.choose_theme(theme.name)
        assert not panel.grab().isNull()
    wheel(first, QPoint(30, 30), 1200)
    assert not first.grab().isNull() and not second.grab().isNull()


def test_undo_is_unaffected_and_followed(driver: Driver, panel: ComparePanel) -> None:
    pin_and_move(driver)
    entries = driver.document.history.entries
    driver.window.edits.undo()
    wait(driver)
    driver.qtbot.waitUntil(lambda: not panel.table.model.rows, timeout=20_000)
    assert driver.document.history.entries == entries
    assert panel.reference is not None


def test_cancelling_keeps_what_was_shown_and_offers_to_go_on(driver: Driver, panel: ComparePanel) -> None:
    pin_and_move(driver)
    shown = panel.shown
    driver.document.commit("Batch", set_value("workload.batch", 2048))
    driver.settle()
    assert panel.job.is_running
    panel.cancel.click()
    assert not panel.job.is_running
    assert panel.shown is shown
    assert panel.again.isVisible()
    QTest.mouseClick(panel.again, Qt.MouseButton.LeftButton)
    wait(driver)
    driver.qtbot.waitUntil(lambda: panel.shown is not shown)
    assert not panel.again.isVisible()


@pytest.mark.long
def test_the_event_loop_is_never_blocked_while_150_000_operators_are_compared(driver: Driver) -> None:
    panel = ComparePanel(Document(load_project(example_path("seed3"))), LIGHT)
    driver.qtbot.addWidget(panel, before_close_func=lambda _: panel.end())
    panel.resize(1500, 400)
    panel.show()
    panel.pin_state()
    panel.document.commit("Route", set_value("workload.routing.kind", "zipf"))
    panel.document.committed_evaluation  # noqa: B018  (the window needs it anyway)
    gaps = [0.0]
    last = [time.thread_time()]

    def tick() -> None:
        now = time.thread_time()  # of this thread: other programs of a shared machine do not count
        gaps.append(now - last[0])
        last[0] = now

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(1)
    panel.refresh()
    driver.qtbot.waitUntil(
        lambda: panel.shown is not None and bool(panel.table.model.rows) and not panel.job.is_running, timeout=30_000
    )
    seen = len(gaps)
    driver.qtbot.waitUntil(lambda: len(gaps) > seen + 3)
    timer.stop()
    assert max(gaps) < 0.1
    assert panel.shown is not None
    assert panel.shown.listed["operators"] > len(panel.table.model.rows) > 1000


def test_work_that_breaks_says_so(driver: Driver) -> None:
    job, said = Job(), []
    job.failed.connect(said.append)
    job.start(float, "no number")
    driver.qtbot.waitUntil(lambda: bool(said), timeout=20_000)
    assert "TypeError" in said[0] or "ValueError" in said[0]
    job.end()


def test_work_whose_process_is_killed_says_so(driver: Driver) -> None:
    job, said = Job(), []
    job.failed.connect(said.append)
    job.start(time.sleep, 60)
    process = job._process
    assert process is not None
    driver.qtbot.waitUntil(lambda: process.processId() > 0)
    process.kill()
    driver.qtbot.waitUntil(lambda: bool(said), timeout=20_000)
    assert "ended before it was done" in said[0]
    job.end()


def test_every_part_has_a_name_and_shows_text_as_it_stands(driver: Driver, panel: ComparePanel) -> None:
    driver.document.commit("Rename", rename("<b>bold</b>"))
    pin_and_move(driver)
    for label in panel.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText
    for widget in panel.findChildren(QWidget):
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisible():
            assert widget.accessibleName() or isinstance(widget, QLabel)
    assert "<b>bold</b>" in panel.names[1].text()


def test_tab_leaves_the_pictures(driver: Driver, panel: ComparePanel) -> None:
    pin_and_move(driver)
    driver.window.activateWindow()
    panel.pictures[0].setFocus()
    QTest.keyClick(panel.pictures[0], Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is not panel.pictures[0]
