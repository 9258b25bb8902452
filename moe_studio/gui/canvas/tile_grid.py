"""How a GPU's tile is divided: its size, and where its chips stand."""

from dataclasses import dataclass

from moe_studio.gui.canvas.box import Box

WIDTH, PADDING = 132.0, 10.0
CHIP_TOP, FOOT, ROOMY_FOOT = 31.0, 39.0, 64.0
CHIP_WIDTH, CHIP_HEIGHT, CHIP_GAP = 34.0, 19.0, 5.0
WIDEST_CHIP, HIGHEST_CHIP = 54.0, 32.0
IN_ROW, MOST_ROWS, EXPANDED_IN_ROW = 3, 4, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """Size of the tiles of a layout, and size and number of the chips in them; ``foot`` is the room for memory."""

    width: float
    height: float
    foot: float
    in_row: int
    rows: int
    chip_width: float
    chip_height: float

    @property
    def room(self) -> int:
        """How many chips a tile has room for."""
        return self.in_row * self.rows

    @property
    def is_roomy(self) -> bool:
        """Whether there is a second line of figures under the bars."""
        return self.foot >= ROOMY_FOOT

    def chip_box(self, index: int, *, in_row: int = 0) -> Box:
        """Where the chip number ``index`` stands in its GPU, with ``in_row`` of them side by side."""
        row, column = divmod(index, in_row or self.in_row)
        return Box(
            x=PADDING + column * (self.chip_width + CHIP_GAP),
            y=CHIP_TOP + row * (self.chip_height + CHIP_GAP),
            width=self.chip_width,
            height=self.chip_height,
        )

    def expanded(self, tile: Box, count: int) -> Box:
        """The rectangle in which a GPU shows all of its ``count`` experts, over its neighbours."""
        in_row = min(EXPANDED_IN_ROW, count)
        width = 2 * PADDING + in_row * (self.chip_width + CHIP_GAP) - CHIP_GAP
        height = CHIP_TOP + self.foot + -(-count // EXPANDED_IN_ROW) * (self.chip_height + CHIP_GAP)
        return Box(x=tile.x, y=tile.y, width=max(tile.width, width), height=max(tile.height, height))


def smallest_height(most_experts: int) -> float:
    """The height of a tile in which ``most_experts`` and one more are seen, or as many as there is room for."""
    return _height(most_experts + 1, IN_ROW)


def _height(experts: int, in_row: int) -> float:
    """The least height of a tile in which ``experts`` are seen, ``in_row`` side by side, in at most `MOST_ROWS`."""
    rows = min(MOST_ROWS, max(1, -(-experts // in_row)))
    return CHIP_TOP + FOOT + rows * (CHIP_HEIGHT + CHIP_GAP)


def tile_grid(width: float, height: float, most_experts: int) -> TileGrid:
    """Tiles of a size, divided so that ``most_experts`` are as large as they can be.

    What a tile is higher than it must be goes to the memory first, then to the chips.
    """
    in_row = max(1, int((width - 2 * PADDING + CHIP_GAP) // (CHIP_WIDTH + CHIP_GAP)))
    spare = height - _height(most_experts, in_row)
    foot = ROOMY_FOOT if spare >= ROOMY_FOOT - FOOT else FOOT
    area = height - CHIP_TOP - foot
    rows = max(1, min(int(area // (CHIP_HEIGHT + CHIP_GAP)), -(-most_experts // in_row)))
    fitting = (width - 2 * PADDING + CHIP_GAP) / in_row - CHIP_GAP
    return TileGrid(
        width=width,
        height=height,
        foot=foot,
        in_row=in_row,
        rows=rows,
        chip_width=min(WIDEST_CHIP, fitting),
        chip_height=max(CHIP_HEIGHT, min(HIGHEST_CHIP, area / rows - CHIP_GAP)),
    )
