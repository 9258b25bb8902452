"""Traffic as a matrix: who sends how many bytes to whom."""

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.placing import Span
from moe_studio.document.selection import Selection
from moe_studio.document.table import Table
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.traffic_matrix import WHATS, gpu_traffic, node_traffic
from moe_studio.graph.column import FloatArray
from moe_studio.gui.canvas.flow import MOST_GPUS, layers_of
from moe_studio.gui.canvas.panel import WHAT_TEXTS
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, mixed, ui_font
from moe_studio.gui.widgets.choice import ChoiceBox
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import ElidedLabel, plain_label, plain_tip
from moe_studio.units import percent_text, si_text

LEFT_ROOM, TOP_ROOM = 84, 36
WIDEST = 6
"""The matrix is at most so many times as wide as high: a low panel leaves more room across."""

MOST_LISTED, LISTED = 20, 8
"""Flows in the list, and letters of a name in it: the figure behind two of them is to be seen."""

DENSE = "This model has no experts, so nothing is dispatched to them."
EMPTY = "Nothing crosses: every GPU already holds the tokens that its experts need."


class MatrixView(QWidget):
    """A square of cells, from row to column; arrows move, Enter selects what the row stands for.

    Signals:
        pointed: another cell is looked at; carries a sentence about it.
        chosen: a row was chosen; carries its number.
        menu_wanted: what can be done with the picture is asked for; carries the point on the screen.
    """

    pointed = Signal(str)
    chosen = Signal(int)
    menu_wanted = Signal(object)
    title, stem = "Traffic matrix", "traffic"

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.plot = self
        self.legend = None
        self.theme = theme
        self.matrix: FloatArray = np.zeros((0, 0))
        self.names: list[str] = []
        self.empty = EMPTY
        self.cell = (-1, -1)
        self.marked: frozenset[int] = frozenset()
        self._picture: QImage | None = None
        self.setMouseTracking(True)
        self.setMinimumSize(120, 80)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Traffic matrix"))

    def show_matrix(self, matrix: FloatArray, names: list[str]) -> None:
        """Show other bytes; row and column i are called ``names[i]``."""
        self.matrix, self.names = matrix, names
        self._picture = None
        if max(self.cell) >= len(names):
            self.cell = (-1, -1)
        self.update()

    def mark(self, numbers: frozenset[int]) -> None:
        """Mark the rows and columns that are selected."""
        if numbers != self.marked:
            self.marked = numbers
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self._picture = None
        self.update()

    def area(self) -> QRectF:
        """Where the cells are."""
        high = max(10, self.height() - TOP_ROOM - 6)
        wide = max(10, min(self.width() - LEFT_ROOM - 12, WIDEST * high))
        return QRectF(LEFT_ROOM, TOP_ROOM, wide, high)

    def point_at(self, cell: tuple[int, int]) -> None:
        """Look at a cell."""
        if cell != self.cell:
            self.cell = cell
            self.pointed.emit(self.sentence(cell))
            self.update()

    def sentence(self, cell: tuple[int, int]) -> str:
        """What a cell says."""
        row, column = cell
        if row < 0:
            return ""
        byte = float(self.matrix[row, column])
        if row == column and not byte:
            return tr("{name} sends nothing to itself.", name=self.names[row])
        share = byte / max(1.0, float(self.matrix.sum()))
        return tr(
            "{start} → {end}: {bytes}, {share} of all",
            start=self.names[row],
            end=self.names[column],
            bytes=si_text(byte, "B", 3),
            share=percent_text(share, 2 if share < 0.01 else 1),
        )

    @property
    def has_picture(self) -> bool:
        """Whether there is anything to save."""
        return bool(self.matrix.any())

    def table(self) -> Table:
        """What the cells hold, without the empty ones."""
        cells = np.argwhere(self.matrix).tolist()
        rows = tuple((self.names[a], self.names[b], float(self.matrix[a, b])) for a, b in cells)
        return Table(columns=("from", "to", "bytes"), rows=rows)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.has_picture:
            self.menu_wanted.emit(event.globalPos())

    def _cell_at(self, at: QPoint) -> tuple[int, int]:
        area, count = self.area(), len(self.names)
        if not count or not area.contains(at):
            return -1, -1
        row, column = (at.y() - area.top()) / area.height(), (at.x() - area.left()) / area.width()
        return min(count - 1, int(row * count)), min(count - 1, int(column * count))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.point_at(self._cell_at(event.position().toPoint()))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        row, _ = self._cell_at(event.position().toPoint())
        if row >= 0:
            self.chosen.emit(row)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}
        key = Qt.Key(event.key())
        if key in steps and self.names:
            last = len(self.names) - 1
            row, column = (max(0, min(last, now + step)) for now, step in zip(self.cell, steps[key], strict=True))
            self.point_at((row, column))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.cell[0] >= 0:
            self.chosen.emit(self.cell[0])
        else:
            super().keyPressEvent(event)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(ui_font(11))
        if not self.matrix.any():
            painter.setPen(self.theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, tr(self.empty))
            painter.end()
            return
        area = self.area()
        self._picture = self._picture or _picture(self.matrix, self.theme)
        painter.drawImage(area, self._picture)
        self._paint_grid(painter, area)
        self._paint_names(painter, area)
        painter.end()

    def _paint_grid(self, painter: QPainter, area: QRectF) -> None:
        count = len(self.names)
        wide, high = area.width() / count, area.height() / count
        painter.setPen(QPen(self.theme.color("surface"), 1))
        if high >= 7:
            for number in range(count + 1):
                across, down = QPointF(number * wide, 0), QPointF(0, number * high)
                painter.drawLine(area.topLeft() + across, area.bottomLeft() + across)
                painter.drawLine(area.topLeft() + down, area.topRight() + down)
        painter.setPen(QPen(self.theme.color("hairline"), 1))
        painter.drawRect(area)
        painter.setPen(QPen(self.theme.color("accent"), 1))
        for number in self.marked:
            painter.drawRect(QRectF(area.left(), area.top() + number * high, area.width(), high))
            painter.drawRect(QRectF(area.left() + number * wide, area.top(), wide, area.height()))
        row, column = self.cell
        if row >= 0:
            painter.setPen(QPen(self.theme.color("accent"), 2))
            painter.drawRect(QRectF(area.left() + column * wide, area.top() + row * high, wide, high))

    def _paint_names(self, painter: QPainter, area: QRectF) -> None:
        count = len(self.names)
        wide, high = area.width() / count, area.height() / count
        painter.setPen(self.theme.color("muted"))
        painter.drawText(QRectF(area.left(), 2, area.width(), 14), Qt.AlignmentFlag.AlignLeft, tr("to →   from ↓"))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for number in range(0, count, max(1, math.ceil(14 / high))):
            middle = area.top() + (number + 0.5) * high
            painter.setPen(self.theme.color("accent" if number in self.marked else "muted"))
            painter.drawText(QRectF(0, middle - 8, LEFT_ROOM - 6, 16), right, _short(self.names[number], 13))
        step = max(1, math.ceil(58 / wide))
        for number in range(0, count, step):
            left = area.left() + number * wide
            painter.setPen(self.theme.color("accent" if number in self.marked else "muted"))
            if left + 50 <= self.width():
                room = QRectF(left, TOP_ROOM - 18, max(50.0, step * wide), 16)
                painter.drawText(room, Qt.AlignmentFlag.AlignLeft, _short(self.names[number], 8))


class TrafficPanel(QWidget):
    """The matrix, of nodes or of GPUs, of dispatch, of combine, or of both. Works only while it can be seen.

    Signals:
        chosen: a node or a GPU was chosen; carries the `Selection`.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.view = MatrixView(theme)
        self.level, self.what = ChoiceBox(), ChoiceBox()
        self.level.setAccessibleName(tr("Between"))
        self.level.addItems([tr("Between nodes"), tr("Between GPUs")])
        self.what.setAccessibleName(tr("Traffic of"))
        self.what.addItems([tr(WHAT_TEXTS[name]) for name in WHATS])
        self.total = plain_label("", "muted")
        self.total.setWordWrap(True)
        self.about = ElidedLabel("", "figure")
        self._evaluation: Evaluation | None = None
        self._span: Span = None
        self._selected: Sequence[Selection] = ()
        self._is_shown = False
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Largest flows"))
        self.list.setFixedWidth(250)
        self._pairs: list[tuple[int, int]] = []
        side = QVBoxLayout()
        side.setSpacing(6)
        for widget in (self.level, self.what, self.total):
            side.addWidget(widget)
        side.addStretch(1)
        side.addWidget(self.about)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(16)
        row.addLayout(side)
        row.addWidget(self.view, 1)
        row.addWidget(self.list)
        for box in (self.level, self.what):
            box.activated.connect(lambda _: self._refresh())
        self.view.pointed.connect(self.about.setText)
        self.view.chosen.connect(self._on_chosen)
        self.list.currentRowChanged.connect(self._on_listed)
        self.list.itemActivated.connect(lambda _: self._on_chosen(self._pairs[self.list.currentRow()][0]))

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.view.set_theme(theme)

    def show_evaluation(self, evaluation: Evaluation, span: Span) -> None:
        """Show the traffic of some layers; later, if it cannot be seen now."""
        if evaluation is self._evaluation and span == self._span and self._is_shown:
            return
        self._evaluation, self._span, self._is_shown = evaluation, span, False
        if self.isVisible():
            self._refresh()

    def show_selection(self, selected: Sequence[Selection]) -> None:
        """Mark the nodes and GPUs that are selected, or have something that is."""
        self._selected = selected
        if self._is_shown:
            self._mark()

    def _mark(self) -> None:
        assert self._evaluation is not None
        homes = self._evaluation.project.cluster.node_of_gpu()
        gpus = {item.gpu for item in self._selected if 0 <= item.gpu < len(homes)}
        nodes = {item.node for item in self._selected if item.kind == "node"}
        if self._has_gpus:
            self.view.mark(frozenset(gpus | {gpu for gpu, node in enumerate(homes) if node in nodes}))
        else:
            self.view.mark(frozenset(nodes | {homes[gpu] for gpu in gpus}))

    @property
    def _has_gpus(self) -> bool:
        """Whether rows are GPUs, not nodes."""
        return bool(self.level.currentIndex()) and self.level.isEnabled()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_shown:
            self._refresh()

    def _refresh(self) -> None:
        evaluation = self._evaluation
        if evaluation is None:
            return
        self._is_shown = True
        cluster, layers = evaluation.project.cluster, layers_of(evaluation, self._span)
        what = WHATS[self.what.currentIndex()]
        self.level.setEnabled(cluster.gpu_count <= MOST_GPUS)
        if self._has_gpus:
            matrix = gpu_traffic(evaluation, what=what, layers=layers)
            names = [f"GPU {number}" for number in range(cluster.gpu_count)]
        else:
            matrix = node_traffic(evaluation, what=what, layers=layers)
            names = [cluster.node_title(number) for number in range(len(cluster.nodes))]
        has_experts = evaluation.project.model.has_experts
        self.view.empty = EMPTY if has_experts else DENSE
        self.view.show_matrix(matrix, names)
        self._show_list(matrix)
        node = node_traffic(evaluation, what=what, layers=layers)
        inside = float(np.trace(node))
        across = float(node.sum()) - inside
        self.total.setText(
            tr(
                "{inside} inside nodes, {across} between nodes",
                inside=si_text(inside, "B", 3),
                across=si_text(across, "B", 3),
            )
        )
        self.about.setText(self.view.sentence(self.view.cell))
        self._mark()

    def _show_list(self, matrix: FloatArray) -> None:
        """The largest flows as text, which is also how a screen reader meets them."""
        order = np.argsort(-matrix, axis=None, kind="stable")[:MOST_LISTED].tolist()
        pairs = [divmod(place, len(matrix)) for place in order]
        self._pairs = [pair for pair in pairs if matrix[pair] > 0]
        names = self.view.names
        self.list.blockSignals(True)
        self.list.clear()
        for a, b in self._pairs:
            size = si_text(float(matrix[a, b]), "B", 3)
            item = QListWidgetItem(f"{_short(names[a], LISTED)} → {_short(names[b], LISTED)}   {size}", self.list)
            item.setToolTip(plain_tip(f"{names[a]} → {names[b]}   {size}"))
        self.list.blockSignals(False)

    def _on_listed(self, row: int) -> None:
        if 0 <= row < len(self._pairs):
            self.view.point_at(self._pairs[row])

    def _on_chosen(self, row: int) -> None:
        self.chosen.emit(Selection(kind="gpu", gpu=row) if self._has_gpus else Selection(kind="node", node=row))


def _picture(matrix: FloatArray, theme: Theme) -> QImage:
    """One pixel for each cell, the fuller the more bytes."""
    share = np.sqrt(matrix / max(1e-300, float(matrix.max())))
    steps = [mixed(theme.family("communication"), theme.color("raised"), step / 255) for step in range(256)]
    table = np.array([(c.blue(), c.green(), c.red(), 255) for c in steps], np.uint8)
    pixels = np.ascontiguousarray(table[np.round(share * 255).astype(int)])
    height, width = matrix.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def _short(name: str, length: int) -> str:
    return name if len(name) <= length else f"…{name[1 - length :]}"
