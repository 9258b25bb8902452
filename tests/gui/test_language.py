"""English, Chinese, and a pseudo-locale that shows what is not translated or has no room."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QDockWidget, QLabel, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from moe_studio.calibration.provider import provide
from moe_studio.document.document import Document
from moe_studio.document.manual import help_pages
from moe_studio.document.selection import Selection
from moe_studio.document.setting_edit import Editing
from moe_studio.document.setting_section import sections
from moe_studio.document.why import why
from moe_studio.engine.evaluation import evaluate
from moe_studio.engine.rule import problems
from moe_studio.gui.actions import COMMANDS, MENUS
from moe_studio.gui.command.gesture import GESTURES
from moe_studio.gui.help.tour import Tour
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.text import CHINESE, ENGLISH, PSEUDO, SYSTEM, has_letters, language_of, pseudo, tr, use_language
from moe_studio.gui.widgets.label import ElidedLabel
from moe_studio.locator import resource
from moe_studio.project.edit import move_expert
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project

ROOT = Path(__file__).parents[2] / "moe_studio" / "gui"
CATALOGUE: dict[str, str] = json.loads(resource("i18n", "zh_CN.json").read_text(encoding="utf-8"))
NAMES = re.compile(r"\{(\w+)\}")
WORDS = re.compile(r"[A-Za-z]{3,}")
HAN = re.compile(r"[\u4e00-\u9fff]")
GRAMMAR = re.compile(r"\b(the|of|and|in|is|are|which|that|Default)\b")
"""Words that only an English sentence has."""

KEPT = re.compile(
    r"(GPU|Seed|EP\d|YAML|PDF|SVG|PNG|CSV|DOT|Get_Time|English|MoE Studio|MFU|FLOP|TPOT|Ctrl|Esc|Home|Enter|"
    r"node\d|seed[\w-]*|fp\d+|bf16|Source|documents?|claimed|NVLink|GraphML|HTML|JSON|Graphviz|Perfetto|Markdown)"
)
"""Names that are the same in Chinese, or come from the design."""


FOR_DEVELOPERS = {
    "3; the known ones are 3.",
    "Every input of a stage is an output of the stage before.",
    "There is no view 3; the views are 3, and replica N, stage N, gpu N, operator ID.",
}
"""Refusals of what the window never asks for."""


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    yield
    use_language(ENGLISH)


@pytest.fixture
def speaking(qapp: QApplication, qtbot: QtBot, example: Project, request: pytest.FixtureRequest) -> MainWindow:
    """A window in the language that the test names."""
    use_language(request.param)
    window = MainWindow(Document(example), theme="light")
    qtbot.addWidget(window, before_close_func=lambda _: window.set_document(Document(example)))
    window.open_at(QSize(1600, 1000))
    qtbot.waitUntil(lambda: not window.bridge.is_pending and not window.workspace.is_busy)
    return window


def literals() -> Iterator[tuple[str, str]]:
    """Every literal that the window's code hands to `tr`, with its file."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr" and node.args:
                first = node.args[0]
                for part in [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]:
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value, path.name


def refusals() -> Iterator[str]:
    """Every sentence with which parts that the window uses refuse something; 3 stands for what is filled in."""
    parts = ("document", "engine", "export", "gui", "project", "view")
    for path in sorted(file for part in parts for file in (ROOT.parent / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                said = node.exc.args[0]
                pieces = said.values if isinstance(said, ast.JoinedStr) else [said]
                words = [str(piece.value) if isinstance(piece, ast.Constant) else "3" for piece in pieces]
                if str(getattr(node.exc.func, "id", "")).endswith("Error") and WORDS.search(text := "".join(words)):
                    yield text


def test_what_the_window_refuses_is_said_in_chinese() -> None:
    use_language(CHINESE)
    assert {text for text in refusals() if not HAN.search(tr(text))} - FOR_DEVELOPERS == set()


def test_what_is_typed_into_forms_is_told_in_chinese(example: Project) -> None:
    document = Document(example)
    editing, told = Editing(document), set[str]()
    for row in (row for section in sections(example) for group in section.groups for row in group.rows):
        for text in ("abc", "-1", "0", "7", "1e99", ""):
            if editing.enter(row.fields, text):
                told.add(document.history.entries[document.history.cursor].label)
                document.undo()
            told.update(problem.message for problem in editing.problems())
            editing.cancel(row.fields)
    assert len(told) > 200
    use_language(CHINESE)
    assert {tr(text) for text in told if re.search(r"\b(must|set|Set|applied|such|has|needs)\b", tr(text))} == set()


def test_every_text_of_the_code_is_in_the_chinese_catalogue() -> None:
    missing = {text for text, _ in literals() if text not in CATALOGUE and WORDS.search(text)}
    assert missing == set(), "add their translations to resources/i18n/zh_CN.json"


def test_actions_menus_gestures_and_help_pages_are_in_the_chinese_catalogue() -> None:
    texts = [text for command in COMMANDS for text in (command.text, command.tip, *command.menu.split("/"))]
    texts += [command.reason for command in COMMANDS if command.reason]
    texts += [*MENUS, *(text for pair in GESTURES for text in pair), *(page.title for page in help_pages())]
    assert {text for text in texts if text not in CATALOGUE} == set()


def test_translations_fill_in_the_same_names() -> None:
    for key, text in CATALOGUE.items():
        assert set(NAMES.findall(text)) <= set(NAMES.findall(key)), key
        assert text.strip(), key


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Move expert 5 to GPU 13, layers 0–3", "把专家 5 移到 GPU 13，第 0–3 层"),
        ("Undo move expert 5 to GPU 13, layers 0–3", "撤销：把专家 5 移到 GPU 13，第 0–3 层"),
        ("latency −1.39 s (−4.6 %)", "延迟 −1.39 s (−4.6 %)"),
        ("memory 41.2 / 64 GB · cross-node +0.6 GB", "内存 41.2 / 64 GB · 跨节点 +0.6 GB"),
        (
            "77 % of the run time is bound by memory bandwidth; the largest share, 40 %, is attention."
            " 10 % more memory bandwidth would make it 4.2 % shorter.",
            "77 % 的运行时间受内存带宽限制；其中最大的一份（40 %）是注意力。内存带宽增加 10 % 会使它缩短 4.2 %。",
        ),
        ("8 GPUs, 1 node", "8 个 GPU，1 个节点"),
        ("1 GPU, 1 node", "1 个 GPU，1 个节点"),
        ("Something nobody translated", "Something nobody translated"),
        ("", ""),
    ],
)
def test_sentences_of_other_parts_are_translated_by_their_pattern(english: str, chinese: str) -> None:
    use_language(CHINESE)
    assert tr(english) == chinese
    use_language(ENGLISH)
    assert tr(english) == english


def test_every_setting_is_explained_in_chinese() -> None:
    use_language(CHINESE)
    project = load_project(resource("examples", "seed0-proposed-dp.moe.yaml"))
    fields = [
        field
        for section in sections(project, {})
        for group in section.groups
        for row in group.rows
        for field in row.fields
    ]
    assert len(fields) > 60
    for field in fields:
        hint = tr(field.hint)
        assert HAN.search(hint) and not GRAMMAR.search(hint), (field.path, hint)
    groups = [group for section in sections(project, {}) for group in section.groups]
    actions = [
        action for group in groups for action in (*group.actions, *(a for row in group.rows for a in row.actions))
    ]
    texts = {action.text for action in actions if WORDS.search(action.text)}
    assert len(texts) > 3
    assert {tr(text) for text in texts if WORDS.search(KEPT.sub("", tr(text)))} == set()


@pytest.mark.parametrize("speaking", [CHINESE], indirect=True)
def test_what_is_selected_and_the_filter_of_kinds_are_named_in_chinese(speaking: MainWindow, qtbot: QtBot) -> None:
    document, title = speaking.document, speaking.workspace.inspector.title
    chosen = [Selection(kind="layer", layer=2), Selection(kind="expert", expert=5), Selection(kind="layer", layer=1)]
    for selected, wanted in ((chosen[:1], "第 2 层"), (chosen[1:2], "专家 5"), (chosen[::2], "2 层")):
        document.select_all(selected)
        qtbot.waitUntil(lambda wanted=wanted: title.text() == wanted)
    menu = speaking.graph.tools.filter.menu()
    menu.aboutToShow.emit()
    assert {action.text() for action in menu.actions() if WORDS.search(KEPT.sub("", action.text()))} == set()


def test_a_sentence_that_only_looks_like_a_pattern_stays_as_it_is() -> None:
    use_language(CHINESE)
    for text in ("A list of the others, in a row of words.", "Most experts wait, at least.", "Nobody said so of this"):
        assert tr(text) == text


@pytest.mark.parametrize("name", ["seed0-proposed", "seed0-baseline", "seed4-baseline", "seed1"])
def test_problems_and_reasons_of_the_examples_are_chinese(name: str) -> None:
    use_language(CHINESE)
    evaluation = evaluate(load_project(resource("examples", f"{name}.moe.yaml")), provide)
    for text in (*(problem.message for problem in problems(evaluation)), *why(evaluation)):
        told = KEPT.sub("", tr(text))
        assert len(HAN.findall(told)) >= len(WORDS.findall(told)), told


def test_values_are_filled_in_and_never_translated_themselves() -> None:
    use_language(CHINESE)
    assert tr("Saved {name}.", name="Open") == "已保存 Open。"
    assert tr("Saved {name}.", name="{x}") == "已保存 {x}。"


def test_languages_that_are_not_there_are_english() -> None:
    assert language_of("xx") == ENGLISH
    assert language_of(CHINESE) == CHINESE
    assert language_of(SYSTEM) in (ENGLISH, CHINESE)


@pytest.mark.parametrize("speaking", [ENGLISH], indirect=True)
def test_without_a_font_for_it_chinese_is_not_spoken(speaking: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    speaking.language_wanted.connect(asked.append)
    monkeypatch.setattr(QFontDatabase, "families", lambda *_: [])
    speaking.looks.choose_language(CHINESE)
    assert asked == []
    assert "font" in speaking.toast.label.text()
    monkeypatch.setattr(QFontDatabase, "families", lambda *_: ["Some CJK font"])
    speaking.looks.choose_language(CHINESE)
    assert asked == [CHINESE]
    assert has_letters(ENGLISH)


def test_the_pseudo_locale_keeps_names_and_is_a_third_longer() -> None:
    assert pseudo("Saved {name}.").count("{name}") == 1
    assert len(pseudo("Command palette")) >= 1.3 * len("Command palette")


def visible_texts(window: QWidget) -> Iterator[tuple[QWidget, str]]:
    """All text that widgets of ``window`` show, but for what comes from the design."""
    for widget in window.findChildren(QWidget):
        if not widget.isVisible():
            continue
        if isinstance(widget, QLabel | QAbstractButton) and widget.text():
            yield widget, widget.text()
        elif isinstance(widget, QTabBar):
            for index in range(widget.count()):
                yield widget, widget.tabText(index)
        elif isinstance(widget, QComboBox):
            yield widget, widget.currentText()


def is_data(window: MainWindow, widget: QWidget, text: str) -> bool:
    """Whether ``text`` is a name or a figure of the design."""
    values = [value for _, *found in window.workspace.inspector._cells for value in found]
    return (
        not WORDS.search(text)
        or text in (window.document.title, "MoE Studio")
        or widget in values
        or (isinstance(widget, QComboBox) and widget not in (window.bar.phase, window.bar.layer))
        or window.workspace.outline.isAncestorOf(widget)
        or bool(KEPT.search(text))
    )


@pytest.mark.parametrize("speaking", [PSEUDO], indirect=True)
def test_every_text_of_the_window_goes_through_the_translation(speaking: MainWindow) -> None:
    plain = {
        text for widget, text in visible_texts(speaking) if "⟦" not in text and not is_data(speaking, widget, text)
    }
    assert plain == set()
    for action in speaking.actions_by_name.values():
        if not KEPT.fullmatch(action.text()):
            assert "⟦" in action.text(), action.text()
    for menu in speaking.menuBar().actions():
        assert "⟦" in menu.text()


@pytest.mark.parametrize("size", [QSize(1600, 1000), QSize(1280, 800)], ids=["large", "small"])
@pytest.mark.parametrize("speaking", [PSEUDO, CHINESE, ENGLISH], indirect=True)
def test_no_text_of_the_window_is_cut_off(speaking: MainWindow, size: QSize, qtbot: QtBot) -> None:
    speaking.resize(size)
    qtbot.waitUntil(lambda: speaking.width() == size.width() and not speaking.workspace.is_busy)
    speaking.grab()
    cut = []
    for widget, text in visible_texts(speaking):
        if isinstance(widget, ElidedLabel | QComboBox | QTabBar):
            continue  # these end in an ellipsis, with a tooltip, or scroll
        if isinstance(widget, QLabel) and widget.wordWrap():
            continue
        if widget.sizeHint().width() > widget.width() + 1:
            cut.append((text, widget.sizeHint().width(), widget.width()))
    assert cut == []


@pytest.mark.parametrize("speaking", [CHINESE], indirect=True)
def test_the_chinese_window_is_chinese(speaking: MainWindow, qtbot: QtBot) -> None:
    assert speaking.menuBar().actions()[0].text() == "文件"
    docks = {dock.windowTitle() for dock in speaking.workspace.findChildren(QDockWidget)}
    assert {"大纲", "图", "检查器", "依据"} <= docks
    assert speaking.strip.cards["Latency"].title.text() == "延迟"
    assert speaking.bar.layer.itemText(0) == "全部 4 层"
    speaking.document.commit("Move expert 5 to GPU 13, layers 0–3", move_expert(5, 5, 13, layers=range(4)))
    qtbot.waitUntil(lambda: not speaking.bridge.is_pending and not speaking.workspace.is_busy)
    assert speaking.actions_by_name["undo"].text() == "撤销：把专家 5 移到 GPU 13，第 0–3 层"
    assert speaking.bar.state.text() == "● 未保存"
    english = {
        text
        for widget, text in visible_texts(speaking)
        if len(WORDS.findall(KEPT.sub("", text))) > 1 and not is_data(speaking, widget, text)
    }
    assert english == set()


@pytest.mark.parametrize("speaking", [PSEUDO, CHINESE], indirect=True)
def test_figures_lead_to_their_tabs_in_every_language(speaking: MainWindow) -> None:
    speaking.workspace.show_tab("history")
    speaking.strip.cards["Problems"].activated.emit(speaking.strip.cards["Problems"].name)
    assert speaking.workspace.tabs.currentWidget() is speaking.workspace.problems


@pytest.mark.parametrize("speaking", [PSEUDO], indirect=True)
def test_start_page_and_tour_go_through_the_translation(speaking: MainWindow) -> None:
    speaking.files.show_start()
    plain = {
        text
        for widget, text in visible_texts(speaking.files.page)
        if "⟦" not in text and not is_data(speaking, widget, text) and not isinstance(widget, QComboBox)
    }
    page = speaking.files.page
    assert plain <= {card.offer.title for card in (*page.examples, *page.deployments)}
    speaking.files.leave_start()
    speaking.helps.show_tour()
    tour = speaking.findChild(Tour)
    assert tour is not None
    assert all("⟦" in text for text in (tour.title.text(), tour.text.text(), tour.next.text()))
    tour.close()


def test_the_example_can_be_read_in_every_language() -> None:
    """The file is data: no language changes what a project says."""
    path = resource("examples", "seed0-proposed-dp.moe.yaml")
    before = load_project(path)
    use_language(CHINESE)
    assert load_project(path) == before
