"""Which experts each GPU hosts, and how many tokens reach them (DESIGN §4, routing)."""

from dataclasses import dataclass

import numpy as np

from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.layer import LayerPlace
from moe_studio.graph.routing import ceiling, reach_uniform
from moe_studio.graph.stage import Stage
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
    is_uniform = project.workload.routing.kind == "uniform"
    visit = np.full(ffn.experts, ffn.top_k / ffn.experts) if is_uniform else visits(project, place.load)
    copies = np.bincount(instances.replica * ffn.experts + instances.expert, minlength=stage.dp * ffn.experts)
    is_single = np.repeat(copies.reshape(stage.dp, -1).max(axis=1) <= 1, stage.width) & is_uniform
    lane, expert = expert_rows(stage, instances)
    per_instance = visit[expert] / copies[lane // stage.width * ffn.experts + expert]
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
