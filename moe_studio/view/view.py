"""Projections of an evaluation to graphs that can be drawn or exported (DESIGN §8)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from moe_studio.engine.evaluation import Evaluation
from moe_studio.errors import MoeStudioError
from moe_studio.graph.edge import DATA, KIND_NAMES, ORDER
from moe_studio.graph.graph import Graph, Part
from moe_studio.graph.operator import OP_KINDS
from moe_studio.units import time_text
from moe_studio.view.draw import Drawer
from moe_studio.view.label import gpu_text, range_text
from moe_studio.view.node import Section, ViewEdge, ViewGraph, end_node
from moe_studio.view.one_operator import one_operator
from moe_studio.view.overview import overview

VIEW_NAMES = ("overview", "layer", "attention", "expert", "routing", "critical", "full")
"""Names of the views; ``layer`` is followed by its number, the others may be."""

SCOPE_NAMES = ("replica", "stage", "gpu", "operator")
"""Views of a part: ``replica 1``, ``stage 0 replica 1``, ``gpu 5 layer 3``, ``operator l3_up_e17_g17``."""

MAX_PAIRS_WIDTH = 16
"""Up to so many GPUs every pair of a collective is drawn; beyond, its members meet in a point."""

CRITICAL_COLUMNS = 12
"""Operators of the longest path in one row of its drawing."""

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChoice:
    """What a view's words ask for; ``operator`` is an id."""

    name: str
    layer: int | None = None
    gpu: int | None = None
    replica: int | None = None
    stage: int | None = None
    operator: str = ""


_OF = r"(?:\s+(?:gpu|layer|replica|stage)\s*\d{1,9})"
_WORDS = re.compile(rf"([a-z]+)(?:[\s-]*(\d{{1,9}}))?({_OF}*)")


def parse_view(words: str) -> ViewChoice:
    """What ``words`` ask for: ``overview``, ``layer 3``, ``attention 3 gpu 5``, ``operator l3_up_e17_g17``.

    Raises:
        MoeStudioError: if there is no such view.
    """
    plain = words.strip().lower()
    if plain.startswith("operator "):
        return ViewChoice(name="operator", operator=plain.removeprefix("operator ").strip())
    found = _WORDS.fullmatch(plain)
    if found is None or found[1] not in (*VIEW_NAMES, *SCOPE_NAMES[:3]):
        known = ", ".join("layer N" if name == "layer" else name for name in VIEW_NAMES)
        raise MoeStudioError(
            f"There is no view {words[:40]!r}; the views are {known}, and replica N, stage N, gpu N, operator ID."
        )
    numbers = {name: int(number) for name, number in re.findall(r"([a-z]+)\s*(\d+)", found[3])}
    if found[2]:
        numbers[found[1] if found[1] in SCOPE_NAMES else "layer"] = int(found[2])
    return ViewChoice(
        name=found[1],
        layer=numbers.get("layer"),
        gpu=numbers.get("gpu"),
        replica=numbers.get("replica"),
        stage=numbers.get("stage"),
    )


def view(
    evaluation: Evaluation,
    name: str,
    *,
    layer: int | None = None,
    gpu: int | None = None,
    replica: int | None = None,
    stage: int | None = None,
) -> ViewGraph:
    """The view ``name`` of ``evaluation``.

    ``layer`` defaults to the first with experts, ``gpu`` and ``replica`` to the first that hold it.

    Raises:
        MoeStudioError: if there is no such view, layer, GPU, replica, stage or operator.
    """
    choice = parse_view(name)
    choice = replace(
        choice,
        layer=layer if choice.layer is None else choice.layer,
        gpu=gpu if choice.gpu is None else choice.gpu,
        replica=replica if choice.replica is None else choice.replica,
        stage=stage if choice.stage is None else choice.stage,
    )
    if choice.name == "overview":
        return overview(evaluation)
    if choice.name in ("replica", "stage"):
        return _scoped(evaluation, choice)
    if choice.name == "full":
        return full(evaluation)
    if choice.name == "critical":
        return critical(evaluation)
    if choice.name == "operator":
        return one_operator(evaluation, choice.operator)
    part = _part(evaluation.graph, choice.layer)
    if choice.name in ("attention", "expert", "gpu"):
        return _one_gpu(evaluation, choice.name, part, _lane(part, choice.gpu, choice.replica))
    has_gpu, stage_of = choice.gpu is not None, part.body.stage
    home = _lane(part, choice.gpu, choice.replica) // stage_of.width if has_gpu else choice.replica or 0
    return _one_replica(evaluation, choice.name, part, _checked(home, stage_of.dp, "replica"))


def _scoped(evaluation: Evaluation, choice: ViewChoice) -> ViewGraph:
    """The overview of a replica, or of one of its stages."""
    parallel = evaluation.project.parallel
    home = _checked(choice.replica or 0, parallel.dp, "replica")
    if choice.name == "replica":
        return overview(evaluation, replica=home)
    return overview(evaluation, replica=home, stage=_checked(choice.stage or 0, parallel.pp, "stage"))


def _checked(number: int, count: int, what: str) -> int:
    """``number``, if there are so many."""
    if not 0 <= number < count:
        raise MoeStudioError(f"There is no {what} {number}; the {what}s are 0 to {count - 1}.")
    return number


def default_layer(graph: Graph) -> int:
    """The first layer with experts, or layer 0."""
    layers = graph.project.model.layers
    return next((number for number, layer in enumerate(layers) if layer.ffn.is_moe), 0)


def _part(graph: Graph, layer: int | None) -> Part:
    """The first micro-batch of ``layer``."""
    count = graph.project.model.layer_count
    number = default_layer(graph) if layer is None else layer
    if not 0 <= number < count:
        raise MoeStudioError(f"There is no layer {number}; the layers are 0 to {count - 1}.")
    return graph.parts[number * graph.project.workload.micro_batches]


def _lane(part: Part, gpu: int | None, replica: int | None) -> int:
    stage = part.body.stage
    if gpu is None:
        return min(max(0, replica or 0), stage.dp - 1) * stage.width
    found = np.flatnonzero(stage.gpu == gpu)
    if not len(found):
        raise MoeStudioError(f"GPU {gpu} does not hold layer {part.layer}; {gpu_text(stage.gpu.tolist())} do.")
    return int(found[0])


ATTENTION_END = [kind.name for kind in OP_KINDS].index("ln2")
ROUTING_OPS = {"gate", "route", "dispatch", "combine", "combine_gather", "agg"}


def _is_in_view(name: str, op: int) -> bool:
    """Whether operators of a kind belong to the attention, expert or routing view, or to that of a whole GPU."""
    kind = OP_KINDS[op]
    if name == "gpu":
        return True
    if name == "attention":
        return op < ATTENTION_END
    if name == "routing":
        return kind.name in ROUTING_OPS or kind.is_expert
    if kind.name in ("ln2", "gate", "route"):
        return False
    return op > ATTENTION_END and kind.phase <= 4 and kind.name not in ("res2", "send")


def _one_gpu(evaluation: Evaluation, name: str, part: Part, lane: int) -> ViewGraph:
    """All of one layer on one GPU, or its attention or experts."""
    body = part.body
    rows = [int(r) for r in np.flatnonzero(body.lane == lane) if _is_in_view(name, int(body.op[r]))]
    gpu = int(body.stage.gpu[lane])
    experts = "Experts" if body.instances is not None else "Feed-forward"
    titles = {"attention": "Attention of layer", "expert": f"{experts} of layer", "gpu": "Layer"}
    node = evaluation.graph.node_names[body.stage.node[lane]]
    title = f"{titles[name]} {part.layer} on GPU {gpu} ({node})"
    return _selection(evaluation, f"{name} {part.layer} gpu {gpu}", title, part, np.array(rows, np.int64), True)


def _one_replica(evaluation: Evaluation, name: str, part: Part, replica: int) -> ViewGraph:
    """All operators of a layer, or its routing, on all GPUs of one replica."""
    body = part.body
    if name == "routing" and body.instances is None:
        if not evaluation.project.model.has_experts:
            raise MoeStudioError("This model has no experts, so nothing is routed.")
        raise MoeStudioError(f"Layer {part.layer} is dense and has no routing; choose a layer with experts.")
    mine = body.replica == replica
    if name == "routing":
        mine &= np.array([_is_in_view(name, op) for op in range(len(OP_KINDS))])[body.op]
    title = f"Routing of layer {part.layer}" if name == "routing" else f"Layer {part.layer}"
    if body.stage.dp > 1:
        title += f", replica {replica}"
    return _selection(
        evaluation, f"{name} {part.layer}", title, part, np.flatnonzero(mine), body.stage.width <= MAX_PAIRS_WIDTH
    )


def _selection(evaluation: Evaluation, name: str, title: str, part: Part, rows: IntArray, has_pairs: bool) -> ViewGraph:
    """The operators ``rows`` of ``part``; what lies before and after is drawn as one node each."""
    drawer = Drawer(evaluation, evaluation.graph.name)
    if evaluation.graph.has_micro_batches:
        title += f", micro-batch 0 of {evaluation.project.workload.micro_batches}"
    section = drawer.selected(title, part, rows, has_pairs)
    return ViewGraph(name=name, title=title, subtitle=evaluation.project.name, sections=(section,))


def critical(evaluation: Evaluation) -> ViewGraph:
    """The longest scheduled path alone, first to last, in rows of one layer."""
    graph, drawer = evaluation.graph, Drawer(evaluation, evaluation.graph.name)
    rows = evaluation.scheduled_path.rows.tolist()
    kinds = [DATA, *(drawer.steps.links.get(step, ORDER) for step in pairwise(rows)), DATA]
    places = [graph.part_of(row) for row in rows]
    ends = list(_row_ends([part.layer for part, _ in places]))
    columns = [place for first, last in pairwise((0, *ends)) for place in range(last - first)]
    operators = [drawer.labeller.node(*place, column) for place, column in zip(places, columns, strict=True)]
    chain = [end_node("input"), *operators, end_node("output")]
    edges = [
        ViewEdge(source=a.id, target=b.id, kind=KIND_NAMES[kind], on_path=True)
        for a, b, kind in zip(chain[:-1], chain[1:], kinds, strict=True)
    ]
    sections, first = [], 0
    for last in ends:
        nodes = operators[first:last]
        layers = sorted({node.layer for node in nodes})
        named = f"Layer {layers[0]}" if len(layers) == 1 else f"Layers {range_text(layers)}"
        title = f"{named} · {time_text(sum(node.duration_s for node in nodes))} of the longest path"
        is_last = last == len(operators)
        nodes = [*chain[: first == 0], *nodes, *chain[-is_last:][:is_last]]
        sections.append(Section(title=title, nodes=tuple(nodes), edges=tuple(edges[first : last + is_last])))
        first = last
    title = f"Longest path: {len(rows)} operators, {time_text(evaluation.scheduled_path.seconds)}"
    return ViewGraph(name="critical", title=title, subtitle=evaluation.project.name, sections=tuple(sections))


def _row_ends(layers: list[int]) -> Iterator[int]:
    """Where the rows of the longest path end: at the end of a layer, unless they are short, or when they are full.

    ``layers``: that of each operator of the path.
    """
    first = 0
    for last in range(1, len(layers) + 1):
        is_new = last == len(layers) or layers[last] != layers[last - 1]
        is_long = last == len(layers) or last - first >= CRITICAL_COLUMNS // 2
        if (is_new and is_long) or last - first == CRITICAL_COLUMNS:
            yield last
            first = last


def full(evaluation: Evaluation) -> ViewGraph:
    """Every operator of the model."""
    title = f"All {len(evaluation.graph):,} operators"
    sections = FullSections(evaluation)
    return ViewGraph(name="full", title=title, subtitle=evaluation.project.name, sections=sections)


@dataclass(frozen=True, slots=True)
class FullSections:
    """One section per layer and micro-batch, made while they are read."""

    evaluation: Evaluation

    def __iter__(self) -> Iterator[Section]:
        graph = self.evaluation.graph
        drawer = Drawer(self.evaluation, graph.names().__getitem__, has_phases=False)
        home = self._homes(drawer)
        edges = drawer.edges
        order = np.argsort(home[edges.target], kind="stable")
        bounds = np.searchsorted(home[edges.target][order], np.arange(len(graph.parts) + 1))
        junction_order = np.argsort(home[edges.operators : edges.input], kind="stable") + edges.operators
        junction_bounds = np.searchsorted(home[junction_order], np.arange(len(graph.parts) + 1))
        by_home: dict[int, list[tuple[int, int]]] = {}
        for step in drawer.steps.orders:
            by_home.setdefault(int(home[step[1]]), []).append(step)
        for number, part in enumerate(graph.parts):
            nodes = [drawer.labeller.node(part, local) for local in range(len(part.body))]
            junctions = junction_order[junction_bounds[number] : junction_bounds[number + 1]]
            nodes += [drawer.junction(int(junction)) for junction in junctions]
            ends = (number == 0, number + 1 == len(graph.parts))
            nodes = [*[end_node("input")][: ends[0]], *nodes, *[end_node("output")][: ends[1]]]
            drawn = drawer.whole_edges(order[bounds[number] : bounds[number + 1]], by_home.get(number, []))
            yield Section(title=_part_title(graph, part), nodes=tuple(nodes), edges=tuple(drawn))

    def _homes(self, drawer: Drawer) -> IntArray:
        """Number of the part that each node is drawn with, shape (nodes,)."""
        graph, edges = self.evaluation.graph, drawer.edges
        rows = np.arange(edges.operators)
        rows = np.concatenate([rows, edges.members])
        inner = np.searchsorted(graph.first_rows, rows, side="right") - 1
        return np.concatenate([inner, [0, len(graph.parts) - 1]])


def _part_title(graph: Graph, part: Part) -> str:
    title = f"Layer {part.layer}"
    if graph.has_micro_batches:
        title += f" · micro-batch {part.micro_batch}"
    if len(graph.stages) > 1:
        title += f" · stage {part.body.stage.index}"
    return f"{title} · {gpu_text(part.body.stage.gpu.tolist())}"
