"""Run time of operators bound by memory: normalisation, activation, quantisation, copies."""

from dataclasses import dataclass

import numpy as np

from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.project.setting import setting

US = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementwiseParameters:
    """A kernel that streams its operands once."""

    launch_us: float = setting("time of an empty kernel", unit="µs", low=0, high=1000)
    memory_share: float = setting("share of the memory bandwidth reached by large operands", above=0, high=1)
    cache_ratio: float = setting("bandwidth of operands that stay in the L2 cache, as a multiple", low=1, high=20)
    cache_share: float = setting("operands of this share of the L2 cache stay in it for half", above=0, high=10)
    row_us: float = setting("time that an SM needs to start one row", 0.0, unit="µs", low=0, high=100)
    element_us: float = setting("time that one block needs for each element of its row", 0.0, unit="µs", low=0, high=1)


def traffic_us(parameters: ElementwiseParameters, device: DeviceFacts, byte: FloatArray) -> FloatArray:
    """Time to stream ``byte`` bytes: at the cache's rate while they fit in it, then at the memory's."""
    missing = 1 / (1 + (parameters.cache_share * device.l2_byte / np.maximum(byte, 1.0)) ** 4)
    slowness = missing + (1 - missing) / parameters.cache_ratio
    return np.asarray(US * byte * slowness / (device.memory_byte_s * parameters.memory_share))


def elementwise_us(
    parameters: ElementwiseParameters, device: DeviceFacts, *, m: FloatArray, k: FloatArray, element_byte: float = 3.0
) -> FloatArray:
    """Time of an operator on ``m`` rows of ``k`` elements that moves ``element_byte`` bytes for each.

    The default is quantisation from bf16 to fp8: it reads 2 bytes and writes 1. A kernel with a block for each row
    pays for every row that it starts, and for the length of one.
    """
    moving = traffic_us(parameters, device, m * k * element_byte)
    starting = np.ceil(m / device.sms) * parameters.row_us
    return np.asarray(parameters.launch_us + np.maximum(np.maximum(moving, starting), k * parameters.element_us))
