"""Sends what hands do on the canvas to those who know what it means."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QKeyEvent, QMouseEvent
from typing_extensions import override

from moe_studio.gui.canvas.device_drop import DeviceDrop
from moe_studio.gui.canvas.keys import CanvasKeys
from moe_studio.gui.canvas.pointer import CanvasPointer
from moe_studio.gui.widgets.zoom import ZoomView


class HandView(ZoomView):
    """A view with a pointer, keys, and a place to drop devices; what they leave over zooms and pans."""

    pointer: CanvasPointer
    keys: CanvasKeys
    device_drop: DeviceDrop

    def take_hands(self, pointer: CanvasPointer, keys: CanvasKeys, device_drop: DeviceDrop) -> None:
        """Be used by these."""
        self.pointer, self.keys, self.device_drop = pointer, keys, device_drop
        self.setAcceptDrops(True)
        self.viewport().setAcceptDrops(True)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if not self.begins_pan(event) and event.button() is Qt.MouseButton.LeftButton:
            self.pointer.press(event.position().toPoint(), event.modifiers())

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self.pans(event):
            self.pointer.move(event.position().toPoint(), event.modifiers())

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self.ends_pan() and event.button() is Qt.MouseButton.LeftButton:
            self.pointer.release(event.modifiers())

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
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.keys.press(event):
            super().keyPressEvent(event)

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Control:
            self.pointer.aim_again(Qt.KeyboardModifier.NoModifier)
        super().keyReleaseEvent(event)
