"""The graph with its tools and its search."""

from dataclasses import replace

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.selection import Toward, is_in_graph, reach
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.dag.button import arrow_button
from moe_studio.gui.dag.crumb_bar import CrumbBar
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.dag.diagram_view import DiagramView
from moe_studio.gui.dag.find_bar import FindBar
from moe_studio.gui.dag.go_to import GoTo
from moe_studio.gui.dag.place import (
    EVERYTHING,
    GraphPlace,
    crumbs,
    inner,
    is_small,
    is_there,
    opened,
    operator_place,
    parent,
    placed,
    rows_of,
)
from moe_studio.gui.dag.selection_menu import selection_menu
from moe_studio.gui.dag.table_view import OperatorTable
from moe_studio.gui.dag.tools import SELECT_FIRST, GraphTools
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
        self.back_button = arrow_button("‹", "Back (Alt+Left)")
        self.forward_button = arrow_button("›", "Forward (Alt+Right)")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.diagram)
        self.table = OperatorTable(document, self.view)
        self.stack.addWidget(self.table)
        self._places, self._cursor = [EVERYTHING], 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.tools)
        column.addWidget(self.find_bar)
        column.addWidget(self.stack, 1)
        self._connect()
        self._show_place()

    def _connect(self) -> None:
        tools = self.tools
        tools.find_wanted.connect(self.find_operator)
        tools.view_wanted.connect(self.show_view)
        self.back_button.clicked.connect(self.back)
        self.forward_button.clicked.connect(self.forward)
        tools.refused.connect(self.refused)
        tools.paths.marked.connect(self._on_marked)
        self.find_bar.kept.connect(tools.keep)
        self.find_bar.closed.connect(self._focus)
        self.crumbs.chosen.connect(self.go)
        self.view.entered.connect(self._on_operator)
        self.view.menu_wanted.connect(self._on_menu)
        self.diagram.entered.connect(self._on_node)
        self.diagram.missed.connect(self._on_missed)
        self.diagram.menu_wanted.connect(self._on_menu)
        self.table.menu_wanted.connect(self._on_menu)

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
        elif self.canvas is self.view and self.place != EVERYTHING:
            self.view.set_scope(rows_of(evaluation.graph, self.place))
        self.find_bar.refresh()

    def show_selection(self) -> None:
        """Bring what is selected into view."""
        self.view.show_selection()
        self.diagram.show_selection()
        self.table.show_selection()
        self.find_bar.refresh()

    @property
    def title_controls(self) -> tuple[QWidget, ...]:
        """What stands beside the title: back, forward, and where one is."""
        return self.back_button, self.forward_button, self.crumbs

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
        near = self.place
        if near.layer < 0 and self.document.layer is not None:
            near = replace(near, layer=self.document.layer)
        self.go(placed(name, self.document.evaluation, self.document.selection, near))

    def back(self) -> None:
        """Show what was shown before."""
        self._move(-1)

    def forward(self) -> None:
        """Show again what was gone back from."""
        self._move(1)

    def leave(self) -> None:
        """Show what contains the view."""
        self.go(parent(self.place, self.document.evaluation))

    def enter(self) -> None:
        """Show what is one level further inside, where the selection is."""
        place = inner(self.place, self.document.evaluation, self.document.selection)
        if place is None:
            self.refused.emit("This is the innermost view: one operator. Alt+Up leaves it.")
        else:
            self.go(place)

    def end(self) -> None:
        """Drop work that is under way."""
        self.diagram.end()

    def _move(self, step: int) -> None:
        cursor = self._cursor + step
        if 0 <= cursor < len(self._places) and self._is_there(self._places[cursor]):
            self._cursor = cursor
            self._show_place()

    def _is_there(self, place: GraphPlace) -> bool:
        return is_there(place, self.document.evaluation)

    def _show_place(self) -> None:
        place, evaluation = self.place, self.document.evaluation
        had_focus = self.canvas.hasFocus()
        self.crumbs.show_crumbs(crumbs(place, evaluation))
        self.tools.place_view = place.view
        self.back_button.setEnabled(self._cursor > 0)
        self.forward_button.setEnabled(self._cursor < len(self._places) - 1)
        if is_small(evaluation.graph, place):
            self.stack.setCurrentWidget(self.diagram)
            self.diagram.show_place(place)
        elif place.view == "table":
            self.stack.setCurrentWidget(self.table)
        else:
            self._show_lanes(place, evaluation)
        if had_focus:
            self._focus()

    def _show_lanes(self, place: GraphPlace, evaluation: Evaluation) -> None:
        """All operators, or those of one layer and replica alone."""
        self.stack.setCurrentWidget(self.view)
        if place.view == "full":
            self.view.set_scope(None)
            return
        rows = rows_of(evaluation.graph, place)
        self.view.show_evaluation(evaluation)
        self.view.set_scope(rows)
        self.view.frame_rows(rows)

    def _focus(self) -> None:
        self.canvas.setFocus()

    def _on_operator(self, row: int) -> None:
        graph = self.document.evaluation.graph
        self.go(operator_place(graph.kind_name(row), int(graph.layer[row]), int(graph.gpu[row])))

    def _on_node(self, node: ViewNode) -> None:
        place = opened(node, self.place, self.document.evaluation)
        if place is not None:
            self.go(place)

    def _on_missed(self) -> None:
        if self.document.selection.kind in ("operator", "expert", "gpu", "layer"):
            self.show_view(self.place.view)

    def _on_marked(self) -> None:
        """A path is marked in the lanes: show them."""
        if self.canvas is not self.view:
            self.go(EVERYTHING)

    def _on_menu(self, where: QPoint) -> None:
        """What can be done with the selection."""
        menu = selection_menu(self)
        menu.popup(where)

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

    def select_upstream(self) -> None:
        """Select everything that the selection depends on."""
        self._select_reach("upstream")

    def select_downstream(self) -> None:
        """Select everything that depends on the selection."""
        self._select_reach("downstream")

    def _select_reach(self, toward: Toward) -> None:
        chosen = [item for item in self.document.selected if is_in_graph(item)]
        if chosen:
            self.document.select_all([reach(item, toward) for item in chosen])
        else:
            self.refused.emit(SELECT_FIRST)

    def toggle_map(self) -> None:
        """Show the map of the graph, or not."""
        self.view.toggle_map()

    def toggle_order(self) -> None:
        """Draw the order on each stream, or not."""
        self.view.toggle_order()
