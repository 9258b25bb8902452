"""The cluster canvas: nodes, GPUs, experts, and the gestures that move them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.placing import Grab, Span, grabbed, hosted_experts
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.errors import MoeStudioError
from moe_studio.gui.canvas.cards import Cards
from moe_studio.gui.canvas.carry import Carry
from moe_studio.gui.canvas.device_drop import DeviceDrop
from moe_studio.gui.canvas.drag_card import DragCard
from moe_studio.gui.canvas.expert_drag import ExpertDrag, Target
from moe_studio.gui.canvas.expert_verbs import ExpertVerbs
from moe_studio.gui.canvas.flow import flows
from moe_studio.gui.canvas.gpu_state import ExpertState, GpuState, Heat, gpu_states, in_places
from moe_studio.gui.canvas.hit import NOWHERE, Hit, hit_at
from moe_studio.gui.canvas.keys import CanvasKeys
from moe_studio.gui.canvas.layout import ClusterLayout, cluster_layout
from moe_studio.gui.canvas.layout_verbs import LayoutVerbs
from moe_studio.gui.canvas.link_layer import Flow, LinkLayer
from moe_studio.gui.canvas.menu import canvas_menu, tip_text
from moe_studio.gui.canvas.pointer import CanvasPointer
from moe_studio.gui.canvas.tile import NONE, Tile
from moe_studio.gui.canvas.tile_layer import TileLayer, qrect
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.label import plain_tip
from moe_studio.gui.widgets.zoom import ZoomView
from moe_studio.project.cluster import Cluster

Chip = tuple[int, int]
"""An expert and the GPU on which it is."""

CALM_MS = 120
"""So long after the last step of zooming all pictures are made sharp."""


class ClusterView(ZoomView):
    """Shows the cluster and where experts live, and lets both be changed.

    Signals:
        refused: something cannot be done; carries the sentence that says why.
        told: something else had to change; carries the sentence that says what.
        switched: a way of looking at it was switched on or off.
    """

    refused = Signal(str)
    told = Signal(str)
    switched = Signal()

    def __init__(self, document: Document, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__()
        self.setParent(parent)
        self.setAccessibleName("Cluster")
        self.setAccessibleDescription(
            "Nodes, GPUs and their experts. Arrows select, Enter goes inside, G picks experts up, "
            "the menu key has all that can be done."
        )
        self.setAcceptDrops(True)
        self.viewport().setAcceptDrops(True)
        self.document = document
        self.theme = theme
        self.carry = Carry(self)
        self.carry.promised.connect(self._on_promised)
        self.keys = CanvasKeys(self)
        self.pointer = CanvasPointer(self)
        self.device_drop = DeviceDrop(self)
        self.verbs = LayoutVerbs(document, lambda: self.picked_nodes, tell=self.told.emit, refuse=self.refused.emit)
        self.experts = ExpertVerbs(self)
        self.cards = Cards(self.scene())
        self.tiles = TileLayer(theme)
        self.links, self.overlay = LinkLayer(theme, is_above=False), LinkLayer(theme, is_above=True)
        for item in (self.links, self.tiles, self.overlay):
            self.scene().addItem(item)
        self.has_traffic = False
        self.traffic_of = "both"
        self.is_one_replica = False
        self._heat = Heat()
        self._layout: ClusterLayout | None = None
        self._layout_key: tuple[Cluster, int, float] | None = None
        self._starts: list[int] = [0]
        self._homes: tuple[tuple[int, ...], ...] = ()
        self._ground: tuple[int, Span] = (0, None)
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM_MS)
        self._calm.timeout.connect(self._on_calm)

    # What others ask of it

    @property
    def gpus(self) -> list[Tile]:
        """The tiles, by number of the GPU."""
        return self.tiles.tiles

    @property
    def drag(self) -> ExpertDrag | None:
        """The experts that are being carried."""
        return self.carry.drag

    @property
    def card(self) -> DragCard:
        """The card at the pointer."""
        return self.carry.card

    @property
    def layout_shown(self) -> ClusterLayout:
        """Where everything stands."""
        assert self._layout is not None
        return self._layout

    def gpu_rect(self, gpu: int) -> QRectF:
        """Where a GPU is, in the scene."""
        return qrect(self.gpus[gpu].area)

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.end_carry()
        self.document = self.verbs.document = document
        self._layout_key = None
        self.is_fitted = True

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.cards.set_theme(theme)
        self.tiles.set_theme(theme)
        for layer in (self.links, self.overlay):
            layer.set_theme(theme)

    # Showing

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show ``evaluation``, changing only what differs."""
        span = self.document.span
        if self.drag is not None and self._ground != (id(self.document.history.current), span):
            self.end_carry()  # undone or changed elsewhere meanwhile: what is carried may not be there any more
        states = gpu_states(evaluation, span, self._heat.of(evaluation.project, span))
        self._arrange(evaluation, states)
        for number, (tile, state) in enumerate(zip(self.gpus, states, strict=True)):
            shown = self._steady(state)
            if shown != tile.state:
                tile.state = shown
                self.tiles.refresh(number)
        self._show_nodes(evaluation)
        self._show_marks()
        if self.has_traffic:
            self._show_traffic(evaluation)

    def show_selection(self) -> None:
        """Show what is selected."""
        self._show_nodes(self.document.evaluation)
        self._show_marks()
        if self.has_traffic:
            self._show_traffic(self.document.evaluation)

    def _steady(self, state: GpuState) -> GpuState:
        """While experts are carried, their own GPUs keep ghosts of them, and all others keep their places."""
        drag = self.drag
        if drag is None:
            return state
        experts = state.experts
        gone = [
            grab for grab in drag.grabs if grab.gpu == state.gpu and all(item.expert != grab.expert for item in experts)
        ]
        experts = (*experts, *(ExpertState(grab.expert, len(grab.layers), 0.0) for grab in gone)) if gone else experts
        experts = in_places(experts, self._homes[state.gpu])
        return state if experts is state.experts else replace(state, experts=experts)

    def _arrange(self, evaluation: Evaluation, states: tuple[GpuState, ...]) -> None:
        """Find places for everything; while something is carried they stay as they are."""
        cluster = evaluation.project.cluster
        most = max(len(state.experts) for state in states)
        port = self.viewport().size()
        aspect = round(port.width() / max(1, port.height()), 1)
        known = self._layout_key
        if known is not None and known[0] is cluster:
            if self.drag is not None or not self.is_fitted:
                return
            most = max(most, known[1])
        key = (cluster, most, aspect)
        if key == known:
            return
        self._layout_key = key
        self.pointer.cancel()
        layout = self._layout = cluster_layout(cluster, most_experts=most, aspect=aspect)
        self._starts = [0, *accumulate(node.gpus for node in cluster.nodes)]
        whole = qrect(layout.whole)
        self.tiles.show_tiles(
            [
                Tile(box=box, state=state, chip_rows=layout.chip_rows)
                for box, state in zip(layout.gpus, states, strict=True)
            ],
            whole.adjusted(-20, -20, 400, 400),
        )
        self.cards.arrange(layout, self.theme)
        inter = cluster.links.inter
        self.links.show_links(layout, tr("{rate} between nodes", rate=f"{inter.gb_s:g} GB/s"))
        self.overlay.show_links(layout, "")
        self.setSceneRect(whole.adjusted(-2000, -2000, 2000, 2000))
        if self.is_fitted:
            self.fit()

    def _show_nodes(self, evaluation: Evaluation) -> None:
        target = self.drag.target.node if self.drag and self.drag.target else -1
        self.cards.show(evaluation.project.cluster, self.layout_shown, self.picked_nodes, target)

    def _show_marks(self) -> None:
        chosen = {item.gpu for item in self.document.selected if item.kind in ("gpu", "operator")}
        picked: dict[int, list[int]] = {}
        for expert, gpu in self.picked:
            picked.setdefault(gpu, []).append(expert)
        for number, tile in enumerate(self.gpus):
            mark, chips = self._gpu_mark(number, chosen), self._chip_marks(number, picked.get(number, ()))
            promise = self.carry.promises.get(number, NONE)
            if (mark, chips, promise) != (tile.mark, tile.chip_marks, tile.promise):
                tile.mark, tile.chip_marks, tile.promise = mark, chips, promise
                self.tiles.refresh(number)

    def _gpu_mark(self, gpu: int, chosen: Collection[int]) -> str:
        drag = self.drag
        if drag is not None and drag.target is not None and drag.target.gpu == gpu and drag.target.node < 0:
            return "target" if drag.drop else "refused"
        return "selected" if gpu in chosen else ""

    def _chip_marks(self, gpu: int, picked: Sequence[int]) -> dict[int, str]:
        drag = self.drag
        if drag is not None:
            marks = {expert: "ghost" for expert, home in drag.held if home == gpu}
            if drag.target is not None and drag.target.gpu == gpu and drag.target.node < 0:
                marks |= {grab.expert: "moved" for grab in drag.grabs}
            return marks
        return {expert: "selected" for expert in picked}

    def _on_promised(self, gpus: list[int]) -> None:
        for number in gpus:
            promise = self.carry.promises[number]
            if number < len(self.gpus) and promise != self.gpus[number].promise:
                self.gpus[number].promise = promise
                self.tiles.refresh(number)

    # Traffic and other ways of looking at it

    def toggle_traffic(self) -> None:
        """Show what dispatch and combine send between nodes and GPUs, or not."""
        self.has_traffic = not self.has_traffic
        self._show_traffic(self.document.evaluation)
        self.switched.emit()

    def show_traffic_of(self, what: str) -> None:
        """Show the bytes of ``dispatch``, ``combine`` or ``both``."""
        self.traffic_of = what
        self._show_traffic(self.document.evaluation)

    def toggle_one_replica(self) -> None:
        """Let drags change one replica only, or all alike."""
        self.is_one_replica = not self.is_one_replica
        self.switched.emit()

    def _show_traffic(self, evaluation: Evaluation) -> None:
        shown: tuple[Flow, ...] = ()
        if self.has_traffic and self._layout is not None:
            chosen = self.document.selection
            node = chosen.node if chosen.kind == "node" else -1
            gpu = chosen.gpu if chosen.gpu < len(self.gpus) else -1
            shown = flows(evaluation, self._layout, self.traffic_of, self.document.span, gpu=gpu, node=node)
        if bool(shown) != bool(self.overlay.flows):
            self.overlay.prepareGeometryChange()
        self.overlay.show_flows(shown)

    def expand(self, gpu: int) -> None:
        """Show all experts of a GPU, over its neighbours; -1 for none."""
        for number, tile in enumerate(self.gpus):
            wanted = number == gpu and len(tile.state.experts) > len(tile.chips) - tile.is_expanded
            if tile.is_expanded != wanted:
                self.tiles.refresh(number)
                tile.is_expanded = wanted
                self.tiles.refresh(number)
        self.viewport().update()

    # Selecting

    @property
    def picked(self) -> tuple[Chip, ...]:
        """The selected experts with their GPUs, the one that is shown in other views first."""
        chips: list[Chip] = []
        for item in self.document.selected:
            if item.kind != "expert":
                continue
            gpus = range(len(self.gpus)) if item.gpu < 0 else (item.gpu,) if item.gpu < len(self.gpus) else ()
            chips += [
                (item.expert, gpu)
                for gpu in gpus
                if any(chip.expert == item.expert for chip in self.gpus[gpu].state.experts)
            ]
        return tuple(chips)

    @property
    def picked_gpus(self) -> tuple[int, ...]:
        """The selected GPUs, the one that is shown in other views first."""
        chosen = self.document.selected
        return tuple(item.gpu for item in chosen if item.kind == "gpu" and 0 <= item.gpu < len(self.gpus))

    @property
    def picked_nodes(self) -> tuple[int, ...]:
        """The selected nodes, the one that is shown in other views first."""
        chosen = self.document.selected
        return tuple(item.node for item in chosen if item.kind == "node" and 0 <= item.node < len(self.cards.nodes))

    def pick(self, chips: Iterable[Chip]) -> None:
        """Select experts; the first of them is shown in the other views."""
        found = [Selection(kind="expert", expert=expert, gpu=gpu) for expert, gpu in chips]
        self.document.select_all(found or [Selection(kind="design")])

    def pick_nodes(self, nodes: Iterable[int]) -> None:
        """Select nodes; the first of them is shown in the other views."""
        found = [Selection(kind="node", node=node) for node in nodes]
        self.document.select_all(found or [Selection(kind="design")])

    def chips_of(self, gpu: int) -> list[Chip]:
        """All experts of a GPU."""
        return [(chip.expert, gpu) for chip in self.gpus[gpu].state.experts]

    def first_gpu(self, node: int) -> int:
        """The lowest number of a GPU in a node."""
        return self._starts[node]

    def experts_at(self, gpu: int) -> tuple[int, ...]:
        """The experts that a GPU has in the committed design, while some are carried."""
        return self._homes[gpu]

    # Carrying experts

    def begin_carry(self, chips: Iterable[Chip], *, is_keyboard: bool) -> bool:
        """Pick experts up; whether there were any."""
        project, span = self.document.history.current, self.document.span
        grabs: list[Grab] = []
        try:
            for expert, gpu in chips:
                grabs.append(grabbed(project, expert, gpu, span))
        except MoeStudioError as error:
            self.refused.emit(str(error))
            return False
        if not grabs:
            return False
        self._homes = tuple(tuple(held) for held in hosted_experts(project, span))
        self._ground = (id(project), span)
        self.carry.begin(
            self.document,
            grabs,
            [qrect(tile.box) for tile in self.gpus],
            self.theme,
            is_keyboard=is_keyboard,
            is_one_replica=self.is_one_replica,
        )
        if is_keyboard:
            self.carry.show_at(self.corner(grabs[0].gpu))
        self._show_marks()
        return True

    def aim(self, target: Target | None, at: QPoint) -> None:
        """Carry to a target."""
        if self.carry.aim(target, at):
            self._show_marks()
            self._show_nodes(self.document.evaluation)

    def aim_by_key(self, gpu: int) -> None:
        """Carry to a GPU, by keyboard."""
        assert self.drag is not None
        is_home = gpu == self.drag.grab.gpu and not self.drag.is_many
        self.aim(None if is_home else Target(gpu=gpu), self.corner(gpu))

    def corner(self, gpu: int) -> QPoint:
        """The middle of a GPU, in the view."""
        return self.mapFromScene(self.gpu_rect(gpu).center())

    def end_carry(self, *, is_drop: bool = False) -> None:
        """Put down what is carried, or put it back."""
        drag = self.carry.end()
        if drag is None:
            return
        if is_drop:
            if drag.refusal:
                self.refused.emit(drag.refusal)
            drag.release()
        else:
            drag.escape()
        self.show_evaluation(self.document.evaluation)

    def remove_chosen(self) -> None:
        """Remove the selected copies of experts, GPUs or nodes."""
        if self.picked_nodes:
            self.verbs.remove()
        elif self.picked_gpus:
            self.verbs.remove_gpus(self.picked_gpus)
        elif self.picked:
            self.experts.remove()
        else:
            self.refused.emit("Select an expert on a GPU, a GPU, or a node first.")

    # Pointer

    def hit(self, at: QPoint) -> Hit:
        """What is at a point of the view."""
        if self._layout is None:
            return NOWHERE
        return hit_at(self._layout, self.gpus, self._starts, self.mapToScene(at))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if not self.begins_pan(event) and event.button() is Qt.MouseButton.LeftButton and self.drag is None:
            self.pointer.press(event.position().toPoint(), event.modifiers())

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self.pans(event):
            self.pointer.move(event.position().toPoint(), event.modifiers())

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self.ends_pan():
            self.pointer.release(event.modifiers())

    def escape(self) -> bool:
        """Cancel the gesture, or close what is open; whether there was anything."""
        was = self.pointer.cancel() or self.drag is not None
        self.end_carry()
        if not was and any(tile.is_expanded for tile in self.gpus):
            self.expand(-1)
            return True
        return was

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.device_drop.enter(event)

    @override
    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self.device_drop.move(event)

    @override
    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.device_drop.leave()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        self.device_drop.drop(event)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.frame_selection()

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        self.tiles.is_hurried = True
        self._calm.start()
        super().wheelEvent(event)

    def _on_calm(self) -> None:
        self.tiles.is_hurried = False
        self.tiles.update()

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = "" if self.drag else tip_text(self.hit(event.pos()), self.gpus, self.document)
            QToolTip.showText(event.globalPos(), plain_tip(text), self.viewport())
            return True
        return super().viewportEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.drag is not None:
            return
        hit = NOWHERE
        if event.reason() is not QContextMenuEvent.Reason.Keyboard:
            hit = self.hit(event.pos())
            self._choose_for_menu(hit)
        menu = canvas_menu(self, self.mapToScene(event.pos()))
        menu.popup(event.globalPos())

    def _choose_for_menu(self, hit: Hit) -> None:
        chip = (hit.expert, hit.gpu)
        if hit.kind == "chip" and chip not in self.picked:
            self.pick([chip])
        elif hit.kind in ("head", "gpu", "more"):
            self.document.select(Selection(kind="gpu", gpu=hit.gpu))
        elif hit.kind == "node" and hit.node not in self.picked_nodes:
            self.pick_nodes([hit.node])
        elif not hit.kind:
            self.document.select(Selection(kind="design"))

    # Looking

    @override
    def whole(self) -> QRectF:
        return QRectF() if self._layout is None else qrect(self._layout.whole).adjusted(-8, -8, 8, 8)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._layout_key is not None and self.is_fitted and self.drag is None:
            self.show_evaluation(self.document.evaluation)
        super().resizeEvent(event)

    def frame_selection(self) -> None:
        """Bring what is selected into view, or everything when nothing is."""
        chosen = self.document.selection
        if 0 <= chosen.gpu < len(self.gpus):
            self.frame(self.gpu_rect(chosen.gpu))
        elif self.picked_nodes:
            boxes = [qrect(self.layout_shown.nodes[node]) for node in self.picked_nodes]
            whole = boxes[0]
            for box in boxes[1:]:
                whole = whole.united(box)
            self.frame(whole)
        else:
            self.fit()

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Control:
            self.pointer.aim_again(Qt.KeyboardModifier.NoModifier)
        super().keyReleaseEvent(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.keys.press(event):
            super().keyPressEvent(event)
