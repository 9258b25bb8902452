"""An outline above everything: where something would go, with guides along what it would be in line with."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem, QGraphicsScene

from moe_studio.gui.canvas.tile import RADIUS
from moe_studio.gui.theme import Theme


class Ghost:
    """A dashed outline in the accent colour and thin lines, made once and shown when they are wanted."""

    def __init__(self, scene: QGraphicsScene) -> None:
        self._item, self._lines = QGraphicsPathItem(), QGraphicsPathItem()
        for item in (self._item, self._lines):
            item.setZValue(6)
            scene.addItem(item)
            item.hide()

    @property
    def guides(self) -> QPainterPath:
        """The lines that are shown."""
        return self._lines.path() if self._lines.isVisible() else QPainterPath()

    def show(self, path: QPainterPath, theme: Theme, guides: QPainterPath | None = None) -> None:
        """Show it along a path, with guides."""
        pen = QPen(theme.color("accent"), 2, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        fill = theme.color("accent").toRgb()
        fill.setAlphaF(0.12)
        self._item.setPen(pen)
        self._item.setBrush(fill)
        self._item.setPath(path)
        self._item.show()
        line = QPen(theme.color("path"), 1)
        line.setCosmetic(True)
        self._lines.setPen(line)
        self._lines.setPath(guides or QPainterPath())
        self._lines.setVisible(guides is not None and not guides.isEmpty())

    def show_rect(self, rect: QRectF, theme: Theme) -> None:
        """Show it around a rectangle."""
        path = QPainterPath()
        path.addRoundedRect(rect, RADIUS, RADIUS)
        self.show(path, theme)

    def hide(self) -> None:
        """Show it no longer."""
        self._item.hide()
        self._lines.hide()
