"""What a small view says, in the user's language."""

from dataclasses import replace

from moe_studio.gui.text import tr
from moe_studio.view.node import Section, ViewNode


def in_words(section: Section) -> Section:
    """``section`` as the window says it; names of operators stay."""
    nodes = tuple(_said(node) for node in section.nodes)
    edges = tuple(replace(edge, label=tr(edge.label)) if edge.label else edge for edge in section.edges)
    return replace(section, title=tr(section.title), nodes=nodes, edges=edges)


def _said(node: ViewNode) -> ViewNode:
    kept = 1 if node.is_operator else 0
    lines = (*node.lines[:kept], *map(tr, node.lines[kept:]))
    return node if lines == node.lines else replace(node, lines=lines)
