"""What a drop on each other GPU would do, worked out bit by bit while nothing else is to be done."""

from collections.abc import Sequence

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from moe_studio.errors import MoeStudioError
from moe_studio.gui.canvas.expert_drag import ExpertDrag, Target

SLICE_MS = 5
PAUSE_MS = 12


class WhatIfs(QObject):
    """Evaluates the candidates of a gesture a few at a time, so that the pointer never waits.

    Signals:
        found: a candidate was evaluated; carries its GPU and its `Effect`.
    """

    found = Signal(int, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._on_timeout)
        self._drag: ExpertDrag | None = None
        self._waiting: list[int] = []

    def start(self, drag: ExpertDrag, gpus: Sequence[int]) -> None:
        """Evaluate drops of ``drag`` on ``gpus``, in this order."""
        self._drag, self._waiting = drag, list(gpus)
        self._timer.start()

    def stop(self) -> None:
        """Leave the rest undone."""
        self._timer.stop()
        self._drag = None

    def _on_timeout(self) -> None:
        clock = QElapsedTimer()
        clock.start()
        while self._drag is not None and self._waiting and clock.elapsed() < SLICE_MS:
            gpu = self._waiting.pop(0)
            try:
                effect = self._drag.document.effect(self._drag.drop_on(Target(gpu=gpu)).edit, gpu)
            except MoeStudioError:
                continue
            self.found.emit(gpu, effect)
        if not self._waiting:
            self._timer.stop()
