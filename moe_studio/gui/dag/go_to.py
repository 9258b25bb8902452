"""Going to any GPU, node, layer, expert or operator of the design by typing a little of its name."""

from PySide6.QtWidgets import QListWidgetItem, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.graph_filter import Target, targets
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.picker import Picker


class GoTo(Picker):
    """A line to type in and the places that fit; what is chosen is selected in every view."""

    def __init__(self, parent: QWidget, document: Document) -> None:
        super().__init__(
            parent,
            title=tr("Go to"),
            hint=tr("GPU 3, layer 2, expert 17, node, or an operator"),
            line_name=tr("Search places"),
            list_name=tr("Places"),
        )
        self.document = document
        self.targets: list[Target] = []
        self._on_text("")

    @override
    def fill(self, text: str) -> None:
        self.targets = targets(self.document.evaluation.graph, text, span=self.document.span)
        for target in self.targets:
            self.list.addItem(QListWidgetItem(f"{target.title}\t{tr(target.detail)}"))

    @override
    def choose(self, place: int) -> None:
        if 0 <= place < len(self.targets):
            self.document.select(self.targets[place].selection)
