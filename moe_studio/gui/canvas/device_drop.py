"""Devices of the palette dragged over the canvas and dropped."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF, QSizeF
from PySide6.QtGui import QDragMoveEvent, QDropEvent

from moe_studio.document.node_place import free_place
from moe_studio.gui.canvas.ghost import Ghost
from moe_studio.gui.canvas.item import qrect
from moe_studio.gui.canvas.layout_verbs import Landing, drop_text
from moe_studio.gui.canvas.palette import device_of

if TYPE_CHECKING:
    from moe_studio.gui.canvas.cluster_view import ClusterView


class DeviceDrop:
    """Shows where a device would go, and lets it go there."""

    def __init__(self, view: "ClusterView") -> None:
        self._view = view
        self._ghost = Ghost(view.scene())

    def enter(self, event: QDragMoveEvent) -> None:
        """Take devices, and nothing else."""
        if device_of(event.mimeData()) is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    def move(self, event: QDragMoveEvent) -> None:
        """Show what a drop here would do."""
        self.enter(event)
        found = device_of(event.mimeData())
        if found is None:
            return
        view, at = self._view, event.position().toPoint()
        layout, ground = view.layout_shown, self._landing(at)
        if ground.node >= 0 and not found[1]:
            self._ghost.show_rect(qrect(layout.nodes[ground.node]), view.theme)
        else:
            column, row = free_place(layout.spots, ground.at)
            corner = QPointF(column * layout.pitch[0], row * layout.pitch[1])
            widest, highest = max(box.width for box in layout.nodes), max(box.height for box in layout.nodes)
            self._ghost.show_rect(QRectF(corner, QSizeF(widest, highest)), view.theme)
        is_new = ground.node < 0 or bool(found[1])
        view.cards.show_racks(view.document.project.cluster, layout, ground.rack if is_new else "")
        view.card.show_text(drop_text(view.document.project, *found, ground), at)

    def leave(self) -> None:
        """Show nothing any more."""
        self._ghost.hide()
        self._view.card.hide()
        self._view.cards.show_racks(self._view.document.project.cluster, self._view.layout_shown)

    def drop(self, event: QDropEvent) -> None:
        """Add the device."""
        self.leave()
        found = device_of(event.mimeData())
        if found is None:
            event.ignore()
            return
        event.acceptProposedAction()
        at = event.position().toPoint()
        self._view.verbs.drop_device(*found, self._landing(at))

    def _landing(self, at: QPoint) -> Landing:
        point, layout = self._view.mapToScene(at), self._view.layout_shown
        nodes = enumerate(layout.nodes)
        return Landing(
            at=layout.spot_at(point.x(), point.y()),
            node=next((number for number, box in nodes if box.has(point.x(), point.y())), -1),
            rack=layout.rack_at(point.x(), point.y()),
        )
