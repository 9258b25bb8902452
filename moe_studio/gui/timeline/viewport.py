"""What the timeline shows and which part of it: everything but painting and events."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from moe_studio.document.selection import Selection
from moe_studio.document.timeline import Timeline, operator_sentence, timeline
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.timeline.layout import (
    Layout,
    allowed_scale,
    clamped,
    fitted,
    framed_bar,
    framed_rows,
    layout,
    range_camera,
    revealed,
)
from moe_studio.gui.timeline.paint import AXIS, GUTTER, PATH_LANE
from moe_studio.gui.widgets.camera import Camera
from moe_studio.units import time_text

SNAP = 6
"""Pixels within which a measure snaps to the start or the end of an operator."""


FOLDED_BELOW = 0.5
"""With fewer pixels for each GPU, all nodes are folded at first."""


class Viewport:
    """A timeline, its lanes, and a camera on them. ``on_moved`` is told whenever another part is seen."""

    def __init__(self, evaluation: Evaluation, size: tuple[float, float], on_moved: Callable[[], None]) -> None:
        self.shown: Timeline = timeline(evaluation)
        self.folded: set[int] = set()
        self.layout: Layout = self._laid_out()
        self.is_fitted = True
        self._on_moved = on_moved
        self.area = lane_area(*size)
        self.camera: Camera = self._fitted()
        if self.camera.scale_y < FOLDED_BELOW:
            self.folded = set(range(len(self.layout.node_top)))
            self.layout = self._laid_out()
            self.camera = self._fitted()

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the lanes in pixels."""
        return self.area.width(), self.area.height()

    def show(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        """Show another evaluation; the part in view stays, unless it was everything."""
        self.shown = timeline(evaluation)
        known, wanted = self.layout, self._laid_out()
        if (known.streams, known.is_folded) != (wanted.streams, wanted.is_folded) or not np.array_equal(
            known.node_of_gpu, wanted.node_of_gpu
        ):
            self.layout = wanted
        if not keeps_range:
            self.stay()

    def resize(self, width: float, height: float) -> None:
        """Use another room."""
        self.area = lane_area(width, height)
        self.stay()

    def stay(self) -> None:
        """Keep everything in view where it was, else the part that was."""
        if self.is_fitted:
            self.fit()
        else:
            self.look(self.camera)

    def _laid_out(self) -> Layout:
        return layout(self.shown.evaluation.project.cluster.node_of_gpu(), self.shown.streams, self.folded)

    # Folding

    def fold(self, nodes: set[int]) -> None:
        """Show these nodes as one lane each, and all others with all their GPUs."""
        self.folded = nodes
        self.layout = self._laid_out()
        self.stay()

    def node_of(self, selection: Selection) -> int:
        """The node of what is selected; the first when nothing has one."""
        if selection.kind == "node" and 0 <= selection.node < len(self.layout.node_top):
            return selection.node
        if 0 <= selection.gpu < len(self.layout.node_of_gpu):
            return int(self.layout.node_of_gpu[selection.gpu])
        return 0

    @property
    def is_folded(self) -> bool:
        """Whether all nodes are folded."""
        return len(self.folded) == len(self.layout.node_top)

    # Looking

    def _fitted(self) -> Camera:
        return fitted(self.shown.span, self.layout.height, self.size)

    def fit(self) -> None:
        """Bring everything into view."""
        self.look(self._fitted())
        self.is_fitted = True

    def look(self, camera: Camera) -> None:
        """Look through ``camera``, as far as there is something to see."""
        self.camera = clamped(camera, self.shown.span, self.layout.height, self.size)
        self.is_fitted = False
        self._on_moved()

    def pan(self, dx: float, dy: float) -> None:
        """Move by so many pixels."""
        self.look(self.camera.moved(dx, dy))

    def zoom(self, factor_x: float, factor_y: float, at: QPointF) -> None:
        """Nearer by these factors; what is under ``at`` stays there."""
        self._zoom(factor_x, factor_y, (at.x() - self.area.left(), at.y() - self.area.top()))

    def _zoom(self, factor_x: float, factor_y: float, at: tuple[float, float]) -> None:
        """At the ends of the scale the point stays, too."""
        camera = self.camera
        wanted = replace(camera, scale_x=camera.scale_x * factor_x, scale_y=camera.scale_y * factor_y)
        scale_x, scale_y = allowed_scale(wanted, self.shown.span, self.layout.height, self.size)
        self.look(camera.zoomed(scale_x / camera.scale_x, scale_y / camera.scale_y, at))

    def zoom_about(self, factor: float, place: int) -> None:
        """Nearer, keeping an operator where it is if it is seen, else the middle."""
        x = self.area.width() / 2
        if place >= 0:
            middle = self.camera.to_x(float(self.shown.start[place] + self.shown.finish[place]) / 2)
            x = middle if 0 <= middle <= self.area.width() else x
        self._zoom(factor, 1.0, (x, 0.0))

    def zoom_to(self, first: float, last: float) -> None:
        """Show a range of time."""
        least = self.shown.span * 1e-9
        self.look(range_camera(self.camera, first, max(last, first + least), self.area.width()))

    def frame(self, selection: Selection) -> None:
        """Bring what is selected into view at a readable size, or everything."""
        places = self.shown.matching(selection)
        rows = self.layout.rows_of(gpu=selection.gpu, node=selection.node)
        if selection.kind == "operator" and len(places):
            ends, lane = self._ends(int(places[0])), self._lane(int(places[0]))
            self.look(framed_bar(self.camera, ends, lane, span=self.shown.span, size=self.size))
        elif len(places):
            self.zoom_to(float(self.shown.start[places].min()), float(self.shown.finish[places].max()))
        elif rows is not None:
            self.look(framed_rows(self.camera, rows, self.area.height()))
        else:
            self.fit()

    def reveal(self, place: int) -> None:
        """Move as little as needed to see an operator."""
        camera = revealed(self.camera, self._ends(place), self._lane(place), self.size)
        if camera != self.camera:
            self.look(camera)

    def _ends(self, place: int) -> tuple[float, float]:
        return float(self.shown.start[place]), float(self.shown.finish[place])

    def _lane(self, place: int) -> tuple[float, float]:
        return self.layout.lane_box(int(self.shown.track[place]))

    # What is where

    def chosen(self, selection: Selection) -> int:
        """Place of a selected operator, -1 for none."""
        if selection.kind != "operator":
            return -1
        found = self.shown.matching(selection)
        return int(found[0]) if len(found) else -1

    def second_at(self, point: QPointF) -> float:
        """The moment under a pixel."""
        return self.camera.from_x(point.x() - self.area.left())

    def height_at(self, point: QPointF) -> float:
        """The height under a pixel, counted in GPUs."""
        return self.camera.from_y(point.y() - self.area.top())

    def place_at(self, point: QPointF, reach: float = 2.0) -> int:
        """Place of the operator under a pixel, or ``reach`` pixels beside it; -1 for none."""
        second, within = self.second_at(point), reach / self.camera.scale_x
        if self.area.contains(point):
            track = self.layout.track_at(self.height_at(point))
            return self.shown.at(track, second, within=within) if track >= 0 else -1
        if point.x() >= GUTTER and AXIS <= point.y() < AXIS + PATH_LANE:
            return self._on_path(second, within)
        return -1

    def _on_path(self, second: float, within: float) -> int:
        path = self.shown.path
        step = int(np.searchsorted(self.shown.start[path], second, side="right")) - 1
        return int(path[step]) if step >= 0 and second <= self.shown.finish[path[step]] + within else -1

    def snapped(self, point: QPointF) -> float:
        """The moment under a pixel, or the start or end of an operator close by."""
        second, place = self.second_at(point), self.place_at(point, SNAP)
        if place >= 0:
            near = min(self._ends(place), key=lambda edge: abs(edge - second))
            if abs(near - second) * self.camera.scale_x <= SNAP:
                return near
        return min(max(second, 0.0), self.shown.span)

    def text_at(self, point: QPointF) -> str:
        """What is under a pixel, in words."""
        place = self.place_at(point)
        if place >= 0:
            return operator_sentence(self.shown, place)
        second = self.second_at(point)
        if not self.area.contains(point) or not 0 <= second <= self.shown.span:
            return ""
        height = self.height_at(point)
        track, node = self.layout.track_at(height), self.layout.node_at(height)
        if track >= 0:
            where = f"GPU {self.shown.gpu_of(track)}, {self.shown.stream_of(track)}"
            return f"{where}: nothing runs at {time_text(second)}"
        if node >= 0:
            gpus = int((self.layout.node_of_gpu == node).sum())
            name = self.shown.evaluation.graph.node_names[node]
            return f"{name}: {gpus} GPUs as one lane, the fuller the colour the more of them are busy"
        return ""


def lane_area(width: float, height: float) -> QRectF:
    """Where the lanes are in a view of this size."""
    top = AXIS + PATH_LANE
    return QRectF(GUTTER, top, max(1.0, width - GUTTER), max(1.0, height - top))
