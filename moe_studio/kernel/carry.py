"""Carries fitted numbers from one GPU to another.

Shares are of the datasheet's figures and stay. Latencies inside a kernel are cycles of the clock of its SMs, so they
shrink as the clock grows; those of links and networks are not.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

from moe_studio.kernel.device import DeviceFacts

# Boost clocks at which the makers state their peaks (datasheets and white papers of A100, L40S, H100, B200, MI300X).
CLOCK_GHZ: Mapping[str, float] = MappingProxyType(
    {"ampere": 1.41, "ada": 2.52, "hopper": 1.83, "blackwell": 1.86, "cdna3": 2.1}
)
ON_THE_CHIP = ("attention", "elementwise", "gemm", "mla", "moe")
"""Families whose latencies follow the clock. Between A100 and H100, errors of GEMMs fell from 17 and 25 % to 13 and
15 % in the median, those of decode attention from 32 and 31 % to 14 and 16 %."""


def carried_over(parameters: Any, family: str, there: DeviceFacts, here: DeviceFacts) -> Any:
    """``parameters`` that were fitted to ``there``, as they are to be expected ``here``."""
    ratio = CLOCK_GHZ[there.generation] / CLOCK_GHZ[here.generation]
    if ratio != 1 and family in ON_THE_CHIP:
        parameters = _slowed(parameters, ratio)
    if family != "gemm" or here.is_like(there):
        return parameters
    # The same work makes the clock fall; a GPU of half the rate takes twice as long for it. How badly DeepGEMM's widest
    # tiles do in a single wave is a matter of the registers of one generation.
    slower = there.peak("bf16") / here.peak("bf16")
    wide = parameters.wide_tile_share if here.generation == there.generation else 1.0
    return replace(parameters, throttle_ms=parameters.throttle_ms * slower, wide_tile_share=wide)


def _slowed(record: Any, ratio: float) -> Any:
    """``record`` with every time in it, and in the records inside it, multiplied by ``ratio``."""
    if isinstance(record, tuple):
        return tuple(_slowed(item, ratio) for item in record)
    if not is_dataclass(record) or isinstance(record, type):
        return record
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return replace(
        record,
        **{name: value * ratio if name.endswith("_us") else _slowed(value, ratio) for name, value in values.items()},
    )
