"""Painting the lanes: a picture when zoomed out, shapes and edges when there is room to read them."""

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPen

from moe_studio.document.chosen import Chosen
from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.coloring import Look
from moe_studio.gui.dag.draw import Brush, draw_links, draw_operator, draw_path, draw_way
from moe_studio.gui.dag.lanes import Columns, Lanes
from moe_studio.gui.dag.link import links_between
from moe_studio.gui.dag.margin import Ground, draw_bands, draw_lanes
from moe_studio.gui.dag.raster import picture
from moe_studio.gui.dag.stamp import Stamps
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.camera import Camera
from moe_studio.view.label import Labeller

READABLE_WIDTH, READABLE_HEIGHT = 34.0, 13.0
MOST_SHAPES = 900
MOST_MARKS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a picture of the lanes shows. ``area``: where operators are; ``size``: of the whole view.

    ``way``: rows of another path that is marked beside the longest one; ``stamps``: operators that were drawn before.
    """

    shown: Lanes
    camera: Camera
    theme: Theme
    look: Look
    labels: Labeller
    columns: Columns
    area: QRectF
    size: QSize
    has_path: bool
    has_order: bool
    chosen: Chosen
    way: IntArray
    stamps: Stamps

    def brush(self, *, has_gaps: bool) -> Brush:
        """What single operators and edges are drawn with."""
        return Brush(
            shown=self.shown,
            camera=self.camera,
            theme=self.theme,
            look=self.look,
            labels=self.labels,
            has_gaps=has_gaps,
            has_path=self.has_path,
            stamps=self.stamps,
        )


def paint_lanes(painter: QPainter, scene: Scene) -> None:
    """Paint the part in view, with the names of its GPUs and its axis."""
    area, camera, shown = scene.area, scene.camera, scene.shown
    ground = Ground(
        shown=shown,
        camera=camera,
        theme=scene.theme,
        area=area,
        size=scene.size,
        columns=scene.columns,
        has_path=scene.has_path,
        selected=scene.chosen.selected,
    )
    draw_lanes(painter, ground)
    painter.save()
    painter.setClipRect(area)
    rows = rows_in_view(scene)
    painter.translate(area.topLeft())
    if is_readable(scene, rows):
        _paint_shapes(painter, scene, rows)
    else:
        _paint_picture(painter, scene, rows)
    draw_bands(painter, ground)
    painter.restore()


def rows_in_view(scene: Scene) -> IntArray:
    """Operators that are at least partly seen."""
    area, camera = scene.area, scene.camera
    return scene.shown.within(camera.x, camera.from_x(area.width()), camera.y, camera.from_y(area.height()))


def is_readable(scene: Scene, rows: IntArray) -> bool:
    """Whether operators are large enough, and few enough, to be drawn one by one."""
    width = scene.camera.scale_x if scene.columns == "level" else _median_width(scene, rows)
    return width >= READABLE_WIDTH and scene.camera.scale_y >= READABLE_HEIGHT and len(rows) <= MOST_SHAPES


def _median_width(scene: Scene, rows: IntArray) -> float:
    widths = scene.shown.width(rows) * scene.camera.scale_x
    wide = widths[widths > 0]
    return float(np.median(wide)) if len(wide) else 0.0


def _paint_shapes(painter: QPainter, scene: Scene, rows: IntArray) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    brush, shown = scene.brush(has_gaps=scene.columns == "level"), scene.shown
    if (mask := scene.look.shown) is not None:
        rows = rows[mask[rows]]
    if brush.has_gaps:
        draw_links(painter, brush, links_between(shown.evaluation, rows, has_order=scene.has_order), mask)
        if scene.has_path:
            draw_path(painter, brush)
    draw_way(painter, brush, scene.way)
    chosen = set(marked_rows(scene, rows).tolist())
    brush.find_boxes(rows)
    # The longest path is drawn last, over its neighbours.
    for row in rows[np.argsort(shown.is_path[rows], kind="stable")].tolist():
        draw_operator(painter, brush, row, is_selected=row in chosen)


def _paint_picture(painter: QPainter, scene: Scene, rows: IntArray) -> None:
    area, camera, shown = scene.area, scene.camera, scene.shown
    painter.drawImage(QPointF(0, 0), lanes_image(scene, camera, int(area.width()), int(area.height())))
    draw_way(painter, scene.brush(has_gaps=False), scene.way)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(scene.theme.color("accent"), 2))
    # What comes before or after something is told by what is faded; frames would hide it.
    marked = rows[:0] if scene.chosen.is_reach else marked_rows(scene, rows)
    for row in marked[:MOST_MARKS].tolist():
        x, y = camera.to_x(float(shown.left[row])), camera.to_y(float(shown.row[row]))
        width, height = max(3.0, camera.to_x(float(shown.right[row])) - x), max(3.0, camera.scale_y)
        painter.drawRect(QRectF(x - 2, y - 2, width + 4, height + 4))


def marked_rows(scene: Scene, rows: IntArray) -> IntArray:
    """Those of ``rows`` that are selected one by one; lanes and layers are marked at the edge."""
    return rows[scene.chosen.is_single[rows]]


def lanes_image(scene: Scene, camera: Camera, width: int, height: int) -> QImage:
    """The lanes as ``camera`` sees them, all operators as pixels."""
    shown = scene.shown if scene.has_path else replace(scene.shown, path=scene.shown.path[:0])
    pixels = picture(
        shown,
        camera,
        width,
        height,
        pixels=scene.look.pixels,
        mask=scene.look.shown,
        path_color=scene.theme.color("path").rgb(),
        ground=scene.theme.color("surface").rgb(),
    )
    pixels = np.ascontiguousarray(pixels)
    return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGB32).copy()
