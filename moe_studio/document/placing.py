"""Picking up experts and putting them down on GPUs: what a drag or its keyboard twin means."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from moe_studio.errors import ProjectError
from moe_studio.project.design import layers_text
from moe_studio.project.edit import (
    Edit,
    identity,
    in_order,
    move_expert,
    remove_instance,
    replicate_expert,
    swap_experts,
)
from moe_studio.project.instance import layer_instances
from moe_studio.project.project import Project

Mode = Literal["move", "replicate", "swap"]
Span = int | tuple[int, int] | None
"""Layers shown and edited: one, a first and a last, or all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuPlace:
    """Where a GPU stands in the parallel strategy."""

    replica: int
    stage: int
    position: int
    slot: int

    @property
    def text(self) -> str:
        """Short ranks, such as ``r0 s1 p3``."""
        return f"r{self.replica} s{self.stage} p{self.position}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grab:
    """The instance of ``expert`` on ``gpu``, picked up in ``layers``."""

    expert: int
    gpu: int
    layers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A finished thought: the edit, its label for the history, and its scope in words."""

    label: str
    scope: str
    edit: Edit


def gpu_place(project: Project, gpu: int) -> GpuPlace:
    """Where ``gpu`` stands."""
    group, position = divmod(gpu, project.width)
    replica, stage = divmod(group, project.parallel.pp)
    return GpuPlace(replica=replica, stage=stage, position=position, slot=position // project.parallel.etp)


def in_span(layer: int, span: Span) -> bool:
    """Whether ``layer`` is among those of ``span``."""
    if span is None:
        return True
    first, last = (span, span) if isinstance(span, int) else span
    return first <= layer <= last


def grabbed(project: Project, expert: int, gpu: int, span: Span) -> Grab:
    """``expert`` on ``gpu``, in those layers of ``span`` and of the GPU's stage that have it there."""
    place = gpu_place(project, gpu)
    instances = layer_instances(project)
    known: dict[int, bool] = {}
    layers = []
    for number in project.stage_layers()[place.stage]:
        found = instances[number]
        if found is None or not in_span(number, span):
            continue
        if id(found) not in known:
            here = (found.replica == place.replica) & (found.slot == place.slot) & (found.expert == expert)
            known[id(found)] = bool(here.any())
        if known[id(found)]:
            layers.append(number)
    if not layers:
        raise ProjectError(f"GPU {gpu} does not hold expert {expert} here.")
    return Grab(expert=expert, gpu=gpu, layers=tuple(layers))


def drop_of(
    project: Project, grab: Grab, gpu: int, *, mode: Mode = "move", other: int = -1, is_one_replica: bool = False
) -> Drop:
    """What putting ``grab`` down on ``gpu`` does; ``other`` is the expert there to change places with.

    Unless ``is_one_replica``, placements change alike in every replica, and a drop onto a GPU of another
    replica means its position.

    Raises:
        ProjectError: if the GPU belongs to another stage than the layers that were picked up, or to
            another replica although only one is meant.
    """
    if mode != "swap" or other < 0:
        return drop_set(project, (grab,), gpu, is_copy=mode == "replicate", is_one_replica=is_one_replica)
    _check_target(project, (grab,), gpu, is_one_replica=is_one_replica)
    source, target = gpu_place(project, grab.gpu), gpu_place(project, gpu)
    scope = scope_text(project, (grab,), is_one_replica=is_one_replica)
    replica = source.replica if is_one_replica else None
    pair = (grab.expert, source.slot), (other, target.slot)
    return Drop(
        label=f"Swap experts {grab.expert} and {other}, {scope}",
        scope=scope,
        edit=swap_experts(*pair, layers=grab.layers, replica=replica),
    )


def drop_set(
    project: Project, grabs: Sequence[Grab], gpu: int, *, is_copy: bool = False, is_one_replica: bool = False
) -> Drop:
    """What putting all of ``grabs`` down on ``gpu`` does.

    Raises:
        ProjectError: as `drop_of`.
    """
    return drop_each(project, [(grab, gpu) for grab in grabs], is_copy=is_copy, is_one_replica=is_one_replica)


def drop_each(
    project: Project, pairs: Sequence[tuple[Grab, int]], *, is_copy: bool = False, is_one_replica: bool = False
) -> Drop:
    """What putting each grab down on its own GPU does, as one step.

    Raises:
        ProjectError: as `drop_of`.
    """
    grabs, gpus = [grab for grab, _ in pairs], list(dict.fromkeys(gpu for _, gpu in pairs))
    for grab, gpu in pairs:
        _check_target(project, (grab,), gpu, is_one_replica=is_one_replica)
    scope = scope_text(project, grabs, is_one_replica=is_one_replica)
    edits: dict[tuple[object, ...], Edit] = {}
    for grab, gpu in pairs:
        source, target = gpu_place(project, grab.gpu), gpu_place(project, gpu)
        replica = source.replica if is_one_replica else None
        key = (grab.expert, source.slot, target.slot, grab.layers, replica)
        if is_copy:
            edits[key] = replicate_expert(grab.expert, target.slot, layers=grab.layers, replica=replica)
        elif source.slot != target.slot:
            edits[key] = move_expert(grab.expert, source.slot, target.slot, layers=grab.layers, replica=replica)
    verb, to = ("Replicate", "on") if is_copy else ("Move", "to")
    what = experts_phrase({grab.expert for grab in grabs})
    return Drop(
        label=f"{verb} {what} {to} {gpus_phrase(gpus)}, {scope}",
        scope=scope,
        edit=in_order(*edits.values()) if edits else identity,
    )


def removal_of(project: Project, grabs: Sequence[Grab], *, is_one_replica: bool = False) -> Drop:
    """What taking these copies of experts away does; the only copy of an expert stays."""
    scope = scope_text(project, grabs, is_one_replica=is_one_replica)
    edits = []
    for grab in grabs:
        place = gpu_place(project, grab.gpu)
        replica = place.replica if is_one_replica else None
        edits.append(remove_instance(grab.expert, place.slot, layers=grab.layers, replica=replica))
    what, gpus = experts_phrase({grab.expert for grab in grabs}), {grab.gpu for grab in grabs}
    return Drop(label=f"Remove {what} from {gpus_phrase(gpus)}, {scope}", scope=scope, edit=in_order(*edits))


def spread(project: Project, grabs: Sequence[Grab], gpus: Sequence[int]) -> list[tuple[Grab, int]]:
    """Each of ``grabs`` with that of ``gpus`` which is to have it: always the one with the fewest experts."""
    held = [len(experts) for experts in hosted_experts(project, None)]
    for grab in grabs:
        held[grab.gpu] -= 1
    fitting = {grab: [gpu for gpu in gpus if _stage(project, gpu) == _stage(project, grab.gpu)] for grab in grabs}
    pairs = []
    for grab in grabs:
        allowed = fitting[grab] or list(gpus)
        gpu = min(allowed, key=lambda item: (held[item], item != grab.gpu, item))
        held[gpu] += 1
        pairs.append((grab, gpu))
    return pairs


def scope_text(project: Project, grabs: Sequence[Grab], *, is_one_replica: bool = False) -> str:
    """What a drop is about, in words: ``layers 0–3, 2 replicas``."""
    text = layers_phrase(tuple(sorted({layer for grab in grabs for layer in grab.layers})))
    if project.parallel.dp == 1:
        return text
    if is_one_replica:
        replicas = sorted({gpu_place(project, grab.gpu).replica for grab in grabs})
        names = ", ".join(f"{number}" for number in replicas)
        return f"{text}, only replica{'s' if len(replicas) > 1 else ''} {names}"
    return f"{text}, {project.parallel.dp} replicas"


def experts_phrase(experts: Iterable[int]) -> str:
    """Experts in words: ``expert 5``, ``experts 5, 6 and 9``, ``12 experts``."""
    numbers = sorted(experts)
    if len(numbers) == 1:
        return f"expert {numbers[0]}"
    if len(numbers) > 4:
        return f"{len(numbers)} experts"
    return f"experts {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def gpus_phrase(gpus: Collection[int]) -> str:
    """GPUs in words: ``GPU 5``, ``12 GPUs``."""
    return f"GPU {min(gpus)}" if len(gpus) == 1 else f"{len(gpus)} GPUs"


def layers_phrase(layers: tuple[int, ...]) -> str:
    """Layers in words: ``layer 4``, ``layers 0–3``."""
    text = layers_text(list(layers)).replace("-", "–")
    return f"layer {text}" if len(layers) == 1 else f"layers {text}"


def hosted_experts(project: Project, span: Span) -> tuple[dict[int, int], ...]:
    """Per GPU the experts that it holds, each with the number of layers; of the layers of ``span``."""
    found = next((held for owner, of, held in tuple(_LATEST) if owner is project and of == span), None)
    if found is None:
        found = _found_experts(project, span)
        _LATEST.append((project, span, found))
    return found


_LATEST: deque[tuple[Project, Span, tuple[dict[int, int], ...]]] = deque(maxlen=4)
"""Those of a few designs: the cluster and the inspector want them at every step of a drag."""


def _found_experts(project: Project, span: Span) -> tuple[dict[int, int], ...]:
    held: tuple[dict[int, int], ...] = tuple({} for _ in range(project.cluster.gpu_count))
    instances = layer_instances(project)
    etp, width, stages = project.parallel.etp, project.width, project.parallel.pp
    for stage, layers in enumerate(project.stage_layers()):
        times: dict[int, int] = {}
        for number in layers:
            if instances[number] is not None and in_span(number, span):
                times[number] = id(instances[number])
        for identity_ in dict.fromkeys(times.values()):
            same = [number for number in times if times[number] == identity_]
            found = instances[same[0]]
            assert found is not None
            first = (found.replica * stages + stage) * width + found.slot * etp
            gpus = (first[:, None] + np.arange(etp)).ravel().tolist()
            for gpu, expert in zip(gpus, np.repeat(found.expert, etp).tolist(), strict=True):
                held[gpu][expert] = held[gpu].get(expert, 0) + len(same)
    return tuple(dict(sorted(item.items())) for item in held)


def _check_target(project: Project, grabs: Sequence[Grab], gpu: int, *, is_one_replica: bool) -> None:
    target = gpu_place(project, gpu)
    for grab in grabs:
        source = gpu_place(project, grab.gpu)
        if source.stage != target.stage:
            raise ProjectError(
                f"GPU {gpu} computes stage {target.stage}; {layers_phrase(grab.layers)} belong to stage {source.stage}."
            )
        if is_one_replica and source.replica != target.replica:
            raise ProjectError(
                f"GPU {gpu} belongs to replica {target.replica}; "
                f"with “this replica only” experts stay in replica {source.replica}."
            )


def _stage(project: Project, gpu: int) -> int:
    return gpu_place(project, gpu).stage
