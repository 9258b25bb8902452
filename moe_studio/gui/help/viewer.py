"""The window of the help pages."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QImage, QKeySequence, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from moe_studio.document.manual import PAGES, Page, help_folder, help_pages, search_pages
from moe_studio.gui.help.typeset import typeset
from moe_studio.gui.text import language_in_use, tr
from moe_studio.gui.widgets.panel import fitting

MAX_PICTURE_BYTE = 2_000_000
SIDE = 260
MARGIN = 28
SIZE = QSize(1040, 780)


class HelpBrowser(QTextBrowser):
    """Shows one page. It opens nothing but other pages, and loads nothing but the pictures beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Help page"))
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setUndoRedoEnabled(False)
        self.document().setDocumentMargin(MARGIN)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_page(self, page: Page) -> None:
        """Show ``page`` from its beginning."""
        features = QTextDocument.MarkdownFeature
        self.document().setMarkdown(page.markdown, features.MarkdownDialectGitHub | features.MarkdownNoHTML)
        typeset(self.document(), self.palette())
        self.moveCursor(QTextCursor.MoveOperation.Start)

    @override
    def loadResource(self, type: int, name: QUrl | str) -> Any:
        """The picture ``name`` of the help folder, and nothing else whatever a page says."""
        url = QUrl(name)
        path = picture_path(url.path()) if url.isRelative() else None
        if path is None:
            return None
        picture = QImage(str(path)).convertToFormat(QImage.Format.Format_RGB32)
        room = self.viewport().width() - 2 * MARGIN
        if picture.width() > room > 0:
            ratio = self.devicePixelRatioF()
            picture = picture.scaledToWidth(int(room * ratio), Qt.TransformationMode.SmoothTransformation)
            picture.setDevicePixelRatio(ratio)
        return picture


class HelpWindow(QDialog):
    """A list of pages with a line to search in them, and the page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(tr("Help"))
        self.pages = help_pages(language_in_use())
        self.line = QLineEdit()
        self.line.setPlaceholderText(tr("Search the help pages"))
        self.line.setAccessibleName(tr("Search the help pages"))
        self.line.setClearButtonEnabled(True)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Help pages"))
        self.list.setWordWrap(True)
        self.browser = HelpBrowser()
        side = QVBoxLayout()
        side.addWidget(self.line)
        side.addWidget(self.list)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 12, 0, 0)
        row.addLayout(side)
        row.addWidget(self.browser, 1)
        self.line.setFixedWidth(SIDE)
        self.list.setFixedWidth(SIDE)
        self.line.textChanged.connect(self._fill)
        self.line.returnPressed.connect(lambda: self.browser.setFocus())
        self.list.currentItemChanged.connect(lambda item: self._on_item(item))
        self.browser.anchorClicked.connect(self._on_link)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self.line.setFocus)
        self.resize(fitting(SIZE, self))
        self._fill("")

    def open_page(self, name: str = "") -> None:
        """Show the window, with the page ``name`` if one is named."""
        if name:
            self.line.clear()
            self.list.setCurrentRow(PAGES.index(name))
        self.show()
        self.raise_()
        self.activateWindow()
        self.line.setFocus()

    @property
    def page(self) -> str:
        """Name of the page shown."""
        names = [item.data(Qt.ItemDataRole.UserRole) for item in self.list.selectedItems()]
        return str(names[0]) if names else ""

    def _fill(self, words: str) -> None:
        self.list.clear()
        if words.strip():
            found = [(hit.page, f"{tr(hit.page.title)}\n{hit.excerpt}") for hit in search_pages(words, self.pages)]
        else:
            found = [(page, tr(page.title)) for page in self.pages]
        for page, text in found:
            item = QListWidgetItem(text)
            item.setData(Qt.ItemDataRole.UserRole, page.name)
            self.list.addItem(item)
        if found:
            self.list.setCurrentRow(0)
        else:
            item = QListWidgetItem(tr("No page has all these words."))
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)

    def _on_item(self, item: QListWidgetItem | None) -> None:
        name = item.data(Qt.ItemDataRole.UserRole) if item else None
        page = next((page for page in self.pages if page.name == name), None)
        if page is None:
            return
        self.browser.show_page(page)
        words = self.line.text().split()
        if words:
            self.browser.find(words[0])

    def _on_link(self, url: QUrl) -> None:
        name = Path(url.path()).stem
        if url.isRelative() and name in PAGES:
            self.open_page(name)


def picture_path(name: str) -> Path | None:
    """The picture ``name`` if it lies in the help folder and is of a reasonable size."""
    folder = help_folder().resolve()
    path = (folder / name).resolve()
    is_ours = path.is_relative_to(folder) and path.suffix.lower() == ".png" and path.is_file()
    return path if is_ours and path.stat().st_size <= MAX_PICTURE_BYTE else None
