"""Large views in lanes: a row for each GPU, grouped by node; columns are levels of the layer; bands are layers.

A band is drawn by itself, so that a whole model streams to disk while it is made.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from moe_studio.export.color import BAND, HAIRLINE, MUTED, SURFACE
from moe_studio.export.figure import PAD, Head, Lines, clipped, fixed, heading, node_size, node_svg, panel
from moe_studio.export.text import plain
from moe_studio.view.label import gpu_text
from moe_studio.view.node import Section, ViewEdge, ViewGraph, ViewNode

MARGIN = 24.0
BOX_HEIGHT = 62.0
STACK_GAP = 12.0
LANE_PAD = 8.0
LANE_GAP = 6.0
HEAD_WIDTH = 108.0
STUB = 26.0
COLUMN_GAP = 32.0
PAIR_GAP = 130.0
TRACK = 6.0
TITLE_HEIGHT = 26.0
COLUMN_HEIGHT = 20.0
NODE_HEIGHT = 24.0
BAND_GAP = 34.0
MAX_BOX_WIDTH = 330.0


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node stands."""

    node: ViewNode
    left: float
    top: float
    width: float

    @property
    def right(self) -> float:
        """Its right side."""
        return self.left + self.width

    @property
    def middle(self) -> float:
        """Height at which edges meet it."""
        return self.top + BOX_HEIGHT / 2


@dataclass(slots=True)
class _Tracks:
    """Parallel lines that must not overlap: gives each interval the first track that is free there."""

    taken: list[list[tuple[float, float]]] = field(default_factory=list)

    def place(self, low: float, high: float) -> int:
        """Number of the track of a new interval."""
        for number, track in enumerate(self.taken):
            if all(high <= a or low >= b for a, b in track):
                track.append((low, high))
                return number
        self.taken.append([(low, high)])
        return len(self.taken) - 1


@dataclass(slots=True)
class _Meeting:
    """A collective whose members meet: what feeds it, and its members."""

    givers: list[ViewEdge] = field(default_factory=list)
    members: list[ViewEdge] = field(default_factory=list)
    track: int = 0


class Band:
    """One section in lanes. ``width`` and ``height`` are known before it is drawn."""

    def __init__(self, section: Section, *, has_title: bool = True) -> None:
        self.section, self.has_title = section, has_title
        self.placed = [node for node in section.nodes if node.gpu >= 0]
        self.by_id = {node.id: node for node in self.placed}
        self.gpus = sorted({node.gpu for node in self.placed})
        self.row = {gpu: row for row, gpu in enumerate(self.gpus)}
        self.columns = sorted({node.column for node in self.placed})
        self.cells: dict[tuple[int, int], list[ViewNode]] = {}
        for node in self.placed:
            self.cells.setdefault((node.gpu, node.column), []).append(node)
        self.meetings = {node.id: _Meeting() for node in section.nodes if node.shape == "point"}
        self._sort_edges()
        self._set_columns()
        self._set_lanes()

    def _sort_edges(self) -> None:
        """Tell edges apart by how they are drawn."""
        self.near: list[ViewEdge] = []
        self.skips: dict[int, list[tuple[ViewEdge, int]]] = {}
        self.shared: dict[tuple[int, str, str], int] = {}
        self.crossing: list[ViewEdge] = []
        self.entries: list[ViewEdge] = []
        self.exits: set[str] = {node.id for node in self.placed}
        self.tracks: dict[int, _Tracks] = {gpu: _Tracks() for gpu in self.gpus}
        for edge in self.section.edges:
            if edge.source in self.meetings:
                self.meetings[edge.source].members.append(edge)
            elif edge.target in self.meetings:
                self.meetings[edge.target].givers.append(edge)
                self.exits.discard(edge.source)
            elif edge.target in self.by_id:
                self._sort_edge(edge)

    def _sort_edge(self, edge: ViewEdge) -> None:
        target = self.by_id[edge.target]
        source = self.by_id.get(edge.source)
        if source is None:
            self.entries.append(edge)
            if target.column > self.columns[0]:
                self._enter(edge, target.gpu)
            return
        self.exits.discard(edge.source)
        if source.gpu != target.gpu:
            self.crossing.append(edge)
        elif self._distance(source, target) > 1:
            self._skip(edge, target.gpu, source.column, target.column)
        else:
            self.near.append(edge)

    def _skip(self, edge: ViewEdge, gpu: int, low: int, high: int) -> None:
        track = self.tracks[gpu].place(low, high)
        self.skips.setdefault(gpu, []).append((edge, track))

    def _enter(self, edge: ViewEdge, gpu: int) -> None:
        """An edge from outside to a later column; those from one place share a track."""
        key = (gpu, edge.source, edge.kind)
        if key not in self.shared:
            self.shared[key] = self.tracks[gpu].place(-1, self.columns[-1])
        self.skips.setdefault(gpu, []).append((edge, self.shared[key]))

    def _distance(self, source: ViewNode, target: ViewNode) -> int:
        return self.columns.index(target.column) - self.columns.index(source.column)

    def _set_columns(self) -> None:
        """Widths and left sides of columns; gaps grow with what crosses lanes in them."""
        widths = dict.fromkeys(self.columns, 60.0)
        known: set[tuple[int, str, int, str, bool]] = set()
        for node in self.placed:
            look = (node.column, node.op, len(node.id), node.dims, node.on_path)
            if look not in known:
                known.add(look)
                widths[node.column] = max(widths[node.column], min(math.ceil(node_size(node)[0]), MAX_BOX_WIDTH))
        gaps = dict.fromkeys(self.columns, COLUMN_GAP)
        for edge in self.crossing:
            gaps[self.by_id[edge.target].column] = PAIR_GAP
        tracks: dict[int, _Tracks] = {}
        for meeting in self.meetings.values():
            members = [self.by_id[edge.target] for edge in meeting.members]
            rows = [self.row[node.gpu] for node in members]
            column = members[0].column
            meeting.track = tracks.setdefault(column, _Tracks()).place(min(rows) - 0.1, max(rows) + 0.1)
        for column, used in tracks.items():
            gaps[column] = max(gaps[column], COLUMN_GAP + 18 + TRACK * len(used.taken))
        self.gaps, self.widths = gaps, widths
        self.left: dict[int, float] = {}
        x = MARGIN + HEAD_WIDTH + STUB
        for place, column in enumerate(self.columns):
            x += gaps[column] if place else gaps[column] - COLUMN_GAP
            self.left[column] = x
            x += widths[column]
        self.lane_right = x + STUB + PAD
        self.width = self.lane_right + MARGIN

    def _set_lanes(self) -> None:
        """Tops and heights of lanes, with a heading before the first GPU of each node."""
        self.node_tops: list[tuple[str, float, list[int]]] = []
        self.lanes: dict[int, tuple[float, float]] = {}
        node_of = {node.gpu: node.node for node in self.placed}
        deepest = {gpu: 1 for gpu in self.gpus}
        for (gpu, _), stack in self.cells.items():
            deepest[gpu] = max(deepest[gpu], len(stack))
        y, last = self._head_height, None
        for gpu in self.gpus:
            if node_of[gpu] != last and len(self.gpus) > 1:
                y += 8 if last is not None else 0
                self.node_tops.append((node_of[gpu], y, []))
                y, last = y + NODE_HEIGHT, node_of[gpu]
            if self.node_tops:
                self.node_tops[-1][2].append(gpu)
            gutter = TRACK * len(self.tracks[gpu].taken)
            height = 2 * LANE_PAD + deepest[gpu] * (BOX_HEIGHT + STACK_GAP) - STACK_GAP + gutter
            self.lanes[gpu] = (y, height)
            y += height + LANE_GAP
        self.height = y + BAND_GAP
        self.boxes: dict[str, Box] = {}
        for (gpu, column), stack in self.cells.items():
            for place, node in enumerate(stack):
                top = self.lanes[gpu][0] + LANE_PAD + place * (BOX_HEIGHT + STACK_GAP)
                self.boxes[node.id] = Box(node, self.left[column], top, self.widths[column])

    @property
    def _head_height(self) -> float:
        return TITLE_HEIGHT + COLUMN_HEIGHT if self.has_title else COLUMN_HEIGHT

    # Drawing

    def svg(self, top: float) -> Iterator[str]:
        """The band, its upper side at ``top``."""
        yield f'<g transform="translate(0 {fixed(top)})">\n'
        if self.has_title:
            yield heading(self.section.title, MARGIN, 16, size=14)
        yield from self._column_heads()
        yield from self._lane_grounds()
        crossing, lines = Lines(), Lines()
        self._draw_crossing(crossing)
        self._draw_in_lanes(lines)
        self._draw_meetings(lines)
        yield from crossing.svg(opacity=0.4)
        yield from lines.svg()
        for box in self.boxes.values():
            yield node_svg(box.node, box.left, box.top, box.width, BOX_HEIGHT)
        yield "</g>\n"

    def _column_heads(self) -> Iterator[str]:
        for column in self.columns:
            ops = dict.fromkeys(node.op for node in self.placed if node.column == column)
            words = clipped(" · ".join(ops), 11, self.widths[column])
            middle = fixed(self.left[column] + self.widths[column] / 2)
            place = f'x="{middle}" y="{fixed(self._head_height - 8)}"'
            yield f'<text {place} font-size="11" fill="{MUTED}">{words}</text>\n'

    def _lane_grounds(self) -> Iterator[str]:
        width = self.lane_right - MARGIN
        came = self._came_from()
        for name, top, gpus in self.node_tops:
            yield panel(MARGIN, top, width, NODE_HEIGHT - 4, BAND, BAND)
            yield heading(f"{plain(name, 60)} · {gpu_text(gpus)}", MARGIN + 10, top + 14)
        for gpu, (top, height) in self.lanes.items():
            yield panel(MARGIN, top, width, height, SURFACE, HAIRLINE)
            yield heading(f"GPU {gpu}", MARGIN + 10, top + 22, size=12)
            if gpu in came:
                yield heading(came[gpu], MARGIN + 10, top + 37, size=9, color=MUTED, weight=400)

    def _came_from(self) -> dict[int, str]:
        """For each lane where its input comes from, when that is one operator."""
        outside = {node.id: node.lines[1].partition(" · ")[0] for node in self.section.nodes if node.id == "before"}
        sources: dict[int, dict[str, None]] = {}
        for edge in self.entries:
            sources.setdefault(self.by_id[edge.target].gpu, {})[outside.get(edge.source, edge.source)] = None
        single = {gpu: next(iter(ids)) for gpu, ids in sources.items() if len(ids) == 1}
        return {gpu: clipped(f"← {plain(source)}", 9, HEAD_WIDTH - 12) for gpu, source in single.items()}

    def _draw_crossing(self, lines: Lines) -> None:
        for edge in self.crossing:
            _put(lines, edge, _bend(self.boxes[edge.source], self.boxes[edge.target]))

    def _draw_in_lanes(self, lines: Lines) -> None:
        for edge in self.near:
            source, target = self.boxes[edge.source], self.boxes[edge.target]
            if source.left < target.left:
                _put(lines, edge, _bend(source, target))
            else:
                _put(lines, edge, _aside(source, target))
        for gpu, skips in self.skips.items():
            for edge, track in skips:
                floor = self._floor(gpu, edge) + track * TRACK
                before = self.boxes.get(edge.source)
                start = (before.right, before.middle) if before else (MARGIN + HEAD_WIDTH, None)
                data = _detour(start, self.boxes[edge.target], floor, track)
                box = self.boxes[edge.target]
                lines.add(edge.kind, data, on_path=edge.on_path, head=(box.left, box.middle, 1, 0))
        for edge in self.entries:
            box = self.boxes[edge.target]
            if box.node.column == self.columns[0]:
                data = f"M{fixed(MARGIN + HEAD_WIDTH)} {fixed(box.middle)}H{fixed(box.left - 4)}"
                lines.add(edge.kind, data, on_path=edge.on_path, head=(box.left, box.middle, 1, 0))
        is_path = all(node.on_path for node in self.placed)
        for name in sorted(self.exits):
            box = self.boxes[name]
            kind = "communication" if box.node.op == "send" else "data"
            data = f"M{fixed(box.right)} {fixed(box.middle)}h{fixed(STUB - 10)}"
            lines.add(kind, data, on_path=is_path, head=(box.right + STUB - 5, box.middle, 1, 0))

    def _floor(self, gpu: int, edge: ViewEdge) -> float:
        """Height just below all boxes that a line in a lane passes, and not above its ends."""
        source, target = self.boxes.get(edge.source), self.boxes[edge.target]
        first = source.node.column if source else self.columns[0] - 1
        passed = [
            self.cells[gpu, column][-1].id
            for column in range(first + 1, target.node.column)
            if (gpu, column) in self.cells
        ]
        lowest = max(box.top for box in (*(self.boxes[name] for name in passed), target, source or target))
        return lowest + BOX_HEIGHT + LANE_PAD / 2

    def _draw_meetings(self, lines: Lines) -> None:
        for meeting in self.meetings.values():
            members = [(edge, self.boxes[edge.target]) for edge in meeting.members]
            givers = [(edge, self.boxes[edge.source]) for edge in meeting.givers if edge.source in self.boxes]
            x = members[0][1].left - 18 - TRACK * meeting.track
            heights = [box.middle for _, box in (*members, *givers)]
            if len(set(heights)) > 1:
                lines.add("communication", f"M{fixed(x)} {fixed(min(heights))}V{fixed(max(heights))}", on_path=False)
            marked = [box.middle for edge, box in (*members, *givers) if edge.on_path]
            if len(set(marked)) > 1:
                lines.add("communication", f"M{fixed(x)} {fixed(min(marked))}V{fixed(max(marked))}", on_path=True)
            for edge, box in givers:
                lines.add("communication", f"M{fixed(box.right)} {fixed(box.middle)}H{fixed(x)}", on_path=edge.on_path)
            for edge, box in members:
                data = f"M{fixed(x)} {fixed(box.middle)}H{fixed(box.left - 4)}"
                lines.add("communication", data, on_path=edge.on_path, head=(box.left, box.middle, 1, 0))


def _put(lines: Lines, edge: ViewEdge, drawn: tuple[str, Head]) -> None:
    lines.add(edge.kind, drawn[0], on_path=edge.on_path, head=drawn[1])


def _bend(source: Box, target: Box) -> tuple[str, Head]:
    """A curve from the right side of one box to the left side of another."""
    reach = max(12.0, (target.left - source.right) / 2)
    x1, y1, x2, y2 = source.right, source.middle, target.left, target.middle
    if y1 == y2 and x2 > x1:
        data = f"M{fixed(x1)} {fixed(y1)}H{fixed(x2 - 4)}"
    else:
        end = f"{fixed(x2 - reach)} {fixed(y2)} {fixed(x2 - 4)} {fixed(y2)}"
        data = f"M{fixed(x1)} {fixed(y1)}C{fixed(x1 + reach)} {fixed(y1)} {end}"
    return data, (x2, y2, 1.0, 0.0)


def _aside(source: Box, target: Box) -> tuple[str, Head]:
    """A line to a box of the same column or an earlier one: straight down, or around the right side."""
    if source.left == target.left and 0 < target.top - source.top <= BOX_HEIGHT + STACK_GAP:
        middle = source.left + source.width / 2
        down = source.top + BOX_HEIGHT
        return f"M{fixed(middle)} {fixed(down)}V{fixed(target.top - 4)}", (middle, target.top, 0.0, 1.0)
    x1, y1, x2, y2 = source.right, source.middle, target.right, target.middle
    out = max(x1, x2) + 22
    data = f"M{fixed(x1)} {fixed(y1)}C{fixed(out)} {fixed(y1)} {fixed(out)} {fixed(y2)} {fixed(x2 + 4)} {fixed(y2)}"
    return data, (x2, y2, -1.0, 0.0)


def _detour(start: tuple[float, float | None], target: Box, floor: float, track: int) -> str:
    """A line along the floor of a lane, below the boxes it passes."""
    shift = 6 + 2.0 * track
    x1, y1 = start
    if y1 is None:
        begin = f"M{fixed(x1)} {fixed(floor)}"
    else:
        begin = f"M{fixed(x1)} {fixed(y1)}h{fixed(shift - 4)}q4 0 4 4V{fixed(floor - 4)}q0 4 4 4"
    rise = target.left - 8 - shift
    return f"{begin}H{fixed(rise - 4)}q4 0 4 -4V{fixed(target.middle + 4)}q0 -4 4 -4H{fixed(target.left - 4)}"


def lanes(view: ViewGraph) -> Iterator[tuple[Band, float]]:
    """The bands of a view, each with its upper side."""
    top = 0.0
    for section in view.sections:
        band = Band(section, has_title=section.title != view.title)
        yield band, top
        top += band.height
