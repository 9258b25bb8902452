"""The timeline with its scroll bars, its switches, and a line that reads what is under the pointer."""

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollBar, QWidget

from moe_studio.document.document import Document
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.timeline.timeline_view import TimelineView
from moe_studio.gui.widgets.label import ElidedLabel
from moe_studio.gui.widgets.panel import toggle

STEPS = 10_000
"""Steps of a scroll bar over all that there is."""

HINT = "The wheel zooms the time, with Ctrl the rows. Drag on the axis to measure. Click to select in every view."


class TimelinePanel(QWidget):
    """A `TimelineView` and what belongs around it."""

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__()
        self.view = TimelineView(document, theme)
        self.readout = ElidedLabel(tr(HINT), "fact")
        self.fold = toggle("Fold nodes", "Show each node as one lane")
        self.measure = toggle("Measure", "Measure between two moments (M)")
        self.across = QScrollBar(Qt.Orientation.Horizontal)
        self.down = QScrollBar(Qt.Orientation.Vertical)
        self.across.setAccessibleName(tr("Time in view"))
        self.down.setAccessibleName(tr("GPUs in view"))
        self._is_following = False
        self._build()
        self.view.moved.connect(self._on_moved)
        self.view.read.connect(lambda text: self.readout.setText(tr(text or HINT)))
        self.view.measuring_changed.connect(self.measure.setChecked)
        self.fold.toggled.connect(self.view.fold_all)
        self.measure.toggled.connect(self.view.set_measuring)
        self.across.valueChanged.connect(self._on_scrolled)
        self.down.valueChanged.connect(self._on_scrolled)

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(14, 2, 14, 2)
        head.addWidget(self.readout, 1)
        head.addWidget(self.fold)
        head.addWidget(self.measure)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 4, 4)
        grid.setSpacing(0)
        grid.addLayout(head, 0, 0, 1, 2)
        grid.addWidget(self.view, 1, 0)
        grid.addWidget(self.down, 1, 1)
        grid.addWidget(self.across, 2, 0)
        grid.setRowStretch(1, 1)
        grid.setColumnStretch(0, 1)

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.view.set_document(document)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.view.set_theme(theme)

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show ``evaluation`` as soon as it is seen."""
        self.view.show_evaluation(evaluation)

    def show_selection(self) -> None:
        """Mark what is selected."""
        self.view.show_selection()

    def _on_moved(self) -> None:
        """Let the scroll bars say which part is in view."""
        viewport = self.view.viewport
        if viewport is None:
            return
        camera, (width, height) = viewport.camera, viewport.size
        with QSignalBlocker(self.fold):
            self.fold.setChecked(viewport.is_folded)
        self._is_following = True
        for bar, first, seen, whole in (
            (self.across, camera.x, width / camera.scale_x, viewport.shown.span),
            (self.down, camera.y, height / camera.scale_y, viewport.layout.height),
        ):
            share = min(1.0, seen / whole)
            bar.setPageStep(max(1, round(share * STEPS)))
            bar.setSingleStep(max(1, bar.pageStep() // 10))
            bar.setRange(0, STEPS - bar.pageStep())
            bar.setValue(round(first / whole * STEPS))
            # Where all is in view, the lanes get the room.
            bar.setVisible(bar.pageStep() < STEPS)
        self._is_following = False

    def _on_scrolled(self) -> None:
        viewport = self.view.viewport
        if self._is_following or viewport is None:
            return
        camera = viewport.camera
        x = self.across.value() / STEPS * viewport.shown.span
        y = self.down.value() / STEPS * viewport.layout.height
        bar = self.sender()
        dx = (x - camera.x) * camera.scale_x if bar is self.across else 0.0
        dy = (y - camera.y) * camera.scale_y if bar is self.down else 0.0
        self.view.pan(dx, dy)
