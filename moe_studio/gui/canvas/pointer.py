"""The hand on the canvas: clicks select, drags carry experts, move nodes, or draw a frame that selects."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRectF, Qt, QTimer
from PySide6.QtWidgets import QApplication

from moe_studio.document.selection import Selection
from moe_studio.gui.canvas.expert_drag import Target
from moe_studio.gui.canvas.ghost import Ghost
from moe_studio.gui.canvas.gpu_drag import GpuDrag
from moe_studio.gui.canvas.hit import Hit
from moe_studio.gui.canvas.item import qrect
from moe_studio.gui.canvas.node_drag import NodeDrag

if TYPE_CHECKING:
    from moe_studio.gui.canvas.cluster_view import ClusterView

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
EDGE, EDGE_MS = 28, 25
"""So near to the edge of the view, and so often, carrying scrolls it."""

CURSORS = {
    "chip": Qt.CursorShape.OpenHandCursor,
    "head": Qt.CursorShape.OpenHandCursor,
    "more": Qt.CursorShape.PointingHandCursor,
    "link": Qt.CursorShape.PointingHandCursor,
    "node": Qt.CursorShape.SizeAllCursor,
}


class CanvasPointer:
    """One gesture at a time, from pressing to letting go."""

    def __init__(self, view: "ClusterView") -> None:
        self._view = view
        self.layout_drag: NodeDrag | GpuDrag | None = None
        self.band: QRectF | None = None
        self.ghost = Ghost(view.scene())
        self._pressed: tuple[QPoint, Hit] | None = None
        self._was_picked = False
        self._at = QPoint()
        self._edge = QTimer(view)
        self._edge.setInterval(EDGE_MS)
        self._edge.timeout.connect(self._on_edge)

    def press(self, at: QPoint, keys: Qt.KeyboardModifier) -> None:
        """Select what lies there, unless it is to be added to what is selected."""
        view, hit = self._view, self._view.hit(at)
        if view.drag is not None:
            return
        if hit.kind == "more":
            view.expand(hit.gpu)
            return
        if not (hit.is_tile and view.gpus[hit.gpu].is_expanded):
            view.expand(-1)
        self._pressed = (at, hit)
        self._was_picked = hit.gpu in view.picking.gpus
        if keys & (CONTROL | SHIFT):
            return
        if hit.kind == "chip" and (hit.expert, hit.gpu) not in view.picking.chips:
            view.picking.pick([(hit.expert, hit.gpu)])
        elif hit.kind == "gpu" and self._was_picked:
            return  # it may be about to be dragged, with others
        elif hit.kind in ("head", "gpu"):
            view.document.select(Selection(kind="gpu", gpu=hit.gpu))
        elif hit.kind == "node" and hit.node not in view.picking.nodes:
            view.picking.pick_nodes([hit.node])
        elif hit.kind == "rack":
            view.picking.pick_rack(hit.rack)
        elif hit.kind == "link":
            view.document.select(Selection(kind="setting", path=f"cluster.links.{hit.tier}.gb_s"))
        elif not hit.kind:
            view.document.select(Selection(kind="design"))

    def move(self, at: QPoint, keys: Qt.KeyboardModifier) -> None:
        """Go on with the gesture, or begin one when the pointer has gone far enough."""
        view = self._view
        if self._pressed is not None and not self._is_busy:
            start, hit = self._pressed
            if (at - start).manhattanLength() >= QApplication.startDragDistance() / 2:
                self._begin(hit, start, keys)
        if self._is_carrying:
            self._at = at
            self._aim(keys)
            self._edge.start()
        elif self.layout_drag is not None:
            drag = self.layout_drag
            drag.follow(view.mapToScene(at), is_free=bool(keys & ALT))
            self.ghost.show(drag.outline(), view.theme, drag.guides())
            view.cards.show_racks(drag.cluster, drag.layout, drag.rack)
            view.card.show_text(drag.text, at)
        elif self.band is not None and self._pressed is not None:
            self.band = QRectF(view.mapToScene(self._pressed[0]), view.mapToScene(at)).normalized()
            self.ghost.show_rect(self.band, view.theme)
        elif self._pressed is None:
            self._show_cursor(view.hit(at))

    def release(self, keys: Qt.KeyboardModifier) -> None:
        """Finish the gesture; without one it was a click."""
        pressed, self._pressed = self._pressed, None
        if self._is_carrying:
            self._view.experts.end(is_drop=True)
        elif self.layout_drag is not None:
            self._drop_layout(self.layout_drag)
        elif self.band is not None:
            self._select_in(self.band, keys)
        elif pressed is not None:
            self._click(pressed[1], keys)
        self.cancel()

    def cancel(self) -> bool:
        """Forget the gesture; whether there was one."""
        was = self.layout_drag is not None or self.band is not None
        self.layout_drag = self.band = self._pressed = None
        self._edge.stop()
        self.ghost.hide()
        if was:
            self._view.card.hide()
            self._view.cards.show_racks(self._view.document.project.cluster, self._view.layout_shown)
        return was

    def aim_again(self, keys: Qt.KeyboardModifier) -> None:
        """Other keys are held, or the ground has moved: the same point may mean something else."""
        if self._is_carrying:
            self._aim(keys)

    def _aim(self, keys: Qt.KeyboardModifier) -> None:
        if self._view.carry.use_copies(bool(keys & CONTROL)):
            self._view.show_marks()
        self._view.experts.aim(self._target(keys), self._at)

    @property
    def _is_carrying(self) -> bool:
        return self._view.drag is not None and not self._view.carry.is_keyboard

    @property
    def _is_busy(self) -> bool:
        return self._view.drag is not None or self.layout_drag is not None or self.band is not None

    def _begin(self, hit: Hit, start: QPoint, keys: Qt.KeyboardModifier) -> None:
        view, chip = self._view, (hit.expert, hit.gpu)
        is_framing = bool(keys & SHIFT)
        if hit.kind == "chip" and not is_framing:
            others = [item for item in view.picking.chips if item != chip] if chip in view.picking.chips else []
            view.experts.carry([chip, *others], is_keyboard=False)
        elif hit.kind == "head" and view.gpus[hit.gpu].state.experts and not is_framing:
            view.experts.carry(view.picking.chips_of(hit.gpu), is_keyboard=False)
        elif hit.kind == "gpu" and self._was_picked and not is_framing:
            self.layout_drag = GpuDrag(view.layout_shown, view.document.project.cluster, view.picking.gpus)
        elif hit.kind in ("node", "rack") and view.picking.nodes and not is_framing:
            self.layout_drag = NodeDrag(
                view.layout_shown, view.document.project.cluster, view.picking.nodes, view.mapToScene(start)
            )
        else:
            self.band = QRectF(view.mapToScene(start), view.mapToScene(start))

    def _click(self, hit: Hit, keys: Qt.KeyboardModifier) -> None:
        """With Ctrl or Shift a click adds to what is selected, or takes away; without, it selects that alone."""
        view, is_adding, chip = self._view, bool(keys & (CONTROL | SHIFT)), (hit.expert, hit.gpu)
        if hit.is_tile and is_adding:
            is_chip = hit.kind == "chip"
            view.document.toggle(Selection(kind="expert" if is_chip else "gpu", gpu=hit.gpu, expert=hit.expert))
        elif hit.kind == "node" and is_adding:
            view.document.toggle(Selection(kind="node", node=hit.node))
        elif hit.kind == "chip":
            view.picking.pick([chip])
        elif hit.kind == "gpu":
            view.document.select(Selection(kind="gpu", gpu=hit.gpu))
        elif hit.kind == "node":
            view.picking.pick_nodes([hit.node])

    def _drop_layout(self, drag: NodeDrag | GpuDrag) -> None:
        self._view.verbs.run(drag.change)

    def _select_in(self, band: QRectF, keys: Qt.KeyboardModifier) -> None:
        """Nodes that lie in the frame as a whole; else the experts that it touches."""
        view = self._view
        nodes = [number for number, box in enumerate(view.layout_shown.nodes) if band.contains(qrect(box))]
        if nodes and not keys & SHIFT:
            view.picking.pick_nodes(nodes)
            return
        chips = [
            (chip.expert, gpu)
            for gpu, tile in enumerate(view.gpus)
            if band.intersects(qrect(tile.area))
            for index, chip in enumerate(tile.chips)
            if band.intersects(tile.chip_rect(index))
        ]
        view.picking.pick([*chips, *(view.picking.chips if keys & (CONTROL | SHIFT) else ())])

    def _target(self, keys: Qt.KeyboardModifier) -> Target | None:
        """The drop that the pointer means; its own place is none."""
        view, drag, is_copy = self._view, self._view.drag, bool(keys & CONTROL)
        assert drag is not None
        hit = view.hit(self._at)
        if hit.kind == "node" and drag.is_many:
            return Target(gpu=view.first_gpu(hit.node), node=hit.node, is_copy=is_copy)
        if not hit.is_tile or all(grab.gpu == hit.gpu for grab in drag.grabs):
            return None
        other = -1
        if not drag.is_many and not is_copy:
            tile, homes = view.gpus[hit.gpu], view.experts.homes(hit.gpu)
            index = tile.index_at(view.mapToScene(self._at))
            # What the committed design has there counts, not what the preview shows in its place.
            other = homes[index] if 0 <= index < min(len(homes), len(tile.chips)) else -1
            other = -1 if other == drag.grab.expert else other
        return Target(gpu=hit.gpu, other=other, is_copy=is_copy)

    def _on_edge(self) -> None:
        """Carried to the edge of a view that does not show everything, experts take the view along."""
        view = self._view
        port, at = view.viewport().rect(), self._at
        dx = (at.x() > port.right() - EDGE) - (at.x() < port.left() + EDGE)
        dy = (at.y() > port.bottom() - EDGE) - (at.y() < port.top() + EDGE)
        if not self._is_carrying or view.is_fitted or not (dx or dy):
            self._edge.stop()
            return
        for bar, step in ((view.horizontalScrollBar(), dx), (view.verticalScrollBar(), dy)):
            bar.setValue(bar.value() + step * EDGE // 2)
        self.aim_again(QApplication.keyboardModifiers())

    def _show_cursor(self, hit: Hit) -> None:
        shape, port = CURSORS.get(hit.kind, Qt.CursorShape.ArrowCursor), self._view.viewport()
        if port.cursor().shape() is not shape:
            port.setCursor(shape)
