"""Run time of multi-head latent attention: prefill, decode on the latent, and the products around it.

Sizes are those of DeepSeek-V2 and V3 (arXiv 2405.04434, table 1 of 2412.19437), which every user of the kernels shares.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moe_studio.kernel.attention import AttentionWork, HeadParameters, kernels_us, traffic_us
from moe_studio.kernel.device import DeviceFacts, FloatArray, element_byte
from moe_studio.project.setting import setting

QK_NOPE, QK_ROPE, V_DIM, KV_LORA = 128, 64, 128, 512


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadProductParameters:
    """The product of every head with its own matrix, before or after attention on the latent."""

    launch_us: float = setting("launch and first loads", above=0)
    head_us: float = setting("for each head, all else being equal", low=0)
    compute_share: float = setting("share of the arithmetic peak reached", above=0)
    memory_share: float = setting("share of the memory bandwidth reached", above=0)
    cache_ratio: float = setting("second-level cache bandwidth over memory bandwidth", above=0)
    cache_fit: float = setting("share of the second-level cache that a working set may take", above=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MlaParameters:
    """One kernel of latent attention: attention itself, or the product of the heads beside it."""

    value_parts: int = setting("blocks that share the columns of a value between them", 1, low=1)
    kernels: tuple[HeadParameters, ...] = setting("attention, by context length", ())
    product: tuple[HeadProductParameters, ...] = setting("product of the heads with their matrices", ())


def mla_prefill_us(
    parameters: MlaParameters, device: DeviceFacts, columns: Mapping[str, FloatArray], *, dtype: str, kv_dtype: str
) -> FloatArray:
    """Time of prefill attention with every head's own keys and values, shape (rows,)."""
    batch, q_len, kv_len, heads = (columns[name] for name in ("batch", "q_len", "kv_len", "heads"))
    size = QK_NOPE + QK_ROPE + V_DIM
    work = AttentionWork(
        batch=batch,
        q_len=q_len,
        kv_len=kv_len,
        heads=heads,
        kv_heads=heads,
        pair_flop=np.full(len(batch), 2.0 * size),
        kv_byte=2 * batch * heads * kv_len * size,
        row_byte=2 * batch * heads * q_len * size,
        value_size=np.full(len(batch), float(V_DIM)),
        peak_flop_s=device.peak(dtype),
        is_causal=True,
    )
    return kernels_us(parameters.kernels, device, work)


def mla_decode_us(
    parameters: MlaParameters, device: DeviceFacts, columns: Mapping[str, FloatArray], *, dtype: str, kv_dtype: str
) -> FloatArray:
    """Time of decode attention: every head reads the one latent of its sequence, shape (rows,)."""
    batch, q_len, kv_len, heads = (columns[name] for name in ("batch", "q_len", "kv_len", "heads"))
    latent = KV_LORA + QK_ROPE
    work = AttentionWork(
        batch=batch,
        q_len=q_len,
        kv_len=kv_len,
        heads=heads,
        kv_heads=np.ones_like(heads),
        pair_flop=np.full(len(batch), 2.0 * (latent + KV_LORA)),
        kv_byte=batch * kv_len * latent * element_byte(kv_dtype),
        row_byte=2 * batch * heads * q_len * (latent + KV_LORA),
        value_size=np.full(len(batch), float(KV_LORA)),
        peak_flop_s=device.peak(dtype),
        is_causal=False,
        value_parts=parameters.value_parts,
    )
    return kernels_us(parameters.kernels, device, work)


def head_product_us(
    parameters: MlaParameters, device: DeviceFacts, columns: Mapping[str, FloatArray], *, dtype: str
) -> FloatArray:
    """Time of (batch, 128) × (128, 512) for every head, or its transpose, shape (rows,)."""
    product, rows, heads = parameters.product[0], columns["batch"], columns["heads"]
    byte = heads * (2 * rows * (QK_NOPE + KV_LORA) + QK_NOPE * KV_LORA * element_byte(dtype))
    flop = 2 * rows * heads * QK_NOPE * KV_LORA
    traffic = traffic_us(product.memory_share, product.cache_ratio, product.cache_fit, device, byte)
    arithmetic = flop / (product.compute_share * device.peak(dtype)) * 1e6
    return np.asarray(product.launch_us + product.head_us * heads + np.maximum(traffic, arithmetic))
