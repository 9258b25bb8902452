"""Operators are drawn once and then copied: the graph looks the same from its second painting on."""

import numpy as np
import pytest
from PySide6.QtGui import QImage

from tests.gui.conftest import Driver

ROUNDING = 3
"""Of 255: smooth edges that are drawn on a picture of their own."""


def pixels(image: QImage) -> np.ndarray:
    flat = np.frombuffer(image.convertToFormat(QImage.Format.Format_RGB32).constBits(), np.uint8)
    return flat.reshape(image.height(), -1).astype(int)


@pytest.mark.parametrize("columns", ["level", "time"])
def test_a_graph_of_pictures_looks_like_one_that_is_drawn(driver: Driver, columns: str) -> None:
    view = driver.window.workspace.dag
    if columns == "time":
        view.set_columns("time")
        view.zoom_by(30)
    view.show_selection()
    drawn, *again = [pixels(view.grab().toImage()) for _ in range(4)]
    assert len(np.unique(drawn)) > 20
    for picture in again:
        assert np.abs(picture - drawn).max() <= ROUNDING
