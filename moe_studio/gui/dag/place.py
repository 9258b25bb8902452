"""Places in the views of the graph: where one is, what contains it, and what a node opens. No Qt."""

from dataclasses import dataclass, replace

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.graph import Graph
from moe_studio.graph.operator import OP_KINDS
from moe_studio.view.node import ViewNode

VIEWS = {
    "full": "All operators",
    "overview": "Overview",
    "layer": "Layer",
    "attention": "Attention",
    "expert": "Experts",
    "routing": "Routing",
    "critical": "Longest path",
    "table": "Table",
}
"""The views, with their names."""

NEEDS_GPU = ("attention", "expert")
MOST_NODES = 400
"""Views with more operators are shown in lanes."""

_ATTENTION_END = [kind.name for kind in OP_KINDS].index("ln2")
_ROUTING = ("gate", "route", "dispatch", "combine", "combine_gather", "agg")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPlace:
    """A view with what it shows; -1 for numbers that it has no need of."""

    view: str = "full"
    layer: int = -1
    gpu: int = -1


EVERYTHING = GraphPlace()


def parent(place: GraphPlace) -> GraphPlace:
    """The view that contains ``place``; the overview contains itself."""
    if place.view in ("attention", "expert", "routing"):
        return replace(place, view="layer")
    return GraphPlace(view="overview")


def crumbs(place: GraphPlace, evaluation: Evaluation) -> list[tuple[str, GraphPlace]]:
    """Names of what contains ``place``, outermost first, and of itself."""
    found = [("Design", GraphPlace(view="overview"))]
    if place.layer >= 0:
        graph = evaluation.graph
        part = graph.parts[place.layer * graph.project.workload.micro_batches]
        stage = part.body.stage
        layer = replace(place, view="layer")
        if stage.dp > 1 and place.gpu >= 0:
            lane = np.flatnonzero(stage.gpu == place.gpu)
            if len(lane):
                found.append((f"Replica {int(lane[0]) // stage.width}", GraphPlace(view="overview")))
        if len(graph.stages) > 1:
            found.append((f"Stage {stage.index}", GraphPlace(view="overview")))
        found.append((f"Layer {place.layer}", layer))
    if place.view not in ("overview", "layer"):
        gpu = f"GPU {place.gpu} · " if place.view in NEEDS_GPU else ""
        found.append((f"{gpu}{VIEWS[place.view]}", place))
    return found


def placed(view: str, evaluation: Evaluation, row: int, layer: int, gpu: int) -> GraphPlace:
    """The view ``view`` of what is selected: an operator, else a layer and a GPU (-1 for none)."""
    graph = evaluation.graph
    if view in ("full", "overview", "critical", "table"):
        return GraphPlace(view=view)
    if row >= 0:
        layer, gpu = int(graph.layer[row]), int(graph.gpu[row])
    if not 0 <= layer < graph.project.model.layer_count:
        layer = _layer_of_gpu(graph, gpu)
    if view == "routing" and not graph.project.model.layers[layer].ffn.is_moe:
        layer = _layer_of_gpu(graph, gpu)
    stage = graph.parts[layer * graph.project.workload.micro_batches].body.stage
    return GraphPlace(view=view, layer=layer, gpu=gpu if gpu in stage.gpu else int(stage.gpu[0]))


def _layer_of_gpu(graph: Graph, gpu: int) -> int:
    """The first layer with experts that a GPU holds, or its first; of any GPU if it holds none."""
    layers = graph.project.model.layers
    held = [part.layer for part in graph.parts if part.micro_batch == 0 and gpu in part.body.stage.gpu]
    known = held or list(range(len(layers)))
    return next((number for number in known if layers[number].ffn.is_moe), known[0])


def opened(node: ViewNode, place: GraphPlace) -> GraphPlace | None:
    """What a double click on a node opens; None if there is nothing inside."""
    if node.is_operator:
        return operator_place(node.op, node.layer, node.gpu)
    if node.layer >= 0 and place.view == "overview":
        return GraphPlace(view="layer", layer=node.layer, gpu=node.gpu)
    return None


def operator_place(op: str, layer: int, gpu: int) -> GraphPlace:
    """The small view that an operator of a kind belongs to."""
    kind = next(kind for kind in OP_KINDS if kind.name == op)
    if op in _ROUTING:
        view = "routing"
    elif OP_KINDS.index(kind) < _ATTENTION_END:
        view = "attention"
    else:
        view = "expert"
    return GraphPlace(view=view, layer=layer, gpu=gpu)


def rows_of(graph: Graph, place: GraphPlace) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Operators of the layer and replica of ``place``; shape (rows,)."""
    part = graph.parts[place.layer * graph.project.workload.micro_batches]
    body = part.body
    lane = np.flatnonzero(body.stage.gpu == place.gpu)
    replica = int(lane[0]) // body.stage.width if len(lane) else 0
    mine = body.replica == replica
    if place.view == "routing":
        is_routing = np.array([kind.name in _ROUTING or kind.is_expert for kind in OP_KINDS])
        mine = mine & is_routing[body.op]
    return np.flatnonzero(mine) + part.first


def is_small(graph: Graph, place: GraphPlace) -> bool:
    """Whether ``place`` is drawn as a diagram; else it is shown in lanes."""
    if place.view in ("full", "table"):
        return False
    return place.view not in ("layer", "routing") or len(rows_of(graph, place)) <= MOST_NODES
