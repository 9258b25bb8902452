"""What is drawn over the picture of the lanes: names, axis, waiting, the longest path, measures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from moe_studio.document.timeline import Timeline, operator_text, waits
from moe_studio.graph.column import IntArray
from moe_studio.graph.operator import FAMILIES
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.timeline.ink import ink_of, readable_on
from moe_studio.gui.timeline.layout import Layout
from moe_studio.gui.timeline.raster import picture, strip_picture
from moe_studio.gui.widgets.camera import Camera
from moe_studio.units import time_text

AXIS, PATH_LANE, GUTTER, NODE_COLUMN = 20, 18, 140, 72
READABLE_WIDTH, READABLE_HEIGHT, FRAMED_HEIGHT, HATCHED_HEIGHT = 26.0, 11.0, 20.0, 7.0
MOST_NAMES, MOST_WAITS = 320, 300
CENTER = Qt.AlignmentFlag.AlignCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canvas:
    """Everything that drawing needs. ``area``: where the lanes are; heights and seconds go through ``camera``."""

    shown: Timeline
    layout: Layout
    camera: Camera
    theme: Theme
    area: QRectF
    has_path: bool

    @property
    def path_area(self) -> QRectF:
        """Where the longest path has a lane of its own."""
        return QRectF(self.area.left(), AXIS, self.area.width(), PATH_LANE - 4)

    def x(self, second: float) -> float:
        """Pixel of a moment, never far outside: painting with huge numbers is slow."""
        return float(
            np.clip(self.area.left() + self.camera.to_x(second), self.area.left() - 40, self.area.right() + 40)
        )

    def lane(self, track: int) -> tuple[float, float]:
        """Top and bottom of a track's lane in pixels."""
        top, bottom = self.layout.lane_box(track)
        return self.area.top() + self.camera.to_y(top), self.area.top() + self.camera.to_y(bottom)

    def box(self, place: int) -> QRectF:
        """The bar of an operator."""
        left, right = self.x(float(self.shown.start[place])), self.x(float(self.shown.finish[place]))
        top, bottom = self.lane(int(self.shown.track[place]))
        return QRectF(left, top, max(1.0, right - left), bottom - top)


def lanes_image(canvas: Canvas, size: QSize, ratio: float, focus: NDArray[np.bool_] | None) -> QImage:
    """Everything that stays while the pointer moves; operators beside ``focus`` are faded."""
    image = QImage(size * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(canvas.theme.color("surface"))
    painter = QPainter(image)
    try:
        _draw_lanes(painter, canvas, ratio, focus)
        painter.setClipRect(canvas.area)
        draw_waits(painter, canvas)
        if canvas.has_path:
            draw_path(painter, canvas)
        draw_names(painter, canvas)
        painter.setClipRect(canvas.path_area)
        draw_path_names(painter, canvas)
    finally:
        painter.end()
    return image


def _draw_lanes(painter: QPainter, canvas: Canvas, ratio: float, focus: NDArray[np.bool_] | None) -> None:
    """All bars, and above them those of the longest path alone."""
    seen = canvas.camera
    camera = Camera(x=seen.x, y=seen.y, scale_x=seen.scale_x * ratio, scale_y=seen.scale_y * ratio)
    ink = ink_of(canvas.theme)
    shown = canvas.shown
    width, thin, tall = (
        max(1, int(side * ratio)) for side in (canvas.area.width(), canvas.path_area.height(), canvas.area.height())
    )
    path = strip_picture(shown, shown.path, camera, (width, thin), ink)
    lanes = picture(
        shown, canvas.layout, camera, (width, tall), ink=ink, ratio=ratio, focus=focus, has_path=canvas.has_path
    )
    for area, pixels in ((canvas.path_area, path), (canvas.area, lanes)):
        pixels = np.ascontiguousarray(pixels)
        image = QImage(pixels.data, width, len(pixels), width * 4, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        painter.drawImage(area.topLeft(), image)


def draw_names(painter: QPainter, canvas: Canvas) -> None:
    """Names in the bars that have room for them, the widest first when there are too many."""
    shown, camera, layout = canvas.shown, canvas.camera, canvas.layout
    tall = (layout.lane_bottom - layout.lane_top) * camera.scale_y >= READABLE_HEIGHT
    has_room = (tall & ~layout.is_shared)[layout.lane_of]
    if not has_room.any():
        return
    wide = (
        np.minimum(shown.finish, camera.from_x(canvas.area.width())) - np.maximum(shown.start, camera.x)
    ) * camera.scale_x
    chosen = np.flatnonzero(has_room[shown.track] & (wide >= READABLE_WIDTH))
    top = layout.lane_top[layout.lane_of][shown.track[chosen]]
    chosen = chosen[(top < camera.from_y(canvas.area.height())) & (top + 1 > camera.y)]
    if len(chosen) > MOST_NAMES:
        chosen = chosen[np.argpartition(-wide[chosen], MOST_NAMES)[:MOST_NAMES]]
    painter.setFont(ui_font(11))
    _write_names(painter, canvas, chosen, [canvas.box(place) for place in chosen.tolist()])


def draw_path_names(painter: QPainter, canvas: Canvas) -> None:
    """Names in the lane of the longest path."""
    shown, camera, area = canvas.shown, canvas.camera, canvas.path_area
    path = shown.path
    wide = (
        np.minimum(shown.finish[path], camera.from_x(area.width())) - np.maximum(shown.start[path], camera.x)
    ) * camera.scale_x
    chosen = path[wide >= READABLE_WIDTH]
    boxes = []
    for place in chosen.tolist():
        left, right = canvas.x(float(shown.start[place])), canvas.x(float(shown.finish[place]))
        boxes.append(QRectF(left, area.top(), right - left, area.height()))
    painter.setFont(ui_font(11))
    _write_names(painter, canvas, chosen, boxes)


def _write_names(painter: QPainter, canvas: Canvas, places: IntArray, boxes: list[QRectF]) -> None:
    metrics = QFontMetricsF(painter.font())
    pens = [readable_on(canvas.theme, name) for name in FAMILIES]
    family = canvas.shown.family[places].tolist()
    for place, box, kind in zip(places.tolist(), boxes, family, strict=True):
        # A name stays in sight as long as a part of its bar is.
        seen = box.intersected(canvas.area.united(canvas.path_area)).adjusted(3, 0, -3, 0)
        name = operator_text(canvas.shown, place)
        if metrics.horizontalAdvance(name) > seen.width():
            name = name.split(" ")[-1]
            if metrics.horizontalAdvance(name) > seen.width():
                continue
        painter.setPen(pens[kind])
        painter.drawText(seen, CENTER, name)


def draw_waits(painter: QPainter, canvas: Canvas) -> None:
    """Hatches where a compute stream waits, with how long it waits where there is room."""
    shown, camera, theme = canvas.shown, canvas.camera, canvas.theme
    edge = camera.from_x(canvas.area.width())
    boxes: list[tuple[QRectF, float]] = []
    for track in _readable_tracks(canvas):
        top, bottom = canvas.lane(track)
        for begin, end in waits(shown, track, camera.x, edge, 5 / camera.scale_x).tolist():
            left, right = canvas.x(begin), canvas.x(end)
            boxes.append((QRectF(left, top, right - left, bottom - top), end - begin))
        if len(boxes) > MOST_WAITS:
            break
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(theme.color("handle"), Qt.BrushStyle.BDiagPattern))
    painter.setBrushOrigin(QPointF(-camera.x * camera.scale_x % 8, 0))
    painter.drawRects([box for box, _ in boxes])
    painter.setFont(ui_font(11))
    for box, seconds in boxes:
        seen = box.intersected(canvas.area)
        if seen.width() >= 84 and seen.height() >= READABLE_HEIGHT:
            _draw_wait(painter, theme, seen, tr("waits {time}", time=time_text(seconds, 3)))


def _readable_tracks(canvas: Canvas) -> list[int]:
    """Compute tracks in view with lanes that are high enough for a pattern."""
    layout, camera = canvas.layout, canvas.camera
    lane = layout.lane_of[:: layout.streams]
    top, bottom = layout.lane_top[lane], layout.lane_bottom[lane]
    is_seen = (bottom >= camera.y) & (top <= camera.from_y(canvas.area.height()))
    is_tall = (bottom - top) * camera.scale_y >= HATCHED_HEIGHT
    return (np.flatnonzero(is_seen & is_tall & ~layout.is_shared[lane]) * layout.streams).tolist()


def _draw_wait(painter: QPainter, theme: Theme, seen: QRectF, text: str) -> None:
    width = painter.fontMetrics().horizontalAdvance(text) + 10
    center = seen.center()
    painter.fillRect(QRectF(center.x() - width / 2, seen.top(), width, seen.height()), theme.color("raised_edge"))
    painter.setPen(theme.color("muted"))
    painter.drawText(seen, CENTER, text)


def draw_path(painter: QPainter, canvas: Canvas) -> None:
    """The longest path: frames and diamonds on bars that are large enough, lines where it goes to another lane."""
    shown, camera, theme = canvas.shown, canvas.camera, canvas.theme
    path = shown.path
    edge = camera.from_x(canvas.area.width())
    seen = (shown.finish[path] >= camera.x) & (shown.start[path] <= edge)
    lane = canvas.layout.lane_of[shown.track[path]]
    is_hop = seen[1:] & (lane[:-1] != lane[1:])
    hops = path[:-1][is_hop], path[1:][is_hop]
    painter.setPen(QPen(theme.color("path"), 2))
    painter.drawLines(_hop_lines(canvas, *hops))
    wide = (shown.finish[path] - shown.start[path]) * camera.scale_x
    for place in path[seen & (wide >= 24) & ~canvas.layout.is_shared[lane]].tolist():
        box = canvas.box(place)
        if box.height() < READABLE_HEIGHT:
            continue
        if box.height() >= FRAMED_HEIGHT:
            painter.setPen(QPen(theme.color("path"), 2.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(0.5, 0.5, -1.5, -0.5))
        if box.width() >= 40:
            draw_diamond(painter, theme, QPointF(max(box.left(), canvas.area.left()) + 8, box.top() + 2))


def _hop_lines(canvas: Canvas, before: IntArray, after: IntArray) -> list[QLineF]:
    """Lines between lanes; of many on the same pixel one is enough."""
    shown, layout = canvas.shown, canvas.layout
    middle = (layout.lane_top + layout.lane_bottom) / 2
    lanes = np.stack([layout.lane_of[shown.track[before]], layout.lane_of[shown.track[after]]])
    pixel = np.floor((shown.start[after] - canvas.camera.x) * canvas.camera.scale_x)
    found = np.unique(np.concatenate([[pixel], np.sort(lanes, axis=0)]), axis=1)
    top, left = canvas.area.top(), canvas.area.left()
    return [
        QLineF(left + x, top + canvas.camera.to_y(middle[int(a)]), left + x, top + canvas.camera.to_y(middle[int(b)]))
        for x, a, b in found.T.tolist()
    ]


def draw_diamond(painter: QPainter, theme: Theme, at: QPointF) -> None:
    """The mark of the longest path, for those who cannot tell its colour."""
    r, x, y = 4.0, at.x(), at.y()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("surface"), 1.2))
    painter.setBrush(theme.color("path"))
    painter.drawPolygon(QPolygonF([QPointF(x - r, y), QPointF(x, y - r), QPointF(x + r, y), QPointF(x, y + r)]))
    painter.restore()
