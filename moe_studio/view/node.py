"""The values that views are made of: nodes, edges, sections."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewNode:
    """A node of a view. ``lines`` is what it says, its name first; ``cluster`` the boxes around it, outermost first.

    ``row``: row of the operator, -1 for what is none. ``column``: its level within its layer. ``gpu``,
    ``layer``, ``expert``: -1 for none or several; ``layer`` of ``layers`` in a row is the first. ``shape`` is box,
    ellipse, parallelogram or point.
    """

    id: str
    lines: tuple[str, ...]
    op: str
    family: str
    shape: str
    cluster: tuple[str, ...] = ()
    row: int = -1
    column: int = 0
    gpu: int = -1
    node: str = ""
    stage: int = -1
    replica: int = -1
    layer: int = -1
    layers: int = 1
    micro_batch: int = -1
    expert: int = -1
    dims: str = ""
    start_s: float = 0.0
    duration_s: float = 0.0
    slack_s: float = 0.0
    on_path: bool = False

    @property
    def is_operator(self) -> bool:
        """Whether it is one operator on one GPU."""
        return self.row >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewEdge:
    """An edge of a view; ``kind`` is data, communication or order."""

    source: str
    target: str
    kind: str
    on_path: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Part of a view that is drawn together. Edges belong where their target is."""

    title: str
    nodes: tuple[ViewNode, ...]
    edges: tuple[ViewEdge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewGraph:
    """A view: its sections in order. Those of a whole model are made one by one while they are read."""

    name: str
    title: str
    subtitle: str
    sections: Iterable[Section]

    @property
    def nodes(self) -> Iterator[ViewNode]:
        """All nodes, in order."""
        return (node for section in self.sections for node in section.nodes)

    @property
    def edges(self) -> Iterator[ViewEdge]:
        """All edges, in order."""
        return (edge for section in self.sections for edge in section.edges)


def end_node(name: str) -> ViewNode:
    """The source or the sink of the graph, on the host."""
    return ViewNode(id=name, lines=(name, "host"), op=name, family="boundary", shape="parallelogram")
