"""The whole graph in small, with a frame around the part in view."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from moe_studio.gui.dag.margin import GUTTER, LEFT
from moe_studio.gui.dag.paint import Scene, lanes_image
from moe_studio.gui.text import tr
from moe_studio.gui.theme import ui_font
from moe_studio.gui.widgets.camera import Camera
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import plain_tip

RIGHT = 8
LEAST_FRAME = 6.0
"""Size of the frame in pixels below which it would not be seen."""


class MiniMap(QWidget):
    """A picture of all lanes that is clicked, or dragged over, to go there.

    Signals:
        sought: the pointer asks for a place; carries the column and the row of its middle.
    """

    sought = Signal(float, float)

    def __init__(self, parent: QWidget, scene: Callable[[], Scene | None]) -> None:
        """``scene`` gives what the lanes show, None for nothing."""
        super().__init__(parent)
        self.setAccessibleName(tr("Map of the graph"))
        self.setToolTip(plain_tip(tr("Click or drag to go there. M hides the map.")))
        self._image: QImage | None = None
        self._scene = scene

    def where(self) -> QRectF:
        """Where the picture is; the rest says what it is."""
        return QRectF(GUTTER, 0, max(1, self.width() - GUTTER - RIGHT), self.height())

    def forget(self) -> None:
        """Make the picture anew when it is next painted."""
        self._image = None
        self.update()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        scene = self._scene()
        if scene is not None:
            painter = QPainter(self)
            self._paint(painter, scene)
            painter.end()

    def _paint(self, painter: QPainter, scene: Scene) -> None:
        where, theme = self.where(), scene.theme
        painter.drawImage(where.topLeft(), self._picture(scene, int(where.width()), int(where.height())))
        painter.setFont(ui_font(10))
        painter.setPen(theme.color("muted"))
        painter.drawText(QRectF(10, 0, GUTTER - 12, 14), LEFT, tr("All"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(theme.color("hairline"))
        painter.drawRect(where.adjusted(0, 0, 0, -1))
        painter.setPen(QPen(theme.color("accent"), 1.6))
        painter.drawRect(self._frame(scene, where))

    def _picture(self, scene: Scene, width: int, height: int) -> QImage:
        if self._image is None or self._image.width() != width:
            whole = Camera(x=0, y=0, scale_x=width / scene.shown.span, scale_y=height / max(1, scene.shown.rows))
            self._image = lanes_image(scene, whole, width, height)
        return self._image

    def _frame(self, scene: Scene, where: QRectF) -> QRectF:
        area, camera = scene.area, scene.camera
        scale_x, scale_y = where.width() / scene.shown.span, where.height() / max(1, scene.shown.rows)
        return QRectF(
            where.left() + camera.x * scale_x,
            where.top() + camera.y * scale_y,
            max(LEAST_FRAME, area.width() / camera.scale_x * scale_x),
            max(LEAST_FRAME, area.height() / camera.scale_y * scale_y),
        ).intersected(where)

    def _seek(self, point: QPointF) -> None:
        scene, where = self._scene(), self.where()
        if scene is not None:
            x, y = (point.x() - where.left()) / where.width(), (point.y() - where.top()) / where.height()
            self.sought.emit(x * scene.shown.span, y * scene.shown.rows)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._image = None

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._seek(event.position())

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._seek(event.position())
