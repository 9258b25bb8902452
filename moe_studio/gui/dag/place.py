"""Places in the views of the graph: where one is, what contains it, and what a node opens. No Qt.

The levels go inwards: the cluster, a replica, a stage, a layer, a GPU in it, one operator. Attention, experts and
routing show a part of a layer and stand beside the GPU.
"""

from dataclasses import dataclass, replace

import numpy as np

from moe_studio.document.selection import Selection, operator_row, selection_at
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.graph.graph import Graph, Part
from moe_studio.graph.operator import OP_KINDS
from moe_studio.view.node import ViewNode

VIEWS = {
    "full": "All operators",
    "overview": "Overview",
    "replica": "Replica",
    "stage": "Stage",
    "layer": "Layer",
    "routing": "Routing",
    "gpu": "GPU",
    "attention": "Attention",
    "expert": "Experts",
    "operator": "Operator",
    "critical": "Longest path",
    "table": "Table",
}
"""The views, with their names."""

DEPTH = {"overview": 0, "replica": 1, "stage": 2, "layer": 3, "routing": 4, "gpu": 4, "attention": 5, "expert": 5}
DEPTH |= {"operator": 6, "full": -1, "critical": -1, "table": -1}
"""How far inside each view is."""

WHOLE = ("full", "overview", "critical", "table")
NEEDS_GPU = ("gpu", "attention", "expert", "operator")
MOST_NODES = 400
"""Views with more operators are shown in lanes."""

_ATTENTION_END = [kind.name for kind in OP_KINDS].index("ln2")
_ROUTING = ("gate", "route", "dispatch", "combine", "combine_gather", "agg")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPlace:
    """A view with what it shows; -1 for numbers that it has no need of. ``operator`` is an id."""

    view: str = "full"
    replica: int = -1
    stage: int = -1
    layer: int = -1
    gpu: int = -1
    operator: str = ""


EVERYTHING = GraphPlace()
OVERVIEW = GraphPlace(view="overview")


# What contains what


def way_to(place: GraphPlace, evaluation: Evaluation) -> list[GraphPlace]:
    """The places that contain ``place``, outermost first, and itself."""
    if place.view in WHOLE:
        return [OVERVIEW] if place == OVERVIEW else [OVERVIEW, place]
    replica, stage = home(place, evaluation)
    found = [OVERVIEW]
    if evaluation.project.parallel.dp > 1:
        found.append(GraphPlace(view="replica", replica=replica))
    if place.view != "replica":
        found.append(GraphPlace(view="stage", replica=replica, stage=stage))
    if place.layer >= 0:
        found.append(GraphPlace(view="layer", layer=place.layer, gpu=place.gpu))
    if place.view in NEEDS_GPU:
        found.append(GraphPlace(view="gpu", layer=place.layer, gpu=place.gpu))
    return found if DEPTH[found[-1].view] == DEPTH[place.view] and place.view != "routing" else [*found, place]


def home(place: GraphPlace, evaluation: Evaluation) -> tuple[int, int]:
    """Replica and stage that a place lies in."""
    if place.layer < 0:
        return max(0, place.replica), max(0, place.stage)
    stage = _part(evaluation.graph, place.layer).body.stage
    lane = np.flatnonzero(stage.gpu == place.gpu)
    return int(lane[0]) // stage.width if len(lane) else 0, stage.index


def parent(place: GraphPlace, evaluation: Evaluation) -> GraphPlace:
    """The view that contains ``place``; the overview contains itself."""
    return way_to(place, evaluation)[-2] if place != OVERVIEW else OVERVIEW


def crumbs(place: GraphPlace, evaluation: Evaluation) -> list[tuple[str, GraphPlace]]:
    """Names of what contains ``place``, outermost first, and of itself."""
    return [(_title(item), item) for item in way_to(place, evaluation)]


def _title(place: GraphPlace) -> str:
    numbered = {"replica": place.replica, "stage": place.stage, "layer": place.layer, "gpu": place.gpu}
    if place.view in numbered:
        return f"{VIEWS[place.view]} {numbered[place.view]}"
    if place.view == "operator":
        return place.operator
    return "Cluster" if place.view == "overview" else VIEWS[place.view]


def is_there(place: GraphPlace, evaluation: Evaluation) -> bool:
    """Whether the design has what ``place`` shows."""
    project = evaluation.project
    bounds = (
        (place.replica, project.parallel.dp),
        (place.stage, project.parallel.pp),
        (place.layer, project.model.layer_count),
        (place.gpu, project.cluster.gpu_count),
    )
    if not all(number < bound for number, bound in bounds):
        return False
    if place.gpu >= 0 and place.layer >= 0 and place.gpu not in _part(evaluation.graph, place.layer).body.stage.gpu:
        return False
    return not place.operator or operator_row(evaluation.graph, selection_at(place.operator)) >= 0


# Where to go


def placed(view: str, evaluation: Evaluation, selection: Selection, near: GraphPlace) -> GraphPlace:
    """The view ``view`` of what is selected; what that leaves open is as in ``near``."""
    if view in WHOLE:
        return GraphPlace(view=view)
    graph = evaluation.graph
    row = operator_row(graph, selection)
    layer, gpu = (number if number >= 0 else other for number, other in _numbers(selection, near))
    if not 0 <= layer < graph.project.model.layer_count:
        layer = _layer_of_gpu(graph, gpu)
    if view == "routing" and not graph.project.model.layers[layer].ffn.is_moe:
        layer = _layer_of_gpu(graph, gpu)
    stage = _part(graph, layer).body.stage
    gpu = gpu if gpu in stage.gpu else int(stage.gpu[0])
    inner = GraphPlace(view=view, layer=layer, gpu=gpu)
    if view in ("replica", "stage"):
        replica, index = home(inner, evaluation)
        return GraphPlace(view=view, replica=replica, stage=index if view == "stage" else -1)
    if view == "operator":
        lane = np.flatnonzero((graph.layer == layer) & (graph.gpu == gpu))
        return replace(inner, operator=graph.name(row if row >= 0 else int(lane[0])))
    return inner


def _numbers(selection: Selection, near: GraphPlace) -> tuple[tuple[int, int], tuple[int, int]]:
    return (selection.layer, near.layer), (selection.gpu, near.gpu)


def inner(place: GraphPlace, evaluation: Evaluation, selection: Selection) -> GraphPlace | None:
    """The view one level further inside, towards what is selected; None at the innermost."""
    deepest = placed("operator", evaluation, selection, place)
    way = [item for item in way_to(deepest, evaluation) if DEPTH[item.view] > max(0, DEPTH[place.view])]
    return way[0] if way else None


def opened(node: ViewNode, place: GraphPlace, evaluation: Evaluation) -> GraphPlace | None:
    """What a double click on a node opens, one level further inside; None if there is nothing."""
    if node.is_operator:
        view = "operator" if place.view in NEEDS_GPU else "gpu"
        return GraphPlace(view=view, layer=node.layer, gpu=node.gpu, operator=node.id if view == "operator" else "")
    if node.replica < 0:
        return None
    if place.view == "overview" and evaluation.project.parallel.dp > 1:
        return GraphPlace(view="replica", replica=node.replica)
    if place.view in ("overview", "replica"):
        return GraphPlace(view="stage", replica=node.replica, stage=node.stage)
    if place.view == "stage" and node.layer >= 0:
        stage = _part(evaluation.graph, node.layer).body.stage
        return GraphPlace(view="layer", layer=node.layer, gpu=int(stage.gpu[node.replica * stage.width]))
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


def _layer_of_gpu(graph: Graph, gpu: int) -> int:
    """The first layer with experts that a GPU holds, or its first; of any GPU if it holds none."""
    layers = graph.project.model.layers
    held = [part.layer for part in graph.parts if part.micro_batch == 0 and gpu in part.body.stage.gpu]
    known = held or list(range(len(layers)))
    return next((number for number in known if layers[number].ffn.is_moe), known[0])


# What is shown


def rows_of(graph: Graph, place: GraphPlace) -> IntArray:
    """Operators of the layer and replica of ``place``; shape (rows,)."""
    part = _part(graph, place.layer)
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


def _part(graph: Graph, layer: int) -> Part:
    """The first micro-batch of a layer."""
    return graph.parts[layer * graph.project.workload.micro_batches]
