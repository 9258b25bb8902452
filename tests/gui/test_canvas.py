"""The cluster canvas by itself: sets of experts, scope, laying out nodes, traffic. Real events, no window around it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from moe_studio.document.arrange_edit import move_nodes
from moe_studio.document.document import Document
from moe_studio.document.placing import hosted_experts
from moe_studio.document.selection import Selection
from moe_studio.document.setting_selection import selection_fields
from moe_studio.errors import ProjectError
from moe_studio.gui.canvas.chip_paint import chip_ink
from moe_studio.gui.canvas.layer_range import span_of, span_text
from moe_studio.gui.canvas.layout import cluster_layout
from moe_studio.gui.canvas.link_layer import link_texts
from moe_studio.gui.canvas.menu import canvas_menu, tip_text
from moe_studio.gui.canvas.palette import device_mime, device_of
from moe_studio.gui.canvas.panel import ClusterPanel
from moe_studio.gui.canvas.tile_grid import tile_grid
from moe_studio.gui.canvas.tile_layer import TileLayer
from moe_studio.gui.canvas.tile_paint import fitting, short_change
from moe_studio.gui.canvas.traffic_panel import TrafficPanel
from moe_studio.gui.theme import DARK, LIGHT, Theme, mixed
from moe_studio.locator import resource
from moe_studio.project.cluster import Cluster, Device, Link, Links, Node
from moe_studio.project.design import Parallel, Workload
from moe_studio.project.edit import move_expert, set_all, set_value
from moe_studio.project.model import Attention, Block, FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project
from tests.gui.painted import contrast

NONE, CONTROL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
Key = Qt.Key


class Bench:
    """A panel on a document, and the hands to use it."""

    def __init__(self, panel: ClusterPanel, document: Document, qtbot: QtBot) -> None:
        self.panel, self.view, self.document, self.qtbot = panel, panel.view, document, qtbot
        self.refusals: list[str] = []
        self.notes: list[str] = []
        self.view.refused.connect(self.refusals.append)
        self.view.told.connect(self.notes.append)
        panel.layers_chosen.connect(lambda span: document.show_layers(span))
        document.on_project.append(self.show)
        document.on_selection.append(self.view.show_selection)
        self.show()

    def show(self) -> None:
        self.panel.show_evaluation(self.document.evaluation, self.document.span)

    @property
    def labels(self) -> list[str]:
        return [entry.label for entry in self.document.history.entries[1:]]

    def held(self, gpu: int) -> list[int]:
        return [*hosted_experts(self.document.project, self.document.span)[gpu]]

    def chip(self, expert: int) -> QPoint:
        rect = next(rect for tile in self.view.gpus if (rect := tile.expert_rect(expert)) is not None)
        return self.view.mapFromScene(rect.center())

    def body(self, gpu: int) -> QPoint:
        box = self.view.gpu_rect(gpu)
        return self.view.mapFromScene(QPointF(box.right() - 6, box.bottom() - 26))

    def head(self, gpu: int) -> QPoint:
        box = self.view.gpu_rect(gpu)
        return self.view.mapFromScene(QPointF(box.left() + 20, box.top() + 12))

    def card(self, node: int) -> QPoint:
        box = self.view.layout_shown.nodes[node]
        return self.view.mapFromScene(QPointF(box.x + box.width / 2, box.y + 14))

    def mouse(self, kind: QEvent.Type, at: QPoint, keys: Qt.KeyboardModifier = NONE) -> None:
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        button = none if kind is QEvent.Type.MouseMove else left
        held = none if kind is QEvent.Type.MouseButtonRelease else left
        port = self.view.viewport()
        event = QMouseEvent(kind, QPointF(at), port.mapToGlobal(QPointF(at)), button, held, keys)
        QApplication.sendEvent(port, event)

    def press(self, at: QPoint, keys: Qt.KeyboardModifier = NONE) -> None:
        self.mouse(QEvent.Type.MouseButtonPress, at, keys)

    def move(self, at: QPoint, keys: Qt.KeyboardModifier = NONE) -> None:
        self.mouse(QEvent.Type.MouseMove, at, keys)

    def release(self, at: QPoint, keys: Qt.KeyboardModifier = NONE) -> None:
        self.mouse(QEvent.Type.MouseButtonRelease, at, keys)

    def click(self, at: QPoint, keys: Qt.KeyboardModifier = NONE) -> None:
        self.press(at, keys)
        self.release(at, keys)

    def carry(self, start: QPoint, end: QPoint, keys: Qt.KeyboardModifier = NONE) -> None:
        self.press(start)
        self.move(start + QPoint(12, 3), keys)
        self.move(end, keys)

    def drag(self, start: QPoint, end: QPoint, keys: Qt.KeyboardModifier = NONE) -> None:
        self.carry(start, end, keys)
        self.release(end, keys)

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.view, key, keys)


Make = Callable[[Project], Bench]


def design(*, nodes: int = 2, gpus: int = 4, experts: int = 8, **parallel: int) -> Project:
    """Some nodes of small GPUs, four layers of experts."""
    degrees = {"ep": nodes * gpus, **parallel}
    return Project(
        name="Bench",
        model=Model(
            hidden=1024,
            attention=Attention(heads=8, head_dim=128),
            ffn={"moe": FeedForward(kind="swiglu", hidden=2048, experts=experts, top_k=2)},
            blocks=(Block(repeat=4),),
        ),
        cluster=Cluster(
            nodes=tuple(Node(name=f"node{number}", gpus=gpus, device="own") for number in range(nodes)),
            devices={"own": Device(memory_gb=80, memory_tb_s=3.0, peak_tflops={"bf16": 900})},
        ),
        parallel=Parallel(**degrees),
        workload=Workload(batch=64, tokens=128),
    )


@pytest.fixture
def make_bench(qapp: QApplication, qtbot: QtBot) -> Iterator[Make]:
    made: list[Bench] = []

    def make(project: Project) -> Bench:
        document = Document(project)
        panel = ClusterPanel(document, LIGHT)
        qtbot.addWidget(panel)
        panel.resize(900, 700)
        panel.show()
        qtbot.waitExposed(panel)
        made.append(Bench(panel, document, qtbot))
        made[-1].view.setFocus()
        return made[-1]

    yield make
    for bench in made:
        bench.view.escape()


@pytest.fixture
def bench(make_bench: Make) -> Bench:
    return make_bench(design())


# Sets of experts


def test_keys_that_can_do_nothing_say_what_they_need(bench: Bench) -> None:
    bench.key(Key.Key_G)
    bench.document.select_all([Selection(kind="node", node=0)])
    bench.key(Key.Key_G)
    assert bench.view.drag is None
    assert [words.partition(",")[0] for words in bench.refusals] == ["Select an expert"] * 2
    bench.refusals.clear()
    bench.document.commit("x", move_expert(1, 1, 0, layers=range(4)))
    bench.document.select_all([Selection(kind="expert", expert=number, gpu=0) for number in (0, 1)])
    bench.key(Key.Key_S)
    assert bench.refusals == ["Select two experts on different GPUs first; S lets them change places."]
    bench.view.remove_chosen()
    assert bench.refusals[1:] == ["There is no other copy of experts 0 and 1; move them instead."]


def test_a_frame_selects_experts_and_a_drag_carries_all_of_them_in_one_step(bench: Bench) -> None:
    before = bench.document.project
    start, end = bench.chip(0) - QPoint(30, 20), bench.chip(1) + QPoint(20, 12)
    bench.press(start, SHIFT)
    bench.move(start + QPoint(9, 9), SHIFT)
    bench.move(end, SHIFT)
    bench.release(end, SHIFT)
    assert set(bench.view.picking.chips) == {(0, 0), (1, 1)}
    bench.carry(bench.chip(1), bench.body(6))
    assert bench.view.card.heading.text() == "2 experts → GPU 6, layers 0–3"
    bench.release(bench.body(6))
    assert bench.labels == ["Move experts 0 and 1 to GPU 6, layers 0–3"]
    assert bench.held(6) == [0, 1, 6]
    bench.document.undo()
    assert bench.document.project is before


def test_several_experts_dropped_on_a_node_are_spread_over_it(bench: Bench) -> None:
    bench.click(bench.chip(0))
    for expert in (1, 2, 3):
        bench.click(bench.chip(expert), CONTROL)
    assert {expert for expert, _ in bench.view.picking.chips} == {0, 1, 2, 3}
    bench.drag(bench.chip(3), bench.card(1))
    assert [len(bench.held(gpu)) for gpu in range(8)] == [0, 0, 0, 0, 2, 2, 2, 2]
    assert bench.labels == ["Move experts 0, 1, 2 and 3 to 4 GPUs, layers 0–3"]


def test_nodes_stay_where_they_are_when_more_experts_come_to_a_gpu() -> None:
    project = design(gpus=8, experts=16)
    before, other = (cluster_layout(project.cluster, most_experts=count, aspect=1.15) for count in (2, 4))
    assert before.columns != other.columns, "by themselves they would stand otherwise"
    after = cluster_layout(project.cluster, most_experts=4, aspect=1.15, before=before)
    assert (after.columns, after.spots) == (before.columns, before.spots)


@pytest.mark.parametrize("experts", [1, 2, 3, 5, 6, 9])
def test_another_expert_in_the_same_rows_leaves_a_tile_its_second_line(experts: int) -> None:
    grid = tile_grid(132, 119 + 24 * (-(-experts // 3) - 1), experts)
    assert grid.is_roomy
    assert grid.room >= experts


def test_another_button_does_not_drop_what_the_left_one_holds(bench: Bench) -> None:
    bench.carry(bench.chip(0), bench.body(5))
    port, at = bench.view.viewport(), QPointF(bench.body(5))
    for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
        right, held = Qt.MouseButton.RightButton, Qt.MouseButton.LeftButton
        QApplication.sendEvent(port, QMouseEvent(kind, at, port.mapToGlobal(at), right, held, NONE))
    assert bench.view.drag is not None and bench.labels == []
    bench.release(bench.body(5))
    assert bench.labels == ["Move expert 0 to GPU 5, layers 0–3"]


def test_shift_and_arrows_select_more_gpus(bench: Bench) -> None:
    bench.document.select(Selection(kind="gpu", gpu=0))
    bench.key(Key.Key_Right, SHIFT)
    second = bench.document.selection
    assert bench.document.selected == (second, Selection(kind="gpu", gpu=0)) and second.kind == "gpu"
    bench.key(Key.Key_Left)
    assert bench.document.selected == (Selection(kind="gpu", gpu=0),)


def test_escape_takes_a_drag_of_the_slider_back(bench: Bench) -> None:
    bench.panel.resize(1000, 500)
    slider = bench.panel.layers.slider
    bench.document.show_layers((1, 3))
    middle = slider.height() // 2
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, NONE, QPoint(round(slider._x(3)), middle))
    QTest.mouseMove(slider, QPoint(round(slider._x(2)), middle))
    assert bench.document.span == (1, 2)
    QTest.keyClick(slider, Key.Key_Escape)
    QTest.mouseMove(slider, QPoint(round(slider._x(1)), middle))
    assert bench.document.span == (1, 3)


def test_a_copy_changes_places_with_nothing(bench: Bench) -> None:
    bench.document.select(Selection(kind="expert", expert=0, gpu=0))
    for key in (Key.Key_G, Key.Key_5, Key.Key_S):
        bench.key(key)
    assert bench.view.card.heading.text().startswith("E0 ↔ E5")
    bench.key(Key.Key_C)
    bench.key(Key.Key_S)
    assert bench.view.card.heading.text().startswith("Copy E0 → GPU 5")
    bench.key(Key.Key_Return)
    assert bench.labels == ["Replicate expert 0 on GPU 5, layers 0–3"]


def test_n_spreads_several_experts_over_a_node_as_a_drop_on_its_card_does(bench: Bench) -> None:
    bench.click(bench.chip(0))
    for expert in (1, 2, 3):
        bench.click(bench.chip(expert), CONTROL)
    bench.key(Key.Key_G)
    assert "N spreads over its node" in bench.view.card.rest.text()
    bench.key(Key.Key_5)
    assert bench.view.card.heading.text().startswith("4 experts → GPU 5")
    bench.key(Key.Key_N)
    assert bench.view.card.heading.text().startswith("4 experts → node1")
    bench.key(Key.Key_C)
    assert bench.view.card.heading.text().startswith("Copy 4 experts → node1")
    bench.key(Key.Key_C)
    bench.key(Key.Key_Return)
    assert [len(bench.held(gpu)) for gpu in range(8)] == [0, 0, 0, 0, 2, 2, 2, 2]
    assert bench.labels == ["Move experts 0, 1, 2 and 3 to 4 GPUs, layers 0–3"]


def test_arrows_go_from_node_to_node_while_a_node_is_meant(bench: Bench) -> None:
    bench.view.picking.pick([(0, 0), (1, 1)])
    bench.key(Key.Key_G)
    bench.key(Key.Key_N)
    assert bench.view.drag is not None and bench.view.drag.target is not None and bench.view.drag.target.node == 0
    first, second = bench.view.layout_shown.nodes
    bench.key(Key.Key_Right if second.x > first.x else Key.Key_Down)
    assert bench.view.drag.target.node == 1
    bench.key(Key.Key_N)
    assert (bench.view.drag.target.node, bench.view.drag.target.gpu) == (-1, 4)
    bench.key(Key.Key_Escape)
    assert bench.labels == []


def test_gpus_that_can_take_nothing_of_what_is_carried_are_faint(make_bench: Make) -> None:
    bench = make_bench(design(nodes=4, ep=4, dp=2, pp=2))
    marks = lambda: {gpu for gpu, tile in enumerate(bench.view.gpus) if tile.mark == "shut"}  # noqa: E731
    bench.view.picking.pick([(0, 0)])
    bench.key(Key.Key_G)
    assert marks() == {*range(4, 8), *range(12, 16)}
    bench.key(Key.Key_Escape)
    assert marks() == set()
    bench.view.toggle_one_replica()
    bench.key(Key.Key_G)
    assert marks() == set(range(4, 16))


@pytest.mark.parametrize(("dp", "width", "is_there"), [(1, 487, True), (2, 700, True), (2, 400, False)])
def test_the_slider_is_there_wherever_it_has_room(make_bench: Make, dp: int, width: int, is_there: bool) -> None:
    panel = make_bench(design(nodes=2, ep=8 // dp, dp=dp)).panel
    panel.resize(width, 500)
    QApplication.processEvents()
    slider = panel.layers.slider
    assert panel.layers.field.isVisible() and slider.isVisible() == is_there
    right = panel.traffic.mapTo(panel, panel.traffic.rect().bottomRight()).x()
    assert right < panel.width() and (not is_there or slider.width() >= slider.minimumSizeHint().width())


def test_the_head_of_a_gpu_carries_all_its_experts(make_bench: Make) -> None:
    bench = make_bench(design(experts=24))
    bench.drag(bench.head(0), bench.body(5))
    assert bench.labels == ["Move experts 0, 1 and 2 to GPU 5, layers 0–3"]
    assert bench.held(0) == []


def test_a_click_with_control_adds_and_takes_away(bench: Bench) -> None:
    bench.click(bench.chip(2))
    bench.click(bench.chip(5), CONTROL)
    assert set(bench.view.picking.chips) == {(2, 2), (5, 5)}
    bench.click(bench.chip(2), CONTROL)
    assert bench.view.picking.chips == ((5, 5),)
    bench.click(bench.chip(7))
    assert bench.view.picking.chips == ((7, 7),)


def test_s_swaps_two_selected_experts(bench: Bench) -> None:
    bench.click(bench.chip(2))
    bench.key(Key.Key_S)
    assert "Select two experts" in bench.refusals[0]
    bench.click(bench.chip(5), CONTROL)
    bench.key(Key.Key_S)
    assert bench.labels == ["Swap experts 2 and 5, layers 0–3"]
    assert (bench.held(2), bench.held(5)) == ([5], [2])


def test_copies_are_made_by_keyboard_and_removed_again(bench: Bench) -> None:
    bench.document.select(Selection(kind="expert", expert=2, gpu=2))
    bench.key(Key.Key_G)
    bench.key(Key.Key_6)
    bench.key(Key.Key_Return, CONTROL)
    assert bench.labels == ["Replicate expert 2 on GPU 6, layers 0–3"]
    assert bench.view.picking.chips == ((2, 6),)
    bench.view.remove_chosen()
    assert bench.labels[1:] == ["Remove expert 2 from GPU 6, layers 0–3"]
    bench.click(bench.chip(2))
    bench.view.remove_chosen()
    assert bench.refusals == ["There is no other copy of expert 2; move it instead."]


def test_s_while_carrying_swaps_with_each_expert_in_turn(bench: Bench) -> None:
    bench.document.select(Selection(kind="expert", expert=2, gpu=2))
    bench.key(Key.Key_G)
    bench.key(Key.Key_6)
    bench.key(Key.Key_S)
    assert bench.view.card.heading.text() == "E2 ↔ E6, GPU 6, layers 0–3"
    bench.key(Key.Key_Return)
    assert bench.held(2) == [6]


def test_shift_and_arrows_extend_the_selection(bench: Bench) -> None:
    bench.document.select(Selection(kind="expert", expert=0, gpu=0))
    bench.key(Key.Key_Right, SHIFT)
    assert bench.view.picking.chips == ((1, 1), (0, 0))
    bench.key(Key.Key_G)
    assert bench.view.drag is not None
    assert bench.view.drag.is_many
    bench.key(Key.Key_Escape)
    assert bench.view.drag is None
    assert bench.labels == []


def test_enter_and_backspace_go_between_node_gpu_and_expert(bench: Bench) -> None:
    bench.document.select(Selection(kind="design"))
    kinds = []
    for key in (Key.Key_Return, Key.Key_Return, Key.Key_Return, Key.Key_Backspace, Key.Key_Backspace):
        bench.key(key)
        kinds.append(bench.document.selection.kind)
    assert kinds == ["node", "gpu", "expert", "gpu", "node"]


def test_more_experts_than_fit_are_shown_on_request_and_can_be_dragged(make_bench: Make) -> None:
    bench = make_bench(design(experts=160))
    tile = bench.view.gpus[1]
    assert tile.hidden == 9
    assert tile.expert_rect(35) is None
    more = bench.view.mapFromScene(tile.chip_rect(len(tile.chips)).center())
    assert bench.view.hit(more).kind == "more"
    bench.click(more)
    assert tile.is_expanded
    assert tile.hidden == 0
    bench.drag(bench.chip(35), bench.body(7))
    assert bench.labels == ["Move expert 35 to GPU 7, layers 0–3"]
    bench.key(Key.Key_Escape)
    assert not any(tile.is_expanded for tile in bench.view.gpus)


# Scope


def test_a_range_of_layers_is_typed_and_slid(bench: Bench) -> None:
    field = bench.panel.layers.field
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "1-2")
    QTest.keyClick(field, Key.Key_Return)
    assert bench.document.span == (1, 2)
    assert field.text() == "1–2"
    bench.drag(bench.chip(3), bench.body(6))
    assert bench.labels == ["Move expert 3 to GPU 6, layers 1–2"]
    slider = bench.panel.layers.slider
    slider.setFocus()
    QTest.keyClick(slider, Key.Key_Right)
    assert bench.document.span == (1, 3)
    QTest.keyClick(slider, Key.Key_Space)
    QTest.keyClick(slider, Key.Key_Left)
    assert bench.document.span is None
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() - 9, slider.height() // 2))
    assert bench.document.span is None


def test_what_is_no_range_is_refused_in_words(bench: Bench) -> None:
    field = bench.panel.layers.field
    field.selectAll()
    QTest.keyClicks(field, "2-9")
    QTest.keyClick(field, Key.Key_Return)
    assert bench.refusals == ["Layers must look like 4, 3–10 or all, with numbers from 0 to 3."]
    assert field.text() == "all"


@pytest.mark.parametrize(("text", "span"), [("all", None), ("0-3", None), ("2", 2), (" 1–2 ", (1, 2)), ("", None)])
def test_spans_are_read_as_people_write_them(text: str, span: object) -> None:
    assert span_of(text, 4) == span
    if text.strip() and text != "0-3":
        assert span_text(span_of(text, 4)) == text.strip()


def test_spans_outside_the_model_are_refused() -> None:
    for text in ("4", "3-1", "x", "0,2"):
        with pytest.raises(ProjectError):
            span_of(text, 4)


def test_this_replica_only_leaves_the_others(make_bench: Make) -> None:
    bench = make_bench(design(nodes=2, experts=4, dp=2, ep=4))
    assert bench.panel.replica.isVisible()
    QTest.mouseClick(bench.panel.replica, Qt.MouseButton.LeftButton)
    bench.carry(bench.chip(1), bench.body(3))
    assert bench.view.card.heading.text() == "E1 → GPU 3, layers 0–3, only replica 0"
    bench.move(bench.body(6))
    assert "belongs to replica 1" in bench.view.card.latency.text()
    bench.move(bench.body(3))
    bench.release(bench.body(3))
    assert (bench.held(3), bench.held(7)) == ([1, 3], [3])


# What drops promise


def test_one_evaluation_answers_for_all_gpus_that_are_alike(make_bench: Make) -> None:
    bench = make_bench(design(nodes=4, gpus=8, experts=32))
    bench.carry(bench.chip(3), bench.view.mapFromScene(QPointF(-15, -15)))
    bench.qtbot.waitUntil(lambda: bench.view.carry.what_ifs.is_done)
    assert bench.view.carry.what_ifs.evaluations == 4
    assert [tile.has_effect for tile in bench.view.gpus] == [gpu != 3 for gpu in range(32)]
    far, near = bench.view.gpus[9].promise, bench.view.gpus[4].promise
    assert far.latency.startswith("+")
    assert " / 80 GB" in far.memory
    assert far.traffic.startswith("⇄")
    assert near == bench.view.gpus[7].promise
    bench.release(bench.view.mapFromScene(QPointF(-15, -15)))
    assert bench.labels == []
    assert not any(tile.has_effect for tile in bench.view.gpus)


def test_promises_are_what_the_drop_then_gives(bench: Bench) -> None:
    bench.carry(bench.chip(3), bench.view.mapFromScene(QPointF(-15, -15)))
    bench.qtbot.waitUntil(lambda: bench.view.carry.what_ifs.is_done)
    promise = bench.view.gpus[6].promise
    bench.move(bench.body(6))
    assert promise == bench.view.carry.promises[6]
    bench.release(bench.body(6))
    assert bench.view.gpus[6].state.memory_text == promise.memory


def test_a_step_of_a_drag_draws_only_tiles_that_change(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.carry(bench.chip(3), bench.body(6))
    bench.qtbot.waitUntil(lambda: bench.view.carry.what_ifs.is_done)
    drawn: list[int] = []
    refresh = TileLayer.refresh
    monkeypatch.setattr(TileLayer, "refresh", lambda self, number: (drawn.append(number), refresh(self, number)))
    bench.move(bench.body(7))
    assert set(drawn) == {6, 7}


# Laying out


def test_a_node_is_dragged_snaps_and_is_one_step(bench: Bench) -> None:
    before = bench.document.project
    bench.click(bench.card(1))
    pitch = bench.view.layout_shown.pitch[1] * bench.view.transform().m11()
    bench.drag(bench.card(1), bench.card(1) + QPoint(0, round(pitch * 1.1)))
    assert bench.labels == ["Move node1"]
    first, second = (node.at for node in bench.document.project.cluster.nodes)
    assert second == (first[0] + 1, first[1] + 1) or second[1] == first[1] + 2
    assert bench.document.project.parallel is before.parallel
    bench.document.undo()
    assert bench.document.project is before


def test_escape_leaves_a_node_where_it_is(bench: Bench) -> None:
    bench.carry(bench.card(1), bench.card(1) + QPoint(150, 90))
    assert bench.view.pointer.layout_drag is not None
    bench.key(Key.Key_Escape)
    bench.release(bench.card(1) + QPoint(150, 90))
    assert bench.view.pointer.layout_drag is None
    assert bench.labels == []


def test_nodes_are_nudged_by_keyboard(bench: Bench) -> None:
    bench.view.picking.pick_nodes([1])
    bench.key(Key.Key_Down, CONTROL | SHIFT)
    bench.key(Key.Key_Right, CONTROL)
    first, second = (node.at for node in bench.document.project.cluster.nodes)
    assert (second[0] - first[0], second[1] - first[1]) in {(1.5, 1.0), (0.5, 2.0)}
    assert bench.labels == ["Move node1", "Move node1"]


def drop(bench: Bench, device: str, gpus: int, at: QPoint) -> None:
    """Drag something of the palette to a point and let go."""
    data, keys, left = device_mime(device, gpus), NONE, Qt.MouseButton.LeftButton
    port, action = bench.view.viewport(), Qt.DropAction.CopyAction
    QApplication.sendEvent(port, QDragEnterEvent(at, action, data, left, keys))
    QApplication.sendEvent(port, QDragMoveEvent(at, action, data, left, keys))
    QApplication.sendEvent(port, QDropEvent(QPointF(at), action, data, left, keys))


def test_a_node_of_the_palette_is_dropped_beside_the_others_and_the_strategy_is_fitted(bench: Bench) -> None:
    before = bench.document.project
    corner = QPoint(bench.view.viewport().width() - 20, bench.view.viewport().height() - 20)
    drop(bench, "h200-sxm", 4, corner)
    nodes = bench.document.project.cluster.nodes
    assert (len(nodes), nodes[2].device, nodes[2].gpus) == (3, "h200-sxm", 4)
    assert bench.labels == ["Add node2 with 4 GPUs"]
    assert bench.notes == ["12 GPUs now, so this was changed too: ep 8 → 4."]
    bench.document.undo()
    assert bench.document.project is before


def test_a_device_dropped_on_a_node_adds_a_gpu_or_changes_its_kind(bench: Bench) -> None:
    drop(bench, "b200", 0, bench.card(1))
    assert [node.device for node in bench.document.project.cluster.nodes] == ["own", "b200"]
    drop(bench, "b200", 0, bench.card(1))
    assert bench.document.project.cluster.nodes[1].gpus == 5
    assert "9 GPUs now" in bench.notes[0]


def test_the_card_says_what_a_drop_from_the_palette_would_do(bench: Bench) -> None:
    data, at, left = device_mime("b200", 0), bench.card(0), Qt.MouseButton.LeftButton
    for kind in (QDragEnterEvent, QDragMoveEvent):
        QApplication.sendEvent(bench.view.viewport(), kind(at, Qt.DropAction.CopyAction, data, left, NONE))
    assert bench.view.card.heading.text() == "node0: 4 × own → b200"


def test_the_palette_works_by_keyboard(bench: Bench) -> None:
    button = next(item for item in bench.panel.palette_row.buttons if item.gpus == 8)
    button.setFocus()
    QTest.keyClick(button, Key.Key_Space)
    assert bench.labels == ["Add node2 with 8 GPUs"]
    assert bench.view.picking.nodes == (2,)


def test_only_devices_that_there_are_can_be_dropped() -> None:
    assert device_of(device_mime("h100-sxm", 8)) == ("h100-sxm", 8)
    assert device_of(device_mime("h100-sxm\nx", 8)) is None
    assert device_of(device_mime("nothing", 8)) is None
    assert device_of(device_mime("b200", 99999999)) is None


def trigger(menu: QMenu, *texts: str) -> None:
    """Choose an entry of a menu, through its submenus."""
    for text in texts:
        action = next(item for item in menu.actions() if item.text().partition("\t")[0] == text)
        found = action.menu()
        if isinstance(found, QMenu):
            menu = found
        else:
            action.trigger()


def test_the_menu_changes_devices_counts_and_racks(bench: Bench) -> None:
    bench.view.picking.pick_nodes([0, 1])
    trigger(canvas_menu(bench.view, QPointF()), "GPUs", "2")
    trigger(canvas_menu(bench.view, QPointF()), "Align", "Align left")
    trigger(canvas_menu(bench.view, QPointF()), "Put into a rack", "New rack")
    nodes = bench.document.project.cluster.nodes
    assert [node.gpus for node in nodes] == [2, 2]
    assert nodes[0].at[0] == nodes[1].at[0]
    assert [name for name, _ in bench.view.layout_shown.racks] == ["rack0"]
    trigger(canvas_menu(bench.view, QPointF()), "Duplicate")
    assert len(bench.document.project.cluster.nodes) == 4
    assert bench.view.picking.nodes == (2, 3)
    trigger(canvas_menu(bench.view, QPointF()), "Remove")
    assert len(bench.document.project.cluster.nodes) == 2
    trigger(canvas_menu(bench.view, QPointF()), "Generate from a preset", "dgx-h200-4")
    assert bench.document.project.cluster.gpu_count == 32


def test_the_last_node_is_not_removed(make_bench: Make) -> None:
    bench = make_bench(design(nodes=1))
    bench.view.picking.pick_nodes([0])
    bench.view.remove_chosen()
    assert "at least one node" in bench.refusals[0]


def test_the_menu_of_an_expert_and_of_a_gpu_carry(bench: Bench) -> None:
    bench.document.select(Selection(kind="gpu", gpu=2))
    trigger(canvas_menu(bench.view, QPointF()), "Carry all its experts")
    assert bench.view.drag is not None
    bench.key(Key.Key_5)
    bench.key(Key.Key_Return)
    assert bench.labels == ["Move expert 2 to GPU 5, layers 0–3"]
    trigger(canvas_menu(bench.view, QPointF()), "Select all experts of GPU 5")
    assert set(bench.view.picking.chips) == {(2, 5), (5, 5)}


def test_gpus_are_removed_and_moved_to_other_nodes(bench: Bench) -> None:
    bench.document.select(Selection(kind="gpu", gpu=1))
    trigger(canvas_menu(bench.view, QPointF()), "Move to node", "node1")
    assert [node.gpus for node in bench.document.project.cluster.nodes] == [3, 5]
    bench.document.select_all([Selection(kind="gpu", gpu=gpu) for gpu in (3, 4)])
    bench.view.remove_chosen()
    assert [node.gpus for node in bench.document.project.cluster.nodes] == [3, 3]
    assert bench.labels == ["Move GPU 1 to node1", "Remove 2 GPUs"]


def test_control_pressed_while_carrying_copies(bench: Bench) -> None:
    bench.carry(bench.chip(2), bench.body(6))
    QTest.keyPress(bench.view, Key.Key_Control)
    assert bench.view.card.heading.text() == "Copy E2 → GPU 6, layers 0–3"
    QTest.keyRelease(bench.view, Key.Key_Control)
    assert bench.view.card.heading.text() == "E2 → GPU 6, layers 0–3"


def test_what_is_undone_while_it_is_carried_ends_the_gesture(bench: Bench) -> None:
    bench.view.verbs.add(gpus=8)
    bench.document.select(Selection(kind="gpu", gpu=15))
    bench.press(bench.head(15))
    bench.carry(bench.chip(5), bench.body(6))
    bench.document.undo()
    assert bench.view.drag is None
    bench.move(bench.body(2))
    bench.release(bench.body(2))
    for key in (Key.Key_Return, Key.Key_Backspace, Key.Key_F, Key.Key_G, Key.Key_Left):
        bench.key(key)
    assert len(bench.view.gpus) == 8


def test_carrying_to_the_edge_scrolls_a_view_that_does_not_show_everything(bench: Bench) -> None:
    bench.view.zoom_to(2.0)
    bench.view.centerOn(bench.view.gpu_rect(0).center())
    before = bench.view.horizontalScrollBar().value()
    bench.carry(bench.chip(0), QPoint(bench.view.viewport().width() - 5, 200))
    bench.qtbot.waitUntil(lambda: bench.view.horizontalScrollBar().value() > before + 100)
    bench.key(Key.Key_Escape)
    assert bench.labels == []


# Looking


def test_traffic_is_drawn_as_links(bench: Bench) -> None:
    bench.view.toggle_traffic()
    assert bench.panel.traffic.isChecked()
    (flow,) = bench.view.traffic.layer.flows
    assert flow.text.endswith("B")
    bench.document.select(Selection(kind="gpu", gpu=0))
    assert len(bench.view.traffic.layer.flows) == 7
    bench.view.toggle_traffic()
    assert bench.view.traffic.layer.flows == ()


def test_many_nodes_say_their_totals(make_bench: Make) -> None:
    bench = make_bench(design(nodes=16, gpus=2, experts=32))
    bench.view.toggle_traffic()
    assert len(bench.view.traffic.layer.flows) == 16
    bench.view.picking.pick_nodes([3])
    assert len(bench.view.traffic.layer.flows) == 15


def test_the_matrix_says_who_sends_what_and_selects(bench: Bench, qtbot: QtBot) -> None:
    panel = TrafficPanel(DARK)
    qtbot.addWidget(panel)
    panel.resize(700, 300)
    panel.show_evaluation(bench.document.evaluation, None)
    assert panel.view.names == []
    panel.show()
    assert panel.view.names == ["node0", "node1"]
    chosen: list[Selection] = []
    panel.chosen.connect(chosen.append)
    panel.view.setFocus()
    QTest.keyClick(panel.view, Key.Key_Right)
    QTest.keyClick(panel.view, Key.Key_Right)
    assert panel.about.text().startswith("node0 → node1: ")
    QTest.keyClick(panel.view, Key.Key_Return)
    assert chosen == [Selection(kind="node", node=0)]
    panel.level.setCurrentIndex(1)
    panel.level.activated.emit(1)
    assert panel.view.matrix.shape == (8, 8)
    assert panel.list.count() == 20
    area = panel.view.area()
    at = area.topLeft() + QPointF(area.width() * 2.5 / 8, area.height() * 1.5 / 8)
    QTest.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert chosen[-1] == Selection(kind="gpu", gpu=1)
    panel.list.setCurrentRow(3)
    assert panel.about.text() == panel.view.sentence(panel.view.cell)
    QTest.keyClick(panel.list, Key.Key_Return)
    assert chosen[-1] == Selection(kind="gpu", gpu=panel.view.cell[0])
    assert not panel.grab().isNull()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_names_of_experts_are_read_on_every_fill(theme: Theme) -> None:
    for percent in range(18, 101):
        ground = mixed(theme.family("expert"), theme.color("surface"), percent / 100)
        assert contrast(chip_ink(theme, percent), ground) >= 4.5, percent


def test_flows_between_nodes_of_long_names_show_their_figures(qapp: QApplication, qtbot: QtBot) -> None:
    project = design()
    long = [replace(node, name=f"a-very-long-name-of-a-node-in-rack-{node.name}") for node in project.cluster.nodes]
    project = replace(project, cluster=replace(project.cluster, nodes=tuple(long)))
    panel = TrafficPanel(LIGHT)
    qtbot.addWidget(panel)
    panel.resize(900, 300)
    panel.show_evaluation(Document(project).evaluation, None)
    panel.show()
    qtbot.waitExposed(panel)
    for number in range(panel.list.count()):
        item = panel.list.item(number)
        assert panel.list.visualItemRect(item).width() <= panel.list.viewport().width()
        assert item.text().split("   ")[1].endswith("B")
    assert not panel.list.horizontalScrollBar().isVisible()


@pytest.mark.parametrize("texts", [("14.0 / 80 GB", "load 1.07 ×"), ("4,909 / 80 GB", "+12.5 %"), ("45 / 80 GB", "")])
def test_a_tile_shows_whole_figures_however_narrow_it_is(qapp: QApplication, texts: tuple[str, str]) -> None:
    memory, right = texts
    figure = " ".join(right.split()[-2:])
    for width in range(20, 200, 10):
        held, beside = fitting(texts, 13, (False, True), float(width))
        assert held in (memory, f"{memory.partition(' / ')[0]} GB", "")
        assert beside in (right, figure)
    assert (held, beside) == texts


def test_a_model_without_experts_is_not_said_to_hold_their_tokens(qapp: QApplication, qtbot: QtBot) -> None:
    panel = TrafficPanel(LIGHT)
    qtbot.addWidget(panel)
    panel.show()
    for name, words in (("seed4-proposed", "This model has no experts"), ("seed0-proposed", "Nothing crosses")):
        evaluation = Document(load_project(resource("examples", f"{name}.moe.yaml"))).evaluation
        panel.show_evaluation(evaluation, None)
        assert panel.view.empty.startswith(words)


def test_what_is_large_is_drawn_in_full_and_what_is_tiny_as_a_spot(bench: Bench) -> None:
    found = []
    for scale in (1.0, 0.3, 0.1):
        bench.view.zoom_to(scale)
        bench.view.centerOn(bench.view.gpu_rect(0).center())
        picture = bench.view.viewport().grab().toImage()
        box = bench.view.mapFromScene(bench.view.gpu_rect(0)).boundingRect()
        found.append(colours(picture, box))
    assert found[0] > found[1] > found[2]


def colours(picture: QImage, box: QRect) -> int:
    ratio = picture.devicePixelRatio()
    xs = range(int(box.left() * ratio) + 2, int(box.right() * ratio) - 1)
    ys = range(int(box.top() * ratio) + 2, int(box.bottom() * ratio) - 1)
    return len({picture.pixel(x, y) for x in xs for y in ys if picture.rect().contains(x, y)})


def test_tips_say_what_is_under_the_pointer(bench: Bench) -> None:
    view = bench.view
    tips = [tip_text(view.hit(at), view.gpus, bench.document) for at in (bench.chip(3), bench.body(3), bench.card(0))]
    assert tips[0] == "Expert 3. Drag it to another GPU, or press G."
    assert tips[1].startswith("GPU 3 (r0 s0 p3), 1 expert, ")
    assert tips[2].startswith("node0: 4 × own.")


def test_experts_in_some_layers_are_shown_in_part_and_loads_as_heat(make_bench: Make) -> None:
    project = move_expert(3, 3, 6, layers=[0])(design())
    bench = make_bench(set_value("workload.routing.kind", "zipf")(project))
    (here,) = bench.view.gpus[3].state.experts
    assert (here.layers, here.share, here.is_partial) == (3, 0.75, True)
    heats = [chip.heat for tile in bench.view.gpus for chip in tile.state.experts if not chip.is_partial]
    assert max(heats) > 1 > min(heats)
    assert not bench.view.grab().isNull()


def test_places_of_the_file_are_kept_with_their_gaps() -> None:
    nodes = tuple(Node(name=f"n{number}", gpus=2, device="own", at=(3.0 * number, 0.5 * number)) for number in range(2))
    project = set_all({("cluster", "nodes"): nodes})(design(nodes=2, gpus=2, experts=4))
    layout = cluster_layout(project.cluster, most_experts=1, aspect=1.5)
    assert layout.nodes[1].x == 3 * layout.pitch[0]
    assert layout.nodes[1].y == 0.5 * layout.pitch[1]
    assert layout.spot_at(*layout.nodes[1].center) == (3.0, 0.5)


def test_changes_seen_from_afar_are_short() -> None:
    assert short_change("+60.7 %") == "+61 %"
    assert short_change("± 0 %") == "± 0 %"


def test_cards_fill_the_view_whatever_its_shape(make_bench: Make) -> None:
    bench = make_bench(design(nodes=4))
    for width, height in ((900, 700), (420, 800), (1200, 420)):
        bench.panel.resize(width, height)
        bench.view.fit()
        shown = bench.view.mapFromScene(bench.view.whole()).boundingRect()
        port = bench.view.viewport().rect()
        assert max(shown.width() / port.width(), shown.height() / port.height()) >= 0.95
        assert min(shown.width() / port.width(), shown.height() / port.height()) >= 0.7


def test_nodes_snap_to_lines_of_others_with_guides_and_freely_with_alt(make_bench: Make) -> None:
    bench = make_bench(design(nodes=4))
    bench.document.commit("off the grid", move_nodes(bench.document.project, [3], (0.13, 2)).edit)
    pitch = [size * bench.view.transform().m11() for size in bench.view.layout_shown.pitch]
    start = bench.card(1)
    bench.press(start)
    bench.move(start + QPoint(10, 10))
    end = start + QPoint(round(0.1 * pitch[0]), round(2.2 * pitch[1]))
    bench.move(end)
    assert not bench.view.pointer.ghost.guides.isEmpty()
    assert "column" in bench.view.card.heading.text()
    bench.release(end)
    column = bench.document.project.cluster.nodes[3].at[0]
    assert bench.document.project.cluster.nodes[1].at[0] == column
    assert column % 0.5
    start = bench.card(0)
    bench.drag(start, start + QPoint(round(0.2 * pitch[0]), round(4 * pitch[1])), Qt.KeyboardModifier.AltModifier)
    assert bench.document.project.cluster.nodes[0].at[0] % 0.5
    bench.document.undo()
    bench.document.undo()
    assert bench.document.project.cluster.nodes[1].at == (1, 0)


def test_a_node_is_dragged_into_a_rack_and_out_of_it_in_one_step(make_bench: Make) -> None:
    bench = make_bench(design(nodes=4))
    bench.view.picking.pick_nodes([0, 1])
    bench.view.verbs.put_in_rack()
    (name, box), *_ = bench.view.layout_shown.racks
    inside = bench.view.mapFromScene(QPointF(box.right - 4, box.bottom - 4))
    start = bench.card(3)
    bench.press(start)
    bench.move(start + QPoint(12, 3))
    bench.move(inside)
    assert bench.view.card.heading.text() == "node3 → rack0"
    assert [item.mark for item in bench.view.cards.racks] == ["target"]
    bench.release(inside)
    assert bench.labels == ["Put node0 and node1 into rack0", "Put node3 into rack0"]
    assert bench.document.project.cluster.nodes[3].rack == name
    before = bench.document.project
    start, away = bench.card(3), bench.view.viewport().rect().bottomRight() - QPoint(3, 3)
    bench.press(start)
    bench.move(start + QPoint(12, 3))
    bench.move(away)
    bench.view.escape()
    bench.release(away)
    assert bench.document.project is before
    bench.view.picking.pick_nodes([3])
    bench.view.verbs.put_in_rack("")
    assert bench.document.project.cluster.nodes[3].name == "node3"


def test_selected_gpus_are_dragged_to_another_node(bench: Bench) -> None:
    before = bench.document.project
    bench.click(bench.body(1))
    bench.click(bench.body(2), CONTROL)
    bench.carry(bench.body(1), bench.card(1))
    assert bench.view.card.heading.text() == "2 GPUs → node1"
    bench.release(bench.card(1))
    assert [node.gpus for node in bench.document.project.cluster.nodes] == [2, 6]
    assert bench.labels == ["Move 2 GPUs to node1"]
    bench.document.undo()
    assert bench.document.project is before
    bench.document.select(Selection(kind="gpu", gpu=1))
    bench.carry(bench.body(1), bench.card(1))
    bench.key(Key.Key_Escape)
    bench.release(bench.card(1))
    assert bench.document.project is before


def test_racks_that_come_while_a_node_is_dragged_end_the_gesture(make_bench: Make) -> None:
    bench = make_bench(design(nodes=4))
    start = bench.card(1)
    bench.press(start)
    bench.move(start + QPoint(20, 20))
    bench.view.picking.pick_nodes([2, 3])
    bench.view.verbs.put_in_rack()
    assert bench.view.pointer.layout_drag is None
    bench.release(start)
    assert bench.labels == ["Put node2 and node3 into rack0"]


def test_a_device_dropped_into_a_rack_becomes_a_node_of_it(make_bench: Make) -> None:
    bench = make_bench(design(nodes=4))
    bench.view.picking.pick_nodes([0, 1])
    bench.view.verbs.put_in_rack()
    (_, box), *_ = bench.view.layout_shown.racks
    drop(bench, "h200-sxm", 4, bench.view.mapFromScene(QPointF(box.x + 4, box.y + 4)))
    drop(bench, "h200-sxm", 4, bench.view.viewport().rect().bottomRight() - QPoint(2, 2))
    assert [node.name for node in bench.document.project.cluster.nodes[4:]] == ["rack0/node2", "node0"]


def test_a_rack_is_dragged_as_a_whole_and_keeps_its_nodes(make_bench: Make) -> None:
    bench = make_bench(design(nodes=4))
    bench.view.picking.pick_nodes([0, 1])
    bench.view.verbs.put_in_rack()
    (_, box), *_ = bench.view.layout_shown.racks
    start = bench.view.mapFromScene(QPointF(box.x + 20, box.y + 10))
    bench.drag(start, start + QPoint(0, 300))
    nodes = bench.document.project.cluster.nodes
    assert [node.rack for node in nodes] == ["rack0", "rack0", "", ""]
    assert bench.labels[-1] == "Move rack0/node0 and rack0/node1"


def test_the_bandwidth_of_a_tier_is_typed_in_place(make_bench: Make) -> None:
    bench = make_bench(design(nodes=4))
    at = bench.view.mapFromScene(QPointF(*bench.view.layout_shown.links[0].box.center))
    bench.mouse(QEvent.Type.MouseButtonDblClick, at)
    assert bench.view.rate.text() == "50 GB/s"
    QTest.keyClicks(bench.view.rate, "25")
    QTest.keyClick(bench.view.rate, Key.Key_Return)
    assert bench.labels == ["25 GB/s between nodes"]
    bench.view.picking.pick_nodes([0, 1])
    bench.view.verbs.put_in_rack()
    (_, box), *_ = bench.view.layout_shown.racks
    bench.mouse(QEvent.Type.MouseButtonDblClick, bench.view.mapFromScene(QPointF(box.x + 20, box.y + 10)))
    QTest.keyClicks(bench.view.rate, "200 GB/s")
    QTest.keyClick(bench.view.rate, Key.Key_Return)
    links = bench.document.project.cluster.links
    assert links.rack is not None
    assert (links.rack.gb_s, links.inter.gb_s) == (200, 25)
    assert link_texts(bench.document.project.cluster)["inter"] == "25 GB/s between racks"
    bench.view.ask_rate("inter")
    QTest.keyClicks(bench.view.rate, "fast")
    QTest.keyClick(bench.view.rate, Key.Key_Return)
    assert bench.refusals == ["A bandwidth is a number of GB/s, such as 50, not 'fast'."]
    bench.view.ask_rate("inter")
    QTest.keyClick(bench.view.rate, Key.Key_Escape)
    assert bench.view.rate.isHidden()
    assert len(bench.labels) == 3


def test_neighbours_of_a_rack_and_racks_are_joined_by_links_of_their_tiers() -> None:
    nodes = tuple(Node(name=f"rack{number // 2}/node{number}", gpus=2, device="own") for number in range(4))
    device = Device(memory_gb=80, memory_tb_s=3.0, peak_tflops={"bf16": 900})
    one = Cluster(nodes=nodes, devices={"own": device})
    two = replace(one, links=Links(rack=Link(gb_s=100)))
    assert [link.tier for link in cluster_layout(one, most_experts=1, aspect=1).links] == ["inter"] * 3
    assert sorted(link.tier for link in cluster_layout(two, most_experts=1, aspect=1).links) == [
        "inter",
        "rack",
        "rack",
    ]


def test_a_link_between_nodes_leads_to_its_setting(bench: Bench) -> None:
    at = bench.view.mapFromScene(QPointF(*bench.view.layout_shown.links[0].box.center))
    assert tip_text(bench.view.hit(at), bench.view.gpus, bench.document).startswith("50 GB/s between nodes, 5 µs.")
    bench.click(at)
    assert bench.document.selection == Selection(kind="setting", path="cluster.links.inter.gb_s")
    rows = selection_fields(bench.document.project, bench.document.selected, None)
    assert [row[0].label for row in rows] == ["Bandwidth", "Latency", "Oversubscription"]


def test_themes_change_every_part(bench: Bench) -> None:
    light = bench.view.grab().toImage()
    bench.panel.set_theme(DARK)
    assert bench.view.grab().toImage() != light
    bench.panel.set_theme(LIGHT)
    assert bench.view.grab().toImage() == light
