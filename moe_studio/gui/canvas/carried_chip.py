"""The expert, or the number of experts, under the pointer while they are carried."""

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.gui.canvas.chip_paint import paint_chip
from moe_studio.gui.theme import LIGHT, Theme
from moe_studio.gui.widgets.guard import guarded

HEIGHT, LETTER = 22.0, 8.0


class CarriedChip(QGraphicsItem):
    """A chip of the same size on screen whatever the scale; it hangs above the pointer."""

    def __init__(self) -> None:
        super().__init__()
        self._name, self._theme = "", LIGHT
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    def show_name(self, name: str, theme: Theme) -> None:
        """Say what is carried."""
        self.prepareGeometryChange()
        self._name, self._theme = name, theme
        self.update()

    @override
    def boundingRect(self) -> QRectF:
        width = max(34.0, LETTER * len(self._name) + 10)
        return QRectF(-width / 2 - 1, -HEIGHT - 7, width + 2, HEIGHT + 2)

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        paint_chip(painter, self.boundingRect().adjusted(1, 1, -1, -1), self._name, self._theme, "moved")
