"""The operators of one layer of one stage, for one micro-batch, as columns.

A `LayerGraph` holds all GPUs of the stage in all replicas. Layers that are alike share one
`LayerGraph`, and so do micro-batches: what a whole model costs is found from few of them.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.operator import OP_KINDS, OP_NUMBER, OpKind, Sync
from moe_studio.graph.size import Sizes
from moe_studio.graph.stage import Stage
from moe_studio.project.instance import Instances
from moe_studio.project.model import Attention, FeedForward

COLUMNS: dict[str, type] = {
    "m": np.float64,
    "k": np.float64,
    "n": np.float64,
    "count": np.float64,
    "flop": np.float64,
    "byte": np.float64,
    "launch": np.float64,
    "dtype": np.int8,
    "intra_byte": np.float64,
    "inter_byte": np.float64,
    "spine_byte": np.float64,
    "intra_hop": np.float64,
    "inter_hop": np.float64,
    "spine_hop": np.float64,
    "in_rows": np.float64,
    "in_width": np.float64,
    "out_rows": np.float64,
    "out_width": np.float64,
    "weight_byte": np.float64,
    "live_byte": np.float64,
    "sent_byte": np.float64,
}
"""Columns beside ``op``, ``lane`` and ``expert``.

``m``, ``k``, ``n``, ``count``: the GEMM, 0 for others. ``flop``, ``byte``: its work. ``launch``: 1 if it
starts a kernel. ``dtype``: index into `DTYPES` that chooses the peak. ``intra_byte`` … ``spine_hop``: what
a communication puts on the links of a node, on those beyond, and of that between racks; how many latencies it
pays. ``in_rows`` … ``out_width``: shapes. ``weight_byte``: weights that must be resident. ``live_byte``: input and
output. ``sent_byte``: buffers.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlace:
    """What a layer's operators depend on beside the project's settings.

    Layers with equal places have the same operators. ``is_last``: whether the head follows; ``is_mtp``: whether it is
    a pass of the prediction module. ``load`` is the layer's number where routing differs between layers, else -1.
    """

    stage: int
    attention: Attention
    ffn: FeedForward
    is_first: bool
    is_last: bool
    is_mtp: bool
    has_send: bool
    load: int
    placement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The rows of one kind of operator in a layer.

    ``takes``: indices of the runs it depends on, -1 for the layer's input (also when it has no other).
    ``on_comm``: whether it belongs on the communication stream.
    """

    kind: OpKind
    first: int
    last: int
    takes: tuple[int, ...]
    sync: Sync
    on_comm: bool

    @property
    def rows(self) -> slice:
        """Its rows."""
        return slice(self.first, self.last)


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerGraph:
    """Columns of one layer; shape (rows,) each. Compared by identity."""

    stage: Stage
    place: LayerPlace
    size: Sizes
    runs: tuple[Run, ...]
    op: NDArray[np.int16]
    lane: IntArray
    expert: IntArray
    columns: dict[str, NDArray[np.float64]]
    instances: Instances | None = None
    extra_weight_byte: FloatArray = field(default_factory=lambda: np.zeros(0))
    kv_byte: FloatArray = field(default_factory=lambda: np.zeros(0))

    def __getattr__(self, name: str) -> NDArray[np.float64]:
        try:
            return self.__dict__["columns"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(name) from None

    def __len__(self) -> int:
        return len(self.op)

    @cached_property
    def run_of(self) -> dict[str, Run]:
        """Its runs by name of the operator."""
        return {run.kind.name: run for run in self.runs}

    @cached_property
    def numbered_runs(self) -> tuple[tuple[int, Run], ...]:
        """Its runs with their numbers."""
        return tuple(enumerate(self.runs))

    @cached_property
    def first_rows(self) -> list[int]:
        """The first row of each run."""
        return [run.first for run in self.runs]

    @cached_property
    def host(self) -> "ExpertHosts":
        """How its expert rows lie on lanes."""
        run = next((run for run in self.runs if run.kind.is_expert), None)
        return expert_hosts(self.lane[run.rows] if run else np.zeros(0, np.int64), self.stage)

    @cached_property
    def replica(self) -> IntArray:
        """Replica of each row."""
        return self.lane // self.stage.width


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpertHosts:
    """Rows of one run of experts, sorted by lane then expert.

    ``lane``: of each row; ``hosts``: lanes that have rows; ``start``: their first row;
    ``rank``: place of a row among those of its lane; ``by_rank``: rows of each rank;
    ``orphans``: replicas in which no GPU hosts an expert.
    """

    lane: IntArray
    hosts: IntArray
    start: IntArray
    rank: IntArray
    by_rank: tuple[IntArray, ...]
    orphans: tuple[int, ...]


def expert_hosts(lane: IntArray, stage: Stage) -> ExpertHosts:
    """`ExpertHosts` of the rows on these lanes."""
    hosts, start, counts = np.unique(lane, return_index=True, return_counts=True)
    rank = np.arange(len(lane)) - np.repeat(start, counts)
    homes = set((hosts // stage.width).tolist())
    return ExpertHosts(
        lane=lane,
        hosts=hosts,
        start=start,
        rank=rank,
        by_rank=tuple(np.flatnonzero(rank == r) for r in range(int(rank.max(initial=-1)) + 1)),
        orphans=tuple(replica for replica in range(stage.dp) if replica not in homes),
    )


class LayerBuilder:
    """Collects the runs of one layer in any order and joins them in program order."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._rows: dict[int, tuple[IntArray, IntArray, Sync, bool]] = {}
        self._values: dict[int, dict[str, float | FloatArray]] = {}
        self._takes: dict[int, tuple[tuple[str, ...], ...]] = {}
        self._everywhere = (stage.lane, np.full(stage.lanes, -1))

    def add(
        self,
        name: str,
        *,
        at: tuple[IntArray, IntArray] | None = None,
        sync: Sync = Sync.NONE,
        on_comm: bool = False,
        takes: tuple[str, ...] | None = None,
        **values: float | FloatArray,
    ) -> None:
        """Add the operator ``name`` on every GPU, or on the (lane, expert) rows of ``at``.

        ``takes`` names what it takes, as far as the layer has it; else that is what its kind says.
        """
        number = OP_NUMBER[name]
        lane, expert = at or self._everywhere
        self._rows[number] = (lane, expert, sync, on_comm)
        self._values[number] = values
        self._takes[number] = OP_KINDS[number].takes if takes is None else tuple((item,) for item in takes)

    def build(self, **more: object) -> LayerGraph:
        """The finished layer."""
        numbers = sorted(self._rows)
        sizes = [len(self._rows[number][0]) for number in numbers]
        bounds = np.concatenate(([0], np.cumsum(sizes))).tolist()
        index = {OP_KINDS[number].name: place for place, number in enumerate(numbers)}
        runs = tuple(
            Run(
                kind=OP_KINDS[number],
                first=bounds[place],
                last=bounds[place + 1],
                takes=_takes(self._takes[number], index),
                sync=self._rows[number][2],
                on_comm=self._rows[number][3],
            )
            for place, number in enumerate(numbers)
        )
        columns = {name: np.zeros(bounds[-1], dtype) for name, dtype in COLUMNS.items()}
        for run, number in zip(runs, numbers, strict=True):
            for name, value in self._values[number].items():
                columns[name][run.first : run.last] = value
        return LayerGraph(
            stage=self.stage,
            runs=runs,
            op=np.repeat(np.array(numbers, np.int16), sizes),
            lane=np.concatenate([self._rows[number][0] for number in numbers]),
            expert=np.concatenate([self._rows[number][1] for number in numbers]),
            columns=columns,
            **more,  # type: ignore[arg-type]
        )


def _takes(inputs: tuple[tuple[str, ...], ...], index: dict[str, int]) -> tuple[int, ...]:
    """The runs that are taken in a layer that has those of ``index``: of each input the first alternative there is."""
    result = []
    for names in inputs:
        found = next((index.get(name, -1) for name in names if name in index or name == "x"), None)
        if found is not None:
            result.append(found)
    return tuple(result) or (-1,)
