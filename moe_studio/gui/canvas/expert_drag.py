"""Carrying an expert to another GPU, by pointer or by keyboard: one gesture, many previews, one commit."""

from dataclasses import dataclass

from moe_studio.document.document import Document
from moe_studio.document.effect import Effect
from moe_studio.document.placing import Drop, Grab, Mode, drop_of, gpu_place
from moe_studio.document.selection import Selection
from moe_studio.errors import MoeStudioError


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the expert would go; ``other`` is the expert to change places with, -1 for none."""

    gpu: int
    other: int = -1
    is_copy: bool = False

    @property
    def mode(self) -> Mode:
        """What a drop here means."""
        return "replicate" if self.is_copy else "swap" if self.other >= 0 else "move"


class ExpertDrag:
    """The gesture. It works only when the target changes."""

    def __init__(self, document: Document, grab: Grab) -> None:
        self.document = document
        self.grab = grab
        self.target: Target | None = None
        self.drop: Drop | None = None
        self.effect: Effect | None = None
        self.refusal = ""

    def move(self, target: Target | None) -> bool:
        """Preview the drop on ``target``; whether anything changed."""
        if target == self.target:
            return False
        self.target, self.drop, self.effect, self.refusal = target, None, None, ""
        if target is None:
            self.document.cancel()
            return True
        try:
            drop = self.drop_on(target)
            self.document.preview(drop.edit)
            self.effect = self.document.effect(drop.edit, target.gpu)
            self.drop = drop
        except MoeStudioError as error:
            self.refusal = str(error)
            self.document.cancel()
        return True

    def release(self) -> None:
        """Put the expert down: one step of the history, or nothing."""
        if self.drop is None or self.target is None:
            self.document.cancel()
        elif self.document.commit(self.drop.label, self.drop.edit):
            self.document.select(Selection(kind="expert", expert=self.grab.expert, gpu=self.target.gpu))

    def escape(self) -> None:
        """Put the expert back."""
        self.document.cancel()

    def drop_on(self, target: Target) -> Drop:
        """What dropping on ``target`` would do."""
        committed = self.document.history.current
        return drop_of(committed, self.grab, target.gpu, mode=target.mode, other=target.other)

    def candidates(self) -> list[int]:
        """One GPU for each slot of the stage but the expert's own: a drop on any GPU of a slot means the same."""
        project = self.document.history.current
        source = gpu_place(project, self.grab.gpu)
        first = self.grab.gpu - source.position
        gpus = range(first, first + project.width, project.parallel.etp)
        return [gpu for gpu in gpus if gpu_place(project, gpu).slot != source.slot]
