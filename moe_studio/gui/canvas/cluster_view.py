"""The cluster canvas: nodes, GPUs, experts, and the gestures that move them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainterPath,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QGraphicsPathItem, QToolTip, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.layout_edit import free_place, move_nodes
from moe_studio.document.placing import Grab, Span, experts_phrase, grabbed, hosted_experts, removal_of
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.errors import MoeStudioError
from moe_studio.gui.canvas.carry import Carry
from moe_studio.gui.canvas.drag_card import DragCard
from moe_studio.gui.canvas.expert_drag import ExpertDrag, Target
from moe_studio.gui.canvas.flow import flows
from moe_studio.gui.canvas.gpu_state import ExpertState, GpuState, Heat, gpu_states, in_places
from moe_studio.gui.canvas.hit import NOWHERE, Hit, hit_at
from moe_studio.gui.canvas.keys import CanvasKeys
from moe_studio.gui.canvas.layout import ClusterLayout, cluster_layout
from moe_studio.gui.canvas.layout_verbs import LayoutVerbs, drop_text
from moe_studio.gui.canvas.link_layer import Flow, LinkLayer
from moe_studio.gui.canvas.menu import canvas_menu, tip_text
from moe_studio.gui.canvas.node_card import NodeItem, RackItem
from moe_studio.gui.canvas.node_drag import NodeDrag, ghost
from moe_studio.gui.canvas.palette import device_of
from moe_studio.gui.canvas.tile import NONE, RADIUS, Tile
from moe_studio.gui.canvas.tile_layer import TileLayer, qrect
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.label import plain_tip
from moe_studio.gui.widgets.zoom import ZoomView
from moe_studio.project.cluster import Cluster

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Chip = tuple[int, int]
"""An expert and the GPU on which it is."""

INTER = "cluster.links.inter.gb_s"
"""The setting that a link between nodes stands for."""

EDGE, EDGE_MS = 28, 25
"""So near to the edge of the view, and so often, carrying scrolls it."""

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
        self.verbs = LayoutVerbs(document, lambda: self.picked_nodes, tell=self.told.emit, refuse=self.refused.emit)
        self.nodes: list[NodeItem] = []
        self.racks: list[RackItem] = []
        self.tiles = TileLayer(theme)
        self.links, self.overlay = LinkLayer(theme, is_above=False), LinkLayer(theme, is_above=True)
        for item in (self.links, self.tiles, self.overlay):
            self.scene().addItem(item)
        self.has_traffic = False
        self.traffic_of = "both"
        self.is_one_replica = False
        self.node_drag: NodeDrag | None = None
        self.band: QRectF | None = None
        self._heat = Heat()
        self._layout: ClusterLayout | None = None
        self._layout_key: tuple[Cluster, int, float] | None = None
        self._starts: list[int] = [0]
        self._homes: tuple[tuple[int, ...], ...] = ()
        self._ground: tuple[int, Span] = (0, None)
        self._pressed: tuple[QPoint, Hit] | None = None
        self._pointer = QPoint()
        self._ghost: QGraphicsPathItem | None = None
        self._edge = QTimer(self)
        self._edge.setInterval(EDGE_MS)
        self._edge.timeout.connect(self._on_edge)
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
        for card in (*self.nodes, *self.racks):
            card.set_theme(theme)
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
        self._pressed = None
        self._end_node_drag()
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
        self._make_cards(len(layout.nodes), len(layout.racks))
        inter = cluster.links.inter
        self.links.show_links(layout, tr("{rate} between nodes", rate=f"{inter.gb_s:g} GB/s"))
        self.overlay.show_links(layout, "")
        self.setSceneRect(whole.adjusted(-2000, -2000, 2000, 2000))
        if self.is_fitted:
            self.fit()

    def _make_cards(self, nodes: int, racks: int) -> None:
        while len(self.nodes) < nodes:
            self.nodes.append(NodeItem(len(self.nodes), self.theme))
            self.scene().addItem(self.nodes[-1])
        while len(self.racks) < racks:
            self.racks.append(RackItem(self.theme))
            self.scene().addItem(self.racks[-1])
        for gone in (*self.nodes[nodes:], *self.racks[racks:]):
            self.scene().removeItem(gone)
        del self.nodes[nodes:], self.racks[racks:]
        for item, (name, box) in zip(self.racks, self.layout_shown.racks, strict=True):
            item.show_card(box, name)

    def _show_nodes(self, evaluation: Evaluation) -> None:
        cluster, layout = evaluation.project.cluster, self.layout_shown
        target = self.drag.target.node if self.drag and self.drag.target else -1
        for item, box, node in zip(self.nodes, layout.nodes, cluster.nodes, strict=True):
            device = cluster.device(node.device)
            detail = f"{node.gpus} × {device.title or node.device}"
            mark = "target" if item.index == target else "selected" if item.index in self.picked_nodes else ""
            name = node.name.rpartition("/")[2] if layout.racks else node.name
            inside = f"{cluster.links.intra.gb_s:g} GB/s" if node.gpus > 1 else ""
            item.show_card(box, name or f"node {item.index}", detail, inside, mark=mark)

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
        return tuple(item.node for item in chosen if item.kind == "node" and 0 <= item.node < len(self.nodes))

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
        self._pressed = None
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

    def swap_picked(self) -> None:
        """Let the two selected experts change places."""
        if len(self.picked) != 2:
            self.refused.emit("Select two experts on different GPUs first; S lets them change places.")
            return
        (other, place), (expert, gpu) = self.picked
        if self.begin_carry([(expert, gpu)], is_keyboard=True):
            self.aim(Target(gpu=place, other=other), self.corner(place))
            self.end_carry(is_drop=True)

    def remove_chosen(self) -> None:
        """Remove the selected copies of experts, GPUs or nodes."""
        if self.picked_nodes:
            self.verbs.remove()
            return
        if self.picked_gpus:
            self.verbs.remove_gpus(self.picked_gpus)
            return
        if not self.picked:
            self.refused.emit("Select an expert on a GPU, a GPU, or a node first.")
            return
        project, span = self.document.history.current, self.document.span
        try:
            grabs = [grabbed(project, expert, gpu, span) for expert, gpu in self.picked]
            drop = removal_of(project, grabs, is_one_replica=self.is_one_replica)
            if not self.document.commit(drop.label, drop.edit):
                what = experts_phrase({grab.expert for grab in grabs})
                self.refused.emit(f"There is no other copy of {what}; move it instead.")
        except MoeStudioError as error:
            self.refused.emit(str(error))

    def aim_again(self, keys: Qt.KeyboardModifier) -> None:
        """Other keys are held, or the ground has moved: the same point may mean something else."""
        if self.drag is not None and not self.carry.is_keyboard:
            self.aim(self._target_at(self._pointer, keys), self._pointer)

    def _on_edge(self) -> None:
        """Carried to the edge of a view that does not show everything, experts take the view along."""
        if self.drag is None or self.carry.is_keyboard or self.is_fitted:
            self._edge.stop()
            return
        port, at = self.viewport().rect(), self._pointer
        dx = (at.x() > port.right() - EDGE) - (at.x() < port.left() + EDGE)
        dy = (at.y() > port.bottom() - EDGE) - (at.y() < port.top() + EDGE)
        if not dx and not dy:
            self._edge.stop()
            return
        for bar, step in ((self.horizontalScrollBar(), dx), (self.verticalScrollBar(), dy)):
            bar.setValue(bar.value() + step * EDGE // 2)
        self.aim_again(QApplication.keyboardModifiers())

    def _target_at(self, at: QPoint, keys: Qt.KeyboardModifier) -> Target | None:
        """The drop that a point of the view means; its own place is none."""
        assert self.drag is not None
        drag, is_copy = self.drag, bool(keys & CONTROL)
        hit = self.hit(at)
        if hit.kind == "node" and drag.is_many:
            return Target(gpu=self._starts[hit.node], node=hit.node, is_copy=is_copy)
        if not hit.is_tile or all(grab.gpu == hit.gpu for grab in drag.grabs):
            return None
        other = -1
        if not drag.is_many and not is_copy:
            index = self.gpus[hit.gpu].index_at(self.mapToScene(at))
            homes = self._homes[hit.gpu]
            # What the committed design has there counts, not what the preview shows in its place.
            other = homes[index] if 0 <= index < len(homes) and index < len(self.gpus[hit.gpu].chips) else -1
            other = -1 if other == drag.grab.expert else other
        return Target(gpu=hit.gpu, other=other, is_copy=is_copy)

    # Pointer

    def hit(self, at: QPoint) -> Hit:
        """What is at a point of the view."""
        if self._layout is None:
            return NOWHERE
        return hit_at(self._layout, self.gpus, self._starts, self.mapToScene(at))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self.begins_pan(event) or event.button() is not Qt.MouseButton.LeftButton or self.drag is not None:
            return
        at = event.position().toPoint()
        hit = self.hit(at)
        if hit.kind == "more":
            self.expand(hit.gpu)
            return
        if not (hit.is_tile and self.gpus[hit.gpu].is_expanded):
            self.expand(-1)
        self._pressed = (at, hit)
        is_adding = bool(event.modifiers() & (CONTROL | SHIFT))
        chip = (hit.expert, hit.gpu)
        if hit.kind == "chip" and chip not in self.picked and not is_adding:
            self.pick([chip])
        elif hit.kind in ("head", "gpu") and not is_adding:
            self.document.select(Selection(kind="gpu", gpu=hit.gpu))
        elif hit.kind == "node" and hit.node not in self.picked_nodes and not is_adding:
            self.pick_nodes([hit.node])
        elif hit.kind == "rack":
            names = [node.name for node in self.document.project.cluster.nodes]
            self.pick_nodes(number for number, name in enumerate(names) if name.rpartition("/")[0] == hit.rack)
        elif hit.kind == "link":
            self.document.select(Selection(kind="setting", path=INTER))
        elif not hit.kind and not is_adding:
            self.document.select(Selection(kind="design"))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.pans(event):
            return
        at = event.position().toPoint()
        if self._pressed is not None and self.drag is None and self.node_drag is None and self.band is None:
            start, hit = self._pressed
            if (at - start).manhattanLength() >= QApplication.startDragDistance() / 2:
                self._begin_gesture(hit, start, event.modifiers())
        if self.drag is not None and not self.carry.is_keyboard:
            self._pointer = at
            self.aim(self._target_at(at, event.modifiers()), at)
            self._edge.start()
        elif self.node_drag is not None:
            self.node_drag.move(self.mapToScene(at), self.scene(), self.theme)
        elif self.band is not None and self._pressed is not None:
            self.band = QRectF(self.mapToScene(self._pressed[0]), self.mapToScene(at)).normalized()
            self._show_ghost(self.band)
        elif self._pressed is None:
            self._show_cursor(self.hit(at))

    def _begin_gesture(self, hit: Hit, start: QPoint, keys: Qt.KeyboardModifier) -> None:
        chip = (hit.expert, hit.gpu)
        if hit.kind == "chip" and not keys & SHIFT:
            chips = [chip, *(item for item in self.picked if item != chip)] if chip in self.picked else [chip]
            self.begin_carry(chips, is_keyboard=False)
        elif hit.kind == "head" and self.gpus[hit.gpu].state.experts and not keys & SHIFT:
            self.begin_carry(self.chips_of(hit.gpu), is_keyboard=False)
        elif hit.kind in ("node", "rack") and self.picked_nodes and not keys & SHIFT:
            self.node_drag = NodeDrag(self.layout_shown, self.picked_nodes, self.mapToScene(start))
        else:
            self.band = QRectF(self.mapToScene(start), self.mapToScene(start))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.ends_pan():
            return
        pressed, self._pressed = self._pressed, None
        if self.drag is not None and not self.carry.is_keyboard:
            self.end_carry(is_drop=True)
        elif self.node_drag is not None:
            self._end_node_drag(is_drop=True)
        elif self.band is not None:
            self._end_band(event.modifiers(), is_drop=True)
        elif pressed is not None:
            self._click(pressed[1], event.modifiers())

    def _click(self, hit: Hit, keys: Qt.KeyboardModifier) -> None:
        """With Ctrl or Shift a click adds to what is selected, or takes away; without, it selects that alone."""
        is_adding, chip = bool(keys & (CONTROL | SHIFT)), (hit.expert, hit.gpu)
        if hit.kind == "chip":
            kept = [item for item in self.picked if item != chip]
            self.pick([chip, *kept] if is_adding and chip not in self.picked else kept if is_adding else [chip])
        elif hit.kind == "node":
            others = [node for node in self.picked_nodes if node != hit.node]
            if is_adding:
                self.pick_nodes(others if hit.node in self.picked_nodes else [hit.node, *others])
            else:
                self.pick_nodes([hit.node])
        elif hit.is_tile and is_adding:
            self.document.toggle(Selection(kind="gpu", gpu=hit.gpu))

    def _end_node_drag(self, *, is_drop: bool = False) -> None:
        drag, self.node_drag = self.node_drag, None
        if drag is not None:
            drag.end(self.scene())
            if is_drop and any(drag.by):
                self.verbs.run(lambda project: move_nodes(project, drag.nodes, drag.by))

    def _end_band(self, keys: Qt.KeyboardModifier, *, is_drop: bool = False) -> None:
        band, self.band = self.band, None
        self._hide_ghost()
        if band is None or not is_drop:
            return
        chips = [
            (chip.expert, gpu)
            for gpu, tile in enumerate(self.gpus)
            if band.intersects(qrect(tile.area))
            for index, chip in enumerate(tile.chips)
            if band.intersects(tile.chip_rect(index))
        ]
        nodes = [number for number, box in enumerate(self.layout_shown.nodes) if band.contains(qrect(box))]
        if nodes and not keys & SHIFT:
            self.pick_nodes(nodes)
        else:
            self.pick([*chips, *(self.picked if keys & (CONTROL | SHIFT) else ())])

    def escape(self) -> bool:
        """Cancel the gesture, or close what is open; whether there was anything."""
        was = self.drag is not None or self.node_drag is not None or self.band is not None
        self.end_carry()
        self._end_node_drag()
        self._end_band(Qt.KeyboardModifier.NoModifier)
        self._pressed = None
        if not was and any(tile.is_expanded for tile in self.gpus):
            self.expand(-1)
            return True
        return was

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

    def _show_cursor(self, hit: Hit) -> None:
        shapes = {"chip": Qt.CursorShape.OpenHandCursor, "head": Qt.CursorShape.OpenHandCursor}
        shapes |= {"link": Qt.CursorShape.PointingHandCursor, "more": Qt.CursorShape.PointingHandCursor}
        shapes |= {"node": Qt.CursorShape.SizeAllCursor}
        shape = shapes.get(hit.kind, Qt.CursorShape.ArrowCursor)
        if self.viewport().cursor().shape() is not shape:
            self.viewport().setCursor(shape)

    def _show_ghost(self, rect: QRectF) -> None:
        self._ghost = self._ghost or ghost(self.scene(), self.theme)
        path = QPainterPath()
        path.addRoundedRect(rect, RADIUS, RADIUS)
        self._ghost.setPath(path)

    def _hide_ghost(self) -> None:
        if self._ghost is not None:
            self.scene().removeItem(self._ghost)
            self._ghost = None

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

    # Devices from the palette

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if device_of(event.mimeData()) is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    @override
    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        found = device_of(event.mimeData())
        if found is None:
            event.ignore()
            return
        event.acceptProposedAction()
        at = event.position().toPoint()
        point, layout, node = self.mapToScene(at), self.layout_shown, self._node_at(at)
        if node >= 0 and not found[1]:
            self._show_ghost(qrect(layout.nodes[node]))
        else:
            column, row = free_place(layout.spots, layout.spot_at(point.x(), point.y()))
            corner = QPointF(column * layout.pitch[0], row * layout.pitch[1])
            self._show_ghost(QRectF(corner, QPointF(*layout.pitch) + corner - QPointF(30, 30)))
        self.card.show_text(drop_text(self.document.project, *found, node), at)

    @override
    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._hide_ghost()
        self.card.hide()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        self._hide_ghost()
        self.card.hide()
        found = device_of(event.mimeData())
        if found is None:
            event.ignore()
            return
        event.acceptProposedAction()
        at = event.position().toPoint()
        point = self.mapToScene(at)
        self.verbs.drop_device(*found, self._node_at(at), self.layout_shown.spot_at(point.x(), point.y()))

    def _node_at(self, at: QPoint) -> int:
        point = self.mapToScene(at)
        boxes = enumerate(self.layout_shown.nodes)
        return next((number for number, box in boxes if box.has(point.x(), point.y())), -1)

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
            self.aim_again(Qt.KeyboardModifier.NoModifier)
        super().keyReleaseEvent(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.keys.press(event):
            super().keyPressEvent(event)
