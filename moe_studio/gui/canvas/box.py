"""Rectangles without Qt, and which of them is next in a direction."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    def has(self, x: float, y: float) -> bool:
        """Whether a point lies in it."""
        return self.x <= x <= self.right and self.y <= y <= self.bottom


def around(boxes: Sequence[Box], *, side: float = 0.0, head: float = 0.0) -> Box:
    """The rectangle around some, with ``side`` to spare at the sides and below, and ``head`` above."""
    left, top = min(box.x for box in boxes) - side, min(box.y for box in boxes) - head
    right, bottom = max(box.right for box in boxes) + side, max(box.bottom for box in boxes) + side
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def neighbour(boxes: Sequence[Box], current: int, dx: int, dy: int, allowed: Sequence[int]) -> int:
    """The nearest allowed box in a direction; the current one when there is none."""
    x, y = boxes[current].center
    best, best_cost = current, float("inf")
    for index in allowed:
        other_x, other_y = boxes[index].center
        along = (other_x - x) * dx + (other_y - y) * dy
        across = abs((other_x - x) * dy) + abs((other_y - y) * dx)
        if along > 1 and along + 3 * across < best_cost:
            best, best_cost = index, along + 3 * across
    return best
