"""Counts of a model's parameters, as exact integers."""

from dataclasses import dataclass

from moe_studio.project.model import Attention, FeedForward, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """How many parameters a model has. A matrix shared by embedding and head counts once."""

    total: int
    active: int
    """Those that one token meets: all but the routed experts it is not sent to, and the prediction module."""
    routed: int
    """Those of routed experts, in all layers."""
    embedding: int
    """Those of the input embedding."""


def parameters(model: Model) -> Parameters:
    """Parameters of the whole model, before any sharding or replication."""
    total = model.extra_parameters + head_parameters(model)
    routed = active_routed = 0
    for layer in model.own_layers:
        total += attention_parameters(layer.attention, model.hidden) + 2 * model.hidden
        total += ffn_parameters(layer.ffn, model.hidden)
        expert = expert_parameters(layer.ffn, model.hidden)
        routed += layer.ffn.experts * expert
        active_routed += layer.ffn.top_k * expert if layer.ffn.is_moe else 0
    return Parameters(
        total=total + mtp_parameters(model),
        active=total - routed + active_routed,
        routed=routed,
        embedding=model.vocab * model.hidden,
    )


def mtp_parameters(model: Model) -> int:
    """The prediction module, however often it runs: a layer, its projection of two states, three norms.

    Embedding and head are those of the model (arXiv 2412.19437, section 2.2).
    """
    if not model.mtp:
        return 0
    layer, hidden = model.layers[-1], model.hidden
    own = attention_parameters(layer.attention, hidden) + ffn_parameters(layer.ffn, hidden) + 2 * hidden
    return own + 2 * hidden * hidden + 3 * hidden


def head_parameters(model: Model) -> int:
    """Embedding, final norm and head; nothing when the model has no vocabulary."""
    if not model.vocab:
        return 0
    return model.vocab * model.hidden * (1 if model.tied else 2) + model.hidden


def attention_parameters(attention: Attention, hidden: int) -> int:
    """One attention layer, without the norm before it."""
    side = hidden * attention.side_width + attention.extra_parameters
    if attention.kind == "linear":
        return hidden * (attention.in_width + attention.out_width) + side
    if attention.kind == "mla":
        return _latent_parameters(attention, hidden) + side
    kv_heads = attention.heads if attention.kind == "mha" else attention.kv_heads or attention.heads
    return 2 * hidden * attention.head_dim * (attention.heads + kv_heads) + side


def _latent_parameters(attention: Attention, hidden: int) -> int:
    query = attention.heads * (attention.qk_nope + attention.qk_rope)
    value = attention.heads * attention.v_dim
    q = attention.q_lora * (hidden + query) if attention.q_lora else hidden * query
    kv_a = hidden * (attention.kv_lora + attention.qk_rope)
    kv_b = attention.kv_lora * (attention.heads * attention.qk_nope + value)
    return q + kv_a + kv_b + value * hidden


def expert_parameters(ffn: FeedForward, hidden: int) -> int:
    """One routed expert; 0 for a dense layer."""
    return ffn.matrices * hidden * ffn.hidden + ffn.expert_extra_parameters if ffn.is_moe else 0


def ffn_parameters(ffn: FeedForward, hidden: int) -> int:
    """One feed-forward layer with its router, routed and shared experts, without the norm before it."""
    if not ffn.is_moe:
        return ffn.matrices * hidden * ffn.hidden + ffn.extra_parameters
    shared = ffn.matrices * hidden * ffn.shared_width
    return hidden * ffn.router_out + ffn.experts * expert_parameters(ffn, hidden) + shared + ffn.extra_parameters
