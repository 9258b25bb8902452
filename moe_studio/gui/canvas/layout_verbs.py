"""What can be done to the nodes of the canvas, each as one step that says what else it changed."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from moe_studio.document.arrange_edit import align_nodes, distribute_nodes, move_nodes, tidy_nodes
from moe_studio.document.document import Document
from moe_studio.document.layout_change import LayoutChange
from moe_studio.document.layout_edit import (
    add_gpus,
    add_node,
    duplicate_nodes,
    move_gpus,
    remove_gpus,
    remove_nodes,
    set_device,
    set_gpus,
    use_preset,
)
from moe_studio.document.network_edit import add_rack, move_to_rack, set_tier
from moe_studio.document.node_place import Place
from moe_studio.document.selection import Selection
from moe_studio.errors import MoeStudioError
from moe_studio.gui.canvas.rate_editor import rate_of
from moe_studio.gui.text import tr
from moe_studio.project.project import Project

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Where something is dropped: column and row, the node there, -1 for none, and the rack, empty for none."""

    at: Place
    node: int
    rack: str


class LayoutVerbs:
    """Edits of the cluster. ``chosen`` gives the nodes that are selected."""

    def __init__(self, document: Document, chosen: Callable[[], tuple[int, ...]], *, tell: Tell, refuse: Tell) -> None:
        self.document = document
        self._chosen = chosen
        self._tell, self._refuse = tell, refuse

    def run(self, make: Callable[[Project], LayoutChange | None]) -> bool:
        """Make a change of the committed design; whether anything changed."""
        try:
            change = make(self.document.history.current)
            if change is None or not self.document.commit(change.label, change.edit):
                return False
        except MoeStudioError as error:
            self._refuse(str(error))
            return False
        if change.note:
            self._tell(change.note)
        return True

    def add(self, device: str = "", gpus: int = 0, at: Place | None = None) -> None:
        """Add a node; without a device one like the last."""
        if self.run(lambda project: add_node(project, device, gpus, at)):
            self._select_last(1)

    def duplicate(self) -> None:
        """Copy the selected nodes."""
        if (chosen := self._some()) and self.run(lambda project: duplicate_nodes(project, chosen)):
            self._select_last(len(chosen))

    def remove(self) -> None:
        """Remove the selected nodes."""
        if (chosen := self._some()) and self.run(lambda project: remove_nodes(project, chosen)):
            self.document.select(Selection(kind="design"))

    def remove_gpus(self, gpus: Collection[int]) -> None:
        """Remove single GPUs."""
        if self.run(lambda project: remove_gpus(project, gpus)):
            self.document.select(Selection(kind="design"))

    def move_gpus(self, gpus: Collection[int], node: int) -> None:
        """Put GPUs into another node."""
        if self.run(lambda project: move_gpus(project, gpus, node)):
            self.document.select(Selection(kind="design"))

    def add_gpu(self, node: int) -> None:
        """One more GPU in a node."""
        self.run(lambda project: add_gpus(project, node))

    def nudge(self, by: Place) -> None:
        """Shift the selected nodes."""
        if chosen := self._some():
            self.run(lambda project: move_nodes(project, chosen, by))

    def change_device(self, device: str) -> None:
        """Another kind of GPU in the selected nodes."""
        if chosen := self._some():
            self.run(lambda project: set_device(project, chosen, device))

    def change_gpus(self, gpus: int) -> None:
        """Another number of GPUs in the selected nodes."""
        if chosen := self._some():
            self.run(lambda project: set_gpus(project, chosen, gpus))

    def align(self, along: str) -> None:
        """Bring the selected nodes into one row or column."""
        if chosen := self._some():
            self.run(lambda project: align_nodes(project, chosen, along))

    def distribute(self, along: str) -> None:
        """Leave equal gaps between the selected nodes, along a ``row`` or ``column``."""
        if chosen := self._some():
            self.run(lambda project: distribute_nodes(project, chosen, along))

    def put_in_rack(self, rack: str | None = None) -> None:
        """Put the selected nodes into a rack: a new one of their own, that of a name, or with no name into none."""
        if chosen := self._some():
            self.run(lambda project: move_to_rack(project, chosen, rack))

    def add_rack(self) -> None:
        """Add a rack with nodes like those of the last."""
        before = len(self.document.history.current.cluster.nodes)
        if self.run(add_rack):
            self._select_last(len(self.document.history.current.cluster.nodes) - before)

    def set_tier(self, tier: str, gb_s: float | None) -> None:
        """Give a tier of the network another bandwidth; None takes the tier of racks away."""
        self.run(lambda project: set_tier(project, tier, gb_s))

    def type_rate(self, tier: str, text: str) -> None:
        """Give a tier of the network the bandwidth that was typed."""
        gb_s = rate_of(text)
        if gb_s is None:
            self._refuse(f"A bandwidth is a number of GB/s, such as 50, not {text[:40]!r}.")
        else:
            self.set_tier(tier, gb_s)

    def tidy(self) -> None:
        """Let the canvas arrange the nodes."""
        self.run(tidy_nodes)

    def use_preset(self, name: str) -> None:
        """Use a cluster of the catalogue."""
        self.run(lambda project: use_preset(project, name))

    def drop_device(self, device: str, gpus: int, ground: Landing) -> None:
        """What dropping something of the palette does: see `drop_text`."""
        self.run(lambda project: dropped(project, device, gpus, ground))

    def _some(self) -> tuple[int, ...]:
        chosen = self._chosen()
        if not chosen:
            self._refuse("Select a node first: click its card.")
        return chosen

    def _select_last(self, count: int) -> None:
        nodes = len(self.document.history.current.cluster.nodes)
        self.document.select_all([Selection(kind="node", node=number) for number in range(nodes - count, nodes)])


def dropped(project: Project, device: str, gpus: int, ground: Landing) -> LayoutChange:
    """Something of the palette dropped: on a node one more GPU or another kind, else a new node.

    ``gpus`` 0 means a single GPU, which a node of its kind takes in.
    """
    if ground.node < 0 or gpus:
        return add_node(project, device, gpus or 1, ground.at, rack=ground.rack)
    there = project.cluster.nodes[ground.node]
    if there.device == device:
        return add_gpus(project, ground.node)
    return set_device(project, [ground.node], device)


def drop_text(project: Project, device: str, gpus: int, ground: Landing) -> str:
    """What `dropped` would do, in words."""
    name = device or project.cluster.nodes[-1].device
    if ground.node < 0 or gpus:
        text = tr("New node: {gpus} × {device}", gpus=gpus or 1, device=name)
        return f"{text} → {ground.rack}" if ground.rack else text
    there = project.cluster.nodes[ground.node]
    if there.device == device:
        return tr("{node}: {before} → {after} GPUs", node=there.name, before=there.gpus, after=there.gpus + 1)
    return f"{there.name}: {there.gpus} × {there.device} → {device}"
