"""The arithmetic that the model itself needs: each token once, nothing replicated or padded."""

from collections import Counter

from moe_studio.graph.size import causal_share, key_count
from moe_studio.project.model import Attention, Layer
from moe_studio.project.parameter import attention_parameters, expert_parameters, ffn_parameters
from moe_studio.project.project import Project


def matmul_parameters(layer: Layer, hidden: int) -> int:
    """Parameters of one layer that a token is multiplied with: those of the experts it visits, no biases or norms."""
    attention, ffn = layer.attention, layer.ffn
    count = attention_parameters(attention, hidden) - attention.extra_parameters
    count += ffn_parameters(ffn, hidden) - ffn.extra_parameters
    if ffn.is_moe:
        count -= (ffn.experts - ffn.top_k) * expert_parameters(ffn, hidden) + ffn.top_k * ffn.expert_extra_parameters
    return count


def model_flop(project: Project) -> float:
    """Floating-point operations of the whole workload: 2 per active parameter and token, and attention."""
    model, work = project.model, project.workload
    # Of verified tokens only those count that hold; of prompts only what is computed.
    tokens = work.batch * (work.gained_tokens if work.is_decode else work.new_tokens)
    flop = 0.0
    # By identity: layers are few objects, and counting equal ones apart gives the same sum.
    counts = Counter(map(id, model.own_layers))
    for layer in {id(layer): layer for layer in model.own_layers}.values():
        count = counts[id(layer)]
        parameters = matmul_parameters(layer, model.hidden)
        flop += count * tokens * (2 * parameters + _attention_flop(project, layer.attention))
    rows = work.batch if work.phase == "prefill" else tokens
    return flop + 2 * rows * model.hidden * model.vocab


def _attention_flop(project: Project, attention: Attention) -> float:
    """Scores and weighted values of one token in one layer, as they are computed."""
    if attention.kind == "linear":
        return 0.0
    width = 2 * attention.head_dim
    if attention.kind == "mla" and project.workload.is_decode:
        width = 2 * attention.kv_lora + attention.qk_rope
    elif attention.kind == "mla":
        width = attention.qk_nope + attention.qk_rope + attention.v_dim
    return 2 * attention.heads * key_count(project, attention) * width * causal_share(project, attention)
