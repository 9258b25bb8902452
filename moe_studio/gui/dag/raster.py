"""Lanes as a picture: what is too small to read is painted as pixels, all operators at once."""

import numpy as np
from numpy.typing import NDArray

from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.lanes import Lanes
from moe_studio.gui.widgets.camera import Camera

Pixels = NDArray[np.uint32]

BAND = 0.4
"""Share of a row that the longest path takes where rows are thick enough to show the operators, too."""


def picture(
    shown: Lanes,
    camera: Camera,
    width: int,
    height: int,
    *,
    pixels: IntArray,
    path_color: int,
    ground: int,
    mask: NDArray[np.bool_] | None = None,
) -> Pixels:
    """The lanes as 32-bit pixels; shape (height, width).

    ``pixels``: colour of each operator; ``mask``: those that are drawn, None for all.
    """
    low = max(0, int(np.floor(camera.y)))
    high = min(shown.rows, int(np.ceil(camera.from_y(height))) + 1)
    strips = np.full((max(0, high - low) + 1, width), ground, np.uint32)
    _fill(strips[:-1], shown, camera, shown.row - low, pixels, mask)
    image = strips[_strip_of_pixel(camera, low, high, height)]
    _draw_path(image, shown, camera, path_color)
    return image


def _fill(
    strips: Pixels, shown: Lanes, camera: Camera, strip: IntArray, color: IntArray, mask: NDArray[np.bool_] | None
) -> None:
    """Paint each operator's run of pixels into its strip; operators of one row hardly overlap."""
    count, width = strips.shape
    left = (shown.left - camera.x) * camera.scale_x
    right = (shown.right - camera.x) * camera.scale_x
    seen = (right > 0) & (left < width) & (strip >= 0) & (strip < count)
    if mask is not None:
        seen &= mask
    start = np.clip(left[seen], 0, width - 1).astype(np.int64)
    # A hairline between neighbours stays visible as long as there are pixels for it.
    gap = (right[seen] - left[seen] > 4).astype(np.int64)
    size = np.maximum(1, np.clip(right[seen], 1, width).astype(np.int64) - start - gap)
    _paint_runs(strips, strip[seen], start, size, color[seen])


def _paint_runs(image: Pixels, line: IntArray, start: IntArray, size: IntArray, color: IntArray) -> None:
    """Paint ``size`` pixels of a ``line`` from ``start`` on, later runs over earlier ones; shape (runs,) each."""
    first = np.cumsum(size) - size
    place = np.arange(int(size.sum())) + np.repeat(line * image.shape[1] + start - first, size)
    image.reshape(-1)[place] = np.repeat(color, size)


def _strip_of_pixel(camera: Camera, low: int, high: int, height: int) -> IntArray:
    """Strip that each line of pixels shows; the last, empty one for lines beyond the lanes and for gaps."""
    place = camera.y + np.arange(height) / camera.scale_y
    strip = np.floor(place).astype(np.int64)
    is_gap = (place - strip) * camera.scale_y < 1 if camera.scale_y > 4 else np.zeros(height, bool)
    outside = (strip < low) | (strip >= high)
    return np.where(outside | is_gap, max(0, high - low), strip - low)


def _draw_path(image: Pixels, shown: Lanes, camera: Camera, color: int) -> None:
    """The longest path as a band under its operators; where rows are thin it covers them, two pixels thick."""
    height, width = image.shape
    is_thin, path = camera.scale_y < 8, shown.path
    top = ((shown.row[path] + (0 if is_thin else 1 - BAND) - camera.y) * camera.scale_y).astype(np.int64)
    left, right = (((ends[path] - camera.x) * camera.scale_x).astype(np.int64) for ends in (shown.left, shown.right))
    thick = max(2, int(camera.scale_y * (1 if is_thin else BAND)) - 1)
    seen = (right >= 0) & (left < width) & (top + thick > 0) & (top < height)
    start = np.maximum(0, left[seen])
    size = np.minimum(width, np.maximum(right[seen], left[seen] + 1)) - start
    for step in range(thick):
        line = top[seen] + step
        is_in = (line >= 0) & (line < height)
        _paint_runs(image, line[is_in], start[is_in], size[is_in], np.full(np.count_nonzero(is_in), color))
