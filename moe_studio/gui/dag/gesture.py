"""The gesture of the lanes: dragging moves what is seen; without a move it is a click."""

from collections.abc import Callable

from PySide6.QtCore import QPointF

from moe_studio.gui.dag.lane_view import LaneView

STARTS_AFTER = 4
"""Pixels that the pointer may move without it being a drag."""


class PanGesture:
    """From a press to its release."""

    def __init__(self, view: LaneView, point: QPointF, click: Callable[[QPointF], object]) -> None:
        self._view, self._start, self._last, self._click = view, point, point, click
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
        if self._view.shown is not None:
            self._view.pan(delta.x(), delta.y())
