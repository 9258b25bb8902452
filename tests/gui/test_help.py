"""Help pages and the tour, driven with real events."""

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt, QUrl
from PySide6.QtGui import QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTextBrowser

from moe_studio.document.manual import PAGES, Page, help_pages
from moe_studio.gui.actions import COMMANDS
from moe_studio.gui.command.gesture import GESTURES
from moe_studio.gui.help.tour import Tour, card_place
from moe_studio.gui.help.viewer import HelpBrowser, HelpWindow, picture_path
from moe_studio.gui.main_window import MainWindow
from tests.gui.conftest import Driver


@pytest.fixture
def pages(driver: Driver) -> HelpWindow:
    """The help window, opened with F1."""
    driver.qtbot.waitUntil(driver.window.isActiveWindow)
    QTest.keyClick(driver.window, Qt.Key.Key_F1)
    found = driver.window.findChild(HelpWindow)
    assert found is not None
    return found


def test_f1_shows_the_first_page_with_its_picture(pages: HelpWindow) -> None:
    assert pages.isVisible()
    assert pages.page == PAGES[0]
    assert pages.browser.toPlainText().startswith("First steps")
    picture = pages.browser.loadResource(2, QUrl("window.png"))
    assert isinstance(picture, QImage)
    assert 300 < picture.deviceIndependentSize().width() <= pages.browser.viewport().width()


def test_every_page_can_be_read_by_keyboard(pages: HelpWindow) -> None:
    pages.list.setFocus()
    for page in help_pages():
        assert pages.page == page.name
        assert pages.browser.toPlainText().startswith(page.title)
        QTest.keyClick(pages.list, Qt.Key.Key_Down)


def test_typing_searches_and_shows_the_best_page(pages: HelpWindow) -> None:
    QTest.keyClicks(pages.line, "recorded loads.csv")
    assert pages.page == "project-file"
    assert pages.browser.textCursor().selectedText().lower() == "recorded"
    pages.line.setText("zebra")
    assert pages.list.item(0).text() == "No page has all these words."
    pages.line.clear()
    assert pages.list.count() == len(PAGES)


def test_a_link_goes_to_its_page_and_no_other_link_goes_anywhere(
    pages: HelpWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.browser.anchorClicked.emit(QUrl("graph.md"))
    assert pages.page == "graph"
    for target in ("https://example.org/graph.md", "file:///etc/passwd", "nowhere.md", "javascript:alert(1)"):
        pages.browser.anchorClicked.emit(QUrl(target))
        assert pages.page == "graph"
    assert not pages.browser.openExternalLinks()
    assert not pages.browser.openLinks()


HOSTILE = """# Hostile

![a](file:///etc/hostname) ![b](/etc/hostname) ![c](../i18n/zh_CN.json) ![d](https://example.org/a.png)
![e](data:image/png;base64,AAAA) <img src="file:///etc/hostname"> <script>alert(1)</script>
"""


def test_a_page_loads_nothing_but_pictures_of_its_own_folder(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path | None] = []

    def watched(name: str) -> Path | None:
        asked.append(picture_path(name))
        return asked[-1]

    monkeypatch.setattr("moe_studio.gui.help.viewer.picture_path", watched)
    monkeypatch.setattr(QTextBrowser, "loadResource", lambda *_: pytest.fail("Qt itself loaded something"))
    browser = HelpBrowser()
    driver.qtbot.addWidget(browser)
    browser.show()
    browser.show_page(Page(name="x", title="x", markdown=HOSTILE, text=""))
    browser.grab()
    assert set(asked) <= {None}
    assert "<script>" in browser.toPlainText(), "markup is shown as text"


@pytest.mark.parametrize("name", ["../i18n/zh_CN.json", "/etc/passwd", "first-steps.md", "gone.png", "", ".."])
def test_only_pictures_of_the_folder_are_pictures(name: str) -> None:
    assert picture_path(name) is None
    assert picture_path("window.png") is not None


def test_the_keys_on_the_pages_are_those_of_the_actions() -> None:
    known = {QKeySequence(key).toString() for command in COMMANDS for key in command.keys}
    gestures = " ".join(text for pair in GESTURES for text in pair)
    for page in help_pages():
        for key in re.findall(r"`((?:Ctrl|Shift)\+[^`]+|F\d)`", page.markdown):
            is_known = QKeySequence(key).toString() in known or key in ("Ctrl+F", "Ctrl+Enter")
            assert is_known or key in gestures, f"{page.name}: {key}"


# The tour


def tour(window: MainWindow) -> Tour:
    found = window.findChild(Tour)
    assert found is not None
    return found


def test_the_tour_is_never_shown_unasked(driver: Driver) -> None:
    assert driver.window.findChild(Tour) is None


def test_five_steps_by_keyboard_and_the_card_hides_nothing_it_speaks_of(driver: Driver) -> None:
    driver.window.actions_by_name["tour"].trigger()
    shown = tour(driver.window)
    titles = []
    for step in range(5):
        assert shown.count.text() == f"{step + 1} of 5"
        titles.append(shown.title.text())
        assert not shown.card.geometry().intersects(shown.lit)
        assert shown.rect().contains(shown.card.geometry())
        assert shown.text.height() >= shown.text.heightForWidth(shown.text.width())
        if step < 4:
            QTest.keyClick(shown, Qt.Key.Key_Return)
    assert len(set(titles)) == 5
    QTest.mouseClick(shown.next, Qt.MouseButton.LeftButton)
    driver.qtbot.waitUntil(lambda: driver.window.findChild(Tour) is None)


def test_escape_and_skip_end_the_tour(driver: Driver) -> None:
    for end in ("key", "button"):
        driver.window.helps.show_tour()
        shown = tour(driver.window)
        if end == "key":
            QTest.keyClick(shown.next, Qt.Key.Key_Escape)
        else:
            QTest.mouseClick(shown.skip, Qt.MouseButton.LeftButton)
        driver.qtbot.waitUntil(lambda: driver.window.findChild(Tour) is None)


def test_the_tour_follows_the_size_of_the_window(driver: Driver) -> None:
    driver.window.helps.show_tour()
    shown = tour(driver.window)
    driver.window.resize(1200, 800)
    driver.qtbot.waitUntil(lambda: shown.size() == driver.window.size())
    assert shown.rect().contains(shown.card.geometry())
    shown.close()


def test_the_card_goes_where_there_is_room() -> None:
    room, card = QRect(0, 0, 1000, 700), QRect(0, 0, 300, 120)
    for lit in (
        QRect(0, 0, 1000, 100),
        QRect(0, 600, 1000, 100),
        QRect(0, 0, 300, 700),
        QRect(700, 0, 300, 700),
        QRect(400, 300, 100, 100),
    ):
        place = QRect(card_place(lit, card, room), card.size())
        assert room.contains(place)
        assert not place.intersects(lit)
    assert room.contains(QRect(card_place(room, card, room), card.size()))
    assert card_place(room, card, room) != QPoint(0, 0)
