"""One matrix multiplication: its time, what binds it, its share of the peak, and how all that was got."""

from dataclasses import dataclass

from moe_studio.calibration.provider import provide
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Cost
from moe_studio.project.model import DTYPE_BYTE, FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_device


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTime:
    """``bound`` is compute, memory or latency; ``error`` is the relative error to expect, None if unknown."""

    seconds: float
    bound: str
    share_of_peak: float
    provenance: str
    error: float | None


def kernel_time(m: int, k: int, n: int, *, count: int, dtype: str, device: str, cost: Cost) -> KernelTime:
    """The time of an m × k by k × n multiplication, ``count`` times, on a device of the catalogue."""
    kind = load_device(device)
    project = Project(
        model=Model(hidden=1, ffn={"dense": FeedForward(hidden=1)}),
        cluster=Cluster(nodes=(Node(name="node0", gpus=1, device=device),), catalogue={device: kind}),
        cost=cost,
    )
    provider = provide(project)
    seconds = provider.get_time_s(m, k, n, count=count, dtype=dtype, device=kind)
    evidence = provider.gemm_evidence(m, k, n, dtype)
    return KernelTime(
        seconds=seconds,
        bound=_bound(m, k, n, count, dtype, kind, seconds),
        share_of_peak=2.0 * m * k * n * count / seconds / kind.peak_flop_s(dtype),
        provenance=evidence[0],
        error=evidence[1],
    )


def _bound(m: int, k: int, n: int, count: int, dtype: str, device: Device, seconds: float) -> str:
    """What the time is nearest to at the datasheet's figures: arithmetic, memory, or, far from both, latency."""
    arithmetic = 2.0 * m * k * n * count / device.peak_flop_s(dtype)
    moving = count * (m * k + k * n + m * n) * DTYPE_BYTE[dtype] / (device.memory_tb_s * 1e12)
    if max(arithmetic, moving) < seconds / 4:
        return "latency"
    return "compute" if arithmetic >= moving else "memory"
