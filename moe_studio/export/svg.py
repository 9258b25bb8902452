"""SVG of a view: small ones as Graphviz lays them out, large ones in lanes."""

import shutil
from collections import Counter
from io import StringIO
from tempfile import SpooledTemporaryFile
from typing import TextIO

from moe_studio.export.diagram import diagram
from moe_studio.export.figure import document
from moe_studio.export.lane import MARGIN, lanes
from moe_studio.export.layout import LayoutError
from moe_studio.view.node import ViewGraph

MAX_DIAGRAM_NODES, MAX_DIAGRAM_EDGES, MAX_LEVEL = 90, 260, 8
_SPOOL_BYTE = 1 << 22
_PLACE = "\0"


def write_svg(view: ViewGraph, file: TextIO) -> None:
    """Write ``view`` to ``file``; lanes stream, band by band."""
    if is_small(view):
        try:
            file.writelines(diagram(view))
            return
        except LayoutError:
            pass  # Graphviz was too slow; lanes always work.
    _write_lanes(view, file)


def svg_text(view: ViewGraph) -> str:
    """``view`` as SVG."""
    file = StringIO()
    write_svg(view, file)
    return file.getvalue()


def is_small(view: ViewGraph) -> bool:
    """Whether Graphviz draws the view well and in time."""
    if view.name in ("full", "critical"):
        return False
    if view.name == "overview":
        return True
    crowd = Counter(node.column for node in view.nodes)
    return (
        crowd.total() <= MAX_DIAGRAM_NODES
        and max(crowd.values()) <= MAX_LEVEL
        and _edge_count(view) <= MAX_DIAGRAM_EDGES
    )


def _edge_count(view: ViewGraph) -> int:
    return sum(1 for _ in view.edges)


def _write_lanes(view: ViewGraph, file: TextIO) -> None:
    # The size of a drawing stands at its head but is known at its end, so the body waits in a temporary file.
    with SpooledTemporaryFile(max_size=_SPOOL_BYTE, mode="w+", encoding="utf-8", newline="\n") as body:
        width = height = 0.0
        for band, top in lanes(view):
            body.writelines(band.svg(top))
            width, height = max(width, band.width), top + band.height
        head, tail = "".join(document(view.title, view.subtitle, width, height + MARGIN / 2, [_PLACE])).split(_PLACE)
        body.seek(0)
        file.write(head)
        shutil.copyfileobj(body, file)
        file.write(tail)
