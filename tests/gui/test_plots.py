"""The charts: what they show, how they are read and chosen, and what is saved of them."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from moe_studio.document.document import Document
from moe_studio.document.placing import drop_of, grabbed
from moe_studio.document.selection import Selection, operator_selection
from moe_studio.errors import MoeStudioError, SaveError
from moe_studio.graph.operator import OP_NUMBER
from moe_studio.gui.plots.breakdown import BreakdownPanel
from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.load_chart import NO_EXPERTS, LoadChart
from moe_studio.gui.plots.memory_chart import MemoryChart, byte_tick
from moe_studio.gui.plots.roofline_chart import RooflineChart, power_ticks
from moe_studio.gui.plots.row_chart import Row, RowChart
from moe_studio.gui.plots.save import MARGIN, SCALE, chart_image, chart_menu, picture_size, save_chart, svg_bytes
from moe_studio.gui.plots.sensitivity_chart import SensitivityChart
from moe_studio.gui.plots.style import count_ticks, kind_color, round_ticks
from moe_studio.gui.plots.time_chart import GpuChart, KindChart, LayerChart
from moe_studio.gui.plots.why_panel import WhyPanel
from moe_studio.gui.text import CHINESE, ENGLISH, use_language
from moe_studio.gui.theme import DARK, LIGHT, Theme
from moe_studio.locator import resource
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project
from moe_studio.units import percent_text
from tests.gui.conftest import Driver

KINDS = (KindChart, LayerChart, GpuChart, SensitivityChart, MemoryChart, LoadChart, RooflineChart)
Make = Callable[[type[Chart]], Chart]


@pytest.fixture
def document(example: Project) -> Document:
    return Document(example)


@pytest.fixture
def make(qapp: QApplication, qtbot: QtBot, document: Document) -> Make:
    """Makes charts that are shown."""

    def shown(kind: Callable[[Theme], Chart]) -> Chart:
        chart = kind(LIGHT)
        qtbot.addWidget(chart)
        chart.resize(760, 260)
        chart.show()
        qtbot.waitExposed(chart)
        chart.show_evaluation(document.evaluation, keeps_range=False)
        QApplication.processEvents()
        return chart

    return shown


@pytest.fixture
def crowded(document: Document) -> Document:
    """With two experts on one GPU."""
    project = document.project
    document.commit("x", drop_of(project, grabbed(project, 5, 5, None), 13).edit)
    return document


def _point(chart: Chart, item: int) -> QPoint:
    """The middle of an item in the plot's viewport."""
    scene = chart.plot.getViewBox().mapViewToScene(chart.box(item).center())
    point: QPoint = chart.plot.mapFromScene(scene)
    return point


def _move(chart: Chart, item: int) -> None:
    QTest.mouseMove(chart.plot.viewport(), _point(chart, item))


def _rows(chart: Chart) -> list[list[str]]:
    return list(csv.reader(io.StringIO(chart.table().csv_text())))


# What they show


def test_the_parts_of_each_time_chart_sum_to_the_latency(make: Make, document: Document) -> None:
    latency = document.evaluation.metrics.latency_s
    kinds, layers, gpus = make(KindChart), make(LayerChart), make(GpuChart)
    assert isinstance(kinds, KindChart)
    assert isinstance(layers, LayerChart)
    assert isinstance(gpus, GpuChart)
    assert sum(row.value for row in kinds.rows) == pytest.approx(latency)
    assert layers.total.sum() == pytest.approx(sum(document.evaluation.breakdown.by_layer.values()))
    np.testing.assert_allclose(gpus.total, latency)


def test_the_memory_chart_draws_what_each_gpu_holds_and_says_how_many_lack_room(make: Make, document: Document) -> None:
    chart = make(MemoryChart)
    assert isinstance(chart, MemoryChart)
    np.testing.assert_allclose(chart.total, document.evaluation.memory.total)
    assert chart.heading.text() == "Memory per GPU: 16 of 16 GPUs lack room"
    heights = np.sum([[rect.height() for rect in rects] for _, rects in chart.stacks.groups], axis=0)
    np.testing.assert_allclose(heights, document.evaluation.memory.total)


def test_the_load_map_is_deeper_where_more_tokens_go(make: Make, crowded: Document) -> None:
    chart = make(LoadChart)
    assert isinstance(chart, LoadChart)
    image = chart.image.image
    assert image.shape == (4, 16, 3)
    light = image.astype(int).sum(axis=2)
    assert light[0, 13] < light[0, 4]
    assert light[0, 5] > light[0, 4]
    assert chart.heading.text().endswith("imbalance at most 2.00 ×")
    assert len(chart.worst.data) == 4


def test_a_dense_model_has_no_load_and_says_so(qapp: QApplication, qtbot: QtBot) -> None:
    dense = Document(load_project(resource("examples", "seed4-proposed.moe.yaml")))
    chart = LoadChart(LIGHT)
    qtbot.addWidget(chart)
    chart.show()
    chart.show_evaluation(dense.evaluation, keeps_range=False)
    assert chart.nothing.text() == NO_EXPERTS
    assert chart.nothing.isVisible()
    assert not chart.plot.isVisible()
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.heading.text() == chart.title


def test_roofline_points_grow_with_their_time(make: Make) -> None:
    chart = make(RooflineChart)
    assert isinstance(chart, RooflineChart)
    assert chart.shown is not None
    order = np.argsort(chart.shown.seconds)
    assert (np.diff(chart.diameter[order]) >= 0).all()
    names = [label for label in chart.names if label.isVisible()]
    assert names
    assert {label.toPlainText() for label in names} <= {chart.shown.name(item) for item in range(chart.count)}


def test_sensitivity_is_in_shares_of_the_latency(make: Make, document: Document) -> None:
    chart = make(SensitivityChart)
    assert isinstance(chart, SensitivityChart)
    evaluation = document.evaluation
    change = evaluation.sensitivity["peak compute"] / evaluation.metrics.latency_s
    assert chart.rows[0].value == pytest.approx(-change)
    assert chart.rows[0].text == "−7.9 %"
    assert chart.rows[2].text == "no gain"


# Reading and choosing


@pytest.mark.parametrize("kind", KINDS)
def test_hovering_reads_every_item_and_leaving_ends_it(kind: type[Chart], make: Make) -> None:
    chart = make(kind)
    for item in range(min(3, chart.count)):
        chart.read(-1)
        _move(chart, item)
        assert chart.current == item
        assert chart.heading.text() == chart.text_of(item)
        assert chart.hover_frame.isVisible()
    QTest.mouseMove(chart.plot.viewport(), QPoint(1, 1))
    assert chart.heading.text() == chart.title
    assert not chart.hover_frame.isVisible()


@pytest.mark.parametrize("kind", KINDS)
def test_a_click_and_enter_choose_the_same(kind: type[Chart], make: Make) -> None:
    chart = make(kind)
    chosen: list[Selection] = []
    chart.chosen.connect(chosen.append)
    QTest.mouseClick(chart.plot.viewport(), Qt.MouseButton.LeftButton, pos=_point(chart, 1))
    assert len(chosen) == 1
    assert chart.hasFocus()
    chart.read(-1)
    QTest.keyClick(chart, Qt.Key.Key_Home)
    assert chart.current == 0
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.current == 1
    QTest.keyClick(chart, Qt.Key.Key_Return)
    assert chosen[0] == chosen[1]
    QTest.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.current == -1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_selected_is_framed(kind: type[Chart], make: Make) -> None:
    chart = make(kind)
    found = chart.selection_of(1)
    assert found is not None
    chart.show_selection(found)
    assert chart.chosen_frame.isVisible()
    assert chart.item_of(found) in (1, chart.item_of(found))
    assert chart.box(chart.item_of(found)).contains(chart.chosen_frame.path().boundingRect().center())
    chart.show_selection(Selection(kind="design"))
    assert not chart.chosen_frame.isVisible()


def test_arrows_go_in_two_directions_on_the_map(make: Make) -> None:
    chart = make(LoadChart)
    QTest.keyClick(chart, Qt.Key.Key_Home)
    QTest.keyClick(chart, Qt.Key.Key_Down)
    assert chart.current == 16
    QTest.keyClick(chart, Qt.Key.Key_Up)
    QTest.keyClick(chart, Qt.Key.Key_Up)
    assert chart.current == 0


def test_a_cell_of_the_map_selects_the_busiest_expert(make: Make, crowded: Document) -> None:
    chart = make(LoadChart)
    found = chart.selection_of(2 * 16 + 13)
    assert found is not None
    assert (found.kind, found.layer, found.gpu, found.op) == ("operator", 2, 13, "up")
    assert found.expert in (5, 13)
    assert chart.selection_of(5) == Selection(kind="layer", layer=0)


# Living with changes


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_computed_until_it_is_seen(
    kind: Callable[[Theme], Chart], qapp: QApplication, qtbot: QtBot, document: Document
) -> None:
    chart = kind(LIGHT)
    qtbot.addWidget(chart)
    chart.show_evaluation(document.evaluation, keeps_range=False)
    assert chart.evaluation is None
    chart.show()
    assert chart.evaluation is document.evaluation


def test_ranges_stay_while_a_gesture_lasts_and_rows_keep_their_places(make: Make, document: Document) -> None:
    charts = [make(kind) for kind in KINDS]
    kinds, sensitivity = charts[0], charts[3]
    assert isinstance(kinds, KindChart)
    assert isinstance(sensitivity, SensitivityChart)
    ranges = [chart.plot.getViewBox().viewRange() for chart in charts]
    names, gains = [row.name for row in kinds.rows], sensitivity.rows
    project = document.project
    document.preview(drop_of(project, grabbed(project, 5, 5, None), 13).edit)
    for chart in charts:
        chart.show_evaluation(document.evaluation, keeps_range=True)
    assert [chart.plot.getViewBox().viewRange() for chart in charts] == ranges
    assert [row.name for row in kinds.rows] == names
    assert sensitivity.rows is gains
    # What is not worked out in every frame does not look as if it were.
    assert sensitivity.heading.text() == "What 10 % more gave before"
    for chart in charts:
        chart.show_evaluation(document.evaluation, keeps_range=False)
    assert [chart.plot.getViewBox().viewRange() for chart in charts] != ranges
    assert sensitivity.rows != gains
    assert sensitivity.heading.text() == "What 10 % more would give"


def test_a_range_missed_while_hidden_is_made_up_for(make: Make, document: Document, crowded: Document) -> None:
    chart = make(GpuChart)
    assert isinstance(chart, GpuChart)
    chart.hide()
    crowded.undo()
    chart.show_evaluation(crowded.evaluation, keeps_range=False)
    chart.show_evaluation(crowded.evaluation, keeps_range=True)
    chart.show()
    assert chart.high == pytest.approx(crowded.evaluation.metrics.latency_s)


def test_why_is_found_after_a_pause_and_not_during_a_gesture(
    qapp: QApplication, qtbot: QtBot, document: Document
) -> None:
    panel = WhyPanel()
    qtbot.addWidget(panel)
    panel.show()
    panel.show_evaluation(document.evaluation, is_previewing=False)
    assert panel.text.text() == ""
    qtbot.waitUntil(lambda: "bound by arithmetic" in panel.text.text())
    before = panel.text.text()
    project = document.project
    document.preview(drop_of(project, grabbed(project, 5, 5, None), 13).edit)
    panel.show_evaluation(document.evaluation, is_previewing=True)
    panel.finish()
    assert panel.text.text() == before
    panel.show_evaluation(document.evaluation, is_previewing=False)
    panel.finish()
    assert "GPU 13 hosts 2 experts" in panel.text.text()
    assert panel.text.textFormat() is Qt.TextFormat.PlainText


def test_no_part_folds_away_when_it_is_narrow_but_all_can_be_scrolled_to(
    qapp: QApplication, qtbot: QtBot, document: Document
) -> None:
    panel = BreakdownPanel(LIGHT)
    qtbot.addWidget(panel)
    panel.show()
    panel.show_evaluation(document.evaluation, keeps_range=False)
    parts = (panel.kinds, panel.layers, panel.gpus, panel.sensitivity, panel.why)
    for width, is_scrolled in ((1500, False), (700, True)):
        panel.resize(width, 240)
        QApplication.processEvents()
        assert all(part.isVisible() for part in parts)
        assert (panel.horizontalScrollBar().maximum() > 0) == is_scrolled


# Saving


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_is_saved_as_svg_png_and_csv(kind: type[Chart], make: Make, tmp_path: Path) -> None:
    chart = make(kind)
    for suffix in ("svg", "png", "csv"):
        save_chart(chart, tmp_path / f"{chart.stem}.{suffix}")
    drawing = ElementTree.parse(tmp_path / f"{chart.stem}.svg").getroot()
    words = " ".join(text for text in drawing.itertext() if text.strip())
    assert chart.title.split()[0] in words
    image = QImage(str(tmp_path / f"{chart.stem}.png"))
    size = chart.plot.size()
    assert image.width() > 2 * size.width()
    colors = {image.pixelColor(x, y).name() for x in range(0, image.width(), 5) for y in range(0, image.height(), 5)}
    assert len(colors) > 4
    rows = list(csv.reader((tmp_path / f"{chart.stem}.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(chart.table().rows) + 1
    assert all(len(row) == len(rows[0]) for row in rows)


def test_csv_has_the_values_that_are_drawn(make: Make, document: Document) -> None:
    rows = _rows(make(GpuChart))
    assert rows[0] == ["GPU", "computing (s)", "communicating (s)", "waiting (s)"]
    assert float(rows[6][1]) == pytest.approx(document.evaluation.compute_s[5])
    kinds = _rows(make(KindChart))
    assert sum(float(row[1]) for row in kinds[1:]) == pytest.approx(document.evaluation.metrics.latency_s)


def test_what_cannot_be_saved_is_refused_in_words(make: Make, tmp_path: Path) -> None:
    chart = make(GpuChart)
    with pytest.raises(MoeStudioError, match=r"a\.gif: a chart is saved as \.svg, \.png or \.csv"):
        save_chart(chart, tmp_path / "a.gif")
    with pytest.raises(SaveError, match="was not saved"):
        save_chart(chart, tmp_path / "none" / "a.svg")


@pytest.mark.parametrize("kind", KINDS)
def test_saved_pictures_and_drawings_show_what_the_window_shows(kind: type[Chart], make: Make, tmp_path: Path) -> None:
    chart = make(kind)
    seen = chart.plot.grab().toImage()
    for saved in (chart_image(chart), _rendered(chart)):
        corner = QPoint(MARGIN, saved.height() // SCALE - MARGIN - chart.plot.height())
        points = [QPoint(x, y) for x in range(1, seen.width(), 3) for y in range(1, seen.height(), 3)]
        is_ground = [seen.pixelColor(point) == seen.pixelColor(0, 0) for point in points]
        drawn = [saved.pixelColor((point + corner) * SCALE) == chart.theme.color("surface") for point in points]
        assert np.mean(np.array(is_ground) == np.array(drawn)) > 0.97


def _rendered(chart: Chart) -> QImage:
    """The chart's drawing as another program shows it."""
    size = picture_size(chart)
    image = QImage(size * SCALE, QImage.Format.Format_RGB32)
    with QPainter(image) as painter:
        QSvgRenderer(svg_bytes(chart)).render(painter)
    return image


@pytest.mark.parametrize("kind", KINDS)
def test_words_of_a_drawing_stand_where_the_window_has_them(kind: type[Chart], make: Make) -> None:
    drawing = svg_bytes(make(kind)).decode()
    groups = re.findall(r'transform="matrix\(([\d.]+),0,0,([\d.]+),[^"]*"[^>]*>\s*<text', drawing)
    assert len(groups) > 3
    assert {(float(across), float(down)) for across, down in groups} == {(1.0, 1.0)}


def test_points_of_a_drawing_are_shapes(make: Make) -> None:
    assert "<image" not in svg_bytes(make(RooflineChart)).decode()


def test_a_saved_chart_speaks_the_language_of_the_window(make: Make) -> None:
    use_language(CHINESE)
    try:
        drawing = svg_bytes(make(LoadChart)).decode()
    finally:
        use_language(ENGLISH)
    words = " ".join(ElementTree.fromstring(drawing).itertext())
    assert not re.findall(r"[A-Z]?[a-z]{3,}", words.replace("Generated with Qt", "")), words


@pytest.mark.parametrize("name", ["seed0-proposed-dp", "seed3", "real/qwen3-30b-a3b-decode-h100"])
def test_words_of_the_roofline_are_whole_at_any_height(make: Make, name: str, qtbot: QtBot) -> None:
    chart = make(RooflineChart)
    assert isinstance(chart, RooflineChart)
    chart.show_evaluation(
        Document(load_project(resource("examples", f"{name}.moe.yaml"))).evaluation, keeps_range=False
    )
    for height in (160, 230, 400):
        chart.resize(900, height)
        qtbot.wait(1)
        QApplication.processEvents()
        room = chart.plot.getViewBox().sceneBoundingRect().adjusted(-1, -1, 1, 1)
        words = [label for label in (*chart.names, *chart.roof_labels) if label.isVisible()]
        assert len(words) > 1
        for label in words:
            assert room.contains(label.mapRectToScene(label.boundingRect().adjusted(4, 4, -4, -4))), label.toPlainText()


@pytest.mark.parametrize("name", ["real/deepseek-v3-decode-h800", "real/gpt-oss-120b-decode-h100"])
def test_words_of_several_roofs_cover_nothing(make: Make, name: str, qtbot: QtBot) -> None:
    chart = make(RooflineChart)
    assert isinstance(chart, RooflineChart)
    document = Document(load_project(resource("examples", f"{name}.moe.yaml")))
    chart.show_evaluation(document.evaluation, keeps_range=False)
    for width in (480, 1200):
        chart.resize(width, 170)
        qtbot.wait(1)
        QApplication.processEvents()
        words = [label for label in chart.roof_labels if label.isVisible()]
        assert len(words) == 2
        first, second = (label.mapRectToScene(label.boundingRect().adjusted(4, 4.5, -4, -4.5)) for label in words)
        assert not first.intersects(second)
        end = chart.plot.getViewBox().mapViewToScene(QPointF(chart.limits[1], 0)).x()
        assert min(first.left(), second.left()) >= end


def test_a_point_says_how_near_it_is_to_its_own_roof(make: Make) -> None:
    chart = make(RooflineChart)
    assert isinstance(chart, RooflineChart)
    evaluation = Document(load_project(resource("examples", "real", "deepseek-v3-decode-h800.moe.yaml"))).evaluation
    chart.show_evaluation(evaluation, keeps_range=False)
    assert chart.shown is not None
    for item in range(chart.count):
        roof = chart.shown.roofs[chart.shown.roof[item]]
        best = min(roof.peak_flop_s, roof.memory_byte_s * float(chart.shown.intensity[item]))
        bound = evaluation.bound_name(int(chart.shown.row[item]))
        assert f"{percent_text(float(chart.shown.rate[item]) / best, 0)} of the roof, bound by {bound};" in (
            chart.text_of(item)
        )
        assert chart.item_of(operator_selection(evaluation.graph, int(chart.shown.row[item]))) == item


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_chart_reads_is_chinese_in_a_chinese_window(kind: type[Chart], make: Make) -> None:
    chart = make(kind)
    use_language(CHINESE)
    try:
        for item in range(chart.count):
            told = chart.text_of(item)
            names = {"GPU", "FLOP", "TFLOP", "GFLOP", *OP_NUMBER}
            assert set(re.findall(r"[A-Za-z_]{3,}", told)) <= names, told
            assert re.search(r"[\u4e00-\u9fff]", told), told
    finally:
        use_language(ENGLISH)


def test_the_menu_asks_for_files_and_copies_values_and_picture(make: Make) -> None:
    chart = make(GpuChart)
    wanted: list[str] = []
    menu = chart_menu(chart, wanted.append)
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts == ["Save as SVG…", "Save as PNG…", "Save values as CSV…", "Copy picture", "Copy values"]
    for action in menu.actions()[:3]:
        action.trigger()
    assert wanted == ["svg", "png", "csv"]
    menu.actions()[-1].trigger()
    assert QApplication.clipboard().text().startswith("GPU,computing (s)")
    menu.actions()[-2].trigger()
    assert not QApplication.clipboard().image().isNull()


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_has_a_name_and_both_themes(kind: type[Chart], make: Make) -> None:
    chart = make(kind)
    assert chart.accessibleName()
    assert chart.menu_button.accessibleName()
    before = chart.grab().toImage()
    chart.set_theme(DARK)
    assert chart.grab().toImage() != before


def test_ticks_are_few_and_round() -> None:
    assert [text for _, text in count_ticks(128)] == [str(number) for number in range(0, 128, 10)]
    assert count_ticks(4) == [(0.0, "0"), (1.0, "1"), (2.0, "2"), (3.0, "3")]
    assert round_ticks(103.0, 5) == [0.0, 50.0, 100.0]
    assert [byte_tick(value) for value in (0.0, 5e10, 2e12)] == ["0 B", "50 GB", "2 TB"]
    assert power_ticks(1.2, 4.1, "FLOP/B") == [(2.0, "100 FLOP/B"), (3.0, "1 kFLOP/B"), (4.0, "10 kFLOP/B")]
    assert [text for _, text in power_ticks(13.2, 14.9, "FLOP/s")] == [
        f"{rate} TFLOP/s" for rate in (20, 50, 100, 200, 500)
    ]


def test_a_place_beside_every_item_chooses_nothing(make: Make) -> None:
    chart = make(RooflineChart)
    assert isinstance(chart, RooflineChart)
    assert chart.item_at(chart.limits[0] + 0.05, chart.limits[3] - 0.05) == -1
    assert chart._item_under(QPointF(-50, -50)) == -1


# In the window


def test_a_bar_clicked_in_the_window_is_selected_in_every_view(driver: Driver) -> None:
    chart = driver.window.workspace.breakdown.gpus
    QTest.mouseClick(chart.plot.viewport(), Qt.MouseButton.LeftButton, pos=_point(chart, 5))
    driver.qtbot.waitUntil(lambda: driver.document.selection == Selection(kind="gpu", gpu=5))
    assert driver.window.workspace.inspector.text().startswith("GPU 5")
    assert chart.chosen_frame.isVisible()
    driver.window.workspace.show_tab("memory")
    memory = driver.window.workspace.memory
    assert memory.item_of(memory.selection) == 5


def test_charts_of_hidden_tabs_wait_until_they_are_shown(driver: Driver) -> None:
    workspace = driver.window.workspace
    assert workspace.breakdown.gpus.evaluation is driver.document.evaluation
    for name, chart in (("memory", workspace.memory), ("load", workspace.load), ("roofline", workspace.roofline)):
        assert chart.evaluation is None
        driver.window.actions_by_name[f"show_{name}"].trigger()
        assert chart.evaluation is driver.document.evaluation


def test_the_action_saves_the_chart_that_has_the_focus(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, save = driver.window.workspace, driver.window.actions_by_name["save_chart_csv"]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "chart.csv"), ""))
    workspace.breakdown.layers.setFocus()
    save.trigger()
    assert (tmp_path / "chart.csv").read_text(encoding="utf-8").startswith("layer,")
    assert driver.window.toast.label.text().startswith("Wrote chart.csv, ")
    workspace.show_tab("history")
    save.trigger()
    assert "No chart is shown" in driver.window.toast.label.text()


@pytest.mark.parametrize("suffix", ["svg", "png", "csv"])
def test_the_traffic_matrix_is_saved_like_every_chart(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    workspace, path = driver.window.workspace, tmp_path / f"traffic.{suffix}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    workspace.show_tab("traffic")
    view, matrix = workspace.traffic.view, workspace.traffic.view.matrix
    middle = view.rect().center()
    QApplication.sendEvent(view, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, middle, view.mapToGlobal(middle)))
    [menu] = view.findChildren(QMenu)
    menu.actions()[["svg", "png", "csv"].index(suffix)].trigger()
    menu.close()
    if suffix == "csv":
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        assert rows[0] == ["from", "to", "bytes"]
        assert sum(float(row[2]) for row in rows[1:]) == pytest.approx(matrix.sum())
    elif suffix == "svg":
        words = set(ElementTree.parse(path).getroot().itertext())
        assert {"Traffic matrix", *workspace.traffic.view.names} <= words
    else:
        image, fill = QImage(str(path)), workspace.traffic.view.theme.family("communication").name()
        at = (QPoint(x, y) for x in range(0, image.width(), 4) for y in range(0, image.height(), 4))
        assert fill in {image.pixelColor(point).name() for point in at}, "the fullest cell"


def test_charts_are_saved_beside_the_project_under_its_name(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.document.save_as(tmp_path / "mine.moe.yaml")
    offered: list[str] = []
    answers = [str(tmp_path / "v1.2"), str(tmp_path / "none" / "x.svg"), ""]

    def ask(_parent: object, _title: str, start: str, _filter: str) -> tuple[str, str]:
        offered.append(start)
        return answers[len(offered) - 1], ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    chart, toast = driver.window.workspace.breakdown.gpus, driver.window.toast
    chart.save_wanted.emit(chart, "csv")
    assert offered == [str(tmp_path / "seed-0-proposed-ep16-data-parallel-attention-time-by-gpu.csv")]
    assert (tmp_path / "v1.2.csv").read_text(encoding="utf-8").startswith("GPU,"), "what follows a dot is no suffix"
    chart.save_wanted.emit(chart, "svg")
    assert "was not saved" in toast.label.text()
    chart.save_wanted.emit(chart, "png")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == ["mine.moe.yaml", "v1.2.csv"]


class RowsOfTwo(RowChart):
    """Bars in the colours of kinds of operators."""

    def color_of(self, row: Row) -> QColor:
        return kind_color(self.theme, row.name)


def test_a_value_inside_a_long_bar_stands_wholly_on_it_and_can_be_read(qapp: QApplication, qtbot: QtBot) -> None:
    chart = RowsOfTwo("Times", DARK, most=2, name_width=60)
    qtbot.addWidget(chart)
    chart.resize(400, 200)
    chart.show()
    chart.rows = (Row(name="up", value=1.1, text="1.1 s"), Row(name="12 others", value=1.2, text="1.2 s"))
    chart.set_range(1.0, 2)
    chart.draw()
    right_of_bars = [chart.labels[number].mapRectToScene(chart.labels[number].boundingRect()) for number in (0, 1)]
    for number, (row, box) in enumerate(zip(chart.rows, right_of_bars, strict=True)):
        end = chart.plot.getViewBox().mapViewToScene(QPointF(min(row.value, chart.reach), number)).x()
        assert box.right() <= end
        ink, bar = chart.labels[number].brush().color().lightnessF(), chart.color_of(row).lightnessF()
        assert abs(ink - bar) > 0.4
