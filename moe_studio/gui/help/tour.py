"""A tour of the window: coach marks that point at one part after the other."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.gui.text import tr
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import plain_label

WIDTH, GAP, EDGE = 340, 12, 6
SHADE = QColor(10, 14, 20, 130)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One part of the window and what to know of it."""

    target: QWidget
    title: str
    text: str


class Tour(QWidget):
    """Darkens the window but for one part, with a card beside it. Enter goes on, Esc ends it."""

    def __init__(self, window: QWidget, stops: tuple[Stop, ...]) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Tour"))
        self._window = window
        self._stops = tuple(stop for stop in stops if stop.target.isVisible())
        self.index = 0
        self._build()
        window.installEventFilter(self)

    def _build(self) -> None:
        self.card = QFrame(self)
        self.card.setProperty("role", "coach")
        self.card.setFixedWidth(WIDTH)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(18, 14, 14, 12)
        column.setSpacing(6)
        self.title = plain_label("", "heading")
        self.text = plain_label("")
        self.text.setWordWrap(True)
        self.count = plain_label("", "small")
        self.skip = QPushButton(tr("Skip"))
        self.skip.setProperty("flat", True)
        self.back = QPushButton(tr("Back"))
        self.next = QPushButton(tr("Next"))
        self.next.setProperty("primary", True)
        self.skip.clicked.connect(self.close)
        self.back.clicked.connect(lambda: self.go(self.index - 1))
        self.next.clicked.connect(lambda: self.go(self.index + 1))
        row = QHBoxLayout()
        row.addWidget(self.count)
        row.addStretch(1)
        for button in (self.skip, self.back, self.next):
            row.addWidget(button)
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addLayout(row)

    def begin(self) -> None:
        """Show the first stop."""
        if not self._stops:
            self.close()
            return
        self.setGeometry(self._window.rect())
        self.show()
        self.raise_()
        self.go(0)

    def go(self, index: int) -> None:
        """Show the stop ``index``; after the last the tour is over."""
        if index >= len(self._stops):
            self.close()
            return
        self.index = max(0, index)
        stop = self._stops[self.index]
        self.title.setText(tr(stop.title))
        self.text.setText(tr(stop.text))
        self.count.setText(tr("{step} of {all}", step=self.index + 1, all=len(self._stops)))
        self.back.setVisible(self.index > 0)
        self.next.setText(tr("Next") if self.index + 1 < len(self._stops) else tr("Done"))
        self.setAccessibleDescription(f"{self.title.text()}. {self.text.text()}")
        self._place()
        self.next.setFocus()
        self.update()

    @property
    def lit(self) -> QRect:
        """The part that is not darkened."""
        target = self._stops[self.index].target
        corner = target.mapTo(self._window, QPoint(0, 0))
        return QRect(corner, target.size()).adjusted(-EDGE, -EDGE, EDGE, EDGE).intersected(self.rect())

    def _place(self) -> None:
        """Put the card where it hides nothing of the lit part, as far as there is room."""
        self.text.setMinimumHeight(self.text.heightForWidth(WIDTH - 32))
        self.card.adjustSize()
        self.card.move(card_place(self.lit, self.card.rect(), self.rect()))

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        shade = QPainterPath()
        shade.addRect(self.rect().toRectF())
        hole = QPainterPath()
        hole.addRoundedRect(self.lit.toRectF(), EDGE, EDGE)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(shade.subtracted(hole), SHADE)
        painter.end()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Right):
            self.go(self.index + 1)
        elif event.key() == Qt.Key.Key_Left:
            self.go(self.index - 1)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and self._stops and self.isVisible():
            self.setGeometry(self._window.rect())
            self._place()
        return False


def card_place(lit: QRect, card: QRect, room: QRect) -> QPoint:
    """Where the card goes: below, above, right or left of the lit part, else inside its lower right corner."""
    places = (
        QPoint(lit.center().x() - card.width() // 2, lit.bottom() + GAP),
        QPoint(lit.center().x() - card.width() // 2, lit.top() - GAP - card.height()),
        QPoint(lit.right() + GAP, lit.top()),
        QPoint(lit.left() - GAP - card.width(), lit.top()),
    )
    inner = room.adjusted(GAP, GAP, -GAP, -GAP)
    for place in places:
        x = max(inner.left(), min(place.x(), inner.right() - card.width()))
        y = max(inner.top(), min(place.y(), inner.bottom() - card.height()))
        there = QRect(QPoint(x, y), card.size())
        if not there.intersects(lit):
            return there.topLeft()
    corner = lit.intersected(inner).bottomRight()
    return QPoint(corner.x() - card.width() - GAP, corner.y() - card.height() - GAP)
