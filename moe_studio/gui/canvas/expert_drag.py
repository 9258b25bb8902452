"""Carrying experts to another GPU, by pointer or by keyboard: one gesture, many previews, one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from moe_studio.document.document import Document
from moe_studio.document.effect import Effect, effect_on
from moe_studio.document.placing import (
    Drop,
    GpuPlace,
    Grab,
    Mode,
    drop_each,
    drop_of,
    drop_set,
    gpu_place,
    scope_text,
    spread,
)
from moe_studio.document.selection import Selection
from moe_studio.errors import MoeStudioError


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where experts would go: to a GPU, or evenly onto all GPUs of a node.

    ``other`` is the expert to change places with, ``node`` the node to spread over, -1 for none.
    """

    gpu: int
    other: int = -1
    is_copy: bool = False
    node: int = -1

    @property
    def mode(self) -> Mode:
        """What a drop here means."""
        return "replicate" if self.is_copy else "swap" if self.other >= 0 else "move"


class ExpertDrag:
    """The gesture. It works only when the target changes."""

    def __init__(self, document: Document, grabs: Sequence[Grab], *, is_one_replica: bool = False) -> None:
        self.document = document
        self.grabs = tuple(grabs)
        self.is_one_replica = is_one_replica
        self.target: Target | None = None
        self.drop: Drop | None = None
        self.effect: Effect | None = None
        self.refusal = ""
        self.is_due = False
        self.held = frozenset((grab.expert, grab.gpu) for grab in grabs)

    @property
    def grab(self) -> Grab:
        """The expert under the pointer."""
        return self.grabs[0]

    @property
    def is_many(self) -> bool:
        """Whether it carries several experts."""
        return len(self.grabs) > 1

    @property
    def name(self) -> str:
        """What is carried, in short: ``E5`` or ``12 experts``."""
        return f"{len(self.grabs)} experts" if self.is_many else f"E{self.grab.expert}"

    @property
    def scope(self) -> str:
        """What it is about, in words: ``layers 0–3``."""
        return scope_text(self.document.history.current, self.grabs, is_one_replica=self.is_one_replica)

    def mean(self, target: Target) -> None:
        """Mean another target, whose preview is due later: until then the one before stays."""
        self.target, self.drop, self.effect, self.refusal, self.is_due = target, None, None, "", True

    def move(self, target: Target | None) -> bool:
        """Preview the drop on ``target``; whether anything changed."""
        if target == self.target and not self.is_due:
            return False
        self.target, self.drop, self.effect, self.refusal, self.is_due = target, None, None, "", False
        if target is None:
            self.document.cancel()
            return True
        try:
            drop = self.drop_on(target)
            self.document.preview(drop.edit)
            # Of the very project that is previewed: making it anew would evaluate it twice.
            self.effect = effect_on(target.gpu, self.document.committed_evaluation, self.document.evaluation)
            self.drop = drop
        except MoeStudioError as error:
            self.refusal = str(error)
            self.document.cancel()
        return True

    def release(self) -> None:
        """Put the experts down: one step of the history, or nothing."""
        if self.drop is None or self.target is None:
            self.document.cancel()
        elif self.document.commit(self.drop.label, self.drop.edit):
            self.document.select(Selection(kind="expert", expert=self.grab.expert, gpu=self.target.gpu))

    def escape(self) -> None:
        """Put the experts back."""
        self.document.cancel()

    def drop_on(self, target: Target) -> Drop:
        """What dropping on ``target`` would do."""
        committed = self.document.history.current
        if target.node >= 0:
            pairs = spread(committed, self.grabs, self._gpus_of(target.node))
            return drop_each(committed, pairs, is_copy=target.is_copy, is_one_replica=self.is_one_replica)
        if self.is_many:
            return drop_set(
                committed, self.grabs, target.gpu, is_copy=target.is_copy, is_one_replica=self.is_one_replica
            )
        return drop_of(
            committed,
            self.grab,
            target.gpu,
            mode=target.mode,
            other=target.other,
            is_one_replica=self.is_one_replica,
        )

    @cached_property
    def shut(self) -> frozenset[int]:
        """GPUs that can take nothing of what is carried: of other stages, or of replicas that stay as they are."""
        project = self.document.history.current
        homes = {(home.stage, self._replica(home)) for home in (gpu_place(project, grab.gpu) for grab in self.grabs)}
        places = enumerate(gpu_place(project, gpu) for gpu in range(project.cluster.gpu_count))
        return frozenset(gpu for gpu, place in places if (place.stage, self._replica(place)) not in homes)

    def _replica(self, place: GpuPlace) -> int:
        """The replica that matters to what is carried, -1 where all change alike."""
        return place.replica if self.is_one_replica else -1

    def candidates(self) -> list[int]:
        """GPUs on which a drop would do something: of the stage, in the replica of the expert."""
        project = self.document.history.current
        source = gpu_place(project, self.grab.gpu)
        first = self.grab.gpu - source.position
        gpus = range(first, first + project.width)
        if self.is_many:
            return list(gpus)
        return [gpu for gpu in gpus if gpu_place(project, gpu).slot != source.slot]

    def slot_twins(self, gpu: int) -> list[int]:
        """GPUs on which a drop is the very same edit: of the same slot, in every replica that it reaches."""
        project = self.document.history.current
        place, etp = gpu_place(project, gpu), project.parallel.etp
        replicas = (place.replica,) if self.is_one_replica else range(project.parallel.dp)
        firsts = [(replica * project.parallel.pp + place.stage) * project.width for replica in replicas]
        return [first + place.slot * etp + index for first in firsts for index in range(etp)]

    def _gpus_of(self, node: int) -> list[int]:
        nodes = self.document.history.current.cluster.nodes
        first = sum(item.gpus for item in nodes[:node])
        return list(range(first, first + nodes[node].gpus))
