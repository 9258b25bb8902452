"""Tests that walk the window: actions, names, contrast, and room for every text."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QDockWidget, QLabel, QMenu, QTabBar, QWidget
from pytestqt.exceptions import TimeoutError as WaitedTooLongError
from pytestqt.qtbot import QtBot
from typer.main import get_command

from moe_studio.cli import COMMANDS as CLI
from moe_studio.document.document import Document
from moe_studio.document.selection import Selection
from moe_studio.gui.actions import COMMANDS
from moe_studio.gui.command.command import Command
from moe_studio.gui.export.dialog import ExportDialog
from moe_studio.gui.help.tour import Tour
from moe_studio.gui.help.viewer import HelpWindow
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.text import CHINESE, ENGLISH, PSEUDO, use_language
from moe_studio.gui.theme import DARK, LIGHT, Theme, apply_theme
from moe_studio.gui.widgets.palette import CommandPalette
from moe_studio.gui.widgets.picker import Picker
from moe_studio.gui.widgets.shortcuts import ShortcutSheet
from moe_studio.gui.workspace import TABS
from moe_studio.locator import resource
from moe_studio.storage.loader import load_project
from tests.gui.painted import PaintedText, contrast, is_cut, painted, painted_canvas, pixels, worst_contrast
from tests.gui.walk import cut_texts, pieces, seen, sharp_picture

SIZES = {
    ENGLISH: (QSize(1440, 900), QSize(1280, 800), QSize(960, 540), QSize(640, 360)),
    CHINESE: (QSize(960, 540),),
    PSEUDO: (QSize(1280, 800), QSize(960, 540)),
}
"""Screens of two laptops, and 1920 × 1080 at 200 and 300 %; in other languages the narrow ones."""

THOROUGH = (QSize(1280, 800), QSize(960, 540))
"""Sizes at which sections of the settings and kinds of selections are walked, too, not tabs alone."""

SELECTIONS = (
    Selection(kind="operator", op="scores", layer=1, gpu=0, micro_batch=0),
    Selection(kind="expert", expert=5),
    Selection(kind="gpu", gpu=1),
    Selection(kind="node", node=1),
)
GRAPH_VIEWS = ("overview", "layer", "expert", "full")
LAYOUT_MS = 5000
LEAST_CONTRAST = 4.5
READABLE = 8
"""Lines of fewer pixels are texture: nobody can read them, whatever their contrast."""


@pytest.fixture(autouse=True)
def english_and_light_afterwards(qapp: QApplication) -> Iterator[None]:
    yield
    use_language(ENGLISH)
    apply_theme(qapp, LIGHT)


@pytest.fixture
def opened(qapp: QApplication, qtbot: QtBot) -> Callable[..., MainWindow]:
    """Opens a window, with a second design pinned as its reference."""

    def open_window(language: str = ENGLISH, theme: Theme = LIGHT, *, is_pinned: bool = True) -> MainWindow:
        use_language(language)
        apply_theme(qapp, theme)
        project = load_project(resource("examples", "seed0-proposed.moe.yaml"))
        window = MainWindow(Document(project), theme=theme.name)
        qtbot.addWidget(window, before_close_func=lambda _: window.set_document(Document(project)))
        window.open_at(SIZES[ENGLISH][0])
        if is_pinned:
            window.compare.pin_example("seed0-baseline")
            window.workspace.show_tab("compare")
            qtbot.waitUntil(lambda: window.compare.shown is not None, timeout=30_000)
        settle(window, qtbot)
        return window

    return open_window


def settle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.is_pending and not window.workspace.is_busy)
    window.workspace.breakdown.why.finish()
    QApplication.processEvents()


def states(window: MainWindow, qtbot: QtBot) -> Iterator[str]:
    """Every tab, every section of the settings, and every kind of selection."""
    space = window.workspace
    for tab in TABS:
        space.show_tab(tab)
        settle(window, qtbot)
        yield tab
    space.show_tab("settings")
    for row in range(1, space.settings.nav.count()):
        space.settings.nav.setCurrentRow(row)
        settle(window, qtbot)
        yield f"settings, section {row}"
    for selection in SELECTIONS:
        window.document.select(selection)
        settle(window, qtbot)
        yield selection.kind


# Actions


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_action_has_a_twin_on_the_command_line_or_says_why_not(command: Command) -> None:
    assert bool(command.twin) != bool(command.reason)
    assert command.text and command.tip
    if command.twin and command.twin != "moe-studio --help":
        program, name, *words = command.twin.split()
        assert program == "moe-studio"
        twin = get_command(typer_app(name))
        twin.make_context(name, words)  # raises for an option that is not there


def typer_app(name: str) -> typer.Typer:
    app = typer.Typer(add_completion=False)
    app.command()(import_module(f"moe_studio.cli.{CLI[name][0]}").command)
    return app


def test_every_action_of_every_menu_is_explained_and_in_the_palette(opened: Callable[..., MainWindow]) -> None:
    window = opened(is_pinned=False)
    in_menus = {action for menu in window.menuBar().findChildren(QMenu) for action in menu.actions()}
    leaves = [action for action in in_menus if not action.isSeparator() and action.menu() is None]
    offered = [action for _, action in window.menus.entries()]
    assert len(leaves) > len(COMMANDS)
    for action in leaves:
        assert action.text() and action.toolTip() and action.statusTip()
        assert action.whatsThis() or not action.isEnabled(), action.text()
        assert action in offered or not action.isEnabled(), action.text()


def test_the_palette_says_what_an_action_does_and_which_command_does_the_same(
    opened: Callable[..., MainWindow],
) -> None:
    window = opened(is_pinned=False)
    window.helps.show_palette()
    palette = window.findChild(CommandPalette)
    palette.line.setText("report as pdf")
    assert "moe-studio report design.moe.yaml -o report.pdf" in palette.words.text()
    palette.line.setText("fit all")
    assert palette.words.text().startswith("Bring everything into view")
    palette.close()


def test_the_palette_finds_by_what_is_said_of_an_action_and_says_when_there_is_none(
    opened: Callable[..., MainWindow],
) -> None:
    window = opened(is_pinned=False)
    window.helps.show_palette()
    palette = window.findChild(CommandPalette)
    palette.line.setText("colours dark")
    assert [palette.list.item(row).text() for row in range(palette.list.count())] == ["Dark"]
    palette.line.setText("zebra")
    assert palette.words.isVisible() and palette.words.text() == "No action has these words."
    palette.close()


# Names


def test_what_takes_the_focus_has_a_name_in_every_state(opened: Callable[..., MainWindow], qtbot: QtBot) -> None:
    window = opened()
    nameless: set[str] = set()
    for state in chain(states(window, qtbot), dialogs(window, qtbot)):
        root = state if isinstance(state, QWidget) else window
        nameless |= {
            f"{state}: {type(widget).__name__} of {type(widget.parentWidget()).__name__}"
            for widget in seen(root)
            if widget.focusPolicy() is not Qt.FocusPolicy.NoFocus
            and widget.focusProxy() is None
            and not widget.accessibleName()
            and not (isinstance(widget, QAbstractButton | QLabel) and widget.text())
        }
    assert nameless == set()


def dialogs(window: MainWindow, qtbot: QtBot) -> Iterator[QWidget]:
    """Everything that opens above the window, and the start page."""
    for verb, kind in (
        (window.helps.show_palette, CommandPalette),
        (window.helps.show_shortcuts, ShortcutSheet),
        (window.helps.show_pages, HelpWindow),
        (window.helps.show_tour, Tour),
        (window.exports.show, ExportDialog),
        (window.graph.go_to, Picker),
    ):
        verb()
        shown = window.findChild(kind)
        assert shown is not None
        qtbot.waitUntil(shown.isVisible)
        QApplication.processEvents()
        yield shown
        shown.close()
        QApplication.sendPostedEvents(shown, QEvent.Type.DeferredDelete.value)
    window.files.show_start()
    settle(window, qtbot)
    yield window.files.page
    window.files.leave_start()


# Room


@pytest.mark.parametrize("language", [ENGLISH, CHINESE, PSEUDO])
def test_no_text_is_cut_off_or_covered_at_any_size(
    opened: Callable[..., MainWindow], qtbot: QtBot, language: str
) -> None:
    window = opened(language)
    cut: set[str] = set()
    for size in SIZES[language]:
        window.resize(size)
        # Docks find their places some events after the window has its size.
        docks = window.workspace.findChildren(QDockWidget)
        qtbot.waitUntil(lambda size=size, docks=docks: window.size() == size and all(map(is_inside, docks)))
        for state in islice(states(window, qtbot), None if size in THOROUGH else len(TABS)):
            cut |= {f"{size.width()}, {state}: {sentence}" for sentence in lasting(window, qtbot)}
        texts, _ = painted(window)
        cut |= {f"{size.width()}, painted: {text.text}" for text in texts if is_cut(text)}
    for dialog in dialogs(window, qtbot):
        cut |= {f"{type(dialog).__name__}: {sentence}" for sentence in lasting(dialog, qtbot)}
    assert cut == set()


@pytest.mark.long
@pytest.mark.parametrize("percent", [150, 200, 300])
def test_no_text_is_cut_off_on_screens_with_more_pixels(percent: int) -> None:
    test = f"{Path(__file__)}::{test_no_text_is_cut_off_or_covered_at_any_size.__name__}"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", test, "-p", "no:cacheprovider"],
        check=True,
        env={**os.environ, "QT_SCALE_FACTOR": f"{percent / 100:g}"},
        cwd=Path(__file__).parents[2],
    )


def lasting(root: QWidget, qtbot: QtBot) -> set[str]:
    """What there is no room for, once layouts inside of layouts have come to rest."""
    with suppress(WaitedTooLongError):
        qtbot.waitUntil(lambda: not cut_texts(root), timeout=LAYOUT_MS)
    return cut_texts(root)


def is_inside(widget: QWidget) -> bool:
    return not widget.isVisible() or widget.parentWidget().rect().contains(widget.geometry())


# Contrast


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_contrasts_with_what_is_below_it(
    opened: Callable[..., MainWindow], qtbot: QtBot, theme: Theme
) -> None:
    window = opened(theme=theme)
    assert weak_paintings(window, qtbot) == {}
    assert weak_widgets(window, qtbot) == {}


def weak_paintings(window: MainWindow, qtbot: QtBot) -> dict[str, float]:
    """Texts that the window's own code paints, whose contrast is too low."""
    weak, count = {}, 0
    for found, ground in paintings(window, qtbot):
        colors = pixels(ground)
        count += len(found)
        for text in found:
            ratio = worst_contrast(text, colors)
            if ratio < LEAST_CONTRAST and text.size >= READABLE:
                weak[f"{text.text} in {text.color.name()}"] = ratio
    assert count > 500
    return weak


def paintings(window: MainWindow, qtbot: QtBot) -> Iterator[tuple[list[PaintedText], QImage]]:
    """The window in every tab, the canvas near and far, and the graph in several views."""
    for tab in TABS:
        window.workspace.show_tab(tab)
        settle(window, qtbot)
        yield painted(window)
    window.workspace.show_tab("history")
    for scale in (0.4, 0.8, 1.6):
        window.canvas.zoom_to(scale)
        window.document.select(SELECTIONS[round(scale * 5) % 2 + 1])
        settle(window, qtbot)
        yield painted_canvas(window.canvas)
    for view in GRAPH_VIEWS:
        window.graph.show_view(view)
        qtbot.waitUntil(lambda: not window.graph.diagram.job.is_running, timeout=20_000)
        yield painted(window)
    window.files.show_start()
    yield painted(window)
    window.files.leave_start()


def weak_widgets(window: MainWindow, qtbot: QtBot) -> dict[str, float]:
    """Texts of widgets, one of each look, whose contrast is too low."""
    weak: dict[str, float] = {}
    known: set[tuple[object, ...]] = set()
    for state in chain(states(window, qtbot), dialogs(window, qtbot)):
        for widget, place, text in pieces(state if isinstance(state, QWidget) else window):
            looks = look_of(widget, text)
            if looks in known or not re.search(r"\w\w", text):
                continue
            known.add(looks)
            ratio = strongest_contrast(pixels(sharp_picture(widget, place)))
            if ratio < LEAST_CONTRAST:
                weak[f"{type(widget).__name__}: {text}"] = ratio
    assert len(known) > 30
    return weak


def look_of(widget: QWidget, text: str) -> tuple[object, ...]:
    """What decides the colours of a text: kinds, roles and tones from the widget up."""
    holders = [widget, widget.parentWidget(), widget.parentWidget().parentWidget() if widget.parentWidget() else None]
    roles = tuple((type(item).__name__, item.property("role"), item.property("tone")) for item in holders if item)
    is_on = isinstance(widget, QAbstractButton) and widget.isChecked()
    is_current = isinstance(widget, QTabBar) and widget.tabText(widget.currentIndex()) == text
    return (*roles, is_on, is_current, widget.property("flat"), widget.property("primary"))


def strongest_contrast(colors: NDArray[np.uint32]) -> float:
    """Contrast of the commonest colour, the ground, with the colour that differs most from it."""
    found, counts = np.unique(colors, return_counts=True)
    ground = QColor(int(found[counts.argmax()]))
    return max(contrast(QColor(int(color)), ground) for color in found[counts >= 4])
