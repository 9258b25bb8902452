"""A small view as Graphviz lays it out, in our own strokes."""

import math
from collections.abc import Iterator

from moe_studio.export.color import HAIRLINE, MUTED
from moe_studio.export.figure import Head, Lines, document, fixed, heading, node_size, node_svg, panel, text_width
from moe_studio.export.layout import Layout, Point, graphviz_layout
from moe_studio.export.text import xml
from moe_studio.view.node import ViewGraph, ViewNode

MARGIN = 24.0
HEAD = 7.0
_FILLS = ("#F5F7FA", "#EDF1F6", "#E6EBF2")


def diagram(view: ViewGraph) -> Iterator[str]:
    """SVG of a view with one section.

    Raises:
        LayoutError: if Graphviz needs too long.
    """
    (section,) = view.sections
    sizes = _even_sizes(section.nodes)
    layout = graphviz_layout(section, sizes)
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    return document(view.title, view.subtitle, width, height, _body(view, layout, sizes))


def _even_sizes(nodes: tuple[ViewNode, ...]) -> dict[str, tuple[float, float]]:
    """Sizes of the nodes; operators of one shape are equally wide."""
    sizes = {node.id: node_size(node) for node in nodes}
    widest: dict[str, float] = {}
    for node in nodes:
        if node.family != "boundary":
            widest[node.shape] = max(widest.get(node.shape, 0.0), sizes[node.id][0])
    for node in nodes:
        if node.family != "boundary":
            sizes[node.id] = (widest[node.shape], sizes[node.id][1])
    return sizes


def _body(view: ViewGraph, layout: Layout, sizes: dict[str, tuple[float, float]]) -> Iterator[str]:
    (section,) = view.sections
    yield f'<g transform="translate({fixed(MARGIN)} {fixed(MARGIN / 2)})">\n'
    for title, depth, left, top, right, bottom in layout.clusters:
        yield panel(left, top, right - left, bottom - top, _FILLS[min(depth, 2)], HAIRLINE)
        yield heading(title, left + 8, top + 15, color=MUTED)
    lines = Lines()
    for edge, points, _ in layout.edges:
        data, head = _curve(points)
        lines.add(edge.kind, data, on_path=edge.on_path, head=head)
    yield from lines.svg()
    for node in section.nodes:
        x, y = layout.nodes[node.id]
        node_width, node_height = sizes[node.id]
        yield node_svg(node, x - node_width / 2, y - node_height / 2, node_width, node_height)
    for edge, _, place in layout.edges:
        if place is not None:
            half = text_width(edge.label, 10) / 2
            corner = f'x="{fixed(place[0] - half)}" y="{fixed(place[1] - 6)}"'
            yield f'<rect {corner} width="{fixed(2 * half)}" height="12" fill="{_FILLS[1]}"/>'
            yield f'<text x="{fixed(place[0])}" y="{fixed(place[1] + 3)}">{xml(edge.label)}</text>\n'
    yield "</g>\n"


def _curve(points: tuple[Point, ...]) -> tuple[str, Head]:
    """Path data of a spline whose last point is the tip, and the tip with its direction."""
    *control, tip = points
    before = next((point for point in reversed(control) if math.dist(point, tip) > 0.5), control[0])
    length = math.dist(before, tip) or 1.0
    dx, dy = (tip[0] - before[0]) / length, (tip[1] - before[1]) / length
    data = f"M{fixed(control[0][0])} {fixed(control[0][1])}C"
    data += " ".join(f"{fixed(x)} {fixed(y)}" for x, y in control[1:])
    data += f"L{fixed(tip[0] - dx * HEAD / 2)} {fixed(tip[1] - dy * HEAD / 2)}"
    return data, (tip[0], tip[1], dx, dy)
