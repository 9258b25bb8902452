"""What lies under a point of the canvas."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF

from moe_studio.gui.canvas.layout import ClusterLayout, Tier
from moe_studio.gui.canvas.tile import Tile
from moe_studio.gui.canvas.tile_grid import CHIP_TOP

Kind = Literal["", "chip", "more", "head", "gpu", "node", "rack", "link"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """The thing under a point: an expert, the sign for more of them, a GPU's head or body, a node, a rack, a link."""

    kind: Kind = ""
    gpu: int = -1
    expert: int = -1
    node: int = -1
    rack: str = ""
    tier: Tier = "inter"

    @property
    def is_tile(self) -> bool:
        """Whether it is a GPU or something on it."""
        return self.gpu >= 0


NOWHERE = Hit()


def hit_at(layout: ClusterLayout, tiles: Sequence[Tile], starts: Sequence[int], point: QPointF) -> Hit:
    """What is at ``point`` of the scene; ``starts`` are the first GPUs of the nodes, and their number at the end."""
    x, y = point.x(), point.y()
    for tile in tiles:
        if tile.is_expanded and tile.area.has(x, y):
            return _tile_hit(tile, tile.state.gpu, point)
    for number, box in enumerate(layout.nodes):
        if not box.has(x, y):
            continue
        for gpu in range(starts[number], starts[number + 1]):
            if tiles[gpu].box.has(x, y):
                return _tile_hit(tiles[gpu], gpu, point)
        return Hit(kind="node", node=number)
    for link in layout.links:
        if link.box.has(x, y):
            return Hit(kind="link", tier=link.tier)
    rack = layout.rack_at(x, y)
    return Hit(kind="rack", rack=rack) if rack else NOWHERE


def _tile_hit(tile: Tile, gpu: int, point: QPointF) -> Hit:
    index = tile.index_at(point)
    if 0 <= index < len(tile.chips):
        return Hit(kind="chip", gpu=gpu, expert=tile.chips[index].expert)
    if index >= 0:
        return Hit(kind="more", gpu=gpu)
    return Hit(kind="head" if point.y() < tile.box.y + CHIP_TOP - 4 else "gpu", gpu=gpu)
