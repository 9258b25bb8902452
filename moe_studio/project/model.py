"""The model: what is computed, layer by layer. Every size is of the whole model, before sharding."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from moe_studio.errors import ProjectError
from moe_studio.project.setting import check_settings, setting

MAX_DIMENSION = 1 << 24
MAX_EXPERTS = 4096
MAX_LAYERS = 4096
MAX_PARAMETERS = 1e15

DTYPE_BYTE: Mapping[str, float] = MappingProxyType(
    {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5}
)
"""Bytes of one element, by name of the data type."""

DTYPES = tuple(DTYPE_BYTE)

# fp8 as DeepSeek-V3 scales it, with 4 bytes for 128 × 128 weights and for 128 activations of a token (arXiv 2412.19437,
# section 3.3.2); fp4 with one byte for 32 elements (OCP Microscaling Formats 1.0).
SCALE_BYTE: Mapping[str, float] = MappingProxyType({"fp8": 4 / 128, "fp4": 1 / 32})
"""Bytes of scales for one element that moves or is computed with, by name of the data type."""

WEIGHT_SCALE_BYTE: Mapping[str, float] = MappingProxyType({"fp8": 4 / 128**2, "fp4": 1 / 32})
"""Bytes of scales for one weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dtypes:
    """Data types that differ from the model's `dtype`; an empty word means the model's."""

    weights: str = setting("attention, router, dense, shared and head weights", "", choices=("", *DTYPES))
    experts: str = setting("weights of routed experts", "", choices=("", *DTYPES))
    activations: str = setting("everything that is not named otherwise", "", choices=("", *DTYPES))
    kv_cache: str = setting("the key/value cache", "", choices=("", *DTYPES))
    dispatch: str = setting("tokens on their way to experts", "", choices=("", *DTYPES))
    combine: str = setting("tokens on their way back", "", choices=("", *DTYPES))
    scales: bool = setting("whether the scales that blocks of fp8 and fp4 carry count as bytes", False)

    def __post_init__(self) -> None:
        check_settings(self, "model.dtypes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One kind of attention layer.

    ``linear`` stands for kinds whose mixing is not modelled (linear attention, Mamba):
    they are priced by their projections, (rows, hidden, in_width) and
    (rows, out_width, hidden), and a rule says so.
    """

    kind: str = setting("mha, gqa, mla, or linear", "mha", choices=("mha", "gqa", "mla", "linear"))
    heads: int = setting("query heads", 1, low=1, high=MAX_DIMENSION)
    head_dim: int = setting("width of one head (mha, gqa)", 128, low=1, high=MAX_DIMENSION)
    kv_heads: int = setting("key/value heads (gqa); 0: as many as query heads", 0, low=0, high=MAX_DIMENSION)
    window: int = setting("sliding window in tokens; 0: none", 0, low=0, high=1 << 40)
    q_lora: int = setting("rank of the query compression (mla); 0: none", 0, low=0, high=MAX_DIMENSION)
    kv_lora: int = setting("rank of the key/value latent (mla)", 0, low=0, high=MAX_DIMENSION)
    qk_nope: int = setting("head width without position (mla)", 0, low=0, high=MAX_DIMENSION)
    qk_rope: int = setting("head width with position (mla)", 0, low=0, high=MAX_DIMENSION)
    v_dim: int = setting("value head width (mla)", 0, low=0, high=MAX_DIMENSION)
    in_width: int = setting("width of the input projections (linear)", 0, low=0, high=MAX_DIMENSION)
    out_width: int = setting("width into the output projection (linear)", 0, low=0, high=MAX_DIMENSION)
    side_width: int = setting(
        "width of further projections of the hidden state, such as a sparse indexer's", 0, low=0, high=MAX_DIMENSION
    )
    extra_parameters: int = setting(
        "parameters that no operator multiplies with: biases, norms of heads, sinks, kernels",
        0,
        low=0,
        high=MAX_PARAMETERS,
    )
    unmodelled: str = setting("what of this layer has no cost of its own, for the problem list", "")

    def __post_init__(self) -> None:
        check_settings(self, "model.attention")
        if self.kind == "mla" and not (self.kv_lora and self.qk_nope and self.v_dim):
            raise ProjectError("model.attention of kind mla needs kv_lora, qk_nope and v_dim.")
        if self.kind == "linear" and not (self.in_width and self.out_width):
            raise ProjectError("model.attention of kind linear needs in_width and out_width.")
        if self.kv_heads > self.heads:
            raise ProjectError("model.attention.kv_heads must be at most heads.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedForward:
    """A dense layer (``experts`` 0) or a mixture of experts.

    ``swiglu`` has three matrices, ``gelu`` two (up, down), ``single`` one.
    """

    kind: str = setting("swiglu, gelu, or single", "swiglu", choices=("swiglu", "gelu", "single"))
    hidden: int = setting("intermediate width of the dense layer or of one expert", low=1, high=MAX_DIMENSION)
    experts: int = setting("routed experts; 0: a dense layer", 0, low=0, high=MAX_EXPERTS)
    top_k: int = setting("experts per token", 1, low=1, high=MAX_EXPERTS)
    shared: int = setting("shared experts, which every token visits", 0, low=0, high=MAX_EXPERTS)
    shared_hidden: int = setting("width of one shared expert; 0: the experts' hidden", 0, low=0, high=MAX_DIMENSION)
    router_width: int = setting("outputs of the router; 0: one per expert", 0, low=0, high=MAX_DIMENSION)
    extra_parameters: int = setting(
        "parameters of the layer outside its matrices: biases, the shared gate", 0, low=0, high=MAX_PARAMETERS
    )
    expert_extra_parameters: int = setting(
        "parameters of one expert outside its matrices, such as biases", 0, low=0, high=MAX_PARAMETERS
    )

    def __post_init__(self) -> None:
        check_settings(self, "model.ffn")
        if self.is_moe and self.top_k > self.experts:
            raise ProjectError(f"model.ffn.top_k must be at most experts ({self.experts}), not {self.top_k}.")
        if not self.is_moe and (self.shared or self.kind == "single"):
            raise ProjectError("model.ffn: shared experts and kind single need experts.")
        if self.kind == "single" and self.shared:
            raise ProjectError("model.ffn of kind single has no shared experts.")

    @property
    def is_moe(self) -> bool:
        """Whether tokens are routed to experts."""
        return self.experts > 0

    @property
    def matrices(self) -> int:
        """Weight matrices of one expert or of the dense layer."""
        return {"swiglu": 3, "gelu": 2, "single": 1}[self.kind]

    @property
    def router_out(self) -> int:
        """Columns of the router's weight."""
        return self.router_width or self.experts

    @property
    def shared_width(self) -> int:
        """Intermediate width of all shared experts together."""
        return self.shared * (self.shared_hidden or self.hidden)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A run of equal layers; or, with ``blocks``, a pattern of runs repeated as a whole."""

    repeat: int = setting("how many layers (or times the pattern) in a row", 1, low=1, high=MAX_LAYERS)
    attention: str = setting("name in `attentions`; empty: the model's attention", "")
    ffn: str = setting("name in `ffn`; empty: moe if there is one, else dense", "")
    blocks: "tuple[Block, ...]" = setting("a pattern of runs, repeated as a whole", ())

    def __post_init__(self) -> None:
        check_settings(self, "model.blocks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one layer is made of."""

    attention: Attention
    ffn: FeedForward


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model, by its own sizes. ``preset`` or ``hf_config`` say where the figures come from."""

    preset: str = setting("a model of the catalogue on which this one is based", "")
    hf_config: str = setting("a Hugging Face config.json on which this one is based", "")
    hidden: int = setting("width of the residual stream", low=1, high=MAX_DIMENSION)
    dtype: str = setting("data type of everything not named in dtypes", "bf16", choices=DTYPES)
    dtypes: Dtypes = setting("data types that differ", factory=Dtypes)
    vocab: int = setting("vocabulary; 0: no embedding and no head", 0, low=0, high=MAX_DIMENSION)
    tied: bool = setting("whether embedding and head share one matrix", False)
    attention: Attention = setting("the attention of every block that names no other", factory=Attention)
    attentions: Mapping[str, Attention] = setting("further kinds of attention, by name", factory=dict)
    ffn: Mapping[str, FeedForward] = setting("feed-forward layers, by name: moe, dense, …")
    blocks: tuple[Block, ...] = setting("runs of layers, in order", (Block(),))
    mtp: int = setting(
        "passes of the multi-token-prediction module in each step: a layer like the last, its projection and the head",
        0,
        low=0,
        high=64,
    )
    extra_parameters: int = setting("parameters outside the layers that no field names", 0, low=0, high=MAX_PARAMETERS)
    warnings: tuple[str, ...] = setting("what an import assumed", (), derived=True)
    layers: tuple[Layer, ...] = field(init=False, compare=False, repr=False)
    """Every layer in order, passes of the prediction module last. Equal layers are the same object."""

    def __post_init__(self) -> None:
        check_settings(self, "model")
        object.__setattr__(self, "attentions", MappingProxyType(dict(self.attentions)))
        object.__setattr__(self, "ffn", MappingProxyType(dict(self.ffn)))
        if not self.ffn:
            raise ProjectError("model.ffn needs at least one layer: moe or dense.")
        count = sum(_count(block) for block in self.blocks)
        if not 1 <= count <= MAX_LAYERS:
            raise ProjectError(f"model.blocks must give 1 to {MAX_LAYERS} layers, not {count}.")
        layers = _expanded(self)
        object.__setattr__(self, "layers", layers + layers[-1:] * self.mtp)
        for layer in self.layers:
            if layer.ffn.kind == "single" and layer.ffn.hidden != self.hidden:
                raise ProjectError("model.ffn of kind single needs hidden = model.hidden.")

    def dtype_of(self, part: str) -> str:
        """The data type of ``part``, one of the fields of `Dtypes`."""
        return str(getattr(self.dtypes, part)) or self.dtype

    def byte_of(self, part: str) -> float:
        """Bytes per element of ``part``, one of the data types of `Dtypes`, with its share of scales if they count."""
        dtype = self.dtype_of(part)
        if not self.dtypes.scales:
            return DTYPE_BYTE[dtype]
        is_weight = part in ("weights", "experts")
        return DTYPE_BYTE[dtype] + (WEIGHT_SCALE_BYTE if is_weight else SCALE_BYTE).get(dtype, 0.0)

    @property
    def layer_count(self) -> int:
        """Number of layers, with passes of the prediction module."""
        return len(self.layers)

    @property
    def has_experts(self) -> bool:
        """Whether any layer is a mixture of experts."""
        return any(layer.ffn.is_moe for layer in self.layers)

    def held_layer(self, layer: int) -> int:
        """The layer whose weights ``layer`` uses: passes of the prediction module are one module's."""
        return min(layer, len(self.layers) - self.mtp)

    @property
    def own_layers(self) -> tuple[Layer, ...]:
        """The layers of the model itself, without its prediction module."""
        return self.layers[: len(self.layers) - self.mtp]


def _count(block: Block) -> int:
    inner = sum(_count(item) for item in block.blocks) if block.blocks else 1
    return min(block.repeat * inner, MAX_LAYERS + 1)


def _expanded(model: Model) -> tuple[Layer, ...]:
    """The blocks of ``model`` written out, one `Layer` each; equal layers are the same object."""
    known: dict[tuple[str, str], Layer] = {}

    def layer(block: Block) -> Layer:
        key = (block.attention, block.ffn or default_ffn(model))
        if key not in known:
            known[key] = Layer(attention=_attention(model, key[0]), ffn=_ffn(model, key[1]))
        return known[key]

    def walk(blocks: tuple[Block, ...]) -> list[Layer]:
        result: list[Layer] = []
        for block in blocks:
            result.extend((walk(block.blocks) if block.blocks else [layer(block)]) * block.repeat)
        return result

    return tuple(walk(model.blocks))


def default_ffn(model: Model) -> str:
    """The feed-forward of a block that names none: moe if there is one, else the first."""
    return "moe" if "moe" in model.ffn else next(iter(model.ffn))


def _attention(model: Model, name: str) -> Attention:
    if not name:
        return model.attention
    if name not in model.attentions:
        raise ProjectError(f"model.blocks names the attention {name!r}, which model.attentions does not have.")
    return model.attentions[name]


def _ffn(model: Model, name: str) -> FeedForward:
    if name not in model.ffn:
        raise ProjectError(f"model.blocks names the ffn {name!r}, which model.ffn does not have.")
    return model.ffn[name]
