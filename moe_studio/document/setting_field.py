"""Settings as fields of a form: what they are called, how they are typed, and what may be chosen.

Fields are made from the value classes by introspection, so a setting's range, unit and meaning are
written once, beside the value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, is_dataclass
from math import prod
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from moe_studio.project.setting import Setting
from moe_studio.storage.reader import FieldShape, field_shapes

Words = tuple[str, ...]
Kind = Literal["whole", "number", "text", "choice", "check", "wholes"]

MANY = object()
"""Stands for values that differ where several things are edited at once."""

NO_DEFAULT = object()
"""Stands for the default of a setting that has none."""

LABELS: Mapping[str, str] = {
    **{name: name.upper() for name in ("dp", "pp", "tp", "ep", "etp")},
    "gpus": "GPUs",
    "gb_s": "Bandwidth",
    "latency_us": "Latency",
    "memory_gb": "Memory",
    "memory_tb_s": "Memory bandwidth",
    "link_gb_s": "Link in the node",
    "launch_us": "Kernel launch",
    "compute": "Compute share",
    "memory": "Memory share",
    "causal": "Causal mask",
    "usable": "Usable share",
    "reserve_gb": "Engine's reserve",
    "block_tokens": "Tokens in a cache block",
    "cached_share": "Cached share of prompts",
    "draft_tokens": "Draft tokens",
    "redundant": "Redundant experts",
    "mtp": "MTP passes",
    "graphs": "CUDA graphs",
    "host_us": "Host time of a kernel",
    "overlap": "Overlap",
    "imbalance": "Most imbalance",
    "order": "Order",
    "vocab": "Vocabulary",
    "tied": "Tied head",
    "shared": "Shared experts",
    "shared_hidden": "Their hidden size",
    "tokens_per_s": "Throughput",
    "tpot_ms": "TPOT",
    "ttft_ms": "TTFT",
    "latency_s": "Latency",
    "kv_cache": "KV cache",
    "kv_heads": "KV heads",
    "q_lora": "Query rank",
    "kv_lora": "KV rank",
    "qk_nope": "Head width, no position",
    "qk_rope": "Head width, position",
    "v_dim": "Value head width",
    "head_dim": "Head width",
    "dtype": "Data type",
    "top_k": "Top-k",
    "min_ep": "Least EP",
    "experts_per_gpu": "Experts per GPU",
    "sms": "SMs",
    "micro_batches": "Micro-batches",
    "hidden": "Hidden size",
    "extra_parameters": "Other parameters",
    "expert_extra_parameters": "Others per expert",
}
"""Names of fields that are not simply their words."""

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_GROUPED = re.compile(r"(?<=\d)[ _\u202f\u00a0,](?=\d{3}(?!\d))")
_MAX_DIGITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value and the word that it is shown as."""

    value: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One setting of one thing. ``owner`` names the thing where the label alone would not tell.

    ``default`` is what it is when a file does not name it; `NO_DEFAULT` when it has none.
    """

    words: Words
    label: str
    kind: Kind
    known: Setting
    value: Any
    default: Any = NO_DEFAULT
    owner: str = ""
    choices: tuple[Choice, ...] = ()
    is_optional: bool = False
    blank: str = ""
    """What an empty text stands for."""

    @property
    def path(self) -> str:
        """The place as problems name it: ``cluster.nodes[1].gpus``."""
        return path_of(self.words)

    @property
    def title(self) -> str:
        """Label and owner: ``GPUs of node1``."""
        return f"{self.label} of {self.owner}" if self.owner else self.label

    @property
    def hint(self) -> str:
        """What it means, in one sentence, with its unit and default."""
        doc = self.known.doc[:1].upper() + self.known.doc[1:]
        unit = f", in {self.known.unit}" if self.known.unit else ""
        usual = self.text_of(self.default) if self.default is not NO_DEFAULT else ""
        return f"{doc}{unit}." + (f" Default: {usual}." if usual else "")

    @property
    def is_default(self) -> bool:
        """Whether nothing would change by resetting it."""
        return self.default is NO_DEFAULT or self.value == self.default

    @property
    def text(self) -> str:
        """Its value as one types it."""
        return self.text_of(self.value)

    def text_of(self, value: Any) -> str:
        """``value`` as one types it."""
        if value is None or value is MANY or value is NO_DEFAULT:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, tuple):
            return ", ".join(str(item) for item in value)
        if isinstance(value, int):
            return f"{value:,}" if abs(value) >= 10_000 else f"{value}"
        if isinstance(value, float):
            return f"{value:,.12g}" if abs(value) >= 10_000 else f"{value:.12g}"
        return f"{value}"

    def parsed(self, text: str) -> "Parsed":
        """The value that ``text`` means, or what is wrong with it."""
        text = text.strip() if self.kind not in ("text", "choice") else text
        if self.is_optional and not text:
            return Parsed(value=None)
        found = _PARSERS[self.kind](text)
        if isinstance(found, _Wrong):
            return Parsed(sentence=f"{self.label} {found.message}")
        if self.choices and self.kind == "choice" and found not in [choice.value for choice in self.choices]:
            return Parsed(sentence=f"{self.label} must be one of {', '.join(choice.text for choice in self.choices)}.")
        fault = self.known.fault(found)
        return Parsed(sentence=f"{self.label} {fault}") if fault else Parsed(value=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A value, or a sentence that says why there is none."""

    value: Any = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class _Wrong:
    message: str


def _whole(text: str) -> int | _Wrong:
    """A whole number, or a product of some: ``16``, ``128,000``, ``8 × 2048``, ``1e6``."""
    parts = [_plain_number(part) for part in re.split(r"[*×·]", text)]
    if any(part is None or part != int(part) for part in parts):
        return _Wrong("must be a whole number, such as 16.")
    return prod(int(part) for part in parts if part is not None)


def _number(text: str) -> float | _Wrong:
    number = _plain_number(text)
    return _Wrong("must be a number, such as 1.8.") if number is None else float(number)


def _plain_number(text: str) -> int | float | None:
    text = _GROUPED.sub("", text.strip())
    if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    if abs(number) == float("inf"):
        return None
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else number


def _wholes(text: str) -> tuple[int, ...] | _Wrong:
    parts = [part for part in re.split(r"[,;\s]+", text) if part]
    if not parts or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return _Wrong("must be whole numbers, such as 3 or 3, 7.")
    return tuple(dict.fromkeys(int(part) for part in parts))


def _check(text: str) -> bool | _Wrong:
    return {"yes": True, "no": False}.get(text, _Wrong("must be yes or no."))


_PARSERS: Mapping[str, Any] = {
    "whole": _whole,
    "number": _number,
    "text": str,
    "choice": str,
    "check": _check,
    "wholes": _wholes,
}


def path_of(words: Words) -> str:
    """The place of a setting as problems name it: ``cluster.nodes[1].gpus``."""
    return "".join(f"[{word}]" if word.isdigit() else f".{word}" for word in words).lstrip(".")


def label_of(name: str) -> str:
    """What a field is called: ``micro_batches`` is Micro-batches."""
    words = name.replace("_", " ")
    return LABELS.get(name) or words[:1].upper() + words[1:]


def fields_of(value: Any, words: Words, *, base: Any = None, owner: str = "") -> Iterator[Field]:
    """The fields of ``value`` that are typed as one, in order; ``base`` is what it is a change of."""
    for shape in field_shapes(type(value)):
        kind = _kind(shape)
        if kind is None:
            continue
        default = getattr(base, shape.name) if base is not None else shape.default
        yield Field(
            words=(*words, shape.name),
            label=label_of(shape.name),
            kind=kind,
            known=shape.known,
            value=getattr(value, shape.name),
            default=NO_DEFAULT if default is MISSING else default,
            owner=owner,
            choices=choices_of(shape.known.choices),
            is_optional=get_origin(shape.kind) is UnionType,
            blank="all" if shape.name in ("layers", "replica") else "",
        )


def choices_of(values: tuple[str, ...], *, blank: str = "as the model") -> tuple[Choice, ...]:
    """Words to choose from; the empty word is shown as ``blank``."""
    return tuple(Choice(value=value, text=value or blank) for value in values)


def _kind(shape: FieldShape) -> Kind | None:
    kind = shape.kind
    if get_origin(kind) is UnionType:
        kind = next(item for item in get_args(kind) if item is not NoneType)
    if kind == tuple[int, ...]:
        return "wholes"
    if kind is str:
        return "choice" if shape.known.choices else "text"
    if get_origin(kind) is not None or is_dataclass(kind):
        return None
    simple: Mapping[Any, Kind] = {bool: "check", int: "whole", float: "number"}
    return simple.get(kind)
