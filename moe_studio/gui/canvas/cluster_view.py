"""The cluster canvas: nodes, GPUs, experts, and carrying experts about."""

from dataclasses import replace

from PySide6.QtCore import QLineF, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainterPath, QPen, QResizeEvent
from PySide6.QtWidgets import QApplication, QGraphicsPathItem, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.effect import Effect
from moe_studio.document.placing import gpu_place, grabbed, hosted_experts
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.errors import MoeStudioError
from moe_studio.gui.canvas.drag_card import DragCard, latency_tone
from moe_studio.gui.canvas.expert_drag import ExpertDrag, Target
from moe_studio.gui.canvas.gpu_state import ExpertState, GpuState, gpu_states, in_places
from moe_studio.gui.canvas.items import ChipItem, GpuItem, NodeItem
from moe_studio.gui.canvas.layout import ClusterLayout, chip_box, cluster_layout, neighbour
from moe_studio.gui.canvas.what_if import WhatIfs
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.figure import change_text
from moe_studio.gui.widgets.zoom import ZoomView
from moe_studio.project.cluster import Cluster

ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class ClusterView(ZoomView):
    """Shows where experts live, and lets them be moved.

    Signals:
        refused: something cannot be done; carries the sentence that says why.
    """

    refused = Signal(str)

    def __init__(self, document: Document, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__()
        self.setParent(parent)
        self.setAccessibleName("Cluster")
        self.setAccessibleDescription("GPUs and their experts. Arrows select, Enter goes to experts, G picks one up.")
        self.document = document
        self.theme = theme
        self.drag: ExpertDrag | None = None
        self.card = DragCard(self.viewport())
        self.what_ifs = WhatIfs(self)
        self.what_ifs.found.connect(self._on_found)
        self.nodes: list[NodeItem] = []
        self.gpus: list[GpuItem] = []
        self._layout: ClusterLayout | None = None
        self._layout_key: tuple[Cluster, int, float] | None = None
        self._effects: dict[int, Effect] = {}
        self._pressed: tuple[QPoint, ChipItem] | None = None
        self._typed = ""
        self._homes: tuple[tuple[int, ...], ...] = ()
        self._is_keyboard = False
        self._thread = QGraphicsPathItem()
        self._thread.setZValue(5)
        self.scene().addItem(self._thread)
        self._thread.hide()

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self._end_drag()
        self.document = document
        self._layout_key = None
        self.is_fitted = True

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        for node in self.nodes:
            node.theme = theme
            node.update()
        for gpu in self.gpus:
            gpu.set_theme(theme)

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show ``evaluation``, changing only what differs."""
        states = gpu_states(evaluation, self.document.layer)
        self._arrange(evaluation, max(len(state.experts) for state in states))
        assert self._layout is not None
        for item, box, state in zip(self.gpus, self._layout.gpus, states, strict=True):
            item.show_state(box, self._steady(state), self._layout.chip_rows)
        self._show_nodes(evaluation)
        self._show_marks()

    def show_selection(self) -> None:
        """Show what is selected."""
        self._show_nodes(self.document.evaluation)
        self._show_marks()

    def _steady(self, state: GpuState) -> GpuState:
        """While an expert is carried, its own GPU keeps a ghost of it, and all others keep their places."""
        if self.drag is None:
            return state
        grab, experts = self.drag.grab, state.experts
        if state.gpu == grab.gpu and all(item.expert != grab.expert for item in experts):
            experts = (*experts, ExpertState(expert=grab.expert, layers=len(grab.layers), is_partial=True))
        return replace(state, experts=in_places(experts, self._homes[state.gpu]))

    # Arrangement

    def _arrange(self, evaluation: Evaluation, most_experts: int) -> None:
        """Find places for everything; while something is carried they stay as they are."""
        cluster = evaluation.project.cluster
        port = self.viewport().size()
        aspect = round(port.width() / max(1, port.height()), 1)
        known = self._layout_key
        if known is not None and known[0] is cluster:
            if self.drag is not None or not self.is_fitted:
                return
            most_experts = max(most_experts, known[1])
        key = (cluster, most_experts, aspect)
        if key == known:
            return
        self._layout_key = key
        self._layout = cluster_layout(cluster, most_experts=most_experts, aspect=aspect)
        self._make_items(len(self._layout.nodes), len(self._layout.gpus))
        self.setSceneRect(QRectF(-400, -400, self._layout.width + 800, self._layout.height + 800))
        self.fit()

    def _make_items(self, nodes: int, gpus: int) -> None:
        while len(self.nodes) < nodes:
            self.nodes.append(NodeItem(len(self.nodes), self.theme))
            self.scene().addItem(self.nodes[-1])
        while len(self.gpus) < gpus:
            self.gpus.append(GpuItem(self.theme))
            self.scene().addItem(self.gpus[-1])
        for gone in (*self.nodes[nodes:], *self.gpus[gpus:]):
            self.scene().removeItem(gone)
        del self.nodes[nodes:], self.gpus[gpus:]

    @override
    def whole(self) -> QRectF:
        if self._layout is None:
            return QRectF()
        return QRectF(-8, -8, self._layout.width + 16, self._layout.height + 16)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._layout_key is not None and self.is_fitted and self.drag is None:
            self.show_evaluation(self.document.evaluation)
        super().resizeEvent(event)

    def frame_selection(self) -> None:
        """Bring what is selected into view, or everything when nothing is."""
        chosen = self.document.selection
        if chosen.gpu >= 0:
            self.frame(self.gpus[chosen.gpu].sceneBoundingRect())
        elif chosen.node >= 0:
            self.frame(self.nodes[chosen.node].sceneBoundingRect())
        else:
            self.fit()

    def _show_nodes(self, evaluation: Evaluation) -> None:
        assert self._layout is not None
        cluster, chosen = evaluation.project.cluster, self.document.selection
        for item, box, node in zip(self.nodes, self._layout.nodes, cluster.nodes, strict=True):
            device = cluster.device(node.device)
            detail = f"{node.gpus} × {device.title or node.device} · {cluster.links.intra.gb_s:g} GB/s"
            is_selected = chosen.kind == "node" and chosen.node == item.index
            item.show_node(box, node.name or f"node {item.index}", detail, is_selected=is_selected)

    def _show_marks(self) -> None:
        chosen, drag = self.document.selection, self.drag
        target = drag.target if drag else None
        for number, item in enumerate(self.gpus):
            mark = "selected" if chosen.kind in ("gpu", "operator") and chosen.gpu == number else ""
            if target is not None and target.gpu == number and drag is not None:
                mark = "target" if drag.drop else "refused"
            item.show_marks(mark, self._effect_text(number))
            for chip in item.chips:
                chip.show_mark(self._chip_mark(chip, number))

    def _chip_mark(self, chip: ChipItem, gpu: int) -> str:
        chosen, drag = self.document.selection, self.drag
        if drag is not None and chip.expert == drag.grab.expert:
            return "moved" if drag.target is not None and drag.target.gpu == gpu else "ghost"
        if drag is None and chosen.kind == "expert" and chip.expert == chosen.expert and chosen.gpu in (-1, gpu):
            return "selected"
        return ""

    def _effect_text(self, gpu: int) -> tuple[str, str]:
        if self.drag is None:
            return "", ""
        effect = self._effects.get(self._slot_key(gpu))
        if effect is None:
            return "", ""
        text = change_text(effect.latency_s, effect.before_s)
        return text, latency_tone(effect) or "muted"

    def _slot_key(self, gpu: int) -> int:
        """GPUs on which a drop means the same share a key."""
        place = gpu_place(self.document.history.current, gpu)
        return place.stage * 1_000_000 + place.slot

    # Carrying an expert

    def _begin_drag(self, expert: int, gpu: int, *, is_keyboard: bool) -> None:
        try:
            grab = grabbed(self.document.project, expert, gpu, self.document.layer)
        except MoeStudioError as error:
            self.refused.emit(str(error))
            return
        self.drag = ExpertDrag(self.document, grab)
        self._is_keyboard, self._typed = is_keyboard, ""
        self._effects = {}
        self._homes = tuple(tuple(held) for held in hosted_experts(self.document.history.current, self.document.layer))
        order = self.drag.candidates()
        origin = self.gpus[gpu].pos()
        order.sort(key=lambda other: QLineF(origin, self.gpus[other].pos()).length())
        self.what_ifs.start(self.drag, order)
        self._pen_thread()
        if is_keyboard:
            self._show_card(self._corner(gpu))
        self._show_marks()

    def _aim(self, target: Target | None, at: QPoint) -> None:
        assert self.drag is not None
        if self.drag.move(target):
            if target is not None and self.drag.effect is not None and target.other < 0 and not target.is_copy:
                self._effects[self._slot_key(target.gpu)] = self.drag.effect
            self._show_marks()
        self._show_card(at)

    def _show_card(self, at: QPoint) -> None:
        assert self.drag is not None
        self.card.show_drag(self.drag, at)
        start = self.gpus[self.drag.grab.gpu].sceneBoundingRect().center()
        end = self.mapToScene(at)
        path = QPainterPath(start)
        lift = QPointF(0, -0.15 * QLineF(start, end).length())
        path.quadTo((start + end) / 2 + lift, end)
        self._thread.setPath(path)
        self._thread.show()

    def _pen_thread(self) -> None:
        pen = QPen(self.theme.color("accent"), 1.6, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        self._thread.setPen(pen)

    def _end_drag(self, *, is_drop: bool = False) -> None:
        drag, self.drag, self._pressed = self.drag, None, None
        self.what_ifs.stop()
        self.card.hide()
        self._thread.hide()
        self._effects = {}
        if drag is None:
            return
        if is_drop:
            if drag.refusal:
                self.refused.emit(drag.refusal)
            drag.release()
        else:
            drag.escape()
        self.show_evaluation(self.document.evaluation)

    def _on_found(self, gpu: int, effect: Effect) -> None:
        self._effects[self._slot_key(gpu)] = effect
        for number, item in enumerate(self.gpus):
            if self._slot_key(number) == self._slot_key(gpu):
                item.show_marks(item.mark, self._effect_text(number))

    def _target_at(self, event: QMouseEvent) -> Target | None:
        """The drop that the pointer is over; its own place is none."""
        assert self.drag is not None
        is_copy = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        tile = next((i for i in self.items(event.position().toPoint()) if isinstance(i, GpuItem)), None)
        if tile is None or tile.state is None or tile.state.gpu == self.drag.grab.gpu:
            return None
        gpu = tile.state.gpu
        other = self._expert_at(gpu, tile.mapFromScene(self.scene_point(event)))
        is_swap = other not in (-1, self.drag.grab.expert) and not is_copy
        return Target(gpu=gpu, other=other if is_swap else -1, is_copy=is_copy)

    def _expert_at(self, gpu: int, point: QPointF) -> int:
        """The expert that the committed design has at a point of a tile, -1 for none."""
        for index, expert in enumerate(self._homes[gpu]):
            box = chip_box(index)
            if index < len(self.gpus[gpu].chips) and QRectF(box.x, box.y, box.width, box.height).contains(point):
                return expert
        return -1

    # Pointer

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self.begins_pan(event) or event.button() is not Qt.MouseButton.LeftButton or self.drag is not None:
            return
        item = next((i for i in self.items(event.position().toPoint()) if i is not self._thread), None)
        if isinstance(item, ChipItem):
            self._pressed = (event.position().toPoint(), item)
            self.document.select(Selection(kind="expert", expert=item.expert, gpu=item.gpu))
        elif isinstance(item, GpuItem) and item.state is not None:
            self.document.select(Selection(kind="gpu", gpu=item.state.gpu))
        elif isinstance(item, NodeItem):
            self.document.select(Selection(kind="node", node=item.index))
        else:
            self.document.select(Selection(kind="design"))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.pans(event):
            return
        at = event.position().toPoint()
        if self.drag is None and self._pressed is not None:
            start, chip = self._pressed
            if (at - start).manhattanLength() >= QApplication.startDragDistance() / 2:
                self._begin_drag(chip.expert, chip.gpu, is_keyboard=False)
        if self.drag is not None and not self._is_keyboard:
            self._aim(self._target_at(event), at)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.ends_pan():
            return
        self._pressed = None
        if self.drag is not None and not self._is_keyboard:
            self._end_drag(is_drop=True)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.frame_selection()

    # Keys

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if self.drag is not None:
            self._carry_by_key(key, event)
        elif key in ARROWS and not event.modifiers():
            self._step(key)
        elif key == Qt.Key.Key_G and self.document.selection.kind == "expert":
            self._grab_selected()
        elif key in ENTER:
            self._enter()
        elif key == Qt.Key.Key_Backspace and self.document.selection.kind == "expert":
            self.document.select(Selection(kind="gpu", gpu=self.document.selection.gpu))
        elif key == Qt.Key.Key_F:
            self.frame_selection()
        elif key == Qt.Key.Key_Home:
            self.fit()
        elif key == Qt.Key.Key_Escape:
            self.document.select(Selection(kind="design"))
        else:
            super().keyPressEvent(event)

    def _carry_by_key(self, key: Qt.Key, event: QKeyEvent) -> None:
        assert self.drag is not None
        is_copy = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        at = self.drag.target.gpu if self.drag.target else self.drag.grab.gpu
        if key == Qt.Key.Key_Escape:
            self._end_drag()
        elif key in ENTER:
            if is_copy and self.drag.target is not None:
                self.drag.move(Target(gpu=at, is_copy=True))
            self._end_drag(is_drop=True)
        elif key in ARROWS:
            assert self._layout is not None
            allowed = range(len(self.gpus))
            self._aim_by_key(neighbour(self._layout.gpus, at, *ARROWS[key], allowed))
        elif event.text().isdigit():
            self._typed = (
                self._typed + event.text() if int(self._typed + event.text()) < len(self.gpus) else event.text()
            )
            if int(self._typed) < len(self.gpus):
                self._aim_by_key(int(self._typed))

    def _aim_by_key(self, gpu: int) -> None:
        assert self.drag is not None
        self._aim(None if gpu == self.drag.grab.gpu else Target(gpu=gpu), self._corner(gpu))

    def _corner(self, gpu: int) -> QPoint:
        return self.mapFromScene(self.gpus[gpu].sceneBoundingRect().center())

    def _step(self, key: Qt.Key) -> None:
        """Select the next GPU in a direction, or the next expert of a GPU."""
        chosen = self.document.selection
        dx, dy = ARROWS[key]
        if chosen.kind == "expert" and chosen.gpu >= 0 and dx:
            experts = [chip.expert for chip in self.gpus[chosen.gpu].chips if chip.expert >= 0]
            if chosen.expert in experts:
                index = max(0, min(len(experts) - 1, experts.index(chosen.expert) + dx))
                self.document.select(Selection(kind="expert", expert=experts[index], gpu=chosen.gpu))
            return
        assert self._layout is not None
        gpu = neighbour(self._layout.gpus, chosen.gpu, dx, dy, range(len(self.gpus))) if chosen.gpu >= 0 else 0
        self.document.select(Selection(kind="gpu", gpu=gpu))

    def _enter(self) -> None:
        """From a GPU to its first expert."""
        chosen = self.document.selection
        if chosen.kind == "gpu":
            experts = [chip.expert for chip in self.gpus[chosen.gpu].chips if chip.expert >= 0]
            if experts:
                self.document.select(Selection(kind="expert", expert=experts[0], gpu=chosen.gpu))

    def _grab_selected(self) -> None:
        """Pick the selected expert up, where it is selected or where it is first."""
        chosen = self.document.selection
        homes = [n for n, item in enumerate(self.gpus) if any(chip.expert == chosen.expert for chip in item.chips)]
        if homes:
            gpu = chosen.gpu if chosen.gpu in homes else homes[0]
            self._begin_drag(chosen.expert, gpu, is_keyboard=True)
