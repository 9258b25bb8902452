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
    queries = 1 if work.phase == "decode" else work.tokens
    rows = ceil(sequences * queries)
    return Sizes(
        sequences=sequences,
        queries=queries,
        rows=rows,
        cached=ceil(sequences * (work.context + work.tokens)),
        head_rows=rows if work.phase == "forward" else ceil(sequences),
        is_decode=work.phase == "decode",
    )


def key_count(project: Project, attention: Attention) -> int:
    """C: key/value tokens that a query sees."""
    work = project.workload
    count = work.context if work.phase == "decode" else work.context + work.tokens
    return min(count, attention.window) if attention.window else count


def causal_share(project: Project, attention: Attention) -> float:
    """Share of the score square that fused causal attention computes; 1 when it computes all.

    The mean over i = 1 … tokens of min(context + i, window), divided by C.
    """
    work = project.workload
    if work.phase == "decode" or project.cost.attention != "fused" or not project.cost.causal:
        return 1.0
    window = attention.window or work.context + work.tokens
    growing = max(0, min(work.tokens, window - work.context))
    seen = growing * work.context + growing * (growing + 1) / 2 + (work.tokens - growing) * window
    return seen / work.tokens / key_count(project, attention)


def shard(size: int, parts: int) -> int:
    """``size`` over ``parts`` GPUs, rounded up."""
    return -(-size // parts)


def head_count(attention: Attention, tp: int) -> tuple[int, int]:
    """h and kv: query and key/value heads on one GPU."""
    heads = shard(attention.heads, tp)
    if attention.kind == "gqa" and attention.kv_heads:
        return heads, max(1, shard(attention.kv_heads, tp))
    return heads, heads
