"""Where racks, nodes and GPUs stand on the canvas: arithmetic on rectangles, without Qt."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from moe_studio.document.node_place import STEP, Place, places
from moe_studio.project.cluster import Cluster

TILE_WIDTH = 132.0
TILE_BASE = 70.0
CHIP_WIDTH, CHIP_HEIGHT, CHIP_GAP = 34.0, 19.0, 5.0
CHIPS_IN_ROW = 3
MAX_CHIP_ROWS = 4
CHIP_TOP = 31.0
GAP, PADDING, HEAD, NODE_GAP = 8.0, 12.0, 34.0, 30.0
RACK_PADDING, RACK_HEAD = 12.0, 26.0
TILE_PADDING = 10.0
EXPANDED_IN_ROW = 8
LINK = 16.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLayout:
    """Rectangles of racks, nodes and GPUs, and how many rows of chips a GPU has room for.

    ``spots`` are the nodes' columns and rows, ``pitch`` the distance from one to the next.
    """

    nodes: tuple[Box, ...]
    gpus: tuple[Box, ...]
    racks: tuple[tuple[str, Box], ...]
    spots: tuple[Place, ...]
    pitch: tuple[float, float]
    whole: Box
    chip_rows: int

    @property
    def neighbours(self) -> tuple[tuple[int, int], ...]:
        """Pairs of nodes that stand next to each other in a row or a column, with nothing between them."""
        pairs = []
        for axis in (0, 1):
            lines: dict[float, list[tuple[float, int]]] = {}
            for number, spot in enumerate(self.spots):
                lines.setdefault(spot[1 - axis], []).append((spot[axis], number))
            for line in lines.values():
                line.sort()
                pairs += [(a, b) for (_, a), (_, b) in pairwise(line)]
        return tuple(pairs)

    @property
    def links(self) -> tuple[Box, ...]:
        """The gaps between neighbouring nodes in which their link is drawn."""
        return tuple(_gap(self.nodes[first], self.nodes[second]) for first, second in self.neighbours)

    def spot_at(self, x: float, y: float) -> Place:
        """The column and row whose card has its middle nearest to a point, on the grid."""
        column, row = x / self.pitch[0] - 0.5, y / self.pitch[1] - 0.5
        return round(column / STEP) * STEP, round(row / STEP) * STEP


def cluster_layout(cluster: Cluster, *, most_experts: int, aspect: float) -> ClusterLayout:
    """The arrangement that shows most in a view with ``aspect`` = width / height.

    Nodes keep the columns and rows that the project gives them; how many GPUs stand side by side
    in a node is free.
    """
    rows = min(MAX_CHIP_ROWS, max(1, -(-(most_experts + 1) // CHIPS_IN_ROW)))
    widest = max(node.gpus for node in cluster.nodes)
    across = [count for count in range(1, min(16, widest) + 1) if count == widest or widest % count == 0]
    if not across or max(across) == 1:
        across = [min(8, widest)]
    candidates = [
        _arranged(cluster, spots, columns, rows) for spots in dict.fromkeys(_grids(cluster)) for columns in across
    ]
    return max(candidates, key=lambda item: min(aspect / item.whole.width, 1 / item.whole.height))


def chip_box(index: int, in_row: int = CHIPS_IN_ROW) -> Box:
    """Where the chip number ``index`` stands in its GPU."""
    row, column = divmod(index, in_row)
    return Box(
        x=TILE_PADDING + column * (CHIP_WIDTH + CHIP_GAP),
        y=CHIP_TOP + row * (CHIP_HEIGHT + CHIP_GAP),
        width=CHIP_WIDTH,
        height=CHIP_HEIGHT,
    )


def expanded_box(tile: Box, count: int) -> Box:
    """The rectangle in which a GPU shows all of its ``count`` experts, over its neighbours."""
    in_row = min(EXPANDED_IN_ROW, count)
    width = 2 * TILE_PADDING + in_row * (CHIP_WIDTH + CHIP_GAP) - CHIP_GAP
    height = TILE_BASE + -(-count // EXPANDED_IN_ROW) * (CHIP_HEIGHT + CHIP_GAP)
    return Box(x=tile.x, y=tile.y, width=max(tile.width, width), height=max(tile.height, height))


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


def _gap(first: Box, second: Box) -> Box:
    """The rectangle between two boxes of a row or a column, as thick as a link that can be hit."""
    if abs(first.x - second.x) < 1:
        x = min(first.center[0], second.center[0])
        return Box(x=x - LINK / 2, y=first.bottom, width=LINK, height=max(0.0, second.y - first.bottom))
    y = min(first.center[1], second.center[1])
    return Box(x=first.right, y=y - LINK / 2, width=max(0.0, second.x - first.right), height=LINK)


def _grids(cluster: Cluster) -> list[tuple[Place, ...]]:
    """Ways to put the nodes into columns and rows: the project's own, or every sensible one."""
    count = len(cluster.nodes)
    widths = sorted({-(-count // rows) for rows in range(1, min(count, 32) + 1)})
    return [places(cluster, columns=width) for width in widths]


def _arranged(cluster: Cluster, spots: tuple[Place, ...], columns: int, chip_rows: int) -> ClusterLayout:
    tile = TILE_BASE + chip_rows * (CHIP_HEIGHT + CHIP_GAP)
    sizes = [_node_size(node.gpus, columns, tile) for node in cluster.nodes]
    racks = [node.rack for node in cluster.nodes]
    gap = NODE_GAP + (RACK_HEAD if any(racks) else 0.0)
    pitch = max(size[0] for size in sizes) + gap, max(size[1] for size in sizes) + gap
    nodes = [
        Box(x=spot[0] * pitch[0], y=spot[1] * pitch[1], width=size[0], height=size[1])
        for spot, size in zip(spots, sizes, strict=True)
    ]
    gpus = []
    for node, box in zip(cluster.nodes, nodes, strict=True):
        for index in range(node.gpus):
            down, across = divmod(index, columns)
            x, y = box.x + PADDING + across * (TILE_WIDTH + GAP), box.y + HEAD + down * (tile + GAP)
            gpus.append(Box(x=x, y=y, width=TILE_WIDTH, height=tile))
    rooms = [
        (name, _around([box for box, rack in zip(nodes, racks, strict=True) if rack == name], is_rack=True))
        for name in dict.fromkeys(racks)
        if name
    ]
    return ClusterLayout(
        nodes=tuple(nodes),
        gpus=tuple(gpus),
        racks=tuple(rooms),
        spots=spots,
        pitch=pitch,
        whole=_around([*nodes, *(box for _, box in rooms)]),
        chip_rows=chip_rows,
    )


def _around(boxes: Sequence[Box], *, is_rack: bool = False) -> Box:
    """The rectangle around some; a rack leaves room for its name."""
    side, head = (RACK_PADDING, RACK_HEAD) if is_rack else (0.0, 0.0)
    left, top = min(box.x for box in boxes) - side, min(box.y for box in boxes) - head
    right, bottom = max(box.right for box in boxes) + side, max(box.bottom for box in boxes) + side
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def _node_size(gpus: int, columns: int, tile: float) -> tuple[float, float]:
    across = min(columns, gpus)
    down = -(-gpus // columns)
    return (
        2 * PADDING + across * TILE_WIDTH + (across - 1) * GAP,
        HEAD + PADDING + down * tile + (down - 1) * GAP,
    )
