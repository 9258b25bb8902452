"""The gesture that moves what is seen of a canvas."""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QPointF

STARTS_AFTER = 4
"""Pixels that the pointer may move without it being a drag."""


class Surface(Protocol):
    """What is moved."""

    def pan(self, dx: float, dy: float) -> None: ...


class PanGesture:
    """From a press to its release: dragging moves what is seen; without a move it is a ``click``, unless that is None.

    ``click`` gets the point of the release.
    """

    def __init__(self, surface: Surface, point: QPointF, click: Callable[[QPointF], object] | None) -> None:
        self._surface, self._start, self._last = surface, point, point
        self._click = click

    def move(self, point: QPointF) -> None:
        """Follow the pointer."""
        if self._click is not None and (point - self._start).manhattanLength() <= STARTS_AFTER:
            return
        self._click = None
        self._pan(self._last - point)
        self._last = point

    def release(self, point: QPointF) -> None:
        """End, or click."""
        if self._click is not None:
            self._click(point)

    def escape(self) -> None:
        """Go back to where it began."""
        if self._click is None:
            self._pan(self._last - self._start)

    def _pan(self, delta: QPointF) -> None:
        self._surface.pan(delta.x(), delta.y())
