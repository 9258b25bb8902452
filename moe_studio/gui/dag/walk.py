"""Steps of the selection through the lanes: up and down, and along the longest path."""

import numpy as np

from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.lanes import Lanes
from moe_studio.gui.dag.link import step_along


def stepped(shown: Lanes, row: int, along_edge: int, across: int) -> int:
    """The operator that an arrow leads to from ``row``; from none (-1) the first of the longest path."""
    if row < 0:
        return int(shown.path[0])
    if along_edge:
        return step_along(shown.evaluation, row, forward=along_edge > 0)
    return beside(shown, row, across)


def beside(shown: Lanes, row: int, step: int) -> int:
    """The operator of the next occupied line above or below that starts nearest; ``row`` itself at an end."""
    wanted = int(shown.row[row]) + step
    while 0 <= wanted < shown.rows:
        found = np.flatnonzero(shown.row == wanted)
        if len(found):
            return int(found[np.argmin(np.abs(shown.left[found] - shown.left[row]))])
        wanted += step
    return row


def along(path: IntArray, row: int, step: int) -> int:
    """The operator ``step`` further on ``path``, no further than its ends; its first for one that is not on it."""
    place = np.flatnonzero(path == row)
    return int(path[np.clip(place[0] + step, 0, len(path) - 1)] if len(place) else path[0])
