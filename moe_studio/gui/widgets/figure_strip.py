"""The strip of figures along the top of the window."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout
from typing_extensions import override

from moe_studio.gui.text import tr
from moe_studio.gui.widgets.figure import Figure
from moe_studio.gui.widgets.label import ElidedLabel, plain_label, plain_tip, set_role, set_tone

SHARES = {"Longest path": 12, "Memory, worst": 12}
"""Cards that need more than the usual share, 11, of the width."""

NARROW = 1160
"""Width below which each note stands under its value."""


class FigureCard(QFrame):
    """One figure. Clicking it, or Enter, asks for what is behind it.

    Signals:
        activated: the figure was clicked; carries its title.
    """

    activated = Signal(str)

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.name = title
        self.title = plain_label(title, "small")
        self.note = ElidedLabel("", "small")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.value = ElidedLabel("", "value")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(8, 7, 8, 8)
        self._grid.setVerticalSpacing(2)
        self._grid.setHorizontalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._shown: Figure | None = None
        self._is_narrow: bool | None = None
        self.set_narrow(False)

    def set_narrow(self, is_narrow: bool) -> None:
        """Put the note under the value, or beside the title."""
        if is_narrow == self._is_narrow:
            return
        self._is_narrow = is_narrow
        self._grid.addWidget(self.title, 0, 0, 1, 2 if is_narrow else 1)
        self._grid.addWidget(self.value, 1, 0, 1, 2)
        self._grid.addWidget(self.note, *((2, 0, 1, 2) if is_narrow else (0, 1)))
        side = Qt.AlignmentFlag.AlignLeft if is_narrow else Qt.AlignmentFlag.AlignRight
        self.note.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        set_role(self.value, "narrow" if is_narrow else "value")

    def show_figure(self, figure: Figure) -> None:
        """Show ``figure``, changing only what differs."""
        if figure == self._shown:
            return
        self._shown = figure
        self.value.setText(tr(figure.value))
        self.note.setText(tr(figure.note))
        set_tone(self.note, figure.tone)
        set_tone(self.value, figure.value_tone)
        self.setToolTip(plain_tip(tr(figure.tip)))
        self.setAccessibleName(f"{self.title.text()}: {self.value.text()} {self.note.text()}".strip())

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.activated.emit(self.name)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.activated.emit(self.name)
        else:
            super().keyPressEvent(event)


class FigureStrip(QFrame):
    """All figures in a row.

    Signals:
        activated: a figure was clicked; carries its title.
    """

    activated = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "strip")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 8, 12, 4)
        self._row.setSpacing(6)
        self.cards: dict[str, FigureCard] = {}

    def show_figures(self, shown: Sequence[Figure]) -> None:
        """Show these figures; the cards are made the first time."""
        for figure in shown:
            if figure.title not in self.cards:
                card = self.cards[figure.title] = FigureCard(figure.title)
                card.activated.connect(self.activated)
                card.set_narrow(self.isVisible() and self.width() < NARROW)
                self._row.addWidget(card, SHARES.get(figure.title, 11))
            self.cards[figure.title].show_figure(figure)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for card in self.cards.values():
            card.set_narrow(self.width() < NARROW)
