"""Who sends how many bytes to whom: dispatch and combine, between GPUs and between nodes."""

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.layer import LayerGraph

What = Literal["dispatch", "combine", "both"]
WHATS: tuple[What, ...] = ("both", "dispatch", "combine")

Label = Callable[[LayerGraph], IntArray]


def gpu_traffic(evaluation: Evaluation, *, what: What = "both", layers: Iterable[int] | None = None) -> FloatArray:
    """Bytes that each GPU sends to each other GPU in one step, shape (GPUs, GPUs): from row to column.

    An exchange goes straight from GPU to GPU. A ring sends on to the next GPU of its node, and across nodes
    to the GPU of the same place on the next node; what its algorithm sends several times is counted so.
    """
    return _summed(evaluation, what, layers, evaluation.project.cluster.gpu_count, lambda body: body.stage.gpu)


def node_traffic(evaluation: Evaluation, *, what: What = "both", layers: Iterable[int] | None = None) -> FloatArray:
    """Bytes that the GPUs of each node send to those of each node, shape (nodes, nodes): from row to column."""
    return _summed(evaluation, what, layers, len(evaluation.project.cluster.nodes), lambda body: body.stage.node)


def _summed(evaluation: Evaluation, what: What, layers: Iterable[int] | None, size: int, label: Label) -> FloatArray:
    chosen = None if layers is None else set(layers)
    times: dict[LayerGraph, int] = {}
    for part in evaluation.graph.parts:
        if chosen is None or part.layer in chosen:
            times[part.body] = times.get(part.body, 0) + 1
    total = np.zeros((size, size))
    for body, count in times.items():
        for name in ("dispatch", "combine") if what == "both" else (what,):
            run = body.run_of.get(name)
            if run is not None and run.on_comm:
                add = _add_ring if body.stage.is_local else _add_exchange
                add(total, body, name, label(body), count)
    return total


def _add_exchange(total: FloatArray, body: LayerGraph, name: str, place: IntArray, count: int) -> None:
    """All-to-all: GPU g and each GPU of every other attention group of its replica exchange the same bytes."""
    stage = body.stage
    rows = body.run_of[name].rows
    others = stage.width - stage.tp
    per_pair = count * body.byte[rows] / max(1, others)
    lane = stage.lane
    size = len(total)
    result = np.zeros_like(total)
    for replica in range(stage.dp):
        members = np.flatnonzero(lane // stage.width == replica)
        senders = np.bincount(place[members], minlength=size).astype(float)
        taken = np.zeros(size)
        np.add.at(taken, place[members], per_pair[members])
        result += np.outer(senders, taken)
    for offset in range(stage.tp):
        # A GPU gets nothing from its own attention group, which holds the same tokens.
        mate = lane // stage.tp * stage.tp + offset
        np.add.at(result, (place[mate], place), -per_pair)
    # The difference of sums leaves rounding noise where nothing is sent.
    result[result < 1e-9 * max(1.0, float(per_pair.sum()))] = 0.0
    total += result if name == "dispatch" else result.T


def _add_ring(total: FloatArray, body: LayerGraph, name: str, place: IntArray, count: int) -> None:
    """A ring inside each node, and one across the nodes of the replica."""
    stage = body.stage
    rows = body.run_of[name].rows
    intra, inter = count * body.intra_byte[rows], count * body.inter_byte[rows]
    lane = stage.lane
    for replica in range(stage.dp):
        members = lane[lane // stage.width == replica]
        groups = [members[stage.node[members] == node] for node in dict.fromkeys(stage.node[members].tolist())]
        for number, group in enumerate(groups):
            following = groups[(number + 1) % len(groups)]
            across = following[np.arange(len(group)) % len(following)]
            if len(group) > 1:
                np.add.at(total, (place[group], place[np.roll(group, -1)]), intra[group])
            if len(groups) > 1:
                np.add.at(total, (place[group], place[across]), inter[group])
