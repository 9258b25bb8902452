"""Where the nodes of a small view stand. No Qt: also imported by the child process that does the work."""

from collections.abc import Callable, Iterable, Mapping

from moe_studio.export.figure import node_size
from moe_studio.export.layout import Layout, graphviz_layout
from moe_studio.view.node import Section, ViewNode

Sizes = Mapping[str, tuple[float, float]]
GAP_X, GAP_Y, TITLE = 34.0, 18.0, 20.0


def sizes_of(nodes: Iterable[ViewNode]) -> Sizes:
    """Sizes of the nodes; operators of one shape are equally wide."""
    nodes = tuple(nodes)
    sizes = {node.id: node_size(node) for node in nodes}
    widest: dict[str, float] = {}
    for node in nodes:
        if node.is_operator:
            widest[node.shape] = max(widest.get(node.shape, 0.0), sizes[node.id][0])
    for node in nodes:
        if node.is_operator:
            sizes[node.id] = widest[node.shape], sizes[node.id][1]
    return sizes


def lay_out(section: Section, sizes: Sizes, tell: Callable[[str], None]) -> Layout:
    """The layout of one section by Graphviz; takes a while."""
    return graphviz_layout(section, sizes)


def row_layout(sections: tuple[Section, ...], sizes: Sizes) -> Layout:
    """Sections as rows under their titles, as the longest path is read."""
    nodes: dict[str, tuple[float, float]] = {}
    clusters, top, width = [], 0.0, 0.0
    for section in sections:
        left, height = 10.0, max(sizes[node.id][1] for node in section.nodes)
        for node in section.nodes:
            own = sizes[node.id][0]
            nodes[node.id] = (left + own / 2, top + TITLE + height / 2)
            left += own + GAP_X
        right, bottom = left - GAP_X + 10.0, top + TITLE + height + 10.0
        clusters.append((section.title, 0, 0.0, top, right, bottom))
        width, top = max(width, right), bottom + GAP_Y
    edges = tuple(
        (edge, _straight(edge.source, edge.target, nodes, sizes), None)
        for section in sections
        for edge in section.edges
    )
    return Layout(width=width, height=max(1.0, top - GAP_Y), nodes=nodes, clusters=tuple(clusters), edges=edges)


def _straight(
    source: str, target: str, nodes: Mapping[str, tuple[float, float]], sizes: Sizes
) -> tuple[tuple[float, float], ...]:
    """From node to node: straight within a row; to the next row through the gap between both."""
    (x0, y0), (x1, y1) = nodes[source], nodes[target]
    if y0 == y1:
        return (x0 + sizes[source][0] / 2, y0), (x1 - sizes[target][0] / 2, y1)
    start, end = y0 + sizes[source][1] / 2, y1 - sizes[target][1] / 2
    middle = start + 10.0 + GAP_Y / 2
    return (x0, start), (x0, middle), (x1, middle), (x1, end)
