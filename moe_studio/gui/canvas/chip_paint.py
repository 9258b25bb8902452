"""How experts, memory and load are drawn."""

from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from moe_studio.gui.canvas.gpu_state import ExpertState, GpuState
from moe_studio.gui.canvas.tile import CENTER
from moe_studio.gui.theme import Theme, contrast, mixed, ui_font

PLAIN = ExpertState(-1, 1)

LETTER = 9.5
"""Width of a large letter on a chip."""

CLEAR = 5.0
"""Contrast from which on words need no stronger ink; a GPU's own tint takes a little of it."""


def paint_chip(
    painter: QPainter, rect: QRectF, text: str, theme: Theme, mark: str = "", state: ExpertState = PLAIN
) -> None:
    """Draw an expert: filled as far as it is here in the layers shown, the fuller in colour the more load it has."""
    color = theme.family("expert")
    pen = QPen(theme.color("accent") if mark in ("selected", "moved") else color, 2.0 if mark else 1.0)
    if mark == "ghost":
        pen = QPen(color, 1.0, Qt.PenStyle.DashLine)
    fill = QColor(color)
    # Half the mean load is pale, the mean is full; above it the chip gets a mark of its own.
    fill.setAlphaF(0.18 if mark == "ghost" or state.is_partial else max(0.3, min(1.0, state.heat)))
    painter.setPen(pen)
    painter.setBrush(fill)
    painter.drawRoundedRect(rect, 5, 5)
    if state.is_partial and mark != "ghost":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRect(QRectF(rect.left() + 3, rect.bottom() - 3, (rect.width() - 6) * state.share, 2))
    if state.heat > 1.25 and mark != "ghost":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("path"))
        high = min(1.0, (state.heat - 1) / 2) * (rect.height() - 6)
        painter.drawRect(QRectF(rect.right() - 5, rect.bottom() - 3 - high, 3, high))
    if text:
        painter.setPen(chip_ink(theme, round(100 * fill.alphaF())))
        is_large = rect.height() > 26 and rect.width() >= LETTER * len(text)
        painter.setFont(ui_font(14 if is_large else 11, is_bold=True))
        painter.drawText(rect, CENTER, text)


@lru_cache(maxsize=512)
def chip_ink(theme: Theme, percent: int) -> QColor:
    """What is read on a chip that is so full of colour: as the theme has it where that contrasts well."""
    ground = mixed(theme.family("expert"), theme.color("surface"), percent / 100)
    inks = (theme.color("on_family"), theme.color("text"))
    fallback = max((QColor("black"), QColor("white")), key=lambda ink: contrast(ink, ground))
    return next((ink for ink in inks if contrast(ink, ground) >= CLEAR), fallback)


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


def heat_color(state: GpuState, theme: Theme) -> QColor:
    """The colour of a GPU that is only a spot: the more load the fuller, grey without experts."""
    if not state.load:
        return theme.color("raised_edge")
    share = min(1.0, state.load / 2)
    return mixed(theme.family("expert"), theme.color("surface"), 0.2 + 0.8 * share)
