"""Where everything stands at the moment: found anew only when the cluster, the view or the experts ask for it."""

from itertools import accumulate

from PySide6.QtCore import QSize

from moe_studio.gui.canvas.layout import ClusterLayout, cluster_layout
from moe_studio.project.cluster import Cluster

FINENESS = 20
"""Views that differ in shape by less than one part of this have the same layout."""


class Ground:
    """Remembers a layout; ``starts`` are the first GPUs of the nodes, and their number at the end."""

    def __init__(self) -> None:
        self.found: ClusterLayout | None = None
        self.starts: list[int] = [0]
        self._key: tuple[Cluster, int, float] | None = None

    @property
    def layout(self) -> ClusterLayout:
        """The layout, once there is one."""
        assert self.found is not None
        return self.found

    def arrange(self, cluster: Cluster, most_experts: int, port: QSize, *, is_held: bool) -> bool:
        """Find places in a view of the size ``port``; whether they differ. Held ones stay as long as they can."""
        aspect = max(1, round(port.width() / max(1, port.height()) * FINENESS)) / FINENESS
        known = self._key
        if known is not None and known[0] is cluster:
            if is_held:
                return False
            most_experts = max(most_experts, known[1])
        key = (cluster, most_experts, aspect)
        if key == known:
            return False
        # What the user has just dropped must not stand elsewhere at once.
        is_same = known is not None and known[0] is cluster and known[2] == aspect
        self._key = key
        before = self.found if is_same else None
        self.found = cluster_layout(cluster, most_experts=most_experts, aspect=aspect, before=before)
        self.starts = [0, *accumulate(node.gpus for node in cluster.nodes)]
        return True

    def forget(self) -> None:
        """Find places anew the next time, whatever is held."""
        self._key = None
