"""The outline: model, cluster and longest path as a tree, a twin of the canvases for keyboard and screen reader."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from moe_studio.document.placing import hosted_experts
from moe_studio.document.selection import Selection, operator_selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.project.design import layers_text
from moe_studio.units import counted, time_text

FIGURE = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
SELECTION = Qt.ItemDataRole.UserRole
Row = tuple[str, str, Selection | None]


class Outline(QTreeWidget):
    """The design as a tree of names and figures.

    Signals:
        chosen: items were chosen; carries their `Selection`s, the current one first.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr("Outline"))
        self.setFont(ui_font(12))
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setIndentation(13)
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # of rack0/node3 the end says most
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._theme = theme
        self._items: dict[Selection, QTreeWidgetItem] = {}
        self._design = self._head("Design")
        self._model = self._head("Model")
        self._cluster = self._head("Cluster")
        self._path = self._head("Longest path")
        self._design.setFirstColumnSpanned(True)
        for item in (self._model, self._cluster):
            item.setExpanded(True)
        self._racks: set[str] = set()
        self._evaluation: Evaluation | None = None
        self.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self.itemSelectionChanged.connect(self._on_selected)
        self.itemExpanded.connect(self._on_expanded)

    def _head(self, title: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem([tr(title), ""])
        item.setFont(0, ui_font(12, is_bold=True))
        item.setTextAlignment(1, FIGURE)
        self.addTopLevelItem(item)
        return item

    def show_evaluation(self, evaluation: Evaluation, layer: int | None) -> None:
        """Show ``evaluation``; GPUs list their experts of ``layer``, or of all layers."""
        self._evaluation = evaluation
        project = evaluation.project
        with QSignalBlocker(self):
            self._design.setText(0, project.name)
            self._design.setData(0, SELECTION, Selection(kind="design"))
            self._items[Selection(kind="design")] = self._design
            self._model.setText(1, tr(counted(project.model.layer_count, "layer")))
            self._fill(self._model, self._layer_rows(evaluation))
            self._cluster.setText(1, tr(counted(project.cluster.gpu_count, "GPU")))
            self._fill_cluster(evaluation, layer)
            self._path.setText(1, f"{len(evaluation.scheduled_path.rows):,}")
            self._path.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
            if self._path.isExpanded():
                self._fill_path()

    def show_selection(self, selected: Sequence[Selection]) -> None:
        """Mark the items of ``selected`` that the outline has; that of the first is the current one."""
        known = [item for selection in selected if (item := self._items.get(selection)) is not None]
        current = self.currentItem()
        is_shown = len(self.selectedItems()) == len(known) and all(item.isSelected() for item in known)
        if is_shown and (not known or current is known[0]):
            return
        with QSignalBlocker(self):
            self.clearSelection()
            if known and (current is None or self._nodes_of_rack(current) != list(selected)):
                # Left to itself Qt looks at the keys that are held: with Ctrl, what was marked would stay so.
                self.setCurrentItem(known[0], 0, QItemSelectionModel.SelectionFlag.NoUpdate)
            for item in known:
                item.setSelected(True)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self._paint_muted(self.invisibleRootItem())

    def _layer_rows(self, evaluation: Evaluation) -> list[Row]:
        spent = evaluation.breakdown.by_layer
        layers = evaluation.project.model.layers
        return [
            (
                tr("Layer {number}" if item.ffn.is_moe else "Dense {number}", number=index),
                time_text(spent[index], 3),
                Selection(kind="layer", layer=index),
            )
            for index, item in enumerate(layers)
        ]

    def _fill_cluster(self, evaluation: Evaluation, layer: int | None) -> None:
        """Racks with their nodes, and nodes with their GPUs; a node in no rack stands by itself."""
        project = evaluation.project
        nodes, held = project.cluster.nodes, hosted_experts(project, layer)
        first = [0, *accumulate(node.gpus for node in nodes)]
        groups: dict[tuple[str, int], list[int]] = {}
        for index, node in enumerate(nodes):
            groups.setdefault((node.rack, -1 if node.rack else index), []).append(index)

        def node_row(index: int) -> Row:
            node = nodes[index]
            name = node.name.removeprefix(f"{node.rack}/")
            return name, f"{node.gpus}", Selection(kind="node", node=index)

        def fill_node(item: QTreeWidgetItem, index: int) -> None:
            gpus = range(first[index], first[index + 1])
            self._fill(item, [(f"GPU {gpu}", experts_text(held[gpu]), Selection(kind="gpu", gpu=gpu)) for gpu in gpus])

        heads = [
            (rack, f"{sum(nodes[index].gpus for index in members)}", None) if rack else node_row(members[0])
            for (rack, _), members in groups.items()
        ]
        for item, ((rack, _), members) in zip(self._fill(self._cluster, heads), groups.items(), strict=True):
            if not rack:
                fill_node(item, members[0])
                continue
            for child, index in zip(self._fill(item, map(node_row, members)), members, strict=True):
                fill_node(child, index)
            if rack not in self._racks:
                item.setExpanded(True)
        self._racks = {rack for rack, _ in groups}

    def _fill_path(self) -> None:
        assert self._evaluation is not None
        evaluation = self._evaluation
        graph, duration = evaluation.graph, evaluation.duration_s
        rows: list[Row] = [
            (graph.name(row), time_text(float(duration[row]), 3), operator_selection(graph, row))
            for row in evaluation.scheduled_path.rows.tolist()
        ]
        self._fill(self._path, rows)

    def _fill(self, parent: QTreeWidgetItem, rows: Iterable[Row]) -> list[QTreeWidgetItem]:
        """Make the children of ``parent`` these rows, touching only what differs; they are returned."""
        filled: list[QTreeWidgetItem] = []
        for name, figure, selection in rows:
            item = parent.child(len(filled))
            if item is None:
                item = QTreeWidgetItem(parent)
                item.setTextAlignment(1, FIGURE)
                item.setForeground(1, self._theme.color("muted"))
            if item.text(0) != name:
                item.setText(0, name)
            if item.text(1) != figure:
                item.setText(1, figure)
            self._bind(item, selection)
            filled.append(item)
        while (gone := parent.child(len(filled))) is not None:
            self._forget(gone)
            parent.removeChild(gone)
        return filled

    def _forget(self, item: QTreeWidgetItem) -> None:
        """Let ``item`` and all below it stand for nothing: they go away together."""
        self._bind(item, None)
        for index in range(item.childCount()):
            child = item.child(index)
            if child is not None:
                self._forget(child)

    def _bind(self, item: QTreeWidgetItem, selection: Selection | None) -> None:
        """Let ``item`` stand for ``selection`` and for nothing else."""
        known = item.data(0, SELECTION)
        if known == selection:
            return
        if self._items.get(known) is item:
            del self._items[known]
        item.setData(0, SELECTION, selection)
        if selection is not None:
            self._items[selection] = item

    def _paint_muted(self, parent: QTreeWidgetItem) -> None:
        for index in range(parent.childCount()):
            child = parent.child(index)
            if child is not None:
                if child.data(1, Qt.ItemDataRole.ForegroundRole) is not None:  # headings have the colour of text
                    child.setForeground(1, self._theme.color("muted"))
                self._paint_muted(child)

    def _on_selected(self) -> None:
        current = self.currentItem()
        items = sorted(self.selectedItems(), key=lambda item: item is not current)
        chosen = [found for item in items for found in (item.data(0, SELECTION), *self._nodes_of_rack(item)) if found]
        if chosen:
            self.chosen.emit(tuple(chosen))

    def _nodes_of_rack(self, item: QTreeWidgetItem) -> list[Selection]:
        """What the row of a rack stands for, as on the canvas; nothing for every other row."""
        if item.parent() is not self._cluster or item.data(0, SELECTION) is not None:
            return []
        return [item.child(index).data(0, SELECTION) for index in range(item.childCount())]  # type: ignore[union-attr]

    def _on_expanded(self, item: QTreeWidgetItem) -> None:
        if item is self._path and self._evaluation is not None:
            with QSignalBlocker(self):
                self._fill_path()


def experts_text(experts: Iterable[int]) -> str:
    """Experts as short text: ``E0``, ``E4 E5``, ``E0–3``; many as their count."""
    numbers = list(experts)
    if len(numbers) <= 2:
        return " ".join(f"E{number}" for number in numbers)
    text = layers_text(numbers).replace("-", "–")
    return f"E{text}" if len(text) < 9 else f"{len(numbers)} experts"
