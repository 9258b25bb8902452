"""What the lanes show, as a value: a change of the design that alters nothing in view needs no painting."""

from collections.abc import Hashable

import numpy as np

from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.link import links_between
from moe_studio.gui.dag.paint import Scene, is_readable, rows_in_view


def content(scene: Scene, before: Hashable) -> Hashable:
    """Equal for scenes that are painted alike; None where telling would take as long as painting.

    What is selected and how things are to look is left out, for who changes that asks for painting. ``before``: the
    content that was painted last; of one that is clearly another only so much is told.
    """
    rows = rows_in_view(scene)
    if len(scene.way) or not is_readable(scene, rows) or any(item.kind == "layer" for item in scene.chosen.selected):
        return None
    shown, evaluation = scene.shown, scene.shown.evaluation
    numbers = np.unique(np.searchsorted(evaluation.graph.first_rows, rows, side="right") - 1)
    bodies = tuple(evaluation.graph.parts[number].body for number in numbers.tolist())
    where = scene.camera, scene.area.width(), scene.area.height(), bodies
    if isinstance(before, tuple) and before[: len(where)] != where:
        return where
    links = links_between(evaluation, rows, has_order=scene.has_order)
    path = _path_in_view(scene)
    gpus = evaluation.graph.gpu[shown.path]
    first = shown.lane_of_row(max(0.0, scene.camera.y))
    last = shown.lane_of_row(scene.camera.from_y(scene.area.height()))
    meant = np.unique(np.concatenate([rows, path, links.source, links.target, *map(np.concatenate, links.meetings)]))
    columns = (
        meant,
        shown.left[meant],
        shown.right[meant],
        shown.row[meant],
        evaluation.duration_s[rows],
        shown.is_path[rows],
        shown.lane_first[first : last + 2],
        np.unique(gpus[(gpus >= first) & (gpus <= last)]),
        path,
        scene.look.coloring.classes[rows],
        scene.look.mask[rows] if scene.look.mask is not None else rows,
        scene.chosen.is_single[rows],
        links.source,
        links.target,
        links.kind,
    )
    return *where, tuple(column.tobytes() for column in columns)


def _path_in_view(scene: Scene) -> IntArray:
    """Operators of the longest path between which a line is seen."""
    shown, camera = scene.shown, scene.camera
    if not scene.has_path or len(shown.path) < 2:
        return shown.path
    edge = camera.from_x(scene.area.width())
    seen = (shown.right[shown.path[1:]] >= camera.x) & (shown.left[shown.path[:-1]] <= edge)
    return np.asarray(shown.path[np.append(seen, False) | np.append(False, seen)])
