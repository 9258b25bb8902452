"""Writes and reads what was fitted to a device: ``resources/calibration/DEVICE.yaml``.

device: h100-sxm
gemm:
  bf16:
    parameters: {...}
    evidence: {...}
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from moe_studio.calibration.family import Family
from moe_studio.calibration.registry import FAMILIES
from moe_studio.errors import Fault, FileError, MoeStudioError
from moe_studio.kernel.device import DeviceFacts, device_facts
from moe_studio.kernel.fitted import CALIBRATED, Calibration, Evidence, Fitted, completed
from moe_studio.locator import resource
from moe_studio.project.cluster import Device
from moe_studio.storage.atomic import save_text
from moe_studio.storage.catalogue import device_names, load_device
from moe_studio.storage.nearest import nearest_hint
from moe_studio.storage.plain_file import read_plain_text
from moe_studio.storage.reader import Reader, Sources
from moe_studio.storage.yaml_text import document
from moe_studio.storage.yaml_tree import MAX_BYTE, Entry, MappingNode, Node, ScalarNode, read_tree

_DIGITS = 5


def device_name(gpu: str) -> str:
    """The catalogue's name of a GPU as tables write it: ``H100-SXM`` is ``h100-sxm``, ``A100-DGX`` ``a100-80g-sxm``."""
    plain = gpu.strip().lower().replace("_", "-").replace(" ", "-").removeprefix("nvidia-").removeprefix("amd-")
    names = device_names()
    candidates = (plain, plain.replace("-dgx", "-sxm"), f"{plain}-sxm", plain.removesuffix("-sxm"))
    found = next((name for name in candidates if name in names), None)
    if found:
        return found
    if plain.startswith("a100"):
        return "a100-40g-sxm" if "40g" in plain else "a100-80g-sxm"
    start = plain.split("-")[0]
    if of_kind := [name for name in names if name.split("-")[0] == start]:
        return next((name for name in of_kind if name.endswith("-sxm")), of_kind[0])
    raise MoeStudioError(f"The catalogue has no GPU {gpu[:60]!r}; {nearest_hint(plain, names)}")


@cache
def facts_of(name: str) -> DeviceFacts:
    """The datasheet of a device of the catalogue."""
    return device_facts(name, load_device(name))


@cache
def shipped() -> tuple[Calibration, ...]:
    """Every calibration that ships with the program, in order of their names."""
    place = resource("calibration")
    return tuple(read_calibration(path) for path in sorted(place.glob("*.yaml"))) if place.is_dir() else ()


@cache
def load_calibration(name: str) -> Calibration:
    """The calibration of a device of the catalogue; what was not fitted to it comes from its nearest relative."""
    return completed(facts_of(name), shipped())


def loader(path: Path | None) -> Callable[[str], Calibration]:
    """What finds the calibration of a device of the catalogue by its name, with the user's own file before others."""
    if path is None:
        return load_calibration
    own = (read_calibration(path), *shipped())
    return cache(lambda name: completed(facts_of(name), own))


def choose(calibration: Calibration, family: Family, variants: Sequence[str]) -> tuple[str, Fitted]:
    """The first of ``variants`` that was fitted to the device itself, else the first that is known at all.

    Any but the first stands in for it, and says so; kernels for the two 16-bit types are the same.
    """
    known = calibration.families.get(family.name, {})
    found = [name for name in variants if name in known]
    for name in [*(name for name in found if known[name].provenance == CALIBRATED), *found][:1]:
        asked = variants[0].replace("fp16", "bf16")
        return name, known[name] if name == asked else known[name].standing_for(variants[0])
    return variants[0] if variants else "", calibration.fitted(family.name, variants[0] if variants else "")


def calibration_of(name: str, device: Device, own: Iterable[Calibration] = ()) -> Calibration:
    """The calibration of any device, own or of the catalogue; a user's ``own`` files come before the shipped ones."""
    return completed(device_facts(name, device), (*own, *shipped()))


def read_calibration(path: Path) -> Calibration:
    """What a calibration file holds, or `FileError` with its faults."""
    tree = read_tree(read_plain_text(path, limit_byte=MAX_BYTE), path.name)
    entries = _entries(tree, path.name, "the file")
    device = entries.get("device")
    if device is None or not isinstance(device.value, ScalarNode):
        raise _refusal(path.name, "device", "is missing; it names the device that was measured.")
    if device.value.text not in device_names():
        hint = nearest_hint(device.value.text, device_names())
        raise _refusal(path.name, "device", f"is not a device of the catalogue; {hint}", device.key)
    facts = facts_of(device.value.text)
    families = {
        key: _variants(_family(key, entry, path.name), entry.value, path.name, facts.name)
        for key, entry in entries.items()
        if key != "device"
    }
    if not any(families.values()):
        raise _refusal(path.name, "the file", "holds no kernels; make it again with moe-studio calibrate.")
    return Calibration(facts=facts, families=MappingProxyType(families))


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Save ``calibration`` at ``path``."""
    save_text(path, calibration_text(calibration))


def calibration_text(calibration: Calibration) -> str:
    """``calibration`` as YAML; the same numbers give the same text."""
    data: dict[str, Any] = {"device": calibration.facts.name}
    for family, variants in sorted(calibration.families.items()):
        data[family] = {
            variant: {"parameters": _plain(asdict(fitted.parameters)), "evidence": _plain(asdict(fitted.evidence))}
            for variant, fitted in sorted(variants.items())
        }
    return document(data)


def merged(old: Calibration, new: Calibration) -> Calibration:
    """``old`` with the variants of ``new`` in place of its own."""
    names = sorted({*old.families, *new.families})
    families = {name: {**old.families.get(name, {}), **new.families.get(name, {})} for name in names}
    return Calibration(facts=new.facts, families=MappingProxyType(families))


def _family(name: str, entry: Entry, file: str) -> Family:
    known = {family.name: family for family in FAMILIES}
    if name not in known:
        raise _refusal(file, name, f"is not a known kernel family; {nearest_hint(name, known)}", entry.key)
    return known[name]


def _variants(family: Family, node: Node, file: str, device: str) -> Mapping[str, Fitted]:
    variants = {}
    for name, entry in _entries(node, file, family.name).items():
        parts = _entries(entry.value, file, f"{family.name}.{name}")
        for key in ("parameters", "evidence"):
            if key not in parts:
                raise _refusal(file, f"{family.name}.{name}.{key}", "is missing.", entry.key)
        variants[name] = Fitted(
            parameters=Reader(Sources()).read_node(family.parameters, parts["parameters"].value, file),
            evidence=Reader(Sources()).read_node(Evidence, parts["evidence"].value, file),
            origin=device,
        )
    return MappingProxyType(variants)


def _entries(node: Node, file: str, path: str) -> Mapping[str, Entry]:
    if not isinstance(node, MappingNode):
        raise _refusal(file, path, "must be a mapping of keys and values.")
    return node.entries


def _plain(value: Any) -> Any:
    """``value`` as YAML data, with as many digits as a fit is worth; whole numbers, such as edges of bands, exactly."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not value.is_integer():
        return float(f"{value:.{_DIGITS}g}")
    return value


def _refusal(file: str, path: str, message: str, key: ScalarNode | None = None) -> FileError:
    line, column = (key.start.line, key.start.column) if key else (0, 0)
    return FileError(file, [Fault(path=path, message=message, line=line, column=column)])
