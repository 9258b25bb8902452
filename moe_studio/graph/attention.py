"""The operators of attention: projections, scores over the cache, and what is made of them (DESIGN §4)."""

from moe_studio.graph.maker import OperatorMaker
from moe_studio.graph.size import causal_share, head_count, key_count, shard
from moe_studio.project.model import Attention


def add_attention(make: OperatorMaker, attention: Attention) -> None:
    """Everything between the norm before attention and the sum over the attention group."""
    {"mla": _latent, "linear": _linear}.get(attention.kind, _plain)(make, attention)


def _plain(make: OperatorMaker, attention: Attention) -> None:
    heads, kv = head_count(attention, make.stage.tp)
    dim = attention.head_dim
    make.matmul("q", make.rows, make.hidden, heads * dim)
    make.matmul("k", make.rows, make.hidden, kv * dim)
    make.matmul("v", make.rows, make.hidden, kv * dim)
    _side(make, attention)
    _mixing(make, attention, heads, score_dim=dim, value_dim=dim, kv=kv, value_kv=kv)
    make.matmul("o", make.rows, heads * dim, make.hidden)


def _linear(make: OperatorMaker, attention: Attention) -> None:
    tp = make.stage.tp
    width, out_width = shard(attention.in_width, tp), shard(attention.out_width, tp)
    make.matmul("q", make.rows, make.hidden, width)
    _side(make, attention)
    # What is projected beside goes into the mixing, which has no operator of its own.
    make.matmul("o", make.rows, out_width, make.hidden, takes=("q", "side_proj"))


def _side(make: OperatorMaker, attention: Attention) -> None:
    if attention.side_width:
        make.matmul("side_proj", make.rows, make.hidden, attention.side_width)


def _latent(make: OperatorMaker, attention: Attention) -> None:
    heads, _ = head_count(attention, make.stage.tp)
    nope, rope, latent = attention.qk_nope, attention.qk_rope, attention.kv_lora
    if attention.q_lora:
        make.matmul("q_a", make.rows, make.hidden, attention.q_lora)
        make.matmul("q_b", make.rows, attention.q_lora, heads * (nope + rope))
    else:
        make.matmul("q", make.rows, make.hidden, heads * (nope + rope))
    make.matmul("kv_a", make.rows, make.hidden, latent + rope)
    _side(make, attention)
    if make.size.is_decode:
        make.matmul("q_absorb", make.rows, nope, latent, count=heads, in_width=heads * (nope + rope))
        value_kv = 0 if make.is_fused else 1
        _mixing(make, attention, heads, score_dim=latent + rope, value_dim=latent, kv=1, value_kv=value_kv)
        make.matmul("v_absorb", make.rows, latent, attention.v_dim, count=heads)
    else:
        make.matmul("kv_b", make.size.cached, latent, heads * (nope + attention.v_dim), in_width=latent + rope)
        _mixing(make, attention, heads, score_dim=nope + rope, value_dim=attention.v_dim, kv=heads, value_kv=heads)
    make.matmul("o", make.rows, heads * attention.v_dim, make.hidden)


def _mixing(
    make: OperatorMaker, attention: Attention, heads: int, *, score_dim: int, value_dim: int, kv: int, value_kv: int
) -> None:
    """scores, scale, softmax and av of ``heads`` heads over the cache of every sequence."""
    keys, rows = key_count(make.project, attention), make.rows
    square = 0.0 if make.is_fused else heads * rows * keys
    share = causal_share(make.project, attention)
    cache = make.size.sequences * keys * make.project.model.byte_of("kv_cache")
    seen_width = heads * keys
    for name, k, n, cached, inward, outward in (
        ("scores", score_dim, keys, kv * cache * score_dim, heads * score_dim, seen_width),
        ("av", keys, value_dim, value_kv * cache * value_dim, seen_width, heads * value_dim),
    ):
        moved = (heads * rows * (score_dim if name == "scores" else value_dim) + square) * make.act + cached
        make.out.add(
            name,
            m=rows,
            k=k,
            n=n,
            count=heads,
            flop=2 * rows * k * n * heads * share,
            byte=moved,
            launch=1,
            dtype=make.act_dtype,
            in_rows=rows,
            in_width=inward,
            out_rows=rows,
            out_width=outward,
            live_byte=moved,
        )
    make.elementwise("scale", 2, rows, seen_width, byte=2 * square * make.act)
    make.elementwise("softmax", 2, rows, seen_width, byte=2 * square * make.act)
