"""Fitting a strategy to other hardware: the nearest one that divides the GPUs, and what it changed in words."""

import math
from collections.abc import Iterator
from dataclasses import replace

from moe_studio.engine.evaluation import check_size
from moe_studio.project.cluster import Cluster
from moe_studio.project.design import Move, Parallel
from moe_studio.project.project import Project


def fitted(project: Project, cluster: Cluster) -> tuple[Project, str]:
    """``project`` on ``cluster``, and in words what had to change for it to be valid.

    Raises:
        ProjectError: if the cluster itself is wrong, or the design gets too large.
    """
    parallel = fitting_strategy(project, cluster.gpu_count)
    slots = cluster.gpu_count // (parallel.dp * parallel.pp * parallel.etp)
    moves, lost = _fitting_moves(project, slots, parallel.dp)
    placement = replace(project.placement, moves=moves) if moves != project.placement.moves else project.placement
    result = replace(project, cluster=cluster, parallel=parallel, placement=placement)
    check_size(result)
    notes = _strategy_changes(project.parallel, parallel)
    if lost:
        notes.append(f"{lost} move{'s' if lost > 1 else ''} of experts that no longer fit")
    if not notes:
        return result, ""
    verb = "dropped" if len(notes) == 1 and lost else "changed"
    return result, f"{cluster.gpu_count} GPUs now, so this was {verb} too: {', '.join(notes)}."


def fitting_strategy(project: Project, gpus: int) -> Parallel:
    """The valid strategy for ``gpus`` GPUs that is nearest to the project's own; its own when that is valid."""
    own, layers = project.parallel, project.model.layers
    experts = max((layer.ffn.experts for layer in layers if layer.ffn.is_moe), default=0)
    if _divides(own, gpus, has_experts=bool(experts)):
        return own
    return min(
        _strategies(own, gpus, len(layers), experts),
        key=lambda item: (_distance(own, item, experts), item.dp, item.pp, item.tp, item.ep, item.etp),
    )


def _strategies(own: Parallel, gpus: int, layers: int, experts: int) -> Iterator[Parallel]:
    for pp in _divisors(gpus):
        if pp > min(layers, max(own.pp, 1)):
            continue
        for dp in _divisors(gpus // pp):
            width = gpus // (pp * dp)
            for tp in _near(width, own.tp):
                for etp in _near(width, own.etp):
                    for ep in _divisors(width // etp) if experts else _near(width // etp, own.ep):
                        if ep <= max(experts, own.ep, 1):
                            yield replace(own, dp=dp, pp=pp, tp=tp, ep=ep, etp=etp)


def _distance(own: Parallel, other: Parallel, experts: int) -> float:
    """How far a strategy is from the one wanted: replicas and expert slots change most readily."""
    weights = {"dp": 1.0, "ep": 1.0, "pp": 20.0, "tp": 10.0, "etp": 10.0}
    far = sum(weight * abs(math.log(getattr(other, name) / getattr(own, name))) for name, weight in weights.items())
    is_uneven = bool(experts) and experts % other.ep != 0 and experts % own.ep == 0
    return round(far + 0.5 * is_uneven, 9)


def _divides(parallel: Parallel, gpus: int, *, has_experts: bool) -> bool:
    if gpus % (parallel.dp * parallel.pp):
        return False
    width = gpus // (parallel.dp * parallel.pp)
    return not (width % parallel.tp or width % ((parallel.ep if has_experts else 1) * parallel.etp))


def _near(whole: int, wanted: int) -> tuple[int, ...]:
    """``wanted`` when it divides ``whole``, else the largest divisor below it."""
    return (max(part for part in _divisors(whole) if part <= wanted),)


def _divisors(number: int) -> list[int]:
    low = [part for part in range(1, math.isqrt(number) + 1) if number % part == 0]
    return sorted({*low, *(number // part for part in low)})


def _fitting_moves(project: Project, slots: int, dp: int) -> tuple[tuple[Move, ...], int]:
    """The moves of experts that there is still room for, and how many were changed or dropped."""
    kept, lost = [], 0
    for move in project.placement.moves:
        if move.replica is not None and move.replica >= dp:
            lost += 1
            continue
        left = tuple(slot for slot in move.slots if slot < slots)
        if not left and project.placement.policy == "explicit":
            left = tuple(dict.fromkeys(slot % slots for slot in move.slots))
        lost += left != move.slots
        if left:
            kept.append(move if left == move.slots else replace(move, slots=left))
    return tuple(kept), lost


def _strategy_changes(before: Parallel, after: Parallel) -> list[str]:
    return [
        f"{name} {getattr(before, name)} → {getattr(after, name)}"
        for name in ("dp", "pp", "tp", "ep", "etp")
        if getattr(before, name) != getattr(after, name)
    ]
