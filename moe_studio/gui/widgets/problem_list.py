"""The list of what is wrong with the design; a click goes to the place."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from moe_studio.engine.rule import Problem
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.label import plain_label, plain_tip

WORDS = {"error": "Error", "warning": "Warning", "info": "Remark"}
TOKENS = {"error": "bad", "warning": "warning", "info": "muted"}


class ProblemList(QWidget):
    """All problems, errors first.

    Signals:
        chosen: a problem was clicked; carries the place that it names.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Problems"))
        self.list.setWordWrap(True)
        self.list.setFont(ui_font(12))
        self.list.setIconSize(QSize(14, 14))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._on_item)
        self.list.itemActivated.connect(self._on_item)
        self.empty = plain_label("No problems. Every rule that this design is checked against holds.", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.addWidget(self.list)
        column.addWidget(self.empty)
        self._icons = {severity: severity_icon(theme, severity) for severity in WORDS}
        self._shown: tuple[Problem, ...] | None = None
        self.show_problems(())

    def show_problems(self, found: Sequence[Problem]) -> None:
        """Show these problems, unless they are shown already."""
        if tuple(found) == self._shown:
            return
        before, self._shown = self._shown or (), tuple(found)
        while self.list.count() > len(self._shown):
            self.list.takeItem(self.list.count() - 1)
        for row, problem in enumerate(self._shown):
            if row >= self.list.count():
                self.list.addItem(QListWidgetItem())
            if row >= len(before) or before[row] != problem:
                self._show_row(self.list.item(row), problem)
        self.list.setVisible(bool(self._shown))
        self.empty.setVisible(not self._shown)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._icons = {severity: severity_icon(theme, severity) for severity in WORDS}
        self.list.clear()
        shown, self._shown = self._shown or (), None
        self.show_problems(shown)

    def _show_row(self, item: QListWidgetItem, problem: Problem) -> None:
        item.setIcon(self._icons[problem.severity])
        item.setText(tr(f"{tr(WORDS[problem.severity])} · {tr(problem.message)}"))
        item.setData(Qt.ItemDataRole.UserRole, problem.where)
        item.setToolTip(plain_tip(f"{problem.code}: {problem.where}"))

    def _on_item(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))


def severity_icon(theme: Theme, severity: str) -> QIcon:
    """A triangle for errors and warnings, a disc for remarks: told apart without colour."""
    pixmap = QPixmap(28, 28)
    pixmap.fill(QColor(0, 0, 0, 0))
    with QPainter(pixmap) as painter:
        paint_severity(painter, QRectF(1, 1, 26, 26), severity, theme)
    return QIcon(pixmap)


def paint_severity(painter: QPainter, rect: QRectF, severity: str, theme: Theme) -> None:
    """Draw the sign of a severity into ``rect``."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(TOKENS[severity]))
    if severity == "info":
        painter.drawEllipse(rect)
    else:
        top = QPointF(rect.center().x(), rect.top())
        painter.drawPolygon(QPolygonF([top, rect.bottomRight(), rect.bottomLeft()]))
    painter.setPen(theme.color("surface"))
    painter.setFont(ui_font(max(7, int(rect.height() * 0.62)), is_bold=True))
    low = rect.adjusted(0, rect.height() * 0.22, 0, 0) if severity != "info" else rect
    painter.drawText(low, Qt.AlignmentFlag.AlignCenter, "i" if severity == "info" else "!")
