"""Fits `kernel.attention` to measured run times."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from moe_studio.calibration.family import Block, Columns, Family, Words, short_dtype
from moe_studio.calibration.robust import IntArray, chosen, columns_of, robust_fit, thinned
from moe_studio.kernel.attention import AttentionParameters, HeadParameters, attention_us
from moe_studio.kernel.device import DeviceFacts, FloatArray, element_byte
from moe_studio.project.model import DTYPE_BYTE

_BOUNDS = {
    "launch_us": (1.0, 40.0),
    "unpacked_us": (0.01, 5.0),
    "block_us": (0.01, 20.0),
    "first_row_us": (0.0001, 0.1),
    "row_us": (0.0001, 0.5),
    "block_reuse": (0.005, 0.5),
    "compute_share": (0.05, 1.0),
    "pad_tokens": (1.0, 600.0),
    "solo": (0.4, 2.0),
    "tail": (0.001, 2.0),
    "memory_share": (0.1, 1.0),
    "row_weight": (0.1, 4.0),
    "cache_ratio": (0.3, 20.0),
    "cache_fit": (0.2, 1.5),
    "overlap": (1.0, 8.0),
    "combine_us": (0.01, 20.0),
    "part_us": (0.001, 1.0),
}
_TILES = ((64, 64), (128, 64), (128, 128), (192, 64), (192, 192))
"""Choices of ``tile_rows`` and ``tile_step``: a block computes whole matrix instructions, or its whole tile."""
_SPLITS = ((0.8, 256), (0.8, 128), (0.8, 512), (0.4, 128), (0.4, 512), (0.0, 128))
"""Choices of ``split_below`` and ``split_tokens``; FlashAttention stops splitting at 0.8."""
_FEW_ROWS, _ROWS = 500, 4000
_FEW_EVALUATIONS, _EVALUATIONS = 12, 40
_BREAK_TOKENS = 384
_BREAK_GAIN = 0.8
"""A second kernel for long contexts is believed when it lowers the residual to this share."""
_MIN_ROWS = 200

Predictor = Callable[[HeadParameters, Columns], FloatArray]


def fit_attention(blocks: Sequence[Block], device: DeviceFacts) -> AttentionParameters:
    """The kernels of each head size in ``blocks``, which share their data types and phase."""
    words, whole = blocks[0].words, columns_of(blocks)
    time = np.concatenate([block.time_us for block in blocks])
    kernels: list[HeadParameters] = []
    for head_dim in np.unique(whole["head_dim"]):
        rows = whole["head_dim"] == head_dim
        kernels += fit_kernels(_predictor(device, words), chosen(whole, rows), time[rows], int(head_dim))
    return AttentionParameters(heads=tuple(kernels))


def _predictor(device: DeviceFacts, words: Words) -> Predictor:
    def predict(head: HeadParameters, columns: Columns) -> FloatArray:
        return predict_attention(AttentionParameters(heads=(head,)), device, columns, words)

    return predict


def fit_kernels(predict: Predictor, columns: Columns, time: FloatArray, head_dim: int) -> list[HeadParameters]:
    """One kernel for all contexts, or two when the data clearly show a switch."""
    whole, cost = _kernel(predict, columns, time, head_dim)
    long = columns["kv_len"] >= _BREAK_TOKENS
    if min(long.sum(), (~long).sum()) < _MIN_ROWS:
        return [whole]
    pair = [_kernel(predict, chosen(columns, rows), time[rows], head_dim) for rows in (~long, long)]
    pair_cost = (pair[0][1] * (~long).sum() + pair[1][1] * long.sum()) / len(time)
    if pair_cost > _BREAK_GAIN * cost:
        return [whole]
    return [pair[0][0], replace(pair[1][0], from_tokens=_BREAK_TOKENS)]


def _kernel(predict: Predictor, columns: Columns, time: FloatArray, head_dim: int) -> tuple[HeadParameters, float]:
    """The best of the whole-number choices on some rows, then refined on all of them."""

    def fitted(start: HeadParameters, rows: IntArray, evaluations: int) -> tuple[HeadParameters, float]:
        part = chosen(columns, rows)
        return robust_fit(start, _BOUNDS, lambda head: predict(head, part), time[rows], evaluations=evaluations)

    def best(starts: Iterable[HeadParameters]) -> HeadParameters:
        few = thinned(len(time), _FEW_ROWS)
        return min((fitted(start, few, _FEW_EVALUATIONS) for start in starts), key=lambda found: found[1])[0]

    tiled = best(_start(head_dim, *tile, *_SPLITS[0]) for tile in _TILES)
    split = best(_start(head_dim, tiled.tile_rows, tiled.tile_step, *choice) for choice in _SPLITS)
    return fitted(split, thinned(len(time), _ROWS), _EVALUATIONS)


def _start(head_dim: int, tile_rows: int, tile_step: int, split_below: float, split_tokens: int) -> HeadParameters:
    return HeadParameters(
        head_dim=head_dim,
        tile_rows=tile_rows,
        tile_step=tile_step,
        split_below=split_below,
        split_tokens=split_tokens,
        launch_us=10.0,
        unpacked_us=0.5,
        block_us=2.5,
        first_row_us=0.003,
        row_us=0.003,
        block_reuse=0.1,
        compute_share=0.6,
        pad_tokens=40.0,
        solo=0.9,
        tail=0.3,
        memory_share=0.9,
        row_weight=1.0,
        cache_ratio=2.0,
        cache_fit=0.7,
        overlap=1.6,
        combine_us=2.0,
        part_us=0.05,
    )


def predict_attention(
    parameters: AttentionParameters, device: DeviceFacts, columns: Columns, words: Words
) -> FloatArray:
    """Times of rows of a table of attention."""
    return attention_us(
        parameters,
        device,
        columns,
        dtype=short_dtype(words["dtype"]),
        kv_dtype=short_dtype(words["kv_dtype"]),
        is_causal=words["op"] != "attn_prefill_full",
    )


def _variants(words: Words) -> tuple[str, ...]:
    phase = {"attn_prefill": "prefill", "attn_prefill_full": "prefill", "attn_decode": "decode"}.get(words["op"])
    if phase is None:
        return ()
    dtype, kv_dtype = short_dtype(words["dtype"]), short_dtype(words["kv_dtype"])
    if not {dtype, kv_dtype} <= DTYPE_BYTE.keys():
        return ()
    pairs = ((dtype, kv_dtype), ("bf16", kv_dtype), (dtype, dtype), ("bf16", "bf16"))
    return tuple(dict.fromkeys("_".join((phase, *pair)) for pair in pairs))


def _floor_us(columns: Columns, words: Words, facts: DeviceFacts) -> FloatArray:
    """Half the arithmetic of a causal layer at the datasheet's peak; traffic may come from the cache."""
    pairs = columns["q_len"] * np.maximum(columns["kv_len"] - columns["q_len"], 0) + columns["q_len"] ** 2 / 2
    flop = 4 * columns["batch"] * columns["heads"] * columns["head_dim"] * pairs
    return np.asarray(flop / facts.peak(_fastest(words)) * 1e6)


def _fastest(words: Words) -> str:
    return min((short_dtype(words["dtype"]), short_dtype(words["kv_dtype"])), key=element_byte)


_NUMBERS = ("batch", "q_len", "kv_len", "heads", "kv_heads", "head_dim")
_OPTIONAL: Mapping[str, str] = {"kernel": ""}

ATTENTION = Family(
    name="attention",
    numbers=_NUMBERS,
    words=("op", "dtype", "kv_dtype"),
    optional=_OPTIONAL,
    variants=_variants,
    parameters=AttentionParameters,
    predict=predict_attention,
    fit=fit_attention,
    floor_us=_floor_us,
    shape=("heads", "kv_heads", "head_dim"),
    size="kv_len",
    bands=(0, 128, 1024, 8192),
)
