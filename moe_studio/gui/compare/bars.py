"""Where the time goes in both designs: two bars for each part of the longest path."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from moe_studio.document.difference_row import SAME
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded
from moe_studio.units import time_text

ROW, BAR, INDENT = 38, 8, 2
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class GroupBars(QWidget):
    """For each part of the path an outlined bar for the reference and a filled one for the design."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr("Time on the longest path, reference and design"))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._theme = theme
        self._rows: tuple[tuple[str, float, float], ...] = ()

    def show_groups(self, groups: tuple[tuple[str, float, float], ...]) -> None:
        """Show these parts, the largest difference first."""
        self._rows = tuple((tr(name), was, now) for name, was, now in groups)
        words = [
            tr("{name}: {before}, now {now}", name=name, before=time_text(was), now=time_text(now))
            for name, was, now in self._rows
        ]
        self.setAccessibleDescription("; ".join(words))
        self.updateGeometry()
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(220, ROW * len(self._rows) + 4)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(150, self.sizeHint().height())

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        most = max((max(was, now) for _, was, now in self._rows), default=1.0)
        for place, (name, was, now) in enumerate(self._rows):
            self._paint_row(painter, place * ROW, name, was / most, now / most, time_change(was, now))
        painter.end()

    def _paint_row(self, painter: QPainter, top: int, name: str, was: float, now: float, change: float) -> None:
        theme, width = self._theme, self.width() - 2 * INDENT
        head = QRectF(INDENT, top, width, 18)
        painter.setFont(ui_font(12, is_bold=True))
        text = change_text(change)
        painter.setPen(theme.color("bad" if change > 0 else "good" if change < 0 else "muted"))
        painter.drawText(head, RIGHT, text)
        room = int(width - painter.fontMetrics().horizontalAdvance(text) - 8)
        painter.setFont(ui_font(12))
        painter.setPen(theme.color("text"))
        painter.drawText(head, LEFT, painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room))
        painter.setPen(QPen(theme.color("muted"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(INDENT + 0.5, top + 19.5, max(1.0, was * (width - 1)), BAR - 2))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawRect(QRectF(INDENT, top + 19 + BAR, max(1.0, now * width), BAR - 1))


def time_change(was: float, now: float) -> float:
    """How much longer it takes, in seconds; what only rounding tells apart takes as long."""
    return now - was if abs(now - was) > SAME * max(was, now) else 0.0


def change_text(change: float) -> str:
    """A change of a time with its sign."""
    sign = "+" if change > 0 else "−" if change < 0 else "± "
    return f"{sign}{time_text(abs(change), 3)}"
