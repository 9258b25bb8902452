"""What each operator of a layer costs, and what binds it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moe_studio.engine.provider import LINKS, RESOURCES, Provider, Rates
from moe_studio.graph.column import FloatArray, total_by
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.graph.operator import Sync
from moe_studio.graph.stage import sync_size

BOUNDS = ("compute", "memory", "network", "latency", "none")
"""What binds an operator, by code."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerCost:
    """Run times of one layer's operators; shape (rows,). Compared by identity.

    ``own_s`` is the time that an operator's own GPU needs; ``duration_s`` the time for which it
    holds its stream, which for a collective is that of the slowest member.
    """

    body: LayerGraph
    own_s: FloatArray
    duration_s: FloatArray

    @cached_property
    def before_s(self) -> FloatArray:
        """For expert rows: time of the rows of the same run and GPU that come before."""
        before = np.zeros(len(self.body))
        for run in self.body.runs:
            if run.kind.is_expert:
                before[run.rows] = _before(self.duration_s[run.rows], self.body)
        return before

    @cached_property
    def compute_busy_s(self) -> FloatArray:
        """Time of all operators off the communication stream, per lane."""
        return self._busy(is_comm=False)

    @cached_property
    def comm_busy_s(self) -> FloatArray:
        """Time of all operators of the communication stream, per lane."""
        return self._busy(is_comm=True)

    @cached_property
    def is_comm(self) -> NDArray[np.bool_]:
        """Whether each row belongs on the communication stream."""
        flags = np.zeros(len(self.body), bool)
        for run in self.body.runs:
            flags[run.rows] = run.on_comm
        return flags

    @cached_property
    def counting(self) -> "LayerCost":
        """The same layer with every operator taking 1."""
        ones = np.ones(len(self.body))
        return LayerCost(body=self.body, own_s=ones, duration_s=ones)

    def _busy(self, *, is_comm: bool) -> FloatArray:
        chosen = self.is_comm if is_comm else ~self.is_comm
        return total_by(self.body.lane[chosen], self.duration_s[chosen], self.body.stage.lanes)


def layer_cost(body: LayerGraph, provider: Provider, rates: Rates) -> LayerCost:
    """Run times of the operators of ``body``."""
    own = np.empty(len(body))
    work = np.concatenate([np.arange(run.first, run.last) for run in body.runs if not run.on_comm])
    own[work] = provider.work_s(body, work, rates)
    return _with_links(body, own, provider, rates)


def cost_with(cost: LayerCost, resource: str, factor: float, provider: Provider, rates: Rates) -> LayerCost:
    """What the layer of ``cost``, which has ``rates``, costs with ``factor`` times as much of one of `RESOURCES`."""
    changed = rates.scaled(resource, factor)
    if resource in LINKS:
        return _with_links(cost.body, cost.own_s.copy(), provider, changed)
    return layer_cost(cost.body, provider, changed)


def _with_links(body: LayerGraph, own: FloatArray, provider: Provider, rates: Rates) -> LayerCost:
    """The costs of ``body``, of whose operators those that do not communicate have their times in ``own``."""
    duration = own.copy()
    for run in (run for run in body.runs if run.on_comm):
        own[run.rows] = provider.link_s(body, run, rates)
        duration[run.rows] = slowest(own[run.rows], run, body)
    return LayerCost(body=body, own_s=own, duration_s=duration)


def slowest(own_s: FloatArray, run: Run, body: LayerGraph) -> FloatArray:
    """Time of the slowest member of each row's collective."""
    if run.sync is Sync.SLOT:
        return _slowest_of_slot(own_s, body)
    return group_max(own_s, sync_size(run.sync, body.stage))


def group_max(value: FloatArray, size: int) -> FloatArray:
    """For each lane the largest value among its group of ``size`` neighbours; shape (lanes,)."""
    if size == 1:
        return value
    return np.repeat(value.reshape(-1, size).max(axis=1), size)


def _slowest_of_slot(own_s: FloatArray, body: LayerGraph) -> FloatArray:
    result = own_s.copy()
    for rows in body.host.by_rank:
        lanes = np.zeros(body.stage.lanes)
        lanes[body.host.lane[rows]] = own_s[rows]
        result[rows] = group_max(lanes, body.stage.etp)[body.host.lane[rows]]
    return result


def _before(duration_s: FloatArray, body: LayerGraph) -> FloatArray:
    """Running sum before each row of its lane.

    Added up lane by lane, not as differences of one long sum: equal lanes must give equal bits, or ties
    between them would fall by rounding.
    """
    before, spent = np.empty(len(duration_s)), np.zeros(body.stage.lanes)
    for rows in body.host.by_rank:
        lanes = body.host.lane[rows]
        before[rows] = spent[lanes]
        spent[lanes] += duration_s[rows]
    return before


def bound_codes(cost: LayerCost, provider: Provider, rates: Rates) -> NDArray[np.int8]:
    """What binds each operator of a layer: index into `BOUNDS`.

    An operator is bound by the resource of which ten times as much would help it most, or by latency if more
    than half of its time stays whatever there is more of.
    """
    body, base = cost.body, cost.own_s
    gains, plenty = [], rates
    for resource in RESOURCES:
        gains.append(base - cost_with(cost, resource, 10.0, provider, rates).own_s)
        plenty = plenty.scaled(resource, 10.0)
    stays = (10.0 * layer_cost(body, provider, plenty).own_s - base) / 9.0
    best = np.stack([gains[0], gains[1], np.maximum(gains[2], gains[3])]).argmax(axis=0)
    return np.where(base == 0, 4, np.where(stays > base / 2, 3, best)).astype(np.int8)
