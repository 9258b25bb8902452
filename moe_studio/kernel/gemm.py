"""Run time of one matrix multiplication ``(m, k) · (k, n)``: tiles, waves over the SMs, split-k, memory.

A GEMM is cut into output tiles, each the work of one SM; the tiles run in waves (NVIDIA, "Matrix multiplication
background user's guide": tile and wave quantisation). A tile takes its k steps at the rate of arithmetic or of
loading its two strips; the k steps of all tiles overlap with reading the operands from memory, but no wave's filling
and draining does, nor the last wave's writing. The library's choice of tile is modelled by one of `TILE_RULES`.
"""

from collections.abc import Iterator
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
_LARGE_TILE = 128 * 160
_LINEAR_M = 8192.0
_CLUSTER = 2
_CHOICE_OVERLAP = 4
"""Exponent with which tiles are compared: near those that were fitted, and cheap."""
_WARP_ROWS = 16
_WARP_SHARE = 0.26
"""From 16 rows for each SM on, quantisation takes a warp for a row instead of a block (SGLang, per_token_quant_fp8);
measured, a row then starts in this share of the time, on H100 and on H200 alike."""
_CACHED_K = 2048.0
"""A row is read twice, for its largest value and to scale it; so many elements of each of 64 rows fit in the
first-level cache of an SM (256 KB), and of longer rows more and more are read from memory again."""
_SCALE_GROUP = 128
_MAX_GROUPS = 16
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
    wave_us: float = setting("time to fill and drain the pipeline of each wave", unit="µs", low=0, high=1000)
    split_us: float = setting("extra time of split-k: a second kernel or its synchronisation", 0.0, unit="µs", low=0)
    memory_share: float = setting("share of the memory bandwidth", above=0, high=1)
    math_share: float = setting("share of the peak inside the k loop of the largest tiles", above=0, high=1)
    small_tile_share: float = setting("rate of tiles of 64 rows, relative to larger ones", 1.0, above=0, high=2)
    wide_tile_share: float = setting("rate of tiles above 128 by 160 in a single wave, relative", 1.0, above=0, high=2)
    ragged_loss: float = setting("time that a row of tiles without rows adds to the k loop", 0.0, low=0, high=2)
    load_ratio: float = setting(
        "rate at which all SMs load tiles, as a multiple of the memory bandwidth", above=0, high=100
    )
    lone_load: float = setting("time to load a tile with the GPU to itself, relative", 1.0, above=0, high=1)
    step_us: float = setting("time of 128 bytes of k beside arithmetic and loading", 0.0, unit="µs", low=0, high=10)
    quantum: float = setting("1: whole waves only; 0: a part of a wave costs its part", low=0, high=1)
    overlap: float = setting(
        "exponent that joins arithmetic and memory time: 1 adds, infinity overlaps", low=1, high=50
    )
    write_ratio: float = setting("time to write a byte, relative to reading it", 1.0, above=0, high=5)
    write_overlap: float = setting("share of the writing of earlier waves that overlaps", 0.5, low=0, high=1)
    reduce_ratio: float = setting("rate of adding the parts of split-k, in memory bandwidths", 1.0, above=0, high=100)
    throttle_share: float = setting(
        "share of the arithmetic rate lost by long kernels (power limit)", 0.0, low=0, high=0.9
    )
    throttle_ms: float = setting("arithmetic time at which half of that is lost", 1.0, unit="ms", above=0)
    quantise_us: float = setting("time of an empty quantisation kernel; 0: none runs", 0.0, unit="µs", low=0)
    quantise_row_us: float = setting("time that an SM needs to start a block of quantisation", 0.0, unit="µs", low=0)
    quantise_share: float = setting("share of the memory bandwidth that quantisation reaches", 1.0, above=0, high=10)


def gemm_us(
    parameters: GemmParameters, device: DeviceFacts, *, m: FloatArray, k: FloatArray, n: FloatArray, dtype: str
) -> FloatArray:
    """Time of each GEMM, shape (rows,); fp8 includes the quantisation of its activations."""
    kernel = _Kernel(parameters, device, dtype)
    time = np.empty(len(m))
    for start in range(0, len(m), CHUNK):
        part = slice(start, start + CHUNK)
        time[part] = kernel.time_us(m[part], k[part], n[part])
    return time


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
        self._memory = device.memory_byte_s / US
        self._sm_flop_us = self._peak / device.sms * parameters.math_share / US
        self._sm_byte_us = self._memory * parameters.load_ratio / device.sms

    def time_us(self, m: FloatArray, k: FloatArray, n: FloatArray) -> FloatArray:
        """Time of each GEMM, shape (rows,)."""
        reading = (m * k + k * n) * self._byte / (self._memory * self._p.memory_share)
        writing = m * n * _OUTPUT_BYTE * self._p.write_ratio / (self._memory * self._p.memory_share)
        if self._p.tiles in ("coarse", "fine"):
            busy, waves, extra = self._searched(m, k, n, reading, writing)
        else:
            busy, waves = self._tiled(m, k, n)
            extra = np.zeros_like(m)
        earlier = writing * (1 - 1 / waves)
        moving = reading + earlier * self._p.write_overlap
        alone = writing / waves + earlier * (1 - self._p.write_overlap) + waves * self._p.wave_us
        p = self._p.overlap
        joined = moving * (1 + (busy / moving) ** p) ** (1 / p)
        return np.asarray(self._p.launch_us + joined + alone + extra + self._quantise_us(m, k))

    def _searched(
        self, m: FloatArray, k: FloatArray, n: FloatArray, reading: FloatArray, writing: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """K steps, waves and the extra of split-k, with the fastest tile and k whole or split.

        Split-k spreads the steps of all tiles evenly over the SMs, as stream-k does (Osama et al., 2023).
        """
        sms, p = self._device.sms, self._p
        parts = np.clip(np.floor(k / _SPLIT_K_STEP), 1, _MAX_SPLIT)
        part_us = m * n * _PARTIAL_BYTE / (self._memory * p.reduce_ratio)
        step_us = k / self._rate(m, k, n)
        read = reading**_CHOICE_OVERLAP
        best, taken, in_waves, added = np.full(len(m), np.inf), np.zeros_like(m), np.ones_like(m), np.zeros_like(m)
        for rows, columns in _COARSE if p.tiles == "coarse" else _FINE:
            filled = np.ceil(m / rows) * np.ceil(n / columns) / sms
            tile_us = step_us * self._element_us(rows, columns)
            whole = self._waves(filled)
            once = np.maximum(filled, 1.0)
            adding = p.split_us + np.minimum(np.clip(1 / filled, 1, parts), 2 / filled) * part_us
            for busy, waves, extra in (
                (whole * tile_us, whole, np.zeros_like(m)),
                (np.maximum(filled, 1 / parts) * tile_us, once, adding),
            ):
                joined = np.sqrt(np.sqrt(read + busy**_CHOICE_OVERLAP))
                time = joined + waves * p.wave_us + extra + writing / waves * 0.5
                better = time < best
                best = np.where(better, time, best)
                taken, in_waves = np.where(better, busy, taken), np.where(better, waves, in_waves)
                added = np.where(better, extra, added)
        return taken, in_waves, added

    def _tiled(self, m: FloatArray, k: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
        """K steps and waves with a given tile and whole k; Cutlass pairs tiles of 128 rows in clusters of two."""
        choose = tiles_by_rows if self._p.tiles == "by_rows" else tiles_of_fewest_waves
        rows, columns = choose(m, n, self._device.sms)
        high = np.ceil(m / rows)
        if self._p.tiles == "by_rows":
            high = np.where((rows >= 128) & (high > 1), _CLUSTER * np.ceil(high / _CLUSTER), high)
        filled = high * np.ceil(n / columns) / self._device.sms
        share = np.where(rows <= 64, self._p.small_tile_share, 1.0)
        share = np.where((rows * columns > _LARGE_TILE) & (filled <= 1), self._p.wide_tile_share, share)
        arithmetic = 2 * rows * columns / (self._sm_flop_us * np.minimum(share, 1 / self._p.math_share))
        # Rows and columns beyond the operands are not loaded; a lone SM has the second-level cache to itself.
        loading = (np.minimum(m, rows) + np.minimum(n, columns)) * self._byte / self._sm_byte_us
        loading *= self._p.lone_load + (1 - self._p.lone_load) * np.minimum(filled, 1)
        element_us = np.hypot(arithmetic, loading) + self._p.step_us * self._byte / 128
        waves = self._waves(filled)
        # Tiles without rows end early, and the others no longer share what they load (measured in Cutlass kernels).
        empty = np.where(m > rows, np.minimum((high * rows - m) / (_CLUSTER * rows), 1), 0)
        element_us *= 1 + self._p.ragged_loss * empty
        return waves * k * element_us / self._rate(np.minimum(m, _LINEAR_M), k, n), waves

    def _element_us(self, rows: float, columns: float) -> float:
        """Time of one tile for each element of k."""
        work = max(2 * rows * columns / self._sm_flop_us, (rows + columns) * self._byte / self._sm_byte_us)
        return work + self._p.step_us * self._byte / 128

    def _waves(self, filled: FloatArray) -> FloatArray:
        """Waves of tiles that fill the SMs ``filled`` times."""
        return np.asarray(self._p.quantum * np.ceil(filled) + (1 - self._p.quantum) * np.maximum(filled, 1))

    def _rate(self, m: FloatArray, k: FloatArray, n: FloatArray) -> FloatArray:
        """Share of the arithmetic rate that is left to long kernels: the clock falls at the power limit."""
        long = 2e3 * m * k * n / self._peak / self._p.throttle_ms
        return np.asarray(1 - self._p.throttle_share * long / (1 + long))

    def _quantise_us(self, m: FloatArray, k: FloatArray) -> FloatArray | float:
        """Time of the kernel that turns bf16 activations into fp8: reads 2 bytes, writes 1, or starts its blocks.

        Block-scaled, a block takes as many groups of 128, up to 16, as divide their number by a power of two
        (SGLang, per_token_group_quant_8bit); else it takes a row.
        """
        if not self._p.quantise_us:
            return 0.0
        byte = 3 * m * k
        if self._p.tiles == "fewest_waves":
            groups = (m * np.ceil(k / _SCALE_GROUP)).astype(np.int64)
            blocks = groups / np.minimum(groups & -groups, _MAX_GROUPS) / self._device.sms
        else:
            blocks = np.ceil(m / self._device.sms)
            blocks = np.where(blocks >= _WARP_ROWS, blocks * _WARP_SHARE, blocks)
            byte = byte + 2 * m * k / (1 + (_CACHED_K / k) ** 4)
        moving = byte / (self._memory * self._p.quantise_share)
        return np.asarray(self._p.quantise_us + np.maximum(moving, blocks * self._p.quantise_row_us))
