"""What is selected: a value that means the same in every view."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from moe_studio.graph.graph import Graph
from moe_studio.graph.operator import OP_NUMBER
from moe_studio.project.project import Project

Kind = Literal["", "design", "layer", "node", "gpu", "expert", "operator", "reach", "setting"]
Toward = Literal["upstream", "downstream"]

_OPERATOR = re.compile(r"l(\d+)_([a-z0-9_]+?)(?:_e(\d+))?_g(\d+)(?:_m(\d+))?")
_GPU = re.compile(r"gpu (\d+)")
_LAYER = re.compile(r"layer (\d+)")
_EXPERT = re.compile(r"expert (\d+)(?: of layer (\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One selected thing; numbers that do not belong to its kind are -1.

    A reach is all operators that ``of`` depends on (``toward`` upstream), or that depend on it, with its own.
    """

    kind: Kind = ""
    gpu: int = -1
    node: int = -1
    layer: int = -1
    expert: int = -1
    micro_batch: int = -1
    op: str = ""
    path: str = ""
    toward: Toward = "downstream"
    of: "Selection | None" = None


NOTHING = Selection()


def is_in(selection: Selection, project: Project) -> bool:
    """Whether ``project`` still has what is selected."""
    if selection.of is not None:
        return is_in(selection.of, project)
    layers = project.model.layers
    experts = max((layer.ffn.experts for layer in layers), default=0)
    if 0 <= selection.layer < len(layers):
        experts = layers[selection.layer].ffn.experts
    bounds = (
        (selection.gpu, project.cluster.gpu_count),
        (selection.node, len(project.cluster.nodes)),
        (selection.layer, len(layers)),
        (selection.expert, experts),
        (selection.micro_batch, project.workload.micro_batches),
    )
    return all(number < bound for number, bound in bounds if number >= 0)


def is_in_graph(selection: Selection) -> bool:
    """Whether operators belong to what is selected."""
    return selection.kind in ("operator", "expert", "gpu", "node", "layer", "reach")


def reach(selection: Selection, toward: Toward) -> Selection:
    """Everything that ``selection`` depends on, or that depends on it."""
    return Selection(kind="reach", of=selection, toward=toward)


def operator_selection(graph: Graph, row: int) -> Selection:
    """The operator in ``row`` of ``graph``."""
    part, local = graph.part_of(row)
    body = part.body
    return Selection(
        kind="operator",
        op=graph.kind_name(row),
        layer=part.layer,
        gpu=int(body.stage.gpu[body.lane[local]]),
        expert=int(body.expert[local]),
        micro_batch=part.micro_batch,
    )


def operator_row(graph: Graph, selection: Selection) -> int:
    """The row of a selected operator in ``graph``, -1 when it has no such operator."""
    batches = graph.project.workload.micro_batches
    number = selection.layer * batches + max(0, selection.micro_batch)
    if selection.kind != "operator" or not 0 <= number < len(graph.parts) or selection.micro_batch >= batches:
        return -1
    part = graph.parts[number]
    if selection.op not in part.body.run_of:
        return -1
    run = part.body.run_of[selection.op]
    gpu = part.body.stage.gpu[part.body.lane[run.rows]]
    found = np.flatnonzero((gpu == selection.gpu) & (part.body.expert[run.rows] == selection.expert))
    return part.first + run.first + int(found[0]) if len(found) else -1


def selection_at(where: str) -> Selection:
    """The place that a problem names: ``gpu 3``, ``expert 5 of layer 0``, an operator's id, or a setting."""
    if match := _OPERATOR.fullmatch(where):
        layer, op, expert, gpu, batch = match.groups()
        if op in OP_NUMBER:
            return Selection(
                kind="operator",
                op=op,
                layer=int(layer),
                gpu=int(gpu),
                expert=int(expert) if expert else -1,
                micro_batch=int(batch or 0),
            )
    if match := _GPU.fullmatch(where):
        return Selection(kind="gpu", gpu=int(match[1]))
    if match := _LAYER.fullmatch(where):
        return Selection(kind="layer", layer=int(match[1]))
    if match := _EXPERT.fullmatch(where):
        return Selection(kind="expert", expert=int(match[1]), layer=int(match[2] or -1))
    return Selection(kind="setting", path=where) if where else Selection(kind="design")
