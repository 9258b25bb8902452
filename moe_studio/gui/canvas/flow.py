"""What goes where, as flows to draw: between nodes, and between a GPU and the others."""

from typing import cast

import numpy as np

from moe_studio.document.placing import Span, in_span
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.traffic_matrix import What, gpu_traffic, node_traffic
from moe_studio.graph.column import FloatArray
from moe_studio.gui.canvas.box import Box
from moe_studio.gui.canvas.flow_layer import FAINT, MOST_FLOWS, Flow
from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.units import si_text

MOST_GPUS = 1024
"""For more GPUs the flows between single ones are not worked out."""

MOST_TEXTS = 12
MOST_NODES = 12
"""With more nodes than this, and none selected, each says its total instead of what goes to each other."""


def flows(
    evaluation: Evaluation, layout: ClusterLayout, what: str, span: Span, *, gpu: int = -1, node: int = -1
) -> tuple[Flow, ...]:
    """Flows between nodes; with one node, or a GPU selected, between GPUs; with many nodes the total of each."""
    kind = cast(What, what)
    layers = layers_of(evaluation, span)
    if (gpu >= 0 or len(layout.nodes) == 1) and len(layout.gpus) <= MOST_GPUS:
        return _flows(_only(gpu_traffic(evaluation, what=kind, layers=layers), gpu), layout.gpus)
    matrix = node_traffic(evaluation, what=kind, layers=layers)
    if node < 0 and len(layout.nodes) > MOST_NODES:
        return _totals(matrix, layout.nodes)
    return _flows(_only(matrix, node), layout.nodes)


def _only(matrix: FloatArray, number: int) -> FloatArray:
    """What ``number`` sends and gets; everything when it is none."""
    if number < 0:
        return matrix
    only = np.zeros_like(matrix)
    only[number], only[:, number] = matrix[number], matrix[:, number]
    return only


def _totals(matrix: FloatArray, boxes: tuple[Box, ...]) -> tuple[Flow, ...]:
    """What each place exchanges with all others, as flows that stay where they are."""
    totals = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * np.diagonal(matrix)
    most = float(totals.max(initial=0.0))
    return tuple(
        Flow(box, box, total / most, f"⇄ {si_text(total, 'B', 3)}")
        for box, total in zip(boxes, totals.tolist(), strict=True)
        if total
    )


def layers_of(evaluation: Evaluation, span: Span) -> list[int] | None:
    """The layers of a span, None for all."""
    if span is None:
        return None
    return [number for number in range(evaluation.project.model.layer_count) if in_span(number, span)]


def _flows(matrix: FloatArray, boxes: tuple[Box, ...]) -> tuple[Flow, ...]:
    both = np.triu(matrix + matrix.T, 1)
    most = float(both.max(initial=0.0))
    if not most:
        return ()
    order = np.argsort(-both, axis=None, kind="stable")[:MOST_FLOWS]
    found = []
    for rank, place in enumerate(order.tolist()):
        start, end = divmod(place, len(boxes))
        byte = float(both[start, end])
        if byte < FAINT * most:
            break
        text = si_text(byte, "B", 3) if rank < MOST_TEXTS else ""
        found.append(Flow(boxes[start], boxes[end], byte / most, text))
    return tuple(found)
