"""Legends and numbers of charts in little room."""

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection, operator_selection, reach
from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.load_chart import LoadChart
from moe_studio.gui.plots.memory_chart import MemoryChart
from moe_studio.gui.plots.roofline_chart import RooflineChart
from moe_studio.gui.plots.save import chart_image
from moe_studio.gui.plots.time_chart import GpuChart, LayerChart
from moe_studio.gui.theme import LIGHT, ui_font
from moe_studio.project.project import Project
from tests.gui.conftest import Driver

KINDS = (LayerChart, GpuChart, MemoryChart, LoadChart, RooflineChart)


def shown(kind: type[Chart], project: Project, width: int, qtbot: QtBot) -> Chart:
    """A chart of ``project`` that is so many pixels wide."""
    chart = kind(LIGHT)  # type: ignore[call-arg, arg-type]
    qtbot.addWidget(chart)
    chart.resize(width, 260)
    chart.show()
    qtbot.waitExposed(chart)
    chart.show_evaluation(Document(project).evaluation, keeps_range=False)
    QApplication.processEvents()
    return chart


@pytest.mark.parametrize("width", [232, 480, 1100])
@pytest.mark.parametrize("kind", KINDS)
def test_legends_leave_nothing_out_however_narrow_the_chart_is(
    qapp: QApplication, qtbot: QtBot, example: Project, kind: type[Chart], width: int
) -> None:
    chart = shown(kind, example, width, qtbot)
    legend = chart.legend
    assert legend.has_entries
    assert legend.height() >= legend.height_in(legend.width())
    assert legend.is_below or legend.needed <= legend.width()
    assert legend.geometry().bottom() < chart.plot.geometry().top()
    top = chart.plot.geometry().top()
    chart.read(0)
    QApplication.processEvents()
    assert chart.plot.geometry().top() == top, "the plot stays below the pointer"
    picture = chart_image(chart).height()
    assert picture >= 2 * (chart.plot.height() + legend.height_in(legend.width()) * legend.is_below)


@pytest.mark.parametrize("width", [200, 232, 300, 760])
@pytest.mark.parametrize("count", [16, 61, 121, 1001])
def test_numbers_below_columns_neither_touch_nor_are_cut_off(
    qapp: QApplication, qtbot: QtBot, example: Project, count: int, width: int
) -> None:
    chart = shown(GpuChart, example, width, qtbot)
    assert isinstance(chart, GpuChart)
    chart.parts = tuple(np.ones(count) for _ in chart.parts)
    chart.set_range(3.0)
    metrics, view = QFontMetricsF(ui_font(11)), chart.plot.getViewBox()
    ends = []
    for value, text in chart.plot.getAxis("bottom")._tickLevels[0]:
        middle, half = view.mapViewToScene(QPointF(value, 0)).x(), metrics.horizontalAdvance(text) / 2
        ends.append((middle - half, middle + half))
    assert ends[0][0] >= 0
    assert ends[-1][1] <= chart.plot.width()
    assert all(left[1] < right[0] for left, right in pairwise(ends))


def test_the_first_layer_of_the_map_of_loads_is_named_in_full(
    qapp: QApplication, qtbot: QtBot, example: Project
) -> None:
    chart = shown(LoadChart, example, 900, qtbot)
    chart.resize(900, 150)
    chart.plot.setYRange(-0.5, 60.5, padding=0.01)
    QApplication.processEvents()
    middle = chart.plot.getViewBox().mapViewToScene(QPointF(0, 0)).y()
    assert middle >= QFontMetricsF(ui_font(11)).capHeight() / 2 + 1


# What is selected


def test_several_selected_things_are_all_marked(driver: Driver) -> None:
    space, document = driver.window.workspace, driver.document
    gpus, layers = space.breakdown.gpus, space.breakdown.layers
    document.select_all([Selection(kind="gpu", gpu=gpu) for gpu in (2, 3, 9)])
    assert gpus.marked() == [2, 3, 9]
    assert gpus.chosen_frame.isVisible()
    assert all(gpus.chosen_frame.path().contains(gpus.box(item).center()) for item in (2, 3, 9))
    assert not gpus.chosen_frame.path().contains(gpus.box(5).center())
    document.select_all([Selection(kind="layer", layer=layer) for layer in (0, 2)])
    assert layers.marked() == [0, 2]
    document.select_all([])
    assert not layers.chosen_frame.isVisible()


def test_the_bars_of_everything_before_an_operator_are_marked(driver: Driver) -> None:
    space, document = driver.window.workspace, driver.document
    graph = document.evaluation.graph
    last = next(row for row in document.evaluation.scheduled_path.rows.tolist() if graph.layer[row] == 2)
    document.select(reach(operator_selection(graph, last), "upstream"))
    rows = document.chosen_in(graph).rows
    assert space.breakdown.layers.marked() == np.unique(graph.layer[rows]).tolist() == [0, 1, 2]
    assert space.breakdown.gpus.marked() == np.unique(graph.gpu[rows]).tolist()
    space.show_tab("memory")
    assert space.memory.chosen_frame.isVisible(), "a chart that comes to the front knows, too"
