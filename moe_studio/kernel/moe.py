"""Run time of a fused mixture-of-experts layer on the busiest rank: two grouped GEMMs and what surrounds them.

Every active expert's weights are read once; its rows are padded to whole tiles (Triton and Cutlass grouped GEMM as in
vLLM, SGLang and TensorRT-LLM). Between the GEMMs the activation is applied; after them each token's rows are added.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_studio.kernel.device import DeviceFacts, FloatArray, element_byte
from moe_studio.kernel.expert_load import RankLoad, power_of, rank_load
from moe_studio.project.setting import setting

US = 1e6
HEIGHTS = (16, 32, 64, 128)
"""Rows of the tiles among which the kernels choose."""
TILE_RULES = ("searched", "by_tokens")
"""``searched``: the fastest height. ``by_tokens``: 16 rows while the rank has no more tokens than experts, else 64 or
more (the default of the Triton kernel in vLLM and SGLang for shapes that nobody tuned)."""
_LOW = 16
_WIDTH = 128.0
_HIDDEN_BYTE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoeParameters:
    """A fused MoE kernel on a device, for one data type. Shares are of the datasheet's figures."""

    tiles: str = setting("how the kernel chooses the height of its tiles", "searched", choices=TILE_RULES)
    launch_us: float = setting("time of the layer's empty kernels", unit="µs", low=0, high=10000)
    rank_us: float = setting("extra time with experts on several ranks", 0.0, unit="µs", low=0, high=10000)
    expert_us: float = setting("time for each expert of the rank", 0.0, unit="µs", low=0, high=100)
    memory_share: float = setting("share of the memory bandwidth when weights are read", above=0, high=1)
    math_share: float = setting("share of the peak with tiles of 128 rows", above=0, high=1)
    load_ratio: float = setting("rate at which all SMs load tiles, in memory bandwidths", above=0, high=100)
    step_us: float = setting("time of 128 bytes of k beside arithmetic and loading", 0.0, unit="µs", low=0, high=10)
    wave_us: float = setting("time of each wave beside its k steps", 0.0, unit="µs", low=0, high=1000)
    quantum: float = setting("1: whole waves only; 0: a part of a wave costs its part", 0.5, low=0, high=1)
    overlap: float = setting(
        "exponent that joins arithmetic and memory time: 1 adds, infinity overlaps", low=1, high=50
    )
    row_share: float = setting("share of the memory bandwidth when rows are moved", above=0, high=20)
    masked_row_share: float = setting("share of that cost paid for rows of other ranks", 0.0, low=0, high=1)
    masked_math_share: float = setting("share of the arithmetic paid for rows of other ranks", 0.0, low=0, high=1)


def moe_us(
    parameters: MoeParameters,
    device: DeviceFacts,
    *,
    tokens: FloatArray,
    hidden: FloatArray,
    inter: FloatArray,
    topk: FloatArray,
    experts: FloatArray,
    moe_tp: FloatArray,
    moe_ep: FloatArray,
    routing: str,
    dtype: str,
    load: RankLoad | None = None,
) -> FloatArray:
    """Time of each layer, shape (layers,); ``load`` is what ``routing`` gives the busiest rank unless it is given."""
    load = load or rank_load(tokens, experts, topk, moe_ep, power=power_of(routing), heights=HEIGHTS)
    layer = _Layer(parameters, device, dtype, load, load.tokens <= experts / moe_ep)
    masked = load.tokens * topk - load.rows
    width = inter / moe_tp
    gemms = layer.gemm_us(hidden, 2 * width, masked) + layer.gemm_us(width, hidden, masked)
    moving = layer.moving_us(hidden, width, tokens * topk)
    fixed = parameters.launch_us + np.where(moe_ep > 1, parameters.rank_us, 0.0)
    return np.asarray(fixed + experts / moe_ep * parameters.expert_us + gemms + moving)


class _Layer:
    """The terms of the time of a layer."""

    def __init__(
        self, parameters: MoeParameters, device: DeviceFacts, dtype: str, load: RankLoad, is_sparse: NDArray[np.bool_]
    ) -> None:
        stored = "fp8" if dtype == "fp8_block" else dtype
        self._p, self._sms, self._load, self._is_sparse = parameters, device.sms, load, is_sparse
        self._memory = device.memory_byte_s / US
        self._byte = element_byte(stored)
        self._sm_flop_us = device.peak(stored) / device.sms * parameters.math_share / US
        self._sm_byte_us = self._memory * parameters.load_ratio / device.sms

    def gemm_us(self, k: FloatArray, n: FloatArray, masked: FloatArray) -> FloatArray:
        """Time of the grouped GEMM of all rows with their experts' (k, n) weights, at the fastest tile height."""
        columns = np.ceil(n / _WIDTH)
        busy = np.full(len(k), np.inf)
        for height, tiles in zip(HEIGHTS, self._load.tiles.T, strict=True):
            count = (tiles + np.maximum(masked, 0) / height * self._p.masked_math_share) * columns
            time = self._busy_us(count / self._sms, k, height)
            busy = np.minimum(busy, np.where(self._allows(height), time, np.inf))
        weights = self._load.active * k * n * self._byte / (self._memory * self._p.memory_share)
        p = self._p.overlap
        return np.asarray(weights * (1 + (busy / weights) ** p) ** (1 / p))

    def moving_us(self, hidden: FloatArray, width: FloatArray, all_rows: FloatArray) -> FloatArray:
        """Time to write and read the rows between the steps: gate and up, activation, down, sum over experts."""
        byte = (4 * width + 2 * width + 3 * hidden) * _HIDDEN_BYTE
        rows = self._load.rows + np.maximum(all_rows - self._load.rows, 0) * self._p.masked_row_share
        return np.asarray(rows * byte / (self._memory * self._p.row_share))

    def _allows(self, height: int) -> NDArray[np.bool_]:
        """Whether the kernel takes tiles of ``height`` rows for each layer."""
        if self._p.tiles == "searched":
            return np.ones_like(self._is_sparse)
        return self._is_sparse if height == _LOW else np.asarray(~self._is_sparse & (height >= 4 * _LOW))

    def _busy_us(self, waves: FloatArray, k: FloatArray, height: int) -> FloatArray:
        loading = (height + _WIDTH) * self._byte / self._sm_byte_us
        element_us = max(2 * height * _WIDTH / self._sm_flop_us, loading) + self._p.step_us * self._byte / 128
        q = self._p.quantum
        waves = q * np.ceil(waves) + (1 - q) * np.maximum(waves, 1)
        return np.asarray(waves * (k * element_us + self._p.wave_us))
