"""Lanes as pixels: all bars at once, however many there are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_studio.document.timeline import Timeline
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.gui.timeline.layout import MERGED_BELOW, Layout
from moe_studio.gui.widgets.camera import Camera

Pixels = NDArray[np.uint32]

GAP_FROM = 4.0
"""Bars of more pixels leave a hairline to their neighbour."""

PATH_PIXELS = 3
"""Thickness of the mark of the longest path, in logical pixels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ink:
    """Colours as 32-bit pixels: per family for bars, and for those that are not meant by the selection."""

    family: Pixels
    faded: Pixels
    ground: int
    lane: int
    path: int
    compute: int
    communication: int


def picture(
    shown: Timeline,
    layout: Layout,
    camera: Camera,
    size: tuple[int, int],
    *,
    ink: Ink,
    ratio: float = 1.0,
    focus: NDArray[np.bool_] | None = None,
    has_path: bool = True,
) -> Pixels:
    """The lanes as 32-bit pixels, shape (height, width).

    ``size`` and ``camera`` are in device pixels, of which ``ratio`` make a logical one. Operators beside
    ``focus`` are faded.
    """
    width, height = size
    is_merged = camera.scale_y < MERGED_BELOW * ratio
    lane_of_line = _lane_of_line(layout, camera, height, is_merged=is_merged, ratio=ratio)
    lanes, strip_of_line = np.unique(lane_of_line, return_inverse=True)
    strip_of_lane = np.full(len(layout.lane_top) + 1, -1)
    strip_of_lane[lanes] = np.arange(len(lanes))  # of the lane -1 the last entry: it is no lane
    strips = np.full((len(lanes), width), ink.lane, np.uint32)
    marks = np.zeros(strips.shape, bool)
    strip = _strip_of_track(layout, strip_of_lane, is_merged=is_merged)
    _fill_bars(strips, shown, camera, strip, ink, focus, is_merged=is_merged and layout.streams == 2)
    if has_path:
        path = shown.path[strip[shown.track[shown.path]] >= 0]
        fill(marks, strip[shown.track[path]], *_ends(shown, path, camera), np.ones(len(path), bool))
    _fill_shared(strips, shown, layout, camera, strip_of_lane, ink)
    if len(lanes) and lanes[0] == -1:
        strips[0] = ink.ground
        marks[0] = False
    image = strips[strip_of_line]
    if has_path:
        lines, seams = _mark_lines(lane_of_line, ratio)
        # A seam keeps the mark apart from bars of nearly its colour.
        for chosen_lines, color in ((seams, ink.ground), (lines, ink.path)):
            image[chosen_lines] = np.where(marks[strip_of_line[chosen_lines]], np.uint32(color), image[chosen_lines])
    # Before the start and after the end there is no time.
    image[:, : max(0, int(camera.to_x(0.0)))] = ink.ground
    image[:, max(0, int(np.ceil(min(width, camera.to_x(shown.span))))) :] = ink.ground
    return image


def _fill_bars(
    strips: Pixels,
    shown: Timeline,
    camera: Camera,
    strip: IntArray,
    ink: Ink,
    focus: NDArray[np.bool_] | None,
    *,
    is_merged: bool,
) -> None:
    """Paint the bars of each track into its ``strip``; if ``is_merged``, two streams share each."""
    is_seen = _is_seen(shown, camera, strips.shape[1]) & (strip >= 0)[shown.track]
    chosen = slice(None) if is_seen.all() else np.flatnonzero(is_seen)  # of all a slice: it copies nothing
    track, family = shown.track[chosen], shown.family[chosen]
    colors = ink.family[family] if focus is None else np.where(focus[chosen], ink.family[family], ink.faded[family])
    # Computing covers what communicates behind it.
    above = track & 1 == 0 if is_merged else None
    fill(strips, strip[track], *_ends(shown, chosen, camera), colors, above=above)


def strip_picture(shown: Timeline, places: IntArray, camera: Camera, size: tuple[int, int], ink: Ink) -> Pixels:
    """The operators at ``places`` alone, in one lane."""
    width, height = size
    strip = np.full((1, width), ink.lane, np.uint32)
    fill(strip, np.zeros(len(places), np.int64), *_ends(shown, places, camera), ink.family[shown.family[places]])
    strip[:, : max(0, int(camera.to_x(0.0)))] = ink.ground
    strip[:, max(0, int(np.ceil(min(width, camera.to_x(shown.span))))) :] = ink.ground
    return np.repeat(strip, height, axis=0)


def fill(
    strips: NDArray[np.generic],
    strip: IntArray,
    left: FloatArray,
    right: FloatArray,
    ink: NDArray[np.generic],
    *,
    above: NDArray[np.bool_] | None = None,
) -> None:
    """Paint a run of pixels for each bar.

    Bars of less than a pixel give way to those that fill one; among either, those ``above`` cover the others.
    """
    width = strips.shape[1]
    # Numbers that are not below 0 are rounded down by leaving out what comes behind the point.
    first = np.clip(left, 0, width - 1).astype(np.int64)
    last = np.clip(right, 0, width).astype(np.int64) - (right - left > GAP_FROM)
    is_narrow = last <= first + 1
    seen = (right > 0) & (left < width)
    narrow = _in_order(is_narrow & seen, above)
    flat = strips.reshape(-1)
    flat[strip[narrow] * width + first[narrow]] = ink[narrow]
    rest = _in_order(~is_narrow & seen, above)
    size = last[rest] - first[rest]
    begin = np.cumsum(size) - size
    offset = strip[rest] * width + first[rest] - begin
    flat[np.arange(int(size.sum())) + np.repeat(offset, size)] = np.repeat(ink[rest], size)


def _in_order(chosen: NDArray[np.bool_], above: NDArray[np.bool_] | None) -> IntArray:
    """Places of those that are ``chosen``, those ``above`` last."""
    if above is None:
        return np.flatnonzero(chosen)
    return np.concatenate([np.flatnonzero(chosen & ~above), np.flatnonzero(chosen & above)])


def _ends(shown: Timeline, places: IntArray | slice, camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Pixels at which bars begin and end."""
    return (shown.start[places] - camera.x) * camera.scale_x, (shown.finish[places] - camera.x) * camera.scale_x


def _is_seen(shown: Timeline, camera: Camera, width: int) -> NDArray[np.bool_]:
    if camera.x <= 0.0 and camera.from_x(width) >= shown.span:
        return np.ones(len(shown.start), bool)
    return (shown.finish >= camera.x) & (shown.start <= camera.from_x(width))


def _strip_of_track(layout: Layout, strip_of_lane: IntArray, *, is_merged: bool) -> IntArray:
    """Strip that each track is painted into, -1 for none; shared lanes are painted otherwise."""
    lane = layout.lane_of - layout.lane_of % layout.streams if is_merged else layout.lane_of
    return np.where(layout.is_shared[layout.lane_of], -1, strip_of_lane[lane])


def _lane_of_line(layout: Layout, camera: Camera, height: int, *, is_merged: bool, ratio: float) -> IntArray:
    """Lane that each line of pixels shows, -1 for none."""
    place = camera.y + (np.arange(height) + 0.5) / camera.scale_y
    if not is_merged:
        lane = np.searchsorted(layout.lane_top, place, side="right") - 1
        return np.where((lane >= 0) & (place < layout.lane_bottom[lane]), lane, -1)
    streams = layout.streams
    tops, bottoms = layout.lane_top[::streams], layout.lane_bottom[streams - 1 :: streams]
    row = np.searchsorted(tops, place, side="right") - 1
    # GPUs of few pixels touch each other: a gap would hide some.
    room = bottoms + (0.2 if camera.scale_y < 3 * ratio else 0.0)
    return np.where((row >= 0) & (place < room[row]), row * streams, -1)


def _mark_lines(lane_of_line: IntArray, ratio: float) -> tuple[IntArray, IntArray]:
    """Lines in which the longest path is marked: the first of each lane, all of a thin one; and those below them."""
    starts = np.flatnonzero(np.concatenate(([True], lane_of_line[1:] != lane_of_line[:-1])))
    size = np.diff(np.append(starts, len(lane_of_line)))
    thick = round(PATH_PIXELS * ratio)
    within = np.arange(len(lane_of_line)) - np.repeat(starts, size)
    seam = (within >= thick) & (within < thick + round(ratio)) & (lane_of_line >= 0)
    return np.flatnonzero((within < thick) & (lane_of_line >= 0)), np.flatnonzero(seam)


def _fill_shared(
    strips: Pixels,
    shown: Timeline,
    layout: Layout,
    camera: Camera,
    strip_of_lane: IntArray,
    ink: Ink,
) -> None:
    """Lanes of folded nodes: how many of their GPUs are busy at each pixel, from none to all."""
    width = strips.shape[1]
    if not layout.is_shared.any():
        return
    low, high = camera.x, camera.from_x(width)
    seen = np.flatnonzero((shown.finish > low) & (shown.start < high) & layout.is_shared[layout.lane_of][shown.track])
    lane = layout.lane_of[shown.track[seen]]
    gpus = np.bincount(layout.node_of_gpu)
    for number in np.unique(lane).tolist():
        if strip_of_lane[number] < 0:
            continue
        mine = seen[lane == number]
        left = np.clip((shown.start[mine] - low) * camera.scale_x, 0, width)
        right = np.clip((shown.finish[mine] - low) * camera.scale_x, 0, width)
        node = int(layout.node_of_gpu[shown.track[mine[0]] // layout.streams])
        share = np.clip(_coverage(left, right, width) / gpus[node], 0, 1)
        is_comm = layout.streams == 2 and number % 2 == 1
        strips[strip_of_lane[number]] = _blend(ink.lane, ink.communication if is_comm else ink.compute, share)


def _coverage(left: FloatArray, right: FloatArray, width: int) -> FloatArray:
    """How much of each pixel the bars cover, summed over bars; shape (width,)."""
    total = np.zeros(width + 1)
    # The integral of coverage is a sum of ramps; its differences are the coverage.
    for edge, sign in ((left, 1.0), (right, -1.0)):
        cell = np.minimum(edge.astype(np.int64), width)
        rest = edge - cell
        step = np.bincount(cell, minlength=width + 1)[: width + 1].astype(float)
        part = np.bincount(cell, rest, minlength=width + 1)[: width + 1]
        total += sign * (np.cumsum(step) - part)
    return total[:width]


def _blend(ground: int, color: int, share: FloatArray) -> Pixels:
    """From one colour to another; shape of ``share``."""
    result = np.full(share.shape, 0xFF, np.int64)
    for shift in (16, 8, 0):
        low, high = (ground >> shift) & 0xFF, (color >> shift) & 0xFF
        result = result * 256 + (low + (high - low) * share).astype(np.int64)
    return result.astype(np.uint32)
