"""What stands below the lanes: the map, the legend, and words on what is in view."""

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSizeF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from moe_studio.gui.dag.coloring import Look
from moe_studio.gui.dag.legend import GraphLegend, entries
from moe_studio.gui.dag.margin import GUTTER
from moe_studio.gui.dag.mini_map import MapScene, MiniMap
from moe_studio.gui.dag.paint import Scene, lanes_image
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.camera import Camera
from moe_studio.gui.widgets.label import ElidedLabel

MAP_HEIGHT, LINE, GAP, SIDE = 46, 20, 4, 8
STATE = 140
"""Width of the words on what is in view."""


class Foot:
    """Gives map, legend and words their places in ``parent``; ``height`` is what they take."""

    def __init__(self, parent: QWidget, theme: Theme, scene: Callable[[], Scene | None]) -> None:
        self.legend = GraphLegend(parent, theme)
        self.state = ElidedLabel("", "small")
        self.state.setParent(parent)
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.map = MiniMap(parent, lambda: _in_small(scene()), gutter=GUTTER, right=SIDE)
        self._line = LINE

    @property
    def height(self) -> int:
        """Pixels that the lanes have to leave."""
        return self._line + (0 if self.map.isHidden() else MAP_HEIGHT) + 2 * GAP

    def show_legend(self, look: Look | None, theme: Theme, *, has_path: bool, has_order: bool) -> None:
        """Say what colours, shapes and lines mean."""
        own = look.coloring.legend() if look is not None else []
        self.legend.show_entries(entries(own, theme, has_path=has_path, has_order=has_order), theme)

    def arrange(self, width: int, height: int) -> None:
        """Take the lower end of a view of this size."""
        inner = width - 2 * SIDE - 2
        self._line = LINE if self.legend.isHidden() else self.legend.needed(inner, STATE)
        bottom = height - self._line
        self.legend.setGeometry(SIDE + 2, bottom, max(1, inner), self._line)
        self.state.setGeometry(width - STATE - SIDE, height - LINE, STATE, LINE)
        self.map.setGeometry(0, bottom - MAP_HEIGHT - 2, width, MAP_HEIGHT)


def _in_small(scene: Scene | None) -> MapScene | None:
    """All lanes: columns across, rows down."""
    if scene is None:
        return None
    area, camera = scene.area, scene.camera
    span, rows = scene.shown.span, float(max(1, scene.shown.rows))

    def picture(width: int, height: int) -> QImage:
        return lanes_image(scene, Camera(x=0, y=0, scale_x=width / span, scale_y=height / rows), width, height)

    seen = QRectF(camera.x, camera.y, area.width() / camera.scale_x, area.height() / camera.scale_y)
    return MapScene(theme=scene.theme, whole=QSizeF(span, rows), seen=seen, picture=picture)
