"""What the host costs: without CUDA graphs it issues every kernel, and the GPU waits for it where kernels are short."""

import numpy as np

from moe_studio.calibration.fusion import ADD_AND_NORM, FUSED_ATTENTION, SIDE_BY_SIDE, mates_of
from moe_studio.graph.column import FloatArray, total_by
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.project.project import Project

_TOGETHER = (*SIDE_BY_SIDE, *ADD_AND_NORM, FUSED_ATTENTION, ("up", "gate_proj", "act", "down"))
"""Operators of one kernel, as far as a layer has them."""


def is_issued(project: Project) -> bool:
    """Whether the host issues kernels one by one: CUDA graphs are usual in decode alone, where shapes repeat."""
    graphs = project.cost.graphs
    return graphs == "off" or (graphs == "auto" and not project.workload.is_decode)


def waiting_s(body: LayerGraph, seconds: FloatArray, host_s: float) -> FloatArray:
    """By how much longer each operator takes because the host is not ahead, shape (rows,).

    The host runs ahead while kernels are long, so a layer takes the longer of its kernels and of issuing them; what is
    missing is spread evenly over its kernels.
    """
    heads = [run for run in body.runs if not run.on_comm and _begins_kernel(body, run)]
    kernels = np.zeros(body.stage.lanes)
    busy = total_by(body.lane, np.where(_is_work(body), seconds, 0.0), body.stage.lanes)
    first = [_first_rows(body, run, seconds) for run in heads]
    for rows in first:
        kernels[body.lane[rows]] += 1
    issued = kernels + sum(run.on_comm for run in body.runs)
    missing = np.maximum(0.0, issued * host_s - busy) / np.maximum(kernels, 1.0)
    result = np.zeros(len(body))
    for rows in first:
        result[rows] = missing[body.lane[rows]]
    return result


def _begins_kernel(body: LayerGraph, run: Run) -> bool:
    """Whether ``run`` is the first operator of its kernel in the layer."""
    mates = mates_of(body, run, _TOGETHER)
    return not mates or mates[0] is run


def _first_rows(body: LayerGraph, run: Run, seconds: FloatArray) -> np.ndarray:
    """The row of each lane that starts the kernel; what takes no time starts none."""
    rows = np.arange(run.first, run.last)
    if run.kind.is_expert:
        rows = run.first + body.host.start
    return rows[seconds[rows] > 0]


def _is_work(body: LayerGraph) -> np.ndarray:
    flags = np.zeros(len(body), bool)
    for run in body.runs:
        flags[run.rows] = not run.on_comm
    return flags
