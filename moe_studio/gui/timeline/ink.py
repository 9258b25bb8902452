"""Colours of the lanes, from those of the theme."""

from functools import cache

import numpy as np
from PySide6.QtGui import QColor

from moe_studio.graph.operator import FAMILIES
from moe_studio.gui.theme import Theme, contrast, mixed
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


@cache
def readable_on(theme: Theme, family: str) -> QColor:
    """Text colour with the higher contrast on a family's colour."""
    ground = theme.family(family)
    return max((QColor("#10151B"), QColor("#FFFFFF")), key=lambda ink: contrast(ink, ground))
