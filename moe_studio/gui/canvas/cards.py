"""All cards of the canvas: one for each node, one for each rack."""

from collections.abc import Collection

from PySide6.QtWidgets import QGraphicsScene

from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.gui.canvas.link_layer import link_texts
from moe_studio.gui.canvas.node_card import CardItem, NodeItem, RackItem
from moe_studio.gui.theme import Theme
from moe_studio.project.cluster import Cluster


class Cards:
    """Makes and removes cards as nodes and racks come and go, and says on each what it is."""

    def __init__(self, scene: QGraphicsScene) -> None:
        self._scene = scene
        self.nodes: list[CardItem] = []
        self.racks: list[CardItem] = []

    def arrange(self, layout: ClusterLayout, theme: Theme) -> None:
        """Have as many cards as the layout has nodes and racks."""
        self._fill(self.nodes, len(layout.nodes), NodeItem, theme)
        self._fill(self.racks, len(layout.racks), RackItem, theme)

    def show_racks(self, cluster: Cluster, layout: ClusterLayout, target: str | None = None) -> None:
        """Say what the racks are; ``target`` is the one into which nodes would go."""
        rate = link_texts(cluster).get("rack", "")
        for item, (name, box) in zip(self.racks, layout.racks, strict=True):
            item.show_card(box, name, right=rate, mark="target" if name == target else "")

    def show_nodes(self, cluster: Cluster, layout: ClusterLayout, chosen: Collection[int], target: int) -> None:
        """Say what the nodes are; ``chosen`` are selected, ``target`` is where a drop would go."""
        for number, (item, box, node) in enumerate(zip(self.nodes, layout.nodes, cluster.nodes, strict=True)):
            device = cluster.device(node.device)
            name = node.name.rpartition("/")[2] if layout.racks else node.name
            item.show_card(
                box,
                name or f"node {number}",
                f"{node.gpus} × {device.title or node.device}",
                f"{cluster.links.intra.gb_s:g} GB/s" if node.gpus > 1 else "",
                mark="target" if number == target else "selected" if number in chosen else "",
            )

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        for card in (*self.nodes, *self.racks):
            card.set_theme(theme)

    def _fill(self, items: list[CardItem], count: int, kind: type[CardItem], theme: Theme) -> None:
        while len(items) < count:
            items.append(kind(theme))
            self._scene.addItem(items[-1])
        for gone in items[count:]:
            self._scene.removeItem(gone)
        del items[count:]
