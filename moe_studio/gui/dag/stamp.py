"""Operators as small pictures: what looks the same as a moment ago is not drawn again."""

import math
from collections.abc import Callable, Hashable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

MARGIN = 6
"""Pixels around a box for its frame and its marks."""

MOST_STAMPS, MOST_AREA = 1200, 40_000
"""So many pictures are kept, of boxes of at most so many pixels."""

Draw = Callable[[QPainter], object]


class Stamps:
    """Pictures by what they show: operators that look alike share one, wherever they stand."""

    def __init__(self) -> None:
        self._known: dict[Hashable, QPixmap] = {}

    def draw(self, painter: QPainter, box: QRectF, look: Hashable, draw: Draw) -> None:
        """Let ``draw`` draw ``box``, or use the picture of what ``look`` says; on paper always draw."""
        ratio, at = painter.device().devicePixelRatioF(), painter.worldTransform()
        if at.m11() != 1.0 or painter.deviceTransform().m11() != ratio or box.width() * box.height() > MOST_AREA:
            draw(painter)
            return
        x, y = (box.left() + at.dx() - MARGIN) * ratio, (box.top() + at.dy() - MARGIN) * ratio
        left, top = math.floor(x + 1e-6), math.floor(y + 1e-6)
        # To a hundredth of a pixel, which is finer than what smooth edges can tell.
        key = look, round((x - left) * 100), round((y - top) * 100), round(box.width() * 100), round(box.height() * 100)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST_STAMPS:
                self._known.clear()
            known = self._known[key] = self._picture(painter, box, QPointF(x - left, y - top), ratio, draw)
        painter.drawPixmap(QPointF(left / ratio - at.dx(), top / ratio - at.dy()), known)

    @staticmethod
    def _picture(painter: QPainter, box: QRectF, aside: QPointF, ratio: float, draw: Draw) -> QPixmap:
        wide, high = (math.ceil((side + 2 * MARGIN) * ratio) + 1 for side in (box.width(), box.height()))
        picture = QPixmap(wide, high)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        with QPainter(picture) as own:
            own.setRenderHints(painter.renderHints())
            own.translate(aside / ratio + QPointF(MARGIN, MARGIN) - box.topLeft())
            draw(own)
        return picture
