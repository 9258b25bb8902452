"""What `moe-studio bench --gui` prints of what it measured."""

import pytest

from moe_studio.cli.bench import show_measurements
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


def test_what_has_the_same_figures_stands_in_one_table_and_every_figure_is_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spent = [Spent(cpu_s=0.001, wall_s=0.002)]
    step, pulse = steps_ms(spent, {"median_ms": 1.0}), pulse_ms(Pulse(deaf=spent))
    show_measurements(
        {"drag": step, "deaf": pulse, "zoom": step | {"worst_level_p95_ms": 1.0, "levels": 2}, "pan": step}
    )
    lines = capsys.readouterr().out.splitlines()
    heads = [line.split()[1:] for line in lines if line.startswith("measurement")]
    assert heads == [list(step), list(pulse), [*step, "worst_level_p95_ms", "levels"]]
    assert [line.split()[0] for line in lines[1:3]] == ["drag", "pan"]
    legend = next(number for number, line in enumerate(lines) if line.startswith("figure"))
    explained = {line.split()[0] for line in lines[legend + 1 :] if line}
    assert explained == {*step, *pulse, "worst_level_p95_ms", "levels"}


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 1.0) == 3.0
