"""Run time of fused attention: prefill (causal or full) and decode with a KV cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from moe_studio.kernel.device import DeviceFacts, FloatArray, element_byte
from moe_studio.project.setting import setting

IntArray = NDArray[np.intp]

_EVICTION = 14.0
"""How suddenly a working set falls out of the cache; steps seen on A100 and H100 span about 15 % of its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadParameters:
    """One attention kernel: compiled for a head size, and from some context length on."""

    head_dim: int = setting("head size it is compiled for", above=0)
    from_tokens: int = setting("shortest context it is used for", 0, low=0)
    tile_rows: int = setting("query rows of a block, heads that share a KV head packed together", above=0)
    tile_step: int = setting("query rows by which the arithmetic of a block grows up to its tile", above=0)
    split_below: float = setting("share of the SMs below which the context of a block is split over several", low=0)
    split_tokens: int = setting("fewest tokens of context in a part", above=0)
    launch_us: float = setting("launch, first loads and last stores", above=0)
    unpacked_us: float = setting("further start of the kernel for one query head per KV head", low=0)
    block_us: float = setting("start and end of each further block on an SM", low=0)
    first_row_us: float = setting("further start for each query row of a block", low=0)
    row_us: float = setting("start and end of each further block: for each query row", low=0)
    block_reuse: float = setting("block_us falls with KV heads to this power: neighbours share look-ups", low=0)
    compute_share: float = setting("share of the arithmetic peak reached in the inner loop", above=0)
    pad_tokens: float = setting("tokens of context that filling the pipeline and masking are worth", low=0)
    solo: float = setting("pace of a block alone on the chip against one among others", above=0)
    tail: float = setting("waves lost when blocks of unequal length end", low=0)
    memory_share: float = setting("share of the memory bandwidth reached", above=0)
    row_weight: float = setting("a byte of queries or results against one of keys, which lie in pages", above=0)
    cache_ratio: float = setting("second-level cache bandwidth over memory bandwidth", above=0)
    cache_fit: float = setting("share of the second-level cache that a working set may take", above=0)
    overlap: float = setting("exponent that joins arithmetic and traffic: 1 one after the other, large side by side")
    combine_us: float = setting("joining the parts of a split context", low=0)
    part_us: float = setting("joining: for each part", low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionParameters:
    """The kernels of one data type, for each head size."""

    heads: tuple[HeadParameters, ...] = setting("kernels by head size and context length")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttentionWork:
    """What some attention layers have to do, one row each: shape (rows,)."""

    batch: FloatArray
    q_len: FloatArray
    kv_len: FloatArray
    heads: FloatArray
    kv_heads: FloatArray
    pair_flop: FloatArray
    """For one query row and one token of context."""
    kv_byte: FloatArray
    row_byte: FloatArray
    """Queries in and results out."""
    value_size: FloatArray
    """Elements of a result row."""
    peak_flop_s: float
    is_causal: bool
    value_parts: int = 1
    """Blocks that share the columns of a value between them."""

    def rows(self, chosen: IntArray) -> "AttentionWork":
        """Some of the rows."""
        arrays = [field.name for field in fields(self) if isinstance(getattr(self, field.name), np.ndarray)]
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})


def attention_us(
    parameters: AttentionParameters,
    device: DeviceFacts,
    columns: Mapping[str, FloatArray],
    *,
    dtype: str,
    kv_dtype: str,
    is_causal: bool = True,
) -> FloatArray:
    """Time of one attention layer, shape (rows,); ``q_len`` is 1 in decode.

    A head size without a kernel of its own runs on the next larger one's, padded, as in FlashAttention.
    Keys and values are read once, queries and results move in 16 bit.
    """
    sizes = np.array(sorted({head.head_dim for head in parameters.heads}))
    padded = sizes[np.minimum(np.searchsorted(sizes, columns["head_dim"]), len(sizes) - 1)]
    kv_byte = 2 * columns["batch"] * columns["kv_heads"] * columns["kv_len"] * columns["head_dim"]
    row_byte = 4 * columns["batch"] * columns["heads"] * columns["q_len"] * columns["head_dim"]
    work = AttentionWork(
        batch=columns["batch"],
        q_len=columns["q_len"],
        kv_len=columns["kv_len"],
        heads=columns["heads"],
        kv_heads=columns["kv_heads"],
        pair_flop=4 * np.maximum(padded, columns["head_dim"]),
        kv_byte=kv_byte * element_byte(kv_dtype),
        row_byte=row_byte,
        value_size=columns["head_dim"],
        peak_flop_s=device.peak(dtype),
        is_causal=is_causal,
    )
    time = np.empty(len(padded))
    for size in sizes:
        rows = np.flatnonzero(padded == size)
        if len(rows):
            kernels = [head for head in parameters.heads if head.head_dim == size]
            time[rows] = kernels_us(kernels, device, work.rows(rows))
    return time


def kernels_us(kernels: Sequence[HeadParameters], device: DeviceFacts, work: AttentionWork) -> FloatArray:
    """Time of ``work``, each row on the kernel for its context length, shape (rows,)."""
    ordered = sorted(kernels, key=lambda kernel: kernel.from_tokens)
    starts = [kernel.from_tokens for kernel in ordered]
    chosen = np.maximum(np.searchsorted(starts, work.kv_len, side="right") - 1, 0)
    time = np.empty(len(work.kv_len))
    for index, kernel in enumerate(ordered):
        rows = np.flatnonzero(chosen == index)
        if len(rows):
            time[rows] = _kernel_us(kernel, device, work.rows(rows))
    return time


def _kernel_us(kernel: HeadParameters, device: DeviceFacts, work: AttentionWork) -> FloatArray:
    """Launch + arithmetic and traffic, partly side by side + joining the parts of a split context."""
    group = work.heads / work.kv_heads
    blocks = np.ceil(work.q_len * group / kernel.tile_rows)
    units = work.batch * work.kv_heads * blocks * work.value_parts
    parts = _parts(kernel, device, units, work.kv_len)
    busy = np.maximum(_blocks_us(kernel, device, work, blocks, units, parts), 1e-9)
    byte = work.kv_byte + kernel.row_weight * work.row_byte
    traffic = traffic_us(kernel.memory_share, kernel.cache_ratio, kernel.cache_fit, device, byte)
    joined = _joined(busy, traffic, kernel.overlap)
    rows = np.minimum(kernel.tile_rows, work.q_len * group)
    start = kernel.launch_us + kernel.unpacked_us * (group == 1) + kernel.first_row_us * rows
    # The parts' results are written in 32 bit and read again, all within the second-level cache.
    partial_byte = 8 * parts * work.batch * work.heads * work.q_len * work.value_size
    reading = partial_byte / (kernel.cache_ratio * device.memory_byte_s) * 1e6
    joining = kernel.combine_us + kernel.part_us * (parts - 1) + reading
    return np.asarray(start + joined + (parts > 1) * joining)


def _parts(kernel: HeadParameters, device: DeviceFacts, units: FloatArray, kv_len: FloatArray) -> FloatArray:
    """Parts of each context: as many as fill the SMs once, when blocks alone do not (Flash-Decoding, 2023)."""
    most = np.maximum(1, np.ceil(kv_len / kernel.split_tokens))
    fitting = np.clip(np.floor(device.sms / units), 1, most)
    return np.where(units < kernel.split_below * device.sms, fitting, 1.0)


def _blocks_us(
    kernel: HeadParameters,
    device: DeviceFacts,
    work: AttentionWork,
    blocks: FloatArray,
    units: FloatArray,
    parts: FloatArray,
) -> FloatArray:
    """Until the last block ends: waves of blocks over the SMs, or the longest block, whichever takes longer."""
    group, waves = work.heads / work.kv_heads, units * parts / device.sms
    rows = np.minimum(kernel.tile_rows, kernel.tile_step * np.ceil(work.q_len * group / kernel.tile_step))
    token_us = 1e6 * rows * work.pair_flop / work.value_parts * device.sms / (kernel.compute_share * work.peak_flop_s)
    span = np.minimum(work.q_len, kernel.tile_rows / group)
    hidden = work.q_len - np.minimum(work.q_len, (work.q_len + span) / 2)
    seen = work.kv_len - hidden if work.is_causal else work.kv_len
    # Equal blocks end in whole waves; blocks of unequal length, longest first, pack but for a tail (Graham's bound).
    even = 1 / blocks if work.is_causal else np.ones_like(blocks)
    packed = waves + kernel.tail * (1 - even) * np.minimum(1, waves)
    whole = np.maximum(1, packed + even * (np.ceil(waves - 1e-9) - waves))
    row_us = kernel.row_us * np.minimum(kernel.tile_rows, work.q_len * group)
    later = (whole - 1) * (kernel.block_us * work.kv_heads**-kernel.block_reuse + row_us)
    longest = token_us * (work.kv_len / parts + kernel.pad_tokens) * kernel.solo
    return np.asarray(np.maximum(later + whole * token_us * (seen / parts + kernel.pad_tokens), longest))


def traffic_us(
    memory_share: float, cache_ratio: float, cache_fit: float, device: DeviceFacts, byte: FloatArray
) -> FloatArray:
    """Time to move ``byte``: from the second-level cache as far as all of it fits there, else from memory."""
    missed = 1 / (1 + (cache_fit * device.l2_byte / byte) ** _EVICTION)
    bandwidth = device.memory_byte_s / 1e6
    return np.asarray(byte * (missed / (memory_share * bandwidth) + (1 - missed) / (cache_ratio * bandwidth)))


def _joined(first: FloatArray, second: FloatArray, exponent: float) -> FloatArray:
    """Time of two things at once that hinder each other: the ``exponent`` norm."""
    larger = np.maximum(first, second)
    return np.asarray(larger * ((first / larger) ** exponent + (second / larger) ** exponent) ** (1 / exponent))
