"""The inspector: what is selected can be edited there, one thing or several, and a way to improve is one click."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from moe_studio.calibration.provider import provide
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import evaluate
from moe_studio.gui.form.editor import ChoiceEditor, LineEditor
from moe_studio.gui.form.row import FieldRow
from moe_studio.gui.form.selection_form import SelectionForm
from moe_studio.gui.inspector.design_fact import design_facts
from moe_studio.gui.inspector.operator_fact import operator_facts
from moe_studio.gui.inspector.place_fact import gpu_facts
from moe_studio.gui.theme import DARK, LIGHT, apply_theme
from moe_studio.gui.widgets.label import ElidedLabel, set_tone
from moe_studio.locator import resource
from moe_studio.project.design import Reference as ClaimedFigures
from moe_studio.project.design import Workload
from moe_studio.project.edit import move_expert, set_value
from moe_studio.project.model import Block
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project
from moe_studio.units import si_text
from tests.gui.conftest import Driver

CONTROL = Qt.KeyboardModifier.ControlModifier
NODES = (Selection(kind="node", node=0), Selection(kind="node", node=1))


@pytest.fixture
def form(driver: Driver) -> SelectionForm:
    return driver.window.workspace.inspector.form


def row(form: SelectionForm, label: str) -> FieldRow:
    return next(item for item in form.rows if item.editor.field.label == label)


def type_over(found: FieldRow, text: str) -> None:
    editor = found.editor.input
    editor.setFocus()
    QTest.keyClick(editor, Qt.Key.Key_A, CONTROL)
    QTest.keyClicks(editor, text)


def labels(driver: Driver) -> list[str]:
    return [entry.label for entry in driver.document.history.entries[1:]]


def test_an_operator_outside_of_what_was_measured_says_so() -> None:
    path = resource("examples", "real", "deepseek-v3-decode-h100.moe.yaml")
    evaluation = evaluate(load_project(path), provide)

    def known_by(name: str) -> str:
        row = next(row for row in range(len(evaluation.graph)) if evaluation.graph.kind_name(row) == name)
        facts = operator_facts(evaluation, row, is_quick=False)
        return next(fact.value for fact in facts.rows if fact.label == "Known by")

    assert known_by("o").startswith("calibrated, ± ")
    assert "outside" not in known_by("o")
    assert known_by("combine").startswith("datasheet, ± ")
    assert known_by("combine").endswith("; outside what was measured")


@pytest.mark.parametrize(("phase", "known", "other"), [("decode", "TPOT", "TTFT"), ("prefill", "TTFT", "TPOT")])
def test_claimed_times_of_a_token_stand_beside_the_prediction_of_their_phase(
    phase: str, known: str, other: str
) -> None:
    design = load_project(example_path("seed0-baseline"))
    claimed = replace(design, reference=ClaimedFigures(tpot_ms=1e6, ttft_ms=1e6))
    evaluation = evaluate(replace(claimed, workload=replace(design.workload, phase=phase, context=64)))
    facts = {fact.label: fact.value for fact in design_facts(evaluation).rows}
    assert facts[f"Claimed {known}"].startswith("1e+06 ms (−")
    assert facts[f"Claimed {other}"] == "1e+06 ms"


def test_sums_over_several_experts_are_of_the_experts_that_the_facts_are_about(driver: Driver) -> None:
    driver.document.select(Selection(kind="expert", expert=1, gpu=1))
    driver.settle()
    inspector = driver.window.workspace.inspector
    single = {row.label: row.amount for row in inspector._rows}
    driver.document.select_all([Selection(kind="expert", expert=expert, gpu=expert) for expert in (1, 2)])
    both = {row.label: row.amount for row in inspector._rows}
    assert both["Operators"] == single["Operators"]
    assert single["Operators"] and both["Operators, in all"] == 2 * single["Operators"]
    # While they are carried, they are the same experts elsewhere.
    driver.document.preview(move_expert(1, 1, 13, layers=range(4)))
    driver.settle()
    assert {row.label: row.amount for row in inspector._rows}["Operators, in all"] == both["Operators, in all"]


def test_no_fact_about_several_things_is_said_twice(driver: Driver) -> None:
    driver.document.select_all([Selection(kind="gpu", gpu=gpu) for gpu in (1, 2)])
    driver.settle()
    said = [row.label for row in driver.window.workspace.inspector._rows]
    assert len(said) == len(set(said))


def test_a_setting_has_its_unit(driver: Driver) -> None:
    driver.document.select(Selection(kind="setting", path="cluster.links.inter.gb_s"))
    driver.settle()
    assert "Value\t50 GB/s" in driver.window.workspace.inspector.text()


def test_f2_renames_the_selected_node(driver: Driver, form: SelectionForm) -> None:
    driver.document.select(NODES[1])
    driver.cluster.setFocus()
    QTest.keyClick(driver.cluster, Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert isinstance(editor, LineEditor) and editor.selectedText() == "node1"
    QTest.keyClicks(editor, "west")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert driver.document.project.cluster.nodes[1].name == "west"
    assert labels(driver) == ["Set Name of node1 to west"]


def test_a_name_that_is_taken_is_said_beside_it(driver: Driver, form: SelectionForm) -> None:
    driver.document.select(NODES[1])
    type_over(row(form, "Name"), "node0")
    assert "used more than once" in row(form, "Name").note.sentence.text()
    assert driver.document.project.cluster.nodes[1].name != "node0"


def test_several_nodes_show_what_they_have_in_common(driver: Driver, form: SelectionForm) -> None:
    driver.document.select_all(NODES)
    inspector = driver.window.workspace.inspector
    assert inspector.title.text() == "2 nodes"
    assert "GPUs\t—" in inspector.text()
    assert "Memory\t64 GB" in inspector.text()
    assert [item.editor.field.label for item in form.rows] == ["GPUs", "Device"]
    graph, flop = driver.document.evaluation.graph, driver.document.evaluation.graph.column("flop")
    assert f"Operators, in all\t{len(graph):,}" in inspector.text()
    assert f"Arithmetic, in all\t{si_text(float(flop.sum()), 'FLOP', 3)}" in inspector.text()


def test_an_edit_of_several_is_one_step(driver: Driver, form: SelectionForm) -> None:
    driver.document.select_all(NODES)
    type_over(row(form, "GPUs"), "16")
    driver.settle()
    assert [node.gpus for node in driver.document.project.cluster.nodes] == [16, 16]
    QTest.keyClick(row(form, "GPUs").editor.input, Qt.Key.Key_Return)
    assert labels(driver) == ["Set GPUs of 2 to 16"]
    driver.document.undo()
    assert [node.gpus for node in driver.document.project.cluster.nodes] == [8, 8]


def test_different_values_are_a_dash(driver: Driver, form: SelectionForm) -> None:
    driver.document.select(NODES[0])
    device = row(form, "Device").editor
    assert isinstance(device.input, ChoiceEditor)
    form.editing.enter(device.row, "h200-sxm")
    driver.settle()
    driver.document.select_all(NODES)
    assert row(form, "Device").editor.input.currentIndex() == -1
    assert row(form, "Device").editor.input.placeholderText() == "—"
    assert row(form, "GPUs").editor.input.text() == "8"


def test_nodes_are_selected_together_in_the_outline(driver: Driver) -> None:
    outline = driver.window.workspace.outline
    cluster = outline.topLevelItem(2)
    rects = [outline.visualItemRect(cluster.child(number)).center() for number in range(2)]
    QTest.mouseClick(outline.viewport(), Qt.MouseButton.LeftButton, pos=rects[0])
    QTest.mouseClick(outline.viewport(), Qt.MouseButton.LeftButton, CONTROL, rects[1])
    driver.qtbot.waitUntil(lambda: len(driver.document.selected) == 2)
    assert set(driver.document.selected) == set(NODES)


def test_select_all_takes_the_kind_that_is_selected(driver: Driver) -> None:
    driver.document.select(Selection(kind="gpu", gpu=3))
    driver.cluster.setFocus()
    QTest.keyClick(driver.cluster, Qt.Key.Key_A, CONTROL)
    assert len(driver.document.selected) == 16
    assert driver.window.workspace.inspector.title.text() == "16 GPUs"


def test_an_expert_is_placed_by_typing_its_slots(driver: Driver, form: SelectionForm) -> None:
    driver.document.select(Selection(kind="expert", expert=5, gpu=5))
    type_over(row(form, "Slots"), "7")
    driver.settle()
    QTest.keyClick(row(form, "Slots").editor.input, Qt.Key.Key_Return)
    assert [move.slots for move in driver.document.project.placement.moves] == [(7,)]
    assert labels(driver) == ["Set Slots of expert 5, layers 0–3 to 7"]


def test_nothing_selected_is_the_design(driver: Driver, form: SelectionForm) -> None:
    driver.document.select(Selection())
    assert [item.editor.field.label for item in form.rows][:3] == ["Name", "Phase", "Batch"]


def test_a_change_that_was_tried_is_offered_and_does_what_it_says(driver: Driver, form: SelectionForm) -> None:
    driver.document.commit("Crowd", move_expert(4, 4, 5, layers=range(4)))
    before = driver.document.evaluation.metrics.latency_s
    driver.document.select(Selection(kind="gpu", gpu=5))
    driver.qtbot.waitUntil(form.link.isVisible)
    said = form.link.text()
    assert said.startswith("Move E4 to GPU 4: ") or said.startswith("Move E5 to GPU 4: ")
    QTest.mouseClick(form.link, Qt.MouseButton.LeftButton)
    driver.settle()
    after = driver.document.evaluation.metrics.latency_s
    assert f"{(1 - after / before) * 100:.1f}"[:2] == said.split(": ")[1][:2]
    assert not form.link.isVisible()


def test_nothing_is_offered_where_nothing_helps(driver: Driver, form: SelectionForm) -> None:
    driver.document.select(Selection(kind="gpu", gpu=5))
    driver.qtbot.wait(300)
    assert not form.link.isVisible()


def test_what_serving_gives_is_said_of_the_design_and_of_a_gpu(driver: Driver) -> None:
    work = Workload(phase="decode", batch=16, context=1000, draft_tokens=1, acceptance=0.6)
    driver.document.commit("Decode with a draft", set_value("workload", work))
    evaluation = driver.document.evaluation
    said = {fact.label: fact.value for fact in design_facts(evaluation).rows}
    assert said["Tokens per step"] == "1.60 of 2 verified"
    assert said["Batch that fits"] == f"about {evaluation.room.batch_estimate:,}"
    room = {fact.label: fact.value for fact in gpu_facts(evaluation, 3, None, is_quick=True).rows}["Room for cache"]
    assert room == f"{evaluation.room.tokens[3]:,.0f} tokens, {evaluation.room.sequences[3]:,.0f} sequences"


def test_that_no_batch_fits_is_said_so(driver: Driver) -> None:
    driver.document.commit("Wider", set_value("model.hidden", 2**20))
    assert driver.document.evaluation.room.batch_estimate == 0
    said = {fact.label: fact.value for fact in design_facts(driver.document.evaluation).rows}
    assert said["Batch that fits"] == "none"


def test_an_expert_of_a_layer_that_the_reference_lacks_is_compared_with_nothing(driver: Driver) -> None:
    window = driver.window
    driver.document.commit("Fewer", set_value("model.blocks", (Block(repeat=2),)))
    window.compare.pin_state()
    driver.document.undo()
    for layer in (None, 3):
        driver.document.show_layer(layer)
        driver.document.select(Selection(kind="expert", expert=1, layer=-1 if layer is not None else 3))
        driver.settle()
        assert window.workspace.inspector.title.text() == "Expert 1"


def test_a_label_that_goes_from_tone_to_tone_looks_as_one_that_had_its_tone_from_the_start(
    qapp: QApplication, qtbot: QtBot
) -> None:
    for theme in (LIGHT, DARK):
        apply_theme(qapp, theme)
        changed = _shown_label(qtbot, "")
        for tone in ("good", "bad", "good", "", "bad", ""):
            set_tone(changed, tone)
            assert changed.grab().toImage() == _shown_label(qtbot, tone).grab().toImage()
    set_tone(changed, "bad")
    apply_theme(qapp, LIGHT)
    assert changed.grab().toImage() == _shown_label(qtbot, "bad").grab().toImage()


def _shown_label(qtbot: QtBot, tone: str) -> ElidedLabel:
    label = ElidedLabel("+4.6 %", "small")
    qtbot.addWidget(label)
    label.resize(80, 20)
    set_tone(label, tone)
    label.show()
    return label
