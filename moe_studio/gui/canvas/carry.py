"""Carrying experts on screen: the card at the pointer, the thread to where they come from, what drops promise."""

import time
from collections.abc import Hashable, Sequence

from PySide6.QtCore import QLineF, QObject, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem, QGraphicsView

from moe_studio.document.alike import drop_keys
from moe_studio.document.document import Document
from moe_studio.document.effect import Effect
from moe_studio.document.placing import Grab
from moe_studio.gui.canvas.carried_chip import CarriedChip
from moe_studio.gui.canvas.drag_card import DragCard, promise_of
from moe_studio.gui.canvas.expert_drag import ExpertDrag, Target
from moe_studio.gui.canvas.tile import Promise
from moe_studio.gui.canvas.what_if import WhatIfs
from moe_studio.gui.theme import Theme

SLOW_S = 0.1
"""A preview that takes longer waits until the pointer has rested for as long, but not longer than `MOST_REST_S`."""

MOST_REST_S = 0.3


class Carry(QObject):
    """One gesture at a time; ``drag`` is None in between.

    Where a preview takes long, it waits until the pointer rests, so that what is carried never lags behind.

    Signals:
        previewed: the preview that waited for the pointer to rest is there.
        promised: some GPUs can say what a drop on them would do; carries their numbers.
    """

    previewed = Signal()
    promised = Signal(list)

    def __init__(self, view: QGraphicsView) -> None:
        super().__init__(view)
        self._view = view
        self.drag: ExpertDrag | None = None
        self.is_keyboard = False
        self.typed = ""
        self.is_copy = False
        self._promises: dict[bool, dict[int, Promise]] = {False: {}, True: {}}
        self._candidates: list[int] = []
        self._keys: dict[int, Hashable] = {}
        self.card = DragCard(view.viewport())
        self.what_ifs = WhatIfs(self)
        self.what_ifs.found.connect(self._on_found)
        self._boxes: Sequence[QRectF] = ()
        self._at, self._cost_s = QPoint(), 0.0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._on_rest)
        self._thread, self._chip = QGraphicsPathItem(), CarriedChip()
        for item in (self._thread, self._chip):
            item.setZValue(5)
            view.scene().addItem(item)
            item.hide()

    def begin(
        self,
        document: Document,
        grabs: Sequence[Grab],
        boxes: Sequence[QRectF],
        theme: Theme,
        *,
        is_keyboard: bool,
        is_one_replica: bool,
    ) -> ExpertDrag:
        """Pick experts up; ``boxes`` are where GPUs stand in the scene."""
        self.drag = ExpertDrag(document, grabs, is_one_replica=is_one_replica)
        self.is_keyboard, self.typed = is_keyboard, ""
        self._promises, self._boxes, self.is_copy = {False: {}, True: {}}, boxes, False
        candidates = self._candidates = self.drag.candidates()
        port = self._view.mapToScene(self._view.viewport().rect()).boundingRect()
        origin = boxes[self.drag.grab.gpu].center()
        candidates.sort(key=lambda gpu: (not port.intersects(boxes[gpu]), QLineF(origin, boxes[gpu].center()).length()))
        self._keys = dict(drop_keys(document.history.current, grabs, candidates))
        self.what_ifs.start(self.drag, candidates, self._keys)
        pen = QPen(theme.color("accent"), 1.6, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        self._thread.setPen(pen)
        self._chip.show_name(self.drag.name, theme)
        return self.drag

    @property
    def promises(self) -> dict[int, Promise]:
        """What drops on GPUs would do, of moves or of copies."""
        return self._promises[self.is_copy]

    def use_copies(self, is_copy: bool) -> bool:
        """Promise what copies would do, or moves; whether that is another thing than before."""
        if self.drag is None or is_copy == self.is_copy:
            return False
        self.is_copy = is_copy
        rest = [gpu for gpu in self._candidates if gpu not in self.promises]
        self.what_ifs.start(self.drag, rest, self._keys, is_copy=is_copy)
        return True

    def aim(self, target: Target | None, at: QPoint) -> bool:
        """Mean another target, with the pointer ``at`` a point of the view; whether anything changed."""
        assert self.drag is not None
        self.what_ifs.hold()
        changed = target != self.drag.target
        if changed and target is not None and self._cost_s > SLOW_S and not self.is_keyboard:
            self.drag.mean(target)
            self._rest.start(int(1e3 * min(self._cost_s, MOST_REST_S)))
        elif changed:
            self._move(self.drag, target)
        self.show_at(at)
        return changed

    def _move(self, drag: ExpertDrag, target: Target | None) -> None:
        """Preview the drop on a target, and note how long that takes."""
        began = time.thread_time()
        if drag.move(target) and target is not None:
            self._cost_s = time.thread_time() - began
            self._promise(drag, target)

    def _promise(self, drag: ExpertDrag, target: Target) -> None:
        """What is known of a target goes for all that are like it; its neighbours are next."""
        is_plain = target.other < 0 and target.node < 0 and target.is_copy == self.is_copy
        if drag.effect is not None and is_plain:
            self.what_ifs.settle(target.gpu)
            self._on_found(self.what_ifs.alike(target.gpu), drag.effect)
        here = self._boxes[target.gpu].center()
        near = sorted(range(len(self._boxes)), key=lambda gpu: QLineF(here, self._boxes[gpu].center()).length())
        self.what_ifs.prefer(near[:16])

    def _on_rest(self) -> None:
        if self.drag is not None and self.drag.is_due:
            self._move(self.drag, self.drag.target)
            self.show_at(self._at)
            self.previewed.emit()

    def show_at(self, at: QPoint) -> None:
        """Put the card and the end of the thread beside a point of the view."""
        assert self.drag is not None
        self._at = at
        self.card.show_drag(self.drag, at, is_keyboard=self.is_keyboard)
        start, end = self._boxes[self.drag.grab.gpu].center(), self._view.mapToScene(at)
        path = QPainterPath(start)
        path.quadTo((start + end) / 2 + QPointF(0, -0.15 * QLineF(start, end).length()), end)
        self._thread.setPath(path)
        self._thread.show()
        self._chip.setPos(end)
        self._chip.show()

    def end(self) -> ExpertDrag | None:
        """Stop; the gesture that was."""
        drag, self.drag = self.drag, None
        self.what_ifs.stop()
        self._rest.stop()
        self.card.hide()
        self._thread.hide()
        self._chip.hide()
        self._promises = {False: {}, True: {}}
        return drag

    def _on_found(self, gpus: Sequence[int], effect: Effect) -> None:
        if self.drag is None:
            return
        promise = promise_of(effect)
        twins = [twin for gpu in gpus for twin in self.drag.slot_twins(gpu)]
        self.promises.update(dict.fromkeys(twins, promise))
        self.promised.emit(twins)
