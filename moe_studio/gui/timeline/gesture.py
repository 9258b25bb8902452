"""What a pressed button means on the timeline: one class per gesture, beside that of panning."""

from typing import Protocol

from PySide6.QtCore import QPointF

from moe_studio.gui.widgets.pan import STARTS_AFTER


class Surface(Protocol):
    """What gestures do to the view."""

    def snapped(self, point: QPointF) -> float: ...
    def show_measure(self, measure: tuple[float, float] | None) -> None: ...
    def show_band(self, band: tuple[float, float] | None) -> None: ...
    def zoom_to(self, first: float, last: float) -> None: ...


class Gesture(Protocol):
    """From a press to its release."""

    def move(self, point: QPointF) -> None: ...
    def release(self, point: QPointF) -> None: ...
    def escape(self) -> None: ...


class MeasureGesture:
    """Measures from where it began to the pointer; both ends snap to starts and ends of operators."""

    def __init__(self, surface: Surface, point: QPointF) -> None:
        self._surface, self._start = surface, surface.snapped(point)
        surface.show_measure(None)

    def move(self, point: QPointF) -> None:
        """Follow the pointer."""
        self._surface.show_measure((self._start, self._surface.snapped(point)))

    def release(self, point: QPointF) -> None:
        """Leave the measure standing."""

    def escape(self) -> None:
        """Measure nothing."""
        self._surface.show_measure(None)


class RangeGesture:
    """Zooms to the range that was drawn."""

    def __init__(self, surface: Surface, point: QPointF) -> None:
        self._surface, self._from = surface, point
        self._start = surface.snapped(point)

    def move(self, point: QPointF) -> None:
        """Follow the pointer."""
        self._surface.show_band((self._start, self._surface.snapped(point)))

    def release(self, point: QPointF) -> None:
        """Zoom there."""
        self._surface.show_band(None)
        if abs(point.x() - self._from.x()) > STARTS_AFTER:
            self._surface.zoom_to(*sorted((self._start, self._surface.snapped(point))))

    def escape(self) -> None:
        """Zoom nowhere."""
        self._surface.show_band(None)
