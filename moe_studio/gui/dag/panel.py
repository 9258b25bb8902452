"""The graph with its tools and its search."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from moe_studio.document.document import Document
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.dag.find_bar import FindBar
from moe_studio.gui.dag.go_to import GoTo
from moe_studio.gui.dag.tools import GraphTools
from moe_studio.gui.theme import Theme


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
        self.find_bar = FindBar(document)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.tools)
        column.addWidget(self.find_bar)
        column.addWidget(self.view, 1)
        self.tools.find_wanted.connect(self.find_operator)
        self.tools.refused.connect(self.refused)
        self.find_bar.kept.connect(self.tools.keep)
        self.find_bar.closed.connect(lambda: self.view.setFocus())

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.document = document
        self.tools.show_everything()
        self.view.set_document(document)
        self.find_bar.set_document(document)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.view.set_theme(theme)

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show ``evaluation``."""
        self.view.show_evaluation(evaluation)
        self.find_bar.refresh()

    def show_selection(self) -> None:
        """Bring what is selected into view."""
        self.view.show_selection()
        self.find_bar.refresh()

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
