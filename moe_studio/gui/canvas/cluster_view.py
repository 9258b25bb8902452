"""The cluster canvas: nodes, GPUs, experts, and the gestures that move them."""

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QMouseEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.network_edit import tier_title
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.canvas.box import around
from moe_studio.gui.canvas.cards import Cards
from moe_studio.gui.canvas.carry import Carry
from moe_studio.gui.canvas.device_drop import DeviceDrop
from moe_studio.gui.canvas.drag_card import DragCard
from moe_studio.gui.canvas.expert_drag import ExpertDrag
from moe_studio.gui.canvas.expert_verbs import ExpertVerbs
from moe_studio.gui.canvas.far_labels import FarLabels
from moe_studio.gui.canvas.gpu_state import GpuState, Heat, gpu_states
from moe_studio.gui.canvas.ground import Ground
from moe_studio.gui.canvas.hand_view import HandView
from moe_studio.gui.canvas.hit import NOWHERE, Hit, hit_at
from moe_studio.gui.canvas.item import qrect
from moe_studio.gui.canvas.keys import CanvasKeys
from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.gui.canvas.layout_verbs import LayoutVerbs
from moe_studio.gui.canvas.link_layer import LinkLayer, labelled, link_texts
from moe_studio.gui.canvas.marks import mark_tiles
from moe_studio.gui.canvas.menu import canvas_menu, tip_text
from moe_studio.gui.canvas.picking import Picking
from moe_studio.gui.canvas.pointer import CanvasPointer
from moe_studio.gui.canvas.rate_editor import RateEditor
from moe_studio.gui.canvas.tile import Tile
from moe_studio.gui.canvas.tile_layer import TileLayer
from moe_studio.gui.canvas.traffic_overlay import TrafficOverlay
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.label import plain_tip

CALM_MS = 120
"""So long after the last step of zooming all pictures are made sharp."""


class ClusterView(HandView):
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
        self.setAccessibleName(tr("Cluster"))
        self.setAccessibleDescription(
            tr(
                "Nodes, GPUs and their experts. Arrows select, Enter goes inside, G picks experts up, "
                "the menu key has all that can be done."
            )
        )
        self.document = document
        self.theme = theme
        self.carry = Carry(self)
        self.carry.promised.connect(self._on_promised)
        self.carry.previewed.connect(self.show_marks)
        self.picking = Picking(self)
        self.take_hands(CanvasPointer(self), CanvasKeys(self), DeviceDrop(self))
        self.verbs = LayoutVerbs(document, lambda: self.picking.nodes, tell=self.told.emit, refuse=self.refused.emit)
        self.experts = ExpertVerbs(self)
        self.cards = Cards(self.scene())
        self.tiles = TileLayer(theme)
        self.links = LinkLayer(theme)
        for item in (self.links, self.tiles):
            self.scene().addItem(item)
        self.names = FarLabels(theme)
        self.scene().addItem(self.names)
        self.traffic = TrafficOverlay(self.scene(), theme)
        self.rate = RateEditor(self)
        self.is_one_replica = False
        self._heat = Heat()
        self.ground = Ground()
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
        return self.ground.layout

    def gpu_rect(self, gpu: int) -> QRectF:
        """Where a GPU is, in the scene."""
        return qrect(self.gpus[gpu].area)

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.experts.end()
        self.document = self.verbs.document = document
        self.ground.forget()
        self.is_fitted = True

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.cards.set_theme(theme)
        self.tiles.set_theme(theme)
        for layer in (self.links, self.names, self.traffic.layer):
            layer.set_theme(theme)

    # Showing

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show ``evaluation``, changing only what differs."""
        span = self.document.span
        self.experts.check_ground()
        states = gpu_states(evaluation, span, self._heat.of(evaluation.project, span))
        self._arrange(evaluation, states)
        for number, (tile, state) in enumerate(zip(self.gpus, states, strict=True)):
            shown = self.experts.steady(state)
            if shown != tile.state:
                tile.state = shown
                self.tiles.refresh(number)
        self.show_marks()
        if self.traffic.is_on:
            self.traffic.show(self.document, self.ground.found)

    def show_selection(self) -> None:
        """Show what is selected."""
        self.show_marks()
        if self.traffic.is_on:
            self.traffic.show(self.document, self.ground.found)

    def _arrange(self, evaluation: Evaluation, states: tuple[GpuState, ...]) -> None:
        """Find places for everything; while something is carried they stay as they are."""
        is_held = self.drag is not None or not self.is_fitted
        most = max(len(state.experts) for state in states)
        if not self.ground.arrange(evaluation.project.cluster, most, self.viewport().size(), is_held=is_held):
            return
        layout = self.ground.layout
        boxes = zip(layout.gpus, states, strict=True)
        tiles = [Tile(box=box, state=state, grid=layout.grid) for box, state in boxes]
        whole = qrect(layout.whole)
        self.tiles.show_tiles(tiles, whole.adjusted(-20, -20, 400, 400))
        self.cards.arrange(layout, self.theme)
        self.pointer.cancel()
        self.setSceneRect(whole.adjusted(-2000, -2000, 2000, 2000))
        if self.is_fitted:
            self.fit()

    def _show_nodes(self, evaluation: Evaluation) -> None:
        cluster, layout = evaluation.project.cluster, self.layout_shown
        target = self.drag.target.node if self.drag and self.drag.target else -1
        self.cards.show_nodes(cluster, layout, self.picking.nodes, target)
        self.cards.show_racks(cluster, layout)
        self.names.show_names(cluster, layout)
        path = self.document.selection.path
        self.links.show_links(
            layout, link_texts(cluster), path.split(".")[2] if path.startswith("cluster.links.") else ""
        )

    def show_marks(self) -> None:
        """Mark what is selected, or where carried experts come from and would go."""
        self._show_nodes(self.document.evaluation)
        mark_tiles(
            self.tiles,
            self.drag,
            self.carry.promises,
            chosen=self.document.chosen_in(self.document.evaluation.graph).gpus,
            chips=() if self.drag else self.picking.chips,
        )

    def _on_promised(self, gpus: list[int]) -> None:
        for number in gpus:
            promise = self.carry.promises[number]
            if number < len(self.gpus) and promise != self.gpus[number].promise:
                self.gpus[number].promise = promise
                self.tiles.refresh(number)

    # Traffic and other ways of looking at it

    def toggle_traffic(self) -> None:
        """Show what dispatch and combine send between nodes and GPUs, or not."""
        self.traffic.is_on = not self.traffic.is_on
        self.traffic.show(self.document, self.ground.found)
        self.switched.emit()

    def show_traffic_of(self, what: str) -> None:
        """Show the bytes of ``dispatch``, ``combine`` or ``both``."""
        self.traffic.what = what
        self.traffic.show(self.document, self.ground.found)

    def toggle_one_replica(self) -> None:
        """Let drags change one replica only, or all alike."""
        self.is_one_replica = not self.is_one_replica
        self.switched.emit()

    def expand(self, gpu: int) -> None:
        """Show all experts of a GPU, over its neighbours; -1 for none."""
        for number, tile in enumerate(self.gpus):
            wanted = number == gpu and len(tile.state.experts) > len(tile.chips) - tile.is_expanded
            if tile.is_expanded != wanted:
                self.tiles.refresh(number)
                tile.is_expanded = wanted
                self.tiles.refresh(number)
        self.viewport().update()

    # Places

    def first_gpu(self, node: int) -> int:
        """The lowest number of a GPU in a node."""
        return self.ground.starts[node]

    def corner(self, gpu: int) -> QPoint:
        """The middle of a GPU, in the view."""
        return self.mapFromScene(self.gpu_rect(gpu).center())

    def ask_rate(self, tier: str, at: QPoint | None = None) -> None:
        """Let the bandwidth of a tier of the network be typed, at a point of the view or where the tier is labelled."""
        cluster = self.document.project.cluster
        link = labelled(self.layout_shown, tier)
        if at is None:
            where = self.layout_shown.whole if link is None else link.box
            at = self.mapFromScene(QPointF(*where.center))
        name = f"{tr('Bandwidth')} {tr(tier_title(cluster, tier))}"
        now = getattr(cluster.links, tier) or cluster.links.inter
        self.rate.ask(name, f"{now.gb_s:g} GB/s", at, lambda text: self.verbs.type_rate(tier, text))

    def remove_chosen(self) -> None:
        """Remove the selected copies of experts, GPUs or nodes."""
        if self.picking.nodes:
            self.verbs.remove()
        elif self.picking.gpus:
            self.verbs.remove_gpus(self.picking.gpus)
        elif self.picking.chips:
            self.experts.remove()
        else:
            self.refused.emit("Select an expert on a GPU, a GPU, or a node first.")

    # Pointer

    def hit(self, at: QPoint) -> Hit:
        """What is at a point of the view."""
        layout = self.ground.found
        return hit_at(layout, self.gpus, self.ground.starts, self.mapToScene(at)) if layout else NOWHERE

    def escape(self) -> bool:
        """Cancel the gesture, or close what is open; whether there was anything."""
        was = self.pointer.cancel() or self.drag is not None
        self.experts.end()
        if not was and any(tile.is_expanded for tile in self.gpus):
            self.expand(-1)
            return True
        return was

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        hit = self.hit(event.position().toPoint())
        if hit.kind in ("link", "rack"):
            self.ask_rate("rack" if hit.kind == "rack" else hit.tier, event.position().toPoint())
        else:
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
            self.picking.pick_for_menu(hit)
        menu = canvas_menu(self, self.mapToScene(event.pos()))
        menu.popup(event.globalPos())

    # Looking

    @override
    def whole(self) -> QRectF:
        layout = self.ground.found
        return qrect(layout.whole).adjusted(-8, -8, 8, 8) if layout else QRectF()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        if self.ground.found is not None and self.is_fitted and self.drag is None:
            self.show_evaluation(self.document.evaluation)
        super().resizeEvent(event)

    def frame_selection(self) -> None:
        """Bring what is selected into view, or everything when nothing is."""
        chosen = self.document.selection
        if 0 <= chosen.gpu < len(self.gpus):
            self.frame(self.gpu_rect(chosen.gpu))
        elif self.picking.nodes:
            self.frame(qrect(around([self.layout_shown.nodes[node] for node in self.picking.nodes])))
        else:
            self.fit()
