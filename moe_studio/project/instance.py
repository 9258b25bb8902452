"""Which slots hold which experts: the placement of each layer, written out."""

from collections import defaultdict, deque
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from moe_studio.project.balance import packed, with_redundant
from moe_studio.project.design import Move, layer_ranges
from moe_studio.project.load import visits
from moe_studio.project.project import Project

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instances:
    """The expert instances of one layer of one stage in all replicas, by (replica, expert, slot).

    ``key`` is equal exactly when the placements are, so it can index a cache.
    """

    replica: IntArray
    expert: IntArray
    slot: IntArray
    experts: int
    key: bytes


def policy_slots(policy: str, expert: int, experts: int, ep: int, slots: int) -> tuple[int, ...]:
    """The slots that ``policy`` gives an expert, one in each of the ``slots // ep`` copies."""
    if policy == "explicit":
        return ()
    first = expert * ep // experts if policy == "contiguous" else expert % ep
    return tuple(range(first, slots, ep))


def layer_instances(project: Project) -> tuple[Instances | None, ...]:
    """The instances of every layer; None for dense layers. Layers placed alike share one object."""
    found = next((known for owner, known in tuple(_LATEST) if owner is project), None)
    if found is None:
        found = _found_instances(project)
        _LATEST.append((project, found))
    return found


_LATEST: deque[tuple[Project, tuple[Instances | None, ...]]] = deque(maxlen=4)
"""Those of a few designs: several views of the same one want them, and finding them takes a while."""


def _found_instances(project: Project) -> tuple[Instances | None, ...]:
    layers = project.model.layers
    moves = _moves_of_layers(project.placement.moves, len(layers))
    known: dict[tuple[int, int, tuple[int, ...]], Instances] = {}
    result: list[Instances | None] = []
    for number, layer in enumerate(layers):
        if not layer.ffn.is_moe:
            result.append(None)
            continue
        index = project.model.held_layer(number)
        key = (layer.ffn.experts, _load_number(project, index), moves[index])
        if key not in known:
            chosen = [project.placement.moves[move] for move in moves[index]]
            known[key] = _instances(project, index, chosen)
        result.append(known[key])
    return tuple(result)


def _load_number(project: Project, layer: int) -> int:
    """The layer's number where its load decides its placement, else -1."""
    return layer if _is_by_load(project) and project.workload.routing.kind != "uniform" else -1


def default_slots(project: Project, layer: int) -> tuple[tuple[int, ...], ...]:
    """The slots that the placement's policy gives each expert of ``layer``, before any move."""
    placement = project.placement
    if not _is_by_load(project):
        experts = project.model.layers[layer].ffn.experts
        return _policy_table(placement.policy, experts, project.parallel.ep, project.slots)
    load = tuple(visits(project, layer).tolist())
    return _slots_by_load(load, placement.policy, placement.redundant, project.parallel.ep, project.slots)


@lru_cache(maxsize=64)
def _policy_table(policy: str, experts: int, ep: int, slots: int) -> tuple[tuple[int, ...], ...]:
    return tuple(policy_slots(policy, expert, experts, ep, slots) for expert in range(experts))


def default_slot(project: Project, layer: int, expert: int) -> tuple[int, ...]:
    """`default_slots` of one expert."""
    return default_slots(project, layer)[expert]


def _is_by_load(project: Project) -> bool:
    return project.placement.policy == "balanced" or project.placement.redundant > 0


@lru_cache(maxsize=1024)
def _slots_by_load(
    load: tuple[float, ...], policy: str, redundant: int, ep: int, slots: int
) -> tuple[tuple[int, ...], ...]:
    """Every copy of the experts is placed alike, ``ep`` slots further on."""
    if policy == "balanced":
        homes = packed(load, redundant, ep)
    else:
        one_copy = [policy_slots(policy, expert, len(load), ep, ep) for expert in range(len(load))]
        homes = with_redundant(load, one_copy, redundant, ep)
    return tuple(tuple(slot + first for first in range(0, slots, ep) for slot in home) for home in homes)


def _moves_of_layers(moves: tuple[Move, ...], layers: int) -> list[tuple[int, ...]]:
    """The numbers of the moves that touch each layer."""
    touched: dict[int, list[int]] = defaultdict(list)
    for number, move in enumerate(moves):
        for low, high in layer_ranges(move.layers) or ((0, layers - 1),):
            for layer in range(low, min(high, layers - 1) + 1):
                if not touched[layer] or touched[layer][-1] != number:
                    touched[layer].append(number)
    return [tuple(touched[layer]) for layer in range(layers)]


def _slots(project: Project, layer: int, moves: list[Move]) -> list[dict[int, tuple[int, ...]]]:
    """The slots of each expert, one mapping per replica."""
    parallel = project.parallel
    default = dict(enumerate(default_slots(project, layer)))
    experts = len(default)
    tables = [dict(default) for _ in range(parallel.dp)]
    for move in moves:
        for replica in range(parallel.dp) if move.replica is None else (move.replica,):
            if move.expert < experts:
                tables[replica][move.expert] = tuple(sorted(move.slots))
    return tables


def _instances(project: Project, layer: int, moves: list[Move]) -> Instances:
    experts = project.model.layers[layer].ffn.experts
    rows = [
        (replica, expert, slot)
        for replica, table in enumerate(_slots(project, layer, moves))
        for expert, slots in table.items()
        for slot in slots
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    table.flags.writeable = False
    return Instances(
        replica=table[:, 0],
        expert=table[:, 1],
        slot=table[:, 2],
        experts=experts,
        key=experts.to_bytes(4, "little") + table.tobytes(),
    )
