"""One change that would help what is selected: found by trying a few, and never only guessed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from moe_studio.document.document import Document
from moe_studio.document.effect import Effect
from moe_studio.document.placing import Drop, drop_of, gpu_place, grabbed, hosted_experts
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.errors import MoeStudioError
from moe_studio.units import percent_text

MOST_TRIES = 4
WORTH = -1e-3
"""Relative change of the latency from which on a change is worth a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Advice:
    """A drop, and what it was found to do."""

    drop: Drop
    text: str
    effect: Effect


def candidates(evaluation: Evaluation, selection: Selection) -> Iterator[tuple[int, int, int]]:
    """Moves worth trying for a selected GPU or expert, as (expert, from GPU, to GPU): to where least is to do."""
    project, gpu = evaluation.project, selection.gpu
    if selection.kind not in ("gpu", "expert", "operator") or not 0 <= gpu < project.cluster.gpu_count:
        return
    place, load = gpu_place(project, gpu), evaluation.load.sum(axis=0)
    first = (place.replica * project.parallel.pp + place.stage) * project.width
    here = np.arange(first, first + project.width)
    if load[gpu] < load[here].max() * (1 - 1e-9):
        return
    held = list(hosted_experts(project, None)[gpu])
    experts = [selection.expert] if selection.expert in held else held
    targets = here[np.argsort(load[here], kind="stable")][:MOST_TRIES]
    if len(held) > 1:
        yield from [(expert, gpu, int(target)) for expert in experts for target in targets if target != gpu]


def advice(document: Document, tried: tuple[int, int, int]) -> Advice | None:
    """What one candidate does to the committed design, when it is faster and no GPU is fuller than before."""
    expert, source, target = tried
    try:
        grab = grabbed(document.history.current, expert, source, None)
        drop = drop_of(document.history.current, grab, target)
        effect = document.effect(drop.edit, target)
    except MoeStudioError:
        return None
    room = max(effect.capacity_byte, float(document.committed_evaluation.memory.total.max()))
    if effect.ratio > WORTH or effect.memory_byte > room:
        return None
    text = f"Move E{expert} to GPU {target}: {percent_text(-effect.ratio)} faster"
    return Advice(drop=drop, text=text, effect=effect)
