"""Colours of the lanes, from those of the theme."""

from functools import cache

import numpy as np
from PySide6.QtGui import QColor

from moe_studio.graph.operator import FAMILIES
from moe_studio.gui.theme import Theme, mixed
from moe_studio.gui.timeline.raster import Ink


@cache
def ink_of(theme: Theme) -> Ink:
    """Colours of the lanes."""
    lane = theme.color("raised_edge")
    colors = [theme.family(name) for name in FAMILIES]
    return Ink(
        family=np.array([color.rgb() for color in colors], np.uint32),
        faded=np.array([mixed(color, lane, 0.22).rgb() for color in colors], np.uint32),
        ground=theme.color("surface").rgb(),
        lane=lane.rgb(),
        path=theme.color("path").rgb(),
        compute=theme.family("expert").rgb(),
        communication=theme.family("communication").rgb(),
    )


def readable_on(theme: Theme, family: str) -> QColor:
    """Text colour with the higher contrast on a family's colour."""
    ground = luminance(theme.family(family))
    dark, light = QColor("#10151B"), QColor("#FFFFFF")
    return dark if (ground + 0.05) / (luminance(dark) + 0.05) > 1.05 / (ground + 0.05) else light


def luminance(color: QColor) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = (color.redF(), color.greenF(), color.blueF())
    red, green, blue = (v / 12.92 if v <= 0.04045 else float(((v + 0.055) / 1.055) ** 2.4) for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
