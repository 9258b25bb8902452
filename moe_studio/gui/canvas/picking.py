"""What is selected, as the canvas needs it: experts on GPUs, GPUs, nodes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from moe_studio.document.selection import Selection
from moe_studio.gui.canvas.hit import Hit

if TYPE_CHECKING:
    from moe_studio.gui.canvas.cluster_view import ClusterView

Chip = tuple[int, int]
"""An expert and the GPU on which it is."""


class Picking:
    """Reads and changes the document's selection. Of several things, the first is shown in other views."""

    def __init__(self, view: "ClusterView") -> None:
        self._view = view

    @property
    def chips(self) -> tuple[Chip, ...]:
        """The selected experts with their GPUs."""
        view = self._view
        chips: list[Chip] = []
        for item in view.document.selected:
            if item.kind != "expert":
                continue
            gpus = range(len(view.gpus)) if item.gpu < 0 else (item.gpu,) if item.gpu < len(view.gpus) else ()
            chips += [
                (item.expert, gpu)
                for gpu in gpus
                if any(chip.expert == item.expert for chip in view.gpus[gpu].state.experts)
            ]
        return tuple(chips)

    @property
    def gpus(self) -> tuple[int, ...]:
        """The selected GPUs."""
        chosen, count = self._view.document.selected, len(self._view.gpus)
        return tuple(item.gpu for item in chosen if item.kind == "gpu" and 0 <= item.gpu < count)

    @property
    def nodes(self) -> tuple[int, ...]:
        """The selected nodes."""
        chosen, count = self._view.document.selected, len(self._view.cards.nodes)
        return tuple(item.node for item in chosen if item.kind == "node" and 0 <= item.node < count)

    def pick(self, chips: Iterable[Chip]) -> None:
        """Select experts."""
        self._select(Selection(kind="expert", expert=expert, gpu=gpu) for expert, gpu in chips)

    def pick_nodes(self, nodes: Iterable[int]) -> None:
        """Select nodes."""
        self._select(Selection(kind="node", node=node) for node in nodes)

    def pick_rack(self, rack: str) -> None:
        """Select all nodes of a rack."""
        nodes = self._view.document.project.cluster.nodes
        self.pick_nodes(number for number, node in enumerate(nodes) if node.rack == rack)

    def chips_of(self, gpu: int) -> list[Chip]:
        """All experts of a GPU."""
        return [(chip.expert, gpu) for chip in self._view.gpus[gpu].state.experts]

    def pick_for_menu(self, hit: Hit) -> None:
        """Select what a menu was asked for, unless it is selected among others."""
        chip = (hit.expert, hit.gpu)
        if hit.kind == "chip" and chip not in self.chips:
            self.pick([chip])
        elif hit.kind in ("head", "gpu", "more"):
            self._view.document.select(Selection(kind="gpu", gpu=hit.gpu))
        elif hit.kind == "node" and hit.node not in self.nodes:
            self.pick_nodes([hit.node])
        elif hit.kind == "rack":
            self.pick_rack(hit.rack)
        elif not hit.kind:
            self._view.document.select(Selection(kind="design"))

    def _select(self, found: Iterable[Selection]) -> None:
        self._view.document.select_all(list(found) or [Selection(kind="design")])
