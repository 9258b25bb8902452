"""What is painted: every text with its place, its colour and the ground below it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPalette
from PySide6.QtWidgets import QGraphicsItem, QGraphicsView, QWidget

LEAST_SHARE = 0.2
"""A colour that covers less of a text's ground, such as a line that it crosses, does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaintedText:
    """One text as it was painted. ``room`` is where it was put and ``box`` what its letters take, in pixels."""

    text: str
    color: QColor
    box: QRectF
    room: QRectF | None
    clip: QRectF
    size: float


@contextmanager
def recorded_texts(*, is_drawn: bool, ground: QImage | None = None) -> Iterator[list[PaintedText]]:
    """All texts that Python code paints meanwhile on widgets and on ``ground``.

    Without ``is_drawn`` they are left out of the picture.
    """
    found: list[PaintedText] = []
    original = QPainter.drawText

    def draw_text(painter: QPainter, *args: Any) -> Any:
        found.append(_text(painter, args, ground))
        return original(painter, *args) if is_drawn else None

    QPainter.drawText = draw_text  # type: ignore[method-assign, assignment]
    try:
        yield found
    finally:
        QPainter.drawText = original  # type: ignore[method-assign]


def painted(widget: QWidget) -> tuple[list[PaintedText], QImage]:
    """The texts that ``widget`` paints itself, and the picture without them."""
    with recorded_texts(is_drawn=False) as found:
        ground = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return found, ground


def painted_canvas(view: QGraphicsView) -> tuple[list[PaintedText], QImage]:
    """The same of what a view shows of its scene, drawn anew: on the screen its parts are pictures made before."""
    for item in view.items():
        item.setCacheMode(QGraphicsItem.CacheMode.NoCache)
    ground = QImage(view.viewport().size(), QImage.Format.Format_RGB32)
    ground.fill(view.window().palette().color(QPalette.ColorRole.Base))
    with recorded_texts(is_drawn=False, ground=ground) as found:
        painter = QPainter(ground)
        view.render(painter, QRectF(ground.rect()), view.viewport().rect())
        painter.end()
    return found, ground


def _text(painter: QPainter, args: tuple[Any, ...], ground: QImage | None) -> PaintedText:
    where, text = args[0], str(args[-1])
    metrics = QFontMetricsF(painter.font())
    if isinstance(where, QRect | QRectF):
        room = QRectF(where)
        flags = int(getattr(args[1], "value", args[1])) if len(args) > 2 else 0
        box = metrics.boundingRect(room, flags, text)
    else:
        room = None
        box = metrics.boundingRect(text).translated(QPointF(where))
    to_device = painter.deviceTransform()
    clip = _seen(painter, ground)
    if painter.hasClipping():
        clip = clip.intersected(to_device.mapRect(painter.clipBoundingRect()))
    color = QColor(painter.pen().color())
    color.setAlphaF(color.alphaF() * painter.opacity())
    return PaintedText(
        text=text,
        color=color,
        box=to_device.mapRect(box),
        room=None if room is None else to_device.mapRect(room),
        clip=clip,
        size=abs(to_device.m22() or to_device.m12()) * metrics.height(),
    )


def _seen(painter: QPainter, ground: QImage | None) -> QRectF:
    """The part of the widget painted on that can be seen, in its window."""
    widget = painter.device()
    if ground is not None and widget is ground:
        return QRectF(ground.rect())
    if not isinstance(widget, QWidget):
        return QRectF()  # a picture made in advance; nobody knows here where it will be shown
    seen = widget.visibleRegion().boundingRect()
    return QRectF(seen.translated(widget.mapTo(widget.window(), seen.topLeft()) - seen.topLeft()))


def contrast(one: QColor, other: QColor) -> float:
    """The ratio of two opaque colours' brightness, from 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: QColor) -> float:
    parts = np.array([color.redF(), color.greenF(), color.blueF()])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def pixels(image: QImage) -> np.ndarray:
    """The picture's colours as one number each, ``(rows, columns)``."""
    raw = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return raw[:, : image.width()] & 0xFFFFFF


def grounds(ground: np.ndarray, box: QRectF) -> list[QColor]:
    """The colours below ``box`` that cover a part of it worth speaking of."""
    left, top = max(0, int(box.left())), max(0, int(box.top()))
    part = ground[top : max(top, int(np.ceil(box.bottom()))), left : max(left, int(np.ceil(box.right())))]
    if not part.size:
        return []
    colors, counts = np.unique(part, return_counts=True)
    return [QColor(int(color)) for color, count in zip(colors, counts, strict=True) if count >= part.size * LEAST_SHARE]


def over(color: QColor, ground: QColor) -> QColor:
    """What ``color`` looks like on ``ground``."""
    share = color.alphaF()
    mixed = [share * a + (1 - share) * b for a, b in zip(color.getRgbF()[:3], ground.getRgbF()[:3], strict=True)]
    return QColor.fromRgbF(*mixed)


def worst_contrast(text: PaintedText, ground: np.ndarray) -> float:
    """The least contrast of a painted text with what is below it; 21 where nothing of it can be seen."""
    box = text.box.intersected(text.clip)
    if box.width() < 2 or box.height() < 2:
        return 21.0
    below = grounds(ground, box.adjusted(-1, 0, 1, 0))
    return min((contrast(over(text.color, color), color) for color in below), default=21.0)


def is_cut(text: PaintedText, *, slack: float = 1.5) -> bool:
    """Whether letters lie outside the room that the text was given."""
    return text.room is not None and (
        text.box.left() < text.room.left() - slack or text.box.right() > text.room.right() + slack
    )
