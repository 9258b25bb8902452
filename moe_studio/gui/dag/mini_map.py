"""A whole drawing in small, with a frame around the part in view."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from moe_studio.gui.dag.margin import LEFT
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import plain_tip

LEAST_FRAME = 6.0
"""Size of the frame in pixels below which it would not be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapScene:
    """What a map shows: the size of the whole drawing and the part of it that is seen, in the drawing's own units.

    ``picture`` draws the whole in so many pixels across and down.
    """

    theme: Theme
    whole: QSizeF
    seen: QRectF
    picture: Callable[[int, int], QImage]


class MiniMap(QWidget):
    """A picture of everything that is clicked, or dragged over, to go there.

    Signals:
        sought: the pointer asks for a place; carries what shall be in the middle, in units of the drawing.
    """

    sought = Signal(float, float)

    def __init__(
        self, parent: QWidget, scene: Callable[[], MapScene | None], *, gutter: int = 0, right: int = 0
    ) -> None:
        """``scene`` gives what there is to show, None for nothing; ``gutter`` is room for a word at the left."""
        super().__init__(parent)
        self.setAccessibleName(tr("Map of the graph"))
        self.setToolTip(plain_tip(tr("Click or drag to go there. M hides the map.")))
        self._image: QImage | None = None
        self._scene = scene
        self._gutter, self._right = gutter, right

    def where(self) -> QRectF:
        """Where the picture is; the rest says what it is."""
        return QRectF(self._gutter, 0, max(1, self.width() - self._gutter - self._right), self.height())

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

    def _paint(self, painter: QPainter, scene: MapScene) -> None:
        where, theme = self.where(), scene.theme
        painter.drawImage(where.topLeft(), self._picture(scene, where))
        if self._gutter:
            painter.setFont(ui_font(10))
            painter.setPen(theme.color("muted"))
            painter.drawText(QRectF(10, 0, self._gutter - 12, 14), LEFT, tr("All"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # Over the drawing itself the edge has to be seen.
        painter.setPen(theme.color("hairline" if self._gutter else "muted"))
        painter.drawRect(where.adjusted(0, 0, 0 if self._right else -1, -1))
        painter.setPen(QPen(theme.color("accent"), 1.6))
        painter.drawRect(self.frame(scene))

    def _picture(self, scene: MapScene, where: QRectF) -> QImage:
        ratio = self.devicePixelRatioF()
        if self._image is None or self._image.devicePixelRatio() != ratio:
            self._image = scene.picture(round(where.width() * ratio), round(where.height() * ratio))
            self._image.setDevicePixelRatio(ratio)
        return self._image

    def frame(self, scene: MapScene) -> QRectF:
        """The frame around the part in view."""
        where, seen = self.where(), scene.seen
        scale_x, scale_y = where.width() / scene.whole.width(), where.height() / scene.whole.height()
        return QRectF(
            where.left() + seen.x() * scale_x,
            where.top() + seen.y() * scale_y,
            max(LEAST_FRAME, seen.width() * scale_x),
            max(LEAST_FRAME, seen.height() * scale_y),
        ).intersected(where)

    def _seek(self, point: QPointF) -> None:
        scene, where = self._scene(), self.where()
        if scene is not None:
            x, y = (point.x() - where.left()) / where.width(), (point.y() - where.top()) / where.height()
            self.sought.emit(x * scene.whole.width(), y * scene.whole.height())

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
