"""How busy the stages of a pipeline are: what is lost while it fills and drains, and what it gives when it is full."""

from dataclasses import dataclass

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """One stage: ``occupied_s``, time in which it has a micro-batch at work; ``bubble``: the rest, over the latency."""

    stage: int
    first_layer: int
    last_layer: int
    occupied_s: float
    bubble: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineTime:
    """The stages together. ``period_s``: a full pipeline ends a batch as often as its slowest stage does."""

    stages: tuple[StageTime, ...]
    period_s: float
    tokens_per_s: float
    bubble: float


def pipeline_time(evaluation: Evaluation) -> PipelineTime:
    """Occupation of every stage in the schedule of ``evaluation``.

    With p equal stages and m micro-batches the bubble is (p − 1) / (m + p − 1) (GPipe, arXiv 1811.06965, section 2.3).
    """
    latency = evaluation.metrics.latency_s
    stages = []
    for stage, layers in zip(evaluation.graph.stages, evaluation.project.stage_layers(), strict=True):
        occupied = _occupied_s(evaluation, stage.index, stage.dp, stage.width)
        share = 1 - float(occupied.mean()) / latency if latency else 0.0
        stages.append(
            StageTime(
                stage=stage.index,
                first_layer=layers[0],
                last_layer=layers[-1],
                occupied_s=float(occupied.max()),
                # Sums in another order differ in the last digits; that is no bubble.
                bubble=share if share > 1e-12 else 0.0,
            )
        )
    period = max(item.occupied_s for item in stages)
    return PipelineTime(
        stages=tuple(stages),
        period_s=period,
        tokens_per_s=evaluation.metrics.tokens / period if period else 0.0,
        bubble=sum(item.bubble for item in stages) / len(stages),
    )


def _occupied_s(evaluation: Evaluation, stage: int, dp: int, width: int) -> FloatArray:
    """Time in which a micro-batch is between its first start and last finish on the stage, shape (dp,)."""
    batches = evaluation.project.workload.micro_batches
    start, finish = np.full((dp, batches), np.inf), np.zeros((dp, batches))
    for part in evaluation.graph.parts:
        body = part.body
        if body.stage.index != stage:
            continue
        replica = body.lane // width
        np.minimum.at(start[:, part.micro_batch], replica, evaluation.start_s[part.rows])
        np.maximum.at(finish[:, part.micro_batch], replica, evaluation.finish_s[part.rows])
    return np.array([_union_s(a, b) for a, b in zip(start, finish, strict=True)])


def _union_s(start: FloatArray, finish: FloatArray) -> float:
    order = np.argsort(start)
    total, reached = 0.0, -np.inf
    for begin, end in zip(start[order].tolist(), finish[order].tolist(), strict=True):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total
