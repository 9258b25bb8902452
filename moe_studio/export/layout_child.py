"""Lays out one graph with Graphviz: DOT on standard input, positions as JSON on standard output.

Run as a process of its own, because Graphviz cannot be interrupted: ``python -m moe_studio.export.layout_child``.
"""

import sys

import pygraphviz


def main() -> None:
    """Read, lay out, write."""
    graph = pygraphviz.AGraph(string=sys.stdin.read())
    sys.stdout.write(graph.draw(format="json0", prog="dot").decode())


if __name__ == "__main__":
    main()
