"""Where the GPUs of one pipeline stage are: lanes, nodes, attention groups, slots."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from moe_studio.graph.column import IntArray
from moe_studio.graph.operator import Sync
from moe_studio.project.cluster import Cluster
from moe_studio.project.design import Parallel
from moe_studio.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """One stage of all replicas. A lane is a GPU of it: ``lane = replica · width + position``.

    ``gpu``, ``node``, ``rack``, ``device``: shape (lanes,), global GPU number, node index, index of the rack, index
    into the cluster's kinds of device. Racks count only where they have a tier of the network; else all are 0.
    """

    index: int
    count: int
    dp: int
    width: int
    tp: int
    etp: int
    is_local: bool
    gpu: IntArray
    node: IntArray
    rack: IntArray
    device: IntArray

    @property
    def lanes(self) -> int:
        """GPUs of the stage in all replicas."""
        return self.dp * self.width

    @property
    def groups(self) -> int:
        """A: attention groups in one replica of the stage."""
        return self.width // self.tp

    @property
    def lane(self) -> IntArray:
        """All lanes, in order."""
        return np.arange(self.lanes)

    @property
    def has_next(self) -> bool:
        """Whether another stage follows."""
        return self.index + 1 < self.count


def sync_size(sync: Sync, stage: Stage) -> int:
    """How many neighbouring lanes start together."""
    return {Sync.NONE: 1, Sync.GROUP: stage.tp, Sync.SLOT: stage.etp, Sync.STAGE: stage.width}[sync]


def device_names(cluster: Cluster) -> tuple[str, ...]:
    """The kinds of device in use, in order of first use."""
    return tuple(dict.fromkeys(node.device for node in cluster.nodes))


def stages(project: Project) -> tuple[Stage, ...]:
    """The stages of ``project``, in order; the same objects for the same cluster and degrees."""
    parallel = project.parallel
    return _stages(_shape(project.cluster), parallel, project.is_local)


def _shape(cluster: Cluster) -> tuple[tuple[int, int, int], ...]:
    """GPUs, device index and rack of each node: all of a cluster that decides the stages."""
    names = device_names(cluster)
    racks = cluster.rack_of_node() if cluster.links.rack else (0,) * len(cluster.nodes)
    return tuple((node.gpus, names.index(node.device), rack) for node, rack in zip(cluster.nodes, racks, strict=True))


@lru_cache(maxsize=64)
def _stages(shape: tuple[tuple[int, int, int], ...], parallel: Parallel, is_local: bool) -> tuple[Stage, ...]:
    sizes, kinds, racks = zip(*shape, strict=True)
    node, device, rack = (np.repeat(part, sizes) for part in (np.arange(len(shape)), kinds, racks))
    grid = np.arange(len(node)).reshape(parallel.dp, parallel.pp, -1)
    return tuple(
        Stage(
            index=index,
            count=parallel.pp,
            dp=parallel.dp,
            width=grid.shape[2],
            tp=parallel.tp,
            etp=parallel.etp,
            is_local=is_local,
            gpu=grid[:, index].ravel(),
            node=node[grid[:, index].ravel()],
            rack=rack[grid[:, index].ravel()],
            device=device[grid[:, index].ravel()],
        )
        for index in range(parallel.pp)
    )


@lru_cache(maxsize=256)
def spread(stage: Stage, size: int) -> tuple[IntArray, IntArray, IntArray]:
    """How groups of ``size`` neighbouring lanes lie on nodes.

    Returns, per lane: nodes of its group, most and fewest members on one of these nodes.
    """
    groups = stage.node.reshape(-1, size)
    counts = np.array([[len(c), c.max(), c.min()] for c in (np.unique(g, return_counts=True)[1] for g in groups)])
    return tuple(np.repeat(counts[:, column], size) for column in range(3))  # type: ignore[return-value]


def crosses_racks(stage: Stage, size: int) -> NDArray[np.bool_]:
    """Per lane, whether its group of ``size`` neighbouring lanes lies in several racks."""
    groups = stage.rack.reshape(-1, size)
    return np.repeat((groups != groups[:, :1]).any(axis=1), size)
