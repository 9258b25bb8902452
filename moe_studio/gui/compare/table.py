"""The list of differences: what, was, is."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from moe_studio.document.difference import Difference
from moe_studio.document.difference_row import CATEGORIES, Row
from moe_studio.gui.compare.mark import SIGNS, mark_color
from moe_studio.gui.compare.rows import LINE, WHAT, RowView
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.choice import ChoiceBox
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import plain_label, plain_tip

FRAME = 48
"""Pixels of a line around its text: frame, margins and the button that clears it."""

COLUMNS = ("", "What", "Was", "Is")
Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()


class DifferenceModel(QAbstractTableModel):
    """Rows that pass the filter."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.rows: list[Row] = []

    def show_rows(self, rows: list[Row]) -> None:
        """Show these rows instead."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    @override
    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    @override
    def columnCount(self, parent: Index = NOWHERE) -> int:
        return len(COLUMNS)

    @override
    @guarded
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(COLUMNS[section])
        return None

    @override
    @guarded
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return (SIGNS[row.change], tr(row.what), row.was, row.now)[column]
        if role == Qt.ItemDataRole.AccessibleTextRole and column == 0:
            return tr(row.change)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{tr(row.change)}: {tr(row.what)}: {row.was} → {row.now}")
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return mark_color(self.theme, row.change)
        if role == Qt.ItemDataRole.ForegroundRole and column == 3 and row.gain:
            return self.theme.color("good" if row.gain > 0 else "bad")
        return None


class DifferenceTable(QWidget):
    """All differences, with a choice of kind and a line to filter them.

    Signals:
        chosen: a row was clicked or entered; carries its `Selection`.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.model = DifferenceModel(theme)
        self.category = ChoiceBox()
        self.category.setAccessibleName(tr("Kind of difference"))
        self.category.addItems([tr("All"), *(tr(_title(name)) for name in CATEGORIES)])
        self.category.currentIndexChanged.connect(self._filter)
        self.line = QLineEdit()
        self.line.setAccessibleName(tr("Filter differences"))
        self.line.setPlaceholderText(tr("Filter"))
        self.line.setMinimumWidth(self.line.fontMetrics().horizontalAdvance(tr("Filter")) + FRAME)
        self.line.setToolTip(tr("Words that a difference must have, such as: moved expert 5"))
        self.line.setClearButtonEnabled(True)
        self.line.textChanged.connect(self._filter)
        self.count = plain_label("", "small")
        self.view = RowView()
        self._build()
        self._all: list[tuple[str, Row]] = []
        self._listed: dict[str, int] = {}

    def _build(self) -> None:
        view = self.view
        view.setModel(self.model)
        view.setAccessibleName(tr("Differences"))
        view.setFont(ui_font(12))
        view.setShowGrid(False)
        view.setIconSize(QSize(10, 10))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setTabKeyNavigation(False)
        view.setWordWrap(False)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(LINE)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(WHAT, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(40)
        view.setColumnWidth(0, 40)
        view.clicked.connect(self._on_clicked)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.category)
        row.addWidget(self.line, 1)
        row.addWidget(self.count)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(0, 0, 0, 0)
        column_box.setSpacing(4)
        column_box.addLayout(row)
        column_box.addWidget(view, 1)

    def show_difference(self, shown: Difference | None) -> None:
        """Show the rows of ``shown``."""
        rows = shown.rows if shown else ()
        self._all = [(_words(row), row) for row in rows]
        self._listed = shown.listed if shown else {}
        for place, name in enumerate(CATEGORIES, 1):
            self.category.setItemText(place, tr(f"{_title(name)} {self._listed.get(name, 0):,}"))
        self._filter()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.model.theme = theme
        self.view.viewport().update()

    def _filter(self) -> None:
        words = self.line.text().lower().split()
        place = self.category.currentIndex()
        category = CATEGORIES[place - 1] if place > 0 else ""
        of_kind = [(text, row) for text, row in self._all if category in ("", row.category)]
        rows = [row for text, row in of_kind if all(word in text for word in words)]
        whole = self._listed.get(category, 0) if category else sum(self._listed.values())
        self.model.show_rows(rows)
        # Shapes of operators are long and rarely read: beside other rows they take no room from names.
        short = [row for row in rows if row.category != "operators"] or rows
        self.view.fit(([tr(row.what) for row in rows], [row.was for row in short], [row.now for row in short]))
        self.count.setText(tr(f"{len(rows):,} of {whole:,}"))

    def _on_clicked(self, index: QModelIndex) -> None:
        self.chosen.emit(self.model.rows[index.row()].selection)


def _title(category: str) -> str:
    return category[0].upper() + category[1:]


def _words(row: Row) -> str:
    """All that a row says, in English and in the language of the window, to be found by."""
    said = (_title(row.category), row.change, row.what)
    return " ".join((*said, *map(tr, said), row.was, row.now)).lower()
