"""What `moe-studio bench --gui` prints of what it measured."""

import pytest

from moe_studio.cli.measure import percentile
from moe_studio.cli.measure_window import pulse_ms, steps_ms

pytest.importorskip("PySide6")

from moe_studio.gui.hand import Pulse, Spent


def test_steps_are_told_in_processor_time_beside_wall_time_and_networkx() -> None:
    steps = [Spent(cpu_s=number / 1e3, wall_s=number / 500) for number in range(1, 101)]
    found = steps_ms(steps, {"median_ms": 505.0})
    assert found == {
        "median_ms": pytest.approx(50.5),
        "p95_ms": pytest.approx(95),
        "runs": 100,
        "wall_median_ms": pytest.approx(101),
        "wall_p95_ms": pytest.approx(190),
        "networkx_ratio": pytest.approx(10),
    }


def test_deafness_is_told_by_its_longest_and_by_all_but_one_in_a_hundred() -> None:
    found = pulse_ms(Pulse(deaf=[Spent(cpu_s=0.001, wall_s=0.002)] * 199 + [Spent(cpu_s=0.05, wall_s=0.09)]))
    assert found == {
        "wall_p99_ms": pytest.approx(2),
        "wall_longest_ms": pytest.approx(90),
        "p99_ms": pytest.approx(1),
        "longest_ms": pytest.approx(50),
        "runs": 200,
    }


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 1.0) == 3.0
