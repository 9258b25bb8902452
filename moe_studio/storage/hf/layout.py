"""Which mixer and which feed-forward each layer has, by the rule of each family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from moe_studio.project.model import MAX_LAYERS, Block
from moe_studio.storage.hf.reader import Config, shown

MAX_PERIOD = 48

WORDS = {
    "full_attention": "full",
    "attention": "full",
    "indexed_attention": "full",
    "global": "full",
    "sliding_attention": "sliding",
    "chunked_attention": "sliding",
    "local": "sliding",
    "linear_attention": "linear",
    "mamba": "linear",
    "recurrent": "linear",
    "minimax_m3_sparse": "sparse",
    "compressed_sparse_attention": "csa",
    "heavily_compressed_attention": "hca",
}
"""Words of `layer_types`, and our name of the mixer."""

SPARSE_WORDS = {"sparse": True, "moe": True, "hash_moe": True, "dense": False, "mlp": False}


@dataclass(frozen=True, slots=True)
class Plan:
    """One layer: its mixers in order (nearly always one) and the name of its feed-forward."""

    mixers: tuple[str, ...]
    ffn: str


Layout = Callable[[Config], list[Plan]]
Kinds = Callable[[Config, int], list[str]]
Sparse = Callable[[Config, int], list[bool]]


def layer_count(config: Config) -> int:
    """Number of layers of the file."""
    return config.integer("layers", low=1, high=MAX_LAYERS)


def layered(kinds: Kinds, sparse: Sparse) -> Layout:
    """The ordinary layout: a mixer and a feed-forward per layer, each by its own rule."""

    def layout(config: Config) -> list[Plan]:
        layers = layer_count(config)
        mixers = _named_kinds(config, layers) or kinds(config, layers)
        experts = _named_sparse(config, layers) or sparse(config, layers)
        return [Plan((mixer,), "moe" if moe else "dense") for mixer, moe in zip(mixers, experts, strict=True)]

    return layout


def always(kind: str) -> Kinds:
    """Every layer alike."""
    return lambda config, layers: [kind] * layers


def windowed(config: Config, layers: int) -> list[str]:
    """A window in every layer when the file has one (Mistral, Mixtral)."""
    return ["sliding" if config.integer("window", 0, high=1 << 40) else "full"] * layers


def windowed_from(config: Config, layers: int) -> list[str]:
    """A window from one layer on, where it is switched on (Qwen2, Qwen3)."""
    if not config.flag("use_sliding_window") or not config.integer("window", 0, high=1 << 40):
        return ["full"] * layers
    first = config.integer("max_window_layers", layers, high=MAX_LAYERS)
    return ["full" if index < first else "sliding" for index in range(layers)]


def alternating(config: Config, layers: int) -> list[str]:
    """A window in every other layer, the first included (gpt-oss)."""
    return ["full" if index % 2 else "sliding" for index in range(layers)]


def interval(default: int) -> Kinds:
    """Full attention in every n-th layer, something linear in the others (Qwen3-Next, MiniMax)."""

    def kinds(config: Config, layers: int) -> list[str]:
        every = config.integer("full_attention_interval", default, low=1)
        return ["linear" if (index + 1) % every else "full" for index in range(layers)]

    return kinds


def mostly_windowed(config: Config, layers: int) -> list[str]:
    """Everything in the first and in every sixth layer, a window in the others (MiMo-V2)."""
    return ["full" if index == 0 or (index + 1) % 6 == 0 else "sliding" for index in range(layers)]


def coded(name: str, words: Sequence[str], otherwise: Kinds) -> Kinds:
    """A list of codes, 0 and up, one per layer."""

    def kinds(config: Config, layers: int) -> list[str]:
        codes = config.per_layer(name, layers)
        if codes is None:
            return otherwise(config, layers)
        if not all(isinstance(code, int) and 0 <= code < len(words) for code in codes):
            config.fault(name, f"must be a list of numbers from 0 to {len(words) - 1}.")
            return [words[0]] * layers
        return [words[code] for code in codes if isinstance(code, int)]

    return kinds


def chunked(config: Config, layers: int) -> list[str]:
    """Chunks in layers with a rotary position, everything in the others (Llama 4)."""
    rotary = config.per_layer("no_rope_layers", layers)
    every = config.integer("no_rope_layer_interval", 4, low=1)
    flags = rotary or [(index + 1) % every for index in range(layers)]
    return ["sliding" if flag else "full" for flag in flags]


def periodic(config: Config, layers: int) -> list[str]:
    """Attention in one layer of a period (Jamba)."""
    period, offset = config.integer("attn_layer_period", 8, low=1), config.integer("attn_layer_offset", 4)
    return ["full" if index % period == offset else "linear" for index in range(layers)]


def listed(config: Config, layers: int) -> list[str]:
    """Numbers, from 1, of the layers that attend in full (Kimi Linear)."""
    numbers = config.members("linear_attn_config.full_attn_layers")
    if numbers is None:
        return ["full" if index and index % 4 == 0 else "linear" for index in range(layers)]
    attending = {number for number in numbers if isinstance(number, int)}
    return ["full" if index + 1 in attending else "linear" for index in range(layers)]


def by_compression(config: Config, layers: int) -> list[str]:
    """A rate of compression per layer (DeepSeek-V4)."""
    rates = config.per_layer("compress_ratios", layers)
    if rates is None:
        return ["csa" if index > 2 and index % 2 else "hca" for index in range(layers)]
    return ["csa" if rate == 4 else "hca" if rate else "sliding" for rate in rates]


def shared_indexer(config: Config, layers: int) -> list[str]:
    """Layers with an indexer of their own, and layers that use the last one's picks (GLM-5.2)."""
    types = config.per_layer("indexer_types", layers)
    if types is not None:
        return ["shared" if word == "shared" else "full" for word in types]
    every = config.integer("index_topk_freq", 1, low=1)
    offset = config.integer("index_skip_topk_offset", 2)
    return ["shared" if max(index - offset + 1, 0) % every else "full" for index in range(layers)]


def every_layer(config: Config, layers: int) -> list[bool]:
    """Experts in every layer."""
    return [True] * layers


def no_layer(config: Config, layers: int) -> list[bool]:
    """A dense model."""
    return [False] * layers


def after_first(config: Config, layers: int) -> list[bool]:
    """The first layers dense, then experts in every n-th layer (DeepSeek)."""
    flags = config.per_layer("moe_layer_freq", layers)
    if flags is not None:
        return [bool(flag) for flag in flags]
    first, every = config.integer("first_dense", 0), config.integer("moe_layer_freq", 1, low=1)
    return [index >= first and index % every == 0 for index in range(layers)]


def by_step(config: Config, layers: int) -> list[bool]:
    """Experts in every n-th layer that is not listed as dense (Qwen)."""
    dense = set(_numbers(config, "mlp_only_layers"))
    step = config.integer("decoder_sparse_step", 1, low=1)
    return [index not in dense and (index + 1) % step == 0 for index in range(layers)]


def interleaved(config: Config, layers: int) -> list[bool]:
    """Experts in the layers listed, else in every n-th (Llama 4)."""
    if config.has("moe_layers"):
        moe = set(_numbers(config, "moe_layers"))
        return [index in moe for index in range(layers)]
    step = config.integer("interleave_moe_layer_step", 1, low=1)
    return [(index + 1) % step == 0 for index in range(layers)]


def enumerated(config: Config, layers: int) -> list[bool]:
    """Experts in the layers that a list in words names, "3,4,5" (Step); else after the first ones."""
    words = config.text("moe_layers_enum")
    if not words:
        return after_first(config, layers)
    numbers = words.replace(" ", "").split(",")
    if not all(number.isascii() and number.isdigit() and len(number) < 6 for number in numbers):
        config.fault("moe_layers_enum", 'must be layer numbers with commas between them, like "3,4,5".')
        return [True] * layers
    moe = {int(number) for number in numbers}
    return [index in moe for index in range(layers)]


def with_offset(config: Config, layers: int) -> list[bool]:
    """Experts in one layer of a period (Jamba)."""
    period, offset = config.integer("expert_layer_period", 2, low=1), config.integer("expert_layer_offset", 1)
    return [index % period == offset for index in range(layers)]


def between(config: Config, layers: int) -> list[bool]:
    """Experts in every n-th layer of a range (Ernie)."""
    first, every = config.integer("moe_layer_start_index", 0), config.integer("moe_layer_interval", 1, low=1)
    last = config.integer("moe_layer_end_index", layers - 1, low=-1)
    last = layers - 1 if last < 0 else last
    return [first <= index <= last and (index + 1) % every == 0 for index in range(layers)]


def guessed(config: Config, layers: int) -> list[bool]:
    """Experts by whichever rule an unknown family's file has the keys of."""
    if not config.has("experts"):
        return no_layer(config, layers)
    return by_step(config, layers) if config.has("decoder_sparse_step") else after_first(config, layers)


def guessed_window(config: Config, layers: int) -> list[str]:
    """A window in every layer of an unknown family, unless the file switches it off."""
    return windowed(config, layers) if config.flag("use_sliding_window", True) else ["full"] * layers


def doubled(config: Config) -> list[Plan]:
    """Two attentions and two dense layers beside one set of experts (LongCat-Flash)."""
    return [Plan(("full",), "moe"), Plan(("full",), "dense")] * min(layer_count(config), MAX_LAYERS // 2)


LETTERS = {
    "M": "linear",
    "mamba": "linear",
    "linear_attention": "linear",
    "*": "full",
    "attention": "full",
    "full_attention": "full",
    "E": "moe",
    "moe": "moe",
    "-": "dense",
    "mlp": "dense",
}


def mixed(config: Config) -> list[Plan]:
    """Layers that are a mixer or a feed-forward alone (Nemotron-H), paired into whole layers."""
    key = "layer_kinds" if config.has("layer_kinds") else "hybrid_override_pattern"
    words = config.members(key) or "*E"
    if len(words) > MAX_LAYERS:
        config.fault(key, f"must have at most {MAX_LAYERS} layers, not {len(words)}.")
        return [Plan(("full",), "dense")]
    plans: list[Plan] = []
    waiting: list[str] = []
    for word in words:
        kind = LETTERS.get(word) if isinstance(word, str) else None
        if kind is None:
            config.fault(key, f"must be made of M, *, E and -, not {shown(word)}.")
        elif kind in ("linear", "full"):
            waiting.append(kind)
        elif waiting:
            plans.append(Plan(tuple(waiting), kind))
            waiting = []
        else:
            config.fault(key, "must have a mixer (M or *) before each feed-forward layer (E or -).")
    if waiting and plans:
        plans[-1] = Plan((*plans[-1].mixers, *waiting), plans[-1].ffn)
    config.warn(
        f"The {len(words)} layers of the file, each a mixer or a feed-forward, are paired into {len(plans)} layers."
    )
    return plans or [Plan(("full",), "dense")]


def _named_kinds(config: Config, layers: int) -> list[str] | None:
    words = config.per_layer("layer_kinds", layers)
    if words is None:
        return None
    known = [WORDS.get(word) if isinstance(word, str) else None for word in words]
    for word, kind in zip(words, known, strict=True):
        if kind is None:
            config.warn(f"The kind of layer {shown(word)} is not known; it is taken for full attention.")
    return [kind or "full" for kind in known]


def _named_sparse(config: Config, layers: int) -> list[bool] | None:
    words = config.per_layer("mlp_layer_types", layers)
    if words is None or not all(isinstance(word, str) and word in SPARSE_WORDS for word in words):
        return None
    return [SPARSE_WORDS[word] for word in words if isinstance(word, str)]


def _numbers(config: Config, name: str) -> list[int]:
    members = config.members(name)
    if members is None:
        return []
    if not all(isinstance(member, int) for member in members):
        config.fault(name, "must be a list of layer numbers.")
    return [member for member in members if isinstance(member, int)]


def blocks_of(layers: Sequence[tuple[str, str]]) -> tuple[Block, ...]:
    """The fewest runs and repeated patterns of (attention, ffn) that write ``layers`` out."""
    count = len(layers)
    periods = range(1, min(MAX_PERIOD, count) + 1)
    matches = {period: _match_lengths(layers, period) for period in periods}
    runs = [0] * (count + 1)
    for index in range(1, count):
        runs[index + 1] = runs[index] + (layers[index] != layers[index - 1])
    best: list[tuple[int, int, int]] = [(0, 0, 0)] * (count + 1)
    for start in range(count - 1, -1, -1):
        choices = []
        for period in periods:
            if start + period > count:
                break
            repeat = matches[period][start] // period + 1
            if period > 1 and repeat == 1:
                continue
            cost = 1 if period == 1 else 2 + runs[start + period] - runs[start + 1]
            choices.append((cost + best[start + repeat * period][0], period, repeat))
        best[start] = min(choices)
    return tuple(_written(layers, best))


def _match_lengths(layers: Sequence[tuple[str, str]], period: int) -> list[int]:
    """For each layer, how many from it on equal the one ``period`` later."""
    lengths = [0] * (len(layers) + 1)
    for index in range(len(layers) - period - 1, -1, -1):
        lengths[index] = lengths[index + 1] + 1 if layers[index] == layers[index + period] else 0
    return lengths


def _written(layers: Sequence[tuple[str, str]], best: Sequence[tuple[int, int, int]]) -> list[Block]:
    blocks, start = [], 0
    while start < len(layers):
        _, period, repeat = best[start]
        if period == 1:
            attention, ffn = layers[start]
            blocks.append(Block(repeat=repeat, attention=attention, ffn=ffn))
        else:
            blocks.append(Block(repeat=repeat, blocks=tuple(_runs(layers[start : start + period]))))
        start += period * repeat
    return blocks


def _runs(layers: Sequence[tuple[str, str]]) -> list[Block]:
    starts = [index for index in range(len(layers)) if not index or layers[index] != layers[index - 1]]
    stops = [*starts[1:], len(layers)]
    return [
        Block(repeat=stop - start, attention=layers[start][0], ffn=layers[start][1])
        for start, stop in zip(starts, stops, strict=True)
    ]
