"""Small random projects that meet every feature of the engine, for Hypothesis."""

from itertools import pairwise

import hypothesis.strategies as st

from moe_studio.project.cluster import Cluster, Device, Link, Links, Node
from moe_studio.project.design import Cost, MemoryRules, Move, Parallel, Placement, Routing, Workload
from moe_studio.project.model import DTYPES, Attention, Block, Dtypes, FeedForward, Model
from moe_studio.project.project import Project

MAX_GPUS = 16
MAX_LAYERS = 5
WIDTHS = (1, 7, 16, 33, 128, 500)


def projects() -> st.SearchStrategy[Project]:
    """Valid designs of up to 16 GPUs and 5 layers."""
    return _projects()


@st.composite
def _projects(draw: st.DrawFn) -> Project:
    parallel, gpus = draw(_parallel())
    model = draw(_models(parallel.pp))
    slots = gpus // (parallel.dp * parallel.pp * parallel.etp)
    return Project(
        model=model,
        cluster=draw(_clusters(gpus)),
        parallel=parallel,
        placement=draw(_placements(model, slots, parallel.dp)),
        workload=draw(_workloads(model)),
        cost=draw(_costs()),
        memory=draw(_memory_rules()),
    )


def _divisors(number: int) -> st.SearchStrategy[int]:
    return st.sampled_from([part for part in range(1, number + 1) if number % part == 0])


def _widths(most: int) -> list[int]:
    """Sizes of a stage, those that can be split most often."""
    return [width for width in range(1, most + 1) for part in range(1, width + 1) if width % part == 0]


@st.composite
def _parallel(draw: st.DrawFn) -> tuple[Parallel, int]:
    dp, pp = draw(st.sampled_from([1, 1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2, 3]))
    width = draw(st.sampled_from(_widths(MAX_GPUS // (dp * pp))))
    etp = draw(st.one_of(st.just(1), _divisors(width)))
    parallel = Parallel(
        dp=dp,
        pp=pp,
        tp=draw(st.one_of(st.just(1), _divisors(width))),
        ep=draw(_divisors(width // etp)),
        etp=etp,
        attention=draw(st.sampled_from(["data", "data", "replicated"])),
    )
    return parallel, dp * pp * width


@st.composite
def _clusters(draw: st.DrawFn, gpus: int) -> Cluster:
    devices = draw(st.lists(_devices(), min_size=draw(st.sampled_from([1, 2])), max_size=3))
    cuts = draw(st.sets(st.integers(1, gpus - 1), max_size=3)) if gpus > 1 else set()
    bounds = [0, *sorted(cuts), gpus]
    racks = draw(st.lists(st.sampled_from(["", "a/", "b/"]), min_size=len(bounds), max_size=len(bounds)))
    nodes = tuple(
        Node(
            name=f"{racks[number]}node{first}",
            gpus=last - first,
            device=f"device{draw(st.integers(0, len(devices) - 1))}",
        )
        for number, (first, last) in enumerate(pairwise(bounds))
    )
    named = {f"device{number}": device for number, device in enumerate(devices)}
    return Cluster(nodes=nodes, devices=named, links=draw(_tiers()))


@st.composite
def _devices(draw: st.DrawFn) -> Device:
    peaks = draw(st.dictionaries(st.sampled_from(DTYPES), st.sampled_from([0.001, 0.05, 1.0, 400.0]), min_size=1))
    return Device(memory_gb=64, memory_tb_s=draw(st.sampled_from([0.001, 0.02, 1.8])), peak_tflops=peaks)


def _tiers() -> st.SearchStrategy[Links]:
    return st.builds(Links, intra=_links(), rack=st.one_of(st.none(), _links()), inter=_links())


def _links() -> st.SearchStrategy[Link]:
    return st.builds(
        Link,
        gb_s=st.sampled_from([0.1, 3.0, 450.0]),
        latency_us=st.sampled_from([0.0, 2.0, 50.0]),
        oversubscription=st.sampled_from([1.0, 1.0, 4.0]),
    )


@st.composite
def _models(draw: st.DrawFn, least_layers: int) -> Model:
    hidden = draw(st.sampled_from(WIDTHS[1:]))
    blocks: list[Block] = []
    count = draw(st.integers(least_layers, MAX_LAYERS))
    while count:
        repeat = draw(st.integers(1, count))
        attention, ffn = draw(st.sampled_from(["", "", "other"])), draw(st.sampled_from(["", "moe", "few", "dense"]))
        blocks.append(Block(repeat=repeat, attention=attention, ffn=ffn))
        count -= repeat
    return Model(
        hidden=hidden,
        dtype=draw(st.sampled_from(DTYPES)),
        dtypes=draw(st.one_of(st.just(Dtypes()), _dtypes())),
        vocab=draw(st.sampled_from([0, 0, 1, 777])),
        tied=draw(st.booleans()),
        mtp=draw(st.sampled_from([0, 0, 0, 1, 2])),
        attention=draw(_attentions()),
        attentions={"other": draw(_attentions())},
        ffn={"moe": draw(_moe(hidden)), "few": draw(_moe(hidden)), "dense": draw(_dense())},
        blocks=tuple(blocks),
    )


def _dtypes() -> st.SearchStrategy[Dtypes]:
    dtype = st.sampled_from(["", *DTYPES])
    return st.builds(
        Dtypes,
        weights=dtype,
        experts=dtype,
        activations=dtype,
        kv_cache=dtype,
        dispatch=dtype,
        combine=dtype,
        scales=st.booleans(),
    )


@st.composite
def _attentions(draw: st.DrawFn) -> Attention:
    width, heads = st.sampled_from(WIDTHS), draw(st.integers(1, 9))
    return Attention(
        kind=draw(st.sampled_from(["mha", "gqa", "mla", "linear"])),
        heads=heads,
        head_dim=draw(width),
        kv_heads=draw(st.integers(0, heads)),
        window=draw(st.sampled_from([0, 0, 1, 5, 300])),
        q_lora=draw(st.sampled_from([0, 9])),
        kv_lora=draw(width),
        qk_nope=draw(width),
        qk_rope=draw(st.sampled_from([0, 5])),
        v_dim=draw(width),
        in_width=draw(width),
        out_width=draw(width),
        side_width=draw(st.sampled_from([0, 0, 11, 3000])),
    )


@st.composite
def _moe(draw: st.DrawFn, hidden: int) -> FeedForward:
    kind, experts = draw(st.sampled_from(["swiglu", "gelu", "single"])), draw(st.integers(1, 12))
    return FeedForward(
        kind=kind,
        hidden=hidden if kind == "single" else draw(st.sampled_from(WIDTHS)),
        experts=experts,
        top_k=draw(st.one_of(st.just(1), st.integers(1, experts))),
        shared=0 if kind == "single" else draw(st.integers(0, 2)),
        shared_hidden=draw(st.sampled_from([0, 5])),
        router_width=draw(st.sampled_from([0, 16])),
    )


def _dense() -> st.SearchStrategy[FeedForward]:
    return st.builds(FeedForward, kind=st.sampled_from(["swiglu", "gelu"]), hidden=st.sampled_from(WIDTHS))


@st.composite
def _placements(draw: st.DrawFn, model: Model, slots: int, dp: int) -> Placement:
    policy = draw(st.sampled_from(["contiguous", "contiguous", "round-robin", "balanced", "explicit"]))
    redundant = draw(st.sampled_from([0, 0, 1, 5])) if policy != "explicit" else 0
    experts = max(layer.ffn.experts for layer in model.layers)
    if not experts:
        return Placement(policy=policy, redundant=redundant)
    move = st.builds(
        Move,
        layers=st.sampled_from(["", "", "0", "1-3", "0,2-4"]),
        expert=st.integers(0, experts - 1),
        slots=st.lists(st.integers(0, slots - 1), min_size=1, max_size=3, unique=True).map(tuple),
        replica=st.one_of(st.none(), st.none(), st.integers(0, dp - 1)),
    )
    moves = draw(st.lists(move, max_size=2 * experts if policy == "explicit" else 4))
    return Placement(policy=policy, redundant=redundant, moves=tuple(moves))


@st.composite
def _workloads(draw: st.DrawFn, model: Model) -> Workload:
    return Workload(
        phase=draw(st.sampled_from(["forward", "prefill", "decode"])),
        batch=draw(st.sampled_from([1, 3, 8, 37, 4096])),
        tokens=draw(st.sampled_from([1, 2, 9, 640])),
        context=draw(st.sampled_from([0, 1, 4, 1000])),
        micro_batches=draw(st.integers(1, 3)),
        order=draw(st.sampled_from(["sequential", "interleaved"])),
        cached_share=draw(st.sampled_from([0.0, 0.0, 0.25, 0.57, 1.0])),
        draft_tokens=draw(st.sampled_from([0, 0, 1, 3])),
        acceptance=draw(st.sampled_from([0.0, 0.5, 0.85, 1.0])),
        routing=draw(_routings(model)),
    )


@st.composite
def _routings(draw: st.DrawFn, model: Model) -> Routing:
    has_experts = any(layer.ffn.is_moe for layer in model.layers)
    kind = draw(st.sampled_from(["uniform", "zipf", "recorded"] if has_experts else ["uniform", "zipf"]))
    if kind == "zipf":
        skew, seed = draw(st.sampled_from([0.0, 0.3, 1.0, 4.0])), draw(st.integers(0, 9))
        return Routing(kind=kind, skew=skew, seed=seed, imbalance=draw(st.sampled_from([1.0, 1.1])))
    if kind == "uniform":
        chance = draw(st.sampled_from([False, False, True]))
        return Routing(imbalance=draw(st.sampled_from([1.0, 1.0, 1.25, 6.0])), chance=chance)
    rows = [draw(_counts(layer.ffn)) for layer in model.own_layers]
    if draw(st.booleans()):
        rows = [row for row, layer in zip(rows, model.own_layers, strict=True) if layer.ffn.is_moe]
    return Routing(kind=kind, counts=tuple(rows))


@st.composite
def _counts(draw: st.DrawFn, ffn: FeedForward) -> tuple[float, ...]:
    """Counts of one layer, at least ``top_k`` of them above 0."""
    if not ffn.is_moe:
        return ()
    count = st.sampled_from([0.0, 0.0, 1.0, 2.5, 1000.0])
    row = draw(st.lists(count, min_size=ffn.experts, max_size=ffn.experts))
    for place in range(ffn.top_k):
        row[place] = row[place] or 1.0
    return tuple(draw(st.permutations(row)))


def _costs() -> st.SearchStrategy[Cost]:
    return st.builds(
        Cost,
        compute=st.sampled_from([0.6, 1.0]),
        memory=st.sampled_from([0.8, 1.0]),
        launch_us=st.sampled_from([0.0, 0.0, 3.5, 200.0]),
        attention=st.sampled_from(["fused", "unfused"]),
        causal=st.booleans(),
        overlap=st.booleans(),
    )


def _memory_rules() -> st.SearchStrategy[MemoryRules]:
    return st.builds(
        MemoryRules,
        usable=st.sampled_from([1.0, 0.9]),
        reserve_gb=st.sampled_from([0.0, 2.5]),
        block_tokens=st.sampled_from([1, 1, 16, 64]),
    )
