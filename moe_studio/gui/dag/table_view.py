"""The graph as a table: the same operators, to be read, sorted and walked without a drawing."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSignalBlocker,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QTableView
from typing_extensions import override

from moe_studio.document.chosen import Chosen
from moe_studio.document.document import Document
from moe_studio.document.selection import NOTHING, operator_row, operator_selection
from moe_studio.engine.cost import BOUNDS
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.graph import Graph
from moe_studio.graph.operator import OP_NAMES
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.guard import guarded
from moe_studio.units import time_text

Index = QModelIndex | QPersistentModelIndex
Column = tuple[str, Callable[[Evaluation], IntArray | FloatArray], Callable[[Evaluation, int], str]]

COLUMNS: tuple[Column, ...] = (
    ("Operator", lambda e: np.arange(len(e.graph)), lambda e, row: e.graph.name(row)),
    ("Kind", lambda e: e.graph.op, lambda e, row: OP_NAMES[e.graph.op[row]]),
    ("Layer", lambda e: e.graph.layer, lambda e, row: f"{e.graph.layer[row]}"),
    ("GPU", lambda e: e.graph.gpu, lambda e, row: f"{e.graph.gpu[row]}"),
    ("Node", lambda e: e.graph.node, lambda e, row: e.graph.node_names[e.graph.node[row]]),
    ("Start", lambda e: e.start_s, lambda e, row: time_text(float(e.start_s[row]))),
    ("Time", lambda e: -e.duration_s, lambda e, row: time_text(float(e.duration_s[row]))),
    ("Slack", lambda e: e.slack_s, lambda e, row: time_text(float(e.slack_s[row]))),
    ("Bound", lambda e: e.bound.astype(np.int64), lambda e, row: tr(BOUNDS[e.bound[row]])),
)
"""Title of each column, what it is sorted by, and its text."""

NUMBERS = ("Layer", "GPU", "Start", "Time", "Slack")
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class OperatorModel(QAbstractTableModel):
    """Operators in rows; only those in view are ever put into words."""

    def __init__(self) -> None:
        super().__init__()
        self.evaluation: Evaluation | None = None
        self.rows: IntArray = np.zeros(0, np.int64)
        self.column, self.is_falling = 0, False
        self._among: IntArray = self.rows
        self.chosen: Chosen | None = None

    def show_rows(self, evaluation: Evaluation, rows: IntArray) -> None:
        """Show these operators of ``evaluation``, sorted as before."""
        self.beginResetModel()
        self.evaluation, self._among = evaluation, rows
        self._arrange()
        self.endResetModel()

    def place_of(self, row: int) -> int:
        """Line of an operator, -1 if it is not shown."""
        found = np.flatnonzero(self.rows == row)
        return int(found[0]) if len(found) else -1

    def _arrange(self) -> None:
        assert self.evaluation is not None
        value = COLUMNS[self.column][1](self.evaluation)[self._among]
        order = np.argsort(value, kind="stable")
        self.rows = self._among[order[::-1] if self.is_falling else order]

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.column, self.is_falling = max(0, column), order is Qt.SortOrder.DescendingOrder
        if self.evaluation is not None:
            self.beginResetModel()
            self._arrange()
            self.endResetModel()

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (as Qt declares it)
        return 0 if parent.isValid() else len(self.rows)

    @override
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (as Qt declares it)
        return 0 if parent.isValid() else len(COLUMNS)

    @override
    @guarded
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if self.evaluation is None or not index.isValid():
            return None
        title, _, text = COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text(self.evaluation, int(self.rows[index.row()]))
        if role == Qt.ItemDataRole.TextAlignmentRole and title in NUMBERS:
            return RIGHT
        if role == Qt.ItemDataRole.BackgroundRole and self._is_chosen(int(self.rows[index.row()])):
            return QGuiApplication.palette().highlight()
        return None

    def _is_chosen(self, row: int) -> bool:
        """Whether an operator is selected, by itself or with others."""
        chosen = self.chosen
        return chosen is not None and chosen.graph is self._graph and bool(chosen.is_single[row])

    @property
    def _graph(self) -> Graph | None:
        return self.evaluation.graph if self.evaluation is not None else None

    @override
    @guarded
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return tr(COLUMNS[section][0])
        return None


class OperatorTable(QTableView):
    """The operators that the filter lets through, as a table; nothing is computed while it is not seen.

    Signals:
        menu_wanted: a menu about the selection is wanted; carries where, on the screen.
    """

    menu_wanted = Signal(QPoint)

    def __init__(self, document: Document, lanes: DagView) -> None:
        super().__init__()
        self.document, self.lanes = document, lanes
        self.operators = OperatorModel()
        self.setModel(self.operators)
        self.setAccessibleName(tr("Operators as a table"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.horizontalHeader().setStretchLastSection(True)
        for column, width in enumerate((150, 90, 56, 52, 80, 90, 90, 90)):
            self.setColumnWidth(column, width)
        self.selectionModel().currentRowChanged.connect(self._on_current)
        lanes.filtered.connect(self.refresh)

    def refresh(self) -> None:
        """Show what the document shows, if it is seen."""
        if not self.isVisible() or self.document.is_previewing:
            return
        evaluation, look = self.document.evaluation, self.lanes.look
        mask = look.mask if look is not None else None
        if mask is not None and len(mask) != len(evaluation.graph):
            mask = None  # the lanes still show the design before; they ask again when they are up to date
        rows = np.arange(len(evaluation.graph)) if mask is None else np.flatnonzero(mask)
        with QSignalBlocker(self.selectionModel()):
            self.operators.show_rows(evaluation, rows)
        self.show_selection()

    def show_selection(self) -> None:
        """Mark what is selected, and bring an operator into view."""
        if not self.isVisible() or self.operators.evaluation is None:
            return
        self.operators.chosen = self.document.chosen_in(self.operators.evaluation.graph)
        self.viewport().update()
        place = self.operators.place_of(operator_row(self.operators.evaluation.graph, self.document.selection))
        if place == self.currentIndex().row():
            return
        with QSignalBlocker(self.selectionModel()):
            self.clearSelection()
            self.setCurrentIndex(self.operators.index(place, 0))
        # Qt would do so by a signal that is blocked.
        self.scrollTo(self.currentIndex())
        self.viewport().update()

    def _on_current(self, index: QModelIndex) -> None:
        if index.isValid() and self.operators.evaluation is not None:
            row = int(self.operators.rows[index.row()])
            self.document.select(operator_selection(self.operators.evaluation.graph, row))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.document.selected:
            self.document.select(NOTHING)
        else:
            super().keyPressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(event.globalPos())

    # What canvases can do and a table need not

    def fit(self) -> None:
        """A table has no size to fit."""

    def zoom_by(self, factor: float) -> None:
        """A table is not zoomed."""

    def frame_selection(self) -> None:
        """Bring the selected operator into view."""
        self.scrollTo(self.currentIndex())

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()
        # Rows have no places before the table is laid out.
        QTimer.singleShot(0, self, self.frame_selection)
