"""One matrix multiplication: its time, what binds it, its share of the peak, and how all that was got."""

from collections.abc import Collection
from dataclasses import dataclass

from moe_studio.calibration.provider import provide
from moe_studio.engine.evidence import Basis
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Cost
from moe_studio.project.model import DTYPE_BYTE, FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_device


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTime:
    """``bound`` is compute, memory or latency; ``basis`` says how the time was got."""

    seconds: float
    bound: str
    share_of_peak: float
    basis: Basis

    @property
    def provenance(self) -> str:
        """How the time was got, in one word."""
        return self.basis.provenance

    @property
    def error(self) -> float | None:
        """The relative error to expect, None if unknown."""
        return self.basis.error


def kernel_time(
    m: int, k: int, n: int, *, count: int, dtype: str, device: str, cost: Cost, allowed: Collection[str] = ()
) -> KernelTime:
    """The time of an m × k by k × n multiplication, ``count`` times, on a device of the catalogue."""
    kind = load_device(device)
    project = Project(
        model=Model(hidden=1, ffn={"dense": FeedForward(hidden=1)}),
        cluster=Cluster(nodes=(Node(name="node0", gpus=1, device=device),), catalogue={device: kind}),
        cost=cost,
    )
    provider = provide(project, allowed)
    seconds = provider.get_time_s(m, k, n, count=count, dtype=dtype, device=kind)
    return KernelTime(
        seconds=seconds,
        bound=_bound(m, k, n, count, dtype, kind, seconds),
        share_of_peak=2.0 * m * k * n * count / seconds / kind.peak_flop_s(dtype),
        basis=provider.gemm_basis(m, k, n, dtype),
    )


def _bound(m: int, k: int, n: int, count: int, dtype: str, device: Device, seconds: float) -> str:
    """What the time is nearest to at the datasheet's figures: arithmetic, memory, or, far from both, latency."""
    arithmetic = 2.0 * m * k * n * count / device.peak_flop_s(dtype)
    moving = count * (m * k + k * n + m * n) * DTYPE_BYTE[dtype] / (device.memory_tb_s * 1e12)
    if max(arithmetic, moving) < seconds / 4:
        return "latency"
    return "compute" if arithmetic >= moving else "memory"
