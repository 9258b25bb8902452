"""Which part of the lanes is seen: everything but painting and events."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.frame import Room, framed
from moe_studio.gui.dag.lanes import Columns, Lanes
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.camera import Camera
from moe_studio.units import time_text

NEAR_TOP = 0.1
"""Rows above what is looked at first."""


class LaneView:
    """A camera on lanes. ``on_moved`` is told whenever another part is seen."""

    def __init__(self, on_moved: Callable[[], None]) -> None:
        self.shown: Lanes | None = None
        self.columns: Columns = "level"
        self.camera = Camera(x=0, y=0, scale_x=1, scale_y=1)
        self.area = QRectF(0, 0, 1, 1)
        self.is_placed = False
        self._on_moved = on_moved

    def room(self) -> Room:
        """Pixels that there are, and what could be shown in them."""
        assert self.shown is not None
        return Room(width=self.area.width(), height=self.area.height(), span=self.shown.span, rows=self.shown.rows)

    def place(self) -> None:
        """First look: readable shapes at the start of the longest path; on a time axis everything."""
        assert self.shown is not None
        self.is_placed = True
        if self.columns == "time":
            self.fit()
            return
        self.camera = self.room().first()
        first = int(self.shown.row[self.shown.path[0]]) if len(self.shown.path) else 0
        lane = self.shown.lane_of_row(first)
        self.look_at(0, float(self.shown.lane_first[lane]) - NEAR_TOP)

    def fit(self) -> None:
        """Bring everything into view."""
        if self.shown is not None:
            self.camera = self.room().whole()
            self._on_moved()

    def frame(self, rows: IntArray) -> None:
        """Bring these operators into view as large as they fit, or everything if there are none."""
        if not len(rows) or self.shown is None:
            self.fit()
            return
        self.is_placed = True
        self.camera = framed(self.room(), self.shown, rows)
        self.look_at(self.camera.x, self.camera.y)

    def look_at(self, x: float, y: float) -> None:
        """Put a point at the top left, as far as there is something to see."""
        self.camera = self.room().kept(self.camera, x, y)
        self._on_moved()

    def look_around(self, x: float, y: float) -> None:
        """Put a point in the middle."""
        camera, area = self.camera, self.area
        self.look_at(x - area.width() / camera.scale_x / 2, y - area.height() / camera.scale_y / 2)

    def pan(self, dx: float, dy: float) -> None:
        """Move by so many pixels."""
        if self.shown is None:
            return
        self.look_at(self.camera.x + dx / self.camera.scale_x, self.camera.y + dy / self.camera.scale_y)

    def reveal(self, row: int) -> None:
        """Move as little as needed to see an operator."""
        assert self.shown is not None
        shown = self.shown
        self.reveal_rows(float(shown.left[row]), float(shown.right[row]), int(shown.row[row]), 1)

    def reveal_rows(self, left: float, right: float, row: int, rows: int) -> None:
        """Move as little as needed to see a place of ``rows`` rows."""
        self.look_at(*self.room().revealing(self.camera, left, right, row, rows))

    def zoom(self, factor: float, at: QPointF) -> None:
        """Nearer by ``factor``; what is under ``at`` stays there."""
        self.camera = self.room().zoomed(self.camera, factor, at.x() - self.area.left(), at.y() - self.area.top())
        self._on_moved()

    def row_at(self, point: QPointF) -> int:
        """The operator under a pixel, -1 for none."""
        if self.shown is None or not self.area.contains(point):
            return -1
        x, y = point.x() - self.area.left(), point.y() - self.area.top()
        return self.shown.at(self.camera.from_x(x), self.camera.from_y(y))

    def text(self) -> str:
        """What is in view, in words."""
        if self.shown is None:
            return ""
        camera = self.camera
        left, right = max(0.0, camera.x), min(self.shown.span, camera.from_x(self.area.width()))
        if self.columns == "time":
            return tr(f"{time_text(left, 3)} – {time_text(right, 3)} of {time_text(self.shown.span, 3)}")
        return tr(f"levels {int(left) + 1:,}–{int(np.ceil(right)):,} of {int(self.shown.span):,}")
