"""Fits `kernel.gemm` to measured run times."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from moe_studio.calibration.family import Block, Columns, Family, Words, short_dtype
from moe_studio.calibration.robust import robust_fit, thinned
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.gemm import GemmParameters, gemm_us

_MAX_ROWS = 6000
_LARGE_M = 4096
_LARGEST_COPIES = 3
_US = 1e6

_COMMON = {
    "launch_us": (0.5, 30.0),
    "wave_us": (0.05, 20.0),
    "memory_share": (0.3, 1.0),
    "math_share": (0.2, 1.0),
    "load_ratio": (1.0, 30.0),
    "step_us": (0.0005, 0.5),
    "quantum": (0.01, 1.0),
    "overlap": (1.0, 12.0),
    "write_ratio": (0.1, 3.0),
    "write_overlap": (0.02, 1.0),
    "throttle_share": (0.005, 0.85),
    "throttle_ms": (0.1, 10.0),
}
_SEARCHED = {"split_us": (0.05, 20.0), "reduce_ratio": (0.2, 30.0)}
_GIVEN = {
    "small_tile_share": (0.2, 1.5),
    "wide_tile_share": (0.05, 1.5),
    "lone_load": (0.02, 1.0),
    "ragged_loss": (0.001, 1.0),
}
_QUANTISED = {"quantise_us": (0.05, 10.0), "quantise_row_us": (0.001, 1.0), "quantise_share": (0.2, 2.0)}


def fit_gemm(blocks: Sequence[Block], device: DeviceFacts) -> GemmParameters:
    """The numbers, with the tile rule, that explain the times in ``blocks`` best; all share their data type."""
    dtype = short_dtype(blocks[0].words["dtype"])
    columns = {name: np.concatenate([block.columns[name] for block in blocks]) for name in ("m", "k", "n")}
    time = np.concatenate([block.time_us for block in blocks])
    some = _sample_rows(columns["m"])
    sample = {name: value[some] for name, value in columns.items()}

    def predict(parameters: GemmParameters) -> FloatArray:
        return gemm_us(parameters, device, m=sample["m"], k=sample["k"], n=sample["n"], dtype=dtype)

    fits = [robust_fit(*_start(tiles, dtype), predict, time[some]) for tiles in _rules(dtype)]
    return min(fits, key=lambda fit: fit[1])[0]


def _sample_rows(m: FloatArray) -> NDArray[np.int64]:
    """Rows to fit to: some of all, and those with large m more; they are few, and extrapolation starts there."""
    rows = np.arange(len(m))
    large, largest = rows[m > _LARGE_M], rows[m > 2 * _LARGE_M]
    return np.concatenate([rows[thinned(len(m), _MAX_ROWS)], large, large, *[largest] * _LARGEST_COPIES])


def _rules(dtype: str) -> tuple[str, ...]:
    return ("by_rows", "fewest_waves", "fine") if dtype.startswith("fp8") else ("coarse", "fine")


def _start(tiles: str, dtype: str) -> tuple[GemmParameters, Mapping[str, tuple[float, float]]]:
    """Where the search begins, and what it varies."""
    is_searched, is_quantised = tiles in ("coarse", "fine"), dtype.startswith("fp8")
    start = GemmParameters(
        tiles=tiles,
        launch_us=2.0,
        wave_us=1.0,
        split_us=2.0 if is_searched else 0.0,
        memory_share=0.85,
        math_share=0.85,
        small_tile_share=1.2 if tiles == "by_rows" else 1.0,
        wide_tile_share=0.25 if tiles == "fewest_waves" else 1.0,
        load_ratio=5.0,
        lone_load=1.0 if is_searched else 0.4,
        ragged_loss=0.0 if is_searched else 0.05,
        step_us=0.02,
        quantum=0.7,
        overlap=2.5,
        reduce_ratio=3.0,
        throttle_share=0.1,
        quantise_us=1.0 if is_quantised else 0.0,
        quantise_row_us=0.2,
        quantise_share=0.8,
    )
    bounds = _COMMON | (_SEARCHED if is_searched else _GIVEN) | (_QUANTISED if is_quantised else {})
    if tiles == "by_rows":
        del bounds["wide_tile_share"]
    return start, bounds


def _predict(parameters: GemmParameters, device: DeviceFacts, columns: Columns, words: Words) -> FloatArray:
    return gemm_us(
        parameters, device, m=columns["m"], k=columns["k"], n=columns["n"], dtype=short_dtype(words["dtype"])
    )


def _floor_us(columns: Columns, words: Words, device: DeviceFacts) -> FloatArray:
    """Arithmetic at the datasheet's peak."""
    peak = device.peak(short_dtype(words["dtype"]).removesuffix("_block"))
    return 2 * columns["m"] * columns["k"] * columns["n"] / peak * _US


def _variants(words: Words) -> tuple[str, ...]:
    dtype = short_dtype(words["dtype"])
    stand_ins = {"fp8_block": ("fp8",), "fp8": ("fp8_block",), "int8": ("fp8",), "fp4": ("fp8",), "fp16": ("bf16",)}
    return (dtype, *stand_ins.get(dtype, ())) if dtype != "fp16" else ("bf16",)


GEMM = Family(
    name="gemm",
    numbers=("m", "k", "n"),
    words=("dtype",),
    optional={},
    variants=_variants,
    parameters=GemmParameters,
    predict=_predict,
    fit=fit_gemm,
    floor_us=_floor_us,
    shape=("k", "n"),
    size="m",
    bands=(1, 17, 65, 129, 257, 513, 1025, 4097, 8193),
)
