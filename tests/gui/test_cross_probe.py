"""A selection made in any view is the selection in all, and each can bring it into view."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from moe_studio.document.neighbourhood import downstream, upstream
from moe_studio.document.reference import pinned_state
from moe_studio.document.selection import NOTHING, Selection, operator_row, operator_selection
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.plots import why_panel
from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.why_panel import PAUSE_MS
from moe_studio.project.edit import move_expert
from tests.gui.conftest import Driver

LEFT, KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier
NAME = "l1_up_e5_g5"


def expected(driver: Driver) -> Selection:
    graph = driver.document.evaluation.graph
    return operator_selection(graph, graph.row_of[NAME])


def test_the_traffic_matrix_marks_what_is_selected(driver: Driver) -> None:
    traffic = driver.window.workspace.traffic
    driver.window.workspace.show_tab("traffic")
    driver.document.select(Selection(kind="gpu", gpu=9))
    assert traffic.view.marked == {1}
    traffic.level.setCurrentIndex(1)
    traffic.level.activated.emit(1)
    assert traffic.view.marked == {9}
    driver.document.select(Selection(kind="node", node=0))
    assert traffic.view.marked == set(range(8))
    driver.document.select(Selection(kind="layer", layer=0))
    assert traffic.view.marked == set()


def in_lanes(driver: Driver) -> None:
    dag, row = driver.window.workspace.dag, driver.document.evaluation.graph.row_of[NAME]
    dag.frame_rows(np.array([row]))
    assert dag.shown is not None
    x = dag._area().left() + dag.camera.to_x(float(dag.shown.left[row] + dag.shown.right[row]) / 2)
    y = dag._area().top() + dag.camera.to_y(float(dag.shown.row[row]) + 0.5)
    QTest.mouseClick(dag, LEFT, KEYS.NoModifier, QPoint(int(x), int(y)))


def in_diagram(driver: Driver) -> None:
    panel = driver.window.workspace.graph
    driver.document.select(Selection(kind="expert", expert=5, gpu=5, layer=1))
    panel.show_view("expert")
    driver.qtbot.waitUntil(lambda: panel.diagram.diagram is not None, timeout=20_000)
    assert panel.diagram.diagram is not None
    panel.diagram.fit()
    middle = (panel.diagram.diagram.box(NAME).center() - panel.diagram.origin) * panel.diagram.scale
    QTest.mouseClick(panel.diagram, LEFT, KEYS.NoModifier, middle.toPoint())


def in_table(driver: Driver) -> None:
    panel = driver.window.workspace.graph
    panel.show_view("table")
    place = panel.table.operators.place_of(driver.document.evaluation.graph.row_of[NAME])
    panel.table.scrollTo(panel.table.operators.index(place, 0))
    where = panel.table.visualRect(panel.table.operators.index(place, 0)).center()
    QTest.mouseClick(panel.table.viewport(), LEFT, KEYS.NoModifier, where)


def in_timeline(driver: Driver) -> None:
    driver.window.workspace.show_tab("timeline")
    view = driver.window.workspace.timeline.view
    assert view.viewport is not None
    place = int(view.viewport.shown.place[driver.document.evaluation.graph.row_of[NAME]])
    view.viewport.reveal(place)
    middle = (float(view.viewport.shown.start[place]) + float(view.viewport.shown.finish[place])) / 2
    top, bottom = view.viewport.layout.lane_box(int(view.viewport.shown.track[place]))
    x = view.viewport.area.left() + view.viewport.camera.to_x(middle)
    y = view.viewport.area.top() + view.viewport.camera.to_y((top + bottom) / 2)
    QTest.mouseClick(view, LEFT, KEYS.NoModifier, QPoint(int(x), int(y)))


def in_search(driver: Driver) -> None:
    panel = driver.window.workspace.graph
    panel.find_operator()
    QTest.keyClicks(panel.find_bar.line, NAME)
    QTest.keyClick(panel.find_bar.line, Qt.Key.Key_Return)


def shows(driver: Driver, chosen: Selection) -> None:
    """Every view shows an operator that is selected."""
    space, document = driver.window.workspace, driver.document
    row = operator_row(document.evaluation.graph, chosen)
    assert document.selection == chosen
    assert document.chosen_in(document.evaluation.graph).rows.tolist() == [row]
    assert space.inspector.title.text() == NAME
    assert [number for number, tile in enumerate(driver.cluster.gpus) if tile.mark == "selected"] == [chosen.gpu]
    assert all(chart.selection == chosen for chart in (*space.breakdown.charts, space.memory, space.load))
    space.dag.frame_selection()
    assert row in space.dag.shown.within(*_seen(space.dag)).tolist()
    space.show_tab("timeline")
    space.timeline.view.frame_selection()
    viewport = space.timeline.view.viewport
    assert viewport is not None
    assert viewport.shown.row[viewport.chosen(chosen)] == row
    middle = float(document.evaluation.start_s[row] + document.evaluation.finish_s[row]) / 2
    assert 0 <= viewport.camera.to_x(middle) <= viewport.area.width()
    driver.cluster.frame_selection()
    port = driver.cluster.viewport().rect()
    assert port.contains(driver.cluster.mapFromScene(driver.cluster.gpu_rect(chosen.gpu).center()))


def _seen(dag: DagView) -> tuple[float, float, float, float]:
    area, camera = dag._area(), dag.camera
    return camera.x, camera.from_x(area.width()), camera.y, camera.from_y(area.height())


def test_an_operator_selected_in_one_view_is_selected_in_all(driver: Driver) -> None:
    for select in (in_lanes, in_diagram, in_table, in_timeline, in_search):
        driver.document.select(NOTHING)
        select(driver)
        shows(driver, expected(driver))


def charts(driver: Driver) -> dict[str, Chart]:
    space = driver.window.workspace
    kinds, layers, gpus, sensitivity = space.breakdown.charts
    return {
        "breakdown kinds": kinds,
        "breakdown layers": layers,
        "breakdown gpus": gpus,
        "breakdown sensitivity": sensitivity,
        "memory": space.memory,
        "load": space.load,
        "roofline": space.roofline,
    }


def test_what_is_chosen_in_each_chart_is_selected_in_all(driver: Driver) -> None:
    space, document = driver.window.workspace, driver.document
    for name, chart in charts(driver).items():
        space.show_tab(name.split()[0])
        driver.qtbot.waitUntil(chart.isVisible)
        document.select(NOTHING)
        chart.setFocus()
        for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Return):
            QTest.keyClick(chart, key)
        driver.qtbot.waitUntil(lambda: document.selection != NOTHING)
        chosen = document.selection
        assert all(other.selection == chosen for other in charts(driver).values()), name
        assert chart.item_of(chosen) >= 0, name
        rows = document.chosen_in(document.evaluation.graph).rows
        if chosen.kind in ("gpu", "operator"):
            assert driver.cluster.gpus[chosen.gpu].mark == "selected", name
        if chosen.kind != "setting":
            space.dag.frame_selection()
            assert set(rows.tolist()) <= set(space.dag.shown.within(*_seen(space.dag)).tolist()), name


def test_what_is_chosen_in_the_tree_and_among_the_problems_is_selected_in_all(driver: Driver) -> None:
    space, document = driver.window.workspace, driver.document
    outline = space.outline
    cluster = outline.topLevelItem(2)
    outline.expandItem(cluster.child(1))
    QTest.mouseClick(outline.viewport(), LEFT, pos=outline.visualItemRect(cluster.child(1).child(3)).center())
    driver.qtbot.waitUntil(lambda: document.selection == Selection(kind="gpu", gpu=11))
    assert driver.cluster.gpus[11].mark == "selected"
    assert space.inspector.title.text() == "GPU 11"
    document.commit("Crowd", move_expert(5, 5, 13, layers=range(4)))
    driver.settle()
    space.show_tab("problems")
    place = next(number for number, problem in enumerate(space.found) if problem.where.startswith("gpu"))
    where = int(space.found[place].where.split()[1])
    item = space.problems.list.item(place)
    QTest.mouseClick(space.problems.list.viewport(), LEFT, pos=space.problems.list.visualItemRect(item).center())
    driver.qtbot.waitUntil(lambda: document.selection == Selection(kind="gpu", gpu=where))
    assert driver.cluster.gpus[where].mark == "selected"


@pytest.mark.parametrize("toward", ["upstream", "downstream"])
def test_all_before_or_after_something_is_one_selection_in_all_views(driver: Driver, toward: str) -> None:
    space, document = driver.window.workspace, driver.document
    graph = document.evaluation.graph
    driver.window.workspace.show_tab("timeline")
    document.select(expected(driver))
    QTest.keyClick(space.dag, Qt.Key.Key_U if toward == "upstream" else Qt.Key.Key_D)
    find = upstream if toward == "upstream" else downstream
    mask = find(graph, np.array([graph.row_of[NAME]]))
    assert document.chosen_in(graph).rows.tolist() == np.flatnonzero(mask).tolist()
    assert space.dag.look is not None and space.dag.look.mask is not None
    assert (space.dag.look.mask == mask).all()
    focus, viewport = space.timeline.view._focus, space.timeline.view.viewport
    assert focus is not None and viewport is not None
    assert (focus == mask[viewport.shown.row]).all()
    marked = {number for number, tile in enumerate(driver.cluster.gpus) if tile.mark == "selected"}
    assert marked == set(graph.gpu[mask].tolist())
    assert f"Operators\t{np.count_nonzero(mask):,}" in space.inspector.text()
    space.dag.frame_selection()
    assert set(np.flatnonzero(mask).tolist()) <= set(space.dag.shown.within(*_seen(space.dag)).tolist())
    space.graph.show_view("table")
    model = space.graph.table.operators
    tinted = [row for row in range(len(mask)) if model.data(model.index(row, 0), Qt.ItemDataRole.BackgroundRole)]
    assert model.rows[tinted].tolist() == np.flatnonzero(mask).tolist()
    document.commit("Move", move_expert(5, 5, 13, layers=range(4)))
    driver.settle()
    assert document.selection == NOTHING or not len(document.chosen_in(document.evaluation.graph).rows)
    document.select(NOTHING)
    assert space.dag.look.mask is None


def test_the_inspector_says_how_each_figure_differs_from_the_pinned_design(driver: Driver) -> None:
    space, document = driver.window.workspace, driver.document
    space.compare.set_reference(pinned_state(document.history))
    document.select(Selection(kind="expert", expert=5, gpu=5))
    assert space.inspector.against.isHidden()
    before = document.evaluation
    document.commit("Move", move_expert(5, 5, 13, layers=range(4)))
    driver.settle()
    document.select(Selection(kind="design"))
    ratio = document.evaluation.metrics.latency_s / before.metrics.latency_s - 1
    lines = dict(line.split("\t", 1) for line in space.inspector.text().splitlines() if "\t" in line)
    assert lines["Latency"].split("\t")[1] == f"+{ratio * 100:.1f} %"
    assert "Hidden" in lines and "\t" not in lines["Hidden"]
    assert not space.inspector.against.isHidden()
    assert any(change.property("tone") == "bad" and change.isVisible() for _, _, change in space.inspector._cells)
    document.select(Selection(kind="expert", expert=5, gpu=13))
    assert "On GPUs\tGPU 13 · node1\twas GPU 5 · node0" in space.inspector.text()
    space.compare.unpin()
    document.select(Selection(kind="design"))
    assert space.inspector.against.isHidden()


def test_no_value_of_the_inspector_is_cut_off(driver: Driver) -> None:
    inspector, graph = driver.window.workspace.inspector, driver.document.evaluation.graph
    kinds = (
        Selection(kind="design"),
        Selection(kind="expert", expert=5, gpu=5),
        Selection(kind="gpu", gpu=5),
        Selection(kind="node", node=1),
        Selection(kind="layer", layer=1),
        operator_selection(graph, graph.row_of[NAME]),
    )
    for width in (1600, 1280):
        driver.window.resize(width, 800)
        for chosen in kinds:
            driver.document.select(chosen)
            driver.qtbot.wait(20)
            room = inspector.viewport().width()
            assert inspector.widget().width() <= room, (chosen.kind, width)
            for label, value, change in inspector._cells:
                for cell in (label, value, change):
                    if cell.isVisible():
                        needed = cell.heightForWidth(cell.width()) if cell.wordWrap() else cell.sizeHint().height()
                        assert cell.height() >= needed, (cell.text(), chosen.kind)
                        assert cell.wordWrap() or cell.width() >= cell.sizeHint().width(), (cell.text(), chosen.kind)


def test_no_change_is_tried_while_a_button_is_held(driver: Driver) -> None:
    why, window, view = driver.window.workspace.breakdown.why, driver.window, driver.window.workspace.dag
    driver.document.commit("Crowd", move_expert(5, 5, 13, layers=range(4)))
    driver.settle()
    why.finish()
    middle = view.mapTo(window, view.rect().center())
    QTest.mousePress(window.windowHandle(), LEFT, Qt.KeyboardModifier.NoModifier, middle)
    driver.qtbot.wait(2 * PAUSE_MS)
    assert why.is_pending and not why.suggestions
    QTest.mouseRelease(window.windowHandle(), LEFT, Qt.KeyboardModifier.NoModifier, middle)
    driver.qtbot.waitUntil(lambda: bool(why.suggestions) and not why.is_pending, timeout=20_000)


@pytest.mark.parametrize("many", [0, why_panel.MANY])
def test_a_change_that_is_suggested_is_made_by_its_link_as_one_step(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(why_panel, "MANY", many)  # with 0 they are tried in a process of their own
    why, document = driver.window.workspace.breakdown.why, driver.document
    document.commit("Crowd", move_expert(5, 5, 13, layers=range(4)))
    driver.settle()
    driver.qtbot.waitUntil(lambda: bool(why.suggestions) and not why.is_pending, timeout=20_000)
    found, before = why.suggestions[0], document.evaluation.metrics.latency_s
    assert why.links[0].text() == "Move E5 to GPU 5 →"
    assert why.gains[0].text() == f"−{-found.ratio * 100:.1f} %"
    QTest.mouseClick(why.links[0], LEFT)
    driver.settle()
    assert document.evaluation.metrics.latency_s == pytest.approx(found.latency_s)
    assert document.evaluation.metrics.latency_s < before
    assert len(document.history.entries) == 3
    assert not any(link.isVisible() for link in why.links)
