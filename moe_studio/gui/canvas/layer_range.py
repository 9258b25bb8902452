"""Choosing the layers to show and edit: a slider with two handles, and a field for ``3–10``."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget
from typing_extensions import override

from moe_studio.document.placing import Span
from moe_studio.errors import ProjectError
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import plain_tip
from moe_studio.project.design import layer_ranges

HANDLE = 6.0


class RangeSlider(QWidget):
    """Two handles on a line. Left and Right move the active one, Space changes to the other, Home and End widen.

    Signals:
        changed: other layers were chosen; carries the first and the last.
    """

    changed = Signal(int, int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.count, self.first, self.last = 1, 0, 0
        self._active = 1
        self._pressed: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Layers shown and edited"))
        self.setToolTip(plain_tip(tr("Layers shown and edited: drag the handles; a double click takes all")))

    @override
    def sizeHint(self) -> QSize:
        return QSize(116, 22)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(76, 22)

    def show_range(self, count: int, first: int, last: int) -> None:
        """Show a range of ``count`` layers."""
        if (count, first, last) != (self.count, self.first, self.last):
            self.count, self.first, self.last = count, first, last
            self.update()

    def _x(self, layer: int) -> float:
        return HANDLE + 2 + (self.width() - 2 * HANDLE - 4) * (layer / max(1, self.count - 1))

    def _layer(self, x: float) -> int:
        share = (x - HANDLE - 2) / max(1.0, self.width() - 2 * HANDLE - 4)
        return max(0, min(self.count - 1, round(share * (self.count - 1))))

    def _choose(self, first: int, last: int) -> None:
        if (first, last) != (self.first, self.last):
            self.first, self.last = first, last
            self.update()
            self.changed.emit(first, last)

    def _put(self, layer: int) -> None:
        """Bring the active handle to a layer; it changes places with the other when it passes it."""
        ends = [self.first, self.last]
        ends[self._active] = layer
        if ends[0] > ends[1]:
            self._active = 1 - self._active
        self._choose(min(ends), max(ends))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        near = [abs(x - self._x(self.first)), abs(x - self._x(self.last))]
        # Where both handles lie on each other, the side on which one presses decides.
        self._active = int(x > self._x(self.first)) if near[0] == near[1] else near.index(min(near))
        self._pressed = self.first, self.last
        self._put(self._layer(x))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None:
            self._put(self._layer(event.position().x()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = None

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._choose(0, self.count - 1)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        at = (self.first, self.last)[self._active]
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1}.get(
            Qt.Key(event.key()), 0
        )
        if step:
            self._put(max(0, min(self.count - 1, at + step)))
        elif event.key() == Qt.Key.Key_Space:
            self._active = 1 - self._active
            self.update()
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._choose(0, self.count - 1)
        elif event.key() == Qt.Key.Key_Escape and self._pressed is not None:
            before, self._pressed = self._pressed, None
            self._choose(*before)
        else:
            super().keyPressEvent(event)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("raised_edge"))
        painter.drawRoundedRect(QRectF(2, middle - 2, self.width() - 4, 4), 2, 2)
        painter.setBrush(self.theme.color("accent"))
        left, right = self._x(self.first), self._x(self.last)
        painter.drawRoundedRect(QRectF(left, middle - 2, max(1.0, right - left), 4), 2, 2)
        for index, x in enumerate((left, right)):
            is_active = self.hasFocus() and index == self._active
            painter.setPen(self.theme.color("accent"))
            painter.setBrush(self.theme.color("accent" if is_active else "surface"))
            painter.drawEllipse(QPointF(x, middle), HANDLE, HANDLE)
        painter.end()


class LayerRange(QWidget):
    """The slider and the field.

    Signals:
        chosen: other layers were chosen; carries a `Span`.
        refused: what was typed is no range of layers; carries the sentence that says why.
    """

    chosen = Signal(object)
    refused = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.slider = RangeSlider(theme)
        self.field = QLineEdit()
        self.field.setAccessibleName(tr("Layers shown and edited, such as 3–10"))
        self.field.setToolTip(plain_tip(tr("Layers shown and edited: all, 4, or 3–10")))
        self.field.setFixedWidth(64)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.field)
        row.addWidget(self.slider)
        self.slider.changed.connect(self._on_slid)
        self.field.editingFinished.connect(self._on_typed)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.slider.theme = theme
        self.slider.update()

    def show_span(self, span: Span, count: int) -> None:
        """Show the layers in force."""
        first, last = (0, count - 1) if span is None else (span, span) if isinstance(span, int) else span
        self.slider.show_range(count, first, last)
        text = span_text(span)
        if not self.field.isModified() or not self.field.hasFocus():
            self.field.setText(text)

    def _on_slid(self, first: int, last: int) -> None:
        self.field.setModified(False)
        self.chosen.emit(_span(first, last, self.slider.count))

    def _on_typed(self) -> None:
        if not self.field.isModified():
            return
        self.field.setModified(False)
        try:
            span = span_of(self.field.text(), self.slider.count)
        except ProjectError as error:
            self.refused.emit(str(error))
            self.field.setText(span_text(_span(self.slider.first, self.slider.last, self.slider.count)))
            return
        self.field.setText(span_text(span))
        self.chosen.emit(span)


def span_text(span: Span) -> str:
    """A span for the field."""
    return tr("all") if span is None else f"{span}" if isinstance(span, int) else f"{span[0]}–{span[1]}"


def span_of(text: str, count: int) -> Span:
    """The span that ``text`` means, among ``count`` layers."""
    plain = text.strip().lower().replace("–", "-")
    if plain in ("", "all", tr("all"), "*"):
        return None
    ranges = layer_ranges(plain)
    if len(ranges) != 1 or ranges[0][1] >= count:
        raise ProjectError(f"Layers must look like 4, 3–10 or all, with numbers from 0 to {count - 1}.")
    return _span(*ranges[0], count)


def _span(first: int, last: int, count: int) -> Span:
    if first == last:
        return first if count > 1 else None
    return None if (first, last) == (0, count - 1) else (first, last)
