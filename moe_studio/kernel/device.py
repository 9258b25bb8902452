"""What a kernel model needs to know of a GPU, from its datasheet."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from moe_studio.errors import MoeStudioError
from moe_studio.project.cluster import Device, arithmetic_type
from moe_studio.project.model import DTYPE_BYTE

FloatArray = NDArray[np.float64]

GENERATIONS = ("ampere", "ada", "hopper", "blackwell", "cdna3")

_MIB = 2.0**20

# Second-level cache by catalogue device, from the makers' architecture white papers
# (NVIDIA A100, Ada, H100, Blackwell; AMD CDNA 3: the Infinity Cache).
_GENERATION_AND_L2_MIB: Mapping[str, tuple[str, float]] = {
    "a100-40g-sxm": ("ampere", 40),
    "a100-80g-sxm": ("ampere", 40),
    "l40s": ("ada", 96),
    "h100-sxm": ("hopper", 50),
    "h100-pcie": ("hopper", 50),
    "h200-sxm": ("hopper", 50),
    "h800-sxm": ("hopper", 50),
    "h20": ("hopper", 60),
    "b200": ("blackwell", 126),
    "gb200": ("blackwell", 126),
    "mi300x": ("cdna3", 256),
    "mi325x": ("cdna3", 256),
}
_TYPICAL_SM_FLOP_S = {"ampere": 2.9e12, "ada": 2.5e12, "hopper": 7.5e12, "blackwell": 15.2e12, "cdna3": 4.3e12}
_TYPICAL_L2_MIB_PER_SM = 0.4
TYPICAL_LINK_BYTE_S = 300e9
"""NVLink of an A100, one way, for a GPU whose datasheet does not say; a design's own links change times from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """A GPU by its datasheet, in base units; ``link_byte_s`` is that to the others of its node, one way."""

    name: str
    generation: str
    peak_flop_s: Mapping[str, float]
    memory_byte_s: float
    memory_byte: float
    sms: int
    l2_byte: float
    link_byte_s: float

    def peak(self, dtype: str) -> float:
        """Peak arithmetic rate for ``dtype``, in flop per second; `arithmetic_type` has the rule for missing types."""
        return self.peak_flop_s[arithmetic_type(dtype, self.peak_flop_s)]

    def is_like(self, other: "DeviceFacts") -> bool:
        """Whether what was fitted to ``other`` was fitted to this very GPU: no time rests on the size of its memory."""
        return replace(self, memory_byte=other.memory_byte) == other


def element_byte(dtype: str) -> float:
    """Bytes of one element of ``dtype``, or `MoeStudioError` when there is no such type."""
    if dtype not in DTYPE_BYTE:
        raise MoeStudioError(f"There is no data type {dtype[:40]!r}; known are {', '.join(DTYPE_BYTE)} and fp8_block.")
    return DTYPE_BYTE[dtype]


def device_facts(name: str, device: Device) -> DeviceFacts:
    """What is known of ``device``; what its datasheet leaves out is taken from GPUs of its generation."""
    generation, l2_mib = _GENERATION_AND_L2_MIB.get(name, (_likely_generation(device), 0.0))
    peaks = {dtype: tflops * 1e12 for dtype, tflops in device.peak_tflops.items()}
    half = peaks.get("bf16") or peaks.get("fp16") or max(peaks.values())
    sms = device.sms or max(1, round(half / _TYPICAL_SM_FLOP_S[generation]))
    return DeviceFacts(
        name=name,
        generation=generation,
        peak_flop_s=MappingProxyType(peaks),
        memory_byte_s=device.memory_tb_s * 1e12,
        memory_byte=device.memory_gb * 1e9,
        sms=sms,
        l2_byte=(l2_mib or sms * _TYPICAL_L2_MIB_PER_SM) * _MIB,
        link_byte_s=device.link_gb_s * 1e9 or TYPICAL_LINK_BYTE_S,
    )


def _likely_generation(device: Device) -> str:
    """The generation that brought the data types the device has: fp8 with Hopper, fp4 with Blackwell."""
    if "fp4" in device.peak_tflops:
        return "blackwell"
    return "hopper" if "fp8" in device.peak_tflops else "ampere"
