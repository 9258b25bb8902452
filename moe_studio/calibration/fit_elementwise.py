"""Fits `kernel.elementwise` to measured run times."""

from collections.abc import Sequence

import numpy as np

from moe_studio.calibration.family import Block, Columns, Family, Words, short_dtype
from moe_studio.calibration.robust import robust_fit
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.elementwise import ElementwiseParameters, elementwise_us

_BOUNDS = {
    "launch_us": (0.3, 30.0),
    "memory_share": (0.2, 1.0),
    "cache_ratio": (1.001, 10.0),
    "cache_share": (0.05, 3.0),
    "row_us": (1e-4, 5.0),
    "element_us": (1e-7, 1e-3),
}
_START = ElementwiseParameters(
    launch_us=1.5, memory_share=0.85, cache_ratio=1.5, cache_share=0.8, row_us=0.02, element_us=1e-5
)
_FASTEST_CACHE = 8.0
"""No second-level cache has more than this many times its memory's bandwidth."""


def fit_elementwise(blocks: Sequence[Block], device: DeviceFacts) -> ElementwiseParameters:
    """The numbers that explain the times in ``blocks``, which share their kernel."""
    m, k = (np.concatenate([block.columns[name] for block in blocks]) for name in ("m", "k"))
    measured = np.concatenate([block.time_us for block in blocks])

    def predict(parameters: ElementwiseParameters) -> FloatArray:
        return elementwise_us(parameters, device, m=m, k=k)

    return robust_fit(_START, _BOUNDS, predict, measured)[0]


def _predict(parameters: ElementwiseParameters, device: DeviceFacts, columns: Columns, words: Words) -> FloatArray:
    return elementwise_us(parameters, device, m=columns["m"], k=columns["k"])


def _variants(words: Words) -> tuple[str, ...]:
    """A kernel with a block for each row, or one that cuts the tensor into equal pieces; none but of 8-bit types."""
    if short_dtype(words["dtype"]) not in ("fp8", "int8"):
        return ()
    own = "row_blocks" if "static_scaled" in words["kernel"] else "pieces"
    return (own, "pieces" if own == "row_blocks" else "row_blocks")


def _floor_us(columns: Columns, words: Words, device: DeviceFacts) -> FloatArray:
    """Three bytes for each element at the fastest rate of any cache."""
    return 3e6 * columns["m"] * columns["k"] / (device.memory_byte_s * _FASTEST_CACHE)


ELEMENTWISE = Family(
    name="elementwise",
    numbers=("m", "k"),
    words=("op", "dtype"),
    optional={"kernel": "torch_ops"},
    variants=_variants,
    parameters=ElementwiseParameters,
    predict=_predict,
    fit=fit_elementwise,
    floor_us=_floor_us,
    shape=("k",),
    size="m",
    bands=(1, 129, 1025),
)
