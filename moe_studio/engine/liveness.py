"""Activations that are alive at once: every tensor from the operator that makes it to the last one that takes it."""

import numpy as np

from moe_studio.graph.column import FloatArray, total_by
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.project.project import Project

_FUSED = {"scores", "scale", "softmax"}
"""What fused attention never writes."""


def peak_byte(body: LayerGraph, project: Project) -> FloatArray:
    """Most bytes of activations alive at once while the layer runs in program order, shape (lanes,).

    Of interleaved micro-batches each has its own. What a dispatch between GPUs brings lies in the communication
    buffers, which are counted apart.
    """
    element_byte = project.model.byte_of("activations")
    is_fused = project.cost.attention == "fused"
    last_use = _last_uses(body)
    made = [_output_byte(body, run, is_fused=is_fused) * element_byte for run in body.runs]
    residual = np.full(body.stage.lanes, body.size.rows * project.model.hidden * element_byte)
    peak = np.zeros(body.stage.lanes)
    alive = residual.copy()
    for number in range(len(body.runs)):
        alive = alive + made[number]
        peak = np.maximum(peak, alive)
        for source, last in last_use.items():
            if last == number:
                alive = alive - (residual if source < 0 else made[source])
    work = project.workload
    return peak * (work.micro_batches if work.order == "interleaved" else 1)


def _last_uses(body: LayerGraph) -> dict[int, int]:
    """The last run that takes the result of each run, and the layer's input (-1); what leaves the layer stays alive."""
    return {take: number for number, run in enumerate(body.runs) for take in run.takes}


def _output_byte(body: LayerGraph, run: Run, *, is_fused: bool) -> FloatArray:
    """Elements that a run leaves behind on each lane, shape (lanes,)."""
    name = run.kind.name
    if (is_fused and name in _FUSED) or (name == "dispatch" and run.on_comm):
        return np.zeros(body.stage.lanes)
    rows = run.rows
    return total_by(body.lane[rows], body.out_rows[rows] * body.out_width[rows], body.stage.lanes)
