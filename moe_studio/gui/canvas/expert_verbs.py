"""What can be done to experts: carrying them, by pointer or by keyboard, and what needs no carrying."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint

from moe_studio.document.placing import Span, experts_phrase, grabbed, hosted_experts, removal_of
from moe_studio.errors import MoeStudioError
from moe_studio.gui.canvas.expert_drag import Target
from moe_studio.gui.canvas.gpu_state import ExpertState, GpuState, in_places
from moe_studio.gui.canvas.item import qrect
from moe_studio.gui.canvas.picking import Chip

if TYPE_CHECKING:
    from moe_studio.gui.canvas.cluster_view import ClusterView


class ExpertVerbs:
    """Each is one step of the history, or a sentence that says why not."""

    def __init__(self, view: "ClusterView") -> None:
        self._view = view
        self._homes: tuple[tuple[int, ...], ...] = ()
        self._ground: tuple[int, Span] = (0, None)

    # Carrying

    def carry(self, chips: Iterable[Chip], *, is_keyboard: bool) -> bool:
        """Pick experts up; whether there were any."""
        view = self._view
        project, span = view.document.history.current, view.document.span
        try:
            grabs = [grabbed(project, expert, gpu, span) for expert, gpu in chips]
        except MoeStudioError as error:
            view.refused.emit(str(error))
            return False
        if not grabs:
            return False
        self._homes = tuple(tuple(held) for held in hosted_experts(project, span))
        self._ground = (id(project), span)
        view.carry.begin(
            view.document,
            grabs,
            [qrect(tile.box) for tile in view.gpus],
            view.theme,
            is_keyboard=is_keyboard,
            is_one_replica=view.is_one_replica,
        )
        if is_keyboard:
            view.carry.show_at(view.corner(grabs[0].gpu))
        view.show_marks()
        return True

    def aim(self, target: Target | None, at: QPoint) -> None:
        """Carry to a target, with the pointer ``at`` a point of the view."""
        if self._view.carry.aim(target, at):
            self._view.show_marks()

    def aim_by_key(self, gpu: int) -> None:
        """Carry to a GPU, by keyboard."""
        drag = self._view.drag
        assert drag is not None
        is_home = gpu == drag.grab.gpu and not drag.is_many
        target = None if is_home else Target(gpu=gpu, is_copy=self._view.carry.is_copy)
        self.aim(target, self._view.corner(gpu))

    def aim_at_node(self, node: int) -> None:
        """Carry to all GPUs of a node, by keyboard."""
        view = self._view
        at = view.mapFromScene(qrect(view.layout_shown.nodes[node]).center())
        self.aim(Target(gpu=view.first_gpu(node), node=node, is_copy=view.carry.is_copy), at)

    def toggle_copy(self) -> None:
        """Carry copies instead of the experts themselves, or these again."""
        view, drag = self._view, self._view.drag
        assert drag is not None
        view.carry.use_copies(not view.carry.is_copy)
        if drag.target is not None and drag.target.node >= 0:
            self.aim_at_node(drag.target.node)
        else:
            self.aim_by_key(drag.target.gpu if drag.target else drag.grab.gpu)
        view.show_marks()

    def end(self, *, is_drop: bool = False) -> None:
        """Put down what is carried, or put it back."""
        view = self._view
        drag = view.carry.end()
        if drag is None:
            return
        if is_drop:
            drag.move(drag.target)  # it may still be due
            if drag.refusal:
                view.refused.emit(drag.refusal)
            drag.release()
        else:
            drag.escape()
        view.show_evaluation(view.document.evaluation)

    def check_ground(self) -> None:
        """Undone or changed elsewhere meanwhile, what is carried may not be there any more: put it back."""
        document = self._view.document
        if self._view.drag is not None and self._ground != (id(document.history.current), document.span):
            self.end()

    def homes(self, gpu: int) -> tuple[int, ...]:
        """The experts that a GPU has in the committed design, while some are carried."""
        return self._homes[gpu]

    def steady(self, state: GpuState) -> GpuState:
        """While experts are carried, their own GPUs keep ghosts of them, and all others keep their places."""
        drag = self._view.drag
        if drag is None:
            return state
        experts = state.experts
        gone = [
            grab for grab in drag.grabs if grab.gpu == state.gpu and all(item.expert != grab.expert for item in experts)
        ]
        experts = (*experts, *(ExpertState(grab.expert, len(grab.layers), 0.0) for grab in gone)) if gone else experts
        experts = in_places(experts, self._homes[state.gpu])
        return state if experts is state.experts else replace(state, experts=experts)

    # Without carrying

    def swap(self) -> None:
        """Let the two selected experts change places."""
        view = self._view
        if len(view.picking.chips) != 2 or len({gpu for _, gpu in view.picking.chips}) != 2:
            view.refused.emit("Select two experts on different GPUs first; S lets them change places.")
            return
        (other, place), (expert, gpu) = view.picking.chips
        if self.carry([(expert, gpu)], is_keyboard=True):
            self.aim(Target(gpu=place, other=other), view.corner(place))
            self.end(is_drop=True)

    def remove(self) -> None:
        """Remove the selected copies."""
        view = self._view
        project, span = view.document.history.current, view.document.span
        try:
            grabs = [grabbed(project, expert, gpu, span) for expert, gpu in view.picking.chips]
            drop = removal_of(project, grabs, is_one_replica=view.is_one_replica)
            if not view.document.commit(drop.label, drop.edit):
                experts = {grab.expert for grab in grabs}
                other = "move it instead" if len(experts) == 1 else "move them instead"
                view.refused.emit(f"There is no other copy of {experts_phrase(experts)}; {other}.")
        except MoeStudioError as error:
            view.refused.emit(str(error))
