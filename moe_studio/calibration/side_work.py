"""Work beside the operators of a design that serving engines cannot do without, in bytes moved.

Each is part of an operator's time: the rotation of positions and the write into the cache of ``scale``, which fused
attention leaves empty; packing and unpacking of DeepEP's low-latency kernels, which occupy SMs while the bytes in
flight occupy none (README of deepseek-ai/DeepEP, hooks), of the operators before and after.
"""

from moe_studio.graph.column import FloatArray
from moe_studio.graph.layer import LayerGraph
from moe_studio.graph.size import head_count
from moe_studio.project.project import Project


def has_packing(body: LayerGraph) -> bool:
    """Whether tokens go to their experts by low-latency kernels."""
    return body.size.is_decode and body.instances is not None and not body.stage.is_local


def rotation_byte(project: Project, body: LayerGraph) -> float:
    """What rotating queries and keys and writing the cache move; before prefill on the latent, also whole keys."""
    attention, rows, act = body.place.attention, body.size.rows, project.model.byte_of("activations")
    heads, kv = head_count(attention, body.stage.tp)
    stored = act + project.model.byte_of("kv_cache")
    if attention.kind != "mla":
        turned = 2 * rows * (heads + kv) * attention.head_dim * act
        return turned + rows * 2 * kv * attention.head_dim * stored
    byte = 2 * rows * heads * attention.qk_rope * act + rows * (attention.kv_lora + attention.qk_rope) * stored
    if body.size.is_decode:
        return byte
    # Every head's key is its own part beside the rotated one that all heads share.
    return byte + body.size.cached * heads * (2 * attention.qk_nope + attention.qk_rope) * act


def token_byte(project: Project, body: LayerGraph, name: str) -> float:
    """What a GPU moves for its own tokens: packing before ``dispatch``, adding up after ``combine``.

    Of a token, one row is read and one written for each of its experts, or the other way round.
    """
    model, top_k = project.model, body.place.ffn.top_k
    row, copy = ("activations", "dispatch") if name == "dispatch" else ("combine", "combine")
    return body.size.rows / body.stage.tp * model.hidden * (model.byte_of(row) + top_k * model.byte_of(copy))


def expert_byte(project: Project, rows: FloatArray, name: str) -> FloatArray:
    """What GPUs move for the ``rows`` of their experts: unpacking after ``dispatch``, packing before ``combine``."""
    return rows * project.model.hidden * 2 * project.model.byte_of(name)
