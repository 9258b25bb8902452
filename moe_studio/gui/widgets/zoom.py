"""Zooming and panning that all canvases share."""

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView
from typing_extensions import override

STEP = 1.0015
SMALLEST, LARGEST = 0.03, 4.0


class ZoomView(QGraphicsView):
    """A graphics view with the usual hands: the wheel zooms at the pointer, middle or Space drag pans.

    Until the user zooms, the whole scene is kept in view.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setScene(QGraphicsScene(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setMouseTracking(True)
        self.is_fitted = True
        self._pan_from: QPoint | None = None
        self._has_space = False

    def whole(self) -> QRectF:
        """What fitting brings into view."""
        return self.sceneRect()

    def fit(self) -> None:
        """Bring everything into view, at most at 100 %."""
        self.is_fitted = True
        whole, port = self.whole(), self.viewport().rect()
        if whole.isEmpty():
            return
        scale = min(port.width() / whole.width(), port.height() / whole.height(), 1.25)
        self.resetTransform()
        self.scale(scale, scale)
        self.centerOn(whole.center())

    def frame(self, rect: QRectF) -> None:
        """Bring ``rect`` into view."""
        self.is_fitted = False
        self.fitInView(rect.adjusted(-60, -60, 60, 60), Qt.AspectRatioMode.KeepAspectRatio)
        scale = self.transform().m11()
        if scale > 1.5:
            self.scale(1.5 / scale, 1.5 / scale)

    def zoom_to(self, scale: float) -> None:
        """Use a scale, keeping the middle."""
        self.is_fitted = False
        factor = max(SMALLEST, min(LARGEST, scale)) / self.transform().m11()
        self.scale(factor, factor)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() or event.angleDelta().x()
        self.zoom_to(self.transform().m11() * STEP**steps)
        event.accept()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.is_fitted:
            self.fit()

    def begins_pan(self, event: QMouseEvent) -> bool:
        """Start panning if ``event`` asks for it."""
        is_left = event.button() is Qt.MouseButton.LeftButton
        if event.button() is Qt.MouseButton.MiddleButton or (is_left and self._has_space):
            self._pan_from = event.position().toPoint()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            return True
        return False

    def pans(self, event: QMouseEvent) -> bool:
        """Pan if panning."""
        if self._pan_from is None:
            return False
        delta = event.position().toPoint() - self._pan_from
        self._pan_from = event.position().toPoint()
        self.is_fitted = False
        for bar, step in ((self.horizontalScrollBar(), delta.x()), (self.verticalScrollBar(), delta.y())):
            bar.setValue(bar.value() - step)
        return True

    def ends_pan(self) -> bool:
        """Stop panning if panning."""
        was = self._pan_from is not None
        self._pan_from = None
        if was:
            self.viewport().unsetCursor()
        return was

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self._has_space = True
        event.ignore()

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._has_space = False
        event.ignore()
