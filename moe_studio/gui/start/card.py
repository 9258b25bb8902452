"""A design on the start page, as a card that can be chosen."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOption,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from moe_studio.document.gallery import Offer
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import ElidedLabel, plain_label, plain_tip


class Card(QAbstractButton):
    """Title, a few words, and figures. Works by mouse and by keyboard as any button does.

    Signals:
        remove_wanted: the design shall be offered no more; only what the user has kept can be removed.
    """

    remove_wanted = Signal()

    def __init__(self, offer: Offer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.offer = offer
        self.setProperty("role", "offer")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(4)
        title = ElidedLabel(offer.title, "heading")
        column.addWidget(title)
        self.setAccessibleName(offer.title)
        if offer.description:
            self._add_words(column, tr(offer.description))
        column.addSpacing(4)
        column.addStretch(1)
        if facts := facts_text(offer):
            column.addWidget(plain_label(facts, "small"))
        self._figures = plain_label("", "figure")
        self._foot = QHBoxLayout()
        self._foot.addWidget(self._figures, 1)
        column.addLayout(self._foot)
        self.show_figures(offer.figures)
        for child in self.findChildren(QWidget):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        if offer.kind == "template":
            self._add_remover()
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(self.hasHeightForWidth())
        self.setSizePolicy(policy)

    def _add_remover(self) -> None:
        button = QPushButton(tr("Remove"))
        button.setProperty("flat", True)
        button.setAccessibleName(f"{button.text()}: {self.offer.title}")
        button.clicked.connect(self.remove_wanted)
        self._foot.addWidget(button)

    def show_figures(self, figures: Sequence[str]) -> None:
        """Show what is known of its speed; what is yet to be found keeps its place."""
        self._figures.setText(tr(" · ".join(figures)) if figures else "…")
        self._figures.setVisible(bool(figures) or self.offer.is_open)

    def _add_words(self, column: QVBoxLayout, text: str) -> None:
        words = plain_label(text, "muted")
        words.setWordWrap(True)
        column.addWidget(words)
        self.setAccessibleDescription(text)
        self.setToolTip(plain_tip(text))

    @override
    def sizeHint(self) -> QSize:
        layout = self.layout()
        return layout.sizeHint() if layout else super().sizeHint()

    @override
    def hasHeightForWidth(self) -> bool:
        layout = self.layout()
        return layout is not None and layout.hasHeightForWidth()

    @override
    def heightForWidth(self, width: int) -> int:
        layout = self.layout()
        # Grids round the widths of their columns after they have asked for heights.
        return layout.heightForWidth(width - 1) + 1 if layout else super().heightForWidth(width)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOption()
        option.initFrom(self)
        painter.drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option)
        painter.end()


class RecentRow(QAbstractButton):
    """A recent file in one line over its path; one that is missing is grey and says so."""

    def __init__(self, offer: Offer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.offer = offer
        self.setProperty("role", "recent")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setEnabled(not offer.is_missing)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 6)
        column.setSpacing(1)
        title = ElidedLabel(offer.title, "muted" if offer.is_missing else "")
        folder = str(offer.path)
        place = ElidedLabel(tr("Missing: {path}", path=folder) if offer.is_missing else folder, "small", middle=True)
        for label in (title, place):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            column.addWidget(label)
        self.setAccessibleName(f"{offer.title}, {place.text()}")
        self.setToolTip(plain_tip(place.text()))
        if not offer.is_missing:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    @override
    def sizeHint(self) -> QSize:
        layout = self.layout()
        return layout.sizeHint() if layout else super().sizeHint()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOption()
        option.initFrom(self)
        painter.drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option)
        painter.end()


def facts_text(offer: Offer) -> str:
    """What a design is made of: ``16 GPUs · 4 layers``."""
    return " · ".join(tr(f"{{count}} {what}", count=f"{count:,}") for count, what in offer.facts)
