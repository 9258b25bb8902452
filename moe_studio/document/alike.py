"""Which drops mean the same, so that one evaluation answers for all of them."""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from moe_studio.document.placing import Grab, gpu_place
from moe_studio.project.instance import Instances, layer_instances
from moe_studio.project.project import Project

Key = tuple[Hashable, ...]


def drop_keys(project: Project, grabs: Sequence[Grab], gpus: Iterable[int]) -> dict[int, Key]:
    """A key for each GPU of a stage: drops of ``grabs`` on GPUs with equal keys give equal figures.

    GPUs are alike when they lie on the same nodes, are of the same kind and hold as many experts with as
    many copies. Where experts differ in load, only the GPUs of one slot are alike.
    """
    chosen = list(gpus)
    if not chosen:
        return {}
    stage = gpu_place(project, chosen[0]).stage
    places = _slot_places(project, stage)
    states = _slot_states(project, stage, {grab.expert for grab in grabs})
    sources = {gpu_place(project, grab.gpu).slot for grab in grabs}
    keys: dict[int, Key] = {}
    for gpu in chosen:
        slot = gpu_place(project, gpu).slot
        group = _group_slots(project, slot)
        mates = tuple(sorted(hash((states[mate], mate in sources)) for mate in group if mate != slot))
        keys[gpu] = (slot in sources, places[slot], states[slot], mates)
    return keys


def _slot_places(project: Project, stage: int) -> list[Key]:
    """Node and kind of device of every GPU of each slot, in all replicas."""
    cluster, parallel = project.cluster, project.parallel
    node = np.array(cluster.node_of_gpu()).reshape(parallel.dp, parallel.pp, project.slots, parallel.etp)[:, stage]
    device = [item.device for item in cluster.nodes]
    return [
        tuple((number, device[number]) for number in node[:, slot].ravel().tolist()) for slot in range(project.slots)
    ]


def _slot_states(project: Project, stage: int, marked: set[int]) -> list[Key]:
    """What each slot holds, as far as it matters to what a drop of the ``marked`` experts costs."""
    if project.workload.routing.kind != "uniform":
        return [(slot,) for slot in range(project.slots)]
    instances = layer_instances(project)
    layers = project.stage_layers()[stage]
    found = {id(instances[layer]): instances[layer] for layer in layers}
    tables = [_contents(project, item, marked) for item in found.values() if item is not None]
    return [tuple(table[slot] for table in tables) for slot in range(project.slots)]


def _contents(project: Project, instances: Instances, marked: set[int]) -> list[Key]:
    """Per slot, for each of its experts the replica, how many copies there are, and its number if it is marked."""
    home = instances.replica * instances.experts + instances.expert
    copies = np.bincount(home)[home]
    contents: list[list[tuple[int, int, int]]] = [[] for _ in range(project.slots)]
    for replica, expert, slot, count in zip(
        instances.replica.tolist(), instances.expert.tolist(), instances.slot.tolist(), copies.tolist(), strict=True
    ):
        contents[slot].append((replica, count, expert if expert in marked else -1))
    return [tuple(sorted(item)) for item in contents]


def _group_slots(project: Project, slot: int) -> range:
    """The slots that share an attention group with ``slot``."""
    etp, tp = project.parallel.etp, project.parallel.tp
    first = slot * etp // tp * tp
    last = -(-(slot + 1) * etp // tp) * tp
    return range(first // etp, -(-last // etp))
