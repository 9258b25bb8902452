"""The arithmetic that the model itself needs: each token once, nothing replicated or padded."""

from moe_studio.graph.size import causal_share, key_count
from moe_studio.project.model import Attention, FeedForward
from moe_studio.project.project import Project


def attention_parameters(attention: Attention, hidden: int) -> int:
    """Parameters of the projections of one attention layer."""
    heads, dim = attention.heads, attention.head_dim
    side = hidden * attention.side_width
    if attention.kind == "linear":
        return hidden * (attention.in_width + attention.out_width) + side
    if attention.kind == "mla":
        inner = attention.qk_nope + attention.qk_rope
        query = (hidden + heads * inner) * attention.q_lora if attention.q_lora else hidden * heads * inner
        latent = hidden * (attention.kv_lora + attention.qk_rope)
        expand = attention.kv_lora * heads * (attention.qk_nope + attention.v_dim)
        return query + latent + expand + heads * attention.v_dim * hidden + side
    kv_heads = attention.kv_heads if attention.kind == "gqa" and attention.kv_heads else heads
    return 2 * hidden * dim * (heads + kv_heads) + side


def active_parameters(ffn: FeedForward, hidden: int) -> int:
    """Matrix parameters of a feed-forward layer that one token meets."""
    width = (ffn.top_k if ffn.is_moe else 1) * ffn.hidden + ffn.shared_width
    return ffn.matrices * hidden * width + (hidden * ffn.router_out if ffn.is_moe else 0)


def model_flop(project: Project) -> float:
    """Floating-point operations of the whole workload: 2 per active parameter and token, and attention."""
    model, work = project.model, project.workload
    tokens = work.batch * (1 if work.phase == "decode" else work.tokens)
    flop = 0.0
    for layer in dict.fromkeys(model.layers):
        count = sum(item is layer for item in model.layers)
        parameters = attention_parameters(layer.attention, model.hidden) + active_parameters(layer.ffn, model.hidden)
        flop += count * tokens * (2 * parameters + _attention_flop(project, layer.attention))
    rows = tokens if work.phase == "forward" else work.batch
    return flop + 2 * rows * model.hidden * model.vocab


def _attention_flop(project: Project, attention: Attention) -> float:
    """Scores and weighted values of one token in one layer, as they are computed."""
    if attention.kind == "linear":
        return 0.0
    width = 2 * attention.head_dim
    if attention.kind == "mla" and project.workload.phase == "decode":
        width = 2 * attention.kv_lora + attention.qk_rope
    elif attention.kind == "mla":
        width = attention.qk_nope + attention.qk_rope + attention.v_dim
    return 2 * attention.heads * key_count(project, attention) * width * causal_share(project, attention)
