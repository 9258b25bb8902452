"""A GPU as the canvas shows it now."""

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt

from moe_studio.gui.canvas.box import Box
from moe_studio.gui.canvas.gpu_state import ExpertState, GpuState
from moe_studio.gui.canvas.tile_grid import EXPANDED_IN_ROW, TileGrid

RADIUS = 6.0
READABLE = 0.42
"""Below this scale small text is left out: it could not be read and takes most of the time."""
TINY = 0.15
"""Below this scale a GPU is a spot whose colour is its load."""

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTER = Qt.AlignmentFlag.AlignCenter
ELIDE = Qt.TextElideMode.ElideRight


@dataclass(frozen=True, slots=True)
class Promise:
    """What a drop on a GPU would give: change of the latency and its tone, memory after, change of the traffic."""

    latency: str = ""
    tone: str = ""
    memory: str = ""
    fits: bool = True
    traffic: str = ""


NONE = Promise()


@dataclass(slots=True, kw_only=True)
class Tile:
    """A GPU as it is shown now. ``mark`` is ``selected``, ``target``, ``refused``, ``shut`` or nothing."""

    box: Box
    state: GpuState
    grid: TileGrid
    mark: str = ""
    promise: Promise = NONE
    chip_marks: dict[int, str] = field(default_factory=dict)
    is_expanded: bool = False

    @property
    def frame_token(self) -> str:
        """Colour of the frame that its mark gives it; empty where it gives none."""
        return {"": "", "shut": "", "refused": "bad"}.get(self.mark, "accent")

    @property
    def has_effect(self) -> bool:
        """Whether it says what a drop would change."""
        return bool(self.promise.latency)

    @property
    def area(self) -> Box:
        """What it covers: more than its box while it shows all of many experts."""
        return self.grid.expanded(self.box, len(self.state.experts)) if self.is_expanded else self.box

    @property
    def chips(self) -> tuple[ExpertState, ...]:
        """The experts that are shown."""
        room = self.grid.room
        experts = self.state.experts
        return experts if self.is_expanded or len(experts) <= room else experts[: room - 1]

    @property
    def hidden(self) -> int:
        """How many experts there is no room for."""
        return len(self.state.experts) - len(self.chips)

    @property
    def in_row(self) -> int:
        """Chips side by side."""
        return EXPANDED_IN_ROW if self.is_expanded else self.grid.in_row

    def chip_rect(self, index: int) -> QRectF:
        """Where a chip is, in the scene."""
        box = self.grid.chip_box(index, in_row=self.in_row)
        return QRectF(self.box.x + box.x, self.box.y + box.y, box.width, box.height)

    def expert_rect(self, expert: int) -> QRectF | None:
        """Where an expert is, in the scene; None while it is not shown."""
        found = next((index for index, chip in enumerate(self.chips) if chip.expert == expert), None)
        return None if found is None else self.chip_rect(found)

    def index_at(self, point: QPointF) -> int:
        """The number of the chip at a point of the scene, -1 for none; that of ``+ n`` is the number of chips."""
        count = len(self.chips) + (self.hidden > 0)
        return next((index for index in range(count) if self.chip_rect(index).contains(point)), -1)
