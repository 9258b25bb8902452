"""How a GPU is drawn, from near and from afar."""

from functools import lru_cache

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from moe_studio.gui.canvas.chip_paint import paint_chip, paint_shares
from moe_studio.gui.canvas.gpu_state import GpuState
from moe_studio.gui.canvas.item import qrect
from moe_studio.gui.canvas.tile import CENTER, ELIDE, LEFT, RADIUS, READABLE, RIGHT, Tile
from moe_studio.gui.canvas.tile_grid import PADDING
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font

SHUT = 0.4
"""How much is seen of a GPU that can take nothing of what is carried."""


def paint_tile(painter: QPainter, tile: Tile, theme: Theme, scale: float) -> None:
    """Draw a GPU with the painter's origin in its corner, as large as ``scale`` lets it be read."""
    area = QRectF(0, 0, tile.area.width, tile.area.height)
    painter.setOpacity(SHUT if tile.mark == "shut" else 1.0)
    _frame(painter, area, tile, theme)
    if scale < READABLE:
        _paint_small(painter, area, tile, theme, scale)
        return
    _head(painter, area, tile, theme, scale)
    for index, chip in enumerate(tile.chips):
        box = tile.grid.chip_box(index, in_row=tile.in_row)
        rect = qrect(box)
        paint_chip(painter, rect, f"E{chip.expert}", theme, tile.chip_marks.get(chip.expert, ""), chip)
    if tile.hidden:
        box = tile.grid.chip_box(len(tile.chips))
        _more(painter, qrect(box), f"+{tile.hidden}", theme)
    wide = area.width() - 2 * PADDING
    if tile.grid.is_roomy:
        paint_shares(painter, QRectF(PADDING, area.height() - 60, wide, 9), tile.state.memory, theme)
        _load(painter, QRectF(PADDING, area.height() - 46, wide, 4), tile.state, theme)
        _roomy_foot(painter, area, tile, theme, scale)
        return
    paint_shares(painter, QRectF(PADDING, area.height() - 35, wide, 6), tile.state.memory, theme)
    _load(painter, QRectF(PADDING, area.height() - 24.5, wide, 3), tile.state, theme)
    _foot(painter, area, tile, theme, scale)


def _frame(painter: QPainter, area: QRectF, tile: Tile, theme: Theme) -> None:
    token, width = "hairline", 1.0
    if tile.state.is_slowest:
        token, width = "path", 1.8
    if tile.is_expanded:
        token, width = "handle", 1.6
    if tile.frame_token:
        token, width = tile.frame_token, 2.0
    painter.setPen(QPen(theme.color(token), width))
    painter.setBrush(theme.color("chosen" if tile.mark == "target" else "surface"))
    painter.drawRoundedRect(area, RADIUS, RADIUS)
    if tile.state.load > 1.005 and tile.mark != "target":
        tint = QColor(theme.family("expert"))
        tint.setAlphaF(min(0.3, 0.25 * (tile.state.load - 1)))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tint)
        painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), RADIUS - 1, RADIUS - 1)


def _paint_small(painter: QPainter, area: QRectF, tile: Tile, theme: Theme, scale: float) -> None:
    """From afar: the number as large as it fits, or what a drop would change, chips and a thick memory bar."""
    state, promise = tile.state, tile.promise
    size = min(34, max(13, round(10 / scale)))
    painter.setFont(ui_font(size, is_bold=True))
    painter.setPen(theme.color("path_text" if state.is_slowest else promise.tone or "text"))
    painter.drawText(QRectF(2, 2, area.width() - 4, 34), CENTER, short_change(promise.latency) or f"{state.gpu}")
    paint_shares(painter, QRectF(PADDING, area.height() - 32, area.width() - 2 * PADDING, 14), state.memory, theme)
    _load(painter, QRectF(PADDING, area.height() - 14, area.width() - 2 * PADDING, 6), state, theme)
    if tile.has_effect and size > 26:
        return  # there is room for one of both
    for index, chip in enumerate(tile.chips):
        box = tile.grid.chip_box(index, in_row=tile.in_row)
        rect = QRectF(box.x, box.y + 4, box.width, box.height)
        paint_chip(painter, rect, "", theme, tile.chip_marks.get(chip.expert, ""), chip)
    if tile.hidden:
        box = tile.grid.chip_box(len(tile.chips))
        _more(painter, QRectF(box.x, box.y + 4, box.width, box.height), "", theme)


def pixels(base: int, scale: float) -> int:
    """The size of text that is ``base`` at full scale: from afar a little larger, so that it can still be read."""
    return max(base, min(round(1.35 * base), round(9 / scale)))


def _head(painter: QPainter, area: QRectF, tile: Tile, theme: Theme, scale: float) -> None:
    state = tile.state
    head = QRectF(PADDING, 5, area.width() - 2 * PADDING, 22)
    painter.setFont(ui_font(pixels(13, scale), is_bold=True))
    painter.setPen(theme.color("text"))
    painter.drawText(head, LEFT, f"GPU {state.gpu}")
    used = painter.fontMetrics().horizontalAdvance(f"GPU {state.gpu}") + 6
    right, token, is_bold = state.rank, "muted", False
    if state.is_slowest:
        right, token, is_bold = tr("slowest"), "path_text", True
    if tile.has_effect:
        right, token, is_bold = tile.promise.traffic, "muted", False
    painter.setFont(ui_font(pixels(11, scale), is_bold=is_bold))
    painter.setPen(theme.color(token))
    # Of a rank the position says most; of an amount a part would say something else.
    texts = (right, right.partition(" ")[2], right.rpartition(" ")[2] if right == state.rank else "")
    room = head.width() - used
    fitting = next((text for text in texts if painter.fontMetrics().horizontalAdvance(text) <= room), "")
    painter.drawText(head, RIGHT, fitting)


def _load(painter: QPainter, bar: QRectF, state: GpuState, theme: Theme) -> None:
    """The load on a scale from none to twice the mean, with a notch at the mean."""
    if not state.load or abs(state.load - 1) < 0.005:
        return  # the mean says nothing
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("raised_edge"))
    painter.drawRect(bar)
    painter.setBrush(theme.color("bad") if state.is_overloaded else theme.family("expert"))
    painter.drawRect(QRectF(bar.left(), bar.top(), bar.width() * min(1.0, state.load / 2), bar.height()))
    painter.setBrush(theme.color("muted"))
    painter.drawRect(QRectF(bar.center().x() - 0.5, bar.top() - 1, 1, bar.height() + 2))


def _foot(painter: QPainter, area: QRectF, tile: Tile, theme: Theme, scale: float) -> None:
    state, promise = tile.state, tile.promise
    foot = QRectF(PADDING, area.height() - 21, area.width() - 2 * PADDING, 18)
    right, token, is_bold = tr(state.load_text), "muted", False
    if tile.has_effect:
        right, token, is_bold = promise.latency, promise.tone or "muted", True
    elif state.is_overloaded:
        token, is_bold = "bad", True
    left, is_full = (promise.memory, not promise.fits) if tile.has_effect else (state.memory_text, state.is_full)
    size = pixels(10, scale)
    left, right = fitting((left, right), size, (is_full, is_bold), foot.width())
    painter.setFont(ui_font(size, is_bold=is_full))
    painter.setPen(theme.color("bad" if is_full else "muted"))
    painter.drawText(foot, LEFT, left)
    painter.setFont(ui_font(size, is_bold=is_bold))
    painter.setPen(theme.color(token))
    painter.drawText(foot, RIGHT, right)


@lru_cache(maxsize=4096)
def fitting(texts: tuple[str, str], size: int, is_bold: tuple[bool, bool], width: float) -> tuple[str, str]:
    """Memory and what stands right of it, as much of both as there is room for; no part of a figure."""
    memory, right = texts
    fonts = [QFontMetricsF(ui_font(size, is_bold=is_strong)) for is_strong in is_bold]
    # The capacity is the same everywhere; what is held is what differs.
    held = memory.partition(" / ")[0] + " GB" if " / " in memory else memory
    figure = " ".join(right.split()[-2:])
    for pair in ((memory, right), (held, right), (held, figure)):
        if sum(font.horizontalAdvance(text) for font, text in zip(fonts, pair, strict=True)) + 4 <= width:
            return pair
    return "", figure


def _roomy_foot(painter: QPainter, area: QRectF, tile: Tile, theme: Theme, scale: float) -> None:
    """Memory in one line; in another the load, or what a drop would change."""
    state, promise = tile.state, tile.promise
    line = QRectF(PADDING, area.height() - 40, area.width() - 2 * PADDING, 18)
    memory, is_full = (promise.memory, not promise.fits) if tile.has_effect else (state.memory_text, state.is_full)
    painter.setFont(ui_font(pixels(12, scale), is_bold=is_full))
    painter.setPen(theme.color("bad" if is_full else "text"))
    painter.drawText(line, LEFT, painter.fontMetrics().elidedText(memory, ELIDE, int(line.width())))
    line.translate(0, 18)
    if tile.has_effect:
        painter.setFont(ui_font(pixels(14, scale), is_bold=True))
        painter.setPen(theme.color(promise.tone or "muted"))
        painter.drawText(line, LEFT, promise.latency)
    elif state.load:
        painter.setFont(ui_font(pixels(11, scale), is_bold=state.is_overloaded))
        painter.setPen(theme.color("bad" if state.is_overloaded else "muted"))
        painter.drawText(line, LEFT, tr(state.load_text or "load 1.00 ×"))


def _more(painter: QPainter, rect: QRectF, text: str, theme: Theme) -> None:
    painter.setPen(QPen(theme.color("handle"), 1.0))
    painter.setBrush(theme.color("raised"))
    painter.drawRoundedRect(rect, 5, 5)
    painter.setPen(theme.color("text"))
    painter.setFont(ui_font(10, is_bold=True))
    painter.drawText(rect, CENTER, text)


def short_change(text: str) -> str:
    """A change without its decimals, for tiles seen from afar."""
    number = text[1:].removesuffix(" %")
    return f"{text[0]}{float(number):.0f} %" if "." in number else text
