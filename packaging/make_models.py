"""Writes the models of the catalogue from the configurations that the tests import.

Run from anywhere: ``python packaging/make_models.py``. It overwrites resources/models.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from textwrap import wrap

from moe_studio.project.model import Attention, Block, Dtypes, FeedForward, Model
from moe_studio.project.parameter import parameters
from moe_studio.storage.hf import model_from_config

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "tests" / "data" / "hf"
MODELS = ROOT / "resources" / "models"
LINE = 116

PRESETS = {
    "dbrx": "databricks--dbrx-base",
    "deepseek-v2": "deepseek-ai--DeepSeek-V2",
    "deepseek-v2-lite": "deepseek-ai--DeepSeek-V2-Lite",
    "deepseek-v3": "deepseek-ai--DeepSeek-V3",
    "deepseek-v3.2": "deepseek-ai--DeepSeek-V3.2",
    "deepseek-v4-flash": "deepseek-ai--DeepSeek-V4-Flash",
    "deepseek-v4-pro": "deepseek-ai--DeepSeek-V4-Pro",
    "ernie-4.5-21b-a3b": "baidu--ERNIE-4.5-21B-A3B-PT",
    "ernie-4.5-300b-a47b": "baidu--ERNIE-4.5-300B-A47B-PT",
    "glm-4.5": "zai-org--GLM-4.5",
    "glm-4.5-air": "zai-org--GLM-4.5-Air",
    "glm-5": "zai-org--GLM-5",
    "glm-5.2": "zai-org--GLM-5.2",
    "gpt-oss-20b": "openai--gpt-oss-20b",
    "gpt-oss-120b": "openai--gpt-oss-120b",
    "granite-3.0-3b-a800m": "ibm-granite--granite-3.0-3b-a800m-base",
    "granite-4.0-h-tiny": "ibm-granite--granite-4.0-h-tiny",
    "grok-1": "xai-org--grok-1",
    "hunyuan-a13b": "tencent--Hunyuan-A13B-Instruct",
    "hunyuan-large": "tencent--Hunyuan-Large",
    "jamba-v0.1": "ai21labs--Jamba-v0.1",
    "kimi-k2": "moonshotai--Kimi-K2-Instruct",
    "kimi-k2.5": "moonshotai--Kimi-K2.5",
    "kimi-k3": "moonshotai--Kimi-K3",
    "kimi-linear-48b-a3b": "moonshotai--Kimi-Linear-48B-A3B-Instruct",
    "llama-3.1-8b": "meta-llama--Meta-Llama-3.1-8B",
    "llama-3.1-70b": "meta-llama--Meta-Llama-3.1-70B",
    "llama-4-maverick": "meta-llama--Llama-4-Maverick-17B-128E-Instruct",
    "llama-4-scout": "meta-llama--Llama-4-Scout-17B-16E-Instruct",
    "longcat-flash": "meituan-longcat--LongCat-Flash-Chat",
    "mimo-v2-flash": "XiaomiMiMo--MiMo-V2-Flash",
    "minimax-m2": "MiniMaxAI--MiniMax-M2.5",
    "minimax-m3": "MiniMaxAI--MiniMax-M3",
    "minimax-text-01": "MiniMaxAI--MiniMax-Text-01",
    "mistral-7b": "mistralai--Mistral-7B-v0.1",
    "mixtral-8x7b": "mistralai--Mixtral-8x7B-v0.1",
    "mixtral-8x22b": "mistralai--Mixtral-8x22B-v0.1",
    "nemotron-3-nano": "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
    "nemotron-3-super": "nvidia--NVIDIA-Nemotron-3-Super-120B-A12B-FP8",
    "nemotron-3-ultra": "nvidia--NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16",
    "olmoe-1b-7b": "allenai--OLMoE-1B-7B-0924",
    "phi-3.5-moe": "microsoft--Phi-3.5-MoE-instruct",
    "qwen1.5-moe-a2.7b": "Qwen--Qwen1.5-MoE-A2.7B",
    "qwen2.5-7b": "Qwen--Qwen2.5-7B",
    "qwen3-8b": "Qwen--Qwen3-8B",
    "qwen3-30b-a3b": "Qwen--Qwen3-30B-A3B",
    "qwen3-235b-a22b": "Qwen--Qwen3-235B-A22B",
    "qwen3-next-80b-a3b": "Qwen--Qwen3-Next-80B-A3B-Instruct",
    "qwen3.5-35b-a3b": "Qwen--Qwen3.5-35B-A3B",
    "qwen3.5-397b-a17b": "Qwen--Qwen3.5-397B-A17B",
    "step-3": "stepfun-ai--step3",
    "step-3.5-flash": "stepfun-ai--Step-3.5-Flash",
    "step-3.7-flash": "stepfun-ai--Step-3.7-Flash",
}
"""Name in the catalogue, and the configuration it is made from."""


def main() -> None:
    """Write every model of the catalogue."""
    MODELS.mkdir(exist_ok=True)
    for name, config in PRESETS.items():
        (MODELS / f"{name}.yaml").write_text(preset_text(config), encoding="utf-8", newline="\n")


def preset_text(config: str) -> str:
    """The YAML of the model in ``config``, one of the configurations' names."""
    model = imported(config)
    count = parameters(model)
    head = [
        f"# Made by packaging/make_models.py from the config.json of {config.replace('--', '/')}.",
        f"# {count.total:,} parameters, {count.active:,} of them active for a token.",
    ]
    assumed = [f"# {line}" for warning in model.warnings for line in wrap(warning, LINE - 2)]
    return "\n".join([*head, *assumed, *model_lines(model)]) + "\n"


def imported(config: str) -> Model:
    """The model of ``config``, one of the configurations' names."""
    return model_from_config(json.loads((CONFIGS / f"{config}.json").read_text("utf-8")), name=config)


def model_lines(model: Model) -> list[str]:
    """The fields of ``model`` that are not as by default, as YAML."""
    lines = [f"hidden: {model.hidden}", f"dtype: {model.dtype}"]
    if model.dtypes != Dtypes():
        lines.append(f"dtypes: {flow(model.dtypes)}")
    lines += [f"vocab: {model.vocab}"] + ["tied: true"] * model.tied
    lines += entry("attention", model.attention, "")
    lines += named("attentions", model.attentions) + named("ffn", model.ffn)
    lines += ["blocks:", *(line for block in model.blocks for line in item(block))]
    return lines + [f"extra_parameters: {model.extra_parameters}"] * bool(model.extra_parameters)


def named(title: str, parts: Mapping[str, Attention | FeedForward]) -> list[str]:
    """Values by name, under a title; nothing when there are none."""
    lines = [line for name, part in sorted(parts.items()) for line in entry(name, part, "  ")]
    return [f"{title}:", *lines] if lines else []


def item(block: Block) -> list[str]:
    """A block as an item of a list, its pattern on lines of its own when that would be long."""
    line = f"  - {flow(block)}"
    if len(line) <= LINE:
        return [line]
    return [f"  - repeat: {block.repeat}", "    blocks:", *(f"      - {flow(inner)}" for inner in block.blocks)]


def entry(name: str, value: Attention | FeedForward, indent: str) -> list[str]:
    """A value on one line, or a line for each of its fields when that would be long."""
    line = f"{indent}{name}: {flow(value)}"
    if len(line) <= LINE:
        return [line]
    return [f"{indent}{name}:", *(f"{indent}  {key}: {text}" for key, text in changed(value))]


def flow(value: Attention | FeedForward | Block | Dtypes) -> str:
    """A value as a YAML flow mapping."""
    return "{" + ", ".join(f"{key}: {text}" for key, text in changed(value)) + "}"


def changed(value: Attention | FeedForward | Block | Dtypes) -> list[tuple[str, str]]:
    """The fields that are not as by default, and those one looks for, as text."""
    shown = {"kind"}
    shown |= {"head_dim"} if isinstance(value, Attention) and value.kind in ("mha", "gqa") else set()
    shown |= {"top_k"} if isinstance(value, FeedForward) and value.is_moe else set()
    found = []
    for known in fields(value):
        figure = getattr(value, known.name)
        if figure != known.default or known.name in shown:
            found.append((known.name, text_of(figure)))
    return found or [("repeat", "1")]


def text_of(figure: object) -> str:
    """A field as YAML."""
    if isinstance(figure, tuple):
        return "[" + ", ".join(flow(block) for block in figure) + "]"
    if isinstance(figure, str):
        return figure if figure.replace("-", "").isalnum() else json.dumps(figure, ensure_ascii=False)
    return str(figure)


if __name__ == "__main__":
    main()
