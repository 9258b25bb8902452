"""What operators are coloured by: a class for each of them, with its name and its colour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from PySide6.QtGui import QColor

from moe_studio.document.graph_filter import Mask
from moe_studio.document.timeline import FAMILY_OF_OP
from moe_studio.engine.cost import BOUNDS
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.operator import FAMILIES
from moe_studio.gui.theme import Theme, mixed
from moe_studio.units import time_text

ColorBy = Literal["kind", "gpu", "stage", "time", "slack", "bound"]

COLOR_BYS: Mapping[ColorBy, str] = {
    "kind": "Kind",
    "gpu": "GPU",
    "stage": "Stage",
    "time": "Time",
    "slack": "Slack",
    "bound": "Bound",
}
"""What operators can be coloured by, with its name."""

TIME_SHARES = (0.5, 0.1, 0.01, 0.001)
"""Classes of time begin at these shares of the longest operator."""

SLACK_SHARES = (1e-9, 0.001, 0.01, 0.1)
"""Classes of slack end at these shares of the run time."""

BOUND_FAMILIES = {
    "compute": "attention",
    "memory": "expert",
    "network": "communication",
    "latency": "routing",
    "none": "memory",
}

FADED = 0.16
"""How much is left of the colour of what a filter does not let through."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Coloring:
    """The class of each operator, shape (operators,); and names and colours of the classes."""

    classes: IntArray
    names: tuple[str, ...]
    colors: tuple[QColor, ...]

    @cached_property
    def pixels(self) -> IntArray:
        """Colours of the classes as 32-bit pixels."""
        return np.array([color.rgb() for color in self.colors], dtype=np.uint32)

    def legend(self) -> list[tuple[str, QColor]]:
        """Classes that there are, with their colours."""
        there = np.unique(self.classes).tolist()
        return [(self.names[number], self.colors[number]) for number in there]


def coloring(evaluation: Evaluation, by: ColorBy, theme: Theme) -> Coloring:
    """The colours of the operators of ``evaluation``."""
    return _MAKERS[by](evaluation, theme)


def _by_kind(evaluation: Evaluation, theme: Theme) -> Coloring:
    colors = tuple(theme.family(name) for name in FAMILIES)
    classes = evaluation.graph.joined(lambda body: FAMILY_OF_OP[body.op]).astype(np.int64, copy=False)
    return Coloring(classes=classes, names=FAMILIES, colors=colors)


def _by_gpu(evaluation: Evaluation, theme: Theme) -> Coloring:
    count = evaluation.project.cluster.gpu_count
    names = tuple(f"GPU {number}" for number in range(count))
    return Coloring(classes=evaluation.graph.gpu, names=names, colors=hues(count, theme))


def _by_stage(evaluation: Evaluation, theme: Theme) -> Coloring:
    count = len(evaluation.graph.stages)
    names = tuple(f"stage {number}" for number in range(count))
    return Coloring(classes=evaluation.graph.stage, names=names, colors=hues(count, theme))


def _by_time(evaluation: Evaluation, theme: Theme) -> Coloring:
    """From the longest operators to the shortest."""
    longest = float(evaluation.duration_s.max(initial=0.0))
    limits = [share * longest for share in TIME_SHARES]
    names = [f"≥ {time_text(limit, 2)}" for limit in limits] + ["less"]
    return Coloring(
        classes=_classes(-evaluation.duration_s, [-limit for limit in limits]),
        names=tuple(names),
        colors=ramp(len(names), theme),
    )


def _by_slack(evaluation: Evaluation, theme: Theme) -> Coloring:
    """From what may not wait at all to what may wait long."""
    limits = [share * evaluation.schedule.makespan_s for share in SLACK_SHARES]
    names = ["no slack", *(f"< {time_text(limit, 2)}" for limit in limits[1:]), "more"]
    return Coloring(classes=_classes(evaluation.slack_s, limits), names=tuple(names), colors=ramp(len(names), theme))


def _by_bound(evaluation: Evaluation, theme: Theme) -> Coloring:
    colors = tuple(theme.family(BOUND_FAMILIES[name]) for name in BOUNDS)
    return Coloring(classes=evaluation.bound.astype(np.int64), names=BOUNDS, colors=colors)


_MAKERS: Mapping[ColorBy, Callable[[Evaluation, Theme], Coloring]] = {
    "kind": _by_kind,
    "gpu": _by_gpu,
    "stage": _by_stage,
    "time": _by_time,
    "slack": _by_slack,
    "bound": _by_bound,
}


def _classes(value: FloatArray, limits: list[float]) -> IntArray:
    """How many of the rising ``limits`` each value is beyond."""
    return np.searchsorted(np.array(limits), value, side="left")


def ramp(count: int, theme: Theme) -> tuple[QColor, ...]:
    """Colours from the strongest to the faintest."""
    strong, faint = theme.color("bad"), theme.color("handle")
    return tuple(mixed(strong, faint, (1 - step / max(1, count - 1)) ** 1.4) for step in range(count))


def hues(count: int, theme: Theme) -> tuple[QColor, ...]:
    """Different colours for numbers: neighbours are far apart on the circle of hues."""
    lightness = 0.52 if theme.name == "light" else 0.66
    return tuple(QColor.fromHslF((0.58 + number * 0.381966) % 1.0, 0.55, lightness) for number in range(count))


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """How operators look: their colours, and which of them a filter lets through (``mask`` None: all).

    ``scope``: those that are drawn at all, whatever the filter; None for all.
    """

    coloring: Coloring
    theme: Theme
    mask: Mask | None = None
    hides: bool = False
    scope: Mask | None = None

    @cached_property
    def pixels(self) -> IntArray:
        """Colour of each operator as a 32-bit pixel; shape (operators,)."""
        full = self.coloring.pixels[self.coloring.classes]
        if self.mask is None:
            return full
        ground = self.theme.color("surface")
        faded = np.array([mixed(color, ground, FADED).rgb() for color in self.coloring.colors], dtype=np.uint32)
        return np.where(self.mask, full, faded[self.coloring.classes])

    @cached_property
    def shown(self) -> Mask | None:
        """Operators that are drawn at all; None for all."""
        masks = [mask for mask in (self.scope, self.mask if self.hides else None) if mask is not None]
        return np.logical_and.reduce(masks) if masks else None

    def color(self, row: int) -> QColor:
        """Colour of one operator, whatever the filter."""
        known = min(row, len(self.coloring.classes) - 1)
        return self.coloring.colors[int(self.coloring.classes[known])]

    def is_full(self, row: int) -> bool:
        """Whether the filter lets an operator through."""
        return self.mask is None or row >= len(self.mask) or bool(self.mask[row])
