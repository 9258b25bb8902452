"""What a GPU's tile says, as values: views compare them and repaint only what differs."""

from dataclasses import dataclass

import numpy as np

from moe_studio.document.placing import gpu_place, hosted_experts
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.gui.widgets.figure import memory_text
from moe_studio.project.project import Project

SLOWER_BY = 1.02
"""A GPU is called the slowest when it computes this much longer than the median of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertState:
    """An expert on a GPU; ``is_partial``: not in every layer that is shown."""

    expert: int
    layers: int
    is_partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """All that a tile shows of its GPU, apart from gestures and selection.

    ``memory`` are shares of the capacity, one per part.
    """

    gpu: int
    rank: str
    experts: tuple[ExpertState, ...]
    memory: tuple[float, ...]
    memory_text: str
    is_full: bool
    load_text: str
    is_overloaded: bool
    is_slowest: bool


def gpu_states(evaluation: Evaluation, layer: int | None) -> tuple[GpuState, ...]:
    """The state of every GPU, for the experts of one layer or of all."""
    project = evaluation.project
    held = hosted_experts(project, layer)
    shown = _layers_shown(project, layer)
    memory = evaluation.memory
    shares = (np.stack([getattr(memory, part) for part in MEMORY_PARTS]) / memory.capacity).T.tolist()
    load = _relative_load(evaluation, layer).tolist()
    slowest = _slowest(evaluation).tolist()
    totals, rooms = memory.total.tolist(), memory.capacity.tolist()
    limit = project.limits.imbalance or float("inf")
    states = []
    for gpu, experts in enumerate(held):
        place = gpu_place(project, gpu)
        states.append(
            GpuState(
                gpu=gpu,
                rank=place.text,
                experts=tuple(
                    ExpertState(expert=expert, layers=count, is_partial=count < shown[place.stage])
                    for expert, count in experts.items()
                ),
                memory=tuple(shares[gpu]),
                memory_text=memory_text(totals[gpu], rooms[gpu]),
                is_full=totals[gpu] > rooms[gpu],
                load_text="" if abs(load[gpu] - 1) < 0.005 or not load[gpu] else f"load {load[gpu]:.2f} ×",
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
    newcomers = [item for item in experts if item.expert not in before]
    placed = []
    for expert in before:
        if expert in known:
            placed.append(known[expert])
        elif newcomers:
            placed.append(newcomers.pop(0))
    return (*placed, *newcomers)


def _layers_shown(project: Project, layer: int | None) -> list[int]:
    """MoE layers shown, per stage."""
    return [
        sum(project.model.layers[number].ffn.is_moe for number in layers if layer in (None, number))
        for layers in project.stage_layers()
    ]


def _relative_load(evaluation: Evaluation, layer: int | None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Tokens of each GPU's experts over the mean of its stage, shape (GPUs,); 0 without experts."""
    load = evaluation.load if layer is None else evaluation.load[layer : layer + 1]
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
