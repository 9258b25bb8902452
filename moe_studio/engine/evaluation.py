"""Everything that is predicted of a project, and the pipeline that predicts it.

An `Evaluation` is a value: views may keep it and compare it with the next. What takes long and is not
always wanted is found when first asked for.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moe_studio.engine.busy import busy_s
from moe_studio.engine.cost import BOUNDS, LayerCost, bound_codes, cost_with, layer_cost
from moe_studio.engine.evidence import INTERVAL, WHOLE_MODEL_SPREAD, Evidence, sum_spread_s
from moe_studio.engine.flop import model_flop
from moe_studio.engine.memory import Memory, memory
from moe_studio.engine.path import Path, longest_path
from moe_studio.engine.provider import RESOURCES, Provide, Provider, Rates, fixed_provider, rates
from moe_studio.engine.room import Room
from moe_studio.engine.schedule import Schedule, Solver, slack_s
from moe_studio.errors import ProjectError
from moe_studio.graph.build import build_layer
from moe_studio.graph.column import FloatArray, IntArray, total_by
from moe_studio.graph.edge import edge_count
from moe_studio.graph.estimate import MAX_OPERATORS, operator_estimate
from moe_studio.graph.graph import Graph, build_graph
from moe_studio.graph.layer import LayerGraph, LayerPlace
from moe_studio.graph.operator import OP_KINDS, OP_NAMES
from moe_studio.graph.stage import Stage
from moe_studio.graph.traffic import far_share
from moe_studio.project.instance import Instances
from moe_studio.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The figures of a design (DESIGN §6).

    ``tokens``: tokens that one step handles or makes, of drafts those that hold on average. ``tpot_s``: time per output
    token of a sequence; 0 unless decoding.
    """

    latency_s: float
    dependency_s: float
    tokens: float
    tpot_s: float
    tokens_per_s: float
    tokens_per_s_per_gpu: float
    steady_tokens_per_s: float
    mfu: float
    model_flop: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MatmulShape:
    """GEMMs of one kind and shape: how many there are, how many on the scheduled path, and their time.

    ``provenance``: how that was got, one of `PROVENANCES`; ``error``: the relative error to expect, None if unknown;
    ``is_outside``: whether they lie outside of what was measured.
    """

    op: str
    m: int
    k: int
    n: int
    count: int
    operators: int
    on_path: int
    seconds_each: float
    dtype: int
    provenance: str
    error: float | None
    is_outside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Time on the scheduled path; each mapping with ``waiting_s`` sums to the latency."""

    by_kind: dict[str, float]
    by_layer: dict[int, float]
    by_stream: dict[str, float]
    waiting_s: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What is predicted of one project."""

    project: Project
    graph: Graph
    costs: Sequence[LayerCost]
    rates: Rates
    provider: Provider
    provide: Provide
    solver: Solver
    schedule: Schedule
    dependency: Schedule

    # Per operator, shape (operators,)

    @cached_property
    def duration_s(self) -> FloatArray:
        """How long each operator holds its stream."""
        return np.concatenate([cost.duration_s for cost in self.costs])

    @cached_property
    def start_s(self) -> FloatArray:
        """When each operator starts."""
        return self.schedule.start_s()

    @cached_property
    def finish_s(self) -> FloatArray:
        """When each operator is done."""
        return self.start_s + self.duration_s

    @cached_property
    def slack_s(self) -> FloatArray:
        """By how much each operator could start later without a longer run time."""
        return slack_s(self.schedule, self.solver.tails(self.schedule), self.start_s)

    @cached_property
    def is_comm(self) -> NDArray[np.bool_]:
        """Whether each operator is communication."""
        return np.concatenate([cost.is_comm for cost in self.costs])

    @cached_property
    def bound(self) -> NDArray[np.int8]:
        """What binds each operator: index into `BOUNDS`."""
        known = {cost.body: bound_codes(cost, self.provider, self.rates) for cost in dict.fromkeys(self.costs)}
        return np.concatenate([known[part.body] for part in self.graph.parts])

    @cached_property
    def evidence(self) -> Evidence:
        """How the time of each operator was got, and the error to expect."""
        return Evidence.joined([self._evidence[part.body] for part in self.graph.parts])

    @cached_property
    def _evidence(self) -> dict[LayerGraph, Evidence]:
        return {body: self.provider.evidence(body, self.rates) for body in self._bodies}

    @cached_property
    def path_evidence(self) -> Evidence:
        """The same of the operators on the scheduled path, in its order."""
        found = list(self._by_body(self.scheduled_path.rows))
        parts = [self._evidence[self.graph.parts[number].body].of(local) for number, _, local in found]
        order = np.argsort(np.concatenate([places for _, places, _ in found]))
        return Evidence.joined(parts).of(order)

    @cached_property
    def latency_error_s(self) -> float:
        """Standard deviation of the latency for the errors of kernels, nan if nothing is known of any on the path."""
        seconds, *_ = self._along(self.scheduled_path.rows)
        return sum_spread_s(seconds, self.path_evidence)

    @property
    def latency_spread(self) -> float | None:
        """Standard deviation of the latency over itself, with what kernels say nothing of; None if it is unknown."""
        latency, kernels = self.schedule.makespan_s, self.latency_error_s
        return None if not latency or kernels != kernels else float(np.hypot(kernels / latency, WHOLE_MODEL_SPREAD))

    @property
    def latency_interval_s(self) -> tuple[float, float] | None:
        """Between what the latency is nine times in ten; None if that is unknown.

        Errors are ratios, so the interval reaches as far up as down by factors.
        """
        if self.latency_spread is None:
            return None
        factor = float(np.exp(INTERVAL * self.latency_spread))
        return self.schedule.makespan_s / factor, self.schedule.makespan_s * factor

    @property
    def latency_margin(self) -> float | None:
        """Half of that interval over the latency: what stands behind ±; None if it is unknown."""
        interval = self.latency_interval_s
        return None if interval is None else (interval[1] - interval[0]) / 2 / self.schedule.makespan_s

    @cached_property
    def level(self) -> IntArray:
        """Level of each operator: operators on the longest chain of dependencies up to and with it."""
        batches = self.project.workload.micro_batches
        if batches == 1:
            return (self.leveling.start_s() + 1.0).astype(np.int64)
        level = np.zeros(len(self.graph))
        for placed in (placed for stage in self.leveling.stages for placed in stage):
            item, start = placed.unit.items[0], placed.solution.start[0]
            row_offset = placed.offset_s[item.cost.body.replica]
            for batch in range(batches):
                level[self.graph.parts[item.part + batch].rows] = start + row_offset + 1
        return level.astype(np.int64)

    @cached_property
    def leveling(self) -> Schedule:
        """The schedule by data dependencies alone in which every operator takes 1; of the first micro-batch."""
        return self.solver.schedule(self.graph, [cost.counting for cost in self.costs], has_streams=False)

    @property
    def _bodies(self) -> dict[LayerGraph, None]:
        return dict.fromkeys(part.body for part in self.graph.parts)

    # Paths and what they are made of

    @cached_property
    def scheduled_path(self) -> Path:
        """The longest path when each stream runs one operator at a time: the predicted run time."""
        return longest_path(self.schedule)

    @cached_property
    def dependency_path(self) -> Path:
        """The longest path over data dependencies alone."""
        return longest_path(self.dependency)

    @cached_property
    def breakdown(self) -> Breakdown:
        """Time on the scheduled path by kind of operator, by layer and by stream."""
        time, kind, comm, layer = self._along(self.scheduled_path.rows)
        kinds = np.bincount(kind, time, minlength=len(OP_KINDS))
        met = np.bincount(kind, minlength=len(OP_KINDS)) > 0
        layers = np.bincount(layer, time, minlength=self.project.model.layer_count)
        streams = np.bincount(comm, time, minlength=2)
        return Breakdown(
            by_kind={name: float(kinds[i]) for i, name in enumerate(OP_NAMES) if met[i]},
            by_layer=dict(enumerate(layers.tolist())),
            by_stream={"compute": float(streams[0]), "communication": float(streams[1])},
            waiting_s=max(0.0, float(self.schedule.makespan_s - time.sum())),
        )

    def _along(self, rows: IntArray) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
        """Duration, kind, whether it communicates, and layer of these operators; shape (rows,) each.

        Reads only the parts that the rows lie in, so that a drag need not join whole columns.
        """
        time, kind, comm = np.empty(len(rows)), np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
        for number, places, local in self._by_body(rows):
            cost = self.costs[number]
            time[places], comm[places] = cost.duration_s[local], cost.is_comm[local]
            kind[places] = cost.body.op[local]
        return time, kind, comm, np.array([part.layer for part in self.graph.parts])[self._parts_of(rows)]

    def _parts_of(self, rows: IntArray) -> IntArray:
        """Number of the part of the graph in which each operator is, shape (rows,)."""
        return np.searchsorted(self.graph.first_rows, rows, side="right") - 1

    def _by_body(self, rows: IntArray) -> Iterator[tuple[int, IntArray, IntArray]]:
        """Operators by layers that are alike: the number of such a part, their places in ``rows``, their rows in it.

        A few questions about many operators take less than many about a few.
        """
        firsts: dict[LayerGraph, int] = {}
        alike = np.array([firsts.setdefault(part.body, number) for number, part in enumerate(self.graph.parts)])
        parts = self._parts_of(rows)
        body, local = alike[parts], rows - self.graph.first_rows[parts]
        for number in np.unique(body).tolist():
            places = np.flatnonzero(body == number)
            yield number, places, local[places]

    # Per GPU, shape (GPUs,)

    @cached_property
    def compute_s(self) -> FloatArray:
        """Time for which each GPU's compute stream is busy."""
        return self._per_gpu("compute_busy_s")

    @cached_property
    def communication_s(self) -> FloatArray:
        """Time for which each GPU communicates."""
        return self._per_gpu("comm_busy_s")

    @cached_property
    def idle_s(self) -> FloatArray:
        """Time in which a GPU's streams all wait.

        With overlap the streams may work at the same time, so this is measured on the timeline.
        """
        busy = busy_s(self.schedule, self.project.cluster.gpu_count)
        idle = self.schedule.makespan_s - busy
        # Sums in another order differ in the last digits; that is no waiting.
        return np.where(idle > 1e-12 * self.schedule.makespan_s, idle, 0.0)

    def _per_gpu(self, name: str) -> FloatArray:
        result = np.zeros(self.project.cluster.gpu_count)
        counts: dict[LayerCost, int] = {}
        for cost in self.costs:
            counts[cost] = counts.get(cost, 0) + 1
        for cost, count in counts.items():
            np.add.at(result, cost.body.stage.gpu, count * getattr(cost, name))
        return result

    @cached_property
    def memory(self) -> Memory:
        """What each GPU must hold."""
        return memory(self.graph)

    @cached_property
    def room(self) -> Room:
        """How much more each GPU has room for."""
        return Room(project=self.project, memory=self.memory)

    @cached_property
    def load(self) -> FloatArray:
        """Tokens that each GPU's experts handle, shape (layers, GPUs), all micro-batches together."""
        result = np.zeros((self.project.model.layer_count, self.project.cluster.gpu_count))
        known = {body: expert_tokens(body) for body in self._bodies}
        for part in self.graph.parts:
            result[part.layer, part.body.stage.gpu] += known[part.body]
        return result

    @cached_property
    def imbalance(self) -> FloatArray:
        """Largest load of a GPU over the mean of its layer, shape (layers,); 0 for dense layers."""
        result = np.zeros(len(self.load))
        for stage, layers in zip(self.graph.stages, self.project.stage_layers(), strict=True):
            load = self.load[np.ix_(np.array(layers), stage.gpu)]
            most, mean = load.max(axis=1), load.mean(axis=1)
            result[list(layers)] = np.divide(most, mean, out=np.zeros(len(layers)), where=mean > 0)
        return result

    @property
    def mean_imbalance(self) -> float:
        """Mean over the MoE layers of the largest load of a GPU over the mean: what to expect of a layer; 0 if none."""
        found = self.imbalance[self.imbalance > 0]
        return float(found.mean()) if len(found) else 0.0

    @cached_property
    def cross_node_byte(self) -> FloatArray:
        """Bytes that dispatch and combine carry between nodes, shape (layers,), all GPUs together."""
        known: dict[LayerGraph, float] = {}
        result = np.zeros(self.project.model.layer_count)
        for part in self.graph.parts:
            if part.body not in known:
                known[part.body] = _cross_node(part.body)
            result[part.layer] += known[part.body]
        return result

    # The whole

    @cached_property
    def metrics(self) -> Metrics:
        """The figures of the design."""
        work, gpus = self.project.workload, self.project.cluster.gpu_count
        tokens = work.batch * work.gained_tokens
        latency = self.schedule.makespan_s
        if self.project.cost.overlap:
            busiest = float(np.maximum(self.compute_s, self.communication_s).max())
        else:
            busiest = float((self.compute_s + self.communication_s).max())
        flop = model_flop(self.project)
        return Metrics(
            latency_s=latency,
            dependency_s=self.dependency.makespan_s,
            tokens=tokens,
            tpot_s=latency / work.gained_tokens if work.is_decode else 0.0,
            tokens_per_s=_ratio(tokens, latency),
            tokens_per_s_per_gpu=_ratio(tokens, latency * gpus),
            steady_tokens_per_s=_ratio(tokens, busiest),
            mfu=_ratio(flop, latency * peak_sum(self.project)),
            model_flop=flop,
        )

    @cached_property
    def edge_count(self) -> int:
        """Data and communication edges, every pair of a collective counted."""
        return edge_count(self.graph)

    @cached_property
    def level_count(self) -> int:
        """Operators on the longest chain of dependencies."""
        return int(self.level.max())

    @cached_property
    def sensitivity(self) -> dict[str, float]:
        """Change of latency in seconds for 10 % more of each of `RESOURCES`."""
        return {name: self._latency_with(name, 1.1) - self.metrics.latency_s for name in RESOURCES}

    def _latency_with(self, resource: str, factor: float) -> float:
        changed = [cost_with(cost, resource, factor, self.provider, self.rates) for cost in dict.fromkeys(self.costs)]
        known = {cost.body: cost for cost in changed}
        costs = [known[part.body] for part in self.graph.parts]
        solver = Solver(has_overlap=self.project.cost.overlap)
        return solver.schedule(self.graph, costs, has_streams=True).makespan_s

    @cached_property
    def matmuls(self) -> tuple[MatmulShape, ...]:
        """All GEMMs, identical shapes of one kind together, in program order and by shape."""
        found: dict[tuple[float, ...], int] = {}
        each: dict[tuple[float, ...], float] = {}
        known: dict[tuple[float, ...], tuple[str, float | None, bool]] = {}
        counts: dict[int, int] = {}
        costs: dict[int, LayerCost] = {}
        for cost in self.costs:
            counts[id(cost)] = counts.get(id(cost), 0) + 1
            costs[id(cost)] = cost
        for identity, times in counts.items():
            body, duration = costs[identity].body, costs[identity].own_s
            rows = np.flatnonzero([OP_KINDS[op].is_matmul for op in body.op])
            table = np.stack(
                [body.op[rows], body.m[rows], body.k[rows], body.n[rows], body.count[rows], body.dtype[rows]]
            )
            shapes, first, size = np.unique(table, axis=1, return_index=True, return_counts=True)
            for place, shape in enumerate(map(tuple, shapes.T.tolist())):
                found[shape] = found.get(shape, 0) + int(size[place]) * times
                each.setdefault(shape, float(duration[rows[first[place]]]))
                evidence, row = self._evidence[body], int(rows[first[place]])
                known.setdefault(shape, (*evidence.basis(row), bool(evidence.outside[row])))
        on_path = self._matmuls_on_path()
        return tuple(
            MatmulShape(
                op=OP_NAMES[int(shape[0])],
                m=int(shape[1]),
                k=int(shape[2]),
                n=int(shape[3]),
                count=int(shape[4]),
                dtype=int(shape[5]),
                operators=found[shape],
                on_path=on_path.get(shape, 0),
                seconds_each=each[shape],
                provenance=known[shape][0],
                error=known[shape][1],
                is_outside=known[shape][2],
            )
            for shape in sorted(found)
        )

    def _matmuls_on_path(self) -> dict[tuple[float, ...], int]:
        counts: dict[tuple[float, ...], int] = {}
        for row in self.scheduled_path.rows.tolist():
            part, local = self.graph.part_of(row)
            body = part.body
            if OP_KINDS[body.op[local]].is_matmul:
                key = tuple(
                    float(column[local]) for column in (body.op, body.m, body.k, body.n, body.count, body.dtype)
                )
                counts[key] = counts.get(key, 0) + 1
        return counts

    def bound_name(self, row: int) -> str:
        """What binds one operator."""
        return BOUNDS[self.bound[row]]


def expert_tokens(body: LayerGraph) -> FloatArray:
    """Tokens that the experts of each lane handle in one micro-batch, shape (lanes,)."""
    for name in ("up", "linear"):
        if name in body.run_of:
            run = body.run_of[name]
            return total_by(body.lane[run.rows], body.in_rows[run.rows], body.stage.lanes)
    return np.zeros(body.stage.lanes)


def peak_sum(project: Project) -> float:
    """Arithmetic peak of the whole cluster, of each GPU for the fastest data type that the model multiplies in."""
    cluster, model = project.cluster, project.model
    has_moe = model.has_experts
    dtypes = {model.dtype_of(part) for part in ("weights", "activations", "experts")[: 2 + has_moe]}
    return sum(
        node.gpus * max(cluster.device(node.device).peak_flop_s(dtype) for dtype in dtypes) for node in cluster.nodes
    )


def _cross_node(body: LayerGraph) -> float:
    """Bytes of dispatch and combine that leave a node, over all lanes.

    What a lane puts on its links is the larger of what it sends and receives, which would count some bytes twice.
    """
    runs = [body.run_of[name] for name in ("dispatch", "combine") if name in body.run_of]
    if body.stage.is_local:
        return float(sum(body.inter_byte[run.rows].sum() for run in runs))
    share = far_share(body.stage)
    return float(sum((body.byte[run.rows] * share).sum() for run in runs))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


@dataclass(slots=True)
class Pipeline:
    """Turns projects into evaluations, and reuses every layer and unit that did not change.

    Results never depend on what was evaluated before.
    """

    provide: Provide = fixed_provider
    _settings: tuple[object, ...] = ()
    _provider: Provider | None = None
    _layers: dict[Hashable, LayerGraph] = field(default_factory=dict)
    _costs: dict[LayerGraph, LayerCost] = field(default_factory=dict)
    _solver: Solver = field(default_factory=lambda: Solver(has_overlap=True))

    def __post_init__(self) -> None:
        # glibc gives blocks above a threshold back to the system when they are freed, so every evaluation would
        # fault its large columns in anew: 1.3 of 2.9 ms for 154,240 operators. Freeing one larger block, which is
        # never touched, raises the threshold (mallopt(3), M_MMAP_THRESHOLD).
        np.empty(24_000_000, np.uint8)

    def evaluate(self, project: Project) -> Evaluation:
        """Everything that is predicted of ``project``.

        Raises:
            ProjectError: if the design has too many operators, or names an unknown cost provider.
        """
        check_size(project)
        self._forget_if_changed(project)
        if self._provider is None:
            self._provider = self.provide(project)
        provider = self._provider
        graph = build_graph(project, self._layer)
        hardware = rates(project)
        for part in graph.parts:
            if part.body not in self._costs:
                self._costs[part.body] = layer_cost(part.body, provider, hardware)
        costs = [self._costs[part.body] for part in graph.parts]
        return Evaluation(
            project=project,
            graph=graph,
            costs=costs,
            rates=hardware,
            provider=provider,
            provide=self.provide,
            solver=self._solver,
            schedule=self._solver.schedule(graph, costs, has_streams=True),
            dependency=self._solver.schedule(graph, costs, has_streams=False),
        )

    def _forget_if_changed(self, project: Project) -> None:
        settings = (project.model, project.cluster, project.parallel, project.workload, project.cost)
        same = len(self._settings) == len(settings) and all(
            a is b for a, b in zip(settings, self._settings, strict=True)
        )
        if not same or sum(map(len, self._costs)) > MAX_REMEMBERED:
            self._layers, self._costs, self._provider = {}, {}, None
            self._solver = Solver(has_overlap=project.cost.overlap)
            self._settings = settings

    def _layer(self, project: Project, stage: Stage, place: LayerPlace, instances: Instances | None) -> LayerGraph:
        if place not in self._layers:
            self._layers[place] = build_layer(project, stage, place, instances)
        return self._layers[place]


MAX_REMEMBERED = 400_000
"""Operators of different layers to keep before starting anew; about 100 MB."""


def check_size(project: Project) -> None:
    """Raise `ProjectError` for a design with more operators than can be held."""
    estimate = operator_estimate(project)
    if estimate > MAX_OPERATORS:
        raise ProjectError(
            f"This design has about {estimate:,} operators; at most {MAX_OPERATORS:,} can be evaluated. "
            "Fewer micro-batches, GPUs or layers make it smaller."
        )


def evaluate(project: Project, provide: Provide = fixed_provider) -> Evaluation:
    """Everything that is predicted of ``project``, once."""
    return Pipeline(provide=provide).evaluate(project)
