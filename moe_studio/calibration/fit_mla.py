"""Fits `kernel.mla` to measured run times."""

from collections.abc import Mapping, Sequence

import numpy as np

from moe_studio.calibration.family import Block, Columns, Family, Words, short_dtype
from moe_studio.calibration.fit_attention import fit_kernels
from moe_studio.calibration.robust import columns_of, robust_fit, thinned
from moe_studio.kernel.attention import HeadParameters
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.mla import (
    KV_LORA,
    QK_NOPE,
    QK_ROPE,
    V_DIM,
    HeadProductParameters,
    MlaParameters,
    head_product_us,
    mla_decode_us,
    mla_prefill_us,
)
from moe_studio.project.model import DTYPE_BYTE

_PRODUCT_BOUNDS = {
    "launch_us": (1.0, 30.0),
    "head_us": (0.0001, 1.0),
    "compute_share": (0.02, 1.0),
    "memory_share": (0.05, 1.0),
    "cache_ratio": (0.05, 20.0),
    "cache_fit": (0.2, 3.0),
}
_PHASES = {"mla_prefill": "prefill", "mla_decode": "decode", "mla_gen_pre": "absorb_q", "mla_gen_post": "absorb_v"}
_VALUE_PARTS = (1, 2)


def fit_mla(blocks: Sequence[Block], device: DeviceFacts) -> MlaParameters:
    """The kernel that ran all rows of ``blocks``."""
    words, columns = blocks[0].words, columns_of(blocks)
    time = np.concatenate([block.time_us for block in blocks])
    if words["op"] in ("mla_gen_pre", "mla_gen_post"):
        return _fit_product(words, columns, time, device)
    splits = _VALUE_PARTS if words["op"] == "mla_decode" else (1,)
    found = [_fit_attention(words, columns, time, device, parts) for parts in splits]
    return min(found, key=lambda item: item[1])[0]


def _fit_attention(
    words: Words, columns: Columns, time: FloatArray, device: DeviceFacts, value_parts: int
) -> tuple[MlaParameters, float]:
    def predict(kernel: HeadParameters, part: Columns) -> FloatArray:
        return predict_mla(MlaParameters(value_parts=value_parts, kernels=(kernel,)), device, part, words)

    kernels = fit_kernels(predict, columns, time, KV_LORA if words["op"] == "mla_decode" else V_DIM)
    parameters = MlaParameters(value_parts=value_parts, kernels=tuple(kernels))
    ratio = np.log(predict_mla(parameters, device, columns, words) / time)
    return parameters, float(np.mean(np.minimum(0.3, np.abs(ratio))))


def _fit_product(words: Words, columns: Columns, time: FloatArray, device: DeviceFacts) -> MlaParameters:
    rows = thinned(len(time))
    part = {name: value[rows] for name, value in columns.items()}
    start = HeadProductParameters(
        launch_us=5, head_us=0.01, compute_share=0.5, memory_share=0.7, cache_ratio=2, cache_fit=0.8
    )

    def predict(product: HeadProductParameters) -> FloatArray:
        return predict_mla(MlaParameters(product=(product,)), device, part, words)

    return MlaParameters(product=(robust_fit(start, _PRODUCT_BOUNDS, predict, time[rows])[0],))


def predict_mla(parameters: MlaParameters, device: DeviceFacts, columns: Columns, words: Words) -> FloatArray:
    """Times of rows of a table of latent attention."""
    dtype, kv_dtype = short_dtype(words["dtype"]), short_dtype(words["kv_dtype"])
    if words["op"] == "mla_prefill":
        return mla_prefill_us(parameters, device, columns, dtype=dtype, kv_dtype=kv_dtype)
    if words["op"] == "mla_decode":
        return mla_decode_us(parameters, device, columns, dtype=dtype, kv_dtype=kv_dtype)
    return head_product_us(parameters, device, columns, dtype=dtype)


def _variants(words: Words) -> tuple[str, ...]:
    phase = _PHASES.get(words["op"])
    if phase is None:
        return ()
    dtype, kv_dtype = short_dtype(words["dtype"]), short_dtype(words["kv_dtype"])
    if dtype not in DTYPE_BYTE:
        return ()
    if phase.startswith("absorb"):
        return tuple(dict.fromkeys((f"{phase}_{dtype}", f"{phase}_bf16")))
    if kv_dtype not in DTYPE_BYTE:
        return ()
    pairs = ((dtype, kv_dtype), ("bf16", kv_dtype), ("bf16", "bf16"))
    return tuple(dict.fromkeys("_".join((phase, *pair)) for pair in pairs))


def _floor_us(columns: Columns, words: Words, facts: DeviceFacts) -> FloatArray:
    """The arithmetic at the datasheet's peak; traffic may come from the cache."""
    rows = columns["batch"] * columns["heads"]
    if words["op"] in ("mla_gen_pre", "mla_gen_post"):
        flop = 2 * rows * QK_NOPE * KV_LORA
    elif words["op"] == "mla_decode":
        flop = 2 * rows * columns["q_len"] * columns["kv_len"] * (2 * KV_LORA + QK_ROPE)
    else:
        flop = rows * columns["q_len"] ** 2 * (QK_NOPE + QK_ROPE + V_DIM)
    fastest = "fp8" if "fp8" in (short_dtype(words["dtype"]), short_dtype(words["kv_dtype"])) else "bf16"
    return np.asarray(flop / facts.peak(fastest) * 1e6)


_OPTIONAL: Mapping[str, str] = {"kernel": ""}

MLA = Family(
    name="mla",
    numbers=("batch", "q_len", "kv_len", "heads"),
    words=("op", "dtype", "kv_dtype"),
    optional=_OPTIONAL,
    zero_allowed=("kv_len",),
    variants=_variants,
    parameters=MlaParameters,
    predict=predict_mla,
    fit=fit_mla,
    floor_us=_floor_us,
    shape=("heads",),
    size="kv_len",
    bands=(0, 128, 1024, 8192),
)
