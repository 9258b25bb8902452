"""Fits `kernel.moe` to measured run times."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from moe_studio.calibration.family import Block, Columns, Family, Words, short_dtype
from moe_studio.calibration.robust import robust_fit
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.expert_load import power_of, rank_load
from moe_studio.kernel.moe import HEIGHTS, TILE_RULES, MoeParameters, moe_us

_MAX_ROWS = 6000
_NUMBERS = ("tokens", "hidden", "inter", "topk", "experts", "moe_tp", "moe_ep")
_BOUNDS = {
    "launch_us": (2.0, 200.0),
    "rank_us": (0.01, 200.0),
    "expert_us": (0.0005, 5.0),
    "memory_share": (0.2, 1.0),
    "math_share": (0.05, 1.0),
    "load_ratio": (0.5, 30.0),
    "step_us": (0.0005, 1.0),
    "wave_us": (0.01, 30.0),
    "quantum": (0.01, 1.0),
    "overlap": (1.0, 12.0),
    "row_share": (0.05, 5.0),
    "masked_row_share": (0.001, 1.0),
    "masked_math_share": (0.0005, 1.0),
}
_START = MoeParameters(
    launch_us=20.0,
    rank_us=5.0,
    expert_us=0.02,
    memory_share=0.8,
    math_share=0.5,
    load_ratio=4.0,
    step_us=0.02,
    wave_us=1.0,
    quantum=0.5,
    overlap=2.0,
    row_share=0.7,
    masked_row_share=0.1,
    masked_math_share=0.05,
)
_MASKED = (0.03, 0.8)
"""Kernels either skip the rows of other ranks or compute them like their own; the search starts from both."""


def fit_moe(blocks: Sequence[Block], device: DeviceFacts) -> MoeParameters:
    """The numbers that explain the times in ``blocks``, which share their kernel and data type."""
    rows = sum(len(block.time_us) for block in blocks)
    some = slice(None, None, max(1, -(-rows // _MAX_ROWS)))
    samples = [_sample(block, some) for block in blocks]
    measured = np.concatenate([block.time_us[some] for block in blocks])

    def predict(parameters: MoeParameters) -> FloatArray:
        return np.concatenate([moe_us(parameters, device, **sample) for sample in samples])

    starts = [replace(_START, masked_math_share=share, tiles=tiles) for share in _MASKED for tiles in TILE_RULES]
    return min((robust_fit(start, _BOUNDS, predict, measured) for start in starts), key=lambda fit: fit[1])[0]


def _sample(block: Block, some: slice) -> dict[str, Any]:
    """Arguments of `moe_us` for some rows; their routing is worked out once and not with every trial."""
    columns = {name: block.columns[name][some] for name in _NUMBERS}
    routing = block.words["routing"]
    spread = columns["tokens"], columns["experts"], columns["topk"], columns["moe_ep"]
    load = rank_load(*spread, power=power_of(routing), heights=HEIGHTS)
    return {**columns, "routing": routing, "dtype": short_dtype(block.words["dtype"]), "load": load}


def _predict(parameters: MoeParameters, device: DeviceFacts, columns: Columns, words: Words) -> FloatArray:
    numbers: dict[str, Any] = {name: columns[name] for name in _NUMBERS}
    return moe_us(parameters, device, **numbers, routing=words["routing"], dtype=short_dtype(words["dtype"]))


def _variants(words: Words) -> tuple[str, ...]:
    """Cutlass and Triton kernels apart, by data type; a missing one is stood in for by the other."""
    try:
        power_of(words["routing"])
    except ValueError:
        return ()
    dtype = short_dtype(words["dtype"]).replace("fp16", "bf16")
    dtypes = (dtype, {"fp8": "fp8_block", "fp8_block": "fp8"}.get(dtype, "bf16"))
    own = "cutlass" if "cutlass" in words["kernel"] or "torch_flow" in words["kernel"] else "triton"
    own = "vllm" if "vllm" in words["kernel"] else own
    kernels = {"cutlass": ("triton", "vllm"), "triton": ("vllm", "cutlass"), "vllm": ("triton", "cutlass")}
    return tuple(dict.fromkeys(f"{kernel}-{name}" for kernel in (own, *kernels[own]) for name in dtypes))


def _floor_us(columns: Columns, words: Words, device: DeviceFacts) -> FloatArray:
    """Arithmetic of the rows of an even share of the tokens, at the datasheet's peak."""
    rows = columns["tokens"] * columns["topk"] / columns["moe_ep"]
    peak = device.peak(short_dtype(words["dtype"]).removesuffix("_block"))
    return 6e6 * rows * columns["hidden"] * columns["inter"] / columns["moe_tp"] / peak


MOE = Family(
    name="moe",
    numbers=_NUMBERS,
    words=("dtype", "routing"),
    optional={"kernel": "triton"},
    variants=_variants,
    parameters=MoeParameters,
    predict=_predict,
    fit=fit_moe,
    floor_us=_floor_us,
    shape=("hidden", "inter", "topk", "experts"),
    size="tokens",
    bands=(1, 17, 129, 1025, 4097),
)
