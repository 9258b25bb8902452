"""How long a step of a drag takes, and how much memory the largest example needs."""

import statistics
import time
from pathlib import Path

import pytest

from moe_studio.locator import resource
from tests.gui.conftest import Driver

MEMORY = Path("/proc/self/statm")


@pytest.mark.long
def test_a_drag_with_150000_operators_stays_smooth_and_small(driver: Driver) -> None:
    driver.window.files.new_from_example(resource("examples", "seed3.moe.yaml"))
    driver.settle()
    start = driver.chip_point(5)
    driver.press(start)
    driver.move(driver.gpu_point(20))
    steps = []
    for _ in range(5):
        for gpu in range(6, 126):
            began = time.process_time()
            driver.move(driver.gpu_point(gpu))
            driver.window.bridge.refresh()
            steps.append(time.process_time() - began)
    driver.settle()
    assert statistics.median(steps) < 0.04
    assert statistics.quantiles(steps, n=20)[-1] < 0.1
    if MEMORY.exists():
        assert int(MEMORY.read_text().split()[1]) * 4096 < 700e6
