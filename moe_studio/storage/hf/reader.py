"""Reads the keys of a config.json, whatever they hold, and collects every fault."""

from collections.abc import Mapping, Sequence
from typing import Final

from moe_studio.errors import Fault
from moe_studio.project.model import MAX_DIMENSION

NAMES: Mapping[str, tuple[str, ...]] = {
    "hidden": ("hidden_size", "d_model", "n_embd", "hidden_dim", "dim"),
    "layers": ("num_hidden_layers", "n_layers", "n_layer", "num_layers"),
    "heads": ("num_attention_heads", "n_heads", "n_head", "num_heads"),
    "kv_heads": (
        "num_key_value_heads",
        "attn_config.kv_n_heads",
        "num_kv_heads",
        "n_kv_heads",
        "num_attention_groups",
    ),
    "head_dim": ("head_dim", "attention_head_dim", "kv_channels"),
    "v_dim": ("v_head_dim",),
    "vocab": ("vocab_size", "padded_vocab_size", "n_vocab"),
    "tied": ("tie_word_embeddings",),
    "window": ("sliding_window", "attention_chunk_size"),
    "q_lora": ("q_lora_rank",),
    "kv_lora": ("kv_lora_rank",),
    "qk_nope": ("qk_nope_head_dim",),
    "qk_rope": ("qk_rope_head_dim",),
    "index_heads": ("index_n_heads", "sparse_attention_config.sparse_num_index_heads"),
    "index_dim": ("index_head_dim", "sparse_attention_config.sparse_index_dim"),
    "experts": (
        "num_local_experts",
        "num_experts",
        "n_routed_experts",
        "moe_num_experts",
        "ffn_config.moe_num_experts",
        "num_moe_experts",
    ),
    "top_k": (
        "num_experts_per_tok",
        "num_experts_per_token",
        "experts_per_token",
        "moe_topk",
        "moe_k",
        "moe_top_k",
        "ffn_config.moe_top_k",
        "top_k_experts",
        "num_selected_experts",
        "moe_router_topk",
    ),
    "expert_hidden": (
        "moe_intermediate_size",
        "expert_ffn_hidden_size",
        "ffn_config.ffn_hidden_size",
        "moe_ffn_hidden_size",
    ),
    "dense_hidden": ("dense_intermediate_size", "ffn_hidden_size", "intermediate_size"),
    "shared": ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", "num_shared_expert"),
    "shared_hidden": (
        "shared_expert_intermediate_size",
        "moe_shared_expert_intermediate_size",
        "shared_intermediate_size",
        "share_expert_dim",
    ),
    "ahead": ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules"),
    "latent": ("moe_latent_size", "routed_expert_hidden_size"),
    "first_dense": ("first_k_dense_replace",),
    "layer_kinds": ("layer_types", "layers_block_type"),
    "qkv_bias": ("attention_bias", "qkv_bias", "use_bias", "bias"),
    "conv_kernel": (
        "linear_conv_kernel_dim",
        "linear_attn_config.short_conv_kernel_size",
        "conv_kernel",
        "mamba_d_conv",
    ),
    "mamba_heads": ("mamba_num_heads", "mamba_n_heads"),
    "mamba_head_dim": ("mamba_head_dim", "mamba_d_head"),
    "mamba_groups": ("n_groups", "mamba_n_groups"),
    "mamba_state": ("ssm_state_size", "mamba_d_state"),
    "mamba_expand": ("mamba_expand", "expand"),
    "mamba_conv_bias": ("use_conv_bias", "mamba_conv_bias"),
    "mamba_bias": ("mamba_proj_bias", "use_bias"),
    "delta_heads": ("linear_num_heads", "linear_attn_config.num_heads"),
    "delta_dim": ("linear_head_dim", "linear_attn_config.head_dim"),
}
"""Our name of a figure, and the keys under which configurations have it."""

USUAL: Mapping[str, str] = {"dense_hidden": "intermediate_size"}
"""The key to ask for when all are missing, where it is not the first."""

MISSING: Final = object()


class Config:
    """One config.json as a family reads it: a key it omits has the family's default.

    A fault is noted and a harmless value returned, so that all faults come out at once.
    """

    def __init__(
        self,
        raw: Mapping[str, object],
        *,
        names: Mapping[str, tuple[str, ...]] | None = None,
        defaults: Mapping[str, object] | None = None,
    ) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[str] = []
        self._raw = raw
        self._names = {**NAMES, **(names or {})}
        self._defaults = dict(defaults or {})

    def has(self, name: str) -> bool:
        """Whether the file itself has a value other than null for ``name``."""
        return self._found(name)[1] not in (MISSING, None)

    def integer(self, name: str, default: int | None = None, *, low: int = 0, high: int = MAX_DIMENSION) -> int:
        """A whole number. null, or a key neither file nor family has, gives ``default``; None makes it required."""
        key, value = self._value(name)
        if isinstance(value, list):
            value = self._of_layers(key, value)
        if value is None or value is MISSING:
            if default is None:
                self.fault(key, f"is missing; it must be a whole number from {low} to {high}.")
            return max(low, default or 0)
        number = _whole(value)
        if number is None or not low <= number <= high:
            self.fault(key, f"must be a whole number from {low} to {high}, not {shown(value)}.")
            return max(low, default or 0)
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        """A truth value; null gives ``default``."""
        key, value = self._value(name)
        if value is None or value is MISSING:
            return default
        if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
            return bool(value)
        self.fault(key, f"must be true or false, not {shown(value)}.")
        return default

    def text(self, name: str, default: str = "") -> str:
        """A word; anything else gives ``default``."""
        value = self._value(name)[1]
        return value if isinstance(value, str) else default

    def per_layer(self, name: str, layers: int) -> list[object] | None:
        """A list with one entry per layer, or None; further entries belong to layers that predict ahead."""
        key, value = self._value(name)
        if not isinstance(value, list):
            return None
        if len(value) < layers:
            self.fault(key, f"must have an entry for each of the {layers} layers, not {len(value)}.")
            return None
        return value[:layers]

    def members(self, name: str) -> Sequence[object] | None:
        """A list of any length, or a word as the list of its letters, or None."""
        value = self._value(name)[1]
        return value if isinstance(value, list | str) else None

    def fault(self, key: str, message: str) -> None:
        """Note what is wrong with ``key``, once."""
        fault = Fault(path=key, message=message)
        if fault not in self.faults:
            self.faults.append(fault)

    def contradict(self, key: str, message: str) -> None:
        """Note that ``key`` contradicts another one, unless that may only follow from an earlier fault."""
        if not self.faults:
            self.fault(key, message)

    def warn(self, sentence: str) -> None:
        """Note what was assumed, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def _value(self, name: str) -> tuple[str, object]:
        key, value = self._found(name)
        return (key, self._defaults.get(name, MISSING)) if value is MISSING else (key, value)

    def _found(self, name: str) -> tuple[str, object]:
        keys = self._names.get(name, (name,))
        first: tuple[str, object] = (USUAL.get(name, keys[0]), MISSING)
        for key in keys:
            value = _walk(self._raw, key)
            if value is None and first[1] is MISSING:
                first = (key, None)
            elif value is not None and value is not MISSING:
                return key, value
        return first

    def _of_layers(self, key: str, values: list[object]) -> object:
        numbers = [number for value in values if (number := _whole(value)) is not None]
        if not numbers or len(numbers) != len(values):
            return values
        if len(set(numbers)) > 1:
            self.warn(f"{key} differs between layers; the largest, {shown(max(numbers))}, stands for all of them.")
        return max(numbers)


def shown(value: object) -> str:
    """``value`` as it may stand in a message: never long."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return f"{value}" if abs(value) < 10**18 else "a number of more than 18 digits"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, Mapping) else "something else"


def _walk(raw: Mapping[str, object], path: str) -> object:
    value: object = raw
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value
