"""The timeline: drawn, driven by pointer and keys, and tied to the selection of the other views."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from moe_studio.document.document import Document
from moe_studio.document.placing import drop_of, grabbed
from moe_studio.document.selection import NOTHING, Selection, operator_selection
from moe_studio.document.timeline import Timeline, timeline
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.graph.operator import FAMILIES
from moe_studio.gui.theme import DARK, LIGHT, Theme
from moe_studio.gui.timeline.ink import ink_of, readable_on
from moe_studio.gui.timeline.layout import clamped, fitted, layout, revealed, tick_step
from moe_studio.gui.timeline.paint import AXIS, GUTTER, PATH_LANE
from moe_studio.gui.timeline.panel import TimelinePanel
from moe_studio.gui.timeline.raster import picture
from moe_studio.gui.timeline.timeline_view import TimelineView
from moe_studio.gui.timeline.viewport import Viewport
from moe_studio.gui.widgets.camera import Camera
from moe_studio.project.project import Project
from tests.gui.conftest import Driver
from tests.gui.painted import contrast

LEFT = Qt.MouseButton.LeftButton
NO_KEYS = Qt.KeyboardModifier.NoModifier


@pytest.fixture(scope="module")
def evaluation(example: Project) -> Evaluation:
    return evaluate(example)


@pytest.fixture
def panel(qapp: QApplication, qtbot: QtBot, example: Project) -> TimelinePanel:
    document = Document(example)
    made = TimelinePanel(document, LIGHT)
    qtbot.addWidget(made)
    document.on_selection.append(made.show_selection)
    made.resize(1300, 560)
    made.show()
    qtbot.waitExposed(made)
    made.show_evaluation(document.evaluation)
    return made


def test_control_adds_to_the_selection_and_all_selected_gpus_are_named(panel: TimelinePanel) -> None:
    view, document = panel.view, panel.view.document
    port = _viewport(view)
    for gpu in (2, 9):
        y = port.area.top() + port.camera.to_y(float(port.layout.gpu_top[gpu])) + 4
        QTest.mouseClick(view, LEFT, Qt.KeyboardModifier.ControlModifier, QPoint(GUTTER - 20, int(y)))
    assert document.selected == (Selection(kind="gpu", gpu=9), Selection(kind="gpu", gpu=2))
    image = view.grab().toImage()
    accent = LIGHT.color("accent").rgb()
    for gpu in (2, 9):
        y = int(port.area.top() + port.camera.to_y(float(port.layout.gpu_top[gpu]))) + 3
        assert any(image.pixel(x, y) == accent for x in range(GUTTER))


def test_a_range_that_is_drawn_hides_the_measure(panel: TimelinePanel) -> None:
    view = panel.view
    view.show_measure((0.0, 1.0))
    assert view._overlay().band == (0.0, 1.0)
    view.show_band((2.0, 3.0))
    assert view._overlay().band == (2.0, 3.0)
    view.show_band(None)
    assert view._overlay().band == (0.0, 1.0)


def _viewport(view: TimelineView) -> Viewport:
    assert view.viewport is not None
    return view.viewport


def _point_of(view: TimelineView, place: int) -> QPoint:
    """The middle of a bar on the screen."""
    port = _viewport(view)
    shown, camera = port.shown, port.camera
    middle = float(shown.start[place] + shown.finish[place]) / 2
    top, bottom = port.layout.lane_box(int(shown.track[place]))
    return QPoint(
        round(port.area.left() + camera.to_x(middle)), round(port.area.top() + camera.to_y((top + bottom) / 2))
    )


def _longest(shown: Timeline, gpu: int) -> int:
    """Place of the longest operator of a GPU's compute stream."""
    first, last = int(shown.first[gpu * 2]), int(shown.first[gpu * 2 + 1])
    return first + int((shown.finish - shown.start)[first:last].argmax())


def _wheel(view: TimelineView, steps: int, point: QPoint, keys: Qt.KeyboardModifier = NO_KEYS) -> None:
    at = QPointF(point)
    event = QWheelEvent(
        at,
        view.mapToGlobal(at),
        QPoint(),
        QPoint(0, steps),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


# The picture


def test_every_pixel_of_the_picture_has_the_colour_of_what_runs_there(evaluation: Evaluation) -> None:
    shown = timeline(evaluation)
    lanes = layout(evaluation.project.cluster.node_of_gpu(), 2)
    ink = ink_of(LIGHT)
    size = (900, 600)
    camera = fitted(shown.span, lanes.height, size)
    pixels = picture(shown, lanes, camera, size, ink=ink, has_path=False)
    checked = 0
    for track in range(0, shown.tracks, 3):
        top, bottom = lanes.lane_box(track)
        line = pixels[int(camera.to_y((top + bottom) / 2))]
        for x in range(20, 880, 37):
            place = shown.at(track, camera.from_x(x + 0.5))
            wide = (shown.finish - shown.start)[place] * camera.scale_x
            inside = min(camera.from_x(x + 0.5) - shown.start[place], shown.finish[place] - camera.from_x(x + 0.5))
            if place >= 0 and wide > 6 and inside * camera.scale_x > 2:
                assert line[x] == ink.family[shown.family[place]]
                checked += 1
    assert checked > 100


def test_waiting_has_the_colour_of_an_empty_lane_and_beyond_the_end_is_nothing(evaluation: Evaluation) -> None:
    shown = timeline(evaluation)
    lanes = layout(evaluation.project.cluster.node_of_gpu(), 2)
    ink, size = ink_of(LIGHT), (900, 600)
    camera = Camera(x=0.9 * shown.span, y=0, scale_x=900 / (0.2 * shown.span), scale_y=600 / lanes.height)
    pixels = picture(shown, lanes, camera, size, ink=ink)
    assert (pixels[:, 460:] == ink.ground).all()
    comm = pixels[int(camera.to_y(sum(lanes.lane_box(1)) / 2)), :440]
    assert ink.lane in comm
    assert ink.family[FAMILIES.index("communication")] in comm


def test_the_longest_path_is_marked_by_a_thick_line_and_can_be_left_out(evaluation: Evaluation) -> None:
    shown = timeline(evaluation)
    lanes = layout(evaluation.project.cluster.node_of_gpu(), 2)
    ink, size = ink_of(LIGHT), (900, 600)
    camera = fitted(shown.span, lanes.height, size)
    marked = picture(shown, lanes, camera, size, ink=ink) == ink.path
    assert marked.any()
    columns = np.flatnonzero(marked.any(axis=0))
    assert (marked[:, columns].sum(axis=0) >= 3).all()
    assert not (picture(shown, lanes, camera, size, ink=ink, has_path=False) == ink.path).any()


def test_bars_beside_the_focus_fade(evaluation: Evaluation) -> None:
    shown = timeline(evaluation)
    lanes = layout(evaluation.project.cluster.node_of_gpu(), 2)
    ink, size = ink_of(LIGHT), (900, 600)
    camera = fitted(shown.span, lanes.height, size)
    focus = np.zeros(len(shown.row), bool)
    focus[shown.matching(Selection(kind="layer", layer=1))] = True
    pixels = picture(shown, lanes, camera, size, ink=ink, focus=focus, has_path=False)
    bright = np.flatnonzero(np.isin(pixels, ink.family).any(axis=0))
    start = shown.start[focus].min()
    assert camera.from_x(int(bright.min()) + 1) >= start
    assert np.isin(pixels, ink.faded).any()


def test_a_folded_node_shows_how_many_of_its_gpus_are_busy(evaluation: Evaluation) -> None:
    shown = timeline(evaluation)
    lanes = layout(evaluation.project.cluster.node_of_gpu(), 2, {0})
    assert lanes.height < layout(evaluation.project.cluster.node_of_gpu(), 2).height
    ink, size = ink_of(LIGHT), (900, 600)
    camera = fitted(shown.span, lanes.height, size)
    pixels = picture(shown, lanes, camera, size, ink=ink)
    line = pixels[int(camera.to_y(sum(lanes.lane_box(0)) / 2)), 20:880]
    # All eight GPUs of the node compute at the same time in this design.
    assert (line == ink.compute).mean() > 0.9


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_names_in_bars_can_be_read(theme: Theme) -> None:
    for family in FAMILIES:
        assert contrast(theme.family(family), readable_on(theme, family)) >= 4.5, family


# Looking


def test_zooming_keeps_what_is_under_the_pointer(panel: TimelinePanel) -> None:
    view, point = panel.view, QPoint(700, 300)
    before = _viewport(view).second_at(QPointF(point))
    _wheel(view, 600, point)
    assert _viewport(view).second_at(QPointF(point)) == pytest.approx(before)
    scale = _viewport(view).camera.scale_y
    height = _viewport(view).height_at(QPointF(point))
    _wheel(view, 600, point, Qt.KeyboardModifier.ControlModifier)
    assert _viewport(view).camera.scale_y > scale
    assert _viewport(view).height_at(QPointF(point)) == pytest.approx(height)


def test_dragging_pans_and_home_shows_everything(panel: TimelinePanel) -> None:
    view = panel.view
    _wheel(view, 1200, QPoint(700, 300))
    before = _viewport(view).camera.x
    QTest.mousePress(view, LEFT, NO_KEYS, QPoint(700, 300))
    QTest.mouseMove(view, QPoint(600, 300))
    QTest.mouseRelease(view, LEFT, NO_KEYS, QPoint(600, 300))
    assert _viewport(view).camera.x == pytest.approx(before + 100 / _viewport(view).camera.scale_x)
    assert view.document.selection == NOTHING
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert _viewport(view).is_fitted
    assert _viewport(view).camera.from_x(view.width() - GUTTER) > _viewport(view).shown.span


def test_shift_drag_zooms_to_the_range_and_escape_does_not(panel: TimelinePanel) -> None:
    view, shift = panel.view, Qt.KeyboardModifier.ShiftModifier
    camera = _viewport(view).camera
    QTest.mousePress(view, LEFT, shift, QPoint(500, 300))
    QTest.mouseMove(view, QPoint(800, 300))
    QTest.keyClick(view, Qt.Key.Key_Escape)
    QTest.mouseRelease(view, LEFT, shift, QPoint(800, 300))
    assert _viewport(view).camera == camera
    low, high = (_viewport(view).snapped(QPointF(x, 300)) for x in (500, 800))
    QTest.mousePress(view, LEFT, shift, QPoint(500, 300))
    QTest.mouseMove(view, QPoint(800, 300))
    QTest.mouseRelease(view, LEFT, shift, QPoint(800, 300))
    width = view.width() - GUTTER
    assert _viewport(view).camera.from_x(0) == pytest.approx(low, abs=0.05 * (high - low))
    assert _viewport(view).camera.from_x(width) == pytest.approx(high, abs=0.05 * (high - low))


def test_f_frames_the_selected_operator(panel: TimelinePanel) -> None:
    view = panel.view
    shown = _viewport(view).shown
    place = int(shown.first[8]) + 3
    view.document.select(operator_selection(shown.evaluation.graph, int(shown.row[place])))
    QTest.keyClick(view, Qt.Key.Key_F)
    camera = _viewport(view).camera
    left, right = camera.to_x(float(shown.start[place])), camera.to_x(float(shown.finish[place]))
    assert right - left == pytest.approx(0.3 * (view.width() - GUTTER), rel=0.01)
    assert left > 0
    assert _viewport(view).place_at(QPointF(_point_of(view, place))) == place


def test_scroll_bars_follow_and_lead(panel: TimelinePanel) -> None:
    view = panel.view
    assert panel.across.maximum() == 0 or panel.across.pageStep() > 9000
    _wheel(view, 1800, QPoint(700, 300))
    assert panel.across.maximum() > 0
    panel.across.setValue(panel.across.maximum() // 2)
    middle = _viewport(view).camera.from_x((view.width() - GUTTER) / 2)
    assert middle == pytest.approx(_viewport(view).shown.span / 2, rel=0.1)


def test_the_camera_stays_where_there_is_something_to_see() -> None:
    size = (1000.0, 400.0)
    far = clamped(Camera(x=1e9, y=1e9, scale_x=1e30, scale_y=1e9), 10.0, 50.0, size)
    assert far.x < 10.0
    assert far.y < 50.0
    wide = clamped(Camera(x=-1e9, y=-5, scale_x=1e-9, scale_y=1e-9), 10.0, 50.0, size)
    assert wide.to_x(10.0) >= 0.8 * 1000 * 0.99
    assert revealed(wide, (1.0, 2.0), (0.0, 1.0), size) == wide


def test_ticks_are_round() -> None:
    assert [tick_step(value) for value in (0.9, 1.0, 1.1, 3.0, 7.0, 0.00012)] == pytest.approx(
        [1.0, 1.0, 2.0, 5.0, 10.0, 0.0002]
    )


def test_a_large_cluster_opens_with_its_nodes_folded(
    qapp: QApplication, qtbot: QtBot, example: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moe_studio.gui.timeline.viewport.FOLDED_BELOW", 1e9)
    document = Document(example)
    panel = TimelinePanel(document, LIGHT)
    qtbot.addWidget(panel)
    panel.show()
    panel.show_evaluation(document.evaluation)
    assert panel.fold.isChecked()
    assert _viewport(panel.view).layout.is_folded == (True, True)
    panel.fold.click()
    assert _viewport(panel.view).layout.is_folded == (False, False)


# Selecting


def test_a_click_selects_the_operator_and_its_values_are_read(panel: TimelinePanel) -> None:
    view = panel.view
    shown = _viewport(view).shown
    place = _longest(shown, 5)
    QTest.mouseClick(view, LEFT, NO_KEYS, _point_of(view, place))
    assert view.document.selection == operator_selection(shown.evaluation.graph, int(shown.row[place]))
    assert "GPU 5, compute" in panel.readout.text()


def test_hovering_reads_values_without_selecting(panel: TimelinePanel) -> None:
    view = panel.view
    place = _longest(_viewport(view).shown, 2)
    QTest.mouseMove(view, _point_of(view, place))
    graph = _viewport(view).shown.evaluation.graph
    assert panel.readout.text().startswith(graph.name(int(_viewport(view).shown.row[place])))
    assert view.document.selection == NOTHING


def test_the_lane_of_the_longest_path_can_be_clicked(panel: TimelinePanel) -> None:
    view = panel.view
    shown = _viewport(view).shown
    place = int(shown.path[(shown.finish - shown.start)[shown.path].argmax()])
    QTest.mouseClick(view, LEFT, NO_KEYS, QPoint(_point_of(view, place).x(), AXIS + PATH_LANE // 3))
    assert view.document.selection == operator_selection(shown.evaluation.graph, int(shown.row[place]))


def test_arrows_go_along_a_stream_and_to_others(panel: TimelinePanel) -> None:
    view = panel.view
    shown = _viewport(view).shown
    QTest.keyClick(view, Qt.Key.Key_Right)
    first = int(shown.path[0])
    assert view.document.selection == operator_selection(shown.evaluation.graph, int(shown.row[first]))
    QTest.keyClick(view, Qt.Key.Key_Right)
    second = shown.beside(first, 1)
    assert view.document.selection == operator_selection(shown.evaluation.graph, int(shown.row[second]))
    QTest.keyClick(view, Qt.Key.Key_Down)
    third = shown.across(second, 1)
    assert third != second
    assert view.document.selection == operator_selection(shown.evaluation.graph, int(shown.row[third]))


def test_brackets_walk_along_the_longest_path(panel: TimelinePanel) -> None:
    view = panel.view
    shown = _viewport(view).shown
    for key, step in ((Qt.Key.Key_BracketRight, 0), (Qt.Key.Key_BracketRight, 1), (Qt.Key.Key_BracketLeft, 0)):
        QTest.keyClick(view, key)
        row = int(shown.row[shown.path[step]])
        assert view.document.selection == operator_selection(shown.evaluation.graph, row)


def test_names_in_the_margin_select_gpus_and_nodes_and_triangles_fold(panel: TimelinePanel) -> None:
    view = panel.view
    port = _viewport(view)
    y = round(port.area.top() + port.camera.to_y(float(port.layout.gpu_top[3]) + 0.5))
    QTest.mouseClick(view, LEFT, NO_KEYS, QPoint(GUTTER - 30, y))
    assert view.document.selection == Selection(kind="gpu", gpu=3)
    QTest.mouseClick(view, LEFT, NO_KEYS, QPoint(50, y))
    assert view.document.selection == Selection(kind="node", node=0)
    QTest.mouseClick(view, LEFT, NO_KEYS, QPoint(12, y))
    assert port.layout.is_folded == (True, False)
    QTest.keyClick(view, Qt.Key.Key_N)
    assert port.layout.is_folded == (False, False)
    panel.fold.click()
    assert port.layout.is_folded == (True, True)


def test_a_selection_elsewhere_is_brought_into_view(panel: TimelinePanel) -> None:
    view = panel.view
    shown = _viewport(view).shown
    _wheel(view, 3000, QPoint(300, 100))
    last = int(shown.path[-1])
    view.document.select(operator_selection(shown.evaluation.graph, int(shown.row[last])))
    assert _viewport(view).place_at(QPointF(_point_of(view, last))) == last


# Measuring


def test_dragging_on_the_axis_measures(panel: TimelinePanel) -> None:
    view = panel.view
    QTest.mousePress(view, LEFT, NO_KEYS, QPoint(400, 8))
    QTest.mouseMove(view, QPoint(700, 8))
    QTest.mouseRelease(view, LEFT, NO_KEYS, QPoint(700, 8))
    assert view.measure is not None
    assert view.measure[1] - view.measure[0] == pytest.approx(300 / _viewport(view).camera.scale_x)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert view.measure is None


def test_a_measure_snaps_to_the_ends_of_operators(panel: TimelinePanel) -> None:
    view = panel.view
    shown = _viewport(view).shown
    place = _longest(shown, 1)
    QTest.keyClick(view, Qt.Key.Key_M)
    assert panel.measure.isChecked()
    y = _point_of(view, place).y()
    camera = _viewport(view).camera
    left, right = (
        round(GUTTER + camera.to_x(float(end[place]))) + by for end, by in ((shown.start, 3), (shown.finish, -3))
    )
    QTest.mousePress(view, LEFT, NO_KEYS, QPoint(left, y))
    QTest.mouseMove(view, QPoint(right, y))
    QTest.mouseRelease(view, LEFT, NO_KEYS, QPoint(right, y))
    assert view.measure == (float(shown.start[place]), float(shown.finish[place]))


def test_the_keyboard_measures_from_one_operator_to_another(panel: TimelinePanel) -> None:
    view = panel.view
    shown = _viewport(view).shown
    QTest.keyClick(view, Qt.Key.Key_Right)
    QTest.keyClick(view, Qt.Key.Key_M)
    for _ in range(3):
        QTest.keyClick(view, Qt.Key.Key_Right)
    place = int(shown.path[0])
    assert view.measure == (float(shown.start[place]), float(shown.finish[place + 3]))


# Living with changes


def test_nothing_is_computed_until_it_is_seen(qapp: QApplication, qtbot: QtBot, example: Project) -> None:
    panel = TimelinePanel(Document(example), LIGHT)
    qtbot.addWidget(panel)
    panel.show_evaluation(panel.view.document.evaluation)
    assert panel.view.viewport is None
    panel.show()
    assert panel.view.viewport is not None


def test_the_range_stays_while_a_gesture_lasts(panel: TimelinePanel, example: Project) -> None:
    view = panel.view
    camera = _viewport(view).camera
    grab = grabbed(example, 5, 5, None)
    view.document.preview(drop_of(example, grab, 13).edit)
    panel.show_evaluation(view.document.evaluation)
    assert _viewport(view).shown.span > camera.from_x(view.width() - GUTTER)
    assert _viewport(view).camera == camera
    view.document.cancel()
    panel.show_evaluation(view.document.evaluation)
    assert _viewport(view).camera == camera


def test_another_document_starts_anew(panel: TimelinePanel, example: Project) -> None:
    panel.view.fold(0)
    _wheel(panel.view, 600, QPoint(700, 300))
    other = Document(example)
    panel.set_document(other)
    panel.show_evaluation(other.evaluation)
    assert _viewport(panel.view).is_fitted
    assert _viewport(panel.view).layout.is_folded == (False, False)


def test_it_can_be_drawn_in_both_themes_at_every_zoom(panel: TimelinePanel) -> None:
    for theme in (LIGHT, DARK):
        panel.set_theme(theme)
        QTest.keyClick(panel.view, Qt.Key.Key_Home)
        for _ in range(14):
            assert not panel.grab().isNull()
            _wheel(panel.view, 1500, QPoint(700, 300))
            _wheel(panel.view, 200, QPoint(700, 300), Qt.KeyboardModifier.ControlModifier)


# In the window


def test_a_bar_clicked_in_the_window_is_selected_in_every_view_and_framed_from_the_menu(driver: Driver) -> None:
    workspace = driver.window.workspace
    driver.window.actions_by_name["show_timeline"].trigger()
    view = workspace.timeline.view
    shown = _viewport(view).shown
    place = _longest(shown, 6)
    QTest.mouseClick(view, LEFT, NO_KEYS, _point_of(view, place))
    name = shown.evaluation.graph.name(int(shown.row[place]))
    assert workspace.inspector.text().startswith(name)
    view.setFocus()
    driver.window.actions_by_name["frame"].trigger()
    camera = _viewport(view).camera
    wide = camera.to_x(float(shown.finish[place])) - camera.to_x(float(shown.start[place]))
    assert wide == pytest.approx(0.3 * (view.width() - GUTTER), rel=0.01)


def test_during_a_drag_the_timeline_follows_only_when_it_is_seen(driver: Driver) -> None:
    view = driver.window.workspace.timeline.view

    def shows_the_document() -> bool:
        return _viewport(view).shown.evaluation.project is driver.document.project

    driver.drag(5, 13)
    driver.settle()
    assert view.viewport is None
    driver.window.workspace.show_tab("timeline")
    assert shows_the_document()
    driver.move(driver.gpu_point(9))
    driver.settle()
    assert shows_the_document()
    driver.release(driver.gpu_point(9))


def test_what_cannot_be_drawn_is_reported_and_leaves_the_window_usable(
    panel: TimelinePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[type[BaseException]] = []
    monkeypatch.setattr("sys.excepthook", lambda kind, *_: seen.append(kind))
    port = _viewport(panel.view)
    monkeypatch.setattr(port, "camera", None)
    assert not panel.view.grab().isNull()
    assert seen == [AttributeError]
    monkeypatch.undo()
    assert not panel.view.grab().isNull()
