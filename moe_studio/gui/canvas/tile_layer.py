"""All GPUs as one item of the scene: each a picture of its own that is drawn anew only when it changes."""

import math

from PySide6.QtCore import QElapsedTimer, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.gui.canvas.box import Box
from moe_studio.gui.canvas.chip_paint import heat_color
from moe_studio.gui.canvas.item import CanvasItem, qrect
from moe_studio.gui.canvas.tile import TINY, Tile
from moe_studio.gui.canvas.tile_paint import paint_tile
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.guard import guarded

MARGIN = 2
HURRY_MS = 6
"""While the user zooms, so much of a frame is spent on sharp pictures; the rest shows stretched old ones."""


class TileLayer(CanvasItem):
    """Draws the tiles. One item instead of hundreds: asking each for its rectangle would cost more than drawing."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.tiles: list[Tile] = []
        self.is_hurried = False
        self._bounds = QRectF()
        self._pictures: dict[int, tuple[float, QPixmap]] = {}
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)

    def show_tiles(self, tiles: list[Tile], bounds: QRectF) -> None:
        """Show other tiles."""
        self.prepareGeometryChange()
        self.tiles, self._bounds = tiles, bounds
        self._pictures.clear()
        self.update()

    @override
    def set_theme(self, theme: Theme) -> None:
        self._pictures.clear()
        super().set_theme(theme)

    def refresh(self, number: int) -> None:
        """Draw one tile anew."""
        self._pictures.pop(number, None)
        self.update(qrect(self.tiles[number].area).adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN))

    @override
    def boundingRect(self) -> QRectF:
        return self._bounds

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        scale = painter.worldTransform().m11()
        exposed: QRectF = option.exposedRect
        left, top, right, bottom = exposed.left(), exposed.top(), exposed.right(), exposed.bottom()
        shown = [
            number
            for number, tile in enumerate(self.tiles)
            if tile.is_expanded or _meets(tile.box, left, top, right, bottom)
        ]
        shown.sort(key=lambda number: self.tiles[number].is_expanded)
        if scale < TINY:
            self._paint_spots(painter, shown)
        elif widget is None:
            self._paint_lines(painter, shown, scale)
        else:
            self._paint_pictures(painter, shown, scale, widget.devicePixelRatioF())

    def _paint_spots(self, painter: QPainter, shown: list[int]) -> None:
        """From very far: spots by load; a GPU that is full, selected or aimed at has a frame."""
        groups: dict[float, list[QRectF]] = {}
        colors: dict[float, QColor] = {}
        frames: dict[tuple[bool, str], list[QRectF]] = {}
        for number in shown:
            tile = self.tiles[number]
            rect, load = qrect(tile.box), round(tile.state.load, 2)
            if load not in colors:
                colors[load] = heat_color(tile.state, self.theme)
            groups.setdefault(load, []).append(rect)
            token = tile.frame_token or ("bad" if tile.state.is_full else "")
            token = token or ("path" if tile.state.is_slowest else tile.promise.tone)
            if token:
                frames.setdefault((bool(tile.frame_token), token), []).append(rect)
        painter.setPen(Qt.PenStyle.NoPen)
        for load, rects in groups.items():
            painter.setBrush(colors[load])
            painter.drawRects(rects)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for (is_marked, token), rects in sorted(frames.items()):
            painter.setPen(QPen(self.theme.color(token), 14 if is_marked else 8))
            painter.drawRects(rects)

    def _paint_lines(self, painter: QPainter, shown: list[int], scale: float) -> None:
        """As lines and text, for paper."""
        for number in shown:
            painter.save()
            painter.translate(self.tiles[number].box.x, self.tiles[number].box.y)
            paint_tile(painter, self.tiles[number], self.theme, scale)
            painter.restore()

    def _paint_pictures(self, painter: QPainter, shown: list[int], scale: float, ratio: float) -> None:
        transform = painter.worldTransform()
        clock = QElapsedTimer()
        clock.start()
        painter.save()
        painter.setWorldTransform(QTransform())
        for number in shown:
            tile = self.tiles[number]
            known = self._pictures.get(number)
            if known is None or (known[0] != scale and not (self.is_hurried and clock.elapsed() >= HURRY_MS)):
                known = self._pictures[number] = (scale, self._picture(tile, scale, ratio))
            corner = transform.map(QPointF(tile.box.x, tile.box.y))
            # Whole pixels of the screen keep lines sharp.
            at = QPointF(round(corner.x() * ratio) / ratio - MARGIN, round(corner.y() * ratio) / ratio - MARGIN)
            if known[0] == scale:
                painter.drawPixmap(at, known[1])
            else:
                size = known[1].deviceIndependentSize() * (scale / known[0])
                painter.drawPixmap(QRectF(at, size), known[1], QRectF(known[1].rect()))
        painter.restore()

    def _picture(self, tile: Tile, scale: float, ratio: float) -> QPixmap:
        wide = math.ceil((tile.area.width * scale + 2 * MARGIN) * ratio)
        high = math.ceil((tile.area.height * scale + 2 * MARGIN) * ratio)
        picture = QPixmap(wide, high)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        with QPainter(picture) as painter:
            painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
            painter.translate(MARGIN, MARGIN)
            painter.scale(scale, scale)
            paint_tile(painter, tile, self.theme, scale)
        return picture


def _meets(box: Box, left: float, top: float, right: float, bottom: float) -> bool:
    return box.x <= right and box.right >= left and box.y <= bottom and box.bottom >= top
