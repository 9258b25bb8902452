"""A picture of a cluster that can be looked at closely but not changed."""

from collections.abc import Iterator, Sequence
from itertools import islice

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget
from typing_extensions import override

from moe_studio.document.selection import NOTHING, Selection
from moe_studio.gui.compare.mark import SIGNS, mark_color
from moe_studio.gui.compare.place import (
    BAND,
    CHIP_GAP,
    CHIP_HEIGHT,
    CHIP_WIDTH,
    CHIPS_IN_ROW,
    FOOT,
    HEAD,
    PADDING,
    Camera,
    Places,
    bounded,
    places,
    zoomed,
)
from moe_studio.gui.compare.tile import Chip, Tile
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import plain_tip
from moe_studio.project.cluster import Cluster

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTER = Qt.AlignmentFlag.AlignCenter
READABLE = 0.5
"""Below this scale a tile is one colour, sign and number."""

FAR_BAR, LEAST_BAR = 14.0, 3.0
"""Height of the bar of a tile seen from afar, in its own units, and at least in pixels."""

MARGIN = 6
WHEEL_STEP = 1.0015
PAN_SHARE = 0.15
PANS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class ClusterPicture(QWidget):
    """Nodes, GPUs and experts of one design, marked where the other differs.

    Signals:
        chosen: something was clicked; carries its `Selection`.
        moved: another part is in view; carries the `Camera`.
    """

    chosen = Signal(object)
    moved = Signal(object)

    def __init__(self, name: str, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr(name))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 90)
        self.theme = theme
        self.camera = Camera()
        self.tiles: tuple[Tile, ...] = ()
        self._names: tuple[str, ...] = ()
        self._sizes: tuple[int, ...] = ()
        self._most = 1
        self._places: Places | None = None
        self._aspect = 0.0
        self._selection = NOTHING
        self._pan_from: QPointF | None = None
        self._has_panned = False

    def show_tiles(self, cluster: Cluster, tiles: Sequence[Tile], most_experts: int) -> None:
        """Show these tiles; room is made for ``most_experts`` in each."""
        self.tiles = tuple(tiles)
        self._names = tuple(map(cluster.node_title, range(len(cluster.nodes))))
        self._sizes, self._most = tuple(node.gpus for node in cluster.nodes), most_experts
        self._aspect = 0.0
        marked = (tile.text for tile in self.tiles if tile.sign)
        self.setAccessibleDescription("; ".join(islice(marked, 20)) or tr("Nothing differs here."))
        self.update()

    def show_selection(self, selection: Selection) -> None:
        """Outline what is selected."""
        if selection != self._selection:
            self._selection = selection
            self.update()

    def set_camera(self, camera: Camera) -> None:
        """Show another part."""
        if camera != self.camera:
            self.camera = camera
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(300, 200)

    # From shares to pixels

    def _arranged(self) -> Places | None:
        """The places of everything; found anew when the shape of the view has changed."""
        if not self._sizes:
            return None
        aspect = round(self.width() / max(1, self.height()), 1)
        if self._places is None or aspect != self._aspect:
            self._aspect = aspect
            self._places = places(self._sizes, self._most, aspect)
        return self._places

    def _scale(self, whole: Places) -> float:
        room = (self.width() - 2 * MARGIN) / whole.width, (self.height() - 2 * MARGIN) / whole.height
        return max(0.001, min(*room, 1.2)) * self.camera.zoom

    def _origin(self, whole: Places) -> QPointF:
        scale = self._scale(whole)
        return QPointF(
            self.width() / 2 - self.camera.x * whole.width * scale,
            self.height() / 2 - self.camera.y * whole.height * scale,
        )

    def _at(self, point: QPointF) -> QPointF:
        """The place in the picture that is under a point of the widget."""
        whole = self._arranged()
        return (point - self._origin(whole)) / self._scale(whole) if whole else QPointF()

    def box_of(self, gpu: int) -> QRectF:
        """Where a GPU's tile is in the widget."""
        whole = self._arranged()
        assert whole is not None
        x, y, width, height = whole.gpus[gpu]
        scale, origin = self._scale(whole), self._origin(whole)
        return QRectF(origin.x() + x * scale, origin.y() + y * scale, width * scale, height * scale)

    # Painting

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        whole = self._arranged()
        painter = QPainter(self)
        if whole is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.translate(self._origin(whole))
            painter.scale(self._scale(whole), self._scale(whole))
            self._paint(painter, whole)
        if self.hasFocus():
            painter.resetTransform()
            painter.setPen(QPen(self.theme.color("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _paint(self, painter: QPainter, whole: Places) -> None:
        scale, theme = self._scale(whole), self.theme
        seen = painter.transform().inverted()[0].mapRect(QRectF(self.rect()))
        for name, rect in zip(self._names, whole.nodes, strict=True):
            box = QRectF(*rect)
            if not box.intersects(seen):
                continue
            painter.setPen(QPen(theme.color("hairline"), 1))
            painter.setBrush(theme.color("window"))
            painter.drawRoundedRect(box, 8, 8)
            if 18 * scale >= 8:
                head = box.adjusted(PADDING, 2, -PADDING, HEAD - 4 - box.height())
                painter.setFont(ui_font(min(18, max(11, round(10 / scale))), is_bold=True))
                painter.setPen(theme.color("text"))
                text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(head.width()))
                painter.drawText(head, LEFT, text)
        for tile, rect in zip(self.tiles, whole.gpus, strict=True):
            box = QRectF(*rect)
            if box.intersects(seen):
                self._paint_tile(painter, tile, box, whole.chips, scale)

    def _paint_tile(self, painter: QPainter, tile: Tile, box: QRectF, chips: int, scale: float) -> None:
        theme, change = self.theme, tile.change
        is_small = scale < READABLE
        pen = QPen(mark_color(theme, change) if change else theme.color("hairline"), 2.0 if change else 1.0)
        fill = theme.color("surface")
        if change and is_small:
            fill = _tint(fill, mark_color(theme, change))
        if self._selection.gpu == tile.gpu and self._selection.kind in ("gpu", "operator", "expert"):
            pen = QPen(theme.color("accent"), 2.5)
        # From afar lines would vanish.
        pen.setWidthF(max(pen.widthF(), 1.0 / scale if change is None else 1.5 / scale))
        painter.setPen(pen)
        painter.setBrush(fill)
        painter.drawRoundedRect(box, 6, 6)
        if is_small:
            self._paint_small(painter, tile, box, scale)
            return
        head = box.adjusted(PADDING, 2, -PADDING, HEAD - 2 - box.height())
        painter.setFont(ui_font(12, is_bold=True))
        painter.setPen(theme.color("text"))
        name = f"{SIGNS[tile.own]} GPU {tile.gpu}" if tile.own else f"GPU {tile.gpu}"
        painter.drawText(head, LEFT, name)
        room = int(head.width() - painter.fontMetrics().horizontalAdvance(name) - CHIP_GAP)
        painter.setFont(ui_font(10))
        own = painter.fontMetrics().elidedText(tile.own_text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(head, RIGHT, own)
        self._paint_band(painter, tile, box)
        for chip, place in self._chips(tile, box, chips):
            self._paint_chip(painter, chip, place, tile.gpu)
        if len(tile.chips) > chips:
            painter.setFont(ui_font(10))
            painter.setPen(theme.color("muted"))
            painter.drawText(_chip_box(box, chips - 1), CENTER, f"+ {len(tile.chips) - chips + 1}")
        self._paint_memory(painter, tile, box)

    def _paint_small(self, painter: QPainter, tile: Tile, box: QRectF, scale: float) -> None:
        if box.width() * scale < 14:
            return
        bar = min(box.height() / 3, max(FAR_BAR, LEAST_BAR / scale))
        inner = box.adjusted(2, 0, -2, -PADDING / 2)
        if tile.marks:
            self._paint_shares(
                painter, tile, box.adjusted(PADDING, box.height() - bar - PADDING / 2, -PADDING, -PADDING / 2)
            )
            inner.setBottom(inner.bottom() - bar)
        painter.setFont(ui_font(round(min(inner.height(), 44, max(12, 10 / scale))), is_bold=True))
        painter.setPen(self.theme.color("text" if tile.sign else "muted"))
        text = f"{tile.sign}{tile.gpu}"
        if painter.fontMetrics().horizontalAdvance(text) > inner.width():
            text = tile.sign
        painter.drawText(inner, CENTER, text)

    def _paint_band(self, painter: QPainter, tile: Tile, box: QRectF) -> None:
        """How many of the operators differ, over a bar of their shares, and how much longer the GPU computes."""
        band = QRectF(box.left() + PADDING, box.top() + HEAD - 3, box.width() - 2 * PADDING, BAND)
        words = band.adjusted(0, 0, 0, -8)
        painter.setFont(ui_font(10))
        painter.setPen(self.theme.color("text"))
        painter.drawText(words, RIGHT, tile.time_change)
        room = int(band.width() - painter.fontMetrics().horizontalAdvance(tile.time_change) - CHIP_GAP)
        text = painter.fontMetrics().elidedText(tile.marks_text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(words, LEFT, text)
        self._paint_shares(painter, tile, QRectF(band.left(), words.bottom() + 1, band.width(), 4))

    def _paint_shares(self, painter: QPainter, tile: Tile, bar: QRectF) -> None:
        """Which shares of the operators differ, in the order of the legend; the rest is as it was."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("raised_edge"))
        painter.drawRect(bar)
        left = bar.left()
        for change, count in tile.marks:
            width = bar.width() * count / max(1, tile.operators)
            painter.setBrush(mark_color(self.theme, change))
            painter.drawRect(QRectF(left, bar.top(), width, bar.height()))
            left += width

    def _paint_chip(self, painter: QPainter, chip: Chip, box: QRectF, gpu: int) -> None:
        theme = self.theme
        color = mark_color(theme, chip.change) if chip.change else theme.family("expert")
        fill = QColor(color)
        fill.setAlpha(70 if chip.change else 40)
        style = Qt.PenStyle.DashLine if chip.change == "removed" else Qt.PenStyle.SolidLine
        chosen = self._selection
        is_selected = chosen.kind == "expert" and chosen.expert == chip.expert and chosen.gpu in (-1, gpu)
        painter.setPen(QPen(theme.color("accent") if is_selected else color, 2.0 if chip.change else 1.0, style))
        painter.setBrush(fill)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(theme.color("text"))
        painter.setFont(ui_font(10, is_bold=chip.change is not None))
        painter.drawText(box, CENTER, f"{SIGNS[chip.change]} E{chip.expert}" if chip.change else f"E{chip.expert}")

    def _paint_memory(self, painter: QPainter, tile: Tile, box: QRectF) -> None:
        theme = self.theme
        bar = QRectF(box.left() + PADDING, box.bottom() - FOOT + 2, box.width() - 2 * PADDING, 5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("raised_edge"))
        painter.drawRect(bar)
        whole, x = max(1.0, sum(tile.memory)), bar.left()
        for share, color in zip(tile.memory, theme.memory.values(), strict=True):
            painter.setBrush(QColor(color))
            painter.drawRect(QRectF(x, bar.top(), bar.width() * share / whole, bar.height()))
            x += bar.width() * share / whole
        if whole > 1.0:
            limit = bar.left() + bar.width() / whole
            painter.setBrush(theme.color("bad"))
            painter.drawRect(QRectF(limit, bar.bottom() + 1, bar.right() - limit, 2))

    def _chips(self, tile: Tile, box: QRectF, room: int) -> Iterator[tuple[Chip, QRectF]]:
        """The chips that there is room for, with their places."""
        shown = tile.chips if len(tile.chips) <= room else tile.chips[: room - 1]
        for index, chip in enumerate(shown):
            yield chip, _chip_box(box, index)

    # Hands

    def selection_at(self, point: QPointF) -> Selection:
        """What is under a point of the widget."""
        whole, at = self._arranged(), self._at(point)
        if whole is None:
            return NOTHING
        for tile, rect in zip(self.tiles, whole.gpus, strict=True):
            box = QRectF(*rect)
            if not box.contains(at):
                continue
            if self._scale(whole) >= READABLE:
                for chip, place in self._chips(tile, box, whole.chips):
                    if place.contains(at):
                        return Selection(kind="expert", expert=chip.expert, gpu=tile.gpu)
            return Selection(kind="gpu", gpu=tile.gpu)
        return NOTHING

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pan_from, self._has_panned = event.position(), False

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pan_from is None:
            return
        step = event.position() - self._pan_from
        if self._has_panned or step.manhattanLength() > 4:
            self._has_panned = True
            self._pan_from = event.position()
            self._pan(-step.x(), -step.y())

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        was, self._pan_from = self._pan_from, None
        if was is not None and not self._has_panned and event.button() is Qt.MouseButton.LeftButton:
            found = self.selection_at(event.position())
            if found != NOTHING:
                self.chosen.emit(found)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._zoom(2.0, event.position())

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        self._zoom(WHEEL_STEP ** event.angleDelta().y(), event.position())
        event.accept()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in PANS:
            across, down = PANS[key]
            self._pan(across * PAN_SHARE * self.width(), down * PAN_SHARE * self.height())
        elif event.text() in ("+", "="):
            self._zoom(1.25, QPointF(self.rect().center()))
        elif event.text() == "-":
            self._zoom(0.8, QPointF(self.rect().center()))
        elif key == Qt.Key.Key_Home:
            self._go(Camera())
        else:
            super().keyPressEvent(event)

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self.selection_at(QPointF(event.pos()))
            if found.gpu < 0:
                QToolTip.hideText()
            else:
                tile = self.box_of(found.gpu).toRect()
                QToolTip.showText(event.globalPos(), plain_tip(self.tiles[found.gpu].text), self, tile)
            return True
        return super().event(event)

    def _zoom(self, factor: float, point: QPointF) -> None:
        whole, at = self._arranged(), self._at(point)
        if whole is not None:
            self._go(zoomed(self.camera, factor, at.x() / whole.width, at.y() / whole.height))

    def _pan(self, across: float, down: float) -> None:
        whole = self._arranged()
        if whole is None:
            return
        scale, old = self._scale(whole), self.camera
        x, y = old.x + across / (whole.width * scale), old.y + down / (whole.height * scale)
        self._go(bounded(Camera(x=x, y=y, zoom=old.zoom)))

    def _go(self, camera: Camera) -> None:
        self.set_camera(camera)
        self.moved.emit(camera)


def _tint(ground: QColor, color: QColor) -> QColor:
    """``ground`` with some of ``color``, so that text can be read on it."""
    parts = ((ground.red(), color.red()), (ground.green(), color.green()), (ground.blue(), color.blue()))
    return QColor(*(round(0.55 * under + 0.45 * over) for under, over in parts))


def _chip_box(tile: QRectF, index: int) -> QRectF:
    row, column = divmod(index, CHIPS_IN_ROW)
    x = tile.left() + PADDING + column * (CHIP_WIDTH + CHIP_GAP)
    return QRectF(x, tile.top() + HEAD + BAND + row * (CHIP_HEIGHT + CHIP_GAP), CHIP_WIDTH, CHIP_HEIGHT)
