"""The graph with its tools and its search."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.selection import operator_row
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.dag.button import tool_button
from moe_studio.gui.dag.crumb_bar import CrumbBar
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.dag.diagram_view import DiagramView
from moe_studio.gui.dag.find_bar import FindBar
from moe_studio.gui.dag.go_to import GoTo
from moe_studio.gui.dag.place import (
    EVERYTHING,
    VIEWS,
    GraphPlace,
    crumbs,
    is_small,
    opened,
    operator_place,
    parent,
    placed,
    rows_of,
)
from moe_studio.gui.dag.table_view import OperatorTable
from moe_studio.gui.dag.tools import GraphTools
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.view.node import ViewNode

MOST_PLACES = 100


class GraphPanel(QWidget):
    """A `DagView` and what belongs around it.

    Signals:
        refused: something cannot be done; carries the sentence that says why.
    """

    refused = Signal(str)

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__()
        self.document = document
        self.view = DagView(document, theme)
        self.tools = GraphTools(self.view)
        self.diagram = DiagramView(document, theme, self.view)
        self.find_bar = FindBar(document)
        self.crumbs = CrumbBar()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.diagram)
        self.table = OperatorTable(document, self.view)
        self.stack.addWidget(self.table)
        self._places, self._cursor = [EVERYTHING], 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._head())
        column.addWidget(self.tools)
        column.addWidget(self.find_bar)
        column.addWidget(self.stack, 1)
        self.tools.find_wanted.connect(self.find_operator)
        self.tools.refused.connect(self.refused)
        self.find_bar.kept.connect(self.tools.keep)
        self.find_bar.closed.connect(self._focus)
        self.chooser.activated.connect(lambda index: self.show_view(self.chooser.itemData(index)))
        self.crumbs.chosen.connect(self.go)
        self.view.entered.connect(self._on_operator)
        self.diagram.entered.connect(self._on_node)
        self.diagram.missed.connect(self._on_missed)
        self._show_place()

    def _head(self) -> QHBoxLayout:
        self.chooser = QComboBox()
        self.chooser.setAccessibleName(tr("View"))
        self.chooser.setToolTip(tr("Which view of the graph"))
        for name, title in VIEWS.items():
            self.chooser.addItem(tr(title), name)
        self.back_button = tool_button("‹", "Back (Alt+Left)")
        self.forward_button = tool_button("›", "Forward (Alt+Right)")
        self.back_button.clicked.connect(self.back)
        self.forward_button.clicked.connect(self.forward)
        row = QHBoxLayout()
        row.setContentsMargins(10, 0, 8, 2)
        row.setSpacing(4)
        for widget in (self.chooser, self.back_button, self.forward_button):
            row.addWidget(widget)
        row.addWidget(self.crumbs, 1)
        return row

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.document = document
        self.tools.show_everything()
        self.view.set_document(document)
        self.diagram.set_document(document)
        self.table.document = document
        self.find_bar.set_document(document)
        self._places, self._cursor = [EVERYTHING], 0
        self._show_place()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.view.set_theme(theme)
        self.diagram.set_theme(theme)

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show ``evaluation``."""
        if not (self.document.is_previewing and self.canvas is not self.view):
            self.view.show_evaluation(evaluation)
        self.table.refresh()
        if not self._is_there(self.place):
            self._places, self._cursor = [EVERYTHING], 0
            self._show_place()
        elif self.canvas is self.diagram:
            self.diagram.refresh()
        self.find_bar.refresh()

    def show_selection(self) -> None:
        """Bring what is selected into view."""
        self.view.show_selection()
        self.diagram.show_selection()
        self.table.show_selection()
        self.find_bar.refresh()

    # Places

    @property
    def place(self) -> GraphPlace:
        """What is shown."""
        return self._places[self._cursor]

    @property
    def canvas(self) -> DagView | DiagramView | OperatorTable:
        """The lanes, or the diagram or the table in their place."""
        shown = self.stack.currentWidget()
        return next(canvas for canvas in (self.diagram, self.table, self.view) if canvas is shown)

    def go(self, place: GraphPlace) -> None:
        """Show ``place``; what was shown can be gone back to."""
        if place == self.place or not self._is_there(place):
            return
        self._places = [*self._places[: self._cursor + 1], place][-MOST_PLACES:]
        self._cursor = len(self._places) - 1
        self._show_place()

    def show_view(self, name: str) -> None:
        """Show one of `VIEWS`, of what is selected."""
        selection, evaluation = self.document.selection, self.document.evaluation
        row = operator_row(evaluation.graph, selection)
        known = (selection.layer, self.place.layer, self.document.layer)
        layer = next((number for number in known if number is not None and number >= 0), -1)
        gpu = selection.gpu if selection.gpu >= 0 else self.place.gpu
        self.go(placed(name, evaluation, row, layer, gpu))

    def back(self) -> None:
        """Show what was shown before."""
        self._move(-1)

    def forward(self) -> None:
        """Show again what was gone back from."""
        self._move(1)

    def leave(self) -> None:
        """Show what contains the view."""
        self.go(parent(self.place))

    def end(self) -> None:
        """Drop work that is under way."""
        self.diagram.end()

    def _move(self, step: int) -> None:
        cursor = self._cursor + step
        if 0 <= cursor < len(self._places) and self._is_there(self._places[cursor]):
            self._cursor = cursor
            self._show_place()

    def _is_there(self, place: GraphPlace) -> bool:
        """Whether the design has the layer and the GPU of ``place``."""
        project = self.document.project
        return place.layer < project.model.layer_count and place.gpu < project.cluster.gpu_count

    def _show_place(self) -> None:
        place, evaluation = self.place, self.document.evaluation
        had_focus = self.canvas.hasFocus()
        self.chooser.setCurrentIndex(list(VIEWS).index(place.view))
        self.crumbs.show_crumbs(crumbs(place, evaluation))
        self.back_button.setEnabled(self._cursor > 0)
        self.forward_button.setEnabled(self._cursor < len(self._places) - 1)
        if is_small(evaluation.graph, place):
            self.stack.setCurrentWidget(self.diagram)
            self.diagram.show_place(place)
            self.view.moved.emit("")
        elif place.view == "table":
            self.stack.setCurrentWidget(self.table)
            self.view.moved.emit("")
        else:
            self.stack.setCurrentWidget(self.view)
            if place.view != "full":
                self.view.show_evaluation(evaluation)
                self.view.frame_rows(rows_of(evaluation.graph, place))
            self.view.moved.emit(self.view.place_text())
        if had_focus:
            self._focus()

    def _focus(self) -> None:
        self.canvas.setFocus()

    def _on_operator(self, row: int) -> None:
        graph = self.document.evaluation.graph
        self.go(operator_place(graph.kind_name(row), int(graph.layer[row]), int(graph.gpu[row])))

    def _on_node(self, node: ViewNode) -> None:
        place = opened(node, self.place)
        if place is not None:
            self.go(place)

    def _on_missed(self) -> None:
        if self.document.selection.kind in ("operator", "expert", "gpu", "layer"):
            self.show_view(self.place.view)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Backspace:
            self.leave()
        else:
            super().keyPressEvent(event)

    # Verbs

    def find_operator(self) -> None:
        """Open the search."""
        self.find_bar.open()

    def find_step(self, step: int) -> None:
        """Go to the next or the previous operator found."""
        self.find_bar.step(step)

    def go_to(self) -> None:
        """Let a place of the design be found by its name."""
        GoTo(self.window(), self.document).open()

    def upstream(self) -> None:
        """Show only what the selection depends on."""
        self.tools.around("upstream")

    def downstream(self) -> None:
        """Show only what depends on the selection."""
        self.tools.around("downstream")

    def show_everything(self) -> None:
        """Take the filter away."""
        self.tools.show_everything()
