"""What a drop on each other GPU would do, worked out bit by bit while nothing else is to be done."""

from collections.abc import Hashable, Mapping, Sequence

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from moe_studio.errors import MoeStudioError
from moe_studio.gui.canvas.expert_drag import ExpertDrag, Target

SLICE_MS = 8
PAUSE_MS = 10

SLOW_MS, REST_MS = 40.0, 250
"""Evaluations that take longer wait until the pointer has rested for so long."""


class WhatIfs(QObject):
    """Evaluates the candidates of a gesture a few at a time, so that the pointer never waits.

    Signals:
        found: a drop was evaluated; carries the GPUs on which it means the same, and its `Effect`.
    """

    found = Signal(list, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._on_timeout)
        self._drag: ExpertDrag | None = None
        self._is_copy = False
        self._waiting: list[Hashable] = []
        self._alike: dict[Hashable, list[int]] = {}
        self._key_of: Mapping[int, Hashable] = {}
        self._cost_ms = 4.0
        self.evaluations = 0
        self.longest_ms = 0.0

    def start(
        self, drag: ExpertDrag, order: Sequence[int], keys: Mapping[int, Hashable], *, is_copy: bool = False
    ) -> None:
        """Evaluate drops of ``drag`` on the GPUs of ``order``; those with equal keys need only one evaluation."""
        self._drag, self._key_of, self._is_copy = drag, keys, is_copy
        self._alike = {}
        for gpu in order:
            self._alike.setdefault(keys[gpu], []).append(gpu)
        self._waiting = list(self._alike)
        self.evaluations, self.longest_ms = 0, 0.0
        self._timer.start(PAUSE_MS)

    def hold(self) -> None:
        """The pointer moves: what takes long waits until it rests."""
        if self._cost_ms > SLOW_MS and self._timer.isActive():
            self._timer.start(REST_MS)

    def prefer(self, gpus: Sequence[int]) -> None:
        """Evaluate these first: they are where the pointer is now."""
        wanted = [key for key in dict.fromkeys(self._key_of.get(gpu) for gpu in gpus) if key in self._waiting]
        self._waiting = [*wanted, *(key for key in self._waiting if key not in wanted)]

    def alike(self, gpu: int) -> list[int]:
        """GPUs on which a drop means the same as on ``gpu``."""
        return self._alike.get(self._key_of.get(gpu), [gpu])

    def settle(self, gpu: int) -> None:
        """The drop on ``gpu`` has been evaluated otherwise."""
        key = self._key_of.get(gpu)
        if key in self._waiting:
            self._waiting.remove(key)

    def stop(self) -> None:
        """Leave the rest undone."""
        self._timer.stop()
        self._drag = None

    @property
    def is_done(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def _on_timeout(self) -> None:
        self._timer.setInterval(PAUSE_MS)
        clock = QElapsedTimer()
        clock.start()
        while self._drag is not None and self._waiting:
            began = clock.nsecsElapsed()
            self._evaluate(self._drag, self._waiting.pop(0))
            self._cost_ms = max(0.8 * self._cost_ms, (clock.nsecsElapsed() - began) / 1e6)
            if clock.nsecsElapsed() / 1e6 + self._cost_ms > SLICE_MS:
                break
        self.longest_ms = max(self.longest_ms, clock.nsecsElapsed() / 1e6)
        if not self._waiting:
            self._timer.stop()

    def _evaluate(self, drag: ExpertDrag, key: Hashable) -> None:
        gpus = self._alike[key]
        self.evaluations += 1
        try:
            effect = drag.document.effect(drag.drop_on(Target(gpu=gpus[0], is_copy=self._is_copy)).edit, gpus[0])
        except MoeStudioError:
            return
        self.found.emit(gpus, effect)
