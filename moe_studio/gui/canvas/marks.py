"""What is marked on the tiles: selected GPUs and experts, or where those that are carried come from and would go."""

from collections.abc import Collection, Sequence

from moe_studio.gui.canvas.expert_drag import ExpertDrag
from moe_studio.gui.canvas.picking import Chip
from moe_studio.gui.canvas.tile import NONE, Promise
from moe_studio.gui.canvas.tile_layer import TileLayer


def mark_tiles(
    tiles: TileLayer,
    drag: ExpertDrag | None,
    promises: dict[int, Promise],
    *,
    chosen: Collection[int],
    chips: Sequence[Chip],
) -> None:
    """Mark the tiles, and draw anew those whose marks differ; ``chosen`` are selected GPUs."""
    picked: dict[int, list[int]] = {}
    for expert, gpu in chips:
        picked.setdefault(gpu, []).append(expert)
    shut = drag.shut if drag is not None else ()
    for number, tile in enumerate(tiles.tiles):
        mark, chip_marks = _gpu_mark(number, drag, chosen, shut), _chip_marks(number, drag, picked.get(number, ()))
        promise = promises.get(number, NONE)
        if (mark, chip_marks, promise) != (tile.mark, tile.chip_marks, tile.promise):
            tile.mark, tile.chip_marks, tile.promise = mark, chip_marks, promise
            tiles.refresh(number)


def _is_aimed_at(gpu: int, drag: ExpertDrag) -> bool:
    return drag.target is not None and drag.target.gpu == gpu and drag.target.node < 0


def _gpu_mark(gpu: int, drag: ExpertDrag | None, chosen: Collection[int], shut: Collection[int]) -> str:
    if drag is not None and _is_aimed_at(gpu, drag):
        return "target" if drag.drop or drag.is_due else "refused"
    if drag is not None and gpu in shut:
        return "shut"
    return "selected" if gpu in chosen else ""


def _chip_marks(gpu: int, drag: ExpertDrag | None, picked: Sequence[int]) -> dict[int, str]:
    if drag is None:
        return dict.fromkeys(picked, "selected")
    marks = {expert: "ghost" for expert, home in drag.held if home == gpu}
    if _is_aimed_at(gpu, drag):
        marks |= {grab.expert: "moved" for grab in drag.grabs}
    return marks
