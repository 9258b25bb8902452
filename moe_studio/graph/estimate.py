"""How large a graph will be, found without building it."""

from collections import Counter

from moe_studio.project.model import Attention, FeedForward, Layer
from moe_studio.project.project import Project

MAX_OPERATORS = 5_000_000
"""More operators than this are refused before anything is built."""


def operator_estimate(project: Project) -> int:
    """How many operators the graph has; with moves, at most."""
    lanes = project.width * project.parallel.dp
    has_groups = project.parallel.tp > 1
    count = sum(times * _layer(project, layer, lanes) for layer, times in Counter(project.model.layers).items())
    count += lanes * (project.parallel.pp - 1)  # send
    passes = project.model.mtp
    count += lanes * 2 * passes  # mtp_norm mtp_proj
    if project.model.vocab:
        count += lanes * (4 + 2 * has_groups) * (1 + passes)  # embed … sample
    return count * project.workload.micro_batches


def _layer(project: Project, layer: Layer, lanes: int) -> int:
    ffn, has_groups = layer.ffn, project.parallel.tp > 1
    per_gpu = 4 + _attention(project, layer.attention) + has_groups  # ln1 res1 ln2 res2 attn_reduce
    if not ffn.is_moe:
        return lanes * (per_gpu + ffn.matrices + 1 + has_groups)
    per_gpu += 5 + (has_groups and not project.is_local)  # gate route dispatch combine agg, combine_gather
    if ffn.shared:
        per_gpu += ffn.matrices + 1 + has_groups
    return lanes * per_gpu + _instances(project, ffn) * _per_instance(project, ffn)


def _attention(project: Project, attention: Attention) -> int:
    side = int(attention.side_width > 0)
    if attention.kind == "linear":
        return 2 + side  # q o
    if attention.kind != "mla":
        return 8 + side  # q k v scores scale softmax av o
    projections = 2 + bool(attention.q_lora)  # q or q_a q_b, kv_a
    return projections + (2 if project.workload.phase == "decode" else 1) + 5 + side  # q_absorb v_absorb, or kv_b


def _per_instance(project: Project, ffn: FeedForward) -> int:
    has_reduce = project.parallel.etp > 1 and not (project.is_local and ffn.top_k > 1)
    return ffn.matrices + (ffn.kind != "single") + has_reduce


def _instances(project: Project, ffn: FeedForward) -> int:
    """Expert instances times the GPUs of a slot, in all replicas; the most that any move could make of it."""
    parallel, placement = project.parallel, project.placement
    copies = 0 if placement.policy == "explicit" else project.slots // parallel.ep
    slots = dict.fromkeys(range(ffn.experts), copies)
    for move in placement.moves:
        if move.expert in slots:
            slots[move.expert] = max(slots[move.expert], len(move.slots))
    further = placement.redundant * (project.slots // parallel.ep) if ffn.is_moe else 0
    return (sum(slots.values()) + further) * parallel.etp * parallel.dp
