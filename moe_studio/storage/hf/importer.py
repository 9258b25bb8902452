"""From a config.json to a model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from moe_studio.errors import Fault, FileError, ProjectError
from moe_studio.project.model import Attention, Dtypes, FeedForward, Model
from moe_studio.storage.hf.family import UNKNOWN, Family, family_of
from moe_studio.storage.hf.feed_forward import dense, mixture
from moe_studio.storage.hf.layout import Plan, blocks_of
from moe_studio.storage.hf.mixer import guessed, together
from moe_studio.storage.hf.reader import Config, shown

INHERITED = ("tie_word_embeddings", "quantization_config", "dtype", "torch_dtype")

TEXT_PARTS = ("text_config", "llm_config", "language_config")

RULES = ("first_dense", "moe_layer_freq", "mlp_layer_types", "decoder_sparse_step")
"""Keys that say which layers have experts."""

DTYPES = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float": "fp32"}

QUANTIZED: Mapping[str, tuple[str, str]] = {
    "fp8": ("fp8", "fp8"),
    "fbgemm_fp8": ("fp8", "fp8"),
    "mxfp4": ("", "fp4"),
    "nvfp4": ("", "fp4"),
    "gptq": ("fp4", "fp4"),
    "awq": ("fp4", "fp4"),
}
"""Data types of the weights and of the experts' weights, by way of quantisation."""


def model_from_config(config: Mapping[str, object], *, name: str = "") -> Model:
    """The model that a Hugging Face config.json describes; ``name`` is for messages.

    Raises `FileError` with every fault, each naming its key. What had to be assumed is in
    the model's `warnings`, a sentence each.
    """
    label = name or "config.json"
    if not isinstance(config, Mapping):
        raise FileError(label, [Fault(path="", message="must be a JSON object with the keys of a model.")])
    raw, model_type = _text_part(config)
    family = family_of(model_type)
    reader = Config(raw, names=(family or UNKNOWN).names, defaults=(family or UNKNOWN).defaults)
    if raw is not config and any(isinstance(value, Mapping) for key, value in config.items() if "vision" in str(key)):
        reader.warn("Only the language model is read; its vision encoder is left out.")
    if family is None:
        _warn_of_guesses(reader, model_type)
    try:
        model = _model(reader, family or UNKNOWN)
    except ProjectError as error:
        raise FileError(label, reader.faults or [Fault(path="", message=str(error))]) from error
    if reader.faults:
        raise FileError(label, reader.faults)
    return model


def _text_part(config: Mapping[str, object]) -> tuple[Mapping[str, object], str]:
    """The part that describes the language model, with the outer keys it lacks, and its type."""
    outer_type = config.get("model_type")
    for key in TEXT_PARTS:
        part = config.get(key)
        if isinstance(part, Mapping):
            inherited = {outer: config[outer] for outer in INHERITED if outer in config}
            inner_type = part.get("model_type", outer_type)
            return {**inherited, **part}, inner_type if isinstance(inner_type, str) else ""
    return config, outer_type if isinstance(outer_type, str) else ""


def _warn_of_guesses(config: Config, model_type: str) -> None:
    """Say what reading a file of an unknown family assumes."""
    named = f"The model_type {shown(model_type)} is not known" if model_type else "The file has no model_type"
    config.warn(f"{named}; its figures are read from the keys that other families use.")
    if not config.has("experts"):
        config.warn("No key gives a number of experts, so every layer is taken to be dense.")
    elif not any(config.has(name) for name in RULES):
        config.warn("No key says which layers have experts, so all of them are taken to have them.")
    if not config.has("vocab"):
        config.warn("No key gives the size of the vocabulary, so embedding and head are left out.")
    config.warn(
        "Experts and dense layers are taken to have three matrices (gate, up, down), attention to have no biases "
        "beyond those the file names, and each layer to have two norms."
    )


def _model(config: Config, family: Family) -> Model:
    hidden = config.integer("hidden", low=1)
    plans = family.layout(config)
    mixers = list(dict.fromkeys(plan.mixers for plan in plans))
    mixers.sort(key=lambda kinds: kinds != ("full",))
    norms = (family.norms - 2) * hidden + (2 * hidden if family.norm_bias else 0)
    attentions = {}
    for kinds in mixers:
        attention = together([_mixer(config, family, kind) for kind in kinds], hidden)
        attentions[_name(kinds)] = replace(attention, extra_parameters=attention.extra_parameters + norms)
    first = _name(mixers[0])
    vocab = config.integer("vocab", 0)
    if ahead := config.integer("ahead", 0):
        config.warn(f"Layers that predict further tokens ahead ({ahead}) are left out.")
    return Model(
        hidden=hidden,
        dtype=DTYPES.get(config.text("torch_dtype", config.text("dtype")), "bf16"),
        dtypes=_dtypes(config),
        vocab=vocab,
        tied=config.flag("tied"),
        attention=attentions.pop(first),
        attentions=attentions,
        ffn=_feed_forwards(config, family, plans),
        blocks=blocks_of([(name if (name := _name(plan.mixers)) != first else "", plan.ffn) for plan in plans]),
        extra_parameters=_outside_layers(config, family, hidden, vocab),
        warnings=tuple(config.warnings),
    )


def _mixer(config: Config, family: Family, kind: str) -> Attention:
    """One kind of mixer; one that the family is not known for is read as an unknown family's."""
    if kind in family.mixers:
        return family.mixers[kind](config)
    config.warn(f"Layers of the kind {kind} are not known of this family; they are read by the keys that the file has.")
    return UNKNOWN.mixers.get(kind, guessed)(config)


def _name(kinds: Sequence[str]) -> str:
    return "-".join(kinds)


def _feed_forwards(config: Config, family: Family, plans: Sequence[Plan]) -> dict[str, FeedForward]:
    used = {plan.ffn for plan in plans}
    return {name: build(config, family) for name, build in (("moe", mixture), ("dense", dense)) if name in used}


def _outside_layers(config: Config, family: Family, hidden: int, vocab: int) -> int:
    """Biases of final norm and head, and what joins the streams of hyper-connections."""
    streams = config.integer("hc_mult", 0, high=1024)
    joined = streams * streams * hidden + streams + 1 if streams else 0
    return joined + (hidden if family.norm_bias else 0) + (vocab if config.flag("lm_head_bias") else 0)


def _dtypes(config: Config) -> Dtypes:
    """Data types of quantised weights; a mixed recipe is read as the one of its experts."""
    words = [config.text(f"quantization_config.{key}").lower() for key in ("quant_algo", "quant_method", "format")]
    bits = config.integer("quantization_config.config_groups.group_0.weights.num_bits", 0)
    weights, experts = next((QUANTIZED[word] for word in words if word in QUANTIZED), ("", ""))
    if not experts and bits in (4, 8):
        is_float = config.text("quantization_config.config_groups.group_0.weights.type") == "float"
        weights, experts = ("", "fp4") if bits == 4 else ("fp8", "fp8") if is_float else ("int8", "int8")
    if "mxfp4" in words[2]:
        weights, experts = "", "fp4"
    if config.text("expert_dtype") == "fp4":
        experts = "fp4"
    return Dtypes(weights=weights, experts=experts)
