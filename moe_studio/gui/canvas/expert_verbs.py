"""What can be done to the experts that are selected, without carrying them."""

from typing import TYPE_CHECKING

from moe_studio.document.placing import experts_phrase, grabbed, removal_of
from moe_studio.errors import MoeStudioError
from moe_studio.gui.canvas.expert_drag import Target

if TYPE_CHECKING:
    from moe_studio.gui.canvas.cluster_view import ClusterView


class ExpertVerbs:
    """Each is one step of the history, or a sentence that says why not."""

    def __init__(self, view: "ClusterView") -> None:
        self._view = view

    def swap(self) -> None:
        """Let the two selected experts change places."""
        view = self._view
        if len(view.picked) != 2:
            view.refused.emit("Select two experts on different GPUs first; S lets them change places.")
            return
        (other, place), (expert, gpu) = view.picked
        if view.begin_carry([(expert, gpu)], is_keyboard=True):
            view.aim(Target(gpu=place, other=other), view.corner(place))
            view.end_carry(is_drop=True)

    def remove(self) -> None:
        """Remove the selected copies."""
        view = self._view
        project, span = view.document.history.current, view.document.span
        try:
            grabs = [grabbed(project, expert, gpu, span) for expert, gpu in view.picked]
            drop = removal_of(project, grabs, is_one_replica=view.is_one_replica)
            if not view.document.commit(drop.label, drop.edit):
                what = experts_phrase({grab.expert for grab in grabs})
                view.refused.emit(f"There is no other copy of {what}; move it instead.")
        except MoeStudioError as error:
            view.refused.emit(str(error))
