"""What each GPU must hold: weights, cache, activations, buffers (DESIGN §6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from moe_studio.engine.liveness import peak_byte
from moe_studio.graph.column import FloatArray, total_by
from moe_studio.graph.graph import Graph, Part
from moe_studio.graph.layer import LayerGraph
from moe_studio.graph.size import sizes
from moe_studio.project.model import Model

MEMORY_PARTS = ("weights", "kv_cache", "activations", "buffers")
"""Kinds of memory, in the order in which they are stacked."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Memory:
    """Bytes per GPU; shape (GPUs,) each. ``capacity``: what the serving engine may fill of the GPU's memory."""

    weights: FloatArray
    kv_cache: FloatArray
    activations: FloatArray
    buffers: FloatArray
    capacity: FloatArray

    @cached_property
    def total(self) -> FloatArray:
        """Everything a GPU must hold."""
        return self.weights + self.kv_cache + self.activations + self.buffers

    @cached_property
    def worst_gpu(self) -> int:
        """The GPU that is fullest compared with its capacity."""
        return int((self.total / self.capacity).argmax())

    @property
    def fits(self) -> bool:
        """Whether every GPU has room for what it must hold."""
        return bool((self.total <= self.capacity).all())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _LayerMemory:
    """One layer's share; shape (lanes,). ``live`` and ``sent`` are of one layer at a time."""

    weights: FloatArray
    live: FloatArray
    sent: FloatArray


def _is_held(part: Part, model: Model) -> bool:
    """Whether the part's weights and cache are its own: micro-batches share them, and passes of one module."""
    return part.micro_batch == 0 and part.layer == model.held_layer(part.layer)


_KNOWN: "WeakKeyDictionary[LayerGraph, _LayerMemory]" = WeakKeyDictionary()


def _layer_memory(body: LayerGraph) -> _LayerMemory:
    if body not in _KNOWN:
        lanes = body.stage.lanes
        live = np.zeros(lanes)
        for run in body.runs:
            rows = run.rows
            if not run.kind.is_expert:
                live = np.maximum(live, body.live_byte[rows])
            elif run.last > run.first:
                host = body.host
                live[host.hosts] = np.maximum(live[host.hosts], np.maximum.reduceat(body.live_byte[rows], host.start))
        _KNOWN[body] = _LayerMemory(
            weights=total_by(body.lane, body.weight_byte, lanes) + body.extra_weight_byte,
            live=live,
            sent=total_by(body.lane, body.sent_byte, lanes),
        )
    return _KNOWN[body]


def memory(graph: Graph) -> Memory:
    """The memory of every GPU."""
    project = graph.project
    gpus = project.cluster.gpu_count
    weights, cache, live, sent = (np.zeros(gpus) for _ in range(4))
    batches = project.workload.micro_batches
    is_live = project.memory.activations == "live"
    for stage in graph.stages:
        held = (part.body for part in graph.parts if _is_held(part, project.model))
        bodies = _counts(body for body in held if body.stage is stage)
        for body, count in bodies.items():
            layer = _layer_memory(body)
            weights[stage.gpu] += count * layer.weights
            cache[stage.gpu] += count * batches * body.kv_byte
            live[stage.gpu] = np.maximum(live[stage.gpu], peak_byte(body, project) if is_live else layer.live)
            sent[stage.gpu] = np.maximum(sent[stage.gpu], layer.sent)
    kept = 2 * sizes(project).rows * project.model.hidden * project.model.byte_of("activations")
    rules = project.memory
    whole = [project.cluster.device(node.device).memory_gb * 1e9 for node in project.cluster.nodes]
    capacity = [max(1.0, byte * rules.usable - rules.reserve_gb * 1e9) for byte in whole]
    return Memory(
        weights=weights,
        kv_cache=cache,
        activations=live if is_live else kept + live,
        buffers=sent,
        capacity=np.repeat(capacity, [node.gpus for node in project.cluster.nodes]),
    )


def _counts(bodies: Iterable[LayerGraph]) -> dict[LayerGraph, int]:
    counts: dict[LayerGraph, int] = {}
    for body in bodies:
        counts[body] = counts.get(body, 0) + 1
    return counts
