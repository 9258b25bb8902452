"""The operators that belong to what is selected: found once for all views, however many they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moe_studio.document.neighbourhood import downstream, upstream
from moe_studio.document.selection import Selection, Toward, operator_row
from moe_studio.graph.column import IntArray
from moe_studio.graph.graph import Graph
from moe_studio.graph.layer import LayerGraph

ONE_BY_ONE = ("operator", "expert", "reach")
"""What is selected as operators; a GPU, a node and a layer are marked as a whole."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """What is selected in one graph."""

    graph: Graph
    selected: tuple[Selection, ...]

    @cached_property
    def rows(self) -> IntArray:
        """All operators that belong to it, in program order."""
        return np.flatnonzero(self._mask(self.selected))

    @cached_property
    def is_single(self) -> NDArray[np.bool_]:
        """Whether each operator is selected as such; shape (operators,)."""
        return self._mask([item for item in self.selected if item.kind in ONE_BY_ONE])

    @cached_property
    def gpus(self) -> frozenset[int]:
        """GPUs that are selected, or have an operator that is."""
        own = {item.gpu for item in self.selected if item.kind in ("gpu", "operator")}
        reached = [item for item in self.selected if item.kind == "reach"]
        if reached:
            own.update(np.unique(self.graph.gpu[self._mask(reached)]).tolist())
        return frozenset(own)

    @property
    def is_reach(self) -> bool:
        """Whether all that comes before or after something is selected."""
        return any(item.kind == "reach" for item in self.selected)

    def _mask(self, selected: Sequence[Selection]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self.graph), bool)
        for item in selected:
            mask[selected_rows(self.graph, item)] = True
        return mask


def selected_rows(graph: Graph, selection: Selection) -> IntArray:
    """Operators that belong to what is selected."""
    chosen = selection
    if chosen.kind == "operator":
        row = operator_row(graph, chosen)
        return np.array([row] if row >= 0 else [], dtype=np.int64)
    if chosen.of is not None:
        return np.flatnonzero(reach_mask(graph, chosen.of, chosen.toward))
    if chosen.kind not in ("gpu", "layer", "node", "expert"):
        return np.zeros(0, np.int64)
    has_layer = chosen.kind in ("layer", "expert") and chosen.layer >= 0
    parts = [part for part in graph.parts if not has_layer or part.layer == chosen.layer]
    # Layers are alike, so few of them have to be looked at.
    bodies = dict.fromkeys(part.body for part in parts)
    known = {body: _rows_in(body, chosen) for body in bodies}
    if chosen.kind == "expert" and not any(map(len, known.values())):
        # It was carried away from its GPU: what is meant is the expert, wherever it is now.
        known = {body: _rows_in(body, replace(chosen, gpu=-1)) for body in bodies}
    return np.concatenate([np.zeros(0, np.int64), *(part.first + known[part.body] for part in parts)])


def _rows_in(body: LayerGraph, chosen: Selection) -> IntArray:
    """Rows of a layer on the GPU, in the node, or of the expert that is chosen."""
    mask = np.ones(len(body), bool)
    if chosen.kind == "node":
        mask &= body.stage.node[body.lane] == chosen.node
    if chosen.kind in ("gpu", "expert") and chosen.gpu >= 0:
        mask &= body.stage.gpu[body.lane] == chosen.gpu
    if chosen.kind == "expert" and chosen.expert >= 0:
        mask &= body.expert == chosen.expert
    return np.flatnonzero(mask)


def reach_mask(graph: Graph, selection: Selection, toward: Toward) -> NDArray[np.bool_]:
    """Whether each operator belongs to ``selection`` or comes before, or after, one that does."""
    find = upstream if toward == "upstream" else downstream
    return find(graph, selected_rows(graph, selection))
