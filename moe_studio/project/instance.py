"""Which slots hold which experts: the placement of each layer, written out."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_studio.project.design import Move, layer_ranges
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
    layers = project.model.layers
    moves = _moves_of_layers(project.placement.moves, len(layers))
    known: dict[tuple[int, tuple[int, ...]], Instances] = {}
    result: list[Instances | None] = []
    for index, layer in enumerate(layers):
        if not layer.ffn.is_moe:
            result.append(None)
            continue
        key = (layer.ffn.experts, moves[index])
        if key not in known:
            chosen = [project.placement.moves[number] for number in moves[index]]
            known[key] = _instances(project, layer.ffn.experts, chosen)
        result.append(known[key])
    return tuple(result)


def slots_of(project: Project, layer: int, replica: int) -> dict[int, tuple[int, ...]]:
    """The slots of each expert of one layer in one replica; experts without a slot are left out."""
    ffn = project.model.layers[layer].ffn
    chosen = [move for move in project.placement.moves if _covers(move, layer)]
    return {expert: slots for expert, slots in _slots(project, ffn.experts, chosen)[replica].items() if slots}


def _covers(move: Move, layer: int) -> bool:
    ranges = layer_ranges(move.layers)
    return not ranges or any(low <= layer <= high for low, high in ranges)


def _moves_of_layers(moves: tuple[Move, ...], layers: int) -> list[tuple[int, ...]]:
    """The numbers of the moves that touch each layer."""
    touched: dict[int, list[int]] = defaultdict(list)
    for number, move in enumerate(moves):
        for low, high in layer_ranges(move.layers) or ((0, layers - 1),):
            for layer in range(low, min(high, layers - 1) + 1):
                if not touched[layer] or touched[layer][-1] != number:
                    touched[layer].append(number)
    return [tuple(touched[layer]) for layer in range(layers)]


def _slots(project: Project, experts: int, moves: list[Move]) -> list[dict[int, tuple[int, ...]]]:
    """The slots of each expert, one mapping per replica."""
    parallel, policy = project.parallel, project.placement.policy
    default = {x: policy_slots(policy, x, experts, parallel.ep, project.slots) for x in range(experts)}
    tables = [dict(default) for _ in range(parallel.dp)]
    for move in moves:
        for replica in range(parallel.dp) if move.replica is None else (move.replica,):
            if move.expert < experts:
                tables[replica][move.expert] = tuple(sorted(move.slots))
    return tables


def _instances(project: Project, experts: int, moves: list[Move]) -> Instances:
    rows = [
        (replica, expert, slot)
        for replica, table in enumerate(_slots(project, experts, moves))
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
