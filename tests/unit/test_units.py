import pytest

from moe_studio.units import binary_text, byte_text, counted, percent_text, si_text, significant, time_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.5, "1,234"),
        (0.0123456, "0.01235"),
        (1e20, "1.000e+20"),
        (float("inf"), "–"),
        (float("nan"), "–"),
    ],
)
def test_four_digits_without_an_exponent_for_ordinary_sizes(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (30.2445, "30.24 s"), (0.0022, "2.200 ms"), (1.5e-6, "1.500 µs"), (2e-10, "0.2000 ns")],
)
def test_a_duration_has_the_unit_that_reads_best(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_memory_is_decimal_like_the_datasheets() -> None:
    assert byte_text(64e9) == "64.0 GB"
    assert binary_text(4096 * 32768 * 2 * 2) == "512 MiB"
    assert si_text(400e12, "FLOP/s") == "400.0 TFLOP/s"


def test_one_of_something_is_no_plural() -> None:
    assert [counted(number, "node") for number in (0, 1, 2, 1024)] == ["0 nodes", "1 node", "2 nodes", "1,024 nodes"]


def test_a_ratio_reads_as_percent() -> None:
    assert percent_text(0.5238) == "52.4 %"
