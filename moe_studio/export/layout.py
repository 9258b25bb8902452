"""Where Graphviz would put the nodes, edges and clusters of a small view."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from moe_studio.errors import MoeStudioError
from moe_studio.view.node import Section, ViewEdge, ViewNode

TIME_LIMIT_S = 5.0
_POINTS_PER_INCH = 72.0
_ROOT = str(Path(__file__).resolve().parents[2])

Point = tuple[float, float]


class LayoutError(MoeStudioError):
    """Graphviz gave no layout in time, or none at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Places in points, y downwards: centres of nodes, corners of clusters, control points of edges.

    Clusters are ``(title, depth, left, top, right, bottom)``, outer ones first.
    """

    width: float
    height: float
    nodes: Mapping[str, Point]
    clusters: tuple[tuple[str, int, float, float, float, float], ...]
    edges: tuple[tuple[ViewEdge, tuple[Point, ...], Point | None], ...]


def graphviz_layout(
    section: Section, sizes: Mapping[str, tuple[float, float]], *, time_limit_s: float = TIME_LIMIT_S
) -> Layout:
    """The layout of ``section`` whose nodes have these sizes, made in a child process that is ended in time.

    Raises:
        LayoutError: if it takes longer, or fails.
    """
    is_one_gpu = len({node.gpu for node in section.nodes if node.is_operator}) == 1
    # Graphviz keeps neighbours in order only where no cluster is in the way; one GPU's phases follow each other.
    tree = _Tree(nodes={-1: list(range(len(section.nodes)))}) if is_one_gpu else _Tree.of(section)
    text = "".join(_input_lines(section, sizes, tree))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((_ROOT, os.environ.get("PYTHONPATH", "")))}
    command = [sys.executable, "-m", "moe_studio.export.layout_child"]
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=time_limit_s, env=environment, check=True
        )
    except subprocess.TimeoutExpired:
        raise LayoutError(f"Graphviz needed longer than {time_limit_s:g} s for this view.") from None
    except (subprocess.CalledProcessError, OSError) as error:
        raise LayoutError(f"Graphviz could not lay out this view: {error}.") from error
    layout = _read(json.loads(done.stdout), section, tree)
    return replace(layout, clusters=_phase_boxes(section, sizes, layout)) if is_one_gpu else layout


def _phase_boxes(
    section: Section, sizes: Mapping[str, tuple[float, float]], layout: Layout
) -> tuple[tuple[str, int, float, float, float, float], ...]:
    """A box around the nodes of each phase; none where two would overlap."""
    boxes: dict[str, tuple[float, float, float, float]] = {}
    for node in section.nodes:
        if node.cluster:
            (x, y), (width, height) = layout.nodes[node.id], sizes[node.id]
            own = (x - width / 2 - 8, y - height / 2 - 20, x + width / 2 + 8, y + height / 2 + 5)
            old = boxes.get(" · ".join(node.cluster), own)
            merged = (min(old[0], own[0]), min(old[1], own[1]), max(old[2], own[2]), max(old[3], own[3]))
            boxes[" · ".join(node.cluster)] = merged
    for a, b in combinations(boxes.values(), 2):
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]:
            return ()
    return tuple((title, 0, *box) for title, box in boxes.items())


@dataclass(slots=True)
class _Tree:
    """Clusters in the order of their numbers, each with its title, its depth, its parent and its nodes."""

    titles: list[str] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    nodes: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, section: Section) -> "_Tree":
        """The clusters of ``section``; -1 stands for the whole.

        A box that holds nothing but another is drawn as one with it.
        """
        tree = cls()
        prefixes = {node.cluster[:depth] for node in section.nodes for depth in range(1, len(node.cluster) + 1)}
        inside = Counter(path[:-1] for path in prefixes)
        inside.update(node.cluster for node in section.nodes)
        known: dict[tuple[str, ...], int] = {(): -1}
        for index, node in enumerate(section.nodes):
            outer = 0
            for depth in range(1, len(node.cluster) + 1):
                path = node.cluster[:depth]
                if depth < len(node.cluster) and inside[path] == 1:
                    continue
                if path not in known:
                    known[path] = len(tree.titles)
                    parent = known[node.cluster[:outer]]
                    tree.titles.append(" · ".join(path[outer:]))
                    tree.depths.append(tree.depths[parent] + 1 if parent >= 0 else 0)
                    tree.parents.append(parent)
                outer = depth
            tree.nodes.setdefault(known[node.cluster], []).append(index)
        return tree


def _input_lines(section: Section, sizes: Mapping[str, tuple[float, float]], tree: _Tree) -> Iterator[str]:
    """DOT in which nodes are n0, n1, …: no name of a project reaches Graphviz."""
    index = {node.id: number for number, node in enumerate(section.nodes)}
    level = {node.id: (node.cluster, node.column) for node in section.nodes}
    crowd = Counter(level.values())
    yield 'digraph { graph [nodesep="0.25", ranksep="0.38", margin="0"]; node [shape=box, fixedsize=true, label=""];\n'
    yield "edge [arrowsize=0.01, arrowhead=normal];\n"
    yield from _cluster_input(-1, section.nodes, sizes, tree)
    for number, edge in enumerate(section.edges):
        # The gap that a label needs is asked for by a label of the same size in characters.
        label = f', label="{"x" * (len(edge.label) + 4)}", fontsize=10' if edge.label else ""
        # Along a stream only neighbours of one level are put in order, from left to right.
        is_free = edge.kind == "order" and level[edge.source] != level[edge.target]
        free = ", constraint=false" if is_free else ""
        is_chain = crowd[level[edge.source]] == crowd[level[edge.target]] == 1
        weight = ", weight=4" if is_chain else ""
        yield f'n{index[edge.source]} -> n{index[edge.target]} [id="{number}"{label}{free}{weight}];\n'
    yield "}\n"


def _cluster_input(
    number: int, nodes: tuple[ViewNode, ...], sizes: Mapping[str, tuple[float, float]], tree: _Tree
) -> Iterator[str]:
    levels: dict[int, list[str]] = {}
    for index in tree.nodes.get(number, ()):
        width, height = (side / _POINTS_PER_INCH for side in sizes[nodes[index].id])
        shape = "ellipse" if nodes[index].shape == "ellipse" else "box"
        yield f"n{index} [width={width:.4f}, height={height:.4f}, shape={shape}];\n"
        if nodes[index].is_operator:
            levels.setdefault(nodes[index].column, []).append(f"n{index}")
    for names in (names for names in levels.values() if len(names) > 1):
        yield f"{{ rank=same; {' -> '.join(names)} [style=invis, weight=0] }}\n"
    for inner, parent in enumerate(tree.parents):
        if parent == number:
            width = max(2, len(tree.titles[inner]))
            yield f'subgraph cluster_{inner} {{ graph [label="{"x" * min(width, 40)}", fontsize=11, margin=9];\n'
            yield from _cluster_input(inner, nodes, sizes, tree)
            yield "}\n"


def _read(answer: dict[str, object], section: Section, tree: _Tree) -> Layout:
    left, bottom, right, top = _numbers(answer["bb"])
    places: dict[str, Point] = {}
    boxes: list[tuple[str, int, float, float, float, float]] = []
    for item in _items(answer, "objects"):
        name = str(item["name"])
        if name.startswith("cluster_"):
            number = int(name.removeprefix("cluster_"))
            x0, y0, x1, y1 = _numbers(item["bb"])
            boxes.append((tree.titles[number], tree.depths[number], x0 - left, top - y1, x1 - left, top - y0))
        elif name.startswith("n"):
            x, y = _numbers(item["pos"])
            places[section.nodes[int(name[1:])].id] = (x - left, top - y)
    edges = []
    for item in _items(answer, "edges"):
        if "id" not in item:
            continue  # One of those that keep a level in order.
        edge = section.edges[int(str(item["id"]))]
        points = _spline(str(item["pos"]), left, top)
        label = _numbers(item["lp"]) if "lp" in item else None
        edges.append((edge, points, (label[0] - left, top - label[1]) if label else None))
    return Layout(
        width=right - left,
        height=top - bottom,
        nodes=places,
        clusters=tuple(sorted(boxes, key=lambda box: box[1])),
        edges=tuple(edges),
    )


def _items(answer: dict[str, object], name: str) -> list[dict[str, object]]:
    found = answer.get(name, [])
    assert isinstance(found, list)
    return found


def _numbers(text: object) -> list[float]:
    return [float(piece) for piece in str(text).split(",")]


def _spline(text: str, left: float, top: float) -> tuple[Point, ...]:
    """Control points of an edge from its tail to its tip; Graphviz puts the tip first, as ``e,x,y``."""
    end: list[Point] = []
    points: list[Point] = []
    for piece in text.split():
        numbers = piece.split(",")
        if numbers[0] in ("e", "s"):
            end += [(float(numbers[1]) - left, top - float(numbers[2]))] if numbers[0] == "e" else []
        else:
            points.append((float(numbers[0]) - left, top - float(numbers[1])))
    return (*points, *end)
