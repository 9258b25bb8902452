"""Builds the operators of a layer: the table of DESIGN §4, line by line."""

from dataclasses import dataclass

import numpy as np

from moe_studio.graph.column import FloatArray, IntArray, total_by
from moe_studio.graph.layer import LayerBuilder, LayerGraph, LayerPlace
from moe_studio.graph.operator import Sync
from moe_studio.graph.routing import ceiling, reach_uniform, shares, visit_probability
from moe_studio.graph.size import Sizes, causal_share, head_count, key_count, shard, sizes
from moe_studio.graph.stage import Stage, spread
from moe_studio.graph.traffic import Traffic, exchange, ring
from moe_studio.project.instance import Instances
from moe_studio.project.model import DTYPES, Attention, FeedForward
from moe_studio.project.project import Project


def build_layer(project: Project, stage: Stage, place: LayerPlace, instances: Instances | None) -> LayerGraph:
    """The operators of one layer of ``stage`` for one micro-batch."""
    return _Layer(project, stage, place, instances).build()


class _Layer:
    """The sizes and element widths at hand while one layer is built."""

    def __init__(self, project: Project, stage: Stage, place: LayerPlace, instances: Instances | None) -> None:
        model = project.model
        self.project, self.stage, self.place, self.instances = project, stage, place, instances
        self.size: Sizes = sizes(project)
        self.rows, self.hidden = self.size.rows, float(model.hidden)
        self.act, self.weight = model.byte_of("activations"), model.byte_of("weights")
        self.act_dtype, self.weight_dtype = (
            DTYPES.index(model.dtype_of("activations")),
            DTYPES.index(model.dtype_of("weights")),
        )
        self.is_fused = project.cost.attention == "fused"
        self.out = LayerBuilder(stage)

    def build(self) -> LayerGraph:
        model, place = self.project.model, self.place
        if place.is_first and model.vocab:
            self._embedding()
        self._norm("ln1")
        {"mla": self._mla, "linear": self._linear_attention}.get(place.attention.kind, self._plain_attention)(
            place.attention
        )
        self._reduce("attn_reduce", self.rows, self.hidden)
        self._elementwise("res1", 3, self.rows, self.hidden)
        self._norm("ln2")
        (self._moe if place.ffn.is_moe else self._dense)(place.ffn)
        self._elementwise("res2", 3, self.rows, self.hidden)
        if place.has_send:
            self._send()
        if place.is_last and model.vocab:
            self._head()
        return self.out.build(
            place=place,
            size=self.size,
            instances=self.instances,
            extra_weight_byte=self._extra_weight(),
            kv_byte=self._kv_cache(place.attention),
        )

    # Building blocks

    def _matmul(
        self,
        name: str,
        m: float,
        k: float,
        n: float,
        *,
        count: float = 1.0,
        resident: bool = True,
        in_width: float = 0,
        after: str = "",
    ) -> None:
        """A GEMM with weights, on every GPU."""
        byte = count * (m * k * self.act + k * n * self.weight + m * n * self.act)
        self.out.add(
            name,
            after=after,
            m=m,
            k=k,
            n=n,
            count=count,
            flop=2 * m * k * n * count,
            byte=byte,
            launch=1,
            dtype=self.weight_dtype,
            in_rows=m,
            in_width=in_width or k * count,
            out_rows=m,
            out_width=n * count,
            weight_byte=k * n * count * self.weight if resident else 0.0,
            live_byte=count * (m * k + m * n) * self.act,
        )

    def _elementwise(
        self, name: str, passes: float, rows: float, width: float, *, byte: float | None = None, out_width: float = 0
    ) -> None:
        """Work bound by memory that reads or writes a tensor of rows × width ``passes`` times."""
        moved = passes * rows * width * self.act if byte is None else byte
        self.out.add(
            name,
            byte=moved,
            launch=float(moved > 0),
            dtype=self.act_dtype,
            in_rows=rows,
            in_width=width,
            out_rows=rows,
            out_width=out_width or width,
            live_byte=moved,
        )

    def _norm(self, name: str) -> None:
        self._elementwise(name, 2, self.rows, self.hidden)

    def _reduce(self, name: str, rows: float, width: float, *, passes: int = 2, in_width: float = 0) -> None:
        """All-reduce (2 passes) or all-gather (1) over the attention group, where there is one."""
        if self.stage.tp > 1:
            traffic = ring(rows * width * self.act, spread(self.stage.node, self.stage.tp), passes)
            self._communicate(name, traffic, Sync.GROUP, rows, width, in_width=in_width)

    def _communicate(
        self,
        name: str,
        traffic: Traffic,
        sync: Sync,
        rows: float | FloatArray,
        width: float,
        *,
        in_width: float = 0,
        sent: float | FloatArray = 0.0,
    ) -> None:
        self.out.add(
            name,
            sync=sync,
            on_comm=True,
            byte=traffic.payload,
            intra_byte=traffic.intra_byte,
            inter_byte=traffic.inter_byte,
            intra_hop=traffic.intra_hop,
            inter_hop=traffic.inter_hop,
            in_rows=rows,
            in_width=in_width or width,
            out_rows=rows,
            out_width=width,
            live_byte=rows * ((in_width or width) + width) * self.act,
            sent_byte=sent,
        )

    # Attention

    def _plain_attention(self, attention: Attention) -> None:
        heads, kv = head_count(attention, self.stage.tp)
        dim = attention.head_dim
        self._matmul("q", self.rows, self.hidden, heads * dim)
        self._matmul("k", self.rows, self.hidden, kv * dim)
        self._matmul("v", self.rows, self.hidden, kv * dim)
        self._side_projection(attention)
        self._mixing(attention, heads, score_dim=dim, value_dim=dim, kv=kv, value_kv=kv)
        self._matmul("o", self.rows, heads * dim, self.hidden)

    def _linear_attention(self, attention: Attention) -> None:
        tp = self.stage.tp
        width, out_width = shard(attention.in_width, tp), shard(attention.out_width, tp)
        self._matmul("q", self.rows, self.hidden, width)
        self._side_projection(attention)
        # What is projected beside goes into the mixing, which has no operator of its own.
        self._matmul("o", self.rows, out_width, self.hidden, after="side_proj")

    def _side_projection(self, attention: Attention) -> None:
        if attention.side_width:
            self._matmul("side_proj", self.rows, self.hidden, attention.side_width)

    def _mla(self, attention: Attention) -> None:
        heads, _ = head_count(attention, self.stage.tp)
        nope, rope, latent = attention.qk_nope, attention.qk_rope, attention.kv_lora
        if attention.q_lora:
            self._matmul("q_a", self.rows, self.hidden, attention.q_lora)
            self._matmul("q_b", self.rows, attention.q_lora, heads * (nope + rope))
        else:
            self._matmul("q", self.rows, self.hidden, heads * (nope + rope))
        self._matmul("kv_a", self.rows, self.hidden, latent + rope)
        self._side_projection(attention)
        if self.size.is_decode:
            self._matmul("q_absorb", self.rows, nope, latent, count=heads, in_width=heads * (nope + rope))
            value_kv = 0 if self.is_fused else 1
            self._mixing(attention, heads, score_dim=latent + rope, value_dim=latent, kv=1, value_kv=value_kv)
            self._matmul("v_absorb", self.rows, latent, attention.v_dim, count=heads)
        else:
            self._matmul("kv_b", self.size.cached, latent, heads * (nope + attention.v_dim), in_width=latent + rope)
            self._mixing(attention, heads, score_dim=nope + rope, value_dim=attention.v_dim, kv=heads, value_kv=heads)
        self._matmul("o", self.rows, heads * attention.v_dim, self.hidden)

    def _mixing(
        self, attention: Attention, heads: int, *, score_dim: int, value_dim: int, kv: int, value_kv: int
    ) -> None:
        """scores, scale, softmax and av of ``heads`` heads over the cache of every sequence."""
        keys, rows = key_count(self.project, attention), self.rows
        square = 0.0 if self.is_fused else heads * rows * keys
        share = causal_share(self.project, attention)
        cache = self.size.sequences * keys * self.project.model.byte_of("kv_cache")
        seen_width = heads * keys
        for name, k, n, cached, inward, outward in (
            ("scores", score_dim, keys, kv * cache * score_dim, heads * score_dim, seen_width),
            ("av", keys, value_dim, value_kv * cache * value_dim, seen_width, heads * value_dim),
        ):
            moved = (heads * rows * (score_dim if name == "scores" else value_dim) + square) * self.act + cached
            self.out.add(
                name,
                m=rows,
                k=k,
                n=n,
                count=heads,
                flop=2 * rows * k * n * heads * share,
                byte=moved,
                launch=1,
                dtype=self.act_dtype,
                in_rows=rows,
                in_width=inward,
                out_rows=rows,
                out_width=outward,
                live_byte=moved,
            )
        self._elementwise("scale", 2, rows, seen_width, byte=2 * square * self.act)
        self._elementwise("softmax", 2, rows, seen_width, byte=2 * square * self.act)

    # Feed-forward

    def _dense(self, ffn: FeedForward) -> None:
        self._feed_forward("ffn", ffn, shard(ffn.hidden, self.stage.tp))

    def _feed_forward(self, prefix: str, ffn: FeedForward, width: int) -> None:
        """A dense layer, or the shared experts, sharded over the attention group."""
        rows = self.rows
        self._matmul(f"{prefix}_up", rows, self.hidden, width)
        if ffn.kind == "swiglu":
            self._matmul(f"{prefix}_gate_proj", rows, self.hidden, width)
        self._elementwise(f"{prefix}_act", 3 if ffn.kind == "swiglu" else 2, rows, width)
        self._matmul(f"{prefix}_down", rows, width, self.hidden)
        self._reduce(f"{prefix}_reduce", rows, self.hidden)

    def _moe(self, ffn: FeedForward) -> None:
        assert self.instances is not None
        tokens = self.rows * (1 if self.stage.is_local else self.stage.groups)
        hosted = _hosted(self.project, self.stage, self.place, self.instances, tokens)
        self._matmul("gate", self.rows, self.hidden, ffn.router_out)
        choice_byte = self.rows * (ffn.router_out * self.act + 8 * ffn.top_k)
        self._elementwise("route", 1, self.rows, ffn.router_out, byte=choice_byte, out_width=ffn.top_k)
        if ffn.shared:
            self._feed_forward("shared", ffn, shard(ffn.shared_width, self.stage.tp))
        self._experts(ffn, hosted)
        if self.stage.is_local:
            self._local_dispatch(ffn, hosted)
        else:
            self._exchange_dispatch(ffn, hosted)
        self._elementwise("agg", ffn.top_k + 1, self.rows, self.hidden)

    def _experts(self, ffn: FeedForward, hosted: "_Hosted") -> None:
        width, hidden = shard(ffn.hidden, self.stage.etp), self.hidden
        if ffn.kind == "single":
            self._expert_matmul("linear", hosted, hidden, width)
        else:
            self._expert_matmul("up", hosted, hidden, width)
            if ffn.kind == "swiglu":
                self._expert_matmul("gate_proj", hosted, hidden, width)
            passes = 3 if ffn.kind == "swiglu" else 2
            byte = passes * hosted.tokens * width * self.act
            self.out.add(
                "act",
                at=(hosted.lane, hosted.expert),
                byte=byte,
                launch=hosted.is_first * (byte > 0),
                dtype=self.act_dtype,
                in_rows=hosted.tokens,
                in_width=width,
                out_rows=hosted.tokens,
                out_width=width,
                live_byte=byte,
            )
            self._expert_matmul("down", hosted, width, hidden)
        if self.stage.etp > 1 and not (self.stage.is_local and ffn.top_k > 1):
            self._expert_reduce(ffn, hosted)

    def _expert_matmul(self, name: str, hosted: "_Hosted", k: float, n: float) -> None:
        model, tokens = self.project.model, hosted.tokens
        weight = k * n * model.byte_of("experts")
        self.out.add(
            name,
            at=(hosted.lane, hosted.expert),
            m=tokens,
            k=k,
            n=n,
            count=1,
            flop=2 * tokens * k * n,
            byte=(tokens * k + tokens * n) * self.act + weight * hosted.touched,
            launch=hosted.is_first,
            dtype=DTYPES.index(model.dtype_of("experts")),
            in_rows=tokens,
            in_width=k,
            out_rows=tokens,
            out_width=n,
            weight_byte=weight,
            live_byte=(tokens * k + tokens * n) * self.act,
        )

    def _expert_reduce(self, ffn: FeedForward, hosted: "_Hosted") -> None:
        passes = 1 if ffn.kind == "single" else 2
        shape = tuple(column[hosted.lane] for column in spread(self.stage.node, self.stage.etp))
        traffic = ring(hosted.tokens * self.hidden * self.act, shape, passes)
        width = shard(ffn.hidden, self.stage.etp) if ffn.kind == "single" else self.hidden
        self.out.add(
            "expert_reduce",
            at=(hosted.lane, hosted.expert),
            sync=Sync.SLOT,
            on_comm=True,
            byte=traffic.payload,
            intra_byte=traffic.intra_byte,
            inter_byte=traffic.inter_byte,
            intra_hop=traffic.intra_hop * hosted.is_first,
            inter_hop=traffic.inter_hop * hosted.is_first,
            in_rows=hosted.tokens,
            in_width=width,
            out_rows=hosted.tokens,
            out_width=self.hidden,
            live_byte=hosted.tokens * (width + self.hidden) * self.act,
        )

    # Dispatch and combine

    def _local_dispatch(self, ffn: FeedForward, hosted: "_Hosted") -> None:
        """Every GPU has all tokens: gather them in memory, and sum or gather the results."""
        gathered = total_by(hosted.lane, hosted.tokens, self.stage.lanes)
        byte = 2 * gathered * self.hidden * self.act
        self.out.add(
            "dispatch",
            byte=byte,
            launch=(byte > 0).astype(float),
            dtype=self.act_dtype,
            in_rows=self.rows,
            in_width=ffn.top_k,
            out_rows=gathered,
            out_width=self.hidden,
            live_byte=byte,
        )
        width, payload = self.stage.width, self.rows * self.hidden * self.project.model.byte_of("combine")
        is_free = width == 1 or (ffn.top_k == 1 and self.stage.etp == width)
        passes = 2 if ffn.top_k > 1 else 1
        traffic = ring(0.0 if is_free else payload, spread(self.stage.node, width), 0 if is_free else passes)
        self._communicate("combine", traffic, Sync.STAGE, self.rows, self.hidden, sent=0.0 if is_free else payload)

    def _exchange_dispatch(self, ffn: FeedForward, hosted: "_Hosted") -> None:
        """Attention groups hold different tokens: exchange them, and send the results back."""
        model, stage = self.project.model, self.stage
        share = self.rows * hosted.reach * self.hidden / stage.tp
        there = exchange(share * model.byte_of("dispatch"), stage, is_return=False)
        back = exchange(share * model.byte_of("combine") / stage.etp, stage, is_return=True)
        rows, hidden, sync = self.rows, self.hidden, Sync.STAGE
        self._communicate("dispatch", there, sync, rows, hidden, in_width=ffn.top_k, sent=there.payload)
        self._communicate("combine", back, sync, rows, hidden, sent=back.payload)
        self._reduce("combine_gather", self.rows, self.hidden, passes=1)

    # Ends of stages and of the model

    def _send(self) -> None:
        stage, payload = self.stage, self.rows * self.hidden * self.act
        target = stage.gpu + stage.width
        node_of_gpu = np.array(self.project.cluster.node_of_gpu())
        is_inside = (node_of_gpu[target] == stage.node).astype(float)
        traffic = Traffic(
            payload=np.full(stage.lanes, payload),
            intra_byte=payload * is_inside,
            inter_byte=payload * (1 - is_inside),
            intra_hop=is_inside,
            inter_hop=1 - is_inside,
        )
        self._communicate("send", traffic, Sync.NONE, self.rows, self.hidden)

    def _embedding(self) -> None:
        self._elementwise("embed", 2, self.rows, self.hidden)
        self._reduce("embed_reduce", self.rows, self.hidden)

    def _head(self) -> None:
        rows, vocab = self.size.head_rows, self.project.model.vocab
        self._elementwise("final_ln", 2, rows, self.hidden)
        is_copy = self.project.model.tied and self.stage.count == 1
        part = shard(vocab, self.stage.tp)
        self._matmul("lm_head", rows, self.hidden, part, resident=not is_copy)
        self._reduce("logits_gather", rows, vocab, passes=1, in_width=part)
        self._elementwise("sample", 1, rows, vocab)

    # Memory that is not an operator's

    def _extra_weight(self) -> FloatArray:
        """Norms, embedding, biases and the like, bytes per lane."""
        model, place, tp = self.project.model, self.place, self.stage.tp
        shared = 2 * model.hidden + (place.attention.extra_parameters + place.ffn.extra_parameters) / tp
        if place.is_first and model.vocab:
            shared += shard(model.vocab, tp) * model.hidden
        if place.is_last and model.vocab:
            shared += model.hidden
        byte = np.full(self.stage.lanes, shared * self.weight)
        if self.instances is not None and place.ffn.expert_extra_parameters:
            lane, _ = expert_rows(self.stage, self.instances)
            each = place.ffn.expert_extra_parameters / self.stage.etp * model.byte_of("experts")
            byte += np.bincount(lane, minlength=self.stage.lanes) * each
        return byte

    def _kv_cache(self, attention: Attention) -> FloatArray:
        """Key/value cache of one micro-batch, bytes per lane."""
        if attention.kind == "linear":
            return np.zeros(self.stage.lanes)
        tokens = key_count(self.project, attention) * self.size.sequences
        _, kv = head_count(attention, self.stage.tp)
        width = attention.kv_lora + attention.qk_rope if attention.kind == "mla" else 2 * kv * attention.head_dim
        return np.full(self.stage.lanes, width * tokens * self.project.model.byte_of("kv_cache"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hosted:
    """Expert rows by (lane, expert), and per lane the probability that a token needs it.

    ``tokens`` t, ``touched`` probability that the weights are read, ``is_first`` the row that pays
    for the launch of its lane's grouped kernel; ``reach`` has shape (lanes,).
    """

    lane: IntArray
    expert: IntArray
    tokens: FloatArray
    touched: FloatArray
    is_first: FloatArray
    reach: FloatArray


def expert_rows(stage: Stage, instances: Instances) -> tuple[IntArray, IntArray]:
    """Lane and expert of every expert row: one for each GPU of each instance's slot."""
    first = instances.replica * stage.width + instances.slot * stage.etp
    lane = (first[:, None] + np.arange(stage.etp)).ravel()
    expert = np.repeat(instances.expert, stage.etp)
    order = np.lexsort((expert, lane))
    return lane[order], expert[order]


def _hosted(project: Project, stage: Stage, place: LayerPlace, instances: Instances, tokens: float) -> _Hosted:
    ffn = place.ffn
    is_uniform = project.workload.routing.kind == "uniform"
    if is_uniform:
        visit = np.full(ffn.experts, ffn.top_k / ffn.experts)
    else:
        visit = visit_probability(shares(project, place.load), ffn.top_k)
    copies = np.bincount(instances.replica * ffn.experts + instances.expert, minlength=stage.dp * ffn.experts)
    is_single = np.repeat(copies.reshape(stage.dp, -1).max(axis=1) <= 1, stage.width) & is_uniform
    lane, expert = expert_rows(stage, instances)
    per_instance = visit[expert] / copies[lane // stage.width * ffn.experts + expert]
    reach = reach_uniform(np.bincount(lane, minlength=stage.lanes).astype(float), ffn.experts, ffn.top_k)
    if not is_single.all():
        missed = np.zeros(stage.lanes)
        with np.errstate(divide="ignore"):
            np.add.at(missed, lane, np.log1p(-np.minimum(per_instance, 1.0)))
        reach = np.where(is_single, reach, -np.expm1(missed))
    with np.errstate(divide="ignore"):
        touched = -np.expm1(tokens * np.log1p(-np.minimum(per_instance, 1.0)))
    is_first = np.ones(len(lane))
    is_first[1:] = lane[1:] != lane[:-1]
    return _Hosted(
        lane=lane,
        expert=expert,
        tokens=ceiling(tokens * per_instance),
        touched=touched,
        is_first=is_first,
        reach=reach,
    )
