"""The start page: what the window shows when it is opened without a file."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from moe_studio.document.gallery import (
    Offer,
    deployment_offers,
    example_offers,
    predicted,
    recent_offers,
    template_offers,
)
from moe_studio.document.journal import Copy
from moe_studio.document.recent import recent_files
from moe_studio.document.template import templates
from moe_studio.gui.start.card import Card, RecentRow
from moe_studio.gui.start.keeper import Places
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.choice import ChoiceBox
from moe_studio.gui.widgets.label import plain_label
from moe_studio.project.design import Workload
from moe_studio.project.setting import settings_of
from moe_studio.storage.catalogue import cluster_names, model_names

CARD_WIDTH, SIDE, WIDEST, GAP = 250, 320, 1320, 16
RECENT_SHOWN = 8
FIRST_MODEL, FIRST_CLUSTER, FIRST_PHASE = "deepseek-v3", "gb200-nvl72", "decode"


class StartPage(QScrollArea):
    """Cards of designs, a form for a new one, recent files, and what a crash has left.

    Signals:
        chosen: an offer was chosen; carries the `Offer`.
        wanted: a new design is wanted; carries model, cluster and phase.
        open_wanted: a file shall be chosen.
        remove_wanted: a template shall be deleted; carries the `Offer`.
        recover_wanted: a recovery copy shall be opened; carries the `Copy`.
        discard_wanted: a recovery copy is not wanted; carries the `Copy`.
    """

    chosen = Signal(object)
    wanted = Signal(str, str, str)
    open_wanted = Signal()
    remove_wanted = Signal(object)
    recover_wanted = Signal(object)
    discard_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Start"))
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.examples: list[Card] = []
        self.deployments: list[Card] = []
        self.templates: list[Card] = []
        self.recent: list[RecentRow] = []
        self.copies: list[QWidget] = []
        self._columns = 3
        self._unread: Iterator[Offer] = iter(())
        self._open: list[Card] = []
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._go_on)
        self._build()

    # Building

    def _build(self) -> None:
        page = QWidget()
        room = QHBoxLayout(page)
        room.setContentsMargins(32, 24, 32, 32)
        body = QWidget()
        body.setMaximumWidth(WIDEST)
        body.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        room.addStretch(1)
        room.addWidget(body, 100)
        room.addStretch(1)
        columns = QHBoxLayout(body)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(32)
        columns.addLayout(self._side())
        columns.addLayout(self._main(), 1)
        self.setWidget(page)

    def _side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        side.setSpacing(8)
        side.addWidget(plain_label("MoE Studio", "display"))
        words = plain_label(tr("Place experts on GPUs and see what it costs, while you drag."), "muted")
        words.setWordWrap(True)
        words.setMinimumWidth(SIDE)
        words.setMaximumWidth(SIDE)
        side.addWidget(words)
        side.addSpacing(8)
        side.addWidget(self._form())
        side.addSpacing(12)
        side.addWidget(plain_label(tr("Recent files"), "heading"))
        self._recent_list = QVBoxLayout()
        self._recent_list.setSpacing(2)
        side.addLayout(self._recent_list)
        side.addStretch(1)
        return side

    def _form(self) -> QWidget:
        card = QFrame()
        card.setProperty("role", "card")
        card.setFixedWidth(SIDE)
        form = QFormLayout(card)
        form.setContentsMargins(16, 12, 16, 16)
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(12)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.addRow(plain_label(tr("New design"), "heading"))
        phases = dict(settings_of(Workload))["phase"].choices
        self.model = _choice(tr("Model"), model_names(), FIRST_MODEL)
        self.cluster = _choice(tr("Cluster"), cluster_names(), FIRST_CLUSTER)
        self.phase = _choice(tr("Phase"), phases, FIRST_PHASE, [tr(phase.capitalize()) for phase in phases])
        for box in (self.model, self.cluster, self.phase):
            form.addRow(plain_label(box.accessibleName(), "muted"), box)
        self.create_button = QPushButton(tr("Create"))
        self.create_button.setProperty("primary", True)
        self.create_button.clicked.connect(self._on_create)
        self.open_button = QPushButton(tr("Open a file…"))
        self.open_button.clicked.connect(self.open_wanted)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.create_button, 1)
        row.addWidget(self.open_button, 1)
        form.addRow(row)
        note = plain_label(tr("Or drop a project, a config.json or recorded loads on the window."), "small")
        note.setWordWrap(True)
        form.addRow(note)
        return card

    def _main(self) -> QVBoxLayout:
        main = QVBoxLayout()
        main.setSpacing(10)
        self._copy_head = plain_label(tr("Not saved when the program ended"), "heading")
        self._copy_list = QVBoxLayout()
        self._copy_list.setSpacing(8)
        main.addWidget(self._copy_head)
        main.addLayout(self._copy_list)
        main.addWidget(plain_label(tr("Examples"), "heading"))
        self._example_grid = _grid(main)
        main.addSpacing(8)
        main.addWidget(plain_label(tr("Real deployments"), "heading"))
        self._deployment_grid = _grid(main)
        self._template_head = plain_label(tr("Templates"), "heading")
        main.addSpacing(8)
        main.addWidget(self._template_head)
        self._template_grid = _grid(main)
        main.addStretch(1)
        return main

    # Showing

    def refresh(self, places: Places | None, copies: Sequence[Copy]) -> None:
        """Show what there is now."""
        if not self.examples:
            self.examples = [self._card(offer) for offer in example_offers()]
            self._unread = deployment_offers()
        self._open = [card for card in self._open if card not in self.templates]
        for card in self.templates:
            card.deleteLater()
        own = template_offers(templates(places.templates)) if places else ()
        self.templates = [self._card(offer) for offer in own]
        self._template_head.setVisible(bool(own))
        self._arrange()
        self._show_recent(recent_offers(recent_files(places.state)) if places else ())
        self._show_copies(copies)
        if self.isVisible():
            self._timer.start()

    def _card(self, offer: Offer) -> Card:
        card = Card(offer)
        card.clicked.connect(lambda: self.chosen.emit(offer))
        card.remove_wanted.connect(lambda: self.remove_wanted.emit(offer))
        if offer.is_open:
            self._open.append(card)
        return card

    def _go_on(self) -> None:
        """Read one more design, or find the figures of one: the pointer comes in between them."""
        offer = next(self._unread, None)
        if offer is not None:
            self.deployments.append(self._card(offer))
            self._arrange()
        elif self._open:
            card = self._open.pop(0)
            card.show_figures(predicted(card.offer))
        else:
            self._timer.stop()

    def _show_recent(self, offers: Sequence[Offer]) -> None:
        _empty(self._recent_list)
        self.recent = [RecentRow(offer) for offer in offers[:RECENT_SHOWN]]
        for row in self.recent:
            row.setFixedWidth(SIDE)
            row.clicked.connect(lambda _=False, offer=row.offer: self.chosen.emit(offer))
            self._recent_list.addWidget(row)
        if not offers:
            self._recent_list.addWidget(plain_label(tr("None yet."), "muted"))

    def _show_copies(self, copies: Sequence[Copy]) -> None:
        _empty(self._copy_list)
        self.copies = [self._copy_row(copy) for copy in copies]
        for row in self.copies:
            self._copy_list.addWidget(row)
        self._copy_head.setVisible(bool(copies))

    def _copy_row(self, copy: Copy) -> QWidget:
        row = QFrame()
        row.setProperty("role", "notice")
        line = QHBoxLayout(row)
        line.setContentsMargins(16, 8, 12, 8)
        words = plain_label(copy_text(copy))
        words.setWordWrap(True)
        line.addWidget(words, 1)
        for text, signal in ((tr("Restore"), self.recover_wanted), (tr("Discard"), self.discard_wanted)):
            button = QPushButton(text)
            button.setAccessibleName(f"{text}: {copy.title}")
            button.clicked.connect(lambda _=False, signal=signal: signal.emit(copy))
            line.addWidget(button)
        return row

    def _arrange(self) -> None:
        """Put the cards into as many columns as there is room for."""
        for grid, cards in (
            (self._example_grid, self.examples),
            (self._deployment_grid, self.deployments),
            (self._template_grid, self.templates),
        ):
            for column in range(8):
                grid.setColumnStretch(column, int(column < self._columns))
                grid.setColumnMinimumWidth(column, CARD_WIDTH if column < self._columns else 0)
            for index, card in enumerate(cards):
                grid.addWidget(card, *divmod(index, self._columns))
                card.show()

    def _on_create(self) -> None:
        self.wanted.emit(self.model.currentText(), self.cluster.currentText(), str(self.phase.currentData()))

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        room = min(WIDEST, self.viewport().width() - 64) - SIDE - 32
        columns = max(1, (room + GAP) // (CARD_WIDTH + GAP))
        if columns != self._columns:
            self._columns = columns
            self._arrange()

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(0, 0)


def copy_text(copy: Copy) -> str:
    """What a recovery copy is, in a sentence."""
    when = datetime.fromtimestamp(copy.written).strftime("%Y-%m-%d %H:%M")
    name = copy.path.name if copy.path else tr("a design without a file")
    text = tr("{title} ({file}): edits of {when}.", title=copy.title, file=name, when=when)
    if copy.is_outdated:
        text += " " + tr("The file was changed since, so they open as a new design.")
    return text


def _choice(name: str, values: Sequence[str], first: str, texts: Sequence[str] = ()) -> QComboBox:
    box = ChoiceBox()
    box.setAccessibleName(name)
    for value, text in zip(values, texts or values, strict=True):
        box.addItem(text, value)
    box.setCurrentIndex(max(0, box.findData(first)))
    box.setMinimumContentsLength(14)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def _grid(column: QVBoxLayout) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(GAP)
    column.addLayout(grid)
    return grid


def _empty(layout: QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if widget := item.widget():
            widget.hide()
            widget.deleteLater()
