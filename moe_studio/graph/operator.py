"""The kinds of operators, in program order, and what is fixed about each."""

from dataclasses import dataclass
from enum import IntEnum


class Phase(IntEnum):
    """Part of a layer between two points where micro-batches may change places."""

    EMBED = 0
    ATTENTION = 1
    ROUTE = 2
    EXPERT = 3
    JOIN = 4
    HEAD = 5


class Sync(IntEnum):
    """Which GPUs start a collective together."""

    NONE = 0
    GROUP = 1
    SLOT = 2
    STAGE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OpKind:
    """What is fixed about a kind of operator.

    ``family`` decides colour and shape; ``takes`` lists its inputs, each as alternatives of
    which the first that the layer has is taken (``x`` is the layer's input).
    """

    name: str
    phase: Phase
    family: str
    takes: tuple[tuple[str, ...], ...] = ()
    sync: Sync = Sync.NONE
    is_expert: bool = False
    is_matmul: bool = False
    has_weight: bool = False


_QUERY = ("q_absorb", "q_b", "q")
_LAYER_INPUT = ("mtp_proj", "embed_reduce", "embed", "x")


def _op(name: str, phase: Phase, family: str, *takes: str | tuple[str, ...], **more: object) -> OpKind:
    inputs = tuple((item,) if isinstance(item, str) else item for item in takes)
    return OpKind(name=name, phase=phase, family=family, takes=inputs, **more)  # type: ignore[arg-type]


def _weight(name: str, phase: Phase, family: str, *takes: str | tuple[str, ...], **more: object) -> OpKind:
    return _op(name, phase, family, *takes, is_matmul=True, has_weight=True, **more)


_E, _A, _R, _X, _J, _H = Phase

OP_KINDS: tuple[OpKind, ...] = (
    _op("embed", _E, "memory"),
    _op("embed_reduce", _E, "communication", "embed", sync=Sync.GROUP),
    _op("mtp_norm", _E, "memory", ("embed_reduce", "embed"), "x"),
    _weight("mtp_proj", _E, "dense", "mtp_norm"),
    _op("ln1", _A, "memory", _LAYER_INPUT),
    _weight("q", _A, "attention", "ln1"),
    _weight("q_a", _A, "attention", "ln1"),
    _weight("q_b", _A, "attention", "q_a"),
    _weight("k", _A, "attention", "ln1"),
    _weight("kv_a", _A, "attention", "ln1"),
    _weight("kv_b", _A, "attention", "kv_a"),
    _weight("v", _A, "attention", "ln1"),
    _weight("side_proj", _A, "attention", "ln1"),
    _weight("q_absorb", _A, "attention", ("q_b", "q")),
    _op("scores", _A, "attention", _QUERY, ("k", "kv_b", "kv_a"), "side_proj", is_matmul=True),
    _op("scale", _A, "memory", "scores"),
    _op("softmax", _A, "memory", "scale"),
    _op("av", _A, "attention", "softmax", ("v", "kv_b", "kv_a"), is_matmul=True),
    _weight("v_absorb", _A, "attention", "av"),
    _weight("o", _A, "attention", ("v_absorb", "av", "q")),
    _op("attn_reduce", _A, "communication", "o", sync=Sync.GROUP),
    _op("res1", _R, "memory", ("attn_reduce", "o"), _LAYER_INPUT),
    _op("ln2", _R, "memory", "res1"),
    _weight("gate", _R, "routing", "ln2"),
    _op("route", _R, "routing", "gate"),
    _op("dispatch", _R, "communication", "route", sync=Sync.STAGE),
    _weight("shared_up", _R, "dense", "ln2"),
    _weight("shared_gate_proj", _R, "dense", "ln2"),
    _op("shared_act", _R, "memory", "shared_up", "shared_gate_proj"),
    _weight("shared_down", _R, "dense", "shared_act"),
    _op("shared_reduce", _R, "communication", "shared_down", sync=Sync.GROUP),
    _weight("up", _X, "expert", "dispatch", is_expert=True),
    _weight("gate_proj", _X, "expert", "dispatch", is_expert=True),
    _op("act", _X, "expert", "up", "gate_proj", is_expert=True),
    _weight("linear", _X, "expert", "dispatch", is_expert=True),
    _weight("down", _X, "expert", "act", is_expert=True),
    _op("expert_reduce", _X, "communication", ("down", "linear"), sync=Sync.SLOT, is_expert=True),
    _op("combine", _X, "communication", ("expert_reduce", "down", "linear"), sync=Sync.STAGE),
    _op("combine_gather", _X, "communication", "combine", sync=Sync.GROUP),
    _op("agg", _J, "routing", ("combine_gather", "combine"), ("shared_reduce", "shared_down")),
    _weight("ffn_up", _R, "dense", "ln2"),
    _weight("ffn_gate_proj", _R, "dense", "ln2"),
    _op("ffn_act", _R, "memory", "ffn_up", "ffn_gate_proj"),
    _weight("ffn_down", _R, "dense", "ffn_act"),
    _op("ffn_reduce", _R, "communication", "ffn_down", sync=Sync.GROUP),
    _op("res2", _J, "memory", ("agg", "ffn_reduce", "ffn_down"), "res1"),
    _op("send", _J, "communication", "res2"),
    _op("final_ln", _H, "memory", "res2"),
    _weight("lm_head", _H, "dense", "final_ln"),
    _op("logits_gather", _H, "communication", "lm_head", sync=Sync.GROUP),
    _op("sample", _H, "memory", ("logits_gather", "lm_head")),
)
"""Every kind of operator, in the order in which a GPU's stream issues them within a layer."""

OP_NUMBER: dict[str, int] = {kind.name: number for number, kind in enumerate(OP_KINDS)}
"""Number of each kind: its place in program order."""

OP_NAMES: tuple[str, ...] = tuple(kind.name for kind in OP_KINDS)
"""Names in program order."""

FAMILIES: tuple[str, ...] = ("attention", "dense", "expert", "memory", "routing", "communication")
"""Families that colours and shapes go by."""

SHAPES: dict[str, str] = {
    "attention": "box",
    "dense": "box",
    "expert": "box",
    "memory": "box",
    "routing": "parallelogram",
    "communication": "ellipse",
}
"""Drawing shape of each family: boxes compute, ellipses communicate, parallelograms route."""

DESCRIPTIONS: dict[str, str] = {
    "embed": "token embedding",
    "embed_reduce": "all-reduce of the sharded embedding",
    "mtp_norm": "norms of state and embedding, before predicting a further token",
    "mtp_proj": "projection of state and embedding together",
    "ln1": "norm before attention",
    "q": "query projection",
    "q_a": "query compression",
    "q_b": "query decompression",
    "k": "key projection",
    "kv_a": "key/value compression",
    "kv_b": "key/value decompression",
    "v": "value projection",
    "side_proj": "further projections, such as a sparse indexer's",
    "q_absorb": "query into the latent space",
    "scores": "query × keys",
    "scale": "scaling of the scores",
    "softmax": "softmax of the scores",
    "av": "scores × values",
    "v_absorb": "latent into value heads",
    "o": "output projection",
    "attn_reduce": "all-reduce over the attention group",
    "res1": "residual after attention",
    "ln2": "norm before the feed-forward layer",
    "gate": "router",
    "route": "choice of experts",
    "dispatch": "tokens to their experts",
    "shared_up": "shared experts, up projection",
    "shared_gate_proj": "shared experts, gate projection",
    "shared_act": "shared experts, activation",
    "shared_down": "shared experts, down projection",
    "shared_reduce": "all-reduce of the shared experts",
    "up": "expert, up projection",
    "gate_proj": "expert, gate projection",
    "act": "expert, activation",
    "linear": "expert, its single matrix",
    "down": "expert, down projection",
    "expert_reduce": "sum over the GPUs that share an expert",
    "combine": "results back from the experts",
    "combine_gather": "all-gather over the attention group",
    "agg": "weighted sum of the experts' results",
    "ffn_up": "dense layer, up projection",
    "ffn_gate_proj": "dense layer, gate projection",
    "ffn_act": "dense layer, activation",
    "ffn_down": "dense layer, down projection",
    "ffn_reduce": "all-reduce of the dense layer",
    "res2": "residual after the feed-forward layer",
    "send": "activations to the next stage",
    "final_ln": "norm before the head",
    "lm_head": "logits",
    "logits_gather": "all-gather of the sharded logits",
    "sample": "choice of the next token",
}
"""What each operator does, in a few words."""
