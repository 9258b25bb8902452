"""Nodes as cards behind their GPUs, and racks behind the nodes."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.gui.canvas.box import Box
from moe_studio.gui.canvas.item import CanvasItem
from moe_studio.gui.canvas.tile import CENTER, LEFT, RADIUS, READABLE, RIGHT, TINY
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded

ELIDE = Qt.TextElideMode.ElideRight
SMALLEST_TEXT = 5.0
"""Text that would be lower on screen is no text any more."""


class CardItem(CanvasItem):
    """A card with a title and a detail."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.mark = ""
        self._title = self._detail = self._right = ""
        self._size = QRectF()
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    def show_card(self, box: Box, title: str, detail: str = "", right: str = "", *, mark: str = "") -> None:
        """Show it at ``box``; ``mark`` is ``selected``, ``target`` or nothing, ``right`` what stands at the right."""
        rect = QRectF(0, 0, box.width, box.height)
        if rect != self._size:
            self.prepareGeometryChange()
            self._size = rect
        self.setPos(box.x, box.y)
        if (title, detail, right, mark) != (self._title, self._detail, self._right, self.mark):
            self._title, self._detail, self._right, self.mark = title, detail, right, mark
            self.update()

    @override
    def boundingRect(self) -> QRectF:
        return self._size.adjusted(-2, -2, 2, 2)


class RackItem(CardItem):
    """A rack: a frame around its nodes."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.setZValue(-2)

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        scale = painter.worldTransform().m11()
        is_target = self.mark == "target"
        painter.setPen(QPen(self.theme.color("accent" if is_target else "handle"), 2.0 if is_target else 1.0))
        painter.setBrush(self.theme.color("chosen" if is_target else "raised"))
        painter.drawRoundedRect(self._size, RADIUS + 4, RADIUS + 4)
        if 28 * scale < SMALLEST_TEXT:
            return
        painter.setPen(self.theme.color("muted"))
        painter.setFont(ui_font(min(28, max(13, round(10 / scale))), is_bold=True))
        head = QRectF(14, 1, self._size.width() - 28, 30)
        name = painter.fontMetrics().elidedText(self._title, ELIDE, int(head.width()))
        painter.drawText(head, LEFT, name)
        if self._right and scale >= READABLE:
            left = painter.fontMetrics().horizontalAdvance(name) + 10
            painter.setFont(ui_font(12))
            room = head.adjusted(left, 0, 0, 0)
            painter.drawText(room, RIGHT, painter.fontMetrics().elidedText(self._right, ELIDE, int(room.width())))


class NodeItem(CardItem):
    """A machine: its name, and what it is made of."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.setZValue(-1)

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        theme = self.theme
        scale = painter.worldTransform().m11()
        token, width = ("accent", 2.0 / min(1.0, scale)) if self.mark else ("hairline", 1.0)
        painter.setPen(QPen(theme.color(token), width))
        painter.setBrush(theme.color("chosen" if self.mark == "target" else "window"))
        painter.drawRoundedRect(self._size, RADIUS + 2, RADIUS + 2)
        painter.setPen(theme.color("text"))
        if scale < TINY:
            if 30 * scale < SMALLEST_TEXT:
                return
            painter.setFont(ui_font(30, is_bold=True))
            name = painter.fontMetrics().elidedText(self._title, ELIDE, int(self._size.width()) - 12)
            painter.drawText(QRectF(0, 0, self._size.width(), 34), CENTER, name)
            return
        painter.setFont(ui_font(min(26, max(13, round(9 / scale))), is_bold=True))
        head = QRectF(14, 6, self._size.width() - 28, 24)
        share = 0.5 if scale >= READABLE else 1.0
        name = painter.fontMetrics().elidedText(self._title, ELIDE, int(head.width() * share))
        painter.drawText(head, LEFT, name)
        if scale >= READABLE:
            used = painter.fontMetrics().horizontalAdvance(name) + 10
            painter.setFont(ui_font(11))
            painter.setPen(theme.color("muted"))
            painter.drawText(head.adjusted(0, 1, 0, 1), RIGHT, self._right)
            room = painter.fontMetrics().horizontalAdvance(self._right) + 10
            rest = head.adjusted(used, 1, -room, 1)
            painter.drawText(rest, LEFT, painter.fontMetrics().elidedText(self._detail, ELIDE, int(rest.width())))
