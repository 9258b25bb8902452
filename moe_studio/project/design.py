"""How a model is spread over a cluster and what it is asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from moe_studio.errors import ProjectError
from moe_studio.project.setting import check_settings, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """Degrees of parallelism. W = GPUs / (dp · pp) GPUs make a stage."""

    dp: int = setting("replicas of the whole model", 1, low=1, high=65536)
    pp: int = setting("pipeline stages of a replica", 1, low=1, high=65536)
    tp: int = setting("GPUs that share attention heads", 1, low=1, high=65536)
    ep: int = setting("expert slots over which one copy of the experts is spread", 1, low=1, high=65536)
    etp: int = setting("GPUs that share one expert", 1, low=1, high=65536)
    attention: str = setting(
        "data: each attention group has its own sequences; replicated: each computes all of them",
        "data",
        choices=("data", "replicated"),
    )

    def __post_init__(self) -> None:
        check_settings(self, "parallel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Put one expert of some layers into slots; two slots make two instances."""

    layers: str = setting('layers: "4", "0-3", "0,2,8-11"; empty: every layer', "")
    expert: int = setting("number of the expert in its layer", low=0, high=4095)
    slots: tuple[int, ...] = setting("slots of a stage, 0 … W / etp − 1")
    replica: int | None = setting("the replica it is about; none: every replica", None, low=0, high=65535)

    def __post_init__(self) -> None:
        check_settings(self, "placement.moves")
        if not self.slots:
            raise ProjectError("placement.moves: slots needs at least one slot.")
        if len(set(self.slots)) != len(self.slots) or min(self.slots) < 0:
            raise ProjectError("placement.moves: slots must be different numbers from 0 up.")
        layer_ranges(self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where experts live: a policy, and moves that change it. A later move wins."""

    policy: str = setting(
        "contiguous, round-robin, balanced (by load, as EPLB packs them), or explicit (every slot from moves)",
        "contiguous",
        choices=("contiguous", "round-robin", "balanced", "explicit"),
    )
    redundant: int = setting(
        "further instances of the most loaded experts, in each copy of the experts; not with explicit",
        0,
        low=0,
        high=65536,
    )
    moves: tuple[Move, ...] = setting("experts that are elsewhere", ())

    def __post_init__(self) -> None:
        check_settings(self, "placement")


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How tokens choose experts."""

    kind: str = setting("uniform, zipf, or recorded", "uniform", choices=("uniform", "zipf", "recorded"))
    skew: float = setting("exponent of the zipf law", 1.0, low=0, high=20)
    seed: int = setting("seed of the zipf permutation", 0, low=0, high=2**63 - 1)
    imbalance: float = setting(
        "tokens of a layer's busiest GPU over the mean, as engines log it; 1: as loads and placement have it",
        1.0,
        low=1,
        high=65536,
    )
    chance: bool = setting(
        "whether loads vary from step to step, as when each token chooses by itself: the busiest GPU is then busier",
        False,
    )
    file: str = setting("recorded counts: a file of layers × experts, relative to the project", "")
    counts: tuple[tuple[float, ...], ...] = setting("counts read from the file", (), derived=True)

    def __post_init__(self) -> None:
        check_settings(self, "workload.routing")

    @property
    def is_even(self) -> bool:
        """Whether all layers are alike: every expert is asked as often as any other."""
        return self.kind == "uniform" and self.imbalance == 1 and not self.chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What the model is asked to do at once."""

    phase: str = setting("forward, prefill, or decode", "forward", choices=("forward", "prefill", "decode"))
    batch: int = setting("sequences in flight, over all replicas", 1, low=1, high=10**9)
    tokens: int = setting("new tokens of each sequence (prefill, forward)", 1, low=1, high=10**9)
    context: int = setting("tokens of each sequence that are in the cache already", 0, low=0, high=10**9)
    micro_batches: int = setting("slices of the batch that flow on their own", 1, low=1, high=4096)
    order: str = setting("sequential or interleaved micro-batches", "sequential", choices=("sequential", "interleaved"))
    cached_share: float = setting("share of each prompt that is in the cache already (prefill)", 0.0, low=0, high=1)
    draft_tokens: int = setting("tokens drafted for each sequence, which one step verifies (decode)", 0, low=0, high=64)
    # Of the second token that DeepSeek-V3 predicts, 85 to 90 % are accepted (arXiv 2412.19437, section 5.4.3).
    acceptance: float = setting("chance that a drafted token holds when those before it do", 0.85, low=0, high=1)
    routing: Routing = setting("how tokens choose experts", factory=Routing)

    def __post_init__(self) -> None:
        check_settings(self, "workload")

    @property
    def is_decode(self) -> bool:
        """Whether each sequence goes on by what one step makes."""
        return self.phase == "decode"

    @property
    def cached_tokens(self) -> int:
        """Tokens of each prompt that need not be computed; at least one must be."""
        # A share such as 0.57 of 100 must not lose a token to rounding.
        return min(self.tokens - 1, int(self.tokens * self.cached_share + 1e-9)) if self.phase == "prefill" else 0

    @property
    def new_tokens(self) -> int:
        """S: query tokens that one step computes for each sequence."""
        return 1 + self.draft_tokens if self.is_decode else self.tokens - self.cached_tokens

    @property
    def past_tokens(self) -> int:
        """Tokens of each sequence whose keys and values are in the cache before the step."""
        return self.context + self.cached_tokens

    @property
    def seen_tokens(self) -> int:
        """C, but for windows: key/value tokens of each sequence."""
        return self.context if self.is_decode else self.context + self.tokens

    @property
    def gained_tokens(self) -> float:
        """Tokens by which one step brings each sequence forward, on average.

        Of k drafts each holds with chance a if those before it do: 1 + a + a² + … + a^k (arXiv 2211.17192, equation 1).
        """
        if not self.is_decode:
            return float(self.tokens)
        return sum(self.acceptance**place for place in range(self.draft_tokens + 1))


COST_FILES = ("calibration", "table")
"""Settings of `Cost` that name a file beside the project; ``calibration_path`` and ``table_path`` say where it lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """How run times are found."""

    provider: str = setting(
        "who answers what an operator costs: fixed, calibrated, auto (calibrated on devices of the catalogue "
        "and of `calibration`), table, or the name of a plug-in",
        "auto",
    )
    calibration: str = setting("own calibration, made by moe-studio calibrate: a file relative to the project", "")
    table: str = setting("own measured run times for the provider table: a CSV file relative to the project", "")
    calibration_path: str = setting("where the file of the calibration lies", "", derived=True)
    table_path: str = setting("where the file of the table lies", "", derived=True)
    compute: float = setting("share of the arithmetic peak that is reached", 0.6, above=0, high=1)
    memory: float = setting("share of the memory bandwidth that is reached", 0.8, above=0, high=1)
    launch_us: float = setting("cost of starting one kernel", 0.0, unit="µs", low=0, high=1e6)
    attention: str = setting("fused attention never writes its scores", "unfused", choices=("fused", "unfused"))
    causal: bool = setting("whether fused attention skips masked scores", False)
    overlap: bool = setting("whether communication has a stream of its own", True)
    graphs: str = setting(
        "CUDA graphs (calibrated): without them the host issues every kernel; auto: in decode",
        "auto",
        choices=("auto", "on", "off"),
    )
    # The default is an estimate, not a measurement: some microseconds of Python, dispatcher and driver for each kernel.
    host_us: float = setting(
        "time in which the host issues one kernel where there are no CUDA graphs (calibrated)",
        5.0,
        unit="µs",
        low=0,
        high=1e6,
    )

    def __post_init__(self) -> None:
        check_settings(self, "cost")


def without_files(cost: Cost) -> Cost:
    """``cost`` as it is without files beside the project: kernel models that ship instead of a table."""
    bare: dict[str, Any] = dict.fromkeys((*COST_FILES, *(f"{name}_path" for name in COST_FILES)), "")
    return replace(cost, provider="auto" if cost.provider == "table" else cost.provider, **bare)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRules:
    """How the serving engine uses the memory of a GPU."""

    usable: float = setting(
        "share of a GPU's memory that may be filled, such as gpu_memory_utilization", 1.0, above=0, high=1
    )
    reserve_gb: float = setting(
        "memory that the engine keeps for itself: contexts, graphs, workspaces", 0.0, unit="GB", low=0, high=1e6
    )
    block_tokens: int = setting("tokens in one block of the paged cache", 1, unit="tokens", low=1, high=1 << 20)
    activations: str = setting(
        "largest: residual twice and the largest operator; live: what is alive at once in program order",
        "largest",
        choices=("largest", "live"),
    )

    def __post_init__(self) -> None:
        check_settings(self, "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that a design is checked against; 0 switches a bound off."""

    experts_per_gpu: int = setting("most experts of one layer on a GPU", 0, low=0, high=4096)
    min_ep: int = setting("least expert parallelism", 0, low=0, high=65536)
    imbalance: float = setting("most load of a GPU over the mean, per layer", 1.5, low=0, high=1e6)

    def __post_init__(self) -> None:
        check_settings(self, "limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Claimed or measured figures, to stand beside the predictions; 0: none."""

    tokens_per_s: float = setting("tokens per second", 0.0, unit="tokens/s", low=0, high=1e15)
    tpot_ms: float = setting("time per output token", 0.0, unit="ms", low=0, high=1e12)
    ttft_ms: float = setting("time to first token", 0.0, unit="ms", low=0, high=1e12)
    latency_s: float = setting("time of one step", 0.0, unit="s", low=0, high=1e12)
    note: str = setting("where the figures come from", "")

    def __post_init__(self) -> None:
        check_settings(self, "reference")


def layer_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """``"0,2,8-11"`` as ((0, 0), (2, 2), (8, 11)); empty text as ()."""
    ranges = []
    for part in text.replace(" ", "").split(",") if text.strip() else ():
        first, _, last = part.partition("-")
        if not first.isascii() or not first.isdigit() or (last and not (last.isascii() and last.isdigit())):
            raise ProjectError(f'layers must look like 4, "0-3" or "0,2,8-11", not {text[:40]!r}.')
        if "-" in part and not last:
            raise ProjectError(f'layers must look like 4, "0-3" or "0,2,8-11", not {text[:40]!r}.')
        if max(len(first), len(last)) > 4 or not int(first) <= int(last or first) <= 4095:
            raise ProjectError(f"layers: {part[:40]} is not a range of layers from 0 to 4095.")
        ranges.append((int(first), int(last or first)))
    return tuple(ranges)


def layers_text(layers: Mapping[int, object] | list[int]) -> str:
    """Layer numbers as shortest text: [0, 1, 2, 5] is ``0-2,5``."""
    parts: list[str] = []
    numbers = sorted(layers)
    start = 0
    for index, number in enumerate(numbers):
        if index + 1 == len(numbers) or numbers[index + 1] != number + 1:
            parts.append(f"{numbers[start]}-{number}" if number > numbers[start] else f"{number}")
            start = index + 1
    return ",".join(parts)
