"""The attention of one layer, or what stands in its place, as a family's config.json describes it."""

from collections.abc import Callable
from dataclasses import replace

from moe_studio.project.model import MAX_PARAMETERS, Attention
from moe_studio.storage.hf.reader import Config

Mixer = Callable[[Config], Attention]

RECURRENT = "{} is priced by its projections; its recurrence and its state have no cost of their own."
INDEXER = "The sparse indexer is priced by its projections; attention to what it picks is priced as full attention."


def full(config: Config) -> Attention:
    """Softmax attention over all tokens."""
    heads = config.integer("heads", low=1)
    return _softmax(config, heads, config.integer("kv_heads", heads, low=1))


def sliding(config: Config) -> Attention:
    """Softmax attention over a window."""
    return replace(full(config), window=_window(config))


def sliding_with_sinks(config: Config) -> Attention:
    """A window, own numbers of heads, and a learned sink per head (MiMo-V2)."""
    heads = config.integer("swa_num_attention_heads", config.integer("heads", low=1), low=1)
    kv_heads = config.integer("swa_num_key_value_heads", config.integer("kv_heads", heads, low=1), low=1)
    attention = _softmax(config, heads, kv_heads)
    sinks = heads if config.flag("add_swa_attention_sink_bias", True) else 0
    return replace(attention, window=_window(config), extra_parameters=attention.extra_parameters + sinks)


def sliding_otherwise(config: Config) -> Attention:
    """A window, and numbers of heads from a section of their own (Step-3.5)."""
    heads = config.integer("attention_other_setting.num_attention_heads", config.integer("heads", low=1), low=1)
    usual = config.integer("kv_heads", heads, low=1)
    kv_heads = config.integer("attention_other_setting.num_attention_groups", usual, low=1)
    return replace(_softmax(config, heads, kv_heads), window=_window(config))


def indexed(config: Config) -> Attention:
    """Softmax attention to blocks that an indexer picks (MiniMax-M3)."""
    heads, width = config.integer("index_heads", 1, low=1), config.integer("index_dim", 128, low=1)
    attention = full(config)
    return replace(
        attention,
        side_width=attention.side_width + (heads + 1) * width,
        extra_parameters=attention.extra_parameters + 2 * width,
        unmodelled=INDEXER,
    )


def latent(config: Config) -> Attention:
    """Multi-head latent attention (DeepSeek-V2 and after)."""
    hidden, heads = config.integer("hidden", low=1), config.integer("heads", low=1)
    q_lora, kv_lora = config.integer("q_lora", 0), config.integer("kv_lora", low=1)
    qk_nope, qk_rope = config.integer("qk_nope", low=1), config.integer("qk_rope", 0)
    v_dim = config.integer("v_dim", qk_nope, low=1)
    bias = q_lora + kv_lora + qk_rope + hidden if config.flag("qkv_bias") else 0
    return Attention(
        kind="mla",
        heads=heads,
        q_lora=q_lora,
        kv_lora=kv_lora,
        qk_nope=qk_nope,
        qk_rope=qk_rope,
        v_dim=v_dim,
        side_width=heads * v_dim if config.flag("mla_use_output_gate") else 0,
        extra_parameters=q_lora + kv_lora + bias,
    )


def sparse_latent(config: Config) -> Attention:
    """Latent attention to tokens that an indexer picks (DeepSeek-V3.2, GLM-5)."""
    attention = latent(config)
    hidden = config.integer("hidden", low=1)
    heads, width = config.integer("index_heads", 64, low=1), config.integer("index_dim", 128, low=1)
    queries, rest = divmod(attention.q_lora * heads * width, hidden)
    return replace(
        attention,
        side_width=attention.side_width + width + heads + queries,
        extra_parameters=attention.extra_parameters + rest + 2 * width,
        unmodelled=INDEXER,
    )


def delta_net(config: Config) -> Attention:
    """Gated delta net (Qwen3-Next and Qwen3.5)."""
    value_heads, value_dim = (
        config.integer("linear_num_value_heads", low=1),
        config.integer("linear_value_head_dim", low=1),
    )
    keys = config.integer("linear_num_key_heads", low=1) * config.integer("linear_key_head_dim", low=1)
    values = value_heads * value_dim
    kernel = config.integer("conv_kernel", 4, low=1)
    return _linear(
        config,
        heads=value_heads,
        into=(2 * keys + 2 * values + 2 * value_heads) * config.integer("hidden", low=1),
        out_width=values,
        extra=(2 * keys + values) * kernel + 2 * value_heads + value_dim,
        what="Linear attention",
    )


def kimi_delta(config: Config) -> Attention:
    """Kimi delta attention: a decay per channel."""
    hidden = config.integer("hidden", low=1)
    heads, width = config.integer("delta_heads", low=1), config.integer("delta_dim", low=1)
    inner, kernel = heads * width, config.integer("conv_kernel", 4, low=1)
    through_rank = width * (hidden + inner)
    gate = hidden * inner if config.flag("linear_attn_config.use_full_rank_gate") else through_rank
    return _linear(
        config,
        heads=heads,
        into=hidden * (3 * inner + heads) + through_rank + gate,
        out_width=inner,
        extra=3 * inner * kernel + inner + heads + width,
        what="Linear attention",
    )


def lightning(config: Config) -> Attention:
    """Lightning attention (MiniMax-Text-01)."""
    attention = full(config)
    inner = attention.heads * attention.head_dim
    into = 4 * inner * config.integer("hidden", low=1)
    return _linear(config, heads=attention.heads, into=into, out_width=inner, extra=inner, what="Linear attention")


def mamba(config: Config) -> Attention:
    """Mamba with a selective scan (Jamba)."""
    hidden = config.integer("hidden", low=1)
    inner = hidden * config.integer("mamba_expand", 2, low=1, high=64)
    state, kernel = config.integer("mamba_state", 16, low=1), config.integer("conv_kernel", 4, low=1)
    automatic = config.text("mamba_dt_rank") == "auto"
    rank = -(-hidden // 16) if automatic else config.integer("mamba_dt_rank", -(-hidden // 16), low=1)
    into = hidden * 2 * inner + inner * (rank + 2 * state) + rank * inner
    bias = 2 * inner + hidden if config.flag("mamba_bias") else 0
    kernels = inner * (kernel + (1 if config.flag("mamba_conv_bias", True) else 0))
    extra = bias + kernels + inner + inner * state + inner + rank + 2 * state
    return _linear(config, heads=inner, into=into, out_width=inner, extra=extra, what="Mamba")


def mamba2(config: Config) -> Attention:
    """Mamba 2 with heads (Nemotron-H, Granite hybrids)."""
    hidden = config.integer("hidden", low=1)
    heads = config.integer("mamba_heads", low=1)
    inner = heads * config.integer("mamba_head_dim", max(1, hidden * 2 // heads), low=1)
    mixed = inner + 2 * config.integer("mamba_groups", 1, low=1) * config.integer("mamba_state", 128, low=1)
    kernel = config.integer("conv_kernel", 4, low=1) + (1 if config.flag("mamba_conv_bias", True) else 0)
    in_width = inner + mixed + heads
    bias = in_width + hidden if config.flag("mamba_bias") else 0
    extra = mixed * kernel + 3 * heads + inner + bias
    return _linear(config, heads=heads, into=in_width * hidden, out_width=inner, extra=extra, what="Mamba")


def compressed(rate: str) -> Mixer:
    """DeepSeek-V4's attention: a window, beside it compressed tokens (``csa`` indexed, ``hca`` all, or none)."""

    def mixer(config: Config) -> Attention:
        hidden, heads = config.integer("hidden", low=1), config.integer("heads", low=1)
        width, q_lora = config.integer("head_dim", 512, low=1), config.integer("q_lora", low=1)
        groups, o_lora = config.integer("o_groups", 8, low=1), config.integer("o_lora_rank", 1024, low=1)
        streams = config.integer("hc_mult", 4, low=1, high=1024)
        through = heads * width * (q_lora + o_lora)
        weights, extra = _compressor(config, rate, width, q_lora)
        connection = (2 + streams) * streams
        into = hidden * (q_lora + width) + through + weights
        return replace(
            _linear(
                config,
                heads=heads,
                into=into,
                out_width=groups * o_lora,
                extra=extra + q_lora + width + heads + 2 * (connection + 3),
                what="Compressed attention",
            ),
            side_width=2 * connection * streams,
            unmodelled="Compressed attention is priced by its projections; its scores and its small cache have no cost "
            "of their own.",
        )

    return mixer


def _compressor(config: Config, rate: str, width: int, q_lora: int) -> tuple[int, int]:
    """Weights of a compressor, and its further parameters."""
    hidden = config.integer("hidden", low=1)
    if rate == "hca":
        return 2 * hidden * width, 128 * width + width
    if rate != "csa":
        return 0, 0
    index_heads, index = config.integer("index_heads", 64, low=1), config.integer("index_dim", 128, low=1)
    weights = 4 * hidden * (width + index) + q_lora * index_heads * index + hidden * index_heads
    return weights, 4 * 2 * (width + index) + width + index


def _softmax(config: Config, heads: int, kv_heads: int) -> Attention:
    hidden = config.integer("hidden", low=1)
    if kv_heads > heads:
        config.contradict("num_key_value_heads", f"must be at most num_attention_heads, {heads}, not {kv_heads}.")
        kv_heads = heads
    if config.flag("use_cla"):
        config.warn("Layers share keys and values in truth (use_cla); here each layer has its own.")
    if config.has("share_q_dim"):
        config.warn("Queries pass a narrow layer in truth (share_q_dim); here their projection is one full matrix.")
    key_dim = config.integer("head_dim", max(1, hidden // heads), low=1)
    value_dim = config.integer("v_dim", key_dim, low=1)
    gate = _gate_width(config, heads, value_dim)
    widths = heads * key_dim + kv_heads * (key_dim + value_dim) + (gate if gate > heads else 0)
    extra = widths if config.flag("qkv_bias") else 0
    extra += hidden if config.flag("_o_bias", config.flag("qkv_bias")) else 0
    extra += _qk_norm(config, heads, kv_heads, key_dim)
    extra += heads if config.flag("_sinks") else 0
    return Attention(
        kind="mha" if kv_heads == heads else "gqa",
        heads=heads,
        kv_heads=0 if kv_heads == heads else kv_heads,
        head_dim=_head_dim(config, key_dim, value_dim),
        side_width=gate,
        extra_parameters=extra,
    )


def _head_dim(config: Config, key_dim: int, value_dim: int) -> int:
    if value_dim != key_dim:
        config.warn(
            f"Keys are {key_dim} wide and values {value_dim}; both are taken to have the mean, "
            "which keeps weights, cache and arithmetic."
        )
    return -(-(key_dim + value_dim) // 2)


def _window(config: Config) -> int:
    return config.integer("window", 0, high=1 << 40)


def _linear(config: Config, *, heads: int, into: int, out_width: int, extra: int, what: str) -> Attention:
    """A layer known by its projections: ``into`` weights before its mixing, ``out_width`` columns after it."""
    in_width, rest = divmod(into, config.integer("hidden", low=1))
    return Attention(
        kind="linear",
        heads=heads,
        head_dim=max(1, out_width // heads),
        in_width=in_width,
        out_width=out_width,
        extra_parameters=min(rest + extra, int(MAX_PARAMETERS)),
        unmodelled=RECURRENT.format(what),
    )


def _qk_norm(config: Config, heads: int, kv_heads: int, width: int) -> int:
    kind = config.text("_qk_norm") if config.flag("use_qk_norm", True) else ""
    return {"head": 2 * width, "all": (heads + kv_heads) * width}.get(kind, 0)


def _gate_width(config: Config, heads: int, head_dim: int) -> int:
    kind = config.text("_output_gate") if config.flag("attn_output_gate", True) else ""
    return {"head": heads, "all": heads * head_dim}.get(kind, 0)


def together(mixers: list[Attention], hidden: int) -> Attention:
    """Several mixers in a row as one: the one that attends, and the others as projections beside it."""
    first = min(range(len(mixers)), key=lambda index: (mixers[index].kind == "linear", index))
    result = mixers[first]
    for index, other in enumerate(mixers):
        if index == first:
            continue
        if result.kind == "linear":
            inside, outside = result.in_width + other.in_width, result.out_width + other.out_width
            result = replace(result, in_width=inside, out_width=outside)
        else:
            width = other.in_width + other.out_width if other.kind == "linear" else _width(other)
            result = replace(result, side_width=result.side_width + width)
        result = replace(
            result,
            side_width=result.side_width + other.side_width,
            extra_parameters=result.extra_parameters + other.extra_parameters + hidden,
            unmodelled=result.unmodelled or other.unmodelled,
        )
    return result


def _width(attention: Attention) -> int:
    return 2 * attention.head_dim * (attention.heads + (attention.kv_heads or attention.heads))


def guessed(config: Config) -> Attention:
    """The attention of an unknown family: latent when the file has a rank for it."""
    return latent(config) if config.has("kv_lora") else full(config)


def guessed_linear(config: Config) -> Attention:
    """The linear kind of an unknown family, by the sizes that the file has."""
    if config.has("linear_num_key_heads"):
        return delta_net(config)
    if config.has("mamba_heads"):
        return mamba2(config)
    config.warn("The file has no sizes for its linear layers; they are taken for full attention.")
    return guessed(config)
