"""Operators and edges that are large enough to read, drawn one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from moe_studio.document.graph_filter import Mask
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.edge import COMMUNICATION, DATA, ORDER
from moe_studio.graph.operator import OP_KINDS, SHAPES
from moe_studio.gui.dag.coloring import Look
from moe_studio.gui.dag.lanes import Lanes
from moe_studio.gui.dag.link import Links
from moe_studio.gui.dag.node_text import draw_node_text, fitting_lines, node_lines
from moe_studio.gui.dag.stamp import Stamps
from moe_studio.gui.theme import Theme, mixed, ui_font
from moe_studio.gui.widgets.camera import Camera
from moe_studio.view.label import Labeller

CENTER = Qt.AlignmentFlag.AlignCenter
STYLES = {DATA: Qt.PenStyle.SolidLine, COMMUNICATION: Qt.PenStyle.DashLine, ORDER: Qt.PenStyle.DotLine}
PATH_WIDTH = 2.6
FADED = 0.35
TINT = {"light": 0.15, "dark": 0.19}
"""How much of its colour an operator is filled with, by theme."""

LINE_HEIGHT = 14.0
WIDE = 150.0
"""Width from which a part of a box that is in view has room for its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brush:
    """What drawing needs: where we look, and how it looks. ``has_gaps``: room between columns for edges."""

    shown: Lanes
    camera: Camera
    theme: Theme
    look: Look
    labels: Labeller
    has_gaps: bool
    has_path: bool
    stamps: Stamps = field(default_factory=Stamps)
    boxes: dict[int, QRectF] = field(default_factory=dict)

    def box(self, row: int) -> QRectF:
        """The rectangle of an operator."""
        if row not in self.boxes:
            self.find_boxes(np.array([row]))
        return self.boxes[row]

    def find_boxes(self, rows: IntArray) -> None:
        """Find the rectangles of many operators at once, which takes far less than one by one."""
        left, right, middle = self.ends(rows)
        high = self._high
        corners = zip(rows.tolist(), left.tolist(), right.tolist(), (middle - high / 2).tolist(), strict=True)
        self.boxes.update({row: QRectF(x, top, end - x, high) for row, x, end, top in corners})

    def ends(self, rows: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Pixels of the left end, the right end, and the middle line of operators; shape (rows,) each.

        Frames stand in the middle of pixels, so that they are sharp, and operators that look alike do so to the pixel.
        """
        shown, camera = self.shown, self.camera
        left, wide = (shown.left[rows] - camera.x) * camera.scale_x, shown.width(rows) * camera.scale_x
        side = np.minimum(11.0, wide * 0.09) if self.has_gaps else np.full(len(rows), 0.75)
        left = np.floor(left + side) + 0.5 if self.has_gaps else left + side
        top = (shown.row[rows].astype(np.float64) - camera.y) * camera.scale_y + self._edge
        return left, left + np.maximum(1.0, wide - 2 * side), np.floor(top) + 0.5 + self._high / 2

    @property
    def _edge(self) -> float:
        return min(5.0, self.camera.scale_y * 0.1)

    @property
    def _high(self) -> float:
        return self.camera.scale_y - 2 * self._edge


def draw_links(painter: QPainter, brush: Brush, links: Links, mask: Mask | None = None) -> None:
    """Edges: solid for data, dashed for communication, dotted for order; only between operators of ``mask``."""
    theme = brush.theme
    for kind, style in STYLES.items():
        wanted = links.kind == kind
        chosen = np.flatnonzero(wanted if mask is None else wanted & mask[links.source] & mask[links.target])
        lines = _lines(painter, brush, links.source[chosen], links.target[chosen])
        color = QColor(theme.color("muted") if kind != COMMUNICATION else theme.family("communication"))
        color.setAlpha(110 if kind == ORDER else 190)
        painter.setPen(QPen(color, 1.1, style))
        painter.drawLines(lines)
    color = QColor(theme.family("communication"))
    color.setAlpha(200)
    painter.setPen(QPen(color, 1.1, Qt.PenStyle.DashLine))
    for inputs, members in links.meetings:
        if mask is not None:
            inputs, members = inputs[mask[inputs]], members[mask[members]]
        _draw_meeting(painter, brush, inputs, members)


def _lines(painter: QPainter, brush: Brush, source: IntArray, target: IntArray) -> list[QLineF]:
    """From the right ends of operators to the left ends of others; those that cannot be seen are left out."""
    _, x, y = brush.ends(source)
    to_x, _, to_y = brush.ends(target)
    seen = painter.clipBoundingRect().adjusted(-PATH_WIDTH, -PATH_WIDTH, PATH_WIDTH, PATH_WIDTH)
    is_across = (np.maximum(x, to_x) >= seen.left()) & (np.minimum(x, to_x) <= seen.right())
    is_down = (np.maximum(y, to_y) >= seen.top()) & (np.minimum(y, to_y) <= seen.bottom())
    points = np.stack([x, y, to_x, to_y])[:, is_across & is_down]
    return [QLineF(*ends) for ends in points.T.tolist()]


def _draw_meeting(painter: QPainter, brush: Brush, inputs: IntArray, members: IntArray) -> None:
    """A collective starts when all its inputs are there: the edges meet in one line before it."""
    if not len(inputs) or not len(members):
        return
    _, ends, y = brush.ends(inputs)
    starts, _, to_y = brush.ends(members)
    x = float(ends.max() + starts.min()) / 2
    low, high = float(min(y.min(), to_y.min())), float(max(y.max(), to_y.max()))
    seen = painter.clipBoundingRect()
    lines = [QLineF(x, low, x, high)]
    for edges, heights in ((ends, y), (starts, to_y)):
        near = (heights >= seen.top() - 1) & (heights <= seen.bottom() + 1)
        lines += [
            QLineF(edge, at, x, at) for edge, at in zip(edges[near].tolist(), heights[near].tolist(), strict=True)
        ]
    painter.drawLines(lines)


def draw_path(painter: QPainter, brush: Brush) -> None:
    """The longest path as one thick line through its operators."""
    painter.setPen(QPen(brush.theme.color("path"), PATH_WIDTH, c=Qt.PenCapStyle.RoundCap))
    path = brush.shown.path
    painter.drawLines(_lines(painter, brush, path[:-1], path[1:]))


def draw_way(painter: QPainter, brush: Brush, rows: IntArray) -> None:
    """Another path beside the longest one: dashed, so that it is told apart without its colour."""
    if len(rows) < 2:
        return
    pen = QPen(brush.theme.color("accent"), PATH_WIDTH, Qt.PenStyle.DashLine, c=Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    shown, camera = brush.shown, brush.camera
    x = (shown.left[rows] + shown.right[rows]) / 2
    edge = camera.from_x(painter.window().width())
    seen = np.flatnonzero((x[1:] >= camera.x) & (x[:-1] <= edge))
    centers = [
        QPointF(camera.to_x(float(x[i])), camera.to_y(float(shown.row[rows[i]]) + 0.5)) for i in range(len(rows))
    ]
    painter.drawLines([QLineF(centers[i], centers[i + 1]) for i in seen.tolist()])


def draw_operator(painter: QPainter, brush: Brush, row: int, *, is_selected: bool) -> None:
    """One operator: its shape by family, its name, and its size where there is room."""
    box = brush.box(row)
    part, local = brush.shown.evaluation.graph.part_of(row)
    shape, seen = SHAPES[OP_KINDS[part.body.op[local]].family], seen_part(painter, box)
    lines = tuple(node_lines(brush.shown, row, is_time=not brush.has_gaps))
    face = Face(
        shape=shape,
        color=brush.look.color(row).rgb(),
        texts=fitting_lines(lines, seen.width(), seen.height(), shape),
        is_path=brush.has_path and bool(brush.shown.is_path[row]),
        is_full=is_selected or brush.look.is_full(row),
        is_selected=is_selected,
    )
    look = face, brush.theme.name, seen.left() - box.left(), seen.width()
    brush.stamps.draw(painter, box, look, lambda on: _draw_face(on, brush.theme, face, box, seen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """How an operator looks, apart from its place and its size."""

    shape: str
    color: int
    texts: tuple[str, ...]
    is_path: bool
    is_full: bool
    is_selected: bool


def _draw_face(painter: QPainter, theme: Theme, face: Face, box: QRectF, seen: QRectF) -> None:
    """An operator, with its text in the part of it that is ``seen``."""
    color = QColor.fromRgb(face.color)
    painter.setOpacity(1.0 if face.is_full else FADED)
    painter.setPen(QPen(theme.color("path") if face.is_path else color, PATH_WIDTH if face.is_path else 1.3))
    painter.setBrush(face_color(theme, color))
    draw_shape(painter, face.shape, box)
    if face.is_selected:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("accent"), 2.0))
        painter.drawRoundedRect(box.adjusted(-3.5, -3.5, 3.5, 3.5), 7, 7)
    draw_node_text(painter, theme, face.texts, seen)
    if face.is_path and box.width() > 30:
        draw_mark(painter, theme, box)
    painter.setOpacity(1.0)


def face_color(theme: Theme, color: QColor) -> QColor:
    """What an operator of a colour is filled with: mostly the ground, which its texts are read on."""
    return mixed(color, theme.color("surface"), TINT[theme.name])


def draw_shape(painter: QPainter, shape: str, box: QRectF) -> None:
    """A box for computing, an ellipse for communicating, a parallelogram for routing."""
    if shape == "ellipse":
        painter.drawEllipse(box)
    elif shape == "parallelogram":
        lean = min(12.0, box.width() * 0.15)
        points = (
            QPointF(box.left() + lean, box.top()),
            QPointF(box.right(), box.top()),
            QPointF(box.right() - lean, box.bottom()),
            QPointF(box.left(), box.bottom()),
        )
        painter.drawPolygon(QPolygonF(list(points)))
    else:
        painter.drawRoundedRect(box, 5, 5)


def draw_mark(painter: QPainter, theme: Theme, box: QRectF) -> None:
    """A diamond on what belongs to the longest path, for those who cannot tell its colour."""
    x, y, r = box.center().x(), box.top(), 4.0
    painter.setPen(QPen(theme.color("surface"), 1.2))
    painter.setBrush(theme.color("path"))
    painter.drawPolygon(QPolygonF([QPointF(x - r, y), QPointF(x, y - r), QPointF(x + r, y), QPointF(x, y + r)]))


def seen_part(painter: QPainter, box: QRectF) -> QRectF:
    """The part of a wide box that is in view, so that its text is, too."""
    seen = box.intersected(painter.clipBoundingRect())
    return QRectF(seen.left(), box.top(), seen.width(), box.height()) if seen.width() >= WIDE else box


def draw_lines(painter: QPainter, theme: Theme, lines: Sequence[str], box: QRectF) -> None:
    """A name and facts under it, in the middle of ``box``."""
    top = box.center().y() - len(lines) * LINE_HEIGHT / 2
    for number, line in enumerate(lines):
        painter.setFont(ui_font(11 if number == 0 else 10, is_bold=number == 0))
        painter.setPen(theme.color("text" if number == 0 else "muted"))
        text = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, int(box.width() - 8))
        painter.drawText(QRectF(box.left(), top + number * LINE_HEIGHT, box.width(), LINE_HEIGHT), CENTER, text)
