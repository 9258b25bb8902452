"""What the tiles of both pictures say, as values."""

from collections.abc import Iterator
from dataclasses import dataclass

from moe_studio.document.difference import Difference, Side
from moe_studio.document.difference_row import CHANGES, Change
from moe_studio.document.expert_change import ExpertChange
from moe_studio.document.gpu_change import GpuState, gpu_change, gpu_differences
from moe_studio.document.placing import Span, hosted_experts, in_span
from moe_studio.gui.compare.mark import SIGNS
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.figure import NO_CHANGE, change_text
from moe_studio.project.project import Project
from moe_studio.units import time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """An expert on a GPU, and how it differs from the other design."""

    expert: int
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A GPU: its experts, changed ones first, its memory as shares of the capacity, and how all of that differs.

    ``own`` is the change of the GPU itself, ``own_text`` says it in short; ``marks`` are its operators that differ, of
    ``operators``; ``time_change`` says how much longer it computes than in the reference. ``states`` are what it is in
    the reference and in the design.
    """

    gpu: int
    chips: tuple[Chip, ...]
    memory: tuple[float, ...]
    own: Change | None = None
    own_text: str = ""
    marks: tuple[tuple[Change, int], ...] = ()
    operators: int = 0
    time_change: str = ""
    states: tuple[GpuState | None, GpuState | None] = (None, None)

    @property
    def change(self) -> Change | None:
        """The first of its changes that matters most: its own, else one of an expert."""
        found = {chip.change for chip in self.chips}
        return self.own or next((change for change in CHANGES if change in found), None)

    @property
    def sign(self) -> str:
        """The sign of its change, else of what most of its operators that differ have in common."""
        change = self.change or max(self.marks, key=lambda mark: mark[1], default=(None, 0))[0]
        return SIGNS[change] if change else ""

    @property
    def marks_text(self) -> str:
        """Its operators that differ, in short: ``+ 4  ≠ 30``."""
        return "  ".join(f"{SIGNS[change]} {count:,}" for change, count in self.marks)

    @property
    def text(self) -> str:
        """All of it in words."""
        experts = ", ".join(f"E{chip.expert}{f' {tr(chip.change)}' if chip.change else ''}" for chip in self.chips)
        room = tr("{share} of its memory", share=f"{sum(self.memory):.0%}")
        return "; ".join((f"GPU {self.gpu}: {experts or tr('no experts')}", room, *_facts(self)))


def tiles(
    shown: Difference, projects: tuple[Project, Project], span: Span
) -> tuple[tuple[Tile, ...], tuple[Tile, ...]]:
    """The tiles of both designs, for the experts and operators of the layers of ``span``."""
    known = [item for item in shown.experts if any(in_span(layer, span) for layer in item.layers)]
    sides = (shown.first, shown.second)
    found = []
    for place, (project, side) in enumerate(zip(projects, sides, strict=True)):
        marks = _marks(known, place)
        operators = side.operators.by_gpu(span).T.tolist()
        found.append(
            tuple(
                _tile(gpu, _sorted_chips(experts, gpu, marks), operators[gpu], sides, place)
                for gpu, experts in enumerate(hosted_experts(project, span))
            )
        )
    return found[0], found[1]


def _tile(gpu: int, chips: tuple[Chip, ...], operators: list[int], sides: tuple[Side, Side], place: int) -> Tile:
    """A tile of the first or second of ``sides``; ``operators`` are all of the GPU, and those that differ by change."""
    states = _states(gpu, sides)
    own = gpu_change(*states)
    return Tile(
        gpu=gpu,
        chips=chips,
        memory=sides[place].memory[gpu],
        own=own,
        own_text=_own_text(states[place], own),
        marks=tuple((change, count) for change, count in zip(CHANGES, operators[1:], strict=True) if count),
        operators=operators[0],
        time_change=_time_change(states) if place else "",
        states=states,
    )


def _states(gpu: int, sides: tuple[Side, Side]) -> tuple[GpuState | None, GpuState | None]:
    first, second = (side.gpus[gpu] if gpu < len(side.gpus) else None for side in sides)
    return first, second


def _own_text(state: GpuState | None, change: Change | None) -> str:
    """Where the GPU stands, or what it is, if that differs."""
    if state is None or change not in ("moved", "changed"):
        return ""
    return state.device if change == "changed" else state.place.text


def _time_change(states: tuple[GpuState | None, GpuState | None]) -> str:
    """How much longer the GPU computes; nothing if it does as long, or is in one of the designs alone."""
    was, now = (state.computing_s if state is not None else 0.0 for state in states)
    text = change_text(now, was) if was and now else NO_CHANGE
    return "" if text == NO_CHANGE else text


def _facts(tile: Tile) -> Iterator[str]:
    """What differs besides experts and memory, in words."""
    was, now = tile.states
    for change, what, before, after in gpu_differences(was, now):
        yield f"{tr(what)} {before} → {after}" if what else tr(change)
    if tile.marks:
        counts = ", ".join(f"{count:,} {tr(change)}" for change, count in tile.marks)
        yield tr("of {count} operators: {what}", count=f"{tile.operators:,}", what=counts)
    if was is not None and now is not None and _time_change(tile.states):
        yield tr("computing {first} → {second}", first=time_text(was.computing_s), second=time_text(now.computing_s))


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
