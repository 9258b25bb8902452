"""Where lanes stand and which part of them is seen. Arrays and numbers only, no Qt."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.gui.widgets.camera import Camera

NODE_GAP = 0.7
"""Room between nodes, in heights of a GPU."""

MERGED_BELOW = 5.0
"""GPUs of fewer pixels show both streams in one lane."""

COMPUTE_SHARE, LANE_EDGE = 0.62, 0.05
MAX_SCALE_X = 1e11
"""Pixels per second at the largest zoom: ten picoseconds to a pixel."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """Heights, counted in GPUs, of everything that has a lane.

    ``node_top``, ``node_bottom``: shape (nodes,); ``gpu_top``: shape (GPUs,), of a folded node's GPUs its own top.
    ``lane_of``: lane of each track, those of a folded node share one per stream; ``lane_top``, ``lane_bottom``
    rise from lane to lane; ``is_shared``: whether a lane stands for a whole node.
    """

    streams: int
    node_of_gpu: IntArray
    is_folded: tuple[bool, ...]
    node_top: FloatArray
    node_bottom: FloatArray
    gpu_top: FloatArray
    lane_of: IntArray
    lane_top: FloatArray
    lane_bottom: FloatArray
    is_shared: IntArray

    @property
    def height(self) -> float:
        """Bottom of the last node."""
        return float(self.node_bottom[-1])

    def node_at(self, height: float) -> int:
        """The node at a height, -1 between nodes."""
        node = int(np.searchsorted(self.node_top, height, side="right")) - 1
        return node if node >= 0 and height < self.node_bottom[node] else -1

    def gpu_at(self, height: float) -> int:
        """The GPU at a height, -1 beside them and in folded nodes."""
        node = self.node_at(height)
        if node < 0 or self.is_folded[node]:
            return -1
        first = int(np.searchsorted(self.node_of_gpu, node))
        return first + int(height - self.node_top[node])

    def track_at(self, height: float) -> int:
        """The track at a height, -1 for none."""
        gpu = self.gpu_at(height)
        if gpu < 0 or self.streams == 1:
            return gpu
        return gpu * 2 + int(height - self.gpu_top[gpu] >= COMPUTE_SHARE)

    def rows_of(self, *, gpu: int, node: int) -> tuple[float, float] | None:
        """Top and bottom of a GPU or, without one, of a node; None for neither."""
        if 0 <= gpu < len(self.gpu_top):
            return float(self.gpu_top[gpu]), float(self.gpu_top[gpu]) + 1.0
        if 0 <= node < len(self.node_top):
            return float(self.node_top[node]), float(self.node_bottom[node])
        return None

    def lane_box(self, track: int) -> tuple[float, float]:
        """Top and bottom of a track's lane."""
        lane = int(self.lane_of[track])
        return float(self.lane_top[lane]), float(self.lane_bottom[lane])


def layout(node_of_gpu: Collection[int], streams: int, folded: Collection[int] = ()) -> Layout:
    """Lanes of all GPUs, by node; those of ``folded`` nodes take the room of one GPU."""
    nodes = np.asarray(node_of_gpu)
    count = int(nodes[-1]) + 1
    is_folded = np.isin(np.arange(count), list(folded))
    sizes = np.where(is_folded, 1, np.bincount(nodes, minlength=count))
    bottom = np.cumsum(sizes + NODE_GAP) - NODE_GAP
    top = bottom - sizes
    within = np.arange(len(nodes)) - np.searchsorted(nodes, nodes)
    gpu_top = top[nodes] + np.where(is_folded[nodes], 0, within)
    row_tops, row_of_gpu = np.unique(gpu_top, return_inverse=True)
    shares = (0.0, COMPUTE_SHARE, 1.0) if streams == 2 else (0.0, 1.0)
    tops = (row_tops[:, None] + np.array(shares[:-1]) + LANE_EDGE * np.array([1, 0])[:streams]).ravel()
    bottoms = (row_tops[:, None] + np.array(shares[1:]) - LANE_EDGE).ravel()
    shared_rows = np.isin(row_tops, top[is_folded])
    return Layout(
        streams=streams,
        node_of_gpu=nodes,
        is_folded=tuple(is_folded.tolist()),
        node_top=top,
        node_bottom=bottom,
        gpu_top=gpu_top,
        lane_of=(row_of_gpu[:, None] * streams + np.arange(streams)).ravel(),
        lane_top=tops,
        lane_bottom=bottoms,
        is_shared=np.repeat(shared_rows, streams),
    )


def allowed_scale(camera: Camera, span: float, height: float, size: tuple[float, float]) -> tuple[float, float]:
    """The scales of ``camera``, kept where bars and lanes can be seen."""
    scale_x = float(np.clip(camera.scale_x, 0.8 * size[0] / span, MAX_SCALE_X))
    scale_y = float(np.clip(camera.scale_y, min(24.0, size[1] / height), 64.0))
    return scale_x, scale_y


def clamped(camera: Camera, span: float, height: float, size: tuple[float, float]) -> Camera:
    """``camera`` kept where there is something to see, in an area of ``size`` pixels."""
    width, tall = size
    scale_x, scale_y = allowed_scale(camera, span, height, size)
    seen_x, seen_y = width / scale_x, tall / scale_y
    spare = 0.04 * seen_x
    x = min(max(camera.x, -spare), max(-spare, span - seen_x + spare))
    y = min(max(camera.y, 0.0), max(0.0, height - seen_y))
    return Camera(x=x, y=y, scale_x=scale_x, scale_y=scale_y)


def fitted(span: float, height: float, size: tuple[float, float]) -> Camera:
    """Everything in view, as far as lanes stay visible."""
    width, tall = size
    camera = Camera(x=-0.01 * span, y=0.0, scale_x=width / (1.02 * span), scale_y=tall / height)
    return clamped(camera, span, height, size)


def range_camera(camera: Camera, first: float, last: float, width: float) -> Camera:
    """All of a range of time, with a margin."""
    room = last - first
    return replace(camera, x=first - 0.03 * room, scale_x=width / (1.06 * room))


def framed_bar(
    camera: Camera, ends: tuple[float, float], lane: tuple[float, float], *, span: float, size: tuple[float, float]
) -> Camera:
    """A bar from ``ends[0]`` to ``ends[1]`` in the middle, a third of the width, in lanes that can be read."""
    width, height = size
    scale_x = 0.3 * width / (ends[1] - ends[0] or span / 1000)
    scale_y = max(camera.scale_y, 30.0)
    middle = (lane[0] + lane[1]) / 2
    return Camera(x=ends[0] - 0.35 * width / scale_x, y=middle - height / 2 / scale_y, scale_x=scale_x, scale_y=scale_y)


def framed_rows(camera: Camera, rows: tuple[float, float], height: float) -> Camera:
    """Some rows in the middle, as large as they fit; the time in view stays."""
    scale_y = max(camera.scale_y, min(48.0, height / (rows[1] - rows[0] + 1)))
    return replace(camera, y=(rows[0] + rows[1]) / 2 - height / 2 / scale_y, scale_y=scale_y)


def revealed(camera: Camera, ends: tuple[float, float], lane: tuple[float, float], size: tuple[float, float]) -> Camera:
    """Moved as little as needed to see a bar; one that is cut off at one side stays."""
    width, height = size
    left, right = camera.to_x(ends[0]), camera.to_x(ends[1])
    top, bottom = camera.to_y(lane[0]), camera.to_y(lane[1])
    is_beside = right < 8 or left > width - 8
    is_over = top < -1 or bottom > height + 1
    dx = (left + right) / 2 - width / 2 if is_beside else 0.0
    dy = (top + bottom) / 2 - height / 2 if is_over else 0.0
    return camera.moved(dx, dy)


def tick_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least ``least``."""
    power = 10.0 ** np.floor(np.log10(max(least, 1e-15)))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9)))
