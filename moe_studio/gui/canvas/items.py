"""What stands on the canvas: nodes, GPUs in them, experts on those. Made once, updated in place."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from moe_studio.gui.canvas.gpu_state import ExpertState, GpuState
from moe_studio.gui.canvas.layout import CHIP_HEIGHT, CHIP_WIDTH, TILE_PADDING, Box, chip_box
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.label import plain_tip

RADIUS = 6.0
READABLE = 0.42
"""Below this scale small text is left out: it could not be read and takes most of the time."""

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTER = Qt.AlignmentFlag.AlignCenter


class NodeItem(QGraphicsItem):
    """A machine: a card behind its GPUs, with its name and what it is made of."""

    def __init__(self, index: int, theme: Theme) -> None:
        super().__init__()
        self.index = index
        self.theme = theme
        self._name = self._detail = ""
        self._size = QRectF()
        self._is_selected = False
        self.setZValue(-1)

    def show_node(self, box: Box, name: str, detail: str, *, is_selected: bool) -> None:
        """Show the node at ``box``."""
        rect = QRectF(0, 0, box.width, box.height)
        if rect != self._size:
            self.prepareGeometryChange()
            self._size = rect
        self.setPos(box.x, box.y)
        if (name, detail, is_selected) != (self._name, self._detail, self._is_selected):
            self._name, self._detail, self._is_selected = name, detail, is_selected
            self.update()

    @override
    def boundingRect(self) -> QRectF:
        return self._size.adjusted(-2, -2, 2, 2)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        theme = self.theme
        token, width = ("accent", 2.0) if self._is_selected else ("hairline", 1.0)
        painter.setPen(QPen(theme.color(token), width))
        painter.setBrush(theme.color("window"))
        painter.drawRoundedRect(self._size, RADIUS + 2, RADIUS + 2)
        scale = painter.worldTransform().m11()
        painter.setPen(theme.color("text"))
        painter.setFont(ui_font(min(26, max(13, round(9 / scale))), is_bold=True))
        head = QRectF(14, 6, self._size.width() - 28, 24)
        name = painter.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideRight, int(head.width() * 0.5))
        painter.drawText(head, LEFT, name)
        if scale >= READABLE:
            used = painter.fontMetrics().horizontalAdvance(name) + 10
            painter.setFont(ui_font(11))
            painter.setPen(theme.color("muted"))
            rest = head.adjusted(used, 1, 0, 1)
            painter.drawText(
                rest,
                LEFT,
                painter.fontMetrics().elidedText(self._detail, Qt.TextElideMode.ElideRight, int(rest.width())),
            )


class GpuItem(QGraphicsItem):
    """A GPU: its number and ranks, its experts, its memory by part, and what a drop here would change."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.state: GpuState | None = None
        self._size = QRectF()
        self.mark = ""
        self._effect: tuple[str, str] = ("", "")
        self._more = 0
        # Tiles are redrawn when they change, not whenever something moves over them.
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.chips: list[ChipItem] = []

    def show_state(self, box: Box, state: GpuState, chip_rows: int) -> None:
        """Show ``state`` at ``box``."""
        rect = QRectF(0, 0, box.width, box.height)
        if rect != self._size:
            self.prepareGeometryChange()
            self._size = rect
        self.setPos(box.x, box.y)
        if state == self.state:
            return
        self.state = state
        room = chip_rows * 3
        shown = state.experts if len(state.experts) <= room else state.experts[: room - 1]
        self._more = len(state.experts) - len(shown)
        while len(self.chips) < len(shown):
            self.chips.append(ChipItem(self, len(self.chips)))
        for index, chip in enumerate(self.chips):
            chip.show_expert(shown[index] if index < len(shown) else None)
        self.update()

    def show_marks(self, mark: str, effect: tuple[str, str]) -> None:
        """Outline the tile as ``selected``, ``target``, ``refused`` or not; ``effect`` is a text and its tone."""
        if (mark, effect) != (self.mark, self._effect):
            if bool(effect[0]) != bool(self._effect[0]):
                for chip in self.chips:
                    chip.update()
            self.mark, self._effect = mark, effect
            self.update()

    @property
    def has_effect(self) -> bool:
        """Whether it says what a drop would change."""
        return bool(self._effect[0])

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.update()
        for chip in self.chips:
            chip.update()

    @override
    def boundingRect(self) -> QRectF:
        return self._size.adjusted(-2, -2, 2, 2)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self.state is None:
            return
        self._paint_frame(painter)
        if painter.worldTransform().m11() < READABLE:
            self._paint_small(painter)
            return
        self._paint_head(painter)
        self._paint_memory(painter)
        self._paint_foot(painter)

    def _paint_small(self, painter: QPainter) -> None:
        """From afar: the number as large as it fits, what a drop would change, and a thick memory bar."""
        assert self.state is not None
        text, tone = self._effect
        pixels = min(34, max(13, round(10 / painter.worldTransform().m11())))
        painter.setFont(ui_font(pixels, is_bold=True))
        painter.setPen(self.theme.color("path" if self.state.is_slowest else tone or "text"))
        painter.drawText(QRectF(2, 2, self._size.width() - 4, 34), CENTER, short_change(text) or f"{self.state.gpu}")
        self._paint_memory(painter, thick=14)

    def _paint_frame(self, painter: QPainter) -> None:
        assert self.state is not None
        token, width = "hairline", 1.0
        if self.state.is_slowest:
            token, width = "path", 1.8
        if self.mark:
            token, width = {"refused": "bad"}.get(self.mark, "accent"), 2.0
        painter.setPen(QPen(self.theme.color(token), width))
        painter.setBrush(self.theme.color("chosen" if self.mark == "target" else "surface"))
        painter.drawRoundedRect(self._size, RADIUS, RADIUS)

    def _paint_head(self, painter: QPainter) -> None:
        state = self.state
        assert state is not None
        head = QRectF(TILE_PADDING, 5, self._size.width() - 2 * TILE_PADDING, 22)
        painter.setFont(ui_font(12, is_bold=True))
        painter.setPen(self.theme.color("text"))
        painter.drawText(head, LEFT, f"GPU {state.gpu}")
        painter.setFont(ui_font(10, is_bold=state.is_slowest))
        painter.setPen(self.theme.color("path" if state.is_slowest else "muted"))
        painter.drawText(head, RIGHT, "slowest" if state.is_slowest else state.rank)
        if self._more:
            box = chip_box(len(self.chips) if len(self.chips) < 3 * 4 else 11)
            painter.setFont(ui_font(10))
            painter.drawText(QRectF(box.x, box.y, box.width + 8, box.height), LEFT, f"+ {self._more}")

    def _paint_memory(self, painter: QPainter, thick: int = 6) -> None:
        state = self.state
        assert state is not None
        bar = QRectF(TILE_PADDING, self._size.height() - 32, self._size.width() - 2 * TILE_PADDING, thick)
        paint_shares(painter, bar, state.memory, self.theme)

    def _paint_foot(self, painter: QPainter) -> None:
        state = self.state
        assert state is not None
        foot = QRectF(TILE_PADDING, self._size.height() - 23, self._size.width() - 2 * TILE_PADDING, 18)
        text, tone = self._effect
        right, bold = (text, True) if text else (state.load_text, state.is_overloaded)
        token = tone or "muted" if text else ("bad" if state.is_overloaded else "muted")
        painter.setFont(ui_font(10, is_bold=bold))
        painter.setPen(self.theme.color(token))
        painter.drawText(foot, RIGHT, right)
        used = painter.fontMetrics().horizontalAdvance(right) + 4
        painter.setFont(ui_font(10, is_bold=state.is_full))
        painter.setPen(self.theme.color("bad" if state.is_full else "muted"))
        left = painter.fontMetrics().elidedText(
            state.memory_text, Qt.TextElideMode.ElideRight, int(foot.width() - used)
        )
        painter.drawText(foot, LEFT, left)


class ChipItem(QGraphicsItem):
    """An expert on a GPU: what is dragged."""

    def __init__(self, gpu: GpuItem, index: int) -> None:
        super().__init__(gpu)
        self.gpu_item = gpu
        self.expert = -1
        self._state: ExpertState | None = None
        self._mark = ""
        box = chip_box(index)
        self.setPos(box.x, box.y)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    @property
    def gpu(self) -> int:
        """The GPU it is on."""
        assert self.gpu_item.state is not None
        return self.gpu_item.state.gpu

    def show_expert(self, state: ExpertState | None) -> None:
        """Show an expert, or nothing."""
        if state == self._state:
            return
        self._state = state
        self.expert = state.expert if state else -1
        self.setVisible(state is not None)
        if state is not None:
            where = f" in {state.layers} of the layers shown" if state.is_partial else ""
            self.setToolTip(plain_tip(f"Expert {state.expert}{where}. Drag it to another GPU, or press G."))
        self.update()

    def show_mark(self, mark: str) -> None:
        """Draw it as ``selected``, ``moved`` or plain."""
        if mark != self._mark:
            self._mark = mark
            self.update()

    @override
    def boundingRect(self) -> QRectF:
        return QRectF(-2, -2, CHIP_WIDTH + 4, CHIP_HEIGHT + 4)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self._state is None:
            return
        is_small = painter.worldTransform().m11() < READABLE
        if is_small and self.gpu_item.has_effect:
            return  # from afar there is room for one of both
        text = "" if is_small else f"E{self._state.expert}"
        rect = QRectF(0, 0, CHIP_WIDTH, CHIP_HEIGHT)
        paint_chip(painter, rect, text, self.gpu_item.theme, self._mark, is_partial=self._state.is_partial)


def short_change(text: str) -> str:
    """A change without its decimals, for tiles seen from afar."""
    number = text[1:].removesuffix(" %")
    return f"{text[0]}{float(number):.0f} %" if "." in number else text


def paint_chip(
    painter: QPainter, rect: QRectF, text: str, theme: Theme, mark: str = "", *, is_partial: bool = False
) -> None:
    """Draw an expert: filled, or only outlined when it is here in some of the layers."""
    color = theme.family("expert")
    fill = QColor(color)
    if is_partial or mark == "ghost":
        fill.setAlpha(46)
    pen = QPen(theme.color("accent") if mark in ("selected", "moved") else color, 2.0 if mark else 1.0)
    if mark == "ghost":
        pen = QPen(color, 1.0, Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(fill)
    painter.drawRoundedRect(rect, 5, 5)
    painter.setPen(theme.color("text" if fill.alpha() < 255 else "on_family"))
    painter.setFont(ui_font(11, is_bold=True))
    painter.drawText(rect, CENTER, text)


def paint_shares(painter: QPainter, bar: QRectF, shares: tuple[float, ...], theme: Theme) -> None:
    """A bar of parts against capacity; what does not fit is marked by a red end and a notch at the limit."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("raised_edge"))
    painter.drawRect(bar)
    whole = max(1.0, sum(shares))
    x = bar.left()
    for share, color in zip(shares, theme.memory.values(), strict=True):
        width = bar.width() * share / whole
        painter.setBrush(QColor(color))
        painter.drawRect(QRectF(x, bar.top(), width, bar.height()))
        x += width
    if whole > 1.0:
        limit = bar.left() + bar.width() / whole
        painter.setBrush(theme.color("bad"))
        painter.drawRect(QRectF(limit, bar.bottom() + 1, bar.right() - limit, 2))
        painter.setPen(QPen(theme.color("bad"), 2))
        painter.drawLine(QPointF(limit, bar.top() - 2), QPointF(limit, bar.bottom() + 3))
