"""Carrying experts, by pointer and by keyboard."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from moe_studio.document.effect import Effect
from moe_studio.document.placing import drop_of, grabbed, hosted_experts
from moe_studio.document.selection import Selection
from moe_studio.gui.canvas import carry
from moe_studio.gui.canvas.drag_card import promise_of
from moe_studio.gui.widgets.figure import change_text
from moe_studio.project.project import Project
from tests.gui.conftest import Driver


def test_the_latency_changes_while_hovering_before_the_drop(driver: Driver, example: Project) -> None:
    before = driver.latency
    driver.drag(5, 13)
    driver.settle()
    assert driver.latency != before
    assert driver.window.strip.cards["Latency"].note.text() == "+60.7 %"
    assert driver.document.history.current is example
    card = driver.cluster.card
    assert card.isVisible()
    assert card.heading.text() == "E5 → GPU 13, layers 0–3"
    assert "(+60.7 %)" in card.latency.text()
    assert "GB" in card.rest.text()


def test_a_drop_is_one_step_and_undo_restores_the_same_project(driver: Driver, example: Project) -> None:
    driver.drag(5, 13)
    driver.move(driver.gpu_point(9))
    driver.move(driver.gpu_point(13))
    driver.release(driver.gpu_point(13))
    driver.settle()
    assert [entry.label for entry in driver.document.history.entries[1:]] == ["Move expert 5 to GPU 13, layers 0–3"]
    assert hosted_experts(driver.document.project, None)[13] == {5: 4, 13: 4}
    assert not driver.cluster.card.isVisible()
    assert driver.window.actions_by_name["undo"].text() == "Undo move expert 5 to GPU 13, layers 0–3"
    QTest.keyClick(driver.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driver.settle()
    assert driver.document.project is example
    assert driver.latency == "30.24 s"


def test_escape_puts_the_expert_back(driver: Driver, example: Project) -> None:
    before = driver.latency
    driver.drag(5, 13)
    driver.settle()
    QTest.keyClick(driver.cluster, Qt.Key.Key_Escape)
    driver.settle()
    assert driver.document.project is example
    assert driver.latency == before
    assert not driver.cluster.card.isVisible()
    driver.release(driver.gpu_point(13))
    assert len(driver.document.history.entries) == 1


def test_a_drop_beside_every_gpu_changes_nothing(driver: Driver, example: Project) -> None:
    start = driver.chip_point(5)
    driver.drag(5, 13)
    driver.move(driver.cluster.viewport().rect().topLeft())
    driver.release(driver.cluster.viewport().rect().topLeft())
    assert start
    assert driver.document.project is example
    assert len(driver.document.history.entries) == 1


def test_a_drop_on_an_expert_lets_both_change_places(driver: Driver) -> None:
    target = driver.chip_point(9)
    driver.drag(5, 13)
    driver.move(target)
    driver.settle()
    # The tile now shows E5 where E9 was; the pointer still means the same.
    driver.move(target)
    driver.settle()
    assert driver.cluster.card.heading.text() == "E5 ↔ E9, GPU 9, layers 0–3"
    driver.release(target)
    held = hosted_experts(driver.document.project, None)
    assert (held[5], held[9]) == ({9: 4}, {5: 4})
    assert driver.document.history.undo_label == "Swap experts 5 and 9, layers 0–3"


def test_what_takes_long_is_previewed_when_the_pointer_rests_or_lets_go(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carry, "SLOW_S", 0.0)
    driver.drag(5, 13)
    shown = driver.document.project
    driver.move(driver.gpu_point(9))
    assert driver.document.project is shown  # that of the target before
    assert driver.cluster.card.heading.text() == "E5 → GPU 9, layers 0–3"
    assert driver.cluster.card.latency.text() == "latency …"
    assert driver.cluster.gpus[9].mark == "target"
    driver.qtbot.waitUntil(lambda: 5 in hosted_experts(driver.document.project, None)[9])
    assert driver.cluster.card.latency.text() not in ("", "latency …")
    driver.move(driver.gpu_point(12))
    driver.release(driver.gpu_point(12))
    assert 5 in hosted_experts(driver.document.history.current, None)[12]


def test_with_control_a_drop_copies(driver: Driver) -> None:
    driver.drag(5, 13)
    driver.move(driver.gpu_point(9), is_copy=True)
    assert driver.cluster.card.heading.text() == "Copy E5 → GPU 9, layers 0–3"
    driver.release(driver.gpu_point(9))
    held = hosted_experts(driver.document.project, None)
    assert (held[5], held[9]) == ({5: 4}, {5: 4, 9: 4})


def test_a_drag_of_one_layer_leaves_the_others(driver: Driver) -> None:
    driver.document.show_layer(2)
    driver.settle()
    driver.drag(5, 13)
    driver.release(driver.gpu_point(13))
    assert hosted_experts(driver.document.project, 1)[5] == {5: 1}
    assert hosted_experts(driver.document.project, 2)[13] == {5: 1, 13: 1}


def test_every_other_gpu_says_what_a_drop_there_would_change(driver: Driver) -> None:
    driver.drag(5, 13)
    others = [item for gpu, item in enumerate(driver.cluster.gpus) if gpu != 5]
    driver.qtbot.waitUntil(lambda: all(item.has_effect for item in others))
    assert not driver.cluster.gpus[5].has_effect


@pytest.mark.parametrize(
    ("after_s", "text", "tone"),
    [
        (1.0, "± 0 %", ""),
        (1.0004, "± 0 %", ""),
        (0.9996, "± 0 %", ""),
        (1.0006, "+0.1 %", "bad"),
        (0.99, "−1.0 %", "good"),
    ],
)
def test_a_change_that_reads_as_nothing_is_neither_good_nor_bad(after_s: float, text: str, tone: str) -> None:
    effect = Effect(gpu=0, latency_s=after_s, before_s=1.0, memory_byte=1, capacity_byte=2, cross_node_byte=0)
    promise = promise_of(effect)
    assert (promise.latency, promise.tone) == (text, tone)
    assert change_text(after_s, 1.0) == text


def test_the_graph_shows_a_carried_expert_where_it_would_be(driver: Driver) -> None:
    dag = driver.window.workspace.dag

    def seen() -> set[int]:
        """GPUs of whose operators of the expert something is seen, all marked."""
        assert dag.shown is not None
        chosen = driver.document.chosen_in(dag.shown.evaluation.graph)
        rows = chosen.rows[dag.shown.evaluation.graph.expert[chosen.rows] == 5]
        x, y = dag.camera.to_x(dag.shown.left[rows]), dag.camera.to_y(dag.shown.row[rows])
        inside = (x >= 0) & (x < dag._area().width()) & (y >= 0) & (y < dag._area().height())
        assert chosen.is_single[rows].all()
        return set(dag.shown.evaluation.graph.gpu[rows[inside]].tolist())

    driver.drag(5, 13)
    driver.settle()
    assert seen() == {13}
    driver.move(driver.gpu_point(2))
    driver.settle()
    assert seen() == {2}
    QTest.keyClick(driver.cluster, Qt.Key.Key_Escape)
    driver.settle()
    assert seen() == {5}


def test_with_control_every_gpu_says_what_a_copy_would_change(driver: Driver, example: Project) -> None:
    driver.drag(5, 13)
    driver.qtbot.waitUntil(lambda: driver.cluster.carry.what_ifs.is_done)
    moves = [tile.promise for tile in driver.cluster.gpus]
    driver.move(driver.gpu_point(13) + QPoint(0, 1), is_copy=True)
    driver.qtbot.waitUntil(lambda: driver.cluster.carry.what_ifs.is_done)
    drop = drop_of(example, grabbed(example, 5, 5, None), 9, mode="replicate")
    wanted = promise_of(driver.document.effect(drop.edit, 9))
    assert driver.cluster.gpus[9].promise == wanted != moves[9]
    driver.move(driver.gpu_point(13))
    assert [tile.promise for tile in driver.cluster.gpus] == moves


def test_c_while_carrying_makes_copies(driver: Driver) -> None:
    driver.document.select(Selection(kind="expert", expert=5, gpu=5))
    driver.cluster.setFocus()
    QTest.keyClick(driver.cluster, Qt.Key.Key_G)
    QTest.keyClicks(driver.cluster, "9C")
    assert driver.cluster.card.heading.text() == "Copy E5 → GPU 9, layers 0–3"
    QTest.keyClick(driver.cluster, Qt.Key.Key_Return)
    assert driver.document.history.undo_label == "Replicate expert 5 on GPU 9, layers 0–3"


def test_the_keyboard_carries_an_expert_by_number(driver: Driver, example: Project) -> None:
    driver.document.select(Selection(kind="gpu", gpu=5))
    driver.cluster.setFocus()
    QTest.keyClick(driver.cluster, Qt.Key.Key_Return)
    assert driver.document.selection == Selection(kind="expert", expert=5, gpu=5)
    QTest.keyClick(driver.cluster, Qt.Key.Key_G)
    QTest.keyClicks(driver.cluster, "13")
    driver.settle()
    assert driver.cluster.card.heading.text() == "E5 → GPU 13, layers 0–3"
    assert driver.window.strip.cards["Latency"].note.text() == "+60.7 %"
    QTest.keyClick(driver.cluster, Qt.Key.Key_Return)
    assert driver.document.history.undo_label == "Move expert 5 to GPU 13, layers 0–3"
    driver.document.undo()
    assert driver.document.project is example


def test_the_keyboard_carries_an_expert_by_arrows_and_escape_cancels(driver: Driver, example: Project) -> None:
    driver.document.select(Selection(kind="expert", expert=5, gpu=5))
    driver.cluster.setFocus()
    QTest.keyClick(driver.cluster, Qt.Key.Key_G)
    QTest.keyClick(driver.cluster, Qt.Key.Key_Up)
    assert driver.cluster.drag is not None
    assert driver.cluster.drag.target is not None
    assert driver.cluster.drag.target.gpu == 3
    QTest.keyClick(driver.cluster, Qt.Key.Key_Escape)
    assert driver.cluster.drag is None
    assert driver.document.project is example
