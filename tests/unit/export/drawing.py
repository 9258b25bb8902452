"""Evaluations that tests of drawings share."""

from dataclasses import replace
from functools import cache

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.locator import resource
from moe_studio.storage.loader import load_project
from moe_studio.view.node import ViewGraph, ViewNode

SMALL = ("seed0-baseline", "seed0-proposed-dp", "seed1", "seed2-baseline", "seed4-proposed")
VIEWS = ("overview", "layer", "attention", "expert", "routing", "critical", "full")
HOSTILE = (
    'quote"quote',
    "back\\slash\\",
    "new\nline",
    "<b>bold</b>",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "]]>",
    "&amp;&#0;",
    "\x00\x01\x1f\x7f",
    "\u202eright to left\u2066",
    "=1+1",
    "\ud800",
    "\ufffe\uffff",
    "專家 🚀",
    '"]; evil [label="',
    "'\"><svg onload=alert(1)>",
)


@cache
def example(name: str) -> Evaluation:
    """An example of the gallery, evaluated."""
    return evaluate(load_project(resource("examples", f"{name}.moe.yaml")))


def renamed(drawn: ViewGraph, name: str) -> ViewGraph:
    """``drawn`` as if its project and nodes had this name; a project itself would refuse some of them."""

    def changed(node: ViewNode) -> ViewNode:
        lines = tuple(line.replace("node0", name) for line in node.lines)
        cluster = tuple(title.replace("node0", name) for title in node.cluster)
        return replace(node, lines=lines, cluster=cluster, node=node.node.replace("node0", name))

    sections = tuple(replace(part, title=name, nodes=tuple(map(changed, part.nodes))) for part in drawn.sections)
    return replace(drawn, title=name, subtitle=name, sections=sections)
