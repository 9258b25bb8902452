"""The operator DAG in lanes: what is shown of it, and its painting."""

from collections.abc import Hashable

import numpy as np
from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import (
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.graph_filter import GraphFilter
from moe_studio.document.placing import in_span
from moe_studio.document.selection import operator_row
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.coloring import ColorBy, Look
from moe_studio.gui.dag.content import content
from moe_studio.gui.dag.foot import Foot
from moe_studio.gui.dag.lane_look import LaneLook
from moe_studio.gui.dag.lane_view import LaneView
from moe_studio.gui.dag.lanes import Columns, Lanes, PathKind, lanes
from moe_studio.gui.dag.margin import GUTTER
from moe_studio.gui.dag.paint import Scene, paint_lanes
from moe_studio.gui.dag.stamp import Stamps
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.camera import Camera
from moe_studio.gui.widgets.guard import painting
from moe_studio.view.label import Labeller

AXIS = 18
NO_ROWS: IntArray = np.zeros(0, np.int64)


class LaneCanvas(QWidget):
    """All operators of the design shown, in lanes.

    Signals:
        filtered: another filter is shown.
        restyled: operators are to be drawn in other colours, or other lines.
        path_changed: another kind of longest path is marked; carries it.
    """

    filtered = Signal()
    restyled = Signal()
    path_changed = Signal(str)

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__()
        self.document = document
        self.theme = theme
        self.path_kind: PathKind = "scheduled"
        self.has_path = True
        self.has_order = True
        self.has_map = True
        self.looks = LaneLook()
        self.way = NO_ROWS
        self.lane_view = LaneView(self._on_moved)
        self._labels: Labeller | None = None
        self._way_of: Evaluation | None = None
        self._is_following = False
        self._content: Hashable = None
        self._stamps = Stamps()
        self.foot = Foot(self, theme, self._scene)
        self.map, self.legend, self.state = self.foot.map, self.foot.legend, self.foot.state
        self.map.sought.connect(self.lane_view.look_around)
        self._show_legend()

    def _show_legend(self) -> None:
        self.foot.show_legend(self.look, self.theme, has_path=self.has_path, has_order=self.has_order)
        if self.shown is not None:
            self._arrange()

    # What is shown

    @property
    def shown(self) -> Lanes | None:
        """Where operators stand; None before there is a design."""
        return self.lane_view.shown

    @property
    def columns(self) -> Columns:
        """What columns are: levels or time."""
        return self.lane_view.columns

    @property
    def look(self) -> Look | None:
        """How operators look; None before there is a design."""
        return self.looks.found

    @property
    def filter(self) -> GraphFilter:
        """Which operators are shown in full."""
        return self.looks.filter

    @property
    def camera(self) -> Camera:
        """Which part is seen."""
        return self.lane_view.camera

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.document = document
        self.lane_view.is_placed = False

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.map.forget()
        self._make_look()

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show ``evaluation``; the part in view stays."""
        if self.shown is None or self.shown.evaluation is not evaluation:
            self._show(evaluation)
            self._follow()

    def _follow(self) -> None:
        """An expert that is carried is shown where it would be, and afterwards where it is."""
        is_carried = self.document.is_previewing and self.document.selection.kind == "expert"
        if is_carried or self._is_following:
            self.show_selection()
        self._is_following = is_carried

    def set_columns(self, columns: Columns) -> None:
        """Let columns be levels or time."""
        self.lane_view.columns, self.lane_view.is_placed = columns, False
        self._show(self.document.evaluation)

    def set_path(self, path: PathKind) -> None:
        """Mark the scheduled or the dependency path."""
        if path != self.path_kind:
            self.path_kind = path
            self._show(self.document.evaluation)
            self.path_changed.emit(path)

    def toggle_path(self) -> None:
        """Mark the longest path, or not."""
        self.has_path = not self.has_path
        self.map.forget()
        self._show_legend()
        self.update()
        self.restyled.emit()

    def toggle_order(self) -> None:
        """Draw program order as dotted lines, or not."""
        self.has_order = not self.has_order
        self._show_legend()
        self.update()
        self.restyled.emit()

    def toggle_map(self) -> None:
        """Show the map, or not; small views follow."""
        self.has_map = not self.has_map
        self.map.setVisible(self.has_map)
        self._arrange()
        self.restyled.emit()

    def toggle_legend(self) -> None:
        """Show what the colours mean, or not."""
        self.legend.setVisible(self.legend.isHidden())
        self._arrange()

    def set_scope(self, rows: IntArray | None) -> None:
        """Leave everything else out than these operators; None shows all."""
        self.looks.scope = rows
        self._make_look()

    def set_color_by(self, by: ColorBy) -> None:
        """Colour operators by something else."""
        self.looks.color_by = by
        self._make_look()

    def set_filter(self, chosen: GraphFilter) -> None:
        """Fade or leave out what ``chosen`` does not let through."""
        if chosen != self.filter:
            self.looks.filter = chosen
            self._make_look()
            self.filtered.emit()

    def mark_way(self, rows: IntArray) -> None:
        """Mark another path beside the longest one; without rows none. It is gone with the next change."""
        self.way, self._way_of, self._content = rows, self.document.evaluation, None
        self.update()

    @property
    def own_way(self) -> IntArray:
        """The other path, if it is one of the design shown: rows mean other operators in another one."""
        return self.way if self.shown is not None and self.shown.evaluation is self._way_of else NO_ROWS

    def show_selection(self) -> None:
        """Bring what is selected into view: an operator, an expert, a GPU, a node or a layer."""
        shown, chosen, view = self.shown, self.document.selection, self.lane_view
        if shown is None or not view.is_placed:
            return
        graph = shown.evaluation.graph
        row, rows = operator_row(graph, chosen), self.document.chosen_in(graph).rows
        if row >= 0:
            view.reveal(row)
        elif chosen.kind == "gpu" and 0 <= chosen.gpu < len(shown.lane_first) - 1:
            first, last = shown.lane_first[chosen.gpu : chosen.gpu + 2].tolist()
            view.reveal_rows(self.camera.x, self.camera.x, first, last - first)
        elif chosen.kind == "layer" and len(rows):
            view.look_at(float(shown.left[rows].min()), self.camera.y)
        elif chosen.kind in ("expert", "node") and len(rows):
            rows = self._in_layers_shown(rows)
            view.reveal(int(rows[np.argmin(shown.left[rows])]))
        if self.looks.has_faded or self.document.chosen_in(graph).is_reach:
            self._make_look()
        self.update()

    def _in_layers_shown(self, rows: IntArray) -> IntArray:
        """Those of operators that are in the layers that the cluster shows; all if none are."""
        assert self.shown is not None
        graph, span = self.shown.evaluation.graph, self.document.span
        is_shown = np.array([in_span(number, span) for number in range(graph.project.model.layer_count)])
        inside = rows[is_shown[graph.layer[rows]]]
        return inside if len(inside) else rows

    def _show(self, evaluation: Evaluation) -> None:
        self.lane_view.shown, self.lane_view.area = lanes(evaluation, self.columns, self.path_kind), self._area()
        self._find_look()
        if not self.lane_view.is_placed and self._area().width() > 50:
            self.lane_view.place()
        scene = self._scene()
        before, self._content = self._content, content(scene, self._content) if scene is not None else None
        if self._content is None or self._content != before:
            # The map and the legend below stay as they are.
            self.update(QRectF(0, 0, self.width(), self._area().bottom()).toAlignedRect())
        self.restyled.emit()

    @property
    def labels(self) -> Labeller:
        """What operators say about themselves."""
        evaluation = self.document.evaluation if self.shown is None else self.shown.evaluation
        if self._labels is None or self._labels.evaluation is not evaluation:
            self._labels = Labeller(evaluation, evaluation.graph.name)
        return self._labels

    def _make_look(self) -> None:
        self._find_look()
        self.update()
        self.restyled.emit()

    def _find_look(self) -> None:
        if self.shown is None:
            return
        evaluation = self.shown.evaluation
        self.looks.find(evaluation, self.document.chosen_in(evaluation.graph), self.theme)
        self._show_state()
        if not self.document.is_previewing:
            self.map.forget()
            self._show_legend()

    # Where things are

    def _area(self) -> QRectF:
        """Where lanes are drawn."""
        return QRectF(GUTTER, AXIS, max(1, self.width() - GUTTER), max(1, self.height() - AXIS - self.foot.height))

    def _arrange(self) -> None:
        """Give the map, the legend and the lanes their places."""
        self.foot.arrange(self.width(), self.height())
        known, self.lane_view.area = self.lane_view.area, self._area()
        if self.shown is not None and known != self.lane_view.area:
            if not self.lane_view.is_placed:
                self.lane_view.place()
            self.lane_view.look_at(self.camera.x, self.camera.y)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    # Camera

    def fit(self) -> None:
        """Bring everything into view."""
        self.lane_view.fit()

    def frame_selection(self) -> None:
        """Bring what is selected into view as large as it fits, at a readable size if possible; or everything."""
        if self.shown is None:
            return
        self.frame_rows(self.document.chosen_in(self.shown.evaluation.graph).rows)

    def frame_rows(self, rows: IntArray) -> None:
        """Bring these operators into view, or everything if there are none."""
        self.lane_view.frame(rows)

    def zoom_by(self, factor: float) -> None:
        """Zoom, keeping the middle."""
        if self.shown is not None:
            self.lane_view.zoom(factor, self._area().center())

    def _on_moved(self) -> None:
        self.update()
        self._show_state()

    def _show_state(self) -> None:
        """Say what the filter lets through, else what is in view."""
        look = self.look
        if self.filter.is_empty or look is None or look.mask is None:
            self.state.setText(self.place_text())
        else:
            self.state.setText(f"{tr(self.filter.text())} · {np.count_nonzero(look.mask):,}")

    def place_text(self) -> str:
        """What is in view, in words."""
        return self.lane_view.text()

    # Painting

    def _scene(self) -> Scene | None:
        """What is to be painted, None for nothing."""
        if self.shown is None or self.look is None:
            return None
        return Scene(
            shown=self.shown,
            camera=self.camera,
            theme=self.theme,
            look=self.look,
            labels=self.labels,
            columns=self.columns,
            area=self._area(),
            size=self.size(),
            has_path=self.has_path,
            has_order=self.has_order,
            chosen=self.document.chosen_in(self.shown.evaluation.graph),
            way=self.own_way,
            stamps=self._stamps,
        )

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self, tr("The graph cannot be drawn."), self.theme.color("muted")) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        if (scene := self._scene()) is not None:
            paint_lanes(painter, scene)
