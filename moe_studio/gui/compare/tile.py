"""What the tiles of both pictures say, as values."""

from dataclasses import dataclass

from moe_studio.document.difference import Difference
from moe_studio.document.difference_row import CHANGES, Change
from moe_studio.document.expert_change import ExpertChange
from moe_studio.document.placing import Span, hosted_experts, in_span
from moe_studio.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """An expert on a GPU, and how it differs from the other design."""

    expert: int
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A GPU: its experts, changed ones first, its memory as shares of the capacity, and whether only one has it."""

    gpu: int
    chips: tuple[Chip, ...]
    memory: tuple[float, ...]
    only: Change | None = None

    @property
    def change(self) -> Change | None:
        """The first of its changes that matters most: its own, else one of an expert."""
        found = {chip.change for chip in self.chips}
        return self.only or next((change for change in CHANGES if change in found), None)

    @property
    def text(self) -> str:
        """All of it in words."""
        parts = [f"E{chip.expert}{f' {chip.change}' if chip.change else ''}" for chip in self.chips]
        room = f"{sum(self.memory):.0%} of its memory"
        return f"GPU {self.gpu}{f', {self.only}' if self.only else ''}: {', '.join(parts) or 'no experts'}; {room}"


def tiles(
    shown: Difference, projects: tuple[Project, Project], span: Span
) -> tuple[tuple[Tile, ...], tuple[Tile, ...]]:
    """The tiles of both designs, for the experts of the layers of ``span``."""
    known = [item for item in shown.experts if any(in_span(layer, span) for layer in item.layers)]
    counts = tuple(project.cluster.gpu_count for project in projects)
    sides = []
    for place, (project, side) in enumerate(zip(projects, (shown.first, shown.second), strict=True)):
        marks = _marks(known, place)
        held = hosted_experts(project, span)
        only: Change = "added" if place else "removed"
        sides.append(
            tuple(
                Tile(
                    gpu=gpu,
                    chips=_sorted_chips(experts, gpu, marks),
                    memory=side.memory[gpu],
                    only=None if gpu < counts[1 - place] else only,
                )
                for gpu, experts in enumerate(held)
            )
        )
    return sides[0], sides[1]


def _sorted_chips(experts: dict[int, int], gpu: int, marks: dict[tuple[int, int], Change]) -> tuple[Chip, ...]:
    chips = [Chip(expert=expert, change=marks.get((gpu, expert))) for expert in experts]
    return tuple(sorted(chips, key=lambda chip: (chip.change is None, chip.expert)))


def _marks(known: list[ExpertChange], place: int) -> dict[tuple[int, int], Change]:
    """How each (GPU, expert) of one of the designs differs from the other design."""
    marks: dict[tuple[int, int], Change] = {}
    for item in known:
        own, other = (item.now, item.was) if place else (item.was, item.now)
        alone: Change = "moved" if item.change == "moved" else "added" if place else "removed"
        for gpu in own:
            if gpu not in other:
                marks[gpu, item.expert] = alone
            elif item.change == "changed":
                marks[gpu, item.expert] = "changed"
    return marks
