"""Operators are drawn once and then copied, and only when what is in view looks different."""

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from moe_studio.gui.dag import stamp
from moe_studio.project.edit import move_expert
from tests.gui.conftest import Driver, Paints

ROUNDING = 3
"""Of 255: smooth edges that are drawn on a picture of their own."""


def pixels(image: QImage) -> np.ndarray:
    flat = np.frombuffer(image.convertToFormat(QImage.Format.Format_RGB32).constBits(), np.uint8)
    return flat.reshape(image.height(), -1).astype(int)


@pytest.mark.parametrize("columns", ["level", "time"])
def test_a_graph_of_pictures_looks_like_one_that_is_drawn(
    driver: Driver, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = driver.window.workspace.dag
    if columns == "time":
        view.set_columns("time")
        view.zoom_by(30)
    view.show_selection()
    driver.settle()
    QApplication.processEvents()
    with monkeypatch.context() as no_stamps:
        no_stamps.setattr(stamp, "MOST_AREA", 0)
        drawn = pixels(view.grab().toImage())
    assert len(np.unique(drawn)) > 20
    for picture in [pixels(view.grab().toImage()) for _ in range(2)]:
        off = np.argwhere(np.abs(picture - drawn) > ROUNDING)
        assert not len(off), f"differs from row, byte {off.min(axis=0)} to {off.max(axis=0)}"


def test_a_change_out_of_view_is_not_painted_and_one_in_view_is(driver: Driver) -> None:
    view, document, paints = driver.window.workspace.dag, driver.document, Paints()

    def painted(layer: int, gpu: int) -> int:
        paints.count = 0
        document.preview(move_expert(5, 5, gpu, layers=[layer]))
        driver.settle()
        QApplication.processEvents()
        return paints.count

    last = document.project.model.layer_count - 1
    painted(last, 12)
    painted(last, 13)  # by now it is known what was painted at the size that the window has got
    view.installEventFilter(paints)
    assert painted(last, 12) == 0
    view.frame_rows(np.flatnonzero(document.evaluation.graph.expert == 5)[:1])
    QApplication.processEvents()
    assert painted(0, 13) > 0
    view.removeEventFilter(paints)
