"""Sizes that every operator of a stage shares: the symbols of DESIGN §4."""

from dataclasses import dataclass

from moe_studio.graph.routing import ceil
from moe_studio.project.model import Attention
from moe_studio.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Per micro-batch and attention group.

    ``sequences`` b (may be fractional), ``queries`` S, ``rows`` R = ⌈b·S⌉, ``cached`` tokens that
    a key/value projection of the latent expands, ``head_rows`` rows that need logits.
    """

    sequences: float
    queries: int
    rows: float
    cached: float
    head_rows: float
    is_decode: bool


def sizes(project: Project) -> Sizes:
    """The sizes of one micro-batch of ``project``."""
    work, parallel = project.workload, project.parallel
    groups = 1 if parallel.attention == "replicated" else project.groups
    sequences = work.batch / (parallel.dp * work.micro_batches * groups)
    rows = ceil(sequences * work.new_tokens)
    return Sizes(
        sequences=sequences,
        queries=work.new_tokens,
        rows=rows,
        cached=ceil(sequences * (work.context + work.tokens)),
        head_rows=ceil(sequences) if work.phase == "prefill" else rows,
        is_decode=work.is_decode,
    )


def key_count(project: Project, attention: Attention) -> int:
    """C: key/value tokens that a query sees."""
    count = project.workload.seen_tokens
    return min(count, attention.window) if attention.window else count


def causal_share(project: Project, attention: Attention) -> float:
    """Share of the score square that fused causal attention computes; 1 when it computes all.

    The mean over the new tokens i = 1, 2, … of min(tokens before them + i, window), divided by C.
    """
    work = project.workload
    if work.is_decode or project.cost.attention != "fused" or not project.cost.causal:
        return 1.0
    new, past = work.new_tokens, work.past_tokens
    window = attention.window or past + new
    growing = max(0, min(new, window - past))
    seen = growing * past + growing * (growing + 1) / 2 + (new - growing) * window
    return seen / new / key_count(project, attention)


def shard(size: int, parts: int) -> int:
    """``size`` over ``parts`` GPUs, rounded up."""
    return -(-size // parts)


def head_count(attention: Attention, tp: int) -> tuple[int, int]:
    """h and kv: query and key/value heads on one GPU."""
    heads = shard(attention.heads, tp)
    if attention.kind == "gqa" and attention.kv_heads:
        return heads, max(1, shard(attention.kv_heads, tp))
    return heads, heads
