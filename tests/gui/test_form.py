"""Settings as forms: typed with real keys, one step per field, and what breaks the design waits beside it."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QMessageBox, QPushButton, QToolButton, QWidget

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection
from moe_studio.document.setting_edit import Editing
from moe_studio.gui.form.editor import CheckEditor, ChoiceEditor, Editor, LineEditor
from moe_studio.gui.form.row import FieldRow
from moe_studio.gui.form.settings_panel import SettingsPanel
from moe_studio.locator import resource
from moe_studio.project.project import Project
from tests.gui.conftest import Driver

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def panel(driver: Driver) -> SettingsPanel:
    driver.window.workspace.show_tab("settings")
    driver.settle()
    return driver.window.workspace.settings


def row_of(panel: SettingsPanel, path: str) -> FieldRow:
    """The row of the setting at ``path``, brought into view with the focus in its editor."""
    panel.reveal(path)
    words = tuple(path.replace("[", ".").replace("]", "").split("."))
    found = next(row for box in panel.boxes if (row := box.row_of(words)) is not None)
    assert isinstance(found, FieldRow)
    return found


def editor_of(panel: SettingsPanel, path: str) -> Editor:
    editor = row_of(panel, path).editor.input
    assert QApplication.focusWidget() is editor
    return editor


def type_over(editor: QWidget, text: str) -> None:
    QTest.keyClick(editor, Qt.Key.Key_A, CONTROL)
    QTest.keyClicks(editor, text)


def labels(driver: Driver) -> list[str]:
    return [entry.label for entry in driver.document.history.entries[1:]]


def chips(row: FieldRow) -> dict[str, QPushButton]:
    return {button.text(): button for button in row.note.findChildren(QPushButton) if button.isVisible()}


def test_typing_changes_the_figures_at_every_key_and_is_one_step(driver: Driver, panel: SettingsPanel) -> None:
    editor = editor_of(panel, "workload.batch")
    seen = [driver.latency]
    QTest.keyClick(editor, Qt.Key.Key_A, CONTROL)
    for key in "128":
        QTest.keyClicks(editor, key)
        driver.settle()
        seen.append(driver.latency)
    assert len(set(seen)) == 4
    assert labels(driver) == []
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert labels(driver) == ["Set Batch to 128"]
    driver.settle()
    QTest.keyClick(driver.window.workspace.cluster, Qt.Key.Key_Z, CONTROL)
    driver.settle()
    assert driver.latency == seen[0]
    assert editor.text() == "1024"


def test_escape_restores_the_value(driver: Driver, panel: SettingsPanel) -> None:
    editor = editor_of(panel, "workload.batch")
    type_over(editor, "77")
    assert driver.document.project.workload.batch == 77
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    assert editor.text() == "1024"
    assert driver.document.project.workload.batch == 1024
    assert not driver.document.is_modified


def test_undo_in_a_field_takes_back_typing_first_and_then_steps(driver: Driver, panel: SettingsPanel) -> None:
    editor = editor_of(panel, "workload.batch")
    type_over(editor, "64")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    driver.settle()
    QTest.keyClick(editor, Qt.Key.Key_Z, CONTROL)
    driver.settle()
    assert driver.document.project.workload.batch == 1024
    assert editor.text() == "1024"
    QTest.keyClick(editor, Qt.Key.Key_Y, CONTROL)
    driver.settle()
    assert editor.text() == "64"
    QTest.keyClicks(editor, "5")
    QTest.keyClick(editor, Qt.Key.Key_Z, CONTROL)
    assert driver.document.project.workload.batch == 64
    assert labels(driver) == ["Set Batch to 64"]


def test_leaving_the_field_ends_the_step(driver: Driver, panel: SettingsPanel) -> None:
    type_over(editor_of(panel, "workload.batch"), "64")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert labels(driver) == ["Set Batch to 64"]


def test_an_action_ends_the_step_before_it_runs(driver: Driver, panel: SettingsPanel) -> None:
    type_over(editor_of(panel, "workload.batch"), "64")
    driver.window.actions_by_name["undo"].setEnabled(True)
    driver.window.actions_by_name["undo"].trigger()
    assert driver.document.project.workload.batch == 1024
    assert driver.document.history.redo_label == "Set Batch to 64"


def test_what_is_being_typed_is_asked_about_before_another_design_takes_its_place(
    driver: Driver, panel: SettingsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QMessageBox, "exec", lambda _: QMessageBox.StandardButton.Cancel)
    type_over(editor_of(panel, "workload.batch"), "512")
    assert not driver.document.is_modified, "it is still being typed"
    document = driver.document
    driver.window.files.drop([resource("examples", "seed1.moe.yaml")])
    assert driver.document is document
    assert document.history.current.workload.batch == 512


def test_what_breaks_the_design_waits_in_the_field_with_its_sentence(driver: Driver, panel: SettingsPanel) -> None:
    row = row_of(panel, "parallel.pp")
    type_over(row.editor.input, "2")
    driver.settle()
    assert row.editor.input.text() == "2"
    assert row.note.sentence.text().startswith("ep · etp = 16 must divide the 8 GPUs of a stage.")
    assert driver.document.project.parallel.pp == 1
    problems = driver.window.workspace.problems.list
    texts = [problems.item(number).text() for number in range(problems.count())]
    assert any("Not applied: set PP to 2" in text for text in texts)
    type_over(editor_of(panel, "parallel.ep"), "8")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    driver.settle()
    assert (driver.document.project.parallel.pp, driver.document.project.parallel.ep) == (2, 8)
    assert labels(driver) == ["Set PP to 2 and EP to 8"]
    assert not row.note.isVisible()


def test_a_chip_makes_room_with_one_click(driver: Driver, panel: SettingsPanel) -> None:
    row = row_of(panel, "parallel.pp")
    type_over(row.editor.input, "2")
    QTest.mouseClick(chips(row)["with EP 8"], Qt.MouseButton.LeftButton)
    driver.settle()
    assert (driver.document.project.parallel.pp, driver.document.project.parallel.ep) == (2, 8)
    assert labels(driver) == ["Set PP to 2 and EP to 8"]


def test_degrees_that_divide_are_offered(driver: Driver, panel: SettingsPanel) -> None:
    row = row_of(panel, "parallel.tp")
    driver.qtbot.waitUntil(lambda: list(chips(row)) == ["2", "4", "8", "16"])
    assert row.note.sentence.text() == "W = 16: TP may be"
    QTest.mouseClick(chips(row)["4"], Qt.MouseButton.LeftButton)
    assert driver.document.project.parallel.tp == 4
    assert labels(driver) == ["Set TP to 4"]


def test_a_problem_leads_to_its_field(driver: Driver, panel: SettingsPanel) -> None:
    type_over(editor_of(panel, "parallel.pp"), "3")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    driver.settle()
    driver.window.workspace.show_tab("problems")
    listed = driver.window.workspace.problems.list
    rect = listed.visualItemRect(listed.item(0))
    QTest.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    driver.qtbot.waitUntil(lambda: isinstance(QApplication.focusWidget(), LineEditor))
    assert QApplication.focusWidget().accessibleName() == "PP"


def test_the_search_finds_a_setting_by_any_word(driver: Driver, panel: SettingsPanel) -> None:
    driver.window.actions_by_name["settings"].trigger()
    assert QApplication.focusWidget() is panel.search
    QTest.keyClicks(panel.search, "fused scores")
    fields = [row.editor.row[0].path for box in panel.boxes for row in box.rows() if isinstance(row, FieldRow)]
    assert fields == ["cost.attention", "cost.causal"]
    QTest.keyClick(panel.search, Qt.Key.Key_Escape)
    assert len(panel.boxes) > 1


def test_a_choice_is_one_step(driver: Driver, panel: SettingsPanel) -> None:
    editor = editor_of(panel, "cost.attention")
    assert isinstance(editor, ChoiceEditor)
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Up):
        QTest.keyClick(editor, key)
    assert driver.document.project.cost.attention == "fused"
    assert labels(driver) == []
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert labels(driver) == ["Set Attention of cost to fused"]


def test_letters_typed_in_a_choice_look_for_a_word_and_are_no_shortcuts(driver: Driver, panel: SettingsPanel) -> None:
    toast = driver.window.toast
    for key in "d", "t", "?":
        editor = editor_of(panel, "cost.attention")
        QTest.keyClick(editor, key)
        driver.settle()
        assert not toast.isVisible()
        assert QApplication.focusWidget() is editor
    layers = driver.window.bar.layer
    layers.setFocus()
    QTest.keyClick(layers, "d")
    assert not toast.isVisible()
    QTest.keyClick(driver.window.workspace.cluster, "d")
    assert toast.isVisible(), "elsewhere the key does what it says"


def test_a_wheel_over_a_choice_changes_nothing(driver: Driver, panel: SettingsPanel) -> None:
    editor = editor_of(panel, "workload.phase")
    before = driver.document.history
    QTest.wheelEvent(driver.window.windowHandle(), editor.mapTo(driver.window, QPoint(5, 5)), QPoint(0, -120))
    assert driver.document.history is before


def test_a_tick_is_one_step(driver: Driver, panel: SettingsPanel) -> None:
    editor = editor_of(panel, "cost.causal")
    assert isinstance(editor, CheckEditor)
    QTest.keyClick(editor, Qt.Key.Key_Space)
    assert driver.document.project.cost.causal
    assert labels(driver) == ["Set Causal mask of cost to yes"]


def test_reset_gives_the_default_back(driver: Driver, panel: SettingsPanel) -> None:
    row = row_of(panel, "workload.batch")
    assert row.reset.isVisible()
    QTest.mouseClick(row.reset, Qt.MouseButton.LeftButton)
    assert driver.document.project.workload.batch == 1
    assert not row.reset.isVisible()


def test_up_and_down_step_whole_numbers(driver: Driver, panel: SettingsPanel) -> None:
    editor = editor_of(panel, "workload.micro_batches")
    for _ in range(3):
        QTest.keyClick(editor, Qt.Key.Key_Up)
    QTest.keyClick(editor, Qt.Key.Key_Down)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert driver.document.project.workload.micro_batches == 3
    assert labels(driver) == ["Set Micro-batches to 3"]


def test_a_node_is_added_in_the_list_with_the_strategy_fitted_to_it_in_one_step(
    driver: Driver, panel: SettingsPanel
) -> None:
    panel.reveal("cluster.nodes[0].gpus")
    add = next(item for item in panel.findChildren(QToolButton) if item.text() == "Add a node")
    QTest.mouseClick(add, Qt.MouseButton.LeftButton)
    project = driver.document.project
    assert [node.name for node in project.cluster.nodes] == ["node0", "node1", "node2"]
    assert project.width % (project.parallel.ep * project.parallel.etp) == 0
    assert not panel.waiting.isVisible()
    driver.document.undo()
    driver.settle()
    assert len(panel.boxes[1].rows()) == 2


def test_nothing_is_worked_out_while_the_tab_is_hidden(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = driver.window.workspace.settings
    assert not panel.isVisible()
    monkeypatch.setattr("moe_studio.gui.form.settings_panel.sections", _must_not_run)
    driver.drag(5, 13)
    driver.release(driver.gpu_point(13))
    driver.settle()
    assert driver.document.is_modified


def _must_not_run(*_: object) -> None:
    raise AssertionError("worked out while hidden")


def test_every_editor_says_what_it_is(driver: Driver, panel: SettingsPanel) -> None:
    for number in range(panel.nav.count()):
        panel.nav.setCurrentRow(number)
        for editor in panel.area.findChildren(QWidget):
            if isinstance(editor, QLineEdit | QComboBox | CheckEditor):
                assert editor.accessibleName() and editor.accessibleDescription()
        for button in panel.area.findChildren(QToolButton):
            assert button.accessibleName() or button.text()


def test_nodes_are_copied_and_pasted_with_the_usual_keys(driver: Driver) -> None:
    cluster = driver.window.workspace.cluster
    cluster.setFocus()
    driver.document.select(Selection(kind="node", node=1))
    QTest.keyClick(cluster, Qt.Key.Key_C, CONTROL)
    assert "name: node1" in QGuiApplication.clipboard().text()
    QTest.keyClick(cluster, Qt.Key.Key_V, CONTROL)
    assert [node.name for node in driver.document.project.cluster.nodes] == ["node0", "node1", "node2"]
    assert labels(driver) == ["Paste node2"]
    assert driver.document.selection == Selection(kind="node", node=2)
    QTest.keyClick(cluster, Qt.Key.Key_X, CONTROL)
    assert len(driver.document.project.cluster.nodes) == 2
    QTest.keyClick(cluster, Qt.Key.Key_Insert, SHIFT)
    assert len(driver.document.project.cluster.nodes) == 3
    driver.document.go_to(0)
    assert not driver.document.is_modified


def test_foreign_text_is_refused_in_a_toast(driver: Driver) -> None:
    QGuiApplication.clipboard().setText("<b>hello</b> there")
    QTest.keyClick(driver.window.workspace.cluster, Qt.Key.Key_V, CONTROL)
    assert driver.window.toast.isVisible()
    assert driver.window.toast.label.text().startswith("The clipboard holds no nodes and no placement of a design.")
    assert not driver.document.is_modified


def test_a_placement_is_copied_and_pasted(driver: Driver) -> None:
    driver.drag(5, 13)
    driver.release(driver.gpu_point(13))
    driver.document.select(Selection(kind="expert", expert=5, gpu=13))
    driver.cluster.setFocus()
    QTest.keyClick(driver.cluster, Qt.Key.Key_Insert, CONTROL)
    driver.document.undo()
    QTest.keyClick(driver.cluster, Qt.Key.Key_V, CONTROL)
    assert [move.slots for move in driver.document.project.placement.moves] == [(13,)]
    assert labels(driver) == ["Paste the placement of expert 5"]


def test_groups_stay_at_the_top_of_their_columns_when_others_go(driver: Driver, panel: SettingsPanel) -> None:
    panel.reveal("model.preset")
    editing = panel.editing
    editing.enter(row_of(panel, "model.preset").editor.row, "deepseek-v3")
    driver.settle()
    assert "Feed-forward dense" in [box.title.text() for box in panel.boxes]
    editing.enter(row_of(panel, "model.preset").editor.row, "mixtral-8x7b")
    driver.settle()
    driver.qtbot.wait(10)
    tops = {box.x(): box.y() for box in reversed(panel.boxes)}
    assert len(tops) > 1
    assert len(set(tops.values())) == 1, tops


def test_keys_of_a_text_field_stay_its_own(driver: Driver, panel: SettingsPanel) -> None:
    editor = editor_of(panel, "name")
    type_over(editor, "Plan L")
    QTest.keyClick(editor, Qt.Key.Key_A, CONTROL)
    QTest.keyClick(editor, Qt.Key.Key_C, CONTROL)
    assert QGuiApplication.clipboard().text() == "Plan L"
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert driver.document.title == "Plan L"


def test_the_history_jumps_where_it_is_clicked(driver: Driver, panel: SettingsPanel) -> None:
    for text in ("8", "16", "32"):
        type_over(editor_of(panel, "workload.batch"), text)
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    driver.settle()
    driver.window.workspace.show_tab("history")
    shown = driver.window.workspace.history.list
    assert [shown.item(number).text() for number in range(shown.count())][-1] == "Set Batch to 32"
    rect = shown.visualItemRect(shown.item(1))
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert driver.document.project.workload.batch == 8
    assert driver.document.history.redo_label == "Set Batch to 16"


PATHS = ("parallel.dp", "parallel.pp", "parallel.tp", "parallel.ep", "workload.batch", "cost.compute", "model.hidden")


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(PATHS),
            st.sampled_from(["1", "2", "4", "8", "0", "", "x", "0.5"]),
            st.sampled_from(["enter", "tab", "escape", "undo", "stay"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_is_typed_undoing_all_gives_the_very_same_project(
    qapp: QApplication, example: Project, steps: list[tuple[str, str, str]]
) -> None:
    document = Document(example)
    panel = SettingsPanel(Editing(document))
    panel.editing.on_draft.append(panel.refresh)
    panel.resize(900, 400)
    panel.show()
    ends: dict[str, Callable[[QWidget], None]] = {
        "enter": lambda editor: QTest.keyClick(editor, Qt.Key.Key_Return),
        "tab": lambda editor: QTest.keyClick(editor, Qt.Key.Key_Tab),
        "escape": lambda editor: QTest.keyClick(editor, Qt.Key.Key_Escape),
        "undo": lambda _: document.undo(),
        "stay": lambda _: None,
    }
    for path, text, end in steps:
        panel.reveal(path)
        editor = row_of(panel, path).editor.input
        type_over(editor, text)
        ends[end](editor)
        panel.refresh()
    panel.editing.finish()
    document.go_to(0)
    assert document.project is example
    panel.close()
    panel.deleteLater()
