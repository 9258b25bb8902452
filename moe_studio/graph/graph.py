"""The operator graph of a project: which layers' columns stand where, and all columns joined on demand.

Rows are ordered by (layer, micro-batch, operator in program order, GPU, expert). The same row
number means the same operator everywhere.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moe_studio.graph.build import build_layer
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.layer import LayerGraph, LayerPlace
from moe_studio.graph.operator import OP_KINDS, OP_NAMES
from moe_studio.graph.stage import Stage, device_names, stages
from moe_studio.project.instance import Instances, layer_instances
from moe_studio.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One layer of one micro-batch in the whole graph; its rows start at ``first``."""

    layer: int
    micro_batch: int
    body: LayerGraph
    first: int

    @property
    def rows(self) -> slice:
        """Its rows in the whole graph."""
        return slice(self.first, self.first + len(self.body))


LayerMaker = Callable[[Project, Stage, LayerPlace, Instances | None], LayerGraph]


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """All operators of a project. ``parts`` is ordered by (layer, micro-batch)."""

    project: Project
    stages: tuple[Stage, ...]
    parts: tuple[Part, ...]

    def __len__(self) -> int:
        last = self.parts[-1]
        return last.first + len(last.body)

    @property
    def has_micro_batches(self) -> bool:
        """Whether names of operators carry their micro-batch."""
        return self.project.workload.micro_batches > 1

    @cached_property
    def first_rows(self) -> IntArray:
        """First row of each part."""
        return np.array([part.first for part in self.parts])

    def joined(self, column: Callable[[LayerGraph], NDArray[np.generic]]) -> NDArray[np.generic]:
        """``column`` of every part, one after the other: shape (operators,)."""
        known = {body: column(body) for body in dict.fromkeys(part.body for part in self.parts)}
        return np.concatenate([known[part.body] for part in self.parts])

    @cached_property
    def op(self) -> IntArray:
        """Kind of each operator, an index into `OP_KINDS`."""
        return self.joined(lambda body: body.op).astype(np.int64, copy=False)

    @cached_property
    def gpu(self) -> IntArray:
        """GPU of each operator."""
        return self.joined(lambda body: body.stage.gpu[body.lane]).astype(np.int64, copy=False)

    @cached_property
    def node(self) -> IntArray:
        """Node of each operator."""
        return self.joined(lambda body: body.stage.node[body.lane]).astype(np.int64, copy=False)

    @cached_property
    def stage(self) -> IntArray:
        """Stage of each operator."""
        return np.repeat([part.body.stage.index for part in self.parts], self.part_sizes)

    @cached_property
    def replica(self) -> IntArray:
        """Replica of each operator."""
        return self.joined(lambda body: body.replica).astype(np.int64, copy=False)

    @cached_property
    def expert(self) -> IntArray:
        """Expert of each operator, -1 for none."""
        return self.joined(lambda body: body.expert).astype(np.int64, copy=False)

    @cached_property
    def layer(self) -> IntArray:
        """Layer of each operator."""
        return np.repeat([part.layer for part in self.parts], self.part_sizes)

    @cached_property
    def micro_batch(self) -> IntArray:
        """Micro-batch of each operator."""
        return np.repeat([part.micro_batch for part in self.parts], self.part_sizes)

    @cached_property
    def part_sizes(self) -> IntArray:
        """Operators of each part."""
        return np.array([len(part.body) for part in self.parts])

    def column(self, name: str) -> FloatArray:
        """One of `COLUMNS` for all operators: shape (operators,)."""
        return self.joined(lambda body: body.columns[name])  # type: ignore[return-value]

    @cached_property
    def node_names(self) -> tuple[str, ...]:
        """Names of the nodes, by index."""
        return tuple(node.name for node in self.project.cluster.nodes)

    @cached_property
    def device_names(self) -> tuple[str, ...]:
        """Names of the kinds of device, by index."""
        return device_names(self.project.cluster)

    def part_of(self, row: int) -> tuple[Part, int]:
        """The part that ``row`` lies in, and its row there."""
        part = self.parts[int(np.searchsorted(self.first_rows, row, side="right")) - 1]
        return part, row - part.first

    def name(self, row: int) -> str:
        """Id of one operator, such as ``l3_up_e17_g17``."""
        part, local = self.part_of(row)
        return self._name(part, local, part.body.stage.gpu)

    def names(self) -> list[str]:
        """Ids of all operators."""
        return [self._name(part, local, part.body.stage.gpu) for part in self.parts for local in range(len(part.body))]

    def _name(self, part: Part, local: int, gpu: IntArray) -> str:
        body = part.body
        expert = int(body.expert[local])
        middle = f"_e{expert}" if expert >= 0 else ""
        end = f"_m{part.micro_batch}" if self.has_micro_batches else ""
        return f"l{part.layer}_{OP_NAMES[body.op[local]]}{middle}_g{gpu[body.lane[local]]}{end}"

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Row of each operator by its id."""
        return {name: row for row, name in enumerate(self.names())}

    def kind_name(self, row: int) -> str:
        """Name of the kind of one operator."""
        part, local = self.part_of(row)
        return OP_KINDS[int(part.body.op[local])].name


def build_graph(project: Project, make: LayerMaker = build_layer) -> Graph:
    """The operators of ``project``. ``make`` may remember layers that it has built before."""
    all_stages = stages(project)
    placements = layer_instances(project)
    parts: list[Part] = []
    first = 0
    made: dict[Hashable, LayerGraph] = {}
    for stage, layers in zip(all_stages, project.stage_layers(), strict=True):
        for layer in layers:
            instances = placements[layer]
            has_send = stage.has_next and layer == layers[-1]
            # Equal layers and equal placements are the same objects, which is cheaper to tell than equality.
            same = (id(project.model.layers[layer]), id(instances), _end(project, layer), _load(project, layer))
            key = (stage.index, has_send, *same)
            if key not in made:
                place = layer_place(project, stage, layer, instances, has_send=has_send)
                made[key] = make(project, stage, place, instances)
            body = made[key]
            for micro_batch in range(project.workload.micro_batches):
                parts.append(Part(layer=layer, micro_batch=micro_batch, body=body, first=first))
                first += len(body)
    return Graph(project=project, stages=all_stages, parts=tuple(parts))


def _end(project: Project, layer: int) -> tuple[bool, bool, bool]:
    """Whether ``layer`` is the first, is followed by the head, and is a pass of the prediction module."""
    own = len(project.model.own_layers)
    return layer == 0, layer >= own - 1, layer >= own


def _load(project: Project, layer: int) -> int:
    """The layer's number where routing differs between layers, else -1."""
    is_told_apart = project.model.layers[layer].ffn.is_moe and not project.workload.routing.is_even
    return project.model.held_layer(layer) if is_told_apart else -1


def layer_place(
    project: Project, stage: Stage, layer: int, instances: Instances | None, *, has_send: bool
) -> LayerPlace:
    """What the operators of ``layer`` depend on."""
    spec = project.model.layers[layer]
    is_first, is_last, is_mtp = _end(project, layer)
    return LayerPlace(
        stage=stage.index,
        attention=spec.attention,
        ffn=spec.ffn,
        is_first=is_first,
        is_last=is_last,
        is_mtp=is_mtp,
        has_send=has_send,
        load=_load(project, layer),
        placement=instances.key if instances is not None else b"",
    )
