"""The operator DAG in lanes: a picture when zoomed out, shapes and edges when there is room to read them."""

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.graph_filter import EVERYTHING, GraphFilter, filter_mask, selected_rows
from moe_studio.document.selection import operator_row, operator_selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.coloring import ColorBy, Look, coloring
from moe_studio.gui.dag.draw import Brush, draw_links, draw_operator, draw_path, draw_way
from moe_studio.gui.dag.lanes import Columns, Lanes, PathKind, lanes
from moe_studio.gui.dag.link import links_between, step_along
from moe_studio.gui.dag.raster import Camera, picture
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.label import plain_tip
from moe_studio.gui.widgets.legend import Legend
from moe_studio.units import time_text
from moe_studio.view.label import Labeller

GUTTER, MAP_HEIGHT, AXIS, LEGEND = 76, 46, 18, 20
READABLE_WIDTH, READABLE_HEIGHT = 34.0, 13.0
MOST_SHAPES = 900
MOST_MARKS = 300
BAND_ALPHA = 26
MOST_ROW = 84.0
READ_WIDTH, READ_HEIGHT = 180.0, 70.0
"""Column and row in which an operator says all about itself."""
ZOOM_STEP = 1.0015
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


Step = Callable[[int], int]


class DagView(QWidget):
    """All operators of the design shown.

    Signals:
        moved: another part came into view; carries it in words.
        entered: an operator was double-clicked; carries its row.
        filtered: another filter is shown.
        restyled: operators are to be drawn in other colours, or other lines.
    """

    moved = Signal(str)
    entered = Signal(int)
    filtered = Signal()
    restyled = Signal()

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr("Operator graph"))
        self.setAccessibleDescription(tr("Arrows go along edges, brackets along the longest path."))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.document = document
        self.theme = theme
        self.columns: Columns = "level"
        self.path_kind: PathKind = "scheduled"
        self.has_path = True
        self.has_order = True
        self.color_by: ColorBy = "kind"
        self.filter = EVERYTHING
        self.look: Look | None = None
        self.way: IntArray = np.zeros(0, np.int64)
        self.shown: Lanes | None = None
        self.camera = Camera(x=0, y=0, scale_x=1, scale_y=1)
        self._is_placed = False
        self._map: QImage | None = None
        self._drag_from: QPoint | None = None
        self._is_map_drag = False
        self._has_moved = False
        self._labels: Labeller | None = None
        self._way_of: Evaluation | None = None
        self._filtered: tuple[object, GraphFilter] | None = None
        self.legend = Legend()
        self.legend.setParent(self)
        self._show_legend()

    def _show_legend(self) -> None:
        theme = self.theme
        own = self.look.coloring.legend() if self.look is not None else []
        path = [("longest path", theme.color("path"))] if self.has_path else []
        self.legend.show_entries([*path, *own], theme.color("muted"))

    # What is shown

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.document = document
        self._is_placed = False

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self._map = None
        self._make_look()

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show ``evaluation``; the part in view stays."""
        if self.shown is not None and self.shown.evaluation is evaluation:
            return
        self._show(evaluation)

    def set_columns(self, columns: Columns) -> None:
        """Let columns be levels or time."""
        self.columns, self._is_placed = columns, False
        self._show(self.document.evaluation)

    def set_path(self, path: PathKind) -> None:
        """Mark the scheduled or the dependency path."""
        self.path_kind = path
        self._show(self.document.evaluation)

    def toggle_path(self) -> None:
        """Mark the longest path, or not."""
        self.has_path = not self.has_path
        self._map = None
        self._show_legend()
        self.update()
        self.restyled.emit()

    def toggle_order(self) -> None:
        """Draw program order as dotted lines, or not."""
        self.has_order = not self.has_order
        self.update()
        self.restyled.emit()

    def set_color_by(self, by: ColorBy) -> None:
        """Colour operators by something else."""
        self.color_by = by
        self._make_look()

    def set_filter(self, chosen: GraphFilter) -> None:
        """Fade or leave out what ``chosen`` does not let through."""
        if chosen != self.filter:
            self.filter = chosen
            self._make_look()
            self.filtered.emit()

    def mark_way(self, rows: IntArray) -> None:
        """Mark another path beside the longest one; without rows none. It is gone with the next change."""
        self.way, self._way_of = rows, self.document.evaluation
        self.update()

    def show_selection(self) -> None:
        """Bring what is selected into view: an operator, an expert, a GPU, a node or a layer."""
        shown, chosen = self.shown, self.document.selection
        if shown is None or not self._is_placed:
            return
        row = operator_row(shown.evaluation.graph, chosen)
        if row >= 0:
            self._reveal(float(shown.left[row]), float(shown.right[row]), int(shown.row[row]), 1)
        elif chosen.kind == "gpu" and 0 <= chosen.gpu < len(shown.lane_first) - 1:
            first, last = shown.lane_first[chosen.gpu : chosen.gpu + 2].tolist()
            self._reveal(self.camera.x, self.camera.x, first, last - first)
        elif len(rows := selected_rows(shown.evaluation.graph, chosen)):
            first = int(rows[np.argmin(shown.left[rows])])
            if chosen.kind == "layer":
                self._look_at(float(shown.left[first]), self.camera.y)
            else:
                self._reveal(float(shown.left[first]), float(shown.right[first]), int(shown.row[first]), 1)
        self.update()

    def _show(self, evaluation: Evaluation) -> None:
        self.shown = lanes(evaluation, self.columns, self.path_kind)
        self._make_look()
        if not self._is_placed and self._area().width() > 50:
            self._place()
        self.update()

    @property
    def labels(self) -> Labeller:
        """What operators say about themselves."""
        evaluation = self.document.evaluation if self.shown is None else self.shown.evaluation
        if self._labels is None or self._labels.evaluation is not evaluation:
            self._labels = Labeller(evaluation, evaluation.graph.name)
        return self._labels

    def _make_look(self) -> None:
        if self.shown is None:
            return
        evaluation, old = self.shown.evaluation, self.look
        known = old.mask if old is not None and self._filtered == (evaluation.graph, self.filter) else None
        mask = known if known is not None else filter_mask(evaluation.graph, self.filter)
        self._filtered = evaluation.graph, self.filter
        made = coloring(evaluation, self.color_by, self.theme)
        self.look = Look(coloring=made, theme=self.theme, mask=mask, hides=self.filter.hides)
        if not self.document.is_previewing:
            self._map = None
            self._show_legend()
        self.update()
        self.restyled.emit()

    def _area(self) -> QRectF:
        """Where lanes are drawn."""
        return QRectF(
            GUTTER, AXIS, max(1, self.width() - GUTTER), max(1, self.height() - AXIS - MAP_HEIGHT - LEGEND - 8)
        )

    def _map_area(self) -> QRectF:
        return QRectF(GUTTER, self.height() - MAP_HEIGHT - LEGEND - 2, max(1, self.width() - GUTTER - 8), MAP_HEIGHT)

    # Camera

    def _place(self) -> None:
        """First look: readable shapes at the start of the longest path; on a time axis everything."""
        assert self.shown is not None
        self._is_placed = True
        if self.columns == "time":
            self.fit()
            return
        area = self._area()
        across = max(4, round(area.width() / 120))
        scale_y = float(np.clip(area.height() / 10, 30, 42))
        self.camera = Camera(x=0, y=0, scale_x=area.width() / across, scale_y=scale_y)
        first = int(self.shown.row[self.shown.path[0]]) if len(self.shown.path) else 0
        lane = self.shown.lane_of_row(first)
        self._look_at(0, float(self.shown.lane_first[lane]) - 0.3)

    def fit(self) -> None:
        """Bring everything into view."""
        if self.shown is None:
            return
        area = self._area()
        scale_x = area.width() / (self.shown.span * 1.01)
        scale_y = min(40.0, area.height() / max(1, self.shown.rows))
        self.camera = Camera(x=0, y=0, scale_x=scale_x, scale_y=scale_y)
        self._after_move()

    def frame_selection(self) -> None:
        """Bring what is selected into view as large as it fits, at a readable size if possible; or everything."""
        if self.shown is None:
            return
        graph = self.shown.evaluation.graph
        rows = [selected_rows(graph, chosen) for chosen in self.document.selected]
        self.frame_rows(np.concatenate(rows) if rows else np.zeros(0, np.int64))

    def frame_rows(self, rows: IntArray) -> None:
        """Bring these operators into view, or everything if there are none."""
        if not len(rows) or self.shown is None:
            self.fit()
            return
        shown, area = self.shown, self._area()
        self._is_placed = True
        left, right = float(shown.left[rows].min()), float(shown.right[rows].max())
        top, bottom = float(shown.row[rows].min()), float(shown.row[rows].max()) + 1
        width = max(right - left, shown.span * 1e-6)
        scale_x = min(
            READ_WIDTH / float(np.median(shown.right[rows] - shown.left[rows]) or width), 0.9 * area.width() / width
        )
        scale_y = min(READ_HEIGHT, 0.9 * area.height() / (bottom - top))
        self.camera = Camera(
            x=(left + right) / 2 - area.width() / 2 / scale_x,
            y=(top + bottom) / 2 - area.height() / 2 / scale_y,
            scale_x=scale_x,
            scale_y=scale_y,
        )
        self._look_at(self.camera.x, self.camera.y)

    def _look_at(self, x: float, y: float) -> None:
        """Put a point at the top left, as far as there is something to see."""
        assert self.shown is not None
        area = self._area()
        seen_x, seen_y = area.width() / self.camera.scale_x, area.height() / self.camera.scale_y
        slack_x = 0.05 * seen_x
        self.camera = Camera(
            x=max(-slack_x, min(x, self.shown.span - seen_x + slack_x)) if seen_x < self.shown.span else -slack_x / 5,
            y=max(-0.4, min(y, self.shown.rows - seen_y + 0.4)) if seen_y < self.shown.rows else 0.0,
            scale_x=self.camera.scale_x,
            scale_y=self.camera.scale_y,
        )
        self._after_move()

    def _reveal(self, left: float, right: float, row: int, rows: int) -> None:
        """Move as little as needed to see a place."""
        area, camera = self._area(), self.camera
        x, y = camera.x, camera.y
        seen_x, seen_y = area.width() / camera.scale_x, area.height() / camera.scale_y
        if left < x or right > x + seen_x:
            x = left - seen_x * 0.3
        if row < y or row + rows > y + seen_y:
            y = row + rows / 2 - seen_y / 2
        self._look_at(x, y)

    def _zoom(self, factor: float, at: QPointF) -> None:
        assert self.shown is not None
        area, old = self._area(), self.camera
        px, py = at.x() - area.left(), at.y() - area.top()
        least = 0.6 * area.width() / self.shown.span
        scale_x = float(np.clip(old.scale_x * factor, least, 400 * max(1.0, least * 1000)))
        low = min(40.0, area.height() / max(1, self.shown.rows))
        scale_y = float(np.clip(old.scale_y * factor, low, MOST_ROW))
        self.camera = Camera(x=0, y=0, scale_x=scale_x, scale_y=scale_y)
        self._look_at(old.from_x(px) - px / scale_x, old.from_y(py) - py / scale_y)

    def zoom_by(self, factor: float) -> None:
        """Zoom, keeping the middle."""
        self._zoom(factor, self._area().center())

    def _after_move(self) -> None:
        self.update()
        self.moved.emit(self.place_text())

    def place_text(self) -> str:
        """What is in view, in words."""
        if self.shown is None:
            return ""
        area, camera = self._area(), self.camera
        left, right = max(0.0, camera.x), min(self.shown.span, camera.from_x(area.width()))
        if self.columns == "time":
            return tr(f"{time_text(left, 3)} – {time_text(right, 3)} of {time_text(self.shown.span, 3)}")
        return tr(f"levels {int(left) + 1}–{int(np.ceil(right))} of {int(self.shown.span)}")

    # Painting

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            if self.shown is not None:
                self._paint(painter)
        except Exception:
            # Painting is an edge of the program: whatever fails there is reported once and must not stop the rest.
            sys.excepthook(*sys.exc_info())
            painter.resetTransform()
            painter.setPen(self.theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, tr("The graph cannot be drawn."))
        finally:
            # A painter that stays open would crash the next frame in C++.
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        assert self.shown is not None
        area, camera = self._area(), self.camera
        self._paint_lanes(painter)
        painter.save()
        painter.setClipRect(area)
        rows = self.shown.within(camera.x, camera.from_x(area.width()), camera.y, camera.from_y(area.height()))
        width = camera.scale_x if self.columns == "level" else self._median_width(rows)
        is_readable = width >= READABLE_WIDTH and camera.scale_y >= READABLE_HEIGHT and len(rows) <= MOST_SHAPES
        painter.translate(area.topLeft())
        if is_readable:
            self._paint_shapes(painter, rows)
        else:
            self._paint_picture(painter, rows)
        self._paint_bands(painter)
        painter.restore()
        self._paint_map(painter)

    def _median_width(self, rows: IntArray) -> float:
        assert self.shown is not None
        widths = (self.shown.right[rows] - self.shown.left[rows]) * self.camera.scale_x
        wide = widths[widths > 0]
        return float(np.median(wide)) if len(wide) else 0.0

    def _paint_shapes(self, painter: QPainter, rows: IntArray) -> None:
        assert self.shown is not None
        assert self.look is not None
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        brush = Brush(
            shown=self.shown,
            camera=self.camera,
            theme=self.theme,
            look=self.look,
            labels=self.labels,
            has_gaps=self.columns == "level",
            has_path=self.has_path,
        )
        if (mask := self.look.shown) is not None:
            rows = rows[mask[rows]]
        if brush.has_gaps:
            draw_links(painter, brush, links_between(self.shown.evaluation, rows, has_order=self.has_order), mask)
            if self.has_path:
                draw_path(painter, brush)
        draw_way(painter, brush, self._own_way())
        chosen = set(self._marked_rows(rows).tolist())
        # The longest path and the selection are drawn last, over their neighbours.
        order = rows[np.argsort(self.shown.is_path[rows], kind="stable")].tolist()
        for row in order:
            draw_operator(painter, brush, row, is_selected=row in chosen)

    def _own_way(self) -> IntArray:
        """The other path, if it is one of the design shown: rows mean other operators in another one."""
        assert self.shown is not None
        return self.way if self.shown.evaluation is self._way_of else self.way[:0]

    def _paint_bands(self, painter: QPainter) -> None:
        """A tint over selected GPUs, nodes and layers."""
        assert self.shown is not None
        shown, camera, area = self.shown, self.camera, self._area()
        tint = QColor(self.theme.color("accent"))
        tint.setAlpha(BAND_ALPHA)
        nodes = shown.evaluation.project.cluster.node_of_gpu()
        for item in self.document.selected:
            gpus = [item.gpu] if item.kind == "gpu" else np.flatnonzero(np.asarray(nodes) == item.node).tolist()
            for gpu in gpus if item.kind in ("gpu", "node") else []:
                if gpu < len(shown.lane_first) - 1:
                    top, bottom = (camera.to_y(float(first)) for first in shown.lane_first[gpu : gpu + 2])
                    painter.fillRect(QRectF(0, top, area.width(), bottom - top), tint)
            if item.kind == "layer" and len(rows := selected_rows(shown.evaluation.graph, item)):
                left = camera.to_x(float(shown.left[rows].min()))
                right = camera.to_x(float(shown.right[rows].max()))
                painter.fillRect(QRectF(left, 0, right - left, area.height()), tint)

    def _marked_rows(self, rows: IntArray) -> IntArray:
        """Those of ``rows`` that are selected one by one; lanes and layers are marked at the edge."""
        assert self.shown is not None
        graph = self.shown.evaluation.graph
        single = [chosen for chosen in self.document.selected if chosen.kind in ("operator", "expert")]
        mask = np.zeros(len(graph), bool)
        for chosen in single:
            mask[selected_rows(graph, chosen)] = True
        return rows[mask[rows]]

    def _paint_picture(self, painter: QPainter, rows: IntArray) -> None:
        assert self.shown is not None
        assert self.look is not None
        area, camera = self._area(), self.camera
        image = self._image(camera, int(area.width()), int(area.height()))
        painter.drawImage(QPointF(0, 0), image)
        brush = Brush(
            shown=self.shown,
            camera=camera,
            theme=self.theme,
            look=self.look,
            labels=self.labels,
            has_gaps=False,
            has_path=self.has_path,
        )
        draw_way(painter, brush, self._own_way())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self.theme.color("accent"), 2))
        marked = self._marked_rows(rows)
        for row in marked[:MOST_MARKS].tolist():
            x = camera.to_x(float(self.shown.left[row]))
            width = max(3.0, camera.to_x(float(self.shown.right[row])) - x)
            y, height = camera.to_y(float(self.shown.row[row])), max(3.0, camera.scale_y)
            painter.drawRect(QRectF(x - 2, y - 2, width + 4, height + 4))

    def _image(self, camera: Camera, width: int, height: int) -> QImage:
        assert self.shown is not None
        assert self.look is not None
        shown = self.shown if self.has_path else replace(self.shown, path=self.shown.path[:0])
        pixels = picture(
            shown,
            camera,
            width,
            height,
            pixels=self.look.pixels,
            mask=self.look.shown,
            path_color=self.theme.color("path").rgb(),
            ground=self.theme.color("surface").rgb(),
        )
        pixels = np.ascontiguousarray(pixels)
        return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGB32).copy()

    def _paint_lanes(self, painter: QPainter) -> None:
        """GPU numbers beside the lanes, hairlines between them, and the axis on top."""
        assert self.shown is not None
        area, camera, theme = self._area(), self.camera, self.theme
        first = self.shown.lane_of_row(max(0.0, camera.y))
        last = self.shown.lane_of_row(min(self.shown.rows - 1e-6, camera.from_y(area.height())))
        path_gpus = set(self.shown.evaluation.graph.gpu[self.shown.path].tolist()) if self.has_path else set()
        chosen = {item.gpu for item in self.document.selected}
        chosen_nodes = {item.node for item in self.document.selected if item.kind == "node"}
        nodes = self.shown.evaluation.project.cluster.node_of_gpu()
        names = self.shown.evaluation.graph.node_names
        next_free = -100.0
        for gpu in range(first, last + 1):
            top = area.top() + camera.to_y(float(self.shown.lane_first[gpu]))
            bottom = area.top() + camera.to_y(float(self.shown.lane_first[gpu + 1]))
            if bottom - top > 6:
                painter.setPen(theme.color("hairline"))
                line = int(max(top, area.top()))
                painter.drawLine(0, line, self.width(), line)
            if max(top, area.top()) < next_free:
                continue
            is_chosen = gpu in chosen or nodes[gpu] in chosen_nodes
            token = "accent" if is_chosen else "path" if gpu in path_gpus else "muted"
            painter.setFont(ui_font(11, is_bold=token != "muted"))
            painter.setPen(theme.color(token))
            y = max(top, area.top()) + 2
            painter.drawText(QRectF(10, y, GUTTER - 12, 16), LEFT, f"GPU {gpu}")
            next_free = y + 16
            if bottom - y > 34:
                painter.setFont(ui_font(10))
                painter.setPen(theme.color("muted"))
                name = painter.fontMetrics().elidedText(names[nodes[gpu]], Qt.TextElideMode.ElideRight, GUTTER - 14)
                painter.drawText(QRectF(10, y + 15, GUTTER - 12, 14), LEFT, name)
                next_free = y + 30
        painter.fillRect(QRectF(0, 0, self.width(), area.top()), theme.color("surface"))
        painter.fillRect(QRectF(0, area.bottom(), self.width(), self.height()), theme.color("surface"))
        self._paint_axis(painter)

    def _paint_axis(self, painter: QPainter) -> None:
        assert self.shown is not None
        area, camera = self._area(), self.camera
        seen = area.width() / camera.scale_x
        step = nice_step(seen / max(2, area.width() / 110))
        if self.columns == "level":
            step = max(1.0, round(step))
        painter.setFont(ui_font(10))
        painter.setPen(self.theme.color("muted"))
        value = np.ceil(max(0.0, camera.x) / step) * step
        while value <= min(self.shown.span, camera.x + seen):
            x = area.left() + camera.to_x(float(value))
            middle = camera.scale_x / 2 if self.columns == "level" else 0.0
            text = tr(f"level {value + 1:.0f}") if self.columns == "level" else time_text(float(value), 3)
            if x + middle + 30 <= self.width():
                painter.drawText(QRectF(x + middle - 50, 0, 100, AXIS), Qt.AlignmentFlag.AlignCenter, text)
            value += step

    def _paint_map(self, painter: QPainter) -> None:
        """The whole graph in small, with a frame around the part in view."""
        assert self.shown is not None
        where = self._map_area()
        width, height = int(where.width()), int(where.height())
        if self._map is None or self._map.width() != width:
            whole = Camera(x=0, y=0, scale_x=width / self.shown.span, scale_y=height / max(1, self.shown.rows))
            self._map = self._image(whole, width, height)
        painter.drawImage(where.topLeft(), self._map)
        painter.setFont(ui_font(10))
        painter.setPen(self.theme.color("muted"))
        painter.drawText(QRectF(10, where.top(), GUTTER - 12, 14), LEFT, tr("All"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self.theme.color("hairline"))
        painter.drawRect(where)
        area, camera = self._area(), self.camera
        scale_x, scale_y = width / self.shown.span, height / max(1, self.shown.rows)
        frame = QRectF(
            where.left() + camera.x * scale_x,
            where.top() + camera.y * scale_y,
            max(6.0, area.width() / camera.scale_x * scale_x),
            max(6.0, area.height() / camera.scale_y * scale_y),
        ).intersected(where)
        painter.setPen(QPen(self.theme.color("accent"), 1.6))
        painter.drawRect(frame)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._map = None
        self.legend.setGeometry(12, self.height() - LEGEND, max(1, self.width() - 16), LEGEND)
        if self.shown is not None:
            if not self._is_placed:
                self._place()
            self._look_at(self.camera.x, self.camera.y)

    # Pointer

    def _row_at(self, point: QPointF) -> int:
        area = self._area()
        if self.shown is None or not area.contains(point):
            return -1
        x, y = point.x() - area.left(), point.y() - area.top()
        return self.shown.at(self.camera.from_x(x), self.camera.from_y(y))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag_from = event.position().toPoint()
        self._is_map_drag = self._map_area().contains(event.position())
        self._has_moved = False
        if self._is_map_drag:
            self._go_to_map(event.position())

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag_from is None or self.shown is None:
            return
        if self._is_map_drag:
            self._go_to_map(event.position())
            return
        delta = event.position().toPoint() - self._drag_from
        if self._has_moved or delta.manhattanLength() > 4:
            self._has_moved = True
            self._drag_from = event.position().toPoint()
            camera = self.camera
            self._look_at(camera.x - delta.x() / camera.scale_x, camera.y - delta.y() / camera.scale_y)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        was_click = self._drag_from is not None and not self._has_moved and not self._is_map_drag
        self._drag_from = None
        if was_click and self.shown is not None:
            row = self._row_at(event.position())
            if row >= 0:
                chosen = operator_selection(self.shown.evaluation.graph, row)
                adds = event.modifiers() & Qt.KeyboardModifier.ControlModifier
                (self.document.toggle if adds else self.document.select)(chosen)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position())
        if row >= 0:
            self.entered.emit(row)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            steps = delta.y() or delta.x()
            self._look_at(self.camera.x - steps * 0.6 / self.camera.scale_x, self.camera.y)
        else:
            self._zoom(ZOOM_STEP ** (delta.y()), event.position())
        event.accept()

    def _go_to_map(self, point: QPointF) -> None:
        if self.shown is None:
            return
        where, area = self._map_area(), self._area()
        x = (point.x() - where.left()) / where.width() * self.shown.span
        y = (point.y() - where.top()) / where.height() * self.shown.rows
        self._look_at(x - area.width() / self.camera.scale_x / 2, y - area.height() / self.camera.scale_y / 2)

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self.shown is not None:
            row = self._row_at(QPointF(event.pos()))
            if row >= 0:
                node = self.labels.node(*self.shown.evaluation.graph.part_of(row))
                text = " · ".join((*node.lines, f"slack {time_text(node.slack_s)}"))
                QToolTip.showText(event.globalPos(), plain_tip(text), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    # Keys

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.shown is None:
            return
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._step(lambda row: step_along(self.document.evaluation, row, forward=key == Qt.Key.Key_Right))
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._step(lambda row: self._beside(row, -1 if key == Qt.Key.Key_Up else 1))
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self.walk_path(1 if key == Qt.Key.Key_BracketRight else -1)
        elif key == Qt.Key.Key_F:
            self.frame_selection()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            row = operator_row(self.shown.evaluation.graph, self.document.selection)
            if row >= 0:
                self.entered.emit(row)
        elif key == Qt.Key.Key_Home:
            self.fit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom_by(1 / 1.25 if key == Qt.Key.Key_Minus else 1.25)
        else:
            super().keyPressEvent(event)

    def _step(self, way: Step) -> None:
        assert self.shown is not None
        row = operator_row(self.shown.evaluation.graph, self.document.selection)
        after = way(row) if row >= 0 else int(self.shown.path[0])
        self.document.select(operator_selection(self.shown.evaluation.graph, after))

    def _beside(self, row: int, step: int) -> int:
        """The operator above or below that starts nearest."""
        assert self.shown is not None
        wanted = int(self.shown.row[row]) + step
        while 0 <= wanted < self.shown.rows:
            found = np.flatnonzero(self.shown.row == wanted)
            if len(found):
                return int(found[np.argmin(np.abs(self.shown.left[found] - self.shown.left[row]))])
            wanted += step
        return row

    def walk_path(self, step: int) -> None:
        """Select the next or previous operator of the longest path."""
        assert self.shown is not None
        path = self.shown.path.tolist()
        row = operator_row(self.shown.evaluation.graph, self.document.selection)
        index = max(0, min(len(path) - 1, path.index(row) + step)) if row in path else 0
        self.document.select(operator_selection(self.shown.evaluation.graph, path[index]))


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least ``least``."""
    power = 10.0 ** np.floor(np.log10(max(least, 1e-15)))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9)))
