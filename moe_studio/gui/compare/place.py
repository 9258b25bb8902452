"""Where nodes and GPUs stand in a picture, and which part of it is seen: arithmetic, without Qt."""

from collections.abc import Sequence
from dataclasses import dataclass

CHIP_WIDTH, CHIP_HEIGHT, CHIP_GAP, CHIPS_IN_ROW, MAX_CHIP_ROWS = 40.0, 17.0, 4.0, 3, 4
PADDING, HEAD, GAP, NODE_GAP = 9.0, 24.0, 7.0, 14.0
TILE_WIDTH = 2 * PADDING + CHIPS_IN_ROW * CHIP_WIDTH + (CHIPS_IN_ROW - 1) * CHIP_GAP
BAND, FOOT = 20.0, 15.0
"""Heights of what is said of operators, and of the memory."""

Rect = tuple[float, float, float, float]
"""Left, top, width, height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Rectangles of nodes and of GPUs, in their order, within ``width`` × ``height``."""

    nodes: tuple[Rect, ...]
    gpus: tuple[Rect, ...]
    width: float
    height: float
    chips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """What is in the middle, as shares of the whole, and how much larger than all of it is shown.

    Shares mean the same place in pictures of different sizes, so two views can be locked.
    """

    x: float = 0.5
    y: float = 0.5
    zoom: float = 1.0


MOST_ZOOM = 40.0


def places(nodes: Sequence[int], most_experts: int, aspect: float) -> Places:
    """Places for nodes with so many GPUs each, as large as they can be in a view of this width over height."""
    rows = min(MAX_CHIP_ROWS, -(-most_experts // CHIPS_IN_ROW))
    widest = max(nodes)
    candidates = [
        _placed(nodes, across, columns, rows)
        for across in sorted({-(-len(nodes) // down) for down in range(1, min(len(nodes), 24) + 1)})
        for columns in range(1, min(16, widest) + 1)
        if columns == widest or widest % columns == 0
    ]
    return max(candidates, key=lambda item: min(aspect / item.width, 1 / item.height))


def zoomed(camera: Camera, factor: float, x: float, y: float) -> Camera:
    """``camera`` closer by ``factor``, with the place at ``x``, ``y`` (shares of the whole) kept where it is."""
    zoom = max(1.0, min(MOST_ZOOM, camera.zoom * factor))
    ratio = camera.zoom / zoom
    return bounded(Camera(x=x + (camera.x - x) * ratio, y=y + (camera.y - y) * ratio, zoom=zoom))


def bounded(camera: Camera) -> Camera:
    """``camera`` with something in view."""
    return Camera(x=min(1.0, max(0.0, camera.x)), y=min(1.0, max(0.0, camera.y)), zoom=camera.zoom)


def _placed(nodes: Sequence[int], across: int, columns: int, rows: int) -> Places:
    tile = HEAD + BAND + rows * (CHIP_HEIGHT + CHIP_GAP) + FOOT
    widest = min(columns, max(nodes))
    width = 2 * PADDING + widest * TILE_WIDTH + (widest - 1) * GAP
    boxes, tiles = [], []
    top = height = 0.0
    for start in range(0, len(nodes), across):
        row = nodes[start : start + across]
        downs = [-(-gpus // columns) for gpus in row]
        height = HEAD + PADDING + max(downs) * tile + (max(downs) - 1) * GAP
        for place, gpus in enumerate(row):
            left = place * (width + NODE_GAP)
            boxes.append((left, top, width, height))
            for index in range(gpus):
                down, right = divmod(index, columns)
                x, y = left + PADDING + right * (TILE_WIDTH + GAP), top + HEAD + down * (tile + GAP)
                tiles.append((x, y, TILE_WIDTH, tile))
        top += height + NODE_GAP
    return Places(
        nodes=tuple(boxes),
        gpus=tuple(tiles),
        width=min(across, len(nodes)) * (width + NODE_GAP) - NODE_GAP,
        height=top - NODE_GAP,
        chips=rows * CHIPS_IN_ROW,
    )
