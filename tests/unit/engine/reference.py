"""The engine's independent reference: the same words and formulas as plain, slow, scalar Python.

Nothing of ``moe_studio.graph`` or ``moe_studio.engine`` is used here. Every operator is an object, every
time is found by following edges one by one, and networkx finds the longest paths.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np

from moe_studio.project.cluster import Device, Link
from moe_studio.project.design import Routing, layer_ranges
from moe_studio.project.model import Attention, FeedForward
from moe_studio.project.project import Project

PROGRAM_ORDER = """
    embed embed_reduce mtp_norm mtp_proj ln1 q q_a q_b k kv_a kv_b v side_proj q_absorb scores scale softmax av v_absorb
    o attn_reduce
    res1 ln2 gate route dispatch shared_up shared_gate_proj shared_act shared_down shared_reduce up gate_proj act
    linear down expert_reduce combine combine_gather agg ffn_up ffn_gate_proj ffn_act ffn_down ffn_reduce res2 send
    final_ln lm_head logits_gather sample
"""
PROGRAM = PROGRAM_ORDER.split()
COMMUNICATION = {"combine", "send", "combine_gather", "logits_gather"}
BEFORE_ATTENTION_ENDS = PROGRAM[PROGRAM.index("ln1") : PROGRAM.index("attn_reduce") + 1]
EXPERT_PHASE = PROGRAM[PROGRAM.index("up") : PROGRAM.index("combine_gather") + 1]
HEAD = ("final_ln", "lm_head", "logits_gather", "sample")
LAST_STEP = 1 << 40


@dataclass(kw_only=True)
class Operator:
    """One operator: what it is, where it runs, what it costs and what it waits for."""

    name: str
    kind: str
    layer: int
    micro_batch: int
    expert: int
    gpu: int
    node: int
    stage: int
    replica: int
    stream: str
    m: int = 0
    k: int = 0
    n: int = 0
    count: int = 0
    byte: float = 0.0
    held_byte: float = 0.0
    duration_s: float = 0.0
    inputs: list[str] = field(default_factory=list)
    collective: str = ""


@dataclass(frozen=True)
class Spot:
    """A layer of one micro-batch on one GPU."""

    layer: int
    micro_batch: int
    replica: int
    stage: int
    position: int
    gpu: int


@dataclass(kw_only=True)
class Schedule:
    """When every operator starts, how long it could be put off, and how long it all takes."""

    graph: nx.DiGraph
    start_s: dict[str, float]
    slack_s: dict[str, float]
    makespan_s: float
    path: list[str]


def ceiling(value: float) -> int:
    """``value`` rounded up; a value within a relative 1e-12 of an integer is that integer."""
    nearest = round(value)
    return nearest if abs(value - nearest) <= 1e-12 * abs(value) else math.ceil(value)


def divided(value: int, parts: int) -> int:
    """``value / parts`` rounded up, on integers."""
    return -(-value // parts)


def of_module(project: Project, layer: int) -> int:
    """Every pass of the prediction module is a pass of its one layer, the first after the model's own."""
    first = project.model.layer_count - project.model.mtp
    return first if layer > first else layer


def balanced_slots(load: Sequence[float], places: list[list[int]], redundant: int, slots: int) -> list[list[int]]:
    """Places for one instance of each expert and ``redundant`` more; ``places`` are those that experts have already.

    Of equal loads the first of each place goes first, then the second of each: nobody's experts alone are copied.
    """
    experts, wanted = len(load), [1] * len(load)
    order = [
        (sum(places[x] == places[expert] for x in range(expert) if places[x]), expert) for expert in range(experts)
    ]
    order.sort()
    for _ in range(min(redundant, experts * (slots - 1))):
        best = -1
        for _, expert in order:
            if wanted[expert] == slots:
                continue
            if best < 0 or load[expert] / wanted[expert] > load[best] / wanted[best]:
                best = expert
        wanted[best] += 1
    each = [load[expert] / wanted[expert] for expert in range(experts)]
    waiting = [(-each[x], turn, x) for turn, x in order for _ in range(wanted[x] - len(places[x]))]
    waiting.sort()
    room = math.ceil(sum(wanted) / slots)
    for *_, expert in waiting:
        inside = {slot: [x for x in range(experts) for place in places[x] if place == slot] for slot in range(slots)}
        allowed = [slot for slot in range(slots) if expert not in inside[slot]]
        allowed = [slot for slot in allowed if len(inside[slot]) < room] or allowed
        work = {slot: math.fsum(each[x] for x in inside[slot]) for slot in allowed}
        least = min(work.values())
        places[expert].append(min(slot for slot in allowed if work[slot] <= least * (1 + 1e-12)))
    return places


def slots_by_load(project: Project, layer: int) -> list[tuple[int, ...]]:
    """The slots of every expert when the placement looks at loads, before moves."""
    experts, ep = project.model.layers[layer].ffn.experts, project.parallel.ep
    places: list[list[int]] = [[] for _ in range(experts)]
    if project.placement.policy != "balanced":
        is_contiguous = project.placement.policy == "contiguous"
        places = [[expert * ep // experts if is_contiguous else expert % ep] for expert in range(experts)]
    # What differs in the last bits alone is the same load.
    load = [float(f"{chance:.11e}") for chance in expert_probabilities(project, layer)]
    found = balanced_slots(load, places, project.placement.redundant, ep)
    copies = range(project.width // (ep * project.parallel.etp))
    return [tuple(slot + copy * ep for copy in copies for slot in sorted(own)) for own in found]


def slots_of(project: Project, layer: int, replica: int) -> list[tuple[int, ...]]:
    """The slots of every expert of a layer; an expert without a place has none."""
    experts, ep, etp = project.model.layers[layer].ffn.experts, project.parallel.ep, project.parallel.etp
    layer = of_module(project, layer)
    copies = project.width // (ep * etp)
    table: list[tuple[int, ...]] = []
    placement = project.placement
    if placement.policy == "balanced" or placement.redundant:
        table = slots_by_load(project, layer)
    for expert in range(experts) if not table else ():
        first = {"contiguous": expert * ep // experts, "round-robin": expert % ep, "explicit": None}
        chosen = first[project.placement.policy]
        table.append(() if chosen is None else tuple(chosen + copy * ep for copy in range(copies)))
    for move in project.placement.moves:
        layers = layer_ranges(move.layers)
        here = not layers or any(low <= layer <= high for low, high in layers)
        if here and move.expert < experts and move.replica in (None, replica):
            table[move.expert] = tuple(move.slots)
    return table


def load_shares(project: Project, layer: int) -> list[float]:
    """The share of a layer's load that each of its experts gets."""
    routing: Routing = project.workload.routing
    experts = project.model.layers[layer].ffn.experts
    layer = of_module(project, layer)
    if routing.kind == "uniform":
        return [1 / experts] * experts
    weights = [0.0] * experts
    if routing.kind == "zipf":
        order = np.random.default_rng((routing.seed, layer)).permutation(experts)
        for rank, expert in enumerate(order):
            weights[int(expert)] = (rank + 1.0) ** -routing.skew
    else:
        own = [item.ffn.is_moe for item in project.model.layers][: project.model.layer_count - project.model.mtp]
        known = min(layer, len(own) - 1)
        row = known if len(routing.counts) == len(own) else sum(own[:known])
        weights = [float(count) for count in routing.counts[row]]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def expert_probabilities(project: Project, layer: int) -> list[float]:
    """q of every expert: the probability that a token goes there; they sum to top_k."""
    ffn = project.model.layers[layer].ffn
    if project.workload.routing.kind == "uniform":
        return [ffn.top_k / ffn.experts] * ffn.experts
    shares = load_shares(project, layer)

    def chosen(factor: float) -> list[float]:
        return [min(1.0, factor * share) for share in shares]

    low, high = 0.0, 1.0
    while math.fsum(chosen(high)) < ffn.top_k * (1 - 1e-15):
        low, high = high, 2 * high
    while high - low > 1e-15 * high:
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if math.fsum(chosen(middle)) < ffn.top_k else (low, middle)
    return chosen(high)


def touched_at_all(chance: float, tokens: int) -> float:
    """1 − (1 − chance)^tokens, without losing a small chance to rounding."""
    return 1.0 if chance >= 1 else -math.expm1(tokens * math.log1p(-chance))


@lru_cache(maxsize=256)
def mean_visible(tokens: int, context: int, window: int) -> float:
    """How many keys a new token sees on average when it sees none after itself."""
    limit = window or math.inf
    return math.fsum(min(context + index, limit) for index in range(1, tokens + 1)) / tokens


class Reference:
    """The operators of a project, their times, and everything that follows from them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.operators: dict[str, Operator] = {}
        self.collectives: dict[str, list[str]] = defaultdict(list)
        self.tokens: dict[int, list[float]] = {}
        self.buffers: dict[tuple[int, int], dict[str, float]] = defaultdict(dict)
        self.node_of = [index for index, node in enumerate(project.cluster.nodes) for _ in range(node.gpus)]
        for replica in range(project.parallel.dp):
            for micro_batch in range(project.workload.micro_batches):
                self._flow(replica, micro_batch)

    # Sizes, with the letters of the design.

    @property
    def b(self) -> float:
        """Sequences per attention group, stage and micro-batch."""
        parallel, workload = self.project.parallel, self.project.workload
        groups = self.project.width // parallel.tp if parallel.attention == "data" else 1
        return workload.batch / (parallel.dp * workload.micro_batches * groups)

    @property
    def is_decode(self) -> bool:
        """Whether each sequence gets one new token."""
        return self.project.workload.phase == "decode"

    @property
    def cached_tokens(self) -> int:
        """Tokens of a prompt that are in the cache already."""
        work = self.project.workload
        if work.phase != "prefill":
            return 0
        return min(math.floor(Fraction(work.cached_share).limit_denominator(10**6) * work.tokens), work.tokens - 1)

    @property
    def new_tokens(self) -> int:
        """S: query tokens per sequence."""
        work = self.project.workload
        return work.draft_tokens + 1 if self.is_decode else work.tokens - self.cached_tokens

    @property
    def step_gain(self) -> float:
        """Tokens by which a step brings a sequence forward: the sum over i of the chance that i drafts hold."""
        work = self.project.workload
        if not self.is_decode:
            return work.tokens
        gain, chance = 1.0, 1.0
        for _ in range(work.draft_tokens):
            chance *= work.acceptance
            gain += chance
        return gain

    @property
    def rows(self) -> int:
        """R."""
        return ceiling(self.b * self.new_tokens)

    @property
    def hidden(self) -> int:
        """H."""
        return self.project.model.hidden

    def keys(self, attention: Attention) -> int:
        """C: key and value tokens of a sequence."""
        workload = self.project.workload
        keys = workload.context if self.is_decode else workload.context + workload.tokens
        return min(keys, attention.window) if attention.window else keys

    def heads(self, attention: Attention) -> tuple[int, int]:
        """h and kv."""
        tp = self.project.parallel.tp
        h = divided(attention.heads, tp)
        kv = divided(attention.kv_heads or attention.heads, tp) if attention.kind == "gqa" else h
        return h, max(1, kv)

    def byte_of(self, part: str) -> float:
        """Bytes per element of a part that `dtypes` can name."""
        return self.project.model.byte_of(part)

    @property
    def is_local(self) -> bool:
        """Whether every GPU of a stage holds every token already."""
        return self.project.parallel.attention == "replicated" or self.project.width == self.project.parallel.tp

    # Costs of the fixed provider.

    def _device(self, gpu: int) -> Device:
        return self.project.cluster.device(self.project.cluster.nodes[self.node_of[gpu]].device)

    @property
    def launch_s(self) -> float:
        """What starting a kernel costs."""
        return self.project.cost.launch_us * 1e-6

    def peak_s(self, gpu: int, part: str) -> float:
        """The reachable arithmetic rate of a GPU for a part's data type."""
        return self._device(gpu).peak_flop_s(self.project.model.dtype_of(part)) * self.project.cost.compute

    def stream_s(self, gpu: int, byte: float) -> float:
        """How long a GPU's memory takes to move some bytes."""
        return byte / (self._device(gpu).memory_tb_s * 1e12 * self.project.cost.memory)

    def tiers(self, source: int, target: int) -> list[Link]:
        """The tiers of the network on the way between two GPUs."""
        links, nodes = self.project.cluster.links, self.project.cluster.nodes
        if self.node_of[source] == self.node_of[target]:
            return [links.intra]
        racks = {nodes[self.node_of[gpu]].name.rpartition("/")[0] for gpu in (source, target)}
        if links.rack is None:
            return [links.inter]
        return [links.rack] if len(racks) == 1 and "" not in racks else [links.rack, links.inter]

    @staticmethod
    def slowest(tiers: Sequence[Link]) -> tuple[float, float]:
        """Bytes per second and seconds of latency of the slowest of some tiers."""
        rate = min(link.gb_s / link.oversubscription for link in tiers)
        return rate * 1e9, max(link.latency_us for link in tiers) * 1e-6

    def all_reduce_s(self, members: Sequence[int], byte: float, alpha: float = 1.0) -> float:
        """All-reduce of ``byte`` over GPUs."""
        sizes = [0] * len(self.project.cluster.nodes)
        for gpu in members:
            sizes[self.node_of[gpu]] += 1
        used = [size for size in sizes if size]
        n, g, s = len(used), max(used), min(used)
        near_s, near_alpha_s = self.slowest([self.project.cluster.links.intra])
        far = [
            link for a in members for b in members if self.node_of[a] != self.node_of[b] for link in self.tiers(a, b)
        ]
        far_s, far_alpha_s = self.slowest(far) if far else (1.0, 0.0)
        seconds = 2 * (g - 1) / g * byte / near_s + 2 * (n - 1) / n * (byte / s) / far_s
        return seconds + alpha * (2 * (g - 1) * near_alpha_s + 2 * (n - 1) * far_alpha_s)

    def all_to_all_s(self, gpu: int, sent: Mapping[int, float], received: Mapping[int, float]) -> float:
        """All-to-all at one GPU: what it sends to and receives from each other GPU."""
        worst_s = alpha_s = 0.0
        links = self.project.cluster.links
        for link in (links.intra, links.rack, links.inter):
            out = sum(byte for to, byte in sent.items() if any(link is tier for tier in self.tiers(gpu, to)))
            come = sum(byte for of, byte in received.items() if any(link is tier for tier in self.tiers(gpu, of)))
            if link is not None and (out or come):
                rate, alpha = self.slowest([link])
                worst_s, alpha_s = max(worst_s, max(out, come) / rate), max(alpha_s, alpha)
        return worst_s + alpha_s

    # Operators.

    def _spot(self, replica: int, stage: int, position: int, layer: int, micro_batch: int) -> Spot:
        gpu = (replica * self.project.parallel.pp + stage) * self.project.width + position
        return Spot(layer, micro_batch, replica, stage, position, gpu)

    def _add(self, spot: Spot, kind: str, inputs: Iterable[str], *, expert: int = -1, **work: Any) -> str:
        name = f"l{spot.layer}_{kind}" + (f"_e{expert}" if expert >= 0 else "") + f"_g{spot.gpu}"
        if self.project.workload.micro_batches > 1:
            name += f"_m{spot.micro_batch}"
        assert name not in self.operators
        talks = kind in COMMUNICATION or kind.endswith("_reduce") or (kind == "dispatch" and not self.is_local)
        self.operators[name] = Operator(
            name=name,
            kind=kind,
            layer=spot.layer,
            micro_batch=spot.micro_batch,
            expert=expert,
            gpu=spot.gpu,
            node=self.node_of[spot.gpu],
            stage=spot.stage,
            replica=spot.replica,
            stream="communication" if talks and self.project.cost.overlap else "compute",
            inputs=[name for name in inputs if name],
            **work,
        )
        return name

    def _multiply(
        self,
        spot: Spot,
        kind: str,
        shape: tuple[int, int, int],
        inputs: Iterable[str],
        *,
        count: int = 1,
        byte: float | None = None,
        part: str = "weights",
        touched: float = 1.0,
        flop_share: float = 1.0,
        expert: int = -1,
        launches: bool = True,
    ) -> str:
        m, k, n = shape
        a, w = self.byte_of("activations"), self.byte_of(part)
        moved = count * (m * k * a + touched * k * n * w + m * n * a) if byte is None else byte
        arithmetic_s = 2 * m * k * n * count * flop_share / self.peak_s(spot.gpu, part)
        seconds = max(arithmetic_s, self.stream_s(spot.gpu, moved)) + (self.launch_s if launches else 0)
        held = count * m * (k + n) * a if byte is None else byte
        return self._add(
            spot,
            kind,
            inputs,
            expert=expert,
            m=m,
            k=k,
            n=n,
            count=count,
            byte=moved,
            held_byte=held,
            duration_s=seconds,
        )

    def _move(
        self, spot: Spot, kind: str, byte: float, inputs: Iterable[str], *, expert: int = -1, launches: bool = True
    ) -> str:
        seconds = self.stream_s(spot.gpu, byte) + (self.launch_s if launches else 0) if byte else 0.0
        return self._add(spot, kind, inputs, expert=expert, byte=byte, held_byte=byte, duration_s=seconds)

    def _together(
        self,
        spots: Sequence[Spot],
        kind: str,
        seconds: Sequence[float],
        inputs: Sequence[Iterable[str]],
        *,
        held_byte: float,
        expert: int = -1,
    ) -> list[str]:
        """A collective: it starts on all its members at once and lasts as long as its slowest."""
        names = [
            self._add(spot, kind, waits, expert=expert, duration_s=max(seconds), held_byte=held_byte)
            for spot, waits in zip(spots, inputs, strict=True)
        ]
        for name in names:
            self.operators[name].collective = "together " + names[0]
            self.collectives["together " + names[0]].append(name)
        return names

    def _reduce_in_groups(
        self, spots: Sequence[Spot], kind: str, byte: float, inputs: Sequence[str], *, gathered: float = 0.0
    ) -> list[str]:
        """An all-reduce, or an all-gather of ``gathered`` bytes from each GPU; nothing when tp is 1."""
        tp = self.project.parallel.tp
        if tp == 1:
            return list(inputs)
        names: list[str] = []
        for first in range(0, len(spots), tp):
            group = spots[first : first + tp]
            seconds = self.all_reduce_s([spot.gpu for spot in group], byte) / (2 if gathered else 1)
            held = (gathered or byte) + byte
            waits = [[name] for name in inputs[first : first + tp]]
            names += self._together(group, kind, [seconds] * tp, waits, held_byte=held)
        return names

    def _flow(self, replica: int, micro_batch: int) -> None:
        """One micro-batch through all stages of one replica."""
        project = self.project
        residual = [""] * project.width
        for stage, layers in enumerate(project.stage_layers()):
            for layer in layers:
                spots = [self._spot(replica, stage, p, layer, micro_batch) for p in range(project.width)]
                own = project.model.layer_count - project.model.mtp
                if layer >= own:
                    residual = self._prediction(spots, residual)
                elif layer == 0 and project.model.vocab:
                    residual = self._embedding(spots, residual)
                residual = self._layer(spots, residual)
                if layer >= own - 1 and project.model.vocab:
                    residual = self._head(spots, residual)
            if stage + 1 < project.parallel.pp:
                residual = [self._send(spot, name) for spot, name in zip(spots, residual, strict=True)]

    def _embedding(self, spots: Sequence[Spot], before: Sequence[str]) -> list[str]:
        row_byte = self.rows * self.hidden * self.byte_of("activations")
        names = [self._move(spot, "embed", 2 * row_byte, [name]) for spot, name in zip(spots, before, strict=True)]
        return self._reduce_in_groups(spots, "embed_reduce", row_byte, names)

    def _prediction(self, spots: Sequence[Spot], before: Sequence[str]) -> list[str]:
        """State and embedding of the last token, each normalised, side by side into one projection."""
        row_byte = self.rows * self.hidden * self.byte_of("activations")
        inputs = [[name] for name in before]
        if self.project.model.vocab:
            embedded = self._embedding(spots, before)
            inputs = [[name, old] for name, old in zip(embedded, before, strict=True)]
        norms = [self._move(spot, "mtp_norm", 4 * row_byte, names) for spot, names in zip(spots, inputs, strict=True)]
        shape = (self.rows, 2 * self.hidden, self.hidden)
        return [self._multiply(spot, "mtp_proj", shape, [name]) for spot, name in zip(spots, norms, strict=True)]

    def _send(self, spot: Spot, name: str) -> str:
        rate, alpha_s = self.slowest(self.tiers(spot.gpu, spot.gpu + self.project.width))
        byte = self.rows * self.hidden * self.byte_of("activations")
        return self._add(spot, "send", [name], held_byte=2 * byte, duration_s=byte / rate + alpha_s)

    def _head(self, spots: Sequence[Spot], residual: Sequence[str]) -> list[str]:
        model, a = self.project.model, self.byte_of("activations")
        rows = ceiling(self.b) if self.project.workload.phase == "prefill" else self.rows
        norms = [
            self._move(spot, "final_ln", 2 * rows * self.hidden * a, [name])
            for spot, name in zip(spots, residual, strict=True)
        ]
        shape = (rows, self.hidden, divided(model.vocab, self.project.parallel.tp))
        logits = [self._multiply(spot, "lm_head", shape, [name]) for spot, name in zip(spots, norms, strict=True)]
        part_byte = rows * shape[2] * a
        logits = self._reduce_in_groups(spots, "logits_gather", rows * model.vocab * a, logits, gathered=part_byte)
        return [
            self._move(spot, "sample", rows * model.vocab * a, [name]) for spot, name in zip(spots, logits, strict=True)
        ]

    def _layer(self, spots: Sequence[Spot], residual: Sequence[str]) -> list[str]:
        layer = self.project.model.layers[spots[0].layer]
        row_byte = self.rows * self.hidden * self.byte_of("activations")
        ln1 = [self._move(spot, "ln1", 2 * row_byte, [name]) for spot, name in zip(spots, residual, strict=True)]
        mixed = [self._attention(spot, layer.attention, name) for spot, name in zip(spots, ln1, strict=True)]
        mixed = self._reduce_in_groups(spots, "attn_reduce", row_byte, mixed)
        res1 = [
            self._move(spot, "res1", 3 * row_byte, [name, old])
            for spot, name, old in zip(spots, mixed, residual, strict=True)
        ]
        ln2 = [self._move(spot, "ln2", 2 * row_byte, [name]) for spot, name in zip(spots, res1, strict=True)]
        if layer.ffn.is_moe:
            fed = self._experts(spots, layer.ffn, ln2)
        else:
            fed = self._dense(spots, layer.ffn, layer.ffn.hidden, "ffn", ln2)
        return [
            self._move(spot, "res2", 3 * row_byte, [name, old])
            for spot, name, old in zip(spots, fed, res1, strict=True)
        ]

    # Attention.

    def _attention(self, spot: Spot, attention: Attention, ln1: str) -> str:
        side = []
        if attention.side_width:
            side.append(self._multiply(spot, "side_proj", (self.rows, self.hidden, attention.side_width), [ln1]))
        if attention.kind == "linear":
            tp = self.project.parallel.tp
            q = self._multiply(spot, "q", (self.rows, self.hidden, divided(attention.in_width, tp)), [ln1])
            return self._multiply(spot, "o", (self.rows, divided(attention.out_width, tp), self.hidden), [q, *side])
        if attention.kind == "mla":
            return self._latent_attention(spot, attention, ln1, side)
        (h, kv), d, rows = self.heads(attention), attention.head_dim, self.rows
        q = self._multiply(spot, "q", (rows, self.hidden, h * d), [ln1])
        k = self._multiply(spot, "k", (rows, self.hidden, kv * d), [ln1])
        v = self._multiply(spot, "v", (rows, self.hidden, kv * d), [ln1])
        mixed = self._mix(spot, attention, [q, k, *side], [v], widths=(d, d), cache_heads=(kv, kv))
        return self._multiply(spot, "o", (rows, h * d, self.hidden), [mixed])

    def _latent_attention(self, spot: Spot, attention: Attention, ln1: str, side: list[str]) -> str:
        h, _ = self.heads(attention)
        rows, hidden, lora, nope = self.rows, self.hidden, attention.kv_lora, attention.qk_nope
        width = nope + attention.qk_rope
        if attention.q_lora:
            q_a = self._multiply(spot, "q_a", (rows, hidden, attention.q_lora), [ln1])
            q = self._multiply(spot, "q_b", (rows, attention.q_lora, h * width), [q_a])
        else:
            q = self._multiply(spot, "q", (rows, hidden, h * width), [ln1])
        kv_a = self._multiply(spot, "kv_a", (rows, hidden, lora + attention.qk_rope), [ln1])
        if self.is_decode:
            q = self._multiply(spot, "q_absorb", (rows, nope, lora), [q], count=h)
            reread = 0 if self.project.cost.attention == "fused" else 1
            widths = (lora + attention.qk_rope, lora)
            mixed = self._mix(spot, attention, [q, kv_a, *side], [kv_a], widths=widths, cache_heads=(1, reread))
            mixed = self._multiply(spot, "v_absorb", (rows, lora, attention.v_dim), [mixed], count=h)
        else:
            cached = ceiling(self.b * (self.project.workload.context + self.project.workload.tokens))
            kv_b = self._multiply(spot, "kv_b", (cached, lora, h * (nope + attention.v_dim)), [kv_a])
            widths = (width, attention.v_dim)
            mixed = self._mix(spot, attention, [q, kv_b, *side], [kv_b], widths=widths, cache_heads=(h, h))
        return self._multiply(spot, "o", (rows, h * attention.v_dim, hidden), [mixed])

    def _mix(
        self,
        spot: Spot,
        attention: Attention,
        queries: list[str],
        values: list[str],
        *,
        widths: tuple[int, int],
        cache_heads: tuple[int, int],
    ) -> str:
        """Scores, scale, softmax, av; returns the last."""
        h, _ = self.heads(attention)
        rows, keys, a = self.rows, self.keys(attention), self.byte_of("activations")
        square = 0 if self.project.cost.attention == "fused" else h * rows * keys * a
        share = self.visible_share(attention)

        def moved(width: int, heads: int) -> float:
            return h * rows * width * a + heads * self.b * keys * width * self.byte_of("kv_cache") + square

        work: dict[str, Any] = {"count": h, "part": "activations", "flop_share": share}
        scores = self._multiply(
            spot, "scores", (rows, widths[0], keys), queries, byte=moved(widths[0], cache_heads[0]), **work
        )
        scale = self._move(spot, "scale", 2 * square, [scores])
        softmax = self._move(spot, "softmax", 2 * square, [scale])
        return self._multiply(
            spot, "av", (rows, keys, widths[1]), [softmax, *values], byte=moved(widths[1], cache_heads[1]), **work
        )

    def visible_share(self, attention: Attention) -> float:
        """Which share of the score matrix is computed."""
        cost, workload = self.project.cost, self.project.workload
        if cost.attention != "fused" or not cost.causal or self.is_decode:
            return 1.0
        before = workload.context + self.cached_tokens
        return mean_visible(self.new_tokens, before, attention.window) / self.keys(attention)

    # Feed-forward.

    def _dense(
        self, spots: Sequence[Spot], ffn: FeedForward, width: int, prefix: str, inputs: Sequence[str]
    ) -> list[str]:
        rows, hidden, part = self.rows, self.hidden, divided(width, self.project.parallel.tp)
        a = self.byte_of("activations")
        names = []
        for spot, name in zip(spots, inputs, strict=True):
            up = [self._multiply(spot, f"{prefix}_up", (rows, hidden, part), [name])]
            if ffn.kind == "swiglu":
                up.append(self._multiply(spot, f"{prefix}_gate_proj", (rows, hidden, part), [name]))
            act = self._move(spot, f"{prefix}_act", (len(up) + 1) * rows * part * a, up)
            names.append(self._multiply(spot, f"{prefix}_down", (rows, part, hidden), [act]))
        return self._reduce_in_groups(spots, f"{prefix}_reduce", rows * hidden * a, names)

    def _experts(self, spots: Sequence[Spot], ffn: FeedForward, ln2: Sequence[str]) -> list[str]:
        rows, hidden, etp, a = self.rows, self.hidden, self.project.parallel.etp, self.byte_of("activations")
        layer, replica = spots[0].layer, spots[0].replica
        router = ffn.router_width or ffn.experts
        gates = [
            self._multiply(spot, "gate", (rows, hidden, router), [name]) for spot, name in zip(spots, ln2, strict=True)
        ]
        routes = [
            self._move(spot, "route", rows * (router * a + 8 * ffn.top_k), [name])
            for spot, name in zip(spots, gates, strict=True)
        ]
        chance = expert_probabilities(self.project, layer)
        slots = slots_of(self.project, layer, replica)
        arriving = rows if self.is_local else rows * (self.project.width // self.project.parallel.tp)
        held = [[expert for expert, places in enumerate(slots) if spot.position // etp in places] for spot in spots]
        visits = self._visits(of_module(self.project, layer), chance, slots, held, arriving)
        load = [{x: ceiling(arriving * own[x]) for x in own} for own in visits]
        if spots[0].micro_batch == 0:
            tokens = self.tokens.setdefault(layer, [])
            tokens += [sum(own.values()) for own in load]
        need = [self._needed(ffn, own, slots) for own in visits]
        dispatch = self._dispatch(spots, need, load, routes)
        finished = self._expert_work(spots, ffn, slots, visits, load, arriving, dispatch)
        combined = self._combine(spots, ffn, need, finished or dispatch)
        waits = [[name] for name in combined]
        if ffn.shared:
            width = ffn.shared * (ffn.shared_hidden or ffn.hidden)
            for waiting, name in zip(waits, self._dense(spots, ffn, width, "shared", ln2), strict=True):
                waiting.append(name)
        byte = rows * (ffn.top_k + 1) * hidden * a
        return [self._move(spot, "agg", byte, names) for spot, names in zip(spots, waits, strict=True)]

    def _visits(
        self,
        layer: int,
        chance: Sequence[float],
        slots: Sequence[tuple[int, ...]],
        held: Sequence[Sequence[int]],
        arriving: int,
    ) -> list[dict[int, float]]:
        """For each GPU the chance that a token visits it for each of its experts; those of one slot may have more."""
        etp, wanted = self.project.parallel.etp, self.project.workload.routing.imbalance
        own = [{x: chance[x] / len(slots[x]) for x in experts} for experts in held[::etp]]
        sums = [math.fsum(visits.values()) for visits in own]
        whole, used = math.fsum(sums), [slot for slot, load in enumerate(sums) if load]
        most = wanted * whole / len(own)
        if self.project.workload.routing.chance and arriving and len(used) > 1:
            # Loads are counts of independent choices, so that their variance is their mean.
            place = (len(used) - 3 / 8) / (len(used) + 1 / 4)
            rows = arriving * max(most, max(sums))
            most += statistics.NormalDist().inv_cdf(place) * math.sqrt(rows) / arriving
        is_uneven = wanted > 1 or self.project.workload.routing.chance
        if is_uneven and len(used) > 1 and max(sums) < most * (1 - 1e-12):
            chosen = used[layer % len(used)]
            more, others = min(most, whole) / sums[chosen], whole - sums[chosen]
            own[chosen] = {x: min(1.0, q * more) for x, q in own[chosen].items()}
            left = whole - math.fsum(own[chosen].values())
            less = left / others if left > 1e-12 * whole else 0.0
            for slot, visits in enumerate(own):
                own[slot] = visits if slot == chosen else {x: q * less for x, q in visits.items()}
        return [visits for visits in own for _ in range(etp)]

    def _needed(self, ffn: FeedForward, here: Mapping[int, float], slots: Sequence[tuple[int, ...]]) -> float:
        """P(g): the probability that a token needs a GPU, which it visits for the experts ``here``."""
        routing = self.project.workload.routing
        is_even = routing.kind == "uniform" and routing.imbalance == 1 and not routing.chance
        if is_even and all(len(places) <= 1 for places in slots):
            missed = Fraction(math.comb(ffn.experts - len(here), ffn.top_k), math.comb(ffn.experts, ffn.top_k))
        else:
            missed = math.prod((1 - Fraction(q) for q in here.values()), start=Fraction(1))
        return float(1 - missed)

    def _others(self, spots: Sequence[Spot], spot: Spot) -> list[int]:
        """Positions in the other attention groups of the stage."""
        tp = self.project.parallel.tp
        return [other.position for other in spots if other.position // tp != spot.position // tp]

    def _exchange(
        self, spots: Sequence[Spot], byte: Sequence[float], *, returns: bool
    ) -> tuple[list[float], list[float]]:
        """Seconds of each GPU, and its bytes: ``byte[p]`` come to p (``returns``: go from p) per other GPU."""
        seconds, whole = [], []
        for spot in spots:
            others = self._others(spots, spot)
            own = {spots[p].gpu: byte[spot.position] for p in others}
            foreign = {spots[p].gpu: byte[p] for p in others}
            sent, received = (own, foreign) if returns else (foreign, own)
            seconds.append(self.all_to_all_s(spot.gpu, sent, received))
            whole.append(sum(own.values()))
        return seconds, whole

    def _tensor_twice(self) -> float:
        """The residual tensor, once as input and once as output; what travels has buffers of its own."""
        return 2 * self.rows * self.hidden * self.byte_of("activations")

    def _dispatch(
        self,
        spots: Sequence[Spot],
        need: Sequence[float],
        load: Sequence[Mapping[int, int]],
        routes: Sequence[str],
    ) -> list[str]:
        hidden = self.hidden
        if self.is_local:
            a = self.byte_of("activations")
            return [
                self._move(spot, "dispatch", 2 * sum(own.values()) * hidden * a, [route])
                for spot, own, route in zip(spots, load, routes, strict=True)
            ]
        each = self.rows * hidden * self.byte_of("dispatch") / self.project.parallel.tp
        seconds, arrived = self._exchange(spots, [p * each for p in need], returns=False)
        for spot, byte in zip(spots, arrived, strict=True):
            self.buffers[spot.gpu, spot.layer]["dispatch"] = byte
        return self._together(spots, "dispatch", seconds, [routes] * len(spots), held_byte=self._tensor_twice())

    def _expert_work(
        self,
        spots: Sequence[Spot],
        ffn: FeedForward,
        slots: Sequence[tuple[int, ...]],
        visits: Sequence[Mapping[int, float]],
        load: Sequence[Mapping[int, int]],
        arriving: int,
        dispatch: Sequence[str],
    ) -> list[str]:
        """Every expert instance of the layer; returns what `combine` waits for."""
        etp, a = self.project.parallel.etp, self.byte_of("activations")
        reduces = etp > 1 and not (self.is_local and ffn.top_k > 1)
        finished: list[str] = []
        for expert, places in enumerate(slots):
            for slot in places:
                members = spots[slot * etp : (slot + 1) * etp]
                tokens, chance = load[slot * etp][expert], visits[slot * etp][expert]
                touched = touched_at_all(chance, arriving)
                first = expert == min(visits[slot * etp])
                done = [
                    self._expert(spot, ffn, expert, tokens, touched, first, dispatch[spot.position]) for spot in members
                ]
                if reduces:
                    byte = tokens * self.hidden * a
                    seconds = self.all_reduce_s([spot.gpu for spot in members], byte, alpha=float(first))
                    brought = byte
                    if ffn.kind == "single":
                        seconds, brought = seconds / 2, tokens * divided(ffn.hidden, etp) * a
                    done = self._together(
                        members,
                        "expert_reduce",
                        [seconds] * etp,
                        [[name] for name in done],
                        held_byte=brought + byte,
                        expert=expert,
                    )
                finished += done
        return finished

    def _expert(
        self, spot: Spot, ffn: FeedForward, expert: int, tokens: int, touched: float, first: bool, dispatch: str
    ) -> str:
        hidden, part = self.hidden, divided(ffn.hidden, self.project.parallel.etp)
        a = self.byte_of("activations")
        work: dict[str, Any] = {"part": "experts", "touched": touched, "expert": expert, "launches": first}
        if ffn.kind == "single":
            return self._multiply(spot, "linear", (tokens, hidden, part), [dispatch], **work)
        up = [self._multiply(spot, "up", (tokens, hidden, part), [dispatch], **work)]
        if ffn.kind == "swiglu":
            up.append(self._multiply(spot, "gate_proj", (tokens, hidden, part), [dispatch], **work))
        act = self._move(spot, "act", (len(up) + 1) * tokens * part * a, up, expert=expert, launches=first)
        return self._multiply(spot, "down", (tokens, part, hidden), [act], **work)

    def _combine(
        self, spots: Sequence[Spot], ffn: FeedForward, need: Sequence[float], finished: Sequence[str]
    ) -> list[str]:
        parallel, width = self.project.parallel, self.project.width
        whole = self.rows * self.hidden * self.byte_of("combine")
        waits = [finished] * width
        if self.is_local:
            seconds = self.all_reduce_s([spot.gpu for spot in spots], whole)
            is_free = width == 1 or (ffn.top_k == 1 and parallel.etp == width)
            seconds = 0.0 if is_free else seconds / 2 if ffn.top_k == 1 else seconds
            for spot in spots:
                self.buffers[spot.gpu, spot.layer]["combine"] = 0.0 if is_free else whole
            return self._together(spots, "combine", [seconds] * width, waits, held_byte=self._tensor_twice())
        each = whole / (parallel.tp * parallel.etp)
        own_s, returned = self._exchange(spots, [p * each for p in need], returns=True)
        for spot, byte in zip(spots, returned, strict=True):
            self.buffers[spot.gpu, spot.layer]["combine"] = byte
        names = self._together(spots, "combine", own_s, waits, held_byte=self._tensor_twice())
        byte = self.rows * self.hidden * self.byte_of("activations")
        return self._reduce_in_groups(spots, "combine_gather", byte, names, gathered=byte / parallel.tp)

    # Graphs and times.

    def program_key(self, operator: Operator) -> tuple[int, ...]:
        """Where an operator stands in the program order of its stream."""
        place = PROGRAM.index(operator.kind)
        if self.project.workload.order == "sequential":
            return (operator.micro_batch, operator.layer, place, operator.expert)
        return (self._step(operator), operator.micro_batch, operator.layer, place, operator.expert)

    def _step(self, operator: Operator) -> int:
        if operator.kind.startswith(("embed", "mtp")):
            return 4 * operator.layer if operator.layer else -1
        if operator.kind in HEAD:
            is_last = operator.layer == self.project.model.layer_count - 1
            return LAST_STEP if is_last else 4 * (operator.layer + 1)
        if operator.kind in ("agg", "res2", "send"):
            return 4 * (operator.layer + 1)
        if operator.kind in EXPERT_PHASE:
            return 4 * operator.layer + 2
        if operator.kind in BEFORE_ATTENTION_ENDS or self.project.parallel.tp == 1:
            return 4 * operator.layer
        return 4 * operator.layer + 1

    def _entry(self, name: str) -> str:
        """The node at which an operator's waiting happens: itself, or its collective's junction."""
        return self.operators[name].collective or name

    @cached_property
    def data_graph(self) -> nx.DiGraph:
        """Operators, junctions, input and output, joined by data edges alone."""
        graph = nx.DiGraph()
        graph.add_node("input", duration_s=0.0)
        graph.add_node("output", duration_s=0.0)
        for name, operator in self.operators.items():
            graph.add_node(name, duration_s=operator.duration_s, operator=operator)
        for junction, members in self.collectives.items():
            graph.add_node(junction, duration_s=0.0)
            for member in members:
                graph.add_edge(junction, member, kind="data")
        for name, operator in self.operators.items():
            for source in operator.inputs or ["input"]:
                graph.add_edge(source, self._entry(name), kind="data")
        used = {source for operator in self.operators.values() for source in operator.inputs}
        for name in self.operators:
            if name not in used:
                graph.add_edge(name, "output", kind="data")
        return graph

    @cached_property
    def schedule_graph(self) -> nx.DiGraph:
        """The data graph and, on every stream, an edge from each operator to the next."""
        graph = self.data_graph.copy()
        streams: dict[tuple[int, str], list[Operator]] = defaultdict(list)
        for operator in self.operators.values():
            streams[operator.gpu, operator.stream].append(operator)
        for operators in streams.values():
            operators.sort(key=self.program_key)
            for one, other in pairwise(operators):
                if not graph.has_edge(one.name, self._entry(other.name)):
                    graph.add_edge(one.name, self._entry(other.name), kind="order")
        return graph

    @cached_property
    def dependency(self) -> Schedule:
        """Times with unlimited streams."""
        return self._times(self.data_graph)

    @cached_property
    def scheduled(self) -> Schedule:
        """Times with one operator at a time on each stream."""
        return self._times(self.schedule_graph)

    def _times(self, graph: nx.DiGraph) -> Schedule:
        duration = dict(graph.nodes(data="duration_s"))
        for source, target in graph.edges:
            graph.edges[source, target]["weight"] = duration[source]
        order = list(nx.topological_sort(graph))
        start: dict[str, float] = {}
        for name in order:
            start[name] = max((start[before] + duration[before] for before in graph.pred[name]), default=0.0)
        path = nx.dag_longest_path(graph, topo_order=order)
        makespan = math.fsum(duration[name] for name in path)
        latest: dict[str, float] = {}
        for name in reversed(order):
            end = min((latest[after] for after in graph.succ[name]), default=makespan)
            latest[name] = end - duration[name]
        for junction, members in self.collectives.items():
            for member in members:
                latest[member] = latest[junction]
        slack = {name: latest[name] - start[name] for name in self.operators}
        return Schedule(graph=graph, start_s=start, slack_s=slack, makespan_s=makespan, path=path)

    @cached_property
    def levels(self) -> dict[str, int]:
        """How many operators can come before each one, at most, along data edges."""
        level: dict[str, int] = {}
        for name in nx.topological_sort(self.data_graph):
            before = [level[one] + (one in self.operators) for one in self.data_graph.pred[name]]
            level[name] = max(before, default=0)
        return level

    # Metrics.

    @property
    def step_tokens(self) -> float:
        """Tokens that one step computes and that hold."""
        gain = self.step_gain if self.is_decode else self.new_tokens
        return self.project.workload.batch * gain

    @cached_property
    def busy_s(self) -> dict[tuple[int, str], float]:
        """Busy time of every stream."""
        busy: dict[tuple[int, str], list[float]] = defaultdict(list)
        for operator in self.operators.values():
            busy[operator.gpu, operator.stream].append(operator.duration_s)
        return {key: math.fsum(times) for key, times in busy.items()}

    @property
    def steady_tokens_per_s(self) -> float:
        """What a full pipeline gives."""
        return self.project.workload.batch * self.step_gain / max(self.busy_s.values())

    @cached_property
    def model_flop(self) -> float:
        """Arithmetic that the model itself needs, each token once."""
        model, workload = self.project.model, self.project.workload
        total = 0.0
        for layer in model.layers[: model.layer_count - model.mtp]:
            total += 2 * self.step_tokens * (self._mixer_weights(layer.attention) + self._ffn_weights(layer.ffn))
            total += self._mixing_flop(layer.attention)
        predicted = workload.batch if workload.phase == "prefill" else self.step_tokens
        return total + 2 * predicted * model.hidden * model.vocab

    def _mixer_weights(self, attention: Attention) -> int:
        hidden, heads = self.hidden, attention.heads
        side = hidden * attention.side_width
        if attention.kind == "linear":
            return hidden * (attention.in_width + attention.out_width) + side
        if attention.kind == "mla":
            width, lora = attention.qk_nope + attention.qk_rope, attention.kv_lora
            q_lora = attention.q_lora
            q = hidden * q_lora + q_lora * heads * width if q_lora else hidden * heads * width
            kv = hidden * (lora + attention.qk_rope) + lora * heads * (attention.qk_nope + attention.v_dim)
            return q + kv + heads * attention.v_dim * hidden + side
        kv_heads = (attention.kv_heads or heads) if attention.kind == "gqa" else heads
        return hidden * attention.head_dim * (2 * heads + 2 * kv_heads) + side

    def _ffn_weights(self, ffn: FeedForward) -> int:
        matrices = {"swiglu": 3, "gelu": 2, "single": 1}[ffn.kind]
        if not ffn.is_moe:
            return matrices * self.hidden * ffn.hidden
        shared = ffn.shared * (ffn.shared_hidden or ffn.hidden)
        router = ffn.router_width or ffn.experts
        return self.hidden * router + matrices * self.hidden * (ffn.top_k * ffn.hidden + shared)

    def _mixing_flop(self, attention: Attention) -> float:
        if attention.kind == "linear":
            return 0.0
        widths = 2 * attention.head_dim
        if attention.kind == "mla":
            widths = attention.qk_nope + attention.qk_rope + attention.v_dim
            if self.is_decode:
                widths = 2 * attention.kv_lora + attention.qk_rope
        square = self.step_tokens * self.keys(attention) * attention.heads
        return 2 * square * widths * self.visible_share(attention)

    @property
    def mfu(self) -> float:
        """Model FLOP over what the cluster could have done in the fastest type that is multiplied in."""
        model = self.project.model
        dtypes = [model.dtype_of("weights"), model.dtype_of("activations")]
        if any(layer.ffn.is_moe for layer in model.layers):
            dtypes.append(model.dtype_of("experts"))
        gpus = range(self.project.cluster.gpu_count)
        peak = math.fsum(max(self._device(gpu).peak_flop_s(dtype) for dtype in dtypes) for gpu in gpus)
        return self.model_flop / (self.scheduled.makespan_s * peak)

    # Memory.

    def weight_byte(self, gpu: int) -> float:
        """The k · n of a GPU's weight GEMMs, once per layer, norms, and the embedding (once when tied)."""
        model, here = self.project.model, [item for item in self.operators.values() if item.gpu == gpu]
        shares_head = model.tied and self.project.parallel.pp == 1
        own = model.layer_count - model.mtp
        total = 0.0
        for item in here:
            # The prediction module is one, however often it runs, and has no embedding and head of its own.
            is_module = item.layer >= own
            if item.micro_batch or item.layer > own or (is_module and item.kind in ("lm_head", "embed")):
                continue
            if item.kind == "mtp_norm":
                total += (2 + (not model.vocab)) * model.hidden * self.byte_of("weights")
            if item.count and item.kind not in ("scores", "av") and not (item.kind == "lm_head" and shares_head):
                part = "experts" if item.kind in ("up", "gate_proj", "down", "linear") else "weights"
                total += item.k * item.n * item.count * self.byte_of(part)
            if item.kind in ("ln1", "ln2", "final_ln"):
                total += model.hidden * self.byte_of("weights")
            if item.kind == "embed":
                total += divided(model.vocab, self.project.parallel.tp) * model.hidden * self.byte_of("weights")
        return total

    def cache_byte(self, gpu: int) -> float:
        """Key/value cache on a GPU."""
        stage = gpu // self.project.width % self.project.parallel.pp
        total = 0.0
        block = self.project.memory.block_tokens
        for layer in self.project.stage_layers()[stage]:
            attention = self.project.model.layers[layer].attention
            if attention.kind == "linear" or layer > self.project.model.layer_count - self.project.model.mtp:
                continue
            width = 2 * self.heads(attention)[1] * attention.head_dim
            if attention.kind == "mla":
                width = attention.kv_lora + attention.qk_rope
            blocks = math.ceil(Fraction(self.keys(attention), block))
            total += width * blocks * block * self.b * self.byte_of("kv_cache")
        return total * self.project.workload.micro_batches

    def capacity_byte(self, gpu: int) -> float:
        """What the engine may fill of a GPU's memory."""
        rules = self.project.memory
        return max(1.0, (self._device(gpu).memory_gb * rules.usable - rules.reserve_gb) * 1e9)

    def activation_byte(self, gpu: int) -> float:
        """The residual twice, and what the largest operator reads and writes."""
        largest = max(item.held_byte for item in self.operators.values() if item.gpu == gpu)
        return 2 * self.rows * self.hidden * self.byte_of("activations") + largest

    def buffer_byte(self, gpu: int) -> float:
        """What dispatch brings and combine sends, in the layer where that is most."""
        return max((sum(parts.values()) for (own, _), parts in self.buffers.items() if own == gpu), default=0.0)

    def imbalance(self, layer: int) -> float:
        """The fullest GPU's tokens over the mean, over all GPUs that hold the layer."""
        tokens = self.tokens[layer]
        return max(tokens) * len(tokens) / sum(tokens) if sum(tokens) else 0.0
