"""Memory that is no operator's: norms, embedding, biases, the cache of keys and values."""

import numpy as np

from moe_studio.graph.column import FloatArray
from moe_studio.graph.hosted import expert_rows
from moe_studio.graph.maker import OperatorMaker
from moe_studio.graph.size import head_count, key_count, shard
from moe_studio.project.model import Attention


def extra_weight_byte(make: OperatorMaker) -> FloatArray:
    """Norms, embedding, biases and the like, bytes per lane."""
    model, place, tp = make.project.model, make.place, make.stage.tp
    shared = 2 * model.hidden + (place.attention.extra_parameters + place.ffn.extra_parameters) / tp
    if place.is_first and model.vocab:
        shared += shard(model.vocab, tp) * model.hidden
    if place.is_last and model.vocab:
        shared += model.hidden
    if place.is_mtp:
        # Norms of state and embedding, and the one before the head where that is not counted yet.
        shared += model.hidden * (2 if model.vocab else 3)
    byte = np.full(make.stage.lanes, shared * make.weight)
    if make.instances is not None and place.ffn.expert_extra_parameters:
        lane, _ = expert_rows(make.stage, make.instances)
        each = place.ffn.expert_extra_parameters / make.stage.etp * model.byte_of("experts")
        byte += np.bincount(lane, minlength=make.stage.lanes) * each
    return byte


def kv_byte(make: OperatorMaker, attention: Attention) -> FloatArray:
    """Key/value cache of one micro-batch in whole blocks (arXiv 2309.06180, section 4.1), bytes per lane."""
    if attention.kind == "linear":
        return np.zeros(make.stage.lanes)
    block = make.project.memory.block_tokens
    tokens = shard(key_count(make.project, attention), block) * block * make.size.sequences
    _, kv = head_count(attention, make.stage.tp)
    width = attention.kv_lora + attention.qk_rope if attention.kind == "mla" else 2 * kv * attention.head_dim
    return np.full(make.stage.lanes, width * tokens * make.project.model.byte_of("kv_cache"))
