"""Pieces of SVG that all drawings share: node shapes, lines, arrow heads, headings.

Everything stays within what SVG Tiny has: no style sheets, markers, scripts or links.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from unicodedata import east_asian_width

from moe_studio.export.color import BAND, EDGE_COLORS, FILLS, FONTS, HAIRLINE, INK, MUTED, PATH, STROKES
from moe_studio.export.text import plain, xml, xml_lines
from moe_studio.units import time_text
from moe_studio.view.node import ViewNode

MARK = "★"
TITLE_SIZE, TEXT_SIZE = 11, 10
LINE_HEIGHT = 13.0
PAD = 8.0
SLANT = 10.0
WIDE = 0.62
"""Text of our own making is never wider than this many font sizes per letter."""

# Advances of printable ASCII in hundredths of the font size: the wider of Inter Semi Bold and DejaVu Sans.
_ADVANCES = (
    32, 40, 46, 84, 65, 95, 78, 27, 39, 39, 54, 84, 32, 47, 32, 38, 67, 64, 64, 65, 67, 64, 65, 64,
    65, 65, 34, 34, 84, 84, 84, 54, 100, 72, 69, 74, 77, 63, 59, 77, 75, 29, 56, 68, 57, 91, 75, 79,
    64, 79, 69, 65, 66, 73, 72, 101, 69, 70, 68, 39, 38, 39, 84, 50, 50, 61, 63, 58, 63, 62, 38, 63,
    63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 55, 39, 63, 59, 84, 59, 59, 56, 64, 36, 64, 84,
)  # fmt: skip


@lru_cache(maxsize=4096)
def text_width(text: str, size: float) -> float:
    """About how wide ``text`` is; rather too wide than too narrow."""
    return sum(_advance(letter) for letter in text) * size / 100


def _advance(letter: str) -> int:
    code = ord(letter)
    if 32 <= code < 127:
        return _ADVANCES[code - 32]
    return 32 if letter == "·" else 50 if letter == "–" else 105 if east_asian_width(letter) in "WFA" else 78


def clipped(text: str, size: float, width: float) -> str:
    """``text`` cut with an ellipsis where it would be wider than ``width``."""
    if text_width(text, size) <= width + 0.5:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def fixed(value: float) -> str:
    """A coordinate in few digits."""
    return f"{value:.6g}" if -1e5 < value < 1e5 else f"{value:.0f}"


def drawn_lines(node: ViewNode) -> tuple[str, ...]:
    """What stands in a node's shape: name, place and time, shapes, work."""
    if not node.is_operator:
        return node.lines
    name, place, dims, work, time = node.lines
    return (name, f"{place} · {time}", dims, work)


def tooltip(node: ViewNode) -> str:
    """All facts of a node, one per line."""
    lines = [*node.lines]
    if node.is_operator:
        expert = f", expert {node.expert}" if node.expert >= 0 else ""
        lines.append(f"{node.op}: layer {node.layer}{expert}, stage {node.stage}, replica {node.replica}")
        lines.append(f"starts at {time_text(node.start_s)}, slack {time_text(node.slack_s)}")
    if node.on_path:
        lines.append("on the longest path")
    return xml_lines(lines)


def node_svg(node: ViewNode, x: float, y: float, width: float, height: float) -> str:
    """A node whose upper left corner is at (x, y)."""
    stroke = f'"{PATH}" stroke-width="3"' if node.on_path else f'"{STROKES[node.family]}"'
    look = f'fill="{FILLS[node.family]}" stroke={stroke}'
    middle = x + width / 2
    lines = drawn_lines(node)
    room = width - 2 * PAD
    top = y + (height - len(lines) * LINE_HEIGHT) / 2 + 10
    pieces = [f"<g><title>{tooltip(node)}</title>", _shape(node.shape, look, x, y, width, height)]
    for index, line in enumerate(lines):
        if index == 0:
            size, style = TITLE_SIZE, ' font-size="11" font-weight="600"'
            line = f"{MARK} {line}" if node.on_path else line
        else:
            size, style = TEXT_SIZE, ""
        is_long = len(line) * size * WIDE > room
        shown = xml(clipped(plain(line), size, room) if is_long else line)
        pieces.append(f'<text x="{fixed(middle)}" y="{fixed(top + index * LINE_HEIGHT)}"{style}>{shown}</text>')
    pieces.append("</g>\n")
    return "".join(pieces)


def _shape(shape: str, look: str, x: float, y: float, width: float, height: float) -> str:
    if shape == "ellipse":
        center = f'cx="{fixed(x + width / 2)}" cy="{fixed(y + height / 2)}"'
        return f'<ellipse {center} rx="{fixed(width / 2)}" ry="{fixed(height / 2)}" {look}/>'
    if shape == "parallelogram":
        points = ((x + SLANT, y), (x + width, y), (x + width - SLANT, y + height), (x, y + height))
        return f'<polygon points="{" ".join(f"{fixed(a)},{fixed(b)}" for a, b in points)}" {look}/>'
    if shape == "point":
        return f'<circle cx="{fixed(x + width / 2)}" cy="{fixed(y + height / 2)}" r="4" {look}/>'
    return f'<rect x="{fixed(x)}" y="{fixed(y)}" width="{fixed(width)}" height="{fixed(height)}" rx="5" {look}/>'


def node_size(node: ViewNode) -> tuple[float, float]:
    """Width and height that a node needs for its text."""
    if node.shape == "point":
        return 10.0, 10.0
    lines = [plain(line) for line in drawn_lines(node)]
    title = f"{MARK} {lines[0]}" if node.on_path else lines[0]
    width = max(text_width(title, TITLE_SIZE), *(text_width(line, TEXT_SIZE) for line in lines[1:]), 40.0) + 2 * PAD
    height = len(lines) * LINE_HEIGHT + 10
    if node.shape == "ellipse":
        return min(width * 1.16, 460.0), height * 1.3
    return min(width + (2 * SLANT if node.shape == "parallelogram" else 0), 420.0), height


Head = tuple[float, float, float, float]
"""Tip of an arrow, and the direction in which it points, of length 1."""


@dataclass(slots=True)
class Lines:
    """Edges collected by look, so that a drawing has few elements."""

    paths: dict[tuple[str, bool], list[str]] = field(default_factory=dict)
    heads: dict[tuple[str, bool], list[str]] = field(default_factory=dict)

    def add(
        self, kind: str, path: str, *, on_path: bool, head: tuple[float, float, float, float] | None = None
    ) -> None:
        """Add the path data of one edge."""
        self.paths.setdefault((kind, on_path), []).append(path)
        if head is not None:
            self.heads.setdefault((kind, on_path), []).append(_head(*head, 8 if on_path else 6))

    def svg(self, opacity: float = 1.0) -> Iterator[str]:
        """The edges, those of the longest path last and on top."""
        for kind, on_path in sorted(self.paths, key=lambda look: (look[1], look[0])):
            look = (kind, on_path)
            color = PATH if on_path else EDGE_COLORS[kind]
            dash = {"data": "", "communication": ' stroke-dasharray="5 3"', "order": ' stroke-dasharray="1.5 3"'}[kind]
            faint = f' stroke-opacity="{opacity}"' if opacity < 1 and not on_path else ""
            title = f"<title>{kind}{', on the longest path' if on_path else ''}</title>"
            width = "3" if on_path else "1"
            data = "".join(self.paths[look])
            yield f'<path fill="none" stroke="{color}" stroke-width="{width}"{dash}{faint} d="{data}">{title}</path>\n'
            if look in self.heads:
                yield f'<path fill="{color}" stroke="none" d="{"".join(self.heads[look])}"/>\n'


def _head(x: float, y: float, dx: float, dy: float, size: float) -> str:
    """An arrow head with its tip at (x, y), pointing along (dx, dy), which has length 1."""
    back_x, back_y = x - dx * size, y - dy * size
    side_x, side_y = -dy * size * 0.45, dx * size * 0.45
    points = ((x, y), (back_x + side_x, back_y + side_y), (back_x - side_x, back_y - side_y))
    return "M" + "L".join(f"{fixed(a)} {fixed(b)}" for a, b in points) + "Z"


HEADER_HEIGHT = 106.0
MIN_WIDTH = 760.0

_LEGEND = (
    ("attention", "attention"),
    ("dense", "dense layers"),
    ("expert", "experts"),
    ("memory", "memory-bound"),
    ("routing", "routing, aggregation"),
    ("communication", "communication"),
)
_LINE_WORDS = (("data", "data"), ("communication", "communication"), ("order", "order on a stream"))
_SHAPES = {"routing": "parallelogram", "communication": "ellipse"}


def document(title: str, subtitle: str, width: float, height: float, body: Iterable[str]) -> Iterator[str]:
    """A whole drawing: ``body`` is drawn below the heading, ``height`` high."""
    width, height = math.ceil(max(width, MIN_WIDTH)), math.ceil(height + HEADER_HEIGHT)
    size = f'width="{fixed(width)}" height="{fixed(height)}" viewBox="0 0 {fixed(width)} {fixed(height)}"'
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" version="1.1" {size} font-family="{xml(FONTS)}" font-size="10"'
    yield f' text-anchor="middle" fill="{INK}">\n<title>{xml(title)} – {xml(subtitle)}</title>\n'
    yield f'<rect x="0" y="0" width="{fixed(width)}" height="{fixed(height)}" fill="#FFFFFF"/>\n'
    yield '<g text-anchor="start">\n'
    yield f'<text x="24" y="32" font-size="18" font-weight="600">{xml(clipped(title, 18, width - 48))}</text>\n'
    yield f'<text x="24" y="50" font-size="12" fill="{MUTED}">{xml(clipped(subtitle, 12, width - 48))}</text>\n'
    yield from _legend()
    yield f'</g>\n<g transform="translate(0 {fixed(HEADER_HEIGHT)})">\n'
    yield from body
    yield "</g>\n</svg>\n"


def _legend() -> Iterator[str]:
    x, y = 24.0, 68.0
    for family, words in _LEGEND:
        look = f'fill="{FILLS[family]}" stroke="{STROKES[family]}"'
        yield _shape(_SHAPES.get(family, "box"), look, x, y - 9, 22, 12)
        yield f'<text x="{fixed(x + 28)}" y="{fixed(y + 1)}" font-size="11" fill="{MUTED}">{words}</text>\n'
        x += 44 + text_width(words, 11)
    x, y = 24.0, 88.0
    for kind, words in _LINE_WORDS:
        lines = Lines()
        lines.add(kind, f"M{fixed(x)} {fixed(y - 3)}h26", on_path=False, head=(x + 28, y - 3, 1, 0))
        yield from lines.svg()
        yield f'<text x="{fixed(x + 34)}" y="{fixed(y + 1)}" font-size="11" fill="{MUTED}">{words}</text>\n'
        x += 50 + text_width(words, 11)
    yield f'<path fill="none" stroke="{PATH}" stroke-width="3" d="M{fixed(x)} {fixed(y - 3)}h26"/>\n'
    yield f'<text x="{fixed(x + 32)}" y="{fixed(y + 1)}" font-size="11" fill="{PATH}">{MARK} longest path</text>\n'


def panel(x: float, y: float, width: float, height: float, fill: str = BAND, stroke: str = HAIRLINE) -> str:
    """A quiet background."""
    corner = f'x="{fixed(x)}" y="{fixed(y)}" width="{fixed(width)}" height="{fixed(height)}"'
    return f'<rect {corner} rx="6" fill="{fill}" stroke="{stroke}"/>\n'


def heading(text: str, x: float, y: float, *, size: int = 11, color: str = INK, weight: int = 600) -> str:
    """A line of text that starts at x."""
    look = f'font-size="{size}" font-weight="{weight}" fill="{color}" text-anchor="start"'
    return f'<text x="{fixed(x)}" y="{fixed(y)}" {look}>{xml(text)}</text>\n'
