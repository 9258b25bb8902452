"""What is painted on the cluster canvas."""

from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QGraphicsItem

from moe_studio.gui.canvas.box import Box
from moe_studio.gui.theme import Theme

SPARE = 80.0
"""What lies between or over the nodes may stand out of the layout by so much."""


class CanvasItem(QGraphicsItem):
    """Something on the canvas in the colours of a theme."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.update()


def qrect(box: Box, spare: float = 0.0) -> QRectF:
    """A box for Qt, with room to spare on all sides."""
    return QRectF(box.x - spare, box.y - spare, box.width + 2 * spare, box.height + 2 * spare)
