"""Run time of one matrix multiplication ``(m, k) · (k, n)``: tiles, waves over the SMs, split-k, memory.

A GEMM is cut into output tiles, each the work of one SM; the tiles run in waves (NVIDIA, "Matrix multiplication
background user's guide": tile and wave quantisation). A tile takes its k steps at the rate of arithmetic or of
loading its two strips, whichever is slower. The library's choice of tile is modelled by one of `TILE_RULES`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from moe_studio.kernel.device import DeviceFacts, FloatArray, element_byte
from moe_studio.project.setting import setting

US = 1e6
CHUNK = 8192
"""Rows that are computed together, so that their intermediate results stay in the processor's cache."""

TILE_RULES = ("coarse", "fine", "by_rows", "fewest_waves")
"""``coarse``, ``fine``: the fastest of the tiles of cuBLAS for mma (Ampere, Ada) or wgmma (Hopper on), with or without
split-k. ``by_rows``: one tile for each range of m (Cutlass fp8 kernels of SGLang and vLLM). ``fewest_waves``: the
rule of DeepGEMM for block-scaled fp8."""

_OUTPUT_BYTE = 2.0
_PARTIAL_BYTE = 8.0
_SPLIT_K_STEP = 256.0
_MAX_SPLIT = 32.0
_WIDE = 160
_LINEAR_M = 8192.0
_COARSE = ((64, 64), (64, 128), (128, 64), (128, 128), (64, 256), (256, 64), (128, 256), (256, 128))
_FINE = (
    *((64, n) for n in (8, 16, 32, 48, 64, 96, 128, 192, 256)),
    *((128, n) for n in (32, 64, 96, 128, 160, 192, 256)),
    *((192, n) for n in (64, 128, 192)),
    *((256, n) for n in (64, 96, 128)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GemmParameters:
    """A GEMM library on a device, for one data type. Shares are of the datasheet's figures."""

    tiles: str = setting("how the library chooses its tile", choices=TILE_RULES)
    launch_us: float = setting("time of an empty kernel", unit="µs", low=0, high=1000)
    wave_us: float = setting(
        "time of each wave beside its k steps: filling, draining, writing", unit="µs", low=0, high=1000
    )
    split_us: float = setting("extra time of split-k: a second kernel or its synchronisation", 0.0, unit="µs", low=0)
    memory_share: float = setting("share of the memory bandwidth", above=0, high=1)
    math_share: float = setting("share of the peak inside the k loop of the largest tiles", above=0, high=1)
    small_tile_share: float = setting("rate of tiles of 64 rows, relative to larger ones", 1.0, above=0, high=2)
    wide_tile_share: float = setting("rate of tiles wider than 160 in a single wave, relative", 1.0, above=0, high=2)
    load_ratio: float = setting(
        "rate at which all SMs load tiles, as a multiple of the memory bandwidth", above=0, high=100
    )
    step_us: float = setting("time of 128 bytes of k beside arithmetic and loading", 0.0, unit="µs", low=0, high=10)
    quantum: float = setting("1: whole waves only; 0: a part of a wave costs its part", low=0, high=1)
    overlap: float = setting(
        "exponent that joins arithmetic and memory time: 1 adds, infinity overlaps", low=1, high=50
    )
    reduce_ratio: float = setting("rate of adding the parts of split-k, in memory bandwidths", 1.0, above=0, high=100)
    throttle_share: float = setting(
        "share of the arithmetic rate lost by long kernels (power limit)", 0.0, low=0, high=0.9
    )
    throttle_ms: float = setting("arithmetic time at which half of that is lost", 1.0, unit="ms", above=0)
    reread_share: float = setting(
        "share of operands beyond the L2 cache that each wave reads again", 0.0, low=0, high=10
    )
    quantise_us: float = setting("time of an empty quantisation kernel; 0: none runs", 0.0, unit="µs", low=0)
    quantise_row_us: float = setting("time that an SM needs to start quantising one row", 0.0, unit="µs", low=0)
    quantise_share: float = setting("share of the memory bandwidth that quantisation reaches", 1.0, above=0, high=10)


def gemm_us(
    parameters: GemmParameters, device: DeviceFacts, *, m: FloatArray, k: FloatArray, n: FloatArray, dtype: str
) -> FloatArray:
    """Time of each GEMM, shape (rows,); fp8 includes the quantisation of its activations."""
    time = np.empty(len(m))
    for start in range(0, len(m), CHUNK):
        part = slice(start, start + CHUNK)
        time[part] = _gemm_us(parameters, device, m[part], k[part], n[part], dtype)
    return time


def _gemm_us(
    parameters: GemmParameters, device: DeviceFacts, m: FloatArray, k: FloatArray, n: FloatArray, dtype: str
) -> FloatArray:
    kernel = _Kernel(parameters, device, dtype)
    if parameters.tiles in ("coarse", "fine"):
        busy = kernel.searched_us(m, k, n, _COARSE if parameters.tiles == "coarse" else _FINE)
        reread = np.zeros_like(m)
    else:
        choose = tiles_by_rows if parameters.tiles == "by_rows" else tiles_of_fewest_waves
        rows, columns = choose(m, n, device.sms)
        busy, reread = kernel.tiled_us(m, k, n, rows, columns), kernel.reread_byte(m, k, n, rows, columns)
    moving = kernel.moving_us(m, k, n, reread)
    p = parameters.overlap
    joined = moving * (1 + (busy / moving) ** p) ** (1 / p)
    return np.asarray(parameters.launch_us + joined + kernel.quantise_us(m, k))


def tiles_by_rows(m: FloatArray, n: FloatArray, sms: int) -> tuple[FloatArray, FloatArray]:
    """Rows and columns of the tile of Cutlass fp8 kernels: 64×64, 64×128 or 128×128 by m (SGLang, vLLM sources)."""
    return np.where(m <= 128, 64.0, 128.0), np.where(m <= 64, 64.0, 128.0)


def tiles_of_fewest_waves(m: FloatArray, n: FloatArray, sms: int) -> tuple[FloatArray, FloatArray]:
    """Rows and columns of the tile that DeepGEMM takes: fewest waves, then the fullest last one (its heuristics).

    Between equals, the narrower tile of the same height or the wider one of another.
    """
    pairs, place = np.unique(np.stack([m, n]), axis=1, return_inverse=True)
    m, n = pairs
    best, rows, columns = np.full(len(m), -np.inf), np.ones(len(m)), np.ones(len(m))
    for tile_m, tile_n in _legal_tiles():
        tiles = np.ceil(m / tile_m) * np.ceil(n / tile_n)
        waves = np.ceil(tiles / sms)
        score = (tiles - (waves - 1) * sms) - waves * 2 * sms
        better = (score > best) | ((score == best) & (rows != tile_m) & (columns < tile_n))
        if tile_m > 64:
            better &= (m > 64) & ((m <= 128) | (m > 192))
        best = np.where(better, score, best)
        rows, columns = np.where(better, float(tile_m), rows), np.where(better, float(tile_n), columns)
    place = place.reshape(-1)
    return rows[place], columns[place]


def _legal_tiles() -> Iterator[tuple[int, int]]:
    """Tiles of DeepGEMM: one side at most 128, and scales of 128 columns that divide evenly between its parts."""
    for rows in (64, 128, 256):
        for columns in range(16, 257, 16):
            over = columns - 128
            if over <= 0 or (rows <= 128 and (columns % over == 0 or 128 % over == 0)):
                yield rows, columns


class _Kernel:
    """The terms of the time of a GEMM, for one library, device and data type."""

    def __init__(self, parameters: GemmParameters, device: DeviceFacts, dtype: str) -> None:
        self._p = parameters
        self._device = device
        stored = "fp8" if dtype == "fp8_block" else dtype
        self._byte = element_byte(stored)
        self._peak = device.peak(stored)
        self._sm_flop_us = self._peak / device.sms * parameters.math_share / US
        self._sm_byte_us = device.memory_byte_s * parameters.load_ratio / device.sms / US

    def searched_us(self, m: FloatArray, k: FloatArray, n: FloatArray, tiles: Sequence[tuple[int, int]]) -> FloatArray:
        """Time of the fastest of ``tiles``, with k whole or split so that the parts fill one wave."""
        sms, p = self._device.sms, self._p
        steps = np.clip(np.floor(k / _SPLIT_K_STEP), 1, _MAX_SPLIT)
        part_us = m * n * (US * _PARTIAL_BYTE / (self._device.memory_byte_s * p.reduce_ratio))
        best = np.full(len(m), np.inf)
        slow = self._throttled(m, k, n)
        for rows, columns in tiles:
            count = np.ceil(m / rows) * np.ceil(n / columns)
            element_us = self._element_us(rows, columns)
            whole = self._busy_us(count / sms, k * element_us * slow)
            split = np.minimum(np.maximum(np.floor(sms / count), 1), steps)
            parts = self._busy_us(count * split / sms, k / split * element_us * slow)
            best = np.minimum(best, np.minimum(whole, parts + p.split_us + split * part_us))
        return best

    def tiled_us(
        self, m: FloatArray, k: FloatArray, n: FloatArray, rows: FloatArray, columns: FloatArray
    ) -> FloatArray:
        """Time with a given tile and whole k; Cutlass pairs tiles of 128 rows in clusters of two."""
        high = np.ceil(m / rows)
        if self._p.tiles == "by_rows":
            high = np.where((rows >= 128) & (high > 1), 2 * np.ceil(high / 2), high)
        count = high * np.ceil(n / columns)
        one_wave = count <= self._device.sms
        rate = np.where(rows <= 64, self._p.small_tile_share, 1.0)
        rate = np.where((rows == 128) & (columns > _WIDE) & one_wave, self._p.wide_tile_share, rate)
        flop_us = self._sm_flop_us * np.minimum(rate, 1 / self._p.math_share)
        work = np.maximum(2 * rows * columns / flop_us, (rows + columns) * self._byte / self._sm_byte_us)
        element_us = work + self._p.step_us * self._byte / 128
        return self._busy_us(count / self._device.sms, k * element_us * self._throttled(m, k, n))

    def moving_us(self, m: FloatArray, k: FloatArray, n: FloatArray, reread: FloatArray) -> FloatArray:
        """Time to read both operands, some of it again, and to write the result."""
        byte = (m * k + k * n) * self._byte + m * n * _OUTPUT_BYTE + reread
        return np.asarray(US * byte / (self._device.memory_byte_s * self._p.memory_share))

    def reread_byte(
        self, m: FloatArray, k: FloatArray, n: FloatArray, rows: FloatArray, columns: FloatArray
    ) -> FloatArray:
        """Bytes that waves after the first read again: tiles go down a column first, so all of A, beyond the L2."""
        count = np.ceil(m / rows) * np.ceil(n / columns)
        strip = np.minimum(np.ceil(m / rows), self._device.sms) * rows * k * self._byte
        over = np.maximum(strip - self._device.l2_byte, 0) / (strip + self._device.l2_byte)
        return np.asarray(np.maximum(count / self._device.sms - 1, 0) * strip * over * self._p.reread_share)

    def quantise_us(self, m: FloatArray, k: FloatArray) -> FloatArray | float:
        """Time of the kernel that turns bf16 activations into fp8: reads 2 bytes, writes 1; cheaper within the L2."""
        if not self._p.quantise_us:
            return 0.0
        byte = 3 * m * k
        slowness = np.clip(byte / self._device.l2_byte, 0.3, 1.0)
        rate = self._device.memory_byte_s * self._p.quantise_share
        starting = np.ceil(m / self._device.sms) * self._p.quantise_row_us
        return np.asarray(self._p.quantise_us + np.maximum(US * byte * slowness / rate, starting))

    def _busy_us(self, waves: FloatArray, tile_us: FloatArray) -> FloatArray:
        """Time of ``waves`` waves of tiles whose k loop takes ``tile_us``."""
        p = self._p
        waves = p.quantum * np.ceil(waves) + (1 - p.quantum) * np.maximum(waves, 1)
        return np.asarray(waves * (tile_us + p.wave_us))

    def _element_us(self, rows: float, columns: float) -> float:
        """Time of one tile for each element of k."""
        work = max(2 * rows * columns / self._sm_flop_us, (rows + columns) * self._byte / self._sm_byte_us)
        return work + self._p.step_us * self._byte / 128

    def _throttled(self, m: FloatArray, k: FloatArray, n: FloatArray) -> FloatArray:
        """How much slower long kernels compute: the clock falls when the power limit is reached.

        Rows beyond 8,192 do not count: there, time was measured to grow in proportion to m.
        """
        long = (2e3 * np.minimum(m, _LINEAR_M) * k * n / self._peak / self._p.throttle_ms) ** 2
        return np.asarray(1 / (1 - self._p.throttle_share * long / (1 + long)))
