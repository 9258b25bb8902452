"""What stands around the lanes: the axis, the names of nodes and GPUs, measures."""

from collections.abc import Set

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from moe_studio.document.timeline import Timeline
from moe_studio.gui.text import tr
from moe_studio.gui.theme import ui_font
from moe_studio.gui.timeline.layout import tick_step
from moe_studio.gui.timeline.paint import AXIS, CENTER, GUTTER, LEFT, NODE_COLUMN, PATH_LANE, Canvas, draw_diamond
from moe_studio.units import counted, percent_text, time_text

NAME = 13
"""Pixels from the name of one GPU to the next."""


def draw_axis(painter: QPainter, canvas: Canvas) -> None:
    """Ticks of time; far into the schedule they count from a moment that stands at the left."""
    camera, area, theme = canvas.camera, canvas.area, canvas.theme
    low, high = max(0.0, camera.x), min(canvas.shown.span, camera.from_x(area.width()))
    step = tick_step(area.width() / camera.scale_x / max(2.0, area.width() / 96))
    base = 0.0
    if high > 1000 * step:
        base = float(np.floor(low / (100 * step)) * 100 * step)
        digits = int(np.ceil(np.log10(max(high / (100 * step), 10)))) + 1
        painter.setFont(ui_font(11))
        painter.setPen(theme.color("muted"))
        painter.drawText(QRectF(8, 0, GUTTER - 12, AXIS), LEFT, f"{time_text(base, digits)} +")
    painter.setFont(ui_font(11))
    for number in range(int(np.ceil((low - base) / step - 1e-9)), int((high - base) / step + 1e-9) + 1):
        x = area.left() + camera.to_x(base + number * step)
        painter.setPen(theme.color("hairline"))
        painter.drawLine(QLineF(x, AXIS - 5, x, AXIS - 1))
        painter.setPen(theme.color("muted"))
        if area.left() <= x <= area.right() - 52:
            painter.drawText(QRectF(x + 4, 0, 90, AXIS - 1), LEFT, time_text(number * step, 3))


def draw_gutter(painter: QPainter, canvas: Canvas, *, gpus: Set[int], nodes: Set[int]) -> None:
    """Names of nodes and GPUs; ``gpus`` and ``nodes`` are selected."""
    layout, camera, area, theme = canvas.layout, canvas.camera, canvas.area, canvas.theme
    names = canvas.shown.evaluation.graph.node_names
    on_path = set(canvas.shown.evaluation.graph.gpu[canvas.shown.row[canvas.shown.path]].tolist())
    painter.fillRect(QRectF(0, area.top(), GUTTER - 4, area.height()), theme.color("surface"))
    painter.save()
    painter.setClipRect(QRectF(0, area.top(), GUTTER, area.height()))
    free = gpu_free = area.top()
    low, high = camera.y, camera.from_y(area.height())
    for index in np.flatnonzero((layout.node_bottom >= low) & (layout.node_top <= high)).tolist():
        name = names[index]
        top = area.top() + camera.to_y(float(layout.node_top[index]))
        bottom = area.top() + camera.to_y(float(layout.node_bottom[index]))
        painter.fillRect(QRectF(4, top, 2, bottom - top), theme.color("accent" if index in nodes else "handle"))
        if max(top, free) + 13 <= max(bottom, top + 14):
            at = max(top, free)
            _draw_node(painter, canvas, QRectF(9, at, NODE_COLUMN - 9, 14), index, name, is_chosen=index in nodes)
            free = at + 14
        gpu_free = _draw_gpus(painter, canvas, index, on_path, chosen=gpus, free=gpu_free)
    painter.restore()


def _draw_node(painter: QPainter, canvas: Canvas, box: QRectF, index: int, name: str, *, is_chosen: bool) -> None:
    theme, is_folded = canvas.theme, canvas.layout.is_folded[index]
    x, y = box.left() + 4, box.center().y()
    points = ((-2, -4), (3, 0), (-2, 4)) if is_folded else ((-4, -2), (4, -2), (0, 3))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("muted"))
    painter.drawPolygon(QPolygonF([QPointF(x + dx, y + dy) for dx, dy in points]))
    painter.setFont(ui_font(11, is_bold=True))
    painter.setPen(theme.color("accent" if is_chosen else "text"))
    room = box.adjusted(13, 0, 0, 0)
    painter.drawText(room, LEFT, painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(room.width())))


def _draw_gpus(
    painter: QPainter, canvas: Canvas, node: int, on_path: set[int], *, chosen: Set[int], free: float
) -> float:
    """Numbers of a node's GPUs from the height ``free`` on, as far as they have room; returns what is free then."""
    layout, camera, area, theme = canvas.layout, canvas.camera, canvas.area, canvas.theme
    kept = [area.top() + camera.to_y(float(layout.gpu_top[gpu])) for gpu in chosen if gpu < len(layout.gpu_top)]
    gpus = range(*np.searchsorted(layout.node_of_gpu, (node, node + 1)).tolist())
    if layout.is_folded[node]:
        top = area.top() + camera.to_y(float(layout.node_top[node]))
        if top < free:
            return free
        painter.setFont(ui_font(11))
        painter.setPen(theme.color("muted"))
        painter.drawText(
            QRectF(NODE_COLUMN + 4, top, GUTTER - NODE_COLUMN - 8, 14), LEFT, tr(counted(len(gpus), "GPU"))
        )
        return top + 14
    for gpu in gpus:
        top = area.top() + camera.to_y(float(layout.gpu_top[gpu]))
        if top + camera.scale_y < area.top() or top > area.bottom():
            continue
        if gpu in chosen:
            painter.fillRect(QRectF(NODE_COLUMN, top, 3, max(2.0, camera.scale_y)), theme.color("accent"))
        is_path = canvas.has_path and gpu in on_path
        # Beside lanes of few pixels only those that are looked for have a name, the selected ones before all others.
        is_wanted = camera.scale_y >= 5 or is_path
        if top < free - 1 or (gpu not in chosen and (not is_wanted or any(abs(top - y) < NAME for y in kept))):
            continue
        token = "accent" if gpu in chosen else "path_text" if is_path else "muted"
        painter.setFont(ui_font(11, is_bold=token != "muted"))
        painter.setPen(theme.color(token))
        box = QRectF(NODE_COLUMN + 5, top, GUTTER - NODE_COLUMN - 8, min(max(camera.scale_y, 9.0), 20.0))
        painter.drawText(box, LEFT, tr("GPU {gpu}", gpu=gpu))
        free = top + NAME
        if is_path:
            draw_diamond(painter, theme, QPointF(GUTTER - 7, box.center().y()))
    return free


def draw_measure(painter: QPainter, canvas: Canvas, measure: tuple[float, float], bottom: float) -> None:
    """Two lines, the band between them, and how long that is."""
    theme = canvas.theme
    low, high = sorted(measure)
    left, right = canvas.x(low), canvas.x(high)
    band = QColor(theme.color("accent"))
    band.setAlpha(36)
    painter.fillRect(QRectF(left, AXIS, right - left, bottom - AXIS), band)
    painter.setPen(QPen(theme.color("accent"), 1.5))
    for x in (left, right):
        painter.drawLine(QLineF(x, 2, x, bottom))
    text = measure_text(canvas.shown, measure)
    painter.setFont(ui_font(11, is_bold=True))
    width = painter.fontMetrics().horizontalAdvance(text) + 14
    middle = float(np.clip((left + right) / 2, canvas.area.left() + width / 2, canvas.area.right() - width / 2))
    pill = QRectF(middle - width / 2, 1, width, AXIS - 3)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("inverse"))
    painter.drawRoundedRect(pill, 5, 5)
    painter.setPen(theme.color("inverse_text"))
    painter.drawText(pill, CENTER, text)


def measure_text(shown: Timeline, measure: tuple[float, float]) -> str:
    """A measured range in words: ``Δ 1.432 s · 4.7 % of the run time``."""
    seconds = abs(measure[1] - measure[0])
    share = percent_text(seconds / shown.span)
    return tr("Δ {time} · {share} of the run time", time=time_text(seconds), share=share)


def draw_path_title(painter: QPainter, canvas: Canvas) -> None:
    """The name of the lane that the longest path has for itself."""
    painter.setFont(ui_font(11, is_bold=True))
    painter.setPen(canvas.theme.color("path_text"))
    painter.drawText(QRectF(9, AXIS - 1, GUTTER - 24, PATH_LANE - 3), LEFT, tr("Longest path"))
    draw_diamond(painter, canvas.theme, QPointF(GUTTER - 7, AXIS + PATH_LANE / 2 - 2))
