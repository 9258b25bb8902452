"""Where racks, nodes and GPUs stand on the canvas: arithmetic on rectangles, without Qt."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from moe_studio.document.node_place import STEP, Place, places
from moe_studio.gui.canvas.box import Box, around
from moe_studio.gui.canvas.tile_grid import WIDTH, TileGrid, smallest_height, tile_grid
from moe_studio.project.cluster import Cluster

GAP, PADDING, HEAD, NODE_GAP = 8.0, 12.0, 34.0, 30.0
RACK_PADDING, RACK_HEAD = 12.0, 32.0
LINK = 16.0
WIDER, HIGHER = 1.6, 2.0
"""So much larger tiles may get to fill the view."""

STEADY = 1.3
"""So much larger everything must be before nodes stand otherwise although only their experts have changed."""

LONGEST, LANKY = 4.0, 0.85
"""GPUs in a line more than so long are chosen only if everything is then larger by much."""

Tier = Literal["rack", "inter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBar:
    """The gap between two neighbours in which their link is drawn; upright between one above the other."""

    box: Box
    tier: Tier
    is_upright: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLayout:
    """Rectangles of racks, nodes and GPUs, the links between them, and how the tiles of GPUs are divided.

    ``spots`` are the nodes' columns and rows, ``pitch`` the distance from one to the next, ``columns`` GPUs side by
    side in a node.
    """

    nodes: tuple[Box, ...]
    racks: tuple[tuple[str, Box], ...]
    links: tuple[LinkBar, ...]
    spots: tuple[Place, ...]
    pitch: tuple[float, float]
    columns: int
    whole: Box
    grid: TileGrid
    gpus: tuple[Box, ...] = field(repr=False)

    def spot_at(self, x: float, y: float) -> Place:
        """The column and row whose card has its middle nearest to a point, on the grid."""
        column, row = x / self.pitch[0] - 0.5, y / self.pitch[1] - 0.5
        return round(column / STEP) * STEP, round(row / STEP) * STEP

    def rack_at(self, x: float, y: float) -> str:
        """The rack at a point, empty for none."""
        return next((name for name, box in self.racks if box.has(x, y)), "")


def cluster_layout(
    cluster: Cluster, *, most_experts: int, aspect: float, before: ClusterLayout | None = None
) -> ClusterLayout:
    """The arrangement that shows most in a view with ``aspect`` = width / height; rather that of ``before``.

    Nodes keep the columns and rows that the project gives them; how many GPUs stand side by side in a node is
    free, and tiles are stretched to fill the view.
    """
    widest = max(node.gpus for node in cluster.nodes)
    across = [count for count in range(1, min(16, widest) + 1) if count == widest or widest % count == 0]
    if not across or max(across) == 1:
        across = [min(8, widest)]
    tile = WIDTH, smallest_height(most_experts)
    plans = [_Plan(cluster, spots, columns) for spots in dict.fromkeys(_grids(cluster)) for columns in across]

    def size(plan: _Plan) -> float:
        whole = plan.whole(tile)
        is_known = before is not None and (plan.spots, plan.columns) == (before.spots, before.columns)
        handy = 1.0 if plan.is_handy else LANKY
        return min(aspect / whole.width, 1 / whole.height) * handy * (STEADY if is_known else 1.0)

    best = max(plans, key=size)
    return best.layout(tile_grid(*best.stretched(tile, aspect), most_experts))


def _grids(cluster: Cluster) -> list[tuple[Place, ...]]:
    """Ways to put the nodes into columns and rows: the project's own, or every sensible one."""
    count = len(cluster.nodes)
    widths = sorted({-(-count // rows) for rows in range(1, min(count, 32) + 1)})
    return [places(cluster, columns=width) for width in widths]


class _Plan:
    """One arrangement: columns and rows of the nodes, and GPUs side by side in a node."""

    def __init__(self, cluster: Cluster, spots: tuple[Place, ...], columns: int) -> None:
        self.cluster, self.spots, self.columns = cluster, spots, columns
        self.racks = [node.rack for node in cluster.nodes]
        self.gap = NODE_GAP + (RACK_HEAD if any(self.racks) else 0.0)
        self.most = max(node.gpus for node in cluster.nodes)

    def stretched(self, tile: tuple[float, float], aspect: float) -> tuple[float, float]:
        """The size of the tiles at which the whole has the shape of the view, as far as that is still good to see."""
        whole = self.whole(tile)
        width, height = tile
        if whole.width / whole.height > aspect:
            more = self.whole((width, height + 1)).height - whole.height
            height += max(0.0, min((HIGHER - 1) * height, (whole.width / aspect - whole.height) / more))
        else:
            more = self.whole((width + 1, height)).width - whole.width
            width += max(0.0, min((WIDER - 1) * width, (whole.height * aspect - whole.width) / more))
        return math.floor(width), math.floor(height)

    @property
    def is_handy(self) -> bool:
        """Whether the GPUs of a node stand in a block rather than in a line."""
        down = -(-self.most // self.columns)
        return max(self.columns / down, down / self.columns) <= LONGEST

    def pitch(self, tile: tuple[float, float]) -> tuple[float, float]:
        """The distance from one column to the next, and from one row to the next."""
        width, height = self._node_size(self.most, tile)
        return width + self.gap, height + self.gap

    def nodes(self, tile: tuple[float, float]) -> list[Box]:
        """Where the nodes stand."""
        pitch = self.pitch(tile)
        sizes = {gpus: self._node_size(gpus, tile) for gpus in {node.gpus for node in self.cluster.nodes}}
        return [
            Box(x=x * pitch[0], y=y * pitch[1], width=sizes[node.gpus][0], height=sizes[node.gpus][1])
            for (x, y), node in zip(self.spots, self.cluster.nodes, strict=True)
        ]

    def whole(self, tile: tuple[float, float]) -> Box:
        """What all of it covers."""
        nodes = self.nodes(tile)
        return around([*nodes, *self._rooms(nodes).values()])

    def layout(self, grid: TileGrid) -> ClusterLayout:
        """The arrangement with tiles of ``grid``."""
        tile = grid.width, grid.height
        nodes = self.nodes(tile)
        rooms = self._rooms(nodes)
        return ClusterLayout(
            nodes=tuple(nodes),
            gpus=tuple(box for number, node in enumerate(nodes) for box in self._gpus(number, node, tile)),
            racks=tuple(rooms.items()),
            links=tuple(self._links(nodes, rooms)),
            spots=self.spots,
            pitch=self.pitch(tile),
            columns=self.columns,
            whole=around([*nodes, *rooms.values()]),
            grid=grid,
        )

    def _gpus(self, number: int, node: Box, tile: tuple[float, float]) -> Iterable[Box]:
        for index in range(self.cluster.nodes[number].gpus):
            down, across = divmod(index, self.columns)
            x, y = node.x + PADDING + across * (tile[0] + GAP), node.y + HEAD + down * (tile[1] + GAP)
            yield Box(x=x, y=y, width=tile[0], height=tile[1])

    def _node_size(self, gpus: int, tile: tuple[float, float]) -> tuple[float, float]:
        across, down = min(self.columns, gpus), -(-gpus // self.columns)
        return (
            2 * PADDING + across * tile[0] + (across - 1) * GAP,
            HEAD + PADDING + down * tile[1] + (down - 1) * GAP,
        )

    def _rooms(self, nodes: Sequence[Box]) -> dict[str, Box]:
        """The card of each rack, around its nodes."""
        members: dict[str, list[Box]] = {}
        for rack, box in zip(self.racks, nodes, strict=True):
            if rack:
                members.setdefault(rack, []).append(box)
        return {rack: around(boxes, side=RACK_PADDING, head=RACK_HEAD) for rack, boxes in members.items()}

    def _links(self, nodes: Sequence[Box], rooms: dict[str, Box]) -> Iterable[LinkBar]:
        """Between neighbours of a rack, and between racks and nodes that are in none."""
        has_tier = self.cluster.links.rack is not None
        corners: dict[str, tuple[Place, Box]] = {}
        for number, (rack, spot, box) in enumerate(zip(self.racks, self.spots, nodes, strict=True)):
            known = corners.get(rack)
            corner = spot if known is None else (min(spot[0], known[0][0]), min(spot[1], known[0][1]))
            corners[rack or f"/{number}"] = corner, rooms.get(rack, box)
        yield from _bars(corners.values(), "inter")
        for rack, count in Counter(self.racks).items():
            if rack and count > 1:
                mine = [(self.spots[number], nodes[number]) for number, name in enumerate(self.racks) if name == rack]
                yield from _bars(mine, "rack" if has_tier else "inter")


def _bars(cards: Iterable[tuple[Place, Box]], tier: Tier) -> Iterable[LinkBar]:
    """Links between cards that stand next to each other in a row or a column, with nothing between them."""
    found = list(cards)
    for axis in (0, 1):
        lines: dict[float, list[tuple[float, Box]]] = {}
        for spot, box in found:
            lines.setdefault(spot[1 - axis], []).append((spot[axis], box))
        for line in lines.values():
            line.sort(key=lambda item: item[0])
            for (_, first), (_, second) in pairwise(line):
                yield LinkBar(box=_gap(first, second, is_upright=axis == 1), tier=tier, is_upright=axis == 1)


def _gap(first: Box, second: Box, *, is_upright: bool) -> Box:
    """The rectangle between two boxes, as thick as a link that can be hit."""
    if is_upright:
        x = min(first.center[0], second.center[0])
        return Box(x=x - LINK / 2, y=first.bottom, width=LINK, height=max(0.0, second.y - first.bottom))
    y = min(first.center[1], second.center[1])
    return Box(x=first.right, y=y - LINK / 2, width=max(0.0, second.x - first.right), height=LINK)
