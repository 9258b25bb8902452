"""What goes where, as flows to draw: between nodes, and between a GPU and the others."""

from typing import cast

import numpy as np

from moe_studio.document.placing import Span, in_span
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.traffic_matrix import What, gpu_traffic, node_traffic
from moe_studio.graph.column import FloatArray
from moe_studio.gui.canvas.layout import Box, ClusterLayout
from moe_studio.gui.canvas.link_layer import FAINT, MOST_FLOWS, Flow
from moe_studio.units import si_text

MOST_GPUS = 1024
"""For more GPUs the flows between single ones are not worked out."""

MOST_TEXTS = 12


def flows(evaluation: Evaluation, layout: ClusterLayout, what: str, span: Span, *, gpu: int = -1) -> tuple[Flow, ...]:
    """Flows between nodes; with one node, or a GPU selected, between GPUs."""
    kind = cast(What, what)
    layers = layers_of(evaluation, span)
    gpus = len(layout.gpus)
    if (gpu >= 0 or len(layout.nodes) == 1) and gpus <= MOST_GPUS:
        matrix = gpu_traffic(evaluation, what=kind, layers=layers)
        if gpu >= 0:
            only = np.zeros_like(matrix)
            only[gpu], only[:, gpu] = matrix[gpu], matrix[:, gpu]
            matrix = only
        return _flows(matrix, layout.gpus)
    return _flows(node_traffic(evaluation, what=kind, layers=layers), layout.nodes)


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
