"""DOT text of a view: one operator per node, dashed lines for communication, clusters by phase, node and GPU.

No label is HTML and nothing links anywhere, whatever the names in a project are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import TextIO

from moe_studio.export.color import EDGE_COLORS, EDGE_STYLES, FILLS, INK, PATH, STROKES
from moe_studio.export.text import number, plain
from moe_studio.view.node import Section, ViewEdge, ViewGraph, ViewNode

PATH_MARK = "★"
"""Stands before the name of every operator on the longest path."""


def write_dot(view: ViewGraph, file: TextIO) -> None:
    """Write ``view`` to ``file``, section by section."""
    file.write(f"digraph {quoted(view.name)} {{\n")
    title = label((view.title, view.subtitle))
    file.write(f'  graph [label={title}, labelloc="t", fontname="Helvetica", fontsize="14", compound="true"];\n')
    file.write(f'  node [style="filled", fontname="Helvetica", fontsize="10", fontcolor="{INK}"];\n')
    file.write('  edge [arrowsize="0.7"];\n')
    for index, section in enumerate(view.sections):
        file.writelines(_section_lines(index, section))
    file.write("}\n")


def dot_text(view: ViewGraph) -> str:
    """``view`` as DOT."""
    file = StringIO()
    write_dot(view, file)
    return file.getvalue()


@dataclass(slots=True)
class _Cluster:
    """Nodes in a box, and the boxes inside it."""

    nodes: list[ViewNode] = field(default_factory=list)
    inner: "dict[str, _Cluster]" = field(default_factory=dict)


def _section_lines(index: int, section: Section) -> Iterator[str]:
    root = _Cluster()
    for node in section.nodes:
        cluster = root
        for name in node.cluster:
            cluster = cluster.inner.setdefault(name, _Cluster())
        cluster.nodes.append(node)
    yield from _cluster_lines(root, f"cluster_{index}", "  ")
    for edge in section.edges:
        yield f"  {quoted(edge.source)} -> {quoted(edge.target)} [{attributes(_edge_values(edge))}];\n"


def _cluster_lines(cluster: _Cluster, name: str, indent: str) -> Iterator[str]:
    for node in cluster.nodes:
        yield f"{indent}{quoted(node.id)} [label={label(node_label(node))}, {attributes(_node_values(node))}];\n"
    for place, (title, inner) in enumerate(cluster.inner.items()):
        own = f"{name}_{place}"
        yield f'{indent}subgraph "{own}" {{\n'
        yield f'{indent}  graph [label={label((title,))}, style="rounded", color="#B8C2CE"];\n'
        yield from _cluster_lines(inner, own, indent + "  ")
        yield f"{indent}}}\n"


def node_label(node: ViewNode) -> tuple[str, ...]:
    """What a node says, with the mark of the longest path."""
    if node.on_path:
        return (f"{PATH_MARK} {node.lines[0]}", *node.lines[1:])
    return node.lines


def _node_values(node: ViewNode) -> Iterator[tuple[str, str]]:
    yield "shape", node.shape
    yield "op", node.op
    yield "color", PATH if node.on_path else STROKES[node.family]
    yield "fillcolor", FILLS[node.family]
    yield "penwidth", "3" if node.on_path else "1"
    yield "on_path", str(node.on_path).lower()
    if node.gpu >= 0:
        yield "gpu", str(node.gpu)
    if node.node:
        yield '"node"', node.node  # a word of the language unless it is quoted
    if node.layer >= 0:
        yield "layer", str(node.layer)
    if node.expert >= 0:
        yield "expert", str(node.expert)
    if node.is_operator:
        yield "stage", str(node.stage)
        yield "replica", str(node.replica)
        yield "micro_batch", str(node.micro_batch)
        yield "dims", node.dims
        yield "start_us", number(node.start_s * 1e6)
        yield "time_us", number(node.duration_s * 1e6)
        yield "slack_us", number(node.slack_s * 1e6)


def _edge_values(edge: ViewEdge) -> Iterator[tuple[str, str]]:
    yield "style", EDGE_STYLES[edge.kind]
    yield "kind", edge.kind
    if edge.on_path:
        yield "color", PATH
        yield "penwidth", "3"
        yield "on_path", "true"
        yield "tooltip", "on the longest path"
    else:
        yield "color", EDGE_COLORS[edge.kind]
    if edge.label:
        yield "label", edge.label


def attributes(values: Iterable[tuple[str, str]]) -> str:
    """``name="value", …``."""
    return ", ".join(f"{name}={quoted(value)}" for name, value in values)


def quoted(text: str) -> str:
    """``text`` as a quoted id. Backslashes are doubled, as Graphviz reads them in labels."""
    return '"' + plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def label(lines: Iterable[str]) -> str:
    """Lines of plain text as a label; Graphviz would read entities, so ``&`` is spelt as one."""
    return '"' + "\\n".join(quoted(line)[1:-1].replace("&", "&amp;") for line in lines if line) + '"'
