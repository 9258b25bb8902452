"""Picking up an expert and putting it down on a GPU: what a drag or its keyboard twin means."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from moe_studio.errors import ProjectError
from moe_studio.project.design import layers_text
from moe_studio.project.edit import Edit, move_expert, replicate_expert, swap_experts
from moe_studio.project.instance import layer_instances
from moe_studio.project.project import Project

Mode = Literal["move", "replicate", "swap"]


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


def grabbed(project: Project, expert: int, gpu: int, layer: int | None) -> Grab:
    """``expert`` on ``gpu``, in ``layer`` or in all layers of the GPU's stage that have it there."""
    place = gpu_place(project, gpu)
    instances = layer_instances(project)
    layers = []
    for number in project.stage_layers()[place.stage]:
        found = instances[number]
        if found is None or layer not in (None, number):
            continue
        here = (found.replica == place.replica) & (found.slot == place.slot) & (found.expert == expert)
        if here.any():
            layers.append(number)
    if not layers:
        raise ProjectError(f"GPU {gpu} does not hold expert {expert} here.")
    return Grab(expert=expert, gpu=gpu, layers=tuple(layers))


def drop_of(project: Project, grab: Grab, gpu: int, *, mode: Mode = "move", other: int = -1) -> Drop:
    """What putting ``grab`` down on ``gpu`` does; ``other`` is the expert there to change places with.

    Placements are the same in every replica, so a drop onto a GPU of another replica means its position.

    Raises:
        ProjectError: if the GPU belongs to another stage than the layers that were picked up.
    """
    source, target = gpu_place(project, grab.gpu), gpu_place(project, gpu)
    if source.stage != target.stage:
        raise ProjectError(
            f"GPU {gpu} computes stage {target.stage}; {layers_phrase(grab.layers)} belong to stage {source.stage}."
        )
    scope = layers_phrase(grab.layers)
    if project.parallel.dp > 1:
        scope += f", {project.parallel.dp} replicas"
    chosen = grab.layers
    if mode == "swap" and other >= 0:
        edit = swap_experts((grab.expert, source.slot), (other, target.slot), layers=chosen)
        return Drop(label=f"Swap experts {grab.expert} and {other}, {scope}", scope=scope, edit=edit)
    if mode == "replicate":
        edit = replicate_expert(grab.expert, target.slot, layers=chosen)
        return Drop(label=f"Replicate expert {grab.expert} on GPU {gpu}, {scope}", scope=scope, edit=edit)
    edit = move_expert(grab.expert, source.slot, target.slot, layers=chosen)
    return Drop(label=f"Move expert {grab.expert} to GPU {gpu}, {scope}", scope=scope, edit=edit)


def layers_phrase(layers: tuple[int, ...]) -> str:
    """Layers in words: ``layer 4``, ``layers 0–3``."""
    text = layers_text(list(layers)).replace("-", "–")
    return f"layer {text}" if len(layers) == 1 else f"layers {text}"


def hosted_experts(project: Project, layer: int | None) -> tuple[dict[int, int], ...]:
    """Per GPU the experts that it holds, each with the number of layers; of one layer or of all."""
    held: tuple[dict[int, int], ...] = tuple({} for _ in range(project.cluster.gpu_count))
    instances = layer_instances(project)
    etp, width, stages = project.parallel.etp, project.width, project.parallel.pp
    for stage, layers in enumerate(project.stage_layers()):
        times: dict[int, int] = {}
        for number in layers:
            if instances[number] is not None and layer in (None, number):
                times[number] = id(instances[number])
        for identity in dict.fromkeys(times.values()):
            same = [number for number in times if times[number] == identity]
            found = instances[same[0]]
            assert found is not None
            first = (found.replica * stages + stage) * width + found.slot * etp
            gpus = (first[:, None] + np.arange(etp)).ravel().tolist()
            for gpu, expert in zip(gpus, np.repeat(found.expert, etp).tolist(), strict=True):
                held[gpu][expert] = held[gpu].get(expert, 0) + len(same)
    return tuple(dict(sorted(item.items())) for item in held)
