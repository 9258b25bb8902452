"""The Compare tab: choosing a reference, and everything in which the design differs from it."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from moe_studio.document.difference import Difference, difference
from moe_studio.document.difference_row import CHANGES
from moe_studio.document.document import Document
from moe_studio.document.placing import Span
from moe_studio.document.reference import (
    Headline,
    Reference,
    headline,
    pinned_example,
    pinned_file,
    pinned_state,
    project_headline,
)
from moe_studio.errors import MoeStudioError
from moe_studio.gui.compare.mark import SIGNS, mark_color
from moe_studio.gui.compare.picture import ClusterPicture
from moe_studio.gui.compare.place import Camera
from moe_studio.gui.compare.summary import Summary, TimeBars
from moe_studio.gui.compare.table import DifferenceTable
from moe_studio.gui.compare.tile import tiles
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.job import Job
from moe_studio.gui.widgets.label import ElidedLabel, plain_label
from moe_studio.gui.widgets.legend import Legend
from moe_studio.gui.widgets.panel import toggle
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_names

FILTER = "MoE Studio projects (*.moe.yaml *.yaml);;All files (*)"

BUSY_AFTER_MS = 300
"""Shorter work shows no progress."""

MOST_STATES = 24
"""States of the history in the menu, the newest; every one can be reached by going to it and pinning it."""

SHARES = (50, 26, 26, 48)
"""Widths of words with bars, both pictures and the list."""

LEAST = (180, 125, 125, 310)
WORDS_FROM = 1060
"""Width below which the bars stand below the words."""

EMPTY = "Pin a design to compare with: the current state, one of the history, an example, or another file."

LEAST_HEIGHT = 90
"""So that the evidence need not grow for a page that is not seen."""


class ComparePanel(QWidget):
    """Compares the committed design with a pinned reference, while it is in view.

    Signals:
        pinned: the reference, or what is known of it, is another.
        refused: a reference cannot be used; carries the sentence that says why.
        chosen: something was clicked; carries its `Selection`.
    """

    pinned = Signal()
    refused = Signal(str)
    chosen = Signal(object)

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__()
        self.document = document
        self.theme = theme
        self.reference: Reference | None = None
        self.headline: Headline | None = None
        self.shown: Difference | None = None
        self._pair: tuple[Project, Project] | None = None
        self._wanted: tuple[Project, Project] | None = None
        self._span: Span = None
        self.job, self._headline_job = Job(self), Job(self)
        self.pictures = ClusterPicture("Reference", theme), ClusterPicture("This design", theme)
        self.names = ElidedLabel("", "fact"), ElidedLabel("", "fact")
        self.summary = Summary()
        self.bars = TimeBars(theme)
        self.table = DifferenceTable(theme)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(BUSY_AFTER_MS)
        self._build()
        self._connect()
        self._show_state()

    # Building

    def _build(self) -> None:
        self.pages = QStackedWidget()
        # Said outright: what its hidden pages ask for depends on when they were last given a style.
        self.pages.setMinimumHeight(LEAST_HEIGHT)
        self.pages.addWidget(self._empty_page())
        self.pages.addWidget(self._body())
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 6, 10, 8)
        column.setSpacing(6)
        column.addLayout(self._head())
        column.addWidget(self.pages, 1)

    def _head(self) -> QHBoxLayout:
        self.choose = QToolButton()
        self.choose.setText(tr("Reference ▾"))
        self.choose.setToolTip(tr("Choose what this design is compared with"))
        self.choose.setAccessibleName(tr("Choose a reference"))
        self.choose.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self.fill_menu)
        self.choose.setMenu(self.menu)
        self.title = ElidedLabel("", "figure")
        self.legend = Legend()
        self.lock = toggle("Locked views", "Pan and zoom both pictures together", is_checked=True)
        self.busy = QProgressBar()
        self.busy.setAccessibleName(tr("Comparing"))
        self.busy.setRange(0, 0)
        self.busy.setFixedWidth(90)
        self.busy.setTextVisible(False)
        self.doing = plain_label("", "small")
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.setAccessibleName(tr("Cancel comparing"))
        self.again = QPushButton(tr("Compare again"))
        self.again.setAccessibleName(tr("Compare again"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.choose)
        row.addWidget(self.title, 1)
        for widget in (self.doing, self.busy, self.cancel, self.again, self.legend, self.lock):
            row.addWidget(widget)
        return row

    def _empty_page(self) -> QWidget:
        page = QWidget()
        self.pin = QPushButton(tr("Pin this state"))
        self.pin.setAccessibleName(tr("Pin this state as reference"))
        self.empty = plain_label(EMPTY, "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        column = QVBoxLayout(page)
        column.addStretch(1)
        column.addWidget(self.empty)
        column.addWidget(self.pin, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    def _body(self) -> QWidget:
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setHandleWidth(12)
        split.setChildrenCollapsible(False)
        split.addWidget(self._words())
        for name, picture in zip(self.names, self.pictures, strict=True):
            card = QWidget()
            column = QVBoxLayout(card)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            column.addWidget(name)
            column.addWidget(picture, 1)
            split.addWidget(card)
        split.addWidget(self.table)
        for place, share in enumerate(SHARES):
            split.setStretchFactor(place, share)
            part = split.widget(place)
            if part is not None:
                part.setMinimumWidth(LEAST[place])
        split.setSizes([share * 10 for share in SHARES])
        self.split = split
        return split

    def _words(self) -> QWidget:
        words = QWidget()
        self._stack = QBoxLayout(QBoxLayout.Direction.LeftToRight, words)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.setSpacing(12)
        self._stack.addWidget(self.summary, 25)
        self._stack.addWidget(self.bars, 19)
        return words

    def _connect(self) -> None:
        for picture, other in (self.pictures, self.pictures[::-1]):
            picture.chosen.connect(self.chosen)
            picture.moved.connect(lambda camera, follower=other: self._follow(follower, camera))
        self.lock.toggled.connect(self._on_lock)
        self.table.chosen.connect(self.chosen)
        self.pin.clicked.connect(lambda: self.pin_state())
        self.cancel.clicked.connect(self.stop)
        self.again.clicked.connect(self._compare)
        self._late.timeout.connect(self._show_state)
        self.job.told.connect(self.doing.setText)
        self.job.done.connect(self._on_done)
        self.job.failed.connect(self._on_failed)
        self._headline_job.done.connect(self._on_headline)
        self._headline_job.failed.connect(self.refused)

    # The reference

    def pin_state(self, cursor: int | None = None) -> None:
        """Compare with a state of the history; without ``cursor`` with the one in force."""
        self.set_reference(pinned_state(self.document.history, cursor))

    def pin_example(self, name: str) -> None:
        """Compare with a design that ships with the program."""
        self.set_reference(pinned_example(name))

    def pin_file(self, path: Path | str) -> None:
        """Compare with the design in a file."""
        try:
            self.set_reference(pinned_file(path))
        except MoeStudioError as error:
            self.refused.emit(str(error))

    def ask_file(self) -> None:
        """Ask for a file and compare with the design in it."""
        folder = self.document.folder
        start = str(folder or Path.home())
        name, _ = QFileDialog.getOpenFileName(self, tr("Compare with a file…"), start, tr(FILTER))
        if name:
            self.pin_file(name)

    def unpin(self) -> None:
        """Compare with nothing."""
        self.set_reference(None)

    def set_reference(self, reference: Reference | None) -> None:
        """Compare with ``reference`` from now on."""
        self.reference, self.headline = reference, None
        self._headline_job.stop()
        if reference is not None:
            if reference.project is self.document.history.current:
                self.headline = headline(self.document.committed_evaluation)
            else:
                self._headline_job.start(project_headline, reference.project)
        else:
            self.job.stop()
            self.shown = self._pair = self._wanted = None
        self.pinned.emit()
        self.refresh()

    def fill_menu(self) -> None:
        """Offer what can be compared with, as it is now."""
        menu, history = self.menu, self.document.history
        menu.clear()
        menu.addAction(tr("Pin this state")).triggered.connect(lambda: self.pin_state())
        states = menu.addMenu(tr("State of the history"))
        first = max(0, len(history.entries) - MOST_STATES)
        for place in range(len(history.entries) - 1, first - 1, -1):
            action = states.addAction(_menu_text(f"{place + 1}  {history.entries[place].label}"))
            action.triggered.connect(lambda _=False, cursor=place: self.pin_state(cursor))
        examples = menu.addMenu(tr("Example"))
        for name in example_names():
            examples.addAction(name).triggered.connect(lambda _=False, chosen=name: self.pin_example(chosen))
        menu.addAction(tr("File…")).triggered.connect(self.ask_file)
        menu.addSeparator()
        unpin = menu.addAction(tr("Unpin"))
        unpin.setEnabled(self.reference is not None)
        unpin.triggered.connect(self.unpin)

    # Showing

    def set_document(self, document: Document) -> None:
        """Compare another document; the reference stays pinned."""
        self.document = document

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        for view in (*self.pictures, self.bars, self.table):
            view.set_theme(theme)
        self._show_state()

    def show_selection(self) -> None:
        """Outline what is selected in both pictures."""
        for picture in self.pictures:
            picture.show_selection(self.document.selection)

    def refresh(self) -> None:
        """Compare what the document has committed to, if that is in view and not known yet."""
        if self.reference is None or not self.isVisible():
            self._show_state()
            return
        pair = (self.reference.project, self.document.history.current)
        if self._pair is not None and _same(pair, self._pair):
            if self.job.is_running:  # of a state that has been undone meanwhile
                self.job.stop()
            self._wanted = pair
            if self.document.span != self._span:
                self._show_tiles()
        elif self._wanted is None or not _same(pair, self._wanted):
            self._compare()
        self._show_state()

    def stop(self) -> None:
        """Leave the comparison as it is."""
        self.job.stop()
        self._late.stop()
        self._show_state()

    def end(self) -> None:
        """Leave no process behind, as when the window closes."""
        self.job.end()
        self._headline_job.end()

    def _compare(self) -> None:
        if self.reference is None:
            return
        self._wanted = (self.reference.project, self.document.history.current)
        self.doing.setText(tr("Comparing"))
        self.job.start(difference, *self._wanted)
        self._late.start()
        self._show_state()

    def _on_done(self, found: Difference) -> None:
        self._pair, self.shown = self._wanted, found
        self._late.stop()
        for view in (self.summary, self.bars, self.table):
            view.show_difference(found)
        for name, title, side in zip(
            self.names, ("Reference", "This design"), (found.first, found.second), strict=True
        ):
            name.setText(f"{tr(title)}: {side.name}")
        self._show_tiles()
        self.show_selection()
        self._show_state()

    def _on_failed(self, message: str) -> None:
        self._late.stop()
        self.refused.emit(message)
        self._show_state()

    def _on_headline(self, found: Headline) -> None:
        self.headline = found
        self.pinned.emit()

    def _show_tiles(self) -> None:
        if self.shown is None or self._pair is None:
            return
        self._span = self.document.span
        sides = tiles(self.shown, self._pair, self._span)
        most = max((len(tile.chips) for side in sides for tile in side), default=1)
        for picture, project, side in zip(self.pictures, self._pair, sides, strict=True):
            picture.show_tiles(project.cluster, side, most)

    def _show_state(self) -> None:
        """Everything around the comparison: what it is with, how far it is, and what can be done."""
        reference, is_running = self.reference, self.job.is_running
        self.title.setText(reference.title if reference else tr("none pinned"))
        is_late = is_running and not self._late.isActive()
        for widget in (self.busy, self.cancel, self.doing):
            widget.setVisible(is_late)
        is_stale = self._wanted is not None and (self._pair is None or not _same(self._wanted, self._pair))
        self.again.setVisible(reference is not None and is_stale and not is_running)
        has_shown = reference is not None and self.shown is not None
        self.pages.setCurrentIndex(1 if has_shown else 0)
        self.pin.setVisible(reference is None)
        waiting = "Comparing…" if is_running else "The comparison was stopped."
        self.empty.setText(tr(EMPTY if reference is None else waiting))
        self.legend.setVisible(has_shown and not is_late)
        self.lock.setVisible(has_shown)
        signs = [(f"{SIGNS[change]} {tr(change)}", mark_color(self.theme, change)) for change in CHANGES]
        self.legend.show_entries(signs, self.theme.color("muted"))

    def _on_lock(self, is_on: bool) -> None:
        if is_on:
            self._follow(self.pictures[0], self.pictures[1].camera)

    def _follow(self, picture: ClusterPicture, camera: Camera) -> None:
        if self.lock.isChecked():
            picture.set_camera(camera)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = self.width() >= WORDS_FROM
        self._stack.setDirection(QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()


def _same(pair: tuple[Project, Project], other: tuple[Project, Project]) -> bool:
    return pair[0] is other[0] and pair[1] is other[1]


def _menu_text(text: str) -> str:
    """``text`` for a menu, where an ampersand would underline a letter."""
    return text.replace("&", "&&")
