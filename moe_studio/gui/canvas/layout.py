"""Where nodes and GPUs stand on the canvas: arithmetic on rectangles, without Qt."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from moe_studio.project.cluster import Cluster

TILE_WIDTH = 132.0
TILE_BASE = 66.0
CHIP_WIDTH, CHIP_HEIGHT, CHIP_GAP = 34.0, 19.0, 5.0
CHIPS_IN_ROW = 3
MAX_CHIP_ROWS = 4
GAP, PADDING, HEAD, NODE_GAP = 8.0, 12.0, 34.0, 18.0
TILE_PADDING = 10.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLayout:
    """Rectangles of nodes and GPUs, and how many rows of chips a GPU has room for."""

    nodes: tuple[Box, ...]
    gpus: tuple[Box, ...]
    width: float
    height: float
    chip_rows: int


def cluster_layout(cluster: Cluster, *, most_experts: int, aspect: float) -> ClusterLayout:
    """The arrangement that shows most in a view with ``aspect`` = width / height.

    Nodes keep the columns and rows that the project gives them; how many GPUs stand side by side
    in a node is free.
    """
    rows = min(MAX_CHIP_ROWS, max(1, -(-(most_experts + 1) // CHIPS_IN_ROW)))
    widest = max(node.gpus for node in cluster.nodes)
    candidates = [
        _arranged(cluster, grid, columns, rows)
        for grid in _grids(cluster)
        for columns in range(1, min(16, widest) + 1)
        if columns == widest or widest % columns == 0
    ]
    return max(candidates, key=lambda item: min(aspect / item.width, 1 / item.height))


def chip_box(index: int) -> Box:
    """Where the chip number ``index`` stands in its GPU."""
    row, column = divmod(index, CHIPS_IN_ROW)
    return Box(
        x=TILE_PADDING + column * (CHIP_WIDTH + CHIP_GAP),
        y=31 + row * (CHIP_HEIGHT + CHIP_GAP),
        width=CHIP_WIDTH,
        height=CHIP_HEIGHT,
    )


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


def _grids(cluster: Cluster) -> list[list[tuple[int, int]]]:
    """Ways to put the nodes into columns and rows: the project's own, or every sensible one."""
    places = [node.at for node in cluster.nodes]
    if all(len(place) == 2 for place in places) and len(set(places)) == len(places):
        columns = sorted({place[0] for place in places})
        rows = sorted({place[1] for place in places})
        return [[(columns.index(place[0]), rows.index(place[1])) for place in places]]
    count = len(places)
    widths = sorted({-(-count // rows) for rows in range(1, min(count, 32) + 1)})
    return [[(index % width, index // width) for index in range(count)] for width in widths]


def _arranged(cluster: Cluster, grid: list[tuple[int, int]], columns: int, chip_rows: int) -> ClusterLayout:
    tile = TILE_BASE + chip_rows * (CHIP_HEIGHT + CHIP_GAP)
    sizes = [_node_size(node.gpus, columns, tile) for node in cluster.nodes]
    widths = [max((s[0] for s, g in zip(sizes, grid, strict=True) if g[0] == c), default=0.0) for c in _span(grid, 0)]
    heights = [max((s[1] for s, g in zip(sizes, grid, strict=True) if g[1] == r), default=0.0) for r in _span(grid, 1)]
    left = [0.0, *accumulate(width + NODE_GAP for width in widths)]
    top = [0.0, *accumulate(height + NODE_GAP for height in heights)]
    nodes, gpus = [], []
    for node, (column, row), (_, height) in zip(cluster.nodes, grid, sizes, strict=True):
        x, y = left[column], top[row]
        nodes.append(Box(x=x, y=y, width=widths[column], height=height))
        for index in range(node.gpus):
            down, across = divmod(index, columns)
            gpus.append(
                Box(
                    x=x + PADDING + across * (TILE_WIDTH + GAP),
                    y=y + HEAD + down * (tile + GAP),
                    width=TILE_WIDTH,
                    height=tile,
                )
            )
    return ClusterLayout(
        nodes=tuple(nodes),
        gpus=tuple(gpus),
        width=left[-1] - NODE_GAP,
        height=top[-1] - NODE_GAP,
        chip_rows=chip_rows,
    )


def _span(grid: list[tuple[int, int]], axis: int) -> range:
    return range(max(place[axis] for place in grid) + 1)


def _node_size(gpus: int, columns: int, tile: float) -> tuple[float, float]:
    across = min(columns, gpus)
    down = -(-gpus // columns)
    return (
        2 * PADDING + across * TILE_WIDTH + (across - 1) * GAP,
        HEAD + PADDING + down * tile + (down - 1) * GAP,
    )
