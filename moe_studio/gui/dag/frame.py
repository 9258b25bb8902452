"""Where the camera of the lanes goes: everything, a place, a larger size. Arithmetic only, no Qt."""

from dataclasses import dataclass, replace

import numpy as np

from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.lanes import Lanes
from moe_studio.gui.widgets.camera import Camera

MOST_ROW = 84.0
MOST_ROW_AT_FIT = 40.0
READ_WIDTH, READ_HEIGHT = 270.0, 76.0
"""Column and row in which an operator says all about itself in full."""

FIRST_WIDTH, FIRST_HEIGHT = 164.0, 64.0
"""Column and row at first: all is said, large numbers with a letter for thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Pixels that there are, and columns (levels or seconds) and rows that could be shown in them."""

    width: float
    height: float
    span: float
    rows: int

    def first(self) -> Camera:
        """Readable shapes at the beginning."""
        across = max(2, round(self.width / FIRST_WIDTH))
        return Camera(x=0, y=0, scale_x=self.width / across, scale_y=FIRST_HEIGHT)

    def whole(self) -> Camera:
        """Everything."""
        return Camera(x=0, y=0, scale_x=self.width / (self.span * 1.01), scale_y=self._row_at_fit())

    def kept(self, camera: Camera, x: float, y: float) -> Camera:
        """A point at the top left, as far as there is something to see."""
        seen_x, seen_y = self.width / camera.scale_x, self.height / camera.scale_y
        slack_x = 0.05 * seen_x
        return replace(
            camera,
            x=max(-slack_x, min(x, self.span - seen_x + slack_x)) if seen_x < self.span else -slack_x / 5,
            y=max(-0.4, min(y, self.rows - seen_y + 0.4)) if seen_y < self.rows else 0.0,
        )

    def revealing(self, camera: Camera, left: float, right: float, row: int, rows: int) -> tuple[float, float]:
        """Where to look to see a place, as near to where ``camera`` looks as possible.

        Of what is higher than the view the top is seen: below it there may be nothing in these columns.
        """
        x, y = camera.x, camera.y
        seen_x, seen_y = self.width / camera.scale_x, self.height / camera.scale_y
        if left < x or right > x + seen_x:
            x = left - seen_x * 0.3
        is_inside = row <= y and y + seen_y <= row + rows
        if not is_inside and (row < y or row + rows > y + seen_y):
            y = row + min(rows, seen_y) / 2 - seen_y / 2
        return x, y

    def zoomed(self, camera: Camera, factor: float, at_x: float, at_y: float) -> Camera:
        """Larger by ``factor``, with the same point at these pixels."""
        least = 0.6 * self.width / self.span
        scale_x = float(np.clip(camera.scale_x * factor, least, 400 * max(1.0, least * 1000)))
        scale_y = float(np.clip(camera.scale_y * factor, self._row_at_fit(), MOST_ROW))
        larger = Camera(x=0, y=0, scale_x=scale_x, scale_y=scale_y)
        return self.kept(larger, camera.from_x(at_x) - at_x / scale_x, camera.from_y(at_y) - at_y / scale_y)

    def _row_at_fit(self) -> float:
        return min(MOST_ROW_AT_FIT, self.height / max(1, self.rows))


def framed(room: Room, shown: Lanes, rows: IntArray) -> Camera:
    """These operators, as large as they fit and as they are read best."""
    left, right = float(shown.left[rows].min()), float(shown.right[rows].max())
    top, bottom = float(shown.row[rows].min()), float(shown.row[rows].max()) + 1
    width = max(right - left, shown.span * 1e-6)
    usual = float(np.median(shown.right[rows] - shown.left[rows])) or width
    scale_x = min(READ_WIDTH / usual, 0.9 * room.width / width)
    scale_y = min(READ_HEIGHT, 0.9 * room.height / (bottom - top))
    return Camera(
        x=(left + right) / 2 - room.width / 2 / scale_x,
        y=(top + bottom) / 2 - room.height / 2 / scale_y,
        scale_x=scale_x,
        scale_y=scale_y,
    )
