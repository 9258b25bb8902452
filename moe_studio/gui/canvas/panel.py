"""The canvas with what belongs to it: layers and scope in its title row, the palette of devices below."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.placing import Span
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.traffic_matrix import WHATS
from moe_studio.gui.canvas.cluster_view import ClusterView
from moe_studio.gui.canvas.layer_range import LayerRange
from moe_studio.gui.canvas.palette import DevicePalette
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.choice import ChoiceBox
from moe_studio.gui.widgets.panel import panel, toggle

WHAT_TEXTS = {"both": "Dispatch + combine", "dispatch": "Dispatch", "combine": "Combine"}


TITLE_ROOM = 116
"""What the title takes, with the gaps between the controls beside it."""


class ClusterPanel(QWidget):
    """The cluster canvas as a card.

    Signals:
        layers_chosen: other layers shall be shown and edited; carries a `Span`.
    """

    layers_chosen = Signal(object)

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__()
        self.view = ClusterView(document, theme)
        self.layers = LayerRange(theme)
        self.palette_row = DevicePalette()
        self.replica = toggle(tr("This replica only"), tr("Drags change the replica of the expert only, not all alike"))
        self.traffic = toggle(tr("Traffic"), tr("Bytes that dispatch and combine send between nodes and GPUs (T)"))
        self.what = ChoiceBox()
        self.what.setAccessibleName(tr("Traffic of"))
        self.what.addItems([tr("Both") if name == "both" else tr(WHAT_TEXTS[name]) for name in WHATS])
        self.what.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.what.setMinimumContentsLength(8)
        self.what.hide()
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self.palette_row)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(panel(tr("Cluster"), body, self.layers, self.replica, self.what, self.traffic))
        self._connect()

    def _connect(self) -> None:
        self.layers.chosen.connect(self.layers_chosen)
        self.layers.refused.connect(self.view.refused)
        self.replica.clicked.connect(self.view.toggle_one_replica)
        self.traffic.clicked.connect(self.view.toggle_traffic)
        self.what.activated.connect(lambda index: self.view.show_traffic_of(WHATS[index]))
        self.view.switched.connect(self._on_switched)
        self.palette_row.chosen.connect(lambda device, gpus: self.view.verbs.add(device, gpus or 1))
        self.palette_row.preset_chosen.connect(lambda name: self.view.verbs.use_preset(name))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        """Without room for the slider the field, which does all that it does, is there alone; one layer needs none."""
        slider = self.layers.slider
        others = (item for item in (self.replica, self.what, self.traffic) if not item.isHidden())
        least = self.layers.field.maximumWidth() + slider.minimumSizeHint().width()
        needed = TITLE_ROOM + least + sum(item.sizeHint().width() for item in others)
        slider.setVisible(slider.count > 1 and needed <= self.width())

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.view.set_theme(theme)
        self.layers.set_theme(theme)

    def show_evaluation(self, evaluation: Evaluation, span: Span) -> None:
        """Show what the document shows."""
        self.layers.show_span(span, evaluation.project.model.layer_count)
        self._offer(self.replica, evaluation.project.parallel.dp > 1)
        self._fold()
        self.view.show_evaluation(evaluation)

    def _on_switched(self) -> None:
        self.replica.setChecked(self.view.is_one_replica)
        self.traffic.setChecked(self.view.traffic.is_on)
        self._offer(self.what, self.view.traffic.is_on)
        self._fold()

    def _offer(self, control: QWidget, is_shown: bool) -> None:
        """Show a control of the title row, or not. The slider makes room first: Qt widens the row at once."""
        if is_shown and control.isHidden():
            self.layers.slider.hide()
        control.setVisible(is_shown)
