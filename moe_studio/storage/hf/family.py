"""The table of model families: where each keeps its figures, and what an omitted key means.

Defaults are those of the classes in the transformers library (5.23), or of the family's own
code where it has no class there. A key that a file omits has the default of its class, which
is one particular model's figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from moe_studio.storage.hf import layout as lay
from moe_studio.storage.hf import mixer as mix
from moe_studio.storage.hf.reader import NAMES

SOFTMAX: Mapping[str, mix.Mixer] = {"full": mix.full, "sliding": mix.sliding}
LATENT: Mapping[str, mix.Mixer] = {"full": mix.latent}
INDEXED_LATENT: Mapping[str, mix.Mixer] = {"full": mix.sparse_latent, "shared": mix.latent}
DELTA: Mapping[str, mix.Mixer] = {"full": mix.full, "sliding": mix.sliding, "linear": mix.delta_net}
COMPRESSED: Mapping[str, mix.Mixer] = {
    "sliding": mix.compressed(""),
    "csa": mix.compressed("csa"),
    "hca": mix.compressed("hca"),
}

EXPERTS_ARE_INTERMEDIATE = {"expert_hidden": ("intermediate_size",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How one family's config.json is to be read."""

    layout: lay.Layout
    mixers: Mapping[str, mix.Mixer] = field(default_factory=lambda: SOFTMAX)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    kind: str = "swiglu"
    """Shape of experts and dense layers: swiglu has three matrices, gelu two."""
    norms: int = 2
    """Norms of a layer."""
    norm_bias: bool = False
    router_bias: bool = False
    expert_bias: bool = False
    gated_shared: bool = False
    """Whether a learned gate scales what the shared expert gives."""


def _llama(heads: int, kv_heads: int, dense: int, vocab: int = 32000, **more: object) -> dict[str, object]:
    """The defaults that classes derived from Llama have in common."""
    common = {"hidden": 4096, "layers": 32, "heads": heads, "kv_heads": kv_heads, "dense_hidden": dense, "vocab": vocab}
    return {**common, **more}


def _with_experts(hidden: int, experts: int, top_k: int, **more: object) -> dict[str, object]:
    """The defaults of a family whose experts are as wide as `intermediate_size`."""
    return {"expert_hidden": hidden, "dense_hidden": hidden, "experts": experts, "top_k": top_k, **more}


V3_DEFAULTS: Mapping[str, object] = {
    "hidden": 7168, "layers": 61, "heads": 128, "vocab": 129280, "dense_hidden": 18432,
    "q_lora": 1536, "kv_lora": 512, "qk_nope": 128, "qk_rope": 64, "v_dim": 128,
    "experts": 256, "top_k": 8, "expert_hidden": 2048, "shared": 1, "first_dense": 3,
}  # fmt: skip
QWEN_DELTA: Mapping[str, object] = {
    "linear_num_key_heads": 16, "linear_num_value_heads": 32,
    "linear_key_head_dim": 128, "linear_value_head_dim": 128, "_qk_norm": "head", "_output_gate": "all",
}  # fmt: skip
STEP_DEFAULTS: Mapping[str, object] = {
    "hidden": 4096, "layers": 45, "heads": 64, "kv_heads": 8, "head_dim": 128, "vocab": 128896,
    "dense_hidden": 11264, "window": 512, "experts": 288, "top_k": 8, "expert_hidden": 1280,
    "shared_hidden": 1280, "first_dense": 3, "_qk_norm": "head", "_output_gate": "head",
}  # fmt: skip

FAMILIES: Mapping[str, Family] = {
    # dense
    "llama": Family(layout=lay.layered(lay.always("full"), lay.no_layer), defaults=_llama(32, 32, 11008)),
    "mistral": Family(
        layout=lay.layered(lay.windowed, lay.no_layer), defaults=_llama(32, 8, 14336, window=4096)
    ),
    "qwen2": Family(
        layout=lay.layered(lay.windowed_from, lay.no_layer),
        names={"qkv_bias": ("qkv_bias",)},
        defaults=_llama(32, 32, 22016, 151936, qkv_bias=True, _o_bias=False, max_window_layers=28),
    ),
    "qwen3": Family(
        layout=lay.layered(lay.windowed_from, lay.no_layer),
        defaults=_llama(32, 32, 22016, 151936, head_dim=128, _qk_norm="head", max_window_layers=28),
    ),
    "qwen3_5": Family(
        layout=lay.layered(lay.interval(4), lay.no_layer),
        mixers=DELTA,
        defaults=_llama(16, 4, 12288, 248320, head_dim=256, **QWEN_DELTA),
    ),
    # experts in every layer
    "mixtral": Family(
        layout=lay.layered(lay.windowed, lay.every_layer),
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults=_llama(32, 8, 14336, expert_hidden=14336, experts=8, top_k=2),
    ),
    "phimoe": Family(
        layout=lay.layered(lay.windowed, lay.every_layer),
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults=_llama(32, 8, 6400, 32064, expert_hidden=6400, experts=16, top_k=2),
        norm_bias=True,
    ),
    "olmoe": Family(
        layout=lay.layered(lay.always("full"), lay.every_layer),
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults={
            "hidden": 2048, "layers": 16, "heads": 16, "kv_heads": 16, "vocab": 50304, "_qk_norm": "all",
            **_with_experts(2048, 64, 8),
        },
    ),
    "dbrx": Family(
        layout=lay.layered(lay.always("full"), lay.every_layer),
        defaults={
            "hidden": 2048, "layers": 24, "heads": 16, "kv_heads": 1, "vocab": 32000,
            "expert_hidden": 3584, "experts": 4, "top_k": 1,
        },
    ),
    "grok": Family(
        layout=lay.layered(lay.always("full"), lay.every_layer),
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults={
            "hidden": 6144, "layers": 64, "heads": 48, "kv_heads": 8, "head_dim": 128, "vocab": 131072,
            "tied": True, **_with_experts(32768, 8, 2),
        },
        norms=4,
    ),
    "gpt_oss": Family(
        layout=lay.layered(lay.alternating, lay.every_layer),
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults={
            "hidden": 2880, "layers": 36, "heads": 64, "kv_heads": 8, "head_dim": 64, "vocab": 201088,
            "window": 128, "qkv_bias": True, "_sinks": True, **_with_experts(2880, 128, 4),
        },
        router_bias=True,
        expert_bias=True,
    ),
    "granitemoe": Family(
        layout=lay.layered(lay.always("full"), lay.every_layer),
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults=_llama(32, 32, 11008, expert_hidden=11008, experts=8, top_k=2),
    ),
    "granitemoehybrid": Family(
        layout=lay.layered(lay.always("linear"), lay.every_layer),
        mixers={"full": mix.full, "linear": mix.mamba2},
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults=_llama(
            32, 32, 11008, expert_hidden=11008, experts=8, top_k=2, shared_hidden=1024,
            mamba_heads=128, mamba_state=256, mamba_groups=1, mamba_head_dim=64,
        ),
    ),
    "hunyuan_v1_moe": Family(
        layout=lay.layered(lay.always("full"), lay.every_layer),
        names={"expert_hidden": ("moe_intermediate_size", "intermediate_size")},
        defaults=_llama(32, 32, 11008, 290943, expert_hidden=11008, experts=1, top_k=1, shared=1, _qk_norm="head"),
    ),
    "minimax": Family(
        layout=lay.layered(lay.coded("attn_type_list", ("linear", "full"), lay.interval(2)), lay.every_layer),
        mixers={"full": mix.full, "linear": mix.lightning},
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults=_llama(32, 8, 14336, expert_hidden=14336, experts=8, top_k=2),
    ),
    "minimax_m2": Family(
        layout=lay.layered(lay.always("full"), lay.every_layer),
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults={
            "hidden": 3072, "layers": 62, "heads": 48, "kv_heads": 8, "head_dim": 128, "vocab": 200064,
            "_qk_norm": "all", **_with_experts(1536, 256, 8),
        },
    ),
    # some layers dense
    "minimax_m3": Family(
        layout=lay.layered(
            lay.coded("sparse_attention_config.sparse_attention_freq", ("full", "sparse"), lay.always("full")),
            lay.after_first,
        ),
        mixers={"full": mix.full, "sparse": mix.indexed},
        names={
            "expert_hidden": ("moe_intermediate_size", "intermediate_size"),
            "dense_hidden": ("dense_intermediate_size",),
        },
        defaults={
            "hidden": 6144, "layers": 60, "heads": 64, "kv_heads": 4, "head_dim": 128, "vocab": 200064,
            "dense_hidden": 12288, "expert_hidden": 3072, "experts": 128, "top_k": 4, "shared_hidden": 3072,
            "index_heads": 4, "index_dim": 128, "_qk_norm": "head",
        },
    ),
    "qwen2_moe": Family(
        layout=lay.layered(lay.windowed_from, lay.by_step),
        names={"qkv_bias": ("qkv_bias",)},
        defaults={
            "hidden": 2048, "layers": 24, "heads": 16, "kv_heads": 16, "vocab": 151936, "dense_hidden": 5632,
            "expert_hidden": 1408, "experts": 60, "top_k": 4, "shared_hidden": 5632,
            "qkv_bias": True, "_o_bias": False, "max_window_layers": 28,
        },
        gated_shared=True,
    ),
    "qwen3_moe": Family(
        layout=lay.layered(lay.windowed_from, lay.by_step),
        defaults={
            "hidden": 2048, "layers": 24, "heads": 32, "kv_heads": 4, "vocab": 151936, "dense_hidden": 6144,
            "expert_hidden": 768, "experts": 128, "top_k": 8, "_qk_norm": "head", "max_window_layers": 28,
        },
    ),
    "qwen3_next": Family(
        layout=lay.layered(lay.interval(4), lay.by_step),
        mixers=DELTA,
        defaults={
            "hidden": 2048, "layers": 48, "heads": 16, "kv_heads": 2, "head_dim": 256, "vocab": 151936,
            "dense_hidden": 5632, "expert_hidden": 512, "experts": 512, "top_k": 10, "shared_hidden": 512,
            **QWEN_DELTA,
        },
        gated_shared=True,
    ),
    "qwen3_5_moe": Family(
        layout=lay.layered(lay.interval(4), lay.every_layer),
        mixers=DELTA,
        defaults={
            "hidden": 2048, "layers": 40, "heads": 16, "kv_heads": 2, "head_dim": 256, "vocab": 248320,
            "expert_hidden": 512, "experts": 256, "top_k": 8, "shared_hidden": 512, **QWEN_DELTA,
        },
        gated_shared=True,
    ),
    "llama4": Family(
        layout=lay.layered(lay.chunked, lay.interleaved),
        names={
            **EXPERTS_ARE_INTERMEDIATE,
            "dense_hidden": ("intermediate_size_mlp",),
            "window": ("attention_chunk_size",),
        },
        defaults={
            "hidden": 5120, "layers": 48, "heads": 40, "kv_heads": 8, "head_dim": 128, "vocab": 202048,
            "window": 8192, "dense_hidden": 16384, "expert_hidden": 8192, "experts": 16, "top_k": 1, "shared": 1,
        },
    ),
    "jamba": Family(
        layout=lay.layered(lay.periodic, lay.with_offset),
        mixers={"full": mix.full, "linear": mix.mamba},
        names=EXPERTS_ARE_INTERMEDIATE,
        defaults=_llama(32, 8, 14336, 65536, expert_hidden=14336, experts=16, top_k=2, mamba_state=16),
    ),
    "glm4_moe": Family(
        layout=lay.layered(lay.always("full"), lay.after_first),
        defaults={
            "hidden": 4096, "layers": 46, "heads": 96, "kv_heads": 8, "head_dim": 128, "vocab": 151552,
            "dense_hidden": 10944, "expert_hidden": 1408, "experts": 128, "top_k": 8, "shared": 1,
            "first_dense": 1, "_qk_norm": "head", "use_qk_norm": False, "_o_bias": False,
        },
    ),
    "ernie4_5_moe": Family(
        layout=lay.layered(lay.always("full"), lay.between),
        names={"mlp_bias": ("use_bias",), "lm_head_bias": ("use_bias",)},
        defaults={
            "hidden": 2560, "layers": 28, "heads": 20, "kv_heads": 4, "vocab": 103424, "tied": True,
            "dense_hidden": 12288, "expert_hidden": 1536, "experts": 64, "top_k": 6, "shared": 2,
            "moe_layer_start_index": 1,
        },
        router_bias=True,
    ),
    "mimo_v2_flash": Family(
        layout=lay.layered(
            lay.coded("hybrid_layer_pattern", ("full", "sliding"), lay.mostly_windowed), lay.after_first
        ),
        mixers={"full": mix.full, "sliding": mix.sliding_with_sinks},
        defaults={
            "hidden": 4096, "layers": 48, "heads": 64, "kv_heads": 4, "head_dim": 192, "v_dim": 128,
            "vocab": 152576, "window": 128, "dense_hidden": 16384, "expert_hidden": 2048, "experts": 256,
            "top_k": 8, "first_dense": 1, "_o_bias": False, "swa_num_key_value_heads": 8,
        },
    ),
    "step3p7": Family(
        layout=lay.layered(lay.always("full"), lay.enumerated),
        mixers={"full": mix.full, "sliding": mix.sliding_otherwise},
        defaults=STEP_DEFAULTS,
    ),
    "step3": Family(
        layout=lay.layered(lay.always("full"), lay.enumerated),
        defaults={
            "hidden": 7168, "layers": 61, "heads": 64, "kv_heads": 1, "head_dim": 256, "vocab": 128815,
            "dense_hidden": 18432, "expert_hidden": 5120, "experts": 48, "top_k": 3, "shared_hidden": 5120,
            "first_dense": 4,
        },
    ),
    # latent attention
    "deepseek_v2": Family(
        layout=lay.layered(lay.always("full"), lay.after_first),
        mixers=LATENT,
        defaults=_llama(
            32, 32, 11008, 102400, q_lora=1536, kv_lora=512, qk_nope=128, qk_rope=64, v_dim=128,
            expert_hidden=1407, experts=64, top_k=6, shared=2,
        ),
    ),
    "deepseek_v3": Family(
        layout=lay.layered(lay.always("full"), lay.after_first), mixers=LATENT, defaults=V3_DEFAULTS
    ),
    "deepseek_v32": Family(
        layout=lay.layered(lay.always("full"), lay.after_first),
        mixers=INDEXED_LATENT,
        defaults={**V3_DEFAULTS, "index_heads": 64, "index_dim": 128},
    ),
    "glm_moe_dsa": Family(
        layout=lay.layered(lay.shared_indexer, lay.after_first),
        mixers=INDEXED_LATENT,
        defaults={
            **V3_DEFAULTS, "hidden": 6144, "layers": 78, "heads": 64, "vocab": 154880, "dense_hidden": 12288,
            "q_lora": 2048, "qk_nope": 192, "v_dim": 256, "index_heads": 32, "index_dim": 128,
        },
    ),
    "deepseek_v4": Family(
        layout=lay.layered(lay.by_compression, lay.every_layer),
        mixers=COMPRESSED,
        defaults={
            "hidden": 4096, "layers": 43, "heads": 64, "kv_heads": 1, "head_dim": 512, "vocab": 129280,
            "q_lora": 1024, "o_groups": 8, "o_lora_rank": 1024, "index_heads": 64, "index_dim": 128, "hc_mult": 4,
            "expert_hidden": 2048, "experts": 256, "top_k": 6, "shared": 1, "window": 128,
        },
    ),
    "kimi_linear": Family(
        layout=lay.layered(lay.listed, lay.after_first),
        mixers={"full": mix.latent, "linear": mix.kimi_delta},
        defaults={
            "hidden": 2304, "layers": 27, "heads": 32, "vocab": 163840, "dense_hidden": 9216,
            "kv_lora": 512, "qk_nope": 128, "qk_rope": 64, "v_dim": 128, "delta_heads": 32, "delta_dim": 128,
            "expert_hidden": 1024, "experts": 256, "top_k": 8, "shared": 1, "first_dense": 1,
        },
    ),
    "longcat_flash": Family(
        layout=lay.doubled,
        mixers=LATENT,
        names={"layers": ("num_layers", "num_hidden_layers")},
        defaults={
            "hidden": 6144, "layers": 28, "heads": 64, "vocab": 131072, "dense_hidden": 12288,
            "q_lora": 1536, "kv_lora": 512, "qk_nope": 128, "qk_rope": 64, "v_dim": 128,
            "expert_hidden": 2048, "experts": 512, "top_k": 12, "zero_expert_num": 256, "shared": 1,
            "shared_hidden": 12288,
        },
    ),
    # one mixer or feed-forward per layer
    "nemotron_h": Family(
        layout=lay.mixed,
        mixers={"full": mix.full, "linear": mix.mamba2},
        defaults={
            "hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": 128, "vocab": 131072, "dense_hidden": 21504,
            "mamba_heads": 128, "mamba_head_dim": 64, "mamba_groups": 8, "mamba_state": 128,
            "expert_hidden": 7688, "experts": 8, "top_k": 2, "shared": 1, "shared_hidden": 7688, "_o_bias": False,
        },
        kind="gelu",
    ),
}  # fmt: skip
"""Families by `model_type`."""

SAME_AS: Mapping[str, str] = {
    "kimi_k2": "deepseek_v3",
    "kimi_k25": "deepseek_v3",
    "kimi_k3": "kimi_linear",
    "deepseek_ref": "deepseek_v4",
    "qwen3_vl": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
    "mimo": "qwen2",
    "minimax_text_01": "minimax",
    "minimax_m1": "minimax",
    "minimax_m3_vl": "minimax_m3",
    "granitemoeshared": "granitemoe",
    "hunyuan": "hunyuan_v1_moe",
    "grok-1": "grok",
    "grok_1": "grok",
    "step3p5": "step3p7",
    "ministral": "mistral",
    "glm4v_moe": "glm4_moe",
    "ernie4_5_vl_moe": "ernie4_5_moe",
}
"""Values of `model_type` whose files read like another family's."""

UNKNOWN = Family(
    layout=lay.layered(lay.guessed_window, lay.guessed),
    mixers={"full": mix.guessed, "sliding": mix.sliding, "linear": mix.guessed_linear},
    names={"expert_hidden": (*NAMES["expert_hidden"], "intermediate_size")},
)
"""How a file of an unknown family is read."""


def family_of(model_type: str) -> Family | None:
    """The family of a `model_type`, or None when it is not known."""
    name = model_type.removesuffix("_text")
    return FAMILIES.get(SAME_AS.get(name, name))
