"""The hardware: devices, nodes that hold them, links between them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from moe_studio.errors import ProjectError
from moe_studio.project.model import DTYPES
from moe_studio.project.setting import check_settings, setting

MAX_GPUS = 65536


def arithmetic_type(dtype: str, peaks: Mapping[str, float]) -> str:
    """The type whose arithmetic serves for ``dtype`` where ``peaks`` are known: itself, or the narrowest that holds it.

    Kernels for types that a GPU lacks widen them as they load: fp4 to fp8, if there is such, else all to 16 bits.
    """
    wider = ("fp8",) if dtype == "fp4" else ()
    known = (name for name in (dtype, *wider, "bf16", "fp16", "fp32") if name in peaks)
    return next(known, max(peaks, key=lambda name: peaks[name]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A kind of GPU, by its datasheet: dense peaks, without sparsity."""

    memory_gb: float = setting("memory", unit="GB", above=0, high=1e6)
    memory_tb_s: float = setting("memory bandwidth", unit="TB/s", above=0, high=1e6)
    peak_tflops: Mapping[str, float] = setting("dense peak by data type", unit="TFLOP/s", above=0, high=1e9)
    link_gb_s: float = setting("link to the other GPUs of its node, one way", 0.0, unit="GB/s", low=0, high=1e6)
    sms: int = setting("streaming multiprocessors or compute units; 0: unknown", 0, low=0, high=100000)
    title: str = setting("name to show", "")
    source: str = setting("where the figures come from", "")

    def __post_init__(self) -> None:
        check_settings(self, "cluster.devices")
        object.__setattr__(self, "peak_tflops", MappingProxyType(dict(self.peak_tflops)))
        if not self.peak_tflops:
            raise ProjectError("cluster.devices.peak_tflops needs a figure for at least one data type.")
        for dtype, peak in self.peak_tflops.items():
            if dtype not in DTYPES:
                raise ProjectError(f"cluster.devices.peak_tflops: {dtype!r} is not one of {', '.join(DTYPES)}.")
            if not 0 < peak <= 1e9:
                raise ProjectError(f"cluster.devices.peak_tflops.{dtype} must be above 0 and at most 1e9.")

    def peak_flop_s(self, dtype: str) -> float:
        """Peak arithmetic rate for ``dtype``, or for the type that does its arithmetic (`arithmetic_type`)."""
        return self.peak_tflops[arithmetic_type(dtype, self.peak_tflops)] * 1e12

    def has_peak(self, dtype: str) -> bool:
        """Whether the datasheet has a figure for ``dtype`` itself."""
        return dtype in self.peak_tflops


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine with some GPUs of one kind."""

    name: str = setting("name, unique in the cluster", "")
    gpus: int = setting("how many GPUs", 8, low=1, high=MAX_GPUS)
    device: str = setting("kind of GPU: a name of the catalogue or of `devices`", "h100-sxm")
    at: tuple[float, ...] = setting("place on the canvas: column, row", ())

    def __post_init__(self) -> None:
        check_settings(self, "cluster.nodes")

    @property
    def rack(self) -> str:
        """The rack in its name, such as ``rack0`` in ``rack0/node3``; empty for none."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One tier of the network, per GPU and direction."""

    gb_s: float = setting("bandwidth per GPU, one way", unit="GB/s", above=0, high=1e6)
    latency_us: float = setting("latency", 0.0, unit="µs", low=0, high=1e9)
    oversubscription: float = setting(
        "how many times less this tier carries when all send at once: down-links over up-links", 1.0, low=1, high=1e3
    )

    def __post_init__(self) -> None:
        check_settings(self, "cluster.links")

    @property
    def byte_s(self) -> float:
        """Bandwidth in bytes per second when all GPUs send at once.

        An oversubscribed tier gives each its share of what goes up (Al-Fares et al., SIGCOMM 2008, section 2.1).
        """
        return self.gb_s * 1e9 / self.oversubscription

    @property
    def latency_s(self) -> float:
        """Latency in seconds."""
        return self.latency_us * 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The tiers of the network: inside a node, between the nodes of a rack, between racks.

    What leaves a rack passes the tier of the rack, too, and is as slow as the slower of both.
    """

    intra: Link = setting("inside a node", factory=lambda: Link(gb_s=450.0, latency_us=2.0))
    rack: Link | None = setting("between the nodes of a rack; none: as between all nodes", None)
    inter: Link = setting(
        "between nodes; where racks have a tier of their own, between racks",
        factory=lambda: Link(gb_s=50.0, latency_us=5.0),
    )

    @property
    def beyond_node(self) -> Link:
        """The first tier that bytes pass when they leave a node."""
        return self.rack or self.inter


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Nodes in the order that numbers their GPUs."""

    preset: str = setting("a cluster of the catalogue on which this one is based", "")
    nodes: tuple[Node, ...] = setting("machines, in the order that numbers their GPUs", (Node(name="node0"),))
    devices: Mapping[str, Device] = setting("own kinds of GPU, by name", factory=dict)
    catalogue: Mapping[str, Device] = setting("kinds of GPU of the catalogue in use", factory=dict, derived=True)
    links: Links = setting("bandwidth and latency of the links", factory=Links)
    gpu_count: int = field(init=False, compare=False, repr=False)
    """All GPUs of all nodes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "gpu_count", sum(node.gpus for node in self.nodes))
        object.__setattr__(self, "devices", MappingProxyType(dict(self.devices)))
        object.__setattr__(self, "catalogue", MappingProxyType(dict(self.catalogue)))
        if not self.nodes:
            raise ProjectError("cluster.nodes needs at least one node.")
        if self.gpu_count > MAX_GPUS:
            raise ProjectError(f"The cluster may have at most {MAX_GPUS} GPUs, not {self.gpu_count}.")
        for name, count in Counter(node.name for node in self.nodes).items():
            if count > 1:
                raise ProjectError(f"cluster.nodes: the name {name!r} is used more than once.")
        for node in self.nodes:
            self.device(node.device)

    def device(self, name: str) -> Device:
        """The device of that name; own devices win over the catalogue's."""
        if name in self.devices:
            return self.devices[name]
        if name in self.catalogue:
            return self.catalogue[name]
        raise ProjectError(f"The cluster has no device {name!r}; name one of the catalogue or add it to devices.")

    def rack_of_node(self) -> tuple[int, ...]:
        """A number for the rack of each node; a node in no rack has one of its own."""
        racks: dict[str, int] = {}
        return tuple(racks.setdefault(f"/{node.rack}" if node.rack else node.name, len(racks)) for node in self.nodes)

    def node_title(self, index: int) -> str:
        """What a node is called, also one without a name."""
        return self.nodes[index].name or f"node {index}"

    def node_of_gpu(self) -> tuple[int, ...]:
        """Index of the node of each GPU."""
        return tuple(index for index, node in enumerate(self.nodes) for _ in range(node.gpus))
