"""Who answers what an operator costs. `fixed` is exact arithmetic on two percentages (DESIGN §5)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from moe_studio.engine.evidence import Basis, Evidence
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.graph.stage import device_names
from moe_studio.project.cluster import Device
from moe_studio.project.model import DTYPE_BYTE, DTYPES
from moe_studio.project.project import Project

RESOURCES = ("peak compute", "memory bandwidth", "links in a node", "links across nodes")
"""What a design can be given more of, in the order of `Rates.scaled`."""

LINKS = RESOURCES[2:]
"""Those of them that only communication uses."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rates:
    """What the hardware can do at best.

    ``peak_flop_s``: shape (devices, data types); ``memory_byte_s``: shape (devices,). Links per GPU, one way: in a
    node, out of a node, and out of a rack.
    """

    peak_flop_s: FloatArray
    memory_byte_s: FloatArray
    intra_byte_s: float
    inter_byte_s: float
    spine_byte_s: float
    intra_latency_s: float
    inter_latency_s: float
    spine_latency_s: float

    def scaled(self, resource: str, factor: float) -> "Rates":
        """The same hardware with ``factor`` times as much of one of `RESOURCES`."""
        columns = (("peak_flop_s",), ("memory_byte_s",), ("intra_byte_s",), ("inter_byte_s", "spine_byte_s"))
        return replace(self, **{name: getattr(self, name) * factor for name in columns[RESOURCES.index(resource)]})


def rates(project: Project) -> Rates:
    """What the cluster of ``project`` can do."""
    devices = [project.cluster.device(name) for name in device_names(project.cluster)]
    links = project.cluster.links
    return Rates(
        peak_flop_s=np.array([[device.peak_flop_s(dtype) for dtype in DTYPES] for device in devices]),
        memory_byte_s=np.array([device.memory_tb_s * 1e12 for device in devices]),
        intra_byte_s=links.intra.byte_s,
        inter_byte_s=links.beyond_node.byte_s,
        spine_byte_s=links.inter.byte_s,
        intra_latency_s=links.intra.latency_s,
        inter_latency_s=links.beyond_node.latency_s,
        spine_latency_s=links.inter.latency_s,
    )


class Provider(Protocol):
    """Answers what operators cost."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what it rests on beside the project."""
        ...

    @property
    def faults(self) -> Sequence[str]:
        """Sentences on what it should have used and could not."""
        ...

    def work_s(self, body: LayerGraph, rows: IntArray, rates: Rates) -> FloatArray:
        """Time of the operators ``rows`` of a layer that compute or move memory, shape (rows,); no link changes it."""
        ...

    def link_s(self, body: LayerGraph, run: Run, rates: Rates) -> FloatArray:
        """Time of the operators of ``run``, which communicate, each for its own GPU, shape (rows,)."""
        ...

    def evidence(self, body: LayerGraph, rates: Rates) -> Evidence:
        """How the time of each operator of a layer was got."""
        ...

    def get_time_s(self, m: float, k: float, n: float, *, count: float, dtype: str, device: Device) -> float:
        """Time of one GEMM, ``count`` times."""
        ...

    def gemm_basis(self, m: float, k: float, n: float, dtype: str) -> Basis:
        """How the time of one GEMM was got."""
        ...


Provide = Callable[[Project], Provider]
"""Finds the provider that a project asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedProvider:
    """A share of the arithmetic peak or of the memory bandwidth, whichever takes longer."""

    compute: float
    memory: float
    launch_s: float
    notes: tuple[str, ...] = ()
    faults: Sequence[str] = ()

    def work_s(self, body: LayerGraph, rows: IntArray, rates: Rates) -> FloatArray:
        """max(flop / (peak · compute), bytes / (bandwidth · memory)) + launch."""
        device = body.stage.device[body.lane[rows]]
        arithmetic = body.flop[rows] / (rates.peak_flop_s[device, body.dtype[rows]] * self.compute)
        moving = body.byte[rows] / (rates.memory_byte_s[device] * self.memory)
        return np.asarray(np.maximum(arithmetic, moving) + body.launch[rows] * self.launch_s)

    def link_s(self, body: LayerGraph, run: Run, rates: Rates) -> FloatArray:
        """Rings pay for the links of a node and those beyond in turn; an exchange for the slower of both.

        Beyond the node bytes are as slow as the slowest tier that they pass.
        """
        rows = run.rows
        intra, near = body.intra_byte[rows] / rates.intra_byte_s, body.intra_hop[rows] * rates.intra_latency_s
        inter, far = body.inter_byte[rows] / rates.inter_byte_s, body.inter_hop[rows] * rates.inter_latency_s
        inter = np.maximum(inter, body.spine_byte[rows] / rates.spine_byte_s)
        far = np.maximum(far, body.spine_hop[rows] * rates.spine_latency_s)
        if is_exchange(body, run):
            return np.asarray(np.maximum(intra, inter) + np.maximum(near, far))
        return np.asarray(intra + inter + near + far)

    def evidence(self, body: LayerGraph, rates: Rates) -> Evidence:
        """Exact arithmetic, of which nobody knows how far it is from the truth."""
        return Evidence.fixed(len(body))

    def get_time_s(self, m: float, k: float, n: float, *, count: float, dtype: str, device: Device) -> float:
        """max(2·m·k·n·count / (peak·compute), count·(m·k + k·n + m·n)·e / (bandwidth·memory)) + launch."""
        arithmetic = 2 * m * k * n * count / (device.peak_flop_s(dtype) * self.compute)
        moving = count * (m * k + k * n + m * n) * DTYPE_BYTE[dtype] / (device.memory_tb_s * 1e12 * self.memory)
        return max(arithmetic, moving) + self.launch_s

    def gemm_basis(self, m: float, k: float, n: float, dtype: str) -> Basis:
        """Exact arithmetic, of which nobody knows how far it is from the truth."""
        compute, memory = self.compute * 100, self.memory * 100
        shares = f"arithmetic at {compute:g} % of the peak or traffic at {memory:g} % of the bandwidth"
        sentence = f"{shares}, whichever takes longer, and {self.launch_s * 1e6:g} µs to launch"
        return Basis(provenance="fixed", error=None, sentence=sentence)


def is_exchange(body: LayerGraph, run: Run) -> bool:
    """Whether ``run`` is an all-to-all rather than a ring or a send."""
    return run.kind.name in {"dispatch", "combine"} and not body.stage.is_local


def fixed_provider(project: Project) -> FixedProvider:
    """The provider `fixed` with the shares that ``project`` gives."""
    cost = project.cost
    return FixedProvider(compute=cost.compute, memory=cost.memory, launch_s=cost.launch_us * 1e-6)
