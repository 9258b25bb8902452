"""The schedule by GPU and stream: what is shown of it, and its painting."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection, operator_selection
from moe_studio.document.timeline import operator_sentence
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.timeline.overlay import Overlay, paint_overlay
from moe_studio.gui.timeline.paint import GUTTER, NODE_COLUMN, Canvas, lanes_image
from moe_studio.gui.timeline.viewport import Viewport
from moe_studio.gui.widgets.guard import painting

TRIANGLE = 22
"""Width of the margin in which a click folds a node."""


class TimelineCanvas(QWidget):
    """Bars of all operators by GPU and stream: what is shown of them, and its painting.

    Signals:
        moved: another part came into view.
        read: carries what is under the pointer, in words.
        measuring_changed: whether dragging measures.
    """

    moved = Signal()
    read = Signal(str)
    measuring_changed = Signal(bool)

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__()
        self.setMinimumSize(240, 90)
        self.document = document
        self.theme = theme
        self.has_path = True
        self.is_measuring = False
        self.measure: tuple[float, float] | None = None
        self.viewport: Viewport | None = None
        self._pending: Evaluation | None = None
        self._focus: NDArray[np.bool_] | None = None
        self._image: QImage | None = None
        self._band: tuple[float, float] | None = None
        self._hovered = -1

    # What is shown

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.document = document
        self.viewport, self.measure = None, None
        self._hovered = -1

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self._redraw()

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show ``evaluation``, or remember it until the view is seen; the part in view stays."""
        self._pending = evaluation
        if self.isVisible():
            self._catch_up()

    def _catch_up(self) -> None:
        evaluation, self._pending = self._pending, None
        if evaluation is None:
            return
        if self.viewport is None:
            self.viewport = Viewport(evaluation, (self.width(), self.height()), self._on_moved)
            self._on_moved()
        elif self.viewport.shown.evaluation is not evaluation:
            self.viewport.show(evaluation, keeps_range=self.document.is_previewing)
        self._hovered = -1
        self._find_focus()
        self._redraw()

    def show_selection(self) -> None:
        """Mark what is selected, and bring an operator into view."""
        if self.viewport is None or not self.isVisible():
            return
        self._find_focus()
        place = self._chosen
        if place >= 0:
            self.viewport.reveal(place)
            if self.is_measuring and self.measure is not None:
                self.measure = (self.measure[0], float(self.viewport.shown.finish[place]))
        self.update()

    def _find_focus(self) -> None:
        """Operators of a selected layer, expert or reach, or of several things, stand out; all others fade."""
        assert self.viewport is not None
        had_focus, self._focus = self._focus is not None, None
        places = self._standing_out()
        if len(places):
            self._focus = np.zeros(len(self.viewport.shown.row), bool)
            self._focus[places] = True
        if had_focus or self._focus is not None:
            self._redraw()

    def _standing_out(self) -> IntArray:
        """Places of the operators of several selected things, or of one that is more than an operator."""
        assert self.viewport is not None
        shown, document = self.viewport.shown, self.document
        if len(document.selected) > 1:
            return shown.place[document.chosen_in(shown.evaluation.graph).rows]
        if document.selection.kind in ("layer", "expert", "reach"):
            return shown.matching(document.selection)
        return np.zeros(0, np.int64)

    @property
    def _chosen(self) -> int:
        """Place of the selected operator, -1 for none."""
        return self.viewport.chosen(self.document.selection) if self.viewport is not None else -1

    # Verbs

    def toggle_path(self) -> None:
        """Mark the longest path, or not."""
        self.has_path = not self.has_path
        self._redraw()

    def fold_all(self, is_folded: bool) -> None:
        """Show every node as one lane, or all GPUs."""
        if self.viewport is not None:
            self.viewport.fold(set(range(len(self.viewport.layout.node_top))) if is_folded else set())

    def fold(self, node: int) -> None:
        """Show a node's GPUs as one lane, or each again."""
        if self.viewport is not None:
            self.viewport.fold(self.viewport.folded ^ {node})

    def fit(self) -> None:
        """Bring everything into view."""
        if self.viewport is not None:
            self.viewport.fit()

    def pan(self, dx: float, dy: float) -> None:
        """Move by so many pixels."""
        if self.viewport is not None:
            self.viewport.pan(dx, dy)

    def zoom_by(self, factor: float) -> None:
        """Zoom the time."""
        if self.viewport is not None:
            self.viewport.zoom_about(factor, self._chosen)

    def zoom_to(self, first: float, last: float) -> None:
        """Show a range of time."""
        if self.viewport is not None:
            self.viewport.zoom_to(first, last)

    def frame_selection(self) -> None:
        """Bring the selection into view at a readable size, or everything."""
        if self.viewport is not None:
            self.viewport.frame(self.document.selection)

    def walk_path(self, step: int) -> None:
        """Select the next or previous operator of the longest path."""
        if self.viewport is not None:
            path, place = self.viewport.shown.path.tolist(), self._chosen
            index = max(0, min(len(path) - 1, path.index(place) + step)) if place in path else 0
            self._select(path[index])

    def set_measuring(self, is_measuring: bool) -> None:
        """Let dragging measure; begins with the selected operator."""
        if is_measuring == self.is_measuring:
            return
        self.is_measuring, self.measure = is_measuring, None
        place = self._chosen
        if is_measuring and place >= 0 and self.viewport is not None:
            shown = self.viewport.shown
            self.measure = (float(shown.start[place]), float(shown.finish[place]))
        self.setCursor(Qt.CursorShape.CrossCursor if is_measuring else Qt.CursorShape.ArrowCursor)
        self.measuring_changed.emit(is_measuring)
        self.update()

    def show_measure(self, measure: tuple[float, float] | None) -> None:
        """Measure between two moments, or nothing."""
        self.measure = measure
        self.update()

    def show_band(self, band: tuple[float, float] | None) -> None:
        """Show the range that a drag would zoom to."""
        self._band = band
        self.update()

    def snapped(self, point: QPointF) -> float:
        """The moment under a pixel, or the start or end of an operator close by."""
        return self.viewport.snapped(point) if self.viewport is not None else 0.0

    def click(self, point: QPointF, *, adds: bool = False) -> None:
        """Select what is at a pixel, beside what is selected if it ``adds``; the triangle of a node folds it."""
        if self.viewport is None:
            return
        place = self.viewport.place_at(point)
        if place >= 0:
            self._select(place, adds=adds)
        elif point.x() < GUTTER and point.y() >= self.viewport.area.top():
            height, layout = self.viewport.height_at(point), self.viewport.layout
            node, gpu = layout.node_at(height), layout.gpu_at(height)
            if node >= 0 and point.x() < TRIANGLE:
                self.fold(node)
            elif node >= 0 and (point.x() < NODE_COLUMN or gpu < 0):
                self.document.choose(Selection(kind="node", node=node), adds=adds)
            elif gpu >= 0:
                self.document.choose(Selection(kind="gpu", gpu=gpu), adds=adds)

    def _select(self, place: int, *, adds: bool = False) -> None:
        assert self.viewport is not None
        shown = self.viewport.shown
        self.document.choose(operator_selection(shown.evaluation.graph, int(shown.row[place])), adds=adds)
        self.read.emit(operator_sentence(shown, place))

    # Painting

    def _on_moved(self) -> None:
        self._redraw()
        self.moved.emit()

    def _redraw(self) -> None:
        self._image = None
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self.viewport is None:
            return
        canvas = Canvas(
            shown=self.viewport.shown,
            layout=self.viewport.layout,
            camera=self.viewport.camera,
            theme=self.theme,
            area=self.viewport.area,
            has_path=self.has_path,
        )
        with painting(self, tr("The timeline cannot be drawn."), self.theme.color("muted")) as painter:
            if self._image is None or self._image.devicePixelRatio() != self.devicePixelRatioF():
                self._image = lanes_image(canvas, self.size(), self.devicePixelRatioF(), self._focus)
            painter.drawImage(QPointF(0, 0), self._image)
            paint_overlay(painter, canvas, self._overlay(), QRectF(self.rect()))

    def _overlay(self) -> Overlay:
        return Overlay(
            selected=self.document.selected,
            hovered=self._hovered,
            chosen=self._chosen,
            # A range that is being drawn hides the measure: their words would lie on each other.
            band=self._band or self.measure,
            has_focus=self.hasFocus(),
        )

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        if self.viewport is not None:
            self.viewport.resize(self.width(), self.height())

    @override
    def showEvent(self, event: QShowEvent) -> None:
        self._catch_up()
        if self.viewport is not None:
            self._find_focus()
