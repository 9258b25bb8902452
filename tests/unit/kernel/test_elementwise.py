"""The model of operators bound by memory."""

import numpy as np
import pytest

from moe_studio.calibration.store import facts_of
from moe_studio.kernel.elementwise import ElementwiseParameters, elementwise_us, traffic_us

H100 = facts_of("h100-sxm")
PARAMETERS = ElementwiseParameters(
    launch_us=1.5, memory_share=0.9, cache_ratio=2.0, cache_share=0.8, row_us=0.05, element_us=1e-4
)


def test_large_operands_move_at_the_share_of_the_bandwidth() -> None:
    time = elementwise_us(PARAMETERS, H100, m=np.array([32768.0]), k=np.array([65536.0]))
    assert time[0] == pytest.approx(1.5 + 3 * 32768 * 65536 / (3.35e12 * 0.9) * 1e6, rel=1e-3)


def test_operands_in_the_cache_move_faster() -> None:
    small, large = traffic_us(PARAMETERS, H100, np.array([1e6, 1e9]))
    assert small == pytest.approx(large / 1000 / 2, rel=0.01)


def test_many_short_rows_cost_their_starts() -> None:
    time = elementwise_us(PARAMETERS, H100, m=np.array([132_000.0]), k=np.array([8.0]))
    assert time[0] == pytest.approx(1.5 + 1000 * 0.05)


def test_one_long_row_takes_as_long_as_its_block() -> None:
    time = elementwise_us(PARAMETERS, H100, m=np.array([1.0]), k=np.array([65536.0]))
    assert time[0] == pytest.approx(1.5 + 6.5536)


def test_time_grows_without_steps_from_cache_to_memory() -> None:
    byte = np.geomspace(1e3, 1e10, 4000)
    time = traffic_us(PARAMETERS, H100, byte)
    growth = time[1:] / time[:-1]
    assert growth.min() > 1.0
    assert growth.max() < 1.02
