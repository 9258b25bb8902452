"""The operators of feed-forward layers: dense, shared and routed experts, dispatch and combine (DESIGN §4)."""

from moe_studio.graph.column import total_by
from moe_studio.graph.hosted import Hosted, hosted_experts
from moe_studio.graph.maker import OperatorMaker
from moe_studio.graph.operator import Sync
from moe_studio.graph.size import shard
from moe_studio.graph.traffic import exchange, ring
from moe_studio.project.model import DTYPES, FeedForward


def add_dense(make: OperatorMaker, ffn: FeedForward) -> None:
    """A dense layer, sharded over the attention group."""
    _feed_forward(make, "ffn", ffn, shard(ffn.hidden, make.stage.tp))


def _feed_forward(make: OperatorMaker, prefix: str, ffn: FeedForward, width: int) -> None:
    """A dense layer, or the shared experts, sharded over the attention group."""
    rows = make.rows
    make.matmul(f"{prefix}_up", rows, make.hidden, width)
    if ffn.kind == "swiglu":
        make.matmul(f"{prefix}_gate_proj", rows, make.hidden, width)
    make.elementwise(f"{prefix}_act", 3 if ffn.kind == "swiglu" else 2, rows, width)
    make.matmul(f"{prefix}_down", rows, width, make.hidden)
    make.reduce(f"{prefix}_reduce", rows, make.hidden)


def add_experts(make: OperatorMaker, ffn: FeedForward) -> None:
    """Router, dispatch, shared and routed experts, combine, and the sum of all."""
    assert make.instances is not None
    tokens = make.rows * (1 if make.stage.is_local else make.stage.groups)
    hosted = hosted_experts(make.project, make.stage, make.place, make.instances, tokens)
    make.matmul("gate", make.rows, make.hidden, ffn.router_out)
    choice_byte = make.rows * (ffn.router_out * make.act + 8 * ffn.top_k)
    make.elementwise("route", 1, make.rows, ffn.router_out, byte=choice_byte, out_width=ffn.top_k)
    if ffn.shared:
        _feed_forward(make, "shared", ffn, shard(ffn.shared_width, make.stage.tp))
    _instances(make, ffn, hosted)
    if make.stage.is_local:
        _local_exchange(make, ffn, hosted)
    else:
        _exchange(make, ffn, hosted)
    make.elementwise("agg", ffn.top_k + 1, make.rows, make.hidden)


def _instances(make: OperatorMaker, ffn: FeedForward, hosted: Hosted) -> None:
    width, hidden = shard(ffn.hidden, make.stage.etp), make.hidden
    if ffn.kind == "single":
        _expert_matmul(make, "linear", hosted, hidden, width)
    else:
        _expert_matmul(make, "up", hosted, hidden, width)
        if ffn.kind == "swiglu":
            _expert_matmul(make, "gate_proj", hosted, hidden, width)
        passes = 3 if ffn.kind == "swiglu" else 2
        byte = passes * hosted.tokens * width * make.act
        make.out.add(
            "act",
            at=(hosted.lane, hosted.expert),
            byte=byte,
            launch=hosted.is_first * (byte > 0),
            dtype=make.act_dtype,
            in_rows=hosted.tokens,
            in_width=width,
            out_rows=hosted.tokens,
            out_width=width,
            live_byte=byte,
        )
        _expert_matmul(make, "down", hosted, width, hidden)
    if make.stage.etp > 1 and not (make.stage.is_local and ffn.top_k > 1):
        _expert_reduce(make, ffn, hosted)


def _expert_matmul(make: OperatorMaker, name: str, hosted: Hosted, k: float, n: float) -> None:
    model, tokens = make.project.model, hosted.tokens
    weight = k * n * model.byte_of("experts")
    make.out.add(
        name,
        at=(hosted.lane, hosted.expert),
        m=tokens,
        k=k,
        n=n,
        count=1,
        flop=2 * tokens * k * n,
        byte=(tokens * k + tokens * n) * make.act + weight * hosted.touched,
        launch=hosted.is_first,
        dtype=DTYPES.index(model.dtype_of("experts")),
        in_rows=tokens,
        in_width=k,
        out_rows=tokens,
        out_width=n,
        weight_byte=weight,
        live_byte=(tokens * k + tokens * n) * make.act,
    )


def _expert_reduce(make: OperatorMaker, ffn: FeedForward, hosted: Hosted) -> None:
    passes = 1 if ffn.kind == "single" else 2
    payload = hosted.tokens * make.hidden * make.act
    traffic = ring(payload, make.stage, make.stage.etp, passes, hosted.lane)
    width = shard(ffn.hidden, make.stage.etp) if ffn.kind == "single" else make.hidden
    make.out.add(
        "expert_reduce",
        at=(hosted.lane, hosted.expert),
        sync=Sync.SLOT,
        on_comm=True,
        byte=traffic.payload,
        intra_byte=traffic.intra_byte,
        inter_byte=traffic.inter_byte,
        spine_byte=traffic.spine_byte,
        intra_hop=traffic.intra_hop * hosted.is_first,
        inter_hop=traffic.inter_hop * hosted.is_first,
        spine_hop=traffic.spine_hop * hosted.is_first,
        in_rows=hosted.tokens,
        in_width=width,
        out_rows=hosted.tokens,
        out_width=make.hidden,
        live_byte=hosted.tokens * (width + make.hidden) * make.act,
    )


def _local_exchange(make: OperatorMaker, ffn: FeedForward, hosted: Hosted) -> None:
    """Every GPU has all tokens: gather them in memory, and sum or gather the results."""
    gathered = total_by(hosted.lane, hosted.tokens, make.stage.lanes)
    byte = 2 * gathered * make.hidden * make.act
    make.out.add(
        "dispatch",
        byte=byte,
        launch=(byte > 0).astype(float),
        dtype=make.act_dtype,
        in_rows=make.rows,
        in_width=ffn.top_k,
        out_rows=gathered,
        out_width=make.hidden,
        live_byte=byte,
    )
    width, payload = make.stage.width, make.rows * make.hidden * make.project.model.byte_of("combine")
    is_free = width == 1 or (ffn.top_k == 1 and make.stage.etp == width)
    passes = 2 if ffn.top_k > 1 else 1
    traffic = ring(0.0 if is_free else payload, make.stage, width, 0 if is_free else passes)
    make.communicate("combine", traffic, Sync.STAGE, make.rows, make.hidden, sent=0.0 if is_free else payload)


def _exchange(make: OperatorMaker, ffn: FeedForward, hosted: Hosted) -> None:
    """Attention groups hold different tokens: exchange them, and send the results back."""
    model, stage = make.project.model, make.stage
    share = make.rows * hosted.reach * make.hidden / stage.tp
    there = exchange(share * model.byte_of("dispatch"), stage, is_return=False)
    back = exchange(share * model.byte_of("combine") / stage.etp, stage, is_return=True)
    rows, hidden, sync = make.rows, make.hidden, Sync.STAGE
    make.communicate("dispatch", there, sync, rows, hidden, in_width=ffn.top_k, sent=there.payload)
    make.communicate("combine", back, sync, rows, hidden, sent=back.payload)
    make.reduce("combine_gather", make.rows, make.hidden, passes=1)
