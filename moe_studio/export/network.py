"""The operator graph for networkx, whose longest paths are those of the evaluation."""

from typing import TYPE_CHECKING

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.order import scheduled_edges
from moe_studio.graph.edge import KIND_NAMES, ORDER, Edges, data_edges, junction_name
from moe_studio.graph.edge import pairs as drawn_out
from moe_studio.view.label import Labeller

if TYPE_CHECKING:
    import networkx as nx


def to_networkx(evaluation: Evaluation, *, order: bool = False, pairs: bool = False) -> "nx.DiGraph[str]":
    """Every operator as a node with its attributes, between ``input`` and ``output``.

    An edge's ``weight`` is the run time of its source in seconds, so that
    ``networkx.dag_longest_path_length`` is the length of the dependency path, or with ``order`` (what each
    GPU's streams issue one after the other) of the scheduled path. With ``pairs`` every
    pair of a collective is an edge; without, its members meet in a node that takes no time.
    """
    import networkx as nx  # a sixth of the time in which the window opens, which does not need it

    graph = evaluation.graph
    edges = scheduled_edges(graph, list(evaluation.costs)) if order else data_edges(graph)
    if pairs:
        edges = drawn_out(edges)
    names = _names(evaluation, edges)
    result: nx.DiGraph[str] = nx.DiGraph(name=evaluation.project.name)
    _add_nodes(result, evaluation, edges, names)
    weight = np.zeros(edges.nodes)
    weight[: edges.operators] = evaluation.duration_s
    # An edge that is both data and order counts as data: the later addition wins.
    for is_order in (True, False):
        chosen = np.flatnonzero((edges.kind == ORDER) == is_order)
        columns = (edges.source[chosen].tolist(), edges.target[chosen].tolist(), edges.kind[chosen].tolist())
        result.add_edges_from(
            (names[source], names[target], {"kind": KIND_NAMES[kind], "weight": float(weight[source])})
            for source, target, kind in zip(*columns, strict=True)
        )
    return result


def _names(evaluation: Evaluation, edges: Edges) -> list[str]:
    junctions = [junction_name(evaluation.graph, member) for member in edges.members.tolist()]
    return [*evaluation.graph.names(), *junctions, "input", "output"]


def _add_nodes(result: "nx.DiGraph[str]", evaluation: Evaluation, edges: Edges, names: list[str]) -> None:
    labeller = Labeller(evaluation, names.__getitem__)
    for part in evaluation.graph.parts:
        for local in range(len(part.body)):
            node = labeller.node(part, local)
            result.add_node(
                node.id,
                op=node.op,
                family=node.family,
                layer=node.layer,
                micro_batch=node.micro_batch,
                expert=node.expert,
                gpu=node.gpu,
                node=node.node,
                stage=node.stage,
                replica=node.replica,
                dims=node.dims,
                work=node.lines[3],
                start_s=node.start_s,
                duration_s=node.duration_s,
                slack_s=node.slack_s,
                on_path=node.on_path,
            )
    for number in range(edges.operators, edges.nodes):
        kind = "start" if number < edges.input else names[number]
        result.add_node(names[number], op=kind, family="boundary", duration_s=0.0, on_path=False)
