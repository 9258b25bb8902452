"""What each stage's streams issue, in which order, cut into units that repeat.

A unit is one layer of one micro-batch (sequential), or one layer of all micro-batches with the
end of the layer before (interleaved, DESIGN §6).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from moe_studio.engine.cost import LayerCost
from moe_studio.graph.graph import Graph
from moe_studio.graph.layer import Run
from moe_studio.graph.operator import Phase

ValueKey = tuple[int, int, int]
"""A finish time that others wait for: (micro-batch of the unit, layers before the unit's own, run)."""

OUT = -1
"""Stands for the last run of a layer in a `ValueKey`."""


@dataclass(frozen=True, slots=True)
class Item:
    """Runs ``first`` … ``last`` − 1 of the part number ``part``, issued in a row.

    ``micro_batch`` counts within the unit; ``distance`` is 1 for the layer before the unit's own.
    """

    part: int
    cost: LayerCost
    first: int
    last: int
    micro_batch: int
    distance: int

    def key(self, run: int) -> ValueKey:
        """The value of ``run`` of this item's layer, or of the layer before it for -1."""
        if run < 0:
            return (self.micro_batch, self.distance + 1, OUT)
        if run == len(self.cost.body.runs) - 1:
            return (self.micro_batch, self.distance, OUT)
        return (self.micro_batch, self.distance, run)

    def numbered_runs(self) -> Sequence[tuple[int, Run]]:
        """The runs of the item with their numbers."""
        return self.cost.body.numbered_runs[self.first : self.last]


@dataclass(frozen=True, slots=True)
class Unit:
    """Items in the order in which they are issued.

    ``takes_input``: of a unit that starts a stage, its own micro-batches and those whose input they take.
    ``gives``: values that the next unit needs; ``gives_output``: those that the next stage needs, by
    micro-batch. ``signature`` is equal for units that behave alike.
    """

    items: tuple[Item, ...]
    takes_input: tuple[tuple[int, int], ...]
    gives: tuple[ValueKey, ...]
    gives_output: tuple[tuple[int, ValueKey], ...]
    signature: tuple[tuple[int, int, int, int, int], ...]


def _signature(items: Sequence[Item]) -> tuple[tuple[int, int, int, int, int], ...]:
    """What a unit does, apart from where in the model it stands."""
    return tuple((id(i.cost), i.first, i.last, i.micro_batch, i.distance) for i in items)


def stage_units(
    graph: Graph, costs: Sequence[LayerCost], stage: int, *, micro_batches: int | None = None
) -> list[Unit]:
    """The units of ``stage``; ``costs`` has one entry per part. Fewer micro-batches may be asked for."""
    work = graph.project.workload
    count = micro_batches or work.micro_batches
    layers = graph.project.stage_layers()[stage]
    is_interleaved = work.order == "interleaved" and count > 1
    maker = _interleaved if is_interleaved else _sequential
    return maker(graph, costs, layers, count)


def _part(graph: Graph, layer: int, micro_batch: int) -> int:
    """Number of a part: parts are ordered by (layer, micro-batch)."""
    return layer * graph.project.workload.micro_batches + micro_batch


def _sequential(graph: Graph, costs: Sequence[LayerCost], layers: range, count: int) -> list[Unit]:
    units = []
    for micro_batch in range(count):
        for layer in layers:
            part = _part(graph, layer, micro_batch)
            cost = costs[part]
            runs = len(cost.body.runs)
            units.append(
                Unit(
                    items=(Item(part, cost, 0, runs, 0, 0),),
                    signature=((id(cost), 0, runs, 0, 0),),
                    takes_input=((0, micro_batch),) if layer == layers[0] else (),
                    gives=((0, 0, OUT),),
                    gives_output=((micro_batch, (0, 0, OUT)),) if layer == layers[-1] else (),
                )
            )
    return units


def _interleaved(graph: Graph, costs: Sequence[LayerCost], layers: range, count: int) -> list[Unit]:
    """Steps 4·layer … 4·layer + 3 of DESIGN §6 make a unit; the ends of the last layer make one more."""
    slices = {(layer, phase): _phase_runs(costs[_part(graph, layer, 0)], phase) for layer in layers for phase in Phase}
    has_groups = graph.project.parallel.tp > 1
    batches = range(count)

    def item(layer: int, phase: Phase, batch: int, distance: int) -> list[Item]:
        part = _part(graph, layer, batch)
        first, last = slices[layer, phase]
        return [Item(part, costs[part], first, last, batch, distance)] if last > first else []

    units = []
    for layer in (*layers, layers[-1] + 1):
        items: list[Item] = []
        is_end = layer > layers[-1]
        if layer == layers[0]:
            items += [i for b in batches for i in item(layer, Phase.EMBED, b, 0)]
        for batch in batches:
            if layer > layers[0]:
                items += item(layer - 1, Phase.JOIN, batch, 1)
            if not is_end and layer > layers[0]:
                # Only the prediction module comes after a head and begins with an embedding.
                items += item(layer - 1, Phase.HEAD, batch, 1) + item(layer, Phase.EMBED, batch, 0)
            if not is_end:
                items += item(layer, Phase.ATTENTION, batch, 0)
                items += [] if has_groups else item(layer, Phase.ROUTE, batch, 0)
        if is_end:
            items += [i for b in batches for i in item(layer - 1, Phase.HEAD, b, 1)]
        else:
            items += [i for b in batches for i in item(layer, Phase.ROUTE, b, 0)] if has_groups else []
            items += [i for b in batches for i in item(layer, Phase.EXPERT, b, 0)]
        gives = () if is_end else tuple(k for b in batches for k in _carried(costs[_part(graph, layer, b)], b))
        units.append(
            Unit(
                items=tuple(items),
                signature=_signature(items),
                takes_input=tuple((b, b) for b in batches) if layer == layers[0] else (),
                gives=gives,
                gives_output=tuple((b, (b, 1, OUT)) for b in batches) if is_end else (),
            )
        )
    return units


def _phase_runs(cost: LayerCost, phase: Phase) -> tuple[int, int]:
    """First and last + 1 of the runs of ``phase``, which stand together."""
    numbers = [number for number, run in enumerate(cost.body.runs) if run.kind.phase is phase]
    return (numbers[0], numbers[-1] + 1) if numbers else (0, 0)


def _carried(cost: LayerCost, batch: int) -> list[ValueKey]:
    """Values of the layer that its own end needs, one unit later."""
    runs = cost.body.runs
    late = {Phase.JOIN, Phase.HEAD}
    needed = {take for run in runs if run.kind.phase in late for take in run.takes}
    return [(batch, 0, take) for take in sorted(needed) if take >= 0 and runs[take].kind.phase not in late]
