"""Operators and edges that are large enough to read, drawn one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from moe_studio.document.graph_filter import Mask
from moe_studio.export.figure import drawn_lines
from moe_studio.graph.column import IntArray
from moe_studio.graph.edge import COMMUNICATION, DATA, ORDER
from moe_studio.graph.operator import OP_KINDS, SHAPES
from moe_studio.gui.dag.coloring import Look
from moe_studio.gui.dag.lanes import Lanes
from moe_studio.gui.dag.link import Links
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.camera import Camera
from moe_studio.units import si_text, significant, time_text
from moe_studio.view.label import Labeller

CENTER = Qt.AlignmentFlag.AlignCenter
STYLES = {DATA: Qt.PenStyle.SolidLine, COMMUNICATION: Qt.PenStyle.DashLine, ORDER: Qt.PenStyle.DotLine}
PATH_WIDTH = 2.6
LINE_HEIGHT = 14.0
FULL_WIDTH, FULL_HEIGHT = 150.0, 58.0
"""Size from which an operator says all: place and time, shapes, and its Get_Time term."""


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
    boxes: dict[int, QRectF] = field(default_factory=dict)

    def box(self, row: int) -> QRectF:
        """The rectangle of an operator."""
        if row not in self.boxes:
            self.find_boxes(np.array([row]))
        return self.boxes[row]

    def find_boxes(self, rows: IntArray) -> None:
        """Find the rectangles of many operators at once, which takes far less than one by one."""
        shown, camera = self.shown, self.camera
        left, wide = (shown.left[rows] - camera.x) * camera.scale_x, shown.width(rows) * camera.scale_x
        side = np.minimum(11.0, wide * 0.09) if self.has_gaps else np.full(len(rows), 0.75)
        edge = min(5.0, camera.scale_y * 0.1)
        top, high = (shown.row[rows] - camera.y) * camera.scale_y + edge, camera.scale_y - 2 * edge
        ends = zip(rows.tolist(), (left + side).tolist(), top.tolist(), (wide - 2 * side).tolist(), strict=True)
        self.boxes.update({row: QRectF(x, y, max(1.0, width), high) for row, x, y, width in ends})


def draw_links(painter: QPainter, brush: Brush, links: Links, mask: Mask | None = None) -> None:
    """Edges: solid for data, dashed for communication, dotted for order; only between operators of ``mask``."""
    theme = brush.theme
    brush.find_boxes(np.concatenate([links.source, links.target]))
    for kind, style in STYLES.items():
        wanted = links.kind == kind
        chosen = np.flatnonzero(wanted if mask is None else wanted & mask[links.source] & mask[links.target])
        ends = zip(links.source[chosen].tolist(), links.target[chosen].tolist(), strict=True)
        lines = [_line(brush, source, target) for source, target in ends]
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


def _line(brush: Brush, source: int, target: int) -> QLineF:
    """From the right end of one operator to the left end of another."""
    start, end = brush.box(source), brush.box(target)
    return QLineF(start.right(), start.center().y(), end.left(), end.center().y())


def _draw_meeting(painter: QPainter, brush: Brush, inputs: IntArray, members: IntArray) -> None:
    """A collective starts when all its inputs are there: the edges meet in one line before it."""
    brush.find_boxes(np.concatenate([inputs, members]))
    ends = [brush.box(row) for row in inputs.tolist()]
    starts = [brush.box(row) for row in members.tolist()]
    if not ends or not starts:
        return
    x = (max(box.right() for box in ends) + min(box.left() for box in starts)) / 2
    ys = [box.center().y() for box in (*ends, *starts)]
    lines = [QLineF(x, min(ys), x, max(ys))]
    lines += [QLineF(box.right(), box.center().y(), x, box.center().y()) for box in ends]
    lines += [QLineF(x, box.center().y(), box.left(), box.center().y()) for box in starts]
    painter.drawLines(lines)


def draw_path(painter: QPainter, brush: Brush) -> None:
    """The longest path as one thick line through its operators."""
    painter.setPen(QPen(brush.theme.color("path"), PATH_WIDTH, c=Qt.PenCapStyle.RoundCap))
    path, shown, camera = brush.shown.path, brush.shown, brush.camera
    edge = camera.from_x(painter.window().width())
    seen = np.flatnonzero((shown.right[path[1:]] >= camera.x) & (shown.left[path[:-1]] <= edge))
    before, after = path[seen], path[seen + 1]
    brush.find_boxes(np.concatenate([before, after]))
    painter.drawLines([_line(brush, a, b) for a, b in zip(before.tolist(), after.tolist(), strict=True)])


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
    theme, box = brush.theme, brush.box(row)
    graph = brush.shown.evaluation.graph
    part, local = graph.part_of(row)
    kind = OP_KINDS[part.body.op[local]]
    is_path = brush.has_path and bool(brush.shown.is_path[row])
    color = brush.look.color(row)
    is_full = brush.look.is_full(row)
    painter.setOpacity(1.0 if is_full or is_selected else 0.25)
    painter.setPen(QPen(theme.color("path") if is_path else color, PATH_WIDTH if is_path else 1.3))
    fill = QColor(color)
    fill.setAlpha(38 if theme.name == "light" else 48)
    painter.setBrush(theme.color("surface"))
    draw_shape(painter, SHAPES[kind.family], box)
    painter.setBrush(fill)
    draw_shape(painter, SHAPES[kind.family], box)
    if is_selected:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("accent"), 2.0))
        painter.drawRoundedRect(box.adjusted(-3.5, -3.5, 3.5, 3.5), 7, 7)
    _draw_text(painter, brush, row, box)
    if is_path and box.width() > 30:
        draw_mark(painter, theme, box)
    painter.setOpacity(1.0)


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


def _draw_text(painter: QPainter, brush: Brush, row: int, box: QRectF) -> None:
    if box.width() < 24 or box.height() < 11:
        return
    if box.width() >= FULL_WIDTH and box.height() >= FULL_HEIGHT:
        part, local = brush.shown.evaluation.graph.part_of(row)
        draw_lines(painter, brush.theme, drawn_lines(brush.labels.node(part, local)), seen_part(painter, box))
        return
    name, detail = operator_texts(brush, row)
    inner = box.adjusted(3, 0, -3, 0)
    has_detail = bool(detail) and box.height() >= 27 and box.width() >= 60
    painter.setFont(ui_font(11 if box.height() >= 15 else 9, is_bold=True))
    painter.setPen(brush.theme.color("text"))
    top = inner.adjusted(0, 1, 0, -inner.height() / 2 + 2) if has_detail else inner
    where = CENTER if not has_detail else Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom
    metrics = painter.fontMetrics()
    painter.drawText(top, where, metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(inner.width())))
    if has_detail:
        painter.setFont(ui_font(9))
        painter.setPen(brush.theme.color("muted"))
        low = inner.adjusted(0, inner.height() / 2 + 1, 0, 0)
        text = painter.fontMetrics().elidedText(detail, Qt.TextElideMode.ElideRight, int(inner.width()))
        painter.drawText(low, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, text)


def seen_part(painter: QPainter, box: QRectF) -> QRectF:
    """The part of a wide box that is in view, so that its text is, too."""
    seen = box.intersected(painter.clipBoundingRect())
    return QRectF(seen.left(), box.top(), seen.width(), box.height()) if seen.width() >= FULL_WIDTH else box


def draw_lines(painter: QPainter, theme: Theme, lines: Sequence[str], box: QRectF) -> None:
    """A name and facts under it, in the middle of ``box``."""
    top = box.center().y() - len(lines) * LINE_HEIGHT / 2
    for number, line in enumerate(lines):
        painter.setFont(ui_font(11 if number == 0 else 10, is_bold=number == 0))
        painter.setPen(theme.color("text" if number == 0 else "muted"))
        text = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, int(box.width() - 8))
        painter.drawText(QRectF(box.left(), top + number * LINE_HEIGHT, box.width(), LINE_HEIGHT), CENTER, text)


def operator_texts(brush: Brush, row: int) -> tuple[str, str]:
    """Name of an operator with its expert, and its size or, on a time axis, its duration."""
    evaluation = brush.shown.evaluation
    part, local = evaluation.graph.part_of(row)
    body = part.body
    kind, expert = OP_KINDS[body.op[local]], int(body.expert[local])
    name = f"E{expert} {kind.name}" if expert >= 0 else kind.name
    if not brush.has_gaps:
        return name, time_text(float(evaluation.duration_s[row]), 3)
    sent = float(body.intra_byte[local] + body.inter_byte[local])
    if kind.is_matmul:
        return name, "×".join(short(float(value[local])) for value in (body.m, body.k, body.n))
    if sent:
        return name, si_text(sent, "B", 3)
    return name, f"[{short(float(body.out_rows[local]))}, {short(float(body.out_width[local]))}]"


def short(value: float) -> str:
    """A dimension in few letters: 640000 is ``640k``; what would not come out exactly stays as it is."""
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 10 * scale and value % (scale / 10) == 0:
            return f"{value / scale:g}{letter}"
    return f"{value:.0f}" if value < 1e6 else significant(value, 4)
