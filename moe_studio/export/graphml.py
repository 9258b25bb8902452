"""GraphML of a view, with typed keys; opens in networkx, Gephi and yEd."""

from collections.abc import Iterator
from typing import TextIO

from moe_studio.export.text import number, xml
from moe_studio.view.node import ViewEdge, ViewGraph, ViewNode

_NODE_KEYS: dict[str, str] = {
    "label": "string",
    "op": "string",
    "family": "string",
    "shape": "string",
    "gpu": "long",
    "node": "string",
    "stage": "long",
    "replica": "long",
    "layer": "long",
    "micro_batch": "long",
    "expert": "long",
    "dims": "string",
    "start_us": "double",
    "time_us": "double",
    "slack_us": "double",
    "on_path": "boolean",
}
_EDGE_KEYS = {"kind": "string", "on_path": "boolean", "label": "string"}


def write_graphml(view: ViewGraph, file: TextIO) -> None:
    """Write ``view`` to ``file``. Nodes come before edges, so the view is read twice."""
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n')
    for owner, keys in (("node", _NODE_KEYS), ("edge", _EDGE_KEYS)):
        for name, kind in keys.items():
            file.write(f'  <key id="{owner}_{name}" for="{owner}" attr.name="{name}" attr.type="{kind}"/>\n')
    file.write(f'  <graph id="{xml(view.name)}" edgedefault="directed">\n')
    file.writelines(_element(f'node id="{xml(node.id)}"', "node", _node_values(node)) for node in view.nodes)
    for edge in view.edges:
        head = f'edge source="{xml(edge.source)}" target="{xml(edge.target)}"'
        file.write(_element(head, "edge", _edge_values(edge)))
    file.write("  </graph>\n</graphml>\n")


def _element(head: str, owner: str, values: Iterator[tuple[str, str]]) -> str:
    data = "".join(f'<data key="{owner}_{name}">{xml(value)}</data>' for name, value in values)
    return f"    <{head}>{data}</{owner}>\n"


def _node_values(node: ViewNode) -> Iterator[tuple[str, str]]:
    yield "label", " · ".join(node.lines)
    for name in ("op", "family", "shape", "node", "dims"):
        if getattr(node, name):
            yield name, getattr(node, name)
    for name in ("gpu", "stage", "replica", "layer", "micro_batch", "expert"):
        if getattr(node, name) >= 0:
            yield name, str(getattr(node, name))
    if node.is_operator:
        yield "start_us", number(node.start_s * 1e6)
        yield "time_us", number(node.duration_s * 1e6)
        yield "slack_us", number(node.slack_s * 1e6)
    yield "on_path", str(node.on_path).lower()


def _edge_values(edge: ViewEdge) -> Iterator[tuple[str, str]]:
    yield "kind", edge.kind
    yield "on_path", str(edge.on_path).lower()
    if edge.label:
        yield "label", edge.label
