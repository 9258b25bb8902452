"""What a setting says of values out of its range."""

import pytest

from moe_studio.project.setting import Setting


@pytest.mark.parametrize(
    ("high", "value", "message"),
    [
        (1e9, 2_000_000_000, "must be at most 1000000000, not 2000000000."),
        (0.25, 0.5, "must be at most 0.25, not 0.5."),
        (4096, 10**39, "must be at most 4096, not 1e+39."),
        (4096, 10**400, "must be at most 4096, not a number this large."),
    ],
)
def test_numbers_are_written_out_while_that_is_readable(high: float, value: float, message: str) -> None:
    assert Setting(doc="", high=high).fault(value) == message
