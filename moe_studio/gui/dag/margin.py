"""What stands around the operators in the lanes: names of GPUs, the axis, and tints of what is selected."""

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter

from moe_studio.document.chosen import selected_rows
from moe_studio.document.selection import Selection
from moe_studio.gui.dag.lanes import Columns, Lanes
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.camera import Camera
from moe_studio.units import time_text

GUTTER = 76
NAME_HEIGHT = 18
"""Pixels of a lane at the edge of the view that its name needs; with fewer it has none, and at the top makes room."""

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
BAND_ALPHA = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What is drawn around: ``area`` is where operators are, ``size`` that of the whole view."""

    shown: Lanes
    camera: Camera
    theme: Theme
    area: QRectF
    size: QSize
    columns: Columns
    has_path: bool
    selected: tuple[Selection, ...]


def draw_lanes(painter: QPainter, ground: Ground) -> list[int]:
    """GPU numbers beside the lanes, hairlines between them, and the axis on top; returns the GPUs that are named."""
    area, camera, shown, theme = ground.area, ground.camera, ground.shown, ground.theme
    first = shown.lane_of_row(max(0.0, camera.y))
    last = shown.lane_of_row(min(shown.rows - 1e-6, camera.from_y(area.height())))
    path_gpus = set(shown.evaluation.graph.gpu[shown.path].tolist()) if ground.has_path else set()
    chosen = _chosen_gpus(ground)
    next_free, named = -100.0, []
    for gpu in range(first, last + 1):
        top, bottom = (area.top() + camera.to_y(float(row)) for row in shown.lane_first[gpu : gpu + 2])
        y = max(top, area.top())
        if bottom - top > 6:
            painter.setPen(theme.color("hairline"))
            painter.drawLine(0, int(y), ground.size.width(), int(y))
        is_sliver = (top < area.top() and bottom - y < NAME_HEIGHT) or area.bottom() - y < NAME_HEIGHT
        if y >= next_free and not is_sliver:
            token = "accent" if gpu in chosen else "path_text" if gpu in path_gpus else "muted"
            next_free = _draw_name(painter, ground, gpu, token, y + 2, bottom)
            named.append(gpu)
    painter.fillRect(QRectF(0, 0, ground.size.width(), area.top()), theme.color("surface"))
    below = QRectF(0, area.bottom(), ground.size.width(), ground.size.height())
    painter.fillRect(below, theme.color("surface"))
    _draw_axis(painter, ground)
    return named


def _chosen_gpus(ground: Ground) -> set[int]:
    """GPUs that are selected, by themselves, by something on them, or with their node."""
    chosen = {item.gpu for item in ground.selected}
    for item in ground.selected:
        if item.kind == "node":
            nodes = np.asarray(ground.shown.evaluation.project.cluster.node_of_gpu())
            chosen.update(np.flatnonzero(nodes == item.node).tolist())
    return chosen


def _draw_name(painter: QPainter, ground: Ground, gpu: int, token: str, y: float, bottom: float) -> float:
    """A GPU's number and, where there is room, its node; returns where the next may stand."""
    theme, evaluation = ground.theme, ground.shown.evaluation
    painter.setFont(ui_font(11, is_bold=token != "muted"))
    painter.setPen(theme.color(token))
    painter.drawText(QRectF(10, y, GUTTER - 12, 16), LEFT, f"GPU {gpu}")
    if bottom - y <= 34:
        return y + 16
    painter.setFont(ui_font(10))
    painter.setPen(theme.color("muted"))
    name = evaluation.graph.node_names[evaluation.project.cluster.node_of_gpu()[gpu]]
    name = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, GUTTER - 14)
    painter.drawText(QRectF(10, y + 15, GUTTER - 12, 14), LEFT, name)
    return y + 30


def _draw_axis(painter: QPainter, ground: Ground) -> None:
    area, camera, is_level = ground.area, ground.camera, ground.columns == "level"
    seen = area.width() / camera.scale_x
    step = nice_step(seen / max(2, area.width() / 110))
    if is_level:
        step = max(1.0, round(step))
    painter.setFont(ui_font(10))
    painter.setPen(ground.theme.color("muted"))
    middle = camera.scale_x / 2 if is_level else 0.0
    value = np.ceil(max(0.0, camera.x) / step) * step
    while value <= min(ground.shown.span, camera.x + seen):
        x = area.left() + camera.to_x(float(value)) + middle
        text = tr(f"level {value + 1:.0f}") if is_level else time_text(float(value), 3)
        if x + 30 <= ground.size.width():
            painter.drawText(QRectF(x - 50, 0, 100, area.top()), Qt.AlignmentFlag.AlignCenter, text)
        value += step


def draw_bands(painter: QPainter, ground: Ground) -> None:
    """A tint over selected GPUs, nodes and layers; the painter stands at the corner of the area."""
    shown, camera = ground.shown, ground.camera
    tint = QColor(ground.theme.color("accent"))
    tint.setAlpha(BAND_ALPHA)
    whole = tuple(item for item in ground.selected if item.kind in ("gpu", "node"))
    for gpu in _chosen_gpus(replace(ground, selected=whole)):
        if 0 <= gpu < len(shown.lane_first) - 1:
            top, bottom = (camera.to_y(float(row)) for row in shown.lane_first[gpu : gpu + 2])
            painter.fillRect(QRectF(0, top, ground.area.width(), bottom - top), tint)
    for item in ground.selected:
        rows = selected_rows(shown.evaluation.graph, item) if item.kind == "layer" else ()
        if len(rows):
            left, right = camera.to_x(float(shown.left[rows].min())), camera.to_x(float(shown.right[rows].max()))
            painter.fillRect(QRectF(left, 0, right - left, ground.area.height()), tint)


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least ``least``."""
    power = 10.0 ** np.floor(np.log10(max(least, 1e-15)))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9)))
