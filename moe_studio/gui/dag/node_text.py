"""What an operator in the lanes says: its name, shapes, Get_Time term, GPU, node and time, as far as there is room.

Every line has wordings of falling length, and the longest that fits is taken, so that nothing is cut off.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from weakref import WeakKeyDictionary

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from moe_studio.graph.graph import Part
from moe_studio.graph.layer import LayerGraph
from moe_studio.graph.operator import OP_KINDS
from moe_studio.gui.dag.lanes import Lanes
from moe_studio.gui.text import language_in_use, tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.project.model import DTYPES
from moe_studio.units import byte_text, si_text, significant, time_text
from moe_studio.view.label import whole

Line = tuple[str, ...]
"""Wordings of one line, the fullest first."""

TITLE, TEXT, SMALL = 11, 9, 9
TITLE_HEIGHT, LINE_HEIGHT = 14.0, 12.0
LEAST_WIDTH, LEAST_HEIGHT = 24.0, 11.0
LEAST_LETTERS = 3
"""The beginning of a name that is no longer says nothing."""

CENTER = Qt.AlignmentFlag.AlignCenter


def node_lines(shown: Lanes, row: int, *, is_time: bool) -> list[Line]:
    """All that an operator says, what matters most first; on a time axis that is how long it takes."""
    evaluation = shown.evaluation
    part, local = evaluation.graph.part_of(row)
    time = time_text(float(evaluation.duration_s[row]), 4)
    lane = part.body.lane[local]
    gpu, node = int(part.body.stage.gpu[lane]), evaluation.graph.node_names[int(part.body.stage.node[lane])]
    where = (f"GPU {gpu} · {node} · {time}", f"GPU {gpu} · {time}", time)
    known = _KNOWN.setdefault(part.body, {})
    key = local, language_in_use()
    if key not in known:
        known[key] = work_line(part, local), shape_line(part, local)
    work, shapes = known[key]
    name = name_line(part, local, evaluation.graph.name(row))
    return [name, where, work, shapes] if is_time else [name, work, where, shapes]


_KNOWN: "WeakKeyDictionary[LayerGraph, dict[tuple[int, str], tuple[Line, Line]]]" = WeakKeyDictionary()
"""What is the same for an operator in all layers that are alike, and at every step of a drag."""


def name_line(part: Part, local: int, name: str) -> Line:
    """The id, or the kind with its expert."""
    kind, expert = OP_KINDS[part.body.op[local]].name, int(part.body.expert[local])
    return (name, f"E{expert} {kind}", kind) if expert >= 0 else (name, kind)


def work_line(part: Part, local: int) -> Line:
    """The Get_Time term of a GEMM; else the bytes that are sent, or moved in memory."""
    body = part.body
    if body.m[local]:
        m, k, n, count = (float(column[local]) for column in (body.m, body.k, body.n, body.count))
        times = f" × {whole(count)}" if count > 1 else ""
        few = "×".join(map(short, (m, k, n)))
        exact = f"Get_Time({whole(m)}, {whole(k)}, {whole(n)})"
        return f"{exact}{times}", f"Get_Time({short(m)}, {short(k)}, {short(n)}){times}", f"{few}{times}", few
    sent = float(body.intra_byte[local] + body.inter_byte[local])
    if sent:
        return tr("sends {bytes}", bytes=byte_text(sent)), si_text(sent, "B", 3)
    moved = float(body.byte[local])
    return tr("moves {bytes}", bytes=byte_text(moved)), si_text(moved, "B", 3)


def shape_line(part: Part, local: int) -> Line:
    """The shapes that come in and go out."""
    body = part.body
    inward, outward = (body.in_rows[local], body.in_width[local]), (body.out_rows[local], body.out_width[local])
    dtype = DTYPES[int(body.dtype[local])]
    full = [f"[{whole(float(a))}, {whole(float(b))}]" for a, b in (inward, outward)]
    few = [f"[{short(float(a))}, {short(float(b))}]" for a, b in (inward, outward)]
    return (
        f"in {full[0]} → out {full[1]} {dtype}",
        f"{full[0]} → {full[1]}",
        f"{few[0]} → {few[1]}",
        f"→ {few[1]}",
        few[1],
    )


@lru_cache(maxsize=4096)
def fitting_lines(lines: tuple[Line, ...], width: float, height: float, shape: str) -> tuple[str, ...]:
    """As many of ``lines`` as there is room for in a shape, in wordings that fit; the name first."""
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return ()
    count = 1 + max(0, min(len(lines) - 1, int((height - TITLE_HEIGHT - 2) / LINE_HEIGHT)))
    rooms = [room - 6 for room in line_rooms(width, height, shape, count)]
    # Too narrow for more than a name: a number that is cut off would mislead.
    name = fitting(lines[0], rooms[0], TITLE if height >= 15 else SMALL, is_bold=True)
    pairs = zip(lines[1:count], rooms[1:], strict=True)
    return name, *(text for line, room in pairs if (text := fitting(line, room, TEXT, is_bold=False)))


def draw_node_text(painter: QPainter, theme: Theme, texts: Sequence[str], box: QRectF) -> None:
    """Texts one below the other in the middle of ``box``, the first as a title."""
    if not texts:
        return
    top = box.center().y() - (TITLE_HEIGHT + LINE_HEIGHT * (len(texts) - 1)) / 2
    painter.setFont(ui_font(TITLE if box.height() >= 15 else SMALL, is_bold=True))
    painter.setPen(theme.color("text"))
    painter.drawText(QRectF(box.left(), top, box.width(), TITLE_HEIGHT), CENTER, texts[0])
    painter.setFont(ui_font(TEXT))
    painter.setPen(theme.color("muted"))
    for number, text in enumerate(texts[1:]):
        y = top + TITLE_HEIGHT + number * LINE_HEIGHT
        painter.drawText(QRectF(box.left(), y, box.width(), LINE_HEIGHT), CENTER, text)


def line_rooms(width: float, box_height: float, shape: str, count: int) -> list[float]:
    """How wide each of ``count`` lines may be in a shape: an ellipse is narrow at its top and bottom."""
    if shape == "parallelogram":
        return [width - 2 * min(12.0, width * 0.15)] * count
    if shape != "ellipse" or count == 1:
        return [width] * count
    height = TITLE_HEIGHT + LINE_HEIGHT * (count - 1)
    edges = [-height / 2, *(TITLE_HEIGHT - height / 2 + LINE_HEIGHT * number for number in range(count))]
    away = [max(abs(top), abs(bottom)) - 2 for top, bottom in pairwise(edges)]
    return [width * max(0.0, 1 - (2 * dy / box_height) ** 2) ** 0.5 for dy in away]


def fitting(line: Line, room: float, size: int, *, is_bold: bool) -> str:
    """The fullest wording that fits; of a name the beginning, if that says anything, else nothing."""
    metrics = _metrics(size, is_bold)
    found = next((text for text in line if metrics.horizontalAdvance(text) <= room), "")
    if found or not is_bold:
        return found
    start = metrics.elidedText(line[-1], Qt.TextElideMode.ElideRight, room)
    return start if len(start) > LEAST_LETTERS else ""


@cache
def _metrics(size: int, is_bold: bool) -> QFontMetricsF:
    return QFontMetricsF(ui_font(size, is_bold=is_bold))


def short(value: float) -> str:
    """A dimension in few letters: 640000 is ``640k``; what would not come out exactly stays as it is."""
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 10 * scale and value % (scale / 10) == 0:
            return f"{value / scale:g}{letter}"
    return f"{value:.0f}" if value < 1e6 else significant(value, 4)
