"""How a GPU and its experts are drawn."""

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from moe_studio.gui.canvas.box import Box
from moe_studio.gui.canvas.gpu_state import ExpertState, GpuState
from moe_studio.gui.canvas.tile_grid import EXPANDED_IN_ROW, PADDING, TileGrid
from moe_studio.gui.theme import Theme, ui_font

RADIUS = 6.0
READABLE = 0.42
"""Below this scale small text is left out: it could not be read and takes most of the time."""
TINY = 0.15
"""Below this scale a GPU is a spot whose colour is its load."""

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTER = Qt.AlignmentFlag.AlignCenter
ELIDE = Qt.TextElideMode.ElideRight


@dataclass(frozen=True, slots=True)
class Promise:
    """What a drop on a GPU would give: change of the latency and its tone, memory after, change of the traffic."""

    latency: str = ""
    tone: str = ""
    memory: str = ""
    fits: bool = True
    traffic: str = ""


NONE = Promise()


@dataclass(slots=True, kw_only=True)
class Tile:
    """A GPU as it is shown now. ``mark`` is ``selected``, ``target``, ``refused`` or nothing."""

    box: Box
    state: GpuState
    grid: TileGrid
    mark: str = ""
    promise: Promise = NONE
    chip_marks: dict[int, str] = field(default_factory=dict)
    is_expanded: bool = False

    @property
    def has_effect(self) -> bool:
        """Whether it says what a drop would change."""
        return bool(self.promise.latency)

    @property
    def area(self) -> Box:
        """What it covers: more than its box while it shows all of many experts."""
        return self.grid.expanded(self.box, len(self.state.experts)) if self.is_expanded else self.box

    @property
    def chips(self) -> tuple[ExpertState, ...]:
        """The experts that are shown."""
        room = self.grid.room
        experts = self.state.experts
        return experts if self.is_expanded or len(experts) <= room else experts[: room - 1]

    @property
    def hidden(self) -> int:
        """How many experts there is no room for."""
        return len(self.state.experts) - len(self.chips)

    @property
    def in_row(self) -> int:
        """Chips side by side."""
        return EXPANDED_IN_ROW if self.is_expanded else self.grid.in_row

    def chip_rect(self, index: int) -> QRectF:
        """Where a chip is, in the scene."""
        box = self.grid.chip_box(index, in_row=self.in_row)
        return QRectF(self.box.x + box.x, self.box.y + box.y, box.width, box.height)

    def expert_rect(self, expert: int) -> QRectF | None:
        """Where an expert is, in the scene; None while it is not shown."""
        found = next((index for index, chip in enumerate(self.chips) if chip.expert == expert), None)
        return None if found is None else self.chip_rect(found)

    def index_at(self, point: QPointF) -> int:
        """The number of the chip at a point of the scene, -1 for none; that of ``+ n`` is the number of chips."""
        count = len(self.chips) + (self.hidden > 0)
        return next((index for index in range(count) if self.chip_rect(index).contains(point)), -1)


def paint_tile(painter: QPainter, tile: Tile, theme: Theme, scale: float) -> None:
    """Draw a GPU with the painter's origin in its corner, as large as ``scale`` lets it be read."""
    area = QRectF(0, 0, tile.area.width, tile.area.height)
    _frame(painter, area, tile, theme)
    if scale < READABLE:
        _paint_small(painter, area, tile, theme, scale)
        return
    _head(painter, area, tile, theme)
    for index, chip in enumerate(tile.chips):
        box = tile.grid.chip_box(index, in_row=tile.in_row)
        rect = QRectF(box.x, box.y, box.width, box.height)
        paint_chip(painter, rect, f"E{chip.expert}", theme, tile.chip_marks.get(chip.expert, ""), chip)
    if tile.hidden:
        box = tile.grid.chip_box(len(tile.chips))
        _more(painter, QRectF(box.x, box.y, box.width, box.height), f"+{tile.hidden}", theme)
    wide = area.width() - 2 * PADDING
    if tile.grid.is_roomy:
        paint_shares(painter, QRectF(PADDING, area.height() - 60, wide, 9), tile.state.memory, theme)
        _load(painter, QRectF(PADDING, area.height() - 46, wide, 4), tile.state, theme)
        _roomy_foot(painter, area, tile, theme)
        return
    paint_shares(painter, QRectF(PADDING, area.height() - 35, wide, 6), tile.state.memory, theme)
    _load(painter, QRectF(PADDING, area.height() - 24.5, wide, 3), tile.state, theme)
    _foot(painter, area, tile, theme)


def _frame(painter: QPainter, area: QRectF, tile: Tile, theme: Theme) -> None:
    token, width = "hairline", 1.0
    if tile.state.is_slowest:
        token, width = "path", 1.8
    if tile.is_expanded:
        token, width = "handle", 1.6
    if tile.mark:
        token, width = {"refused": "bad"}.get(tile.mark, "accent"), 2.0
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
    pixels = min(34, max(13, round(10 / scale)))
    painter.setFont(ui_font(pixels, is_bold=True))
    painter.setPen(theme.color("path_text" if state.is_slowest else promise.tone or "text"))
    painter.drawText(QRectF(2, 2, area.width() - 4, 34), CENTER, short_change(promise.latency) or f"{state.gpu}")
    paint_shares(painter, QRectF(PADDING, area.height() - 32, area.width() - 2 * PADDING, 14), state.memory, theme)
    _load(painter, QRectF(PADDING, area.height() - 14, area.width() - 2 * PADDING, 6), state, theme)
    if tile.has_effect and pixels > 26:
        return  # there is room for one of both
    for index, chip in enumerate(tile.chips):
        box = tile.grid.chip_box(index, in_row=tile.in_row)
        rect = QRectF(box.x, box.y + 4, box.width, box.height)
        paint_chip(painter, rect, "", theme, tile.chip_marks.get(chip.expert, ""), chip)
    if tile.hidden:
        box = tile.grid.chip_box(len(tile.chips))
        _more(painter, QRectF(box.x, box.y + 4, box.width, box.height), "", theme)


def _head(painter: QPainter, area: QRectF, tile: Tile, theme: Theme) -> None:
    state = tile.state
    head = QRectF(PADDING, 5, area.width() - 2 * PADDING, 22)
    painter.setFont(ui_font(13, is_bold=True))
    painter.setPen(theme.color("text"))
    painter.drawText(head, LEFT, f"GPU {state.gpu}")
    right, token, is_bold = state.rank, "muted", False
    if state.is_slowest:
        right, token, is_bold = "slowest", "path_text", True
    if tile.has_effect:
        right, token, is_bold = tile.promise.traffic, "muted", False
    painter.setFont(ui_font(11, is_bold=is_bold))
    painter.setPen(theme.color(token))
    painter.drawText(head, RIGHT, right)


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


def _foot(painter: QPainter, area: QRectF, tile: Tile, theme: Theme) -> None:
    state, promise = tile.state, tile.promise
    foot = QRectF(PADDING, area.height() - 21, area.width() - 2 * PADDING, 18)
    right, token, is_bold = state.load_text, "muted", False
    if tile.has_effect:
        right, token, is_bold = promise.latency, promise.tone or "muted", True
    elif state.is_overloaded:
        token, is_bold = "bad", True
    painter.setFont(ui_font(10, is_bold=is_bold))
    painter.setPen(theme.color(token))
    painter.drawText(foot, RIGHT, right)
    used = painter.fontMetrics().horizontalAdvance(right) + 4
    left, is_full = (promise.memory, not promise.fits) if tile.has_effect else (state.memory_text, state.is_full)
    painter.setFont(ui_font(10, is_bold=is_full))
    painter.setPen(theme.color("bad" if is_full else "muted"))
    if painter.fontMetrics().horizontalAdvance(left) + used > foot.width():
        # The capacity is the same everywhere; what is held is what differs.
        left = left.partition(" / ")[0] + " GB" if " / " in left else left
    painter.drawText(foot, LEFT, painter.fontMetrics().elidedText(left, ELIDE, int(foot.width() - used)))


def _roomy_foot(painter: QPainter, area: QRectF, tile: Tile, theme: Theme) -> None:
    """Memory in one line; in another the load, or what a drop would change."""
    state, promise = tile.state, tile.promise
    line = QRectF(PADDING, area.height() - 40, area.width() - 2 * PADDING, 18)
    memory, is_full = (promise.memory, not promise.fits) if tile.has_effect else (state.memory_text, state.is_full)
    painter.setFont(ui_font(12, is_bold=is_full))
    painter.setPen(theme.color("bad" if is_full else "text"))
    painter.drawText(line, LEFT, painter.fontMetrics().elidedText(memory, ELIDE, int(line.width())))
    line.translate(0, 18)
    if tile.has_effect:
        painter.setFont(ui_font(14, is_bold=True))
        painter.setPen(theme.color(promise.tone or "muted"))
        painter.drawText(line, LEFT, promise.latency)
    elif state.load:
        painter.setFont(ui_font(11, is_bold=state.is_overloaded))
        painter.setPen(theme.color("bad" if state.is_overloaded else "muted"))
        painter.drawText(line, LEFT, state.load_text or "load 1.00 ×")


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


PLAIN = ExpertState(-1, 1)


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
        painter.setPen(theme.color("text" if fill.alphaF() < 0.6 else "on_family"))
        painter.setFont(ui_font(14 if rect.height() > 26 else 11, is_bold=True))
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


def heat_color(state: GpuState, theme: Theme) -> QColor:
    """The colour of a GPU that is only a spot: the more load the fuller, grey without experts."""
    if not state.load:
        return theme.color("raised_edge")
    share = min(1.0, state.load / 2)
    return mixed(theme.color("surface"), theme.family("expert"), 0.2 + 0.8 * share)


def mixed(low: QColor, full: QColor, share: float) -> QColor:
    """A colour between two."""
    return QColor.fromRgbF(
        low.redF() + (full.redF() - low.redF()) * share,
        low.greenF() + (full.greenF() - low.greenF()) * share,
        low.blueF() + (full.blueF() - low.blueF()) * share,
    )
