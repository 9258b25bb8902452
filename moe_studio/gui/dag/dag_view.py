"""The operator DAG in lanes: a picture when zoomed out, shapes and edges when there is room to read them."""

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
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
from moe_studio.gui.dag.frame import Room, framed
from moe_studio.gui.dag.lanes import Columns, Lanes, PathKind, lanes
from moe_studio.gui.dag.link import links_between, step_along
from moe_studio.gui.dag.margin import GUTTER, LEFT, Ground, draw_bands, draw_lanes
from moe_studio.gui.dag.raster import picture
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.camera import Camera
from moe_studio.gui.widgets.label import plain_tip
from moe_studio.gui.widgets.legend import Legend
from moe_studio.units import time_text
from moe_studio.view.label import Labeller

MAP_HEIGHT, AXIS, LEGEND = 46, 18, 20
READABLE_WIDTH, READABLE_HEIGHT = 34.0, 13.0
MOST_SHAPES = 900
MOST_MARKS = 300
ZOOM_STEP = 1.0015


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

    def _room(self) -> Room:
        assert self.shown is not None
        area = self._area()
        return Room(width=area.width(), height=area.height(), span=self.shown.span, rows=self.shown.rows)

    def _place(self) -> None:
        """First look: readable shapes at the start of the longest path; on a time axis everything."""
        assert self.shown is not None
        self._is_placed = True
        if self.columns == "time":
            self.fit()
            return
        self.camera = self._room().first()
        first = int(self.shown.row[self.shown.path[0]]) if len(self.shown.path) else 0
        lane = self.shown.lane_of_row(first)
        self._look_at(0, float(self.shown.lane_first[lane]) - 0.3)

    def fit(self) -> None:
        """Bring everything into view."""
        if self.shown is not None:
            self.camera = self._room().whole()
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
        self._is_placed = True
        self.camera = framed(self._room(), self.shown, rows)
        self._look_at(self.camera.x, self.camera.y)

    def _look_at(self, x: float, y: float) -> None:
        """Put a point at the top left, as far as there is something to see."""
        self.camera = self._room().kept(self.camera, x, y)
        self._after_move()

    def _reveal(self, left: float, right: float, row: int, rows: int) -> None:
        """Move as little as needed to see a place."""
        self._look_at(*self._room().revealing(self.camera, left, right, row, rows))

    def _zoom(self, factor: float, at: QPointF) -> None:
        area = self._area()
        self.camera = self._room().zoomed(self.camera, factor, at.x() - area.left(), at.y() - area.top())
        self._after_move()

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
        ground = Ground(
            shown=self.shown,
            camera=camera,
            theme=self.theme,
            area=area,
            size=self.size(),
            columns=self.columns,
            has_path=self.has_path,
            selected=self.document.selected,
        )
        draw_lanes(painter, ground)
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
        draw_bands(painter, ground)
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
