"""The gesture of the graph: dragging moves what is seen; without a move it is a click."""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QPointF

STARTS_AFTER = 4
"""Pixels that the pointer may move without it being a drag."""


class Surface(Protocol):
    """What is moved."""

    def pan(self, dx: float, dy: float) -> None: ...


class PanGesture:
    """From a press to its release."""

    def __init__(self, surface: Surface, point: QPointF, click: Callable[[QPointF], object]) -> None:
        self._surface, self._start, self._last, self._click = surface, point, point, click
        self._is_click = True

    def move(self, point: QPointF) -> None:
        """Follow the pointer."""
        if self._is_click and (point - self._start).manhattanLength() <= STARTS_AFTER:
            return
        self._is_click = False
        self._pan(self._last - point)
        self._last = point

    def release(self, point: QPointF) -> None:
        """End, or click."""
        if self._is_click:
            self._click(point)

    def escape(self) -> None:
        """Go back to where it began."""
        if not self._is_click:
            self._pan(self._last - self._start)

    def _pan(self, delta: QPointF) -> None:
        self._surface.pan(delta.x(), delta.y())
