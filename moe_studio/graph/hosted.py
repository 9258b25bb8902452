"""Which experts each GPU hosts, and how many tokens reach them (DESIGN §4, routing)."""

from dataclasses import dataclass

import numpy as np

from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.layer import LayerPlace
from moe_studio.graph.routing import EVEN, ceiling, largest_of, reach_uniform
from moe_studio.graph.stage import Stage
from moe_studio.project.design import Routing
from moe_studio.project.instance import Instances
from moe_studio.project.load import visits
from moe_studio.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hosted:
    """Expert rows by (lane, expert), and per lane the probability that a token needs it.

    ``tokens`` t, ``touched`` probability that the weights are read, ``is_first`` the row that pays
    for the launch of its lane's grouped kernel; ``reach`` has shape (lanes,).
    """

    lane: IntArray
    expert: IntArray
    tokens: FloatArray
    touched: FloatArray
    is_first: FloatArray
    reach: FloatArray


def expert_rows(stage: Stage, instances: Instances) -> tuple[IntArray, IntArray]:
    """Lane and expert of every expert row: one for each GPU of each instance's slot."""
    first = instances.replica * stage.width + instances.slot * stage.etp
    lane = (first[:, None] + np.arange(stage.etp)).ravel()
    expert = np.repeat(instances.expert, stage.etp)
    order = np.lexsort((expert, lane))
    return lane[order], expert[order]


def hosted_experts(project: Project, stage: Stage, place: LayerPlace, instances: Instances, tokens: float) -> Hosted:
    ffn = place.ffn
    routing = project.workload.routing
    is_uniform = routing.kind == "uniform"
    visit = np.full(ffn.experts, ffn.top_k / ffn.experts) if is_uniform else visits(project, place.load)
    copies = np.bincount(instances.replica * ffn.experts + instances.expert, minlength=stage.dp * ffn.experts)
    is_single = np.repeat(copies.reshape(stage.dp, -1).max(axis=1) <= 1, stage.width) & is_uniform
    lane, expert = expert_rows(stage, instances)
    per_instance = visit[expert] / copies[lane // stage.width * ffn.experts + expert]
    if routing.imbalance > 1 or routing.chance:
        per_instance = _tilted(per_instance, lane, stage, place.load, routing, tokens)
        is_single = np.zeros(stage.lanes, bool)
    reach = reach_uniform(np.bincount(lane, minlength=stage.lanes).astype(float), ffn.experts, ffn.top_k)
    if not is_single.all():
        missed = np.zeros(stage.lanes)
        with np.errstate(divide="ignore"):
            np.add.at(missed, lane, np.log1p(-np.minimum(per_instance, 1.0)))
        reach = np.where(is_single, reach, -np.expm1(missed))
    with np.errstate(divide="ignore"):
        touched = -np.expm1(tokens * np.log1p(-np.minimum(per_instance, 1.0)))
    is_first = np.ones(len(lane))
    is_first[1:] = lane[1:] != lane[:-1]
    return Hosted(
        lane=lane,
        expert=expert,
        tokens=ceiling(tokens * per_instance),
        touched=touched,
        is_first=is_first,
        reach=reach,
    )


def _tilted(visit: FloatArray, lane: IntArray, stage: Stage, layer: int, routing: Routing, tokens: float) -> FloatArray:
    """``visit`` with one slot of each replica as much above the mean as ``routing`` says, unless one is; same sums.

    Which slot it is changes from layer to layer, as it does from batch to batch: no GPU is always the busiest.
    """
    result = visit.copy()
    slots = stage.width // stage.etp
    slot = lane // stage.etp
    for replica in range(stage.dp):
        mine = slot // slots == replica
        # Every GPU of a slot has a row for each expert.
        load = np.bincount(slot[mine] - replica * slots, visit[mine] / stage.etp, minlength=slots)
        total, hosts = float(load.sum()), np.flatnonzero(load)
        most = routing.imbalance * total / slots
        if routing.chance and tokens > 0:
            most += np.sqrt(max(most, float(load.max())) / tokens) * largest_of(len(hosts))
        # A slot that has as much already is not passed over because its sum is a bit less in the last digit.
        if len(hosts) < 2 or load.max() >= most * (1 - EVEN):
            continue
        busiest = hosts[layer % len(hosts)]
        is_busiest, rest = mine & (slot == replica * slots + busiest), mine & (slot != replica * slots + busiest)
        # No expert is visited by more tokens than there are, and the others keep what is left.
        wanted = min(most, total)
        result[is_busiest] = np.minimum(1.0, visit[is_busiest] * (wanted / load[busiest]))
        left = total - float(result[is_busiest].sum()) / stage.etp
        # A sum of shares misses the whole by rounding, which must not become a token.
        result[rest] *= left / (total - load[busiest]) if left > EVEN * total else 0.0
    return result
