"""The canvas by keyboard: everything that the pointer can do."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from moe_studio.document.selection import Selection
from moe_studio.gui.canvas.box import neighbour
from moe_studio.gui.canvas.expert_drag import Target

if TYPE_CHECKING:
    from moe_studio.gui.canvas.cluster_view import ClusterView

ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NUDGE = 0.5


class CanvasKeys:
    """Keys of the canvas: selecting, carrying, nudging."""

    def __init__(self, view: "ClusterView") -> None:
        self._view = view

    def press(self, event: QKeyEvent) -> bool:
        """Do what a key means; whether it means anything."""
        key, view = Qt.Key(event.key()), self._view
        if view.drag is not None:
            self._carry(key, event)
            return True
        if key in ARROWS:
            self._arrow(key, event)
            return True
        if event.modifiers() & CONTROL:
            return False
        act = self._acts().get(key)
        if act is None:
            return False
        act()
        return True

    def _acts(self) -> dict[Qt.Key, Callable[[], object]]:
        view = self._view
        return {
            Qt.Key.Key_G: self._grab,
            Qt.Key.Key_S: view.experts.swap,
            Qt.Key.Key_Return: self._enter,
            Qt.Key.Key_Enter: self._enter,
            Qt.Key.Key_Backspace: self._leave,
            Qt.Key.Key_F: view.frame_selection,
            Qt.Key.Key_Home: view.fit,
            Qt.Key.Key_Escape: self._escape,
        }

    # Carrying

    def _grab(self) -> None:
        """Pick the selected experts up, where they are selected or where they are first; of a GPU all."""
        view, chosen = self._view, self._view.document.selection
        if view.picking.chips:
            # An expert selected without a GPU stands for all its copies; it is carried from the first.
            chips = view.picking.chips if chosen.gpu >= 0 or len(view.document.selected) > 1 else view.picking.chips[:1]
        else:
            chips = tuple(chip for gpu in view.picking.gpus for chip in view.picking.chips_of(gpu))
        if chips:
            view.experts.carry(chips, is_keyboard=True)
        else:
            view.refused.emit("Select an expert, or a GPU that holds some, first; G picks them up.")

    def _carry(self, key: Qt.Key, event: QKeyEvent) -> None:
        view, drag = self._view, self._view.drag
        assert drag is not None
        at = drag.target.gpu if drag.target else drag.grab.gpu
        if key == Qt.Key.Key_Escape:
            view.escape()
        elif not view.carry.is_keyboard:
            if key == Qt.Key.Key_Control:
                view.pointer.aim_again(CONTROL)
        elif key in ENTER:
            if event.modifiers() & CONTROL and drag.target is not None:
                drag.move(replace(drag.target, other=-1, is_copy=True))
            view.experts.end(is_drop=True)
        elif key in ARROWS:
            view.carry.typed = ""
            if drag.target is not None and drag.target.node >= 0:
                nodes = view.layout_shown.nodes
                view.experts.aim_at_node(neighbour(nodes, drag.target.node, *ARROWS[key], range(len(nodes))))
            else:
                view.experts.aim_by_key(neighbour(view.layout_shown.gpus, at, *ARROWS[key], range(len(view.gpus))))
        elif key == Qt.Key.Key_C:
            view.experts.toggle_copy()
        elif key == Qt.Key.Key_N and drag.is_many:
            self._toggle_node(at)
        elif key == Qt.Key.Key_S and drag.target is not None:
            if not drag.is_many and not drag.target.is_copy:  # as with the pointer, copies change places with nothing
                self._next_partner(drag.target)
        elif event.text().isdigit():
            self._type(event.text())

    def _toggle_node(self, gpu: int) -> None:
        """Aim at the whole node of a GPU, to spread over it; or at the GPU again."""
        view, drag = self._view, self._view.drag
        assert drag is not None
        if drag.target is not None and drag.target.node >= 0:
            view.experts.aim_by_key(gpu)
        else:
            view.experts.aim_at_node(view.document.project.cluster.node_of_gpu()[gpu])

    def _type(self, digit: str) -> None:
        view = self._view
        typed = view.carry.typed + digit
        view.carry.typed = typed if int(typed) < len(view.gpus) else digit
        if int(view.carry.typed) < len(view.gpus):
            view.experts.aim_by_key(int(view.carry.typed))

    def _next_partner(self, target: Target) -> None:
        """Swap with the next expert of the GPU aimed at; after the last, move again."""
        view, drag = self._view, self._view.drag
        assert drag is not None
        held = view.experts.homes(target.gpu)
        partners = [-1, *(expert for expert in held if expert != drag.grab.expert)]
        other = partners[(partners.index(target.other) + 1) % len(partners)] if target.other in partners else -1
        view.experts.aim(Target(gpu=target.gpu, other=other), view.corner(target.gpu))

    # Selecting

    def _arrow(self, key: Qt.Key, event: QKeyEvent) -> None:
        view, (dx, dy), keys = self._view, ARROWS[key], event.modifiers()
        if keys & CONTROL:
            if view.picking.nodes:
                step = 1.0 if keys & SHIFT else NUDGE
                view.verbs.nudge((dx * step, dy * step))
        elif view.picking.chips and (dx or keys & SHIFT):
            self._step_chip(dx, dy, is_extending=bool(keys & SHIFT))
        elif view.picking.nodes:
            self._step_node(dx, dy, is_extending=bool(keys & SHIFT))
        else:
            self._step_gpu(dx, dy, is_extending=bool(keys & SHIFT))

    def _step_chip(self, dx: int, dy: int, *, is_extending: bool) -> None:
        """The next expert; past the last one of a GPU, and upwards and downwards, that of the next GPU."""
        view = self._view
        expert, gpu = view.picking.chips[0]
        held = [chip.expert for chip in view.gpus[gpu].state.experts]
        index = held.index(expert) + dx
        if dy or (is_extending and not 0 <= index < len(held)):
            hosts = [number for number, tile in enumerate(view.gpus) if tile.state.experts]
            gpu = neighbour(view.layout_shown.gpus, gpu, dx, dy, hosts)
            held = [chip.expert for chip in view.gpus[gpu].state.experts]
            index = index if dy else 0 if dx > 0 else len(held) - 1
        chip = held[max(0, min(len(held) - 1, index))], gpu
        self._reveal(gpu, chip[0])
        view.picking.pick([chip, *(item for item in view.picking.chips if item != chip)] if is_extending else [chip])

    def _reveal(self, gpu: int, expert: int) -> None:
        """Show all experts of a GPU when this one would be hidden."""
        tile = self._view.gpus[gpu]
        if tile.expert_rect(expert) is None:
            self._view.expand(gpu)

    def _step_gpu(self, dx: int, dy: int, *, is_extending: bool) -> None:
        view, chosen = self._view, self._view.document.selection
        boxes = view.layout_shown.gpus
        gpu = neighbour(boxes, chosen.gpu, dx, dy, range(len(boxes))) if 0 <= chosen.gpu < len(boxes) else 0
        kept = [item for item in view.picking.gpus if item != gpu] if is_extending else []
        view.document.select_all([Selection(kind="gpu", gpu=item) for item in (gpu, *kept)])

    def _step_node(self, dx: int, dy: int, *, is_extending: bool) -> None:
        view = self._view
        boxes = view.layout_shown.nodes
        node = neighbour(boxes, view.picking.nodes[0], dx, dy, range(len(boxes)))
        kept = [item for item in view.picking.nodes if item != node] if is_extending else []
        view.picking.pick_nodes([node, *kept])

    def _enter(self) -> None:
        """From a node to its first GPU, from a GPU to its first expert."""
        view, chosen = self._view, self._view.document.selection
        if view.picking.gpus:
            if chips := view.picking.chips_of(view.picking.gpus[0]):
                view.picking.pick(chips[:1])
        elif view.picking.nodes:
            nodes = view.document.project.cluster.nodes
            first = sum(node.gpus for node in nodes[: view.picking.nodes[0]])
            view.document.select(Selection(kind="gpu", gpu=first))
        elif chosen.kind in ("", "design"):
            view.picking.pick_nodes([0])

    def _leave(self) -> None:
        """From an expert to its GPU, from a GPU to its node, from a node to the whole."""
        view, chosen = self._view, self._view.document.selection
        if view.picking.chips:
            view.expand(-1)
            view.document.select(Selection(kind="gpu", gpu=view.picking.chips[0][1]))
        elif view.picking.gpus:
            view.picking.pick_nodes([view.document.project.cluster.node_of_gpu()[view.picking.gpus[0]]])
        elif chosen.kind == "node":
            view.document.select(Selection(kind="design"))

    def _escape(self) -> None:
        if not self._view.escape():
            self._view.document.select(Selection(kind="design"))
