"""An outline above everything: where something would go, or what a frame selects."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem, QGraphicsScene

from moe_studio.gui.canvas.tile import RADIUS
from moe_studio.gui.theme import Theme


class Ghost:
    """A dashed outline in the accent colour, made once and shown when it is wanted."""

    def __init__(self, scene: QGraphicsScene) -> None:
        self._item = QGraphicsPathItem()
        self._item.setZValue(6)
        scene.addItem(self._item)
        self._item.hide()

    def show(self, path: QPainterPath, theme: Theme) -> None:
        """Show it along a path."""
        pen = QPen(theme.color("accent"), 2, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        fill = theme.color("accent").toRgb()
        fill.setAlphaF(0.12)
        self._item.setPen(pen)
        self._item.setBrush(fill)
        self._item.setPath(path)
        self._item.show()

    def show_rect(self, rect: QRectF, theme: Theme) -> None:
        """Show it around a rectangle."""
        path = QPainterPath()
        path.addRoundedRect(rect, RADIUS, RADIUS)
        self.show(path, theme)

    def hide(self) -> None:
        """Show it no longer."""
        self._item.hide()
