"""Program order as edges: what each GPU's streams issue one after the other."""

import numpy as np
from numpy.typing import NDArray

from moe_studio.engine.cost import LayerCost
from moe_studio.engine.program import stage_units
from moe_studio.graph.edge import ORDER, Edges, data_edges, layer_edges
from moe_studio.graph.graph import Graph


def scheduled_edges(graph: Graph, costs: list[LayerCost]) -> Edges:
    """Data, communication and order edges: the graph whose longest path is the scheduled path.

    What a collective waits for, its streams included, meets in its junction.
    """
    edges = data_edges(graph)
    junction_of = np.full(len(graph), -1)
    shift = len(graph)
    for part in graph.parts:
        local = layer_edges(part.body)
        rows = np.flatnonzero(local.junction_of >= 0)
        junction_of[part.first + rows] = local.junction_of[rows] + shift
        shift += len(local.junction_member)
    before, after = _neighbours(graph, costs)
    joined = junction_of[after]
    target = np.where(joined >= 0, joined, after)
    return Edges(
        source=np.concatenate([edges.source, before]),
        target=np.concatenate([edges.target, target]),
        kind=np.concatenate([edges.kind, np.full(len(before), ORDER, np.int8)]),
        operators=edges.operators,
        members=edges.members,
    )


def _neighbours(graph: Graph, costs: list[LayerCost]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that follow each other on a stream, as (before, after)."""
    has_overlap = graph.project.cost.overlap
    rows, streams = [], []
    for stage in graph.stages:
        for unit in stage_units(graph, costs, stage.index):
            for item in unit.items:
                body, part = item.cost.body, graph.parts[item.part]
                for _, run in item.numbered_runs():
                    local = np.arange(run.first, run.last)
                    rows.append(local + part.first)
                    streams.append(stage.gpu[body.lane[local]] * 2 + int(run.on_comm and has_overlap))
    row, stream = np.concatenate(rows), np.concatenate(streams)
    by_stream = np.argsort(stream, kind="stable")
    row, stream = row[by_stream], stream[by_stream]
    same = stream[1:] == stream[:-1]
    return row[:-1][same], row[1:][same]
