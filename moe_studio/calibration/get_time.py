"""One matrix multiplication: its time, what binds it, its share of the peak, and how all that was got."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from moe_studio.calibration.own_device import is_datasheet
from moe_studio.calibration.provider import own_calibration, provide
from moe_studio.calibration.store import datasheet_of
from moe_studio.engine.evidence import Basis
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Cost
from moe_studio.project.model import DTYPE_BYTE, FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import device_names, load_device, read_device

USUAL_DEVICE = "h100-sxm"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTime:
    """``bound`` is compute, memory or latency; ``basis`` says how the time was got, ``notes`` what else to know."""

    device: str
    seconds: float
    bound: str
    share_of_peak: float
    basis: Basis
    notes: tuple[str, ...] = ()

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
    """The time of an m × k by k × n multiplication, ``count`` times.

    ``device`` is one of the catalogue, that of the calibration which ``cost`` names, or a YAML file with the datasheet
    of another one; if empty, that of the calibration, or else `USUAL_DEVICE`.
    """
    name, kind = _device(device, cost)
    is_own = name not in device_names() or kind != load_device(name)
    node, kinds = Node(name="node0", gpus=1, device=name), {name: kind}
    project = Project(
        model=Model(hidden=1, ffn={"dense": FeedForward(hidden=1)}),
        cluster=Cluster(nodes=(node,), devices=kinds) if is_own else Cluster(nodes=(node,), catalogue=kinds),
        cost=cost,
    )
    provider = provide(project, allowed)
    seconds = provider.get_time_s(m, k, n, count=count, dtype=dtype, device=kind)
    return KernelTime(
        device=name,
        seconds=seconds,
        bound=_bound(m, k, n, count, dtype, kind, seconds),
        share_of_peak=2.0 * m * k * n * count / seconds / kind.peak_flop_s(dtype),
        basis=provider.gemm_basis(m, k, n, dtype),
        notes=(*provider.notes, *provider.faults),
    )


def _device(word: str, cost: Cost) -> tuple[str, Device]:
    if is_datasheet(word):
        return read_device(Path(word))
    fitted = {item.facts.name: datasheet_of(item) for item in own_calibration(cost)}
    name = word or next(iter(fitted), USUAL_DEVICE)
    return name, fitted.get(name) or load_device(name)


def _bound(m: int, k: int, n: int, count: int, dtype: str, device: Device, seconds: float) -> str:
    """What the time is nearest to at the datasheet's figures: arithmetic, memory, or, far from both, latency."""
    arithmetic = 2.0 * m * k * n * count / device.peak_flop_s(dtype)
    moving = count * (m * k + k * n + m * n) * DTYPE_BYTE[dtype] / (device.memory_tb_s * 1e12)
    if max(arithmetic, moving) < seconds / 4:
        return "latency"
    return "compute" if arithmetic >= moving else "memory"
