"""What a GPU's tile says, as values: views compare them and repaint only what differs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from moe_studio.document.placing import Span, hosted_experts, in_span
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.graph.column import FloatArray
from moe_studio.gui.widgets.figure import memory_text
from moe_studio.project.load import shares
from moe_studio.project.project import Project

SLOWER_BY = 1.02
"""A GPU is called the slowest when it computes this much longer than the median of all."""


class ExpertState(NamedTuple):
    """An expert on a GPU: in how many of the layers shown, as a share, and its load over the mean of all.

    A tuple, because thousands are made and compared at each step of a drag.
    """

    expert: int
    layers: int
    share: float = 1.0
    heat: float = 1.0

    @property
    def is_partial(self) -> bool:
        """Whether it is here in some of the layers shown only."""
        return self.share < 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """All that a tile shows of its GPU, apart from gestures and selection.

    ``memory`` are shares of the capacity, one per part; ``load`` tokens over the mean of the stage, 0 without any.
    """

    gpu: int
    rank: str
    experts: tuple[ExpertState, ...]
    memory: tuple[float, ...]
    memory_text: str
    is_full: bool
    load: float
    is_overloaded: bool
    is_slowest: bool

    @property
    def load_text(self) -> str:
        """The load, unless it is the mean."""
        return "" if abs(self.load - 1) < 0.005 or not self.load else f"load {self.load:.2f} ×"


class Heat:
    """How loaded each expert is, over the mean of its layer; found anew only when routing or model change."""

    def __init__(self) -> None:
        self._known: tuple[object, object, Span, list[float]] | None = None

    def of(self, project: Project, span: Span) -> list[float]:
        """Per expert, the mean over the layers of ``span``; without a mixture of experts nothing."""
        known = self._known
        wanted = (project.model, project.workload.routing, span)
        if known is None or any(a is not b for a, b in zip(known[:2], wanted[:2], strict=True)) or known[2] != span:
            known = self._known = (*wanted, _heat(project, span).tolist())
        return known[3]


def _heat(project: Project, span: Span) -> FloatArray:
    layers = [number for number, layer in enumerate(project.model.layers) if layer.ffn.is_moe and in_span(number, span)]
    most = max((project.model.layers[number].ffn.experts for number in layers), default=0)
    total, count = np.zeros(most), np.zeros(most)
    for number in layers:
        share = shares(project, number)
        total[: len(share)] += share * len(share)
        count[: len(share)] += 1
    return np.asarray(total / np.maximum(count, 1))


def gpu_states(evaluation: Evaluation, span: Span, heat: Sequence[float]) -> tuple[GpuState, ...]:
    """The state of every GPU, for the experts of some layers."""
    project = evaluation.project
    held = hosted_experts(project, span)
    shown = _layers_shown(project, span)
    memory = evaluation.memory
    parts = (np.stack([getattr(memory, part) for part in MEMORY_PARTS]) / memory.capacity).T.tolist()
    load = np.round(_relative_load(evaluation, span), 3).tolist()
    slowest = _slowest(evaluation).tolist()
    totals, rooms = memory.total.tolist(), memory.capacity.tolist()
    limit = project.limits.imbalance or float("inf")
    width, stages = project.width, project.parallel.pp
    copies = _copies(project, held)
    # The mean load of a copy is 1, whether experts have one copy or several.
    scale = [sum(times.values()) / max(1e-12, sum(heat[expert] for expert in times)) for times in copies]
    states = []
    for gpu, experts in enumerate(held):
        group, position = divmod(gpu, width)
        replica, stage = divmod(group, stages)
        of, times = shown[stage], copies[group]
        states.append(
            GpuState(
                gpu=gpu,
                rank=f"r{replica} s{stage} p{position}",
                experts=tuple(
                    [
                        ExpertState(
                            expert, count, min(1.0, count / of), round(heat[expert] / times[expert] * scale[group], 2)
                        )
                        for expert, count in experts.items()
                    ]
                ),
                memory=tuple(parts[gpu]),
                memory_text=memory_text(totals[gpu], rooms[gpu]),
                is_full=totals[gpu] > rooms[gpu],
                load=load[gpu],
                is_overloaded=load[gpu] > limit,
                is_slowest=slowest[gpu],
            )
        )
    return tuple(states)


def in_places(experts: tuple[ExpertState, ...], before: tuple[int, ...]) -> tuple[ExpertState, ...]:
    """``experts`` with those of ``before`` in their old places; newcomers take free places, then stand at the end.

    While an expert is carried, what lies under the pointer must not move away from it.
    """
    known = {item.expert: item for item in experts}
    if tuple(known) == before:
        return experts
    newcomers = [item for item in experts if item.expert not in before]
    placed = []
    for expert in before:
        if expert in known:
            placed.append(known[expert])
        elif newcomers:
            placed.append(newcomers.pop(0))
    return (*placed, *newcomers)


def _copies(project: Project, held: Sequence[dict[int, int]]) -> list[dict[int, float]]:
    """Per stage of a replica, how many copies of each expert there are in a layer, on average."""
    found = []
    for first in range(0, len(held), project.width):
        layers: Counter[int] = Counter()
        most: dict[int, int] = {}
        for experts in held[first : first + project.width]:
            for expert, count in experts.items():
                layers[expert] += count
                most[expert] = max(most.get(expert, 0), count)
        etp = project.parallel.etp
        found.append({expert: max(1.0, layers[expert] / (most[expert] * etp)) for expert in layers})
    return found


def _layers_shown(project: Project, span: Span) -> list[int]:
    """MoE layers shown, per stage."""
    return [
        sum(project.model.layers[number].ffn.is_moe for number in layers if in_span(number, span))
        for layers in project.stage_layers()
    ]


def _relative_load(evaluation: Evaluation, span: Span) -> FloatArray:
    """Tokens of each GPU's experts over the mean of its stage, shape (GPUs,); 0 without experts."""
    load = evaluation.load
    if span is not None:
        first, last = (span, span) if isinstance(span, int) else span
        load = load[first : last + 1]
    total = np.asarray(load.sum(axis=0))
    result = np.zeros(len(total))
    for stage in evaluation.graph.stages:
        mean = total[stage.gpu].mean()
        if mean:
            result[stage.gpu] = total[stage.gpu] / mean
    return result


def _slowest(evaluation: Evaluation) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    busy = evaluation.compute_s
    most = float(busy.max())
    return (busy >= most * (1 - 1e-9)) & (most > SLOWER_BY * float(np.median(busy)))
