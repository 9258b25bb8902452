"""Writes and reads what was fitted to a device: ``resources/calibration/DEVICE.yaml``.

device: h100-sxm
datasheet: {...}   # only of a device that is not the catalogue's
gemm:
  bf16:
    parameters: {...}
    evidence: {...}
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
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
from moe_studio.storage.catalogue import device_names, load_device, read_device
from moe_studio.storage.nearest import nearest_hint
from moe_studio.storage.plain_data import plain_record
from moe_studio.storage.plain_file import read_plain_text
from moe_studio.storage.reader import Reader, Sources
from moe_studio.storage.yaml_text import document
from moe_studio.storage.yaml_tree import MAX_BYTE, Entry, MappingNode, Node, ScalarNode, read_tree

_DIGITS = 5


_SAME_GPU = re.compile(r"sxm\d?|dgx|hgx|oam|\d+gb?|hbm\d?e?", re.ASCII)
"""Words that drivers and tables add to a GPU's name and that do not make it another one, as ``pcie`` and ``nvl`` do."""


def device_name(gpu: str, own: Iterable[str] = ()) -> str:
    """The name of a GPU as tables write it: ``H100-SXM`` is ``h100-sxm``, ``A100-DGX`` ``a100-80g-sxm``.

    It is one of the catalogue, or of a user's ``own``, which must be written out: ``My_GPU`` is ``my-gpu``.
    """
    plain, names = _plain_name(gpu), device_names()
    known = {_plain_name(name): name for name in (*names, *own)}
    candidates = (plain, plain.replace("-dgx", "-sxm"), f"{plain}-sxm", plain.removesuffix("-sxm"))
    found = next((known[name] for name in candidates if name in known), None)
    if found:
        return found
    start, *more = plain.split("-")
    of_kind = [name for name in names if name.split("-")[0] == start and "-pcie" not in name]
    if of_kind and all(map(_SAME_GPU.fullmatch, more)):
        memory = [name for name in of_kind if any(name.split("-")[1] == word.removesuffix("b") for word in more)]
        return (memory or sorted(of_kind))[-1]
    raise MoeStudioError(f"The catalogue has no GPU {gpu[:60]!r}; {nearest_hint(plain, known.values())}")


def _plain_name(gpu: str) -> str:
    return gpu.strip().lower().replace("_", "-").replace(" ", "-").removeprefix("nvidia-").removeprefix("amd-")


@cache
def facts_of(name: str) -> DeviceFacts:
    """The datasheet of a device of the catalogue."""
    return device_facts(name, load_device(name))


def datasheet_of(calibration: Calibration) -> Device:
    """The device that a calibration is of, by its own datasheet or by that of the catalogue."""
    return calibration.datasheet or load_device(calibration.facts.name)


def differences(here: Device, there: Device) -> str:
    """The figures on which run times rest and which two datasheets give differently, ``sms 100 ≠ 112``; else empty."""
    figures: list[tuple[str, Any, Any]]
    figures = [(name, getattr(here, name), getattr(there, name)) for name in ("memory_tb_s", "link_gb_s", "sms")]
    dtypes = {**here.peak_tflops, **there.peak_tflops}
    figures += [(f"peak_tflops.{name}", here.peak_tflops.get(name), there.peak_tflops.get(name)) for name in dtypes]
    return ", ".join(f"{name} {_figure(a)} ≠ {_figure(b)}" for name, a, b in figures if a != b)


def _figure(value: float | None) -> str:
    return f"{value:.12g}" if value else "–"


@cache
def shipped() -> tuple[Calibration, ...]:
    """Every calibration that ships with the program, in order of their names."""
    place = resource("calibration")
    return tuple(read_calibration(path) for path in sorted(place.glob("*.yaml"))) if place.is_dir() else ()


def load_calibration(gpu: str) -> Calibration:
    """The calibration of a GPU of the catalogue; what was not fitted to it comes from its nearest relative."""
    return _of_catalogue(device_name(gpu))


@cache
def _of_catalogue(name: str) -> Calibration:
    return completed(facts_of(name), shipped())


def loader(path: Path | None, datasheet: Path | None = None) -> Callable[[str], Calibration]:
    """What finds the calibration of a GPU as tables write it, with a user's own file and device before others.

    Raises:
        MoeStudioError: if one of the files is none, or the two give the same device other figures.
    """
    if path is None and datasheet is None:
        return load_calibration
    fitted = (read_calibration(path),) if path else ()
    own = {item.facts.name: item.datasheet for item in fitted if item.datasheet}
    if datasheet:
        name, device = read_device(datasheet)
        if path and name in own and (found := differences(device, own[name])):
            raise MoeStudioError(f"{datasheet.name} and {path.name} give {name} other figures: {found}.")
        own[name] = device

    @cache
    def known(name: str) -> Calibration:
        device = own.get(name)
        return replace(calibration_of(name, device or load_device(name), fitted), datasheet=device)

    return lambda gpu: known(device_name(gpu, own))


def choose(calibration: Calibration, family: Family, variants: Sequence[str]) -> tuple[str, Fitted]:
    """The first of ``variants`` that was fitted to the device itself, else the first that is known at all.

    Any but the first stands in for it, and says so; kernels for the two 16-bit types are the same.
    """
    known = calibration.families.get(family.name, {})
    found = [name for name in variants if name in known]
    asked = variants[0] if variants else ""
    if not found:
        return asked, calibration.fitted(family.name, asked)
    name = next((name for name in found if known[name].provenance == CALIBRATED), found[0])
    return name, known[name] if name == asked.replace("fp16", "bf16") else known[name].standing_for(asked)


def calibration_of(name: str, device: Device, own: Iterable[Calibration] = ()) -> Calibration:
    """The calibration of any device, own or of the catalogue; a user's ``own`` files come before the shipped ones."""
    return completed(device_facts(name, device), (*own, *shipped()))


def read_calibration(path: Path) -> Calibration:
    """What a calibration file holds, or `FileError` with its faults."""
    tree = read_tree(read_plain_text(path, limit_byte=MAX_BYTE), path.name)
    entries = _entries(tree, path.name, "the file")
    name = _device(entries, path.name)
    sheet = None
    if "datasheet" in entries:
        sheet = Reader(Sources()).read_node(Device, entries["datasheet"].value, path.name, "datasheet")
    families = {
        key: _variants(_family(key, entry, path.name), entry.value, path.name, name)
        for key, entry in entries.items()
        if key not in ("device", "datasheet")
    }
    if not any(families.values()):
        raise _refusal(path.name, "the file", "holds no kernels; make it again with moe-studio calibrate.")
    facts = device_facts(name, sheet) if sheet else facts_of(name)
    return Calibration(facts=facts, families=MappingProxyType(families), datasheet=sheet)


def _device(entries: Mapping[str, Entry], file: str) -> str:
    """The name of the device that was measured: any, if its datasheet is there, else one of the catalogue."""
    device = entries.get("device")
    if device is None or not isinstance(device.value, ScalarNode) or device.value.is_null:
        raise _refusal(file, "device", "is missing; it names the device that was measured.")
    name = device.value.text
    if "datasheet" not in entries and name not in device_names():
        hint = nearest_hint(name, device_names())
        raise _refusal(file, "device", f"is not a device of the catalogue, and has no datasheet; {hint}", device.key)
    return name


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Save ``calibration`` at ``path``."""
    save_text(path, calibration_text(calibration))


def calibration_text(calibration: Calibration) -> str:
    """``calibration`` as YAML; the same numbers give the same text."""
    data: dict[str, Any] = {"device": calibration.facts.name}
    if calibration.datasheet:
        data["datasheet"] = plain_record(calibration.datasheet, None, Sources())
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
    return Calibration(facts=new.facts, families=MappingProxyType(families), datasheet=new.datasheet)


def _family(name: str, entry: Entry, file: str) -> Family:
    known = {family.name: family for family in FAMILIES}
    if name not in known:
        raise _refusal(file, name, f"is not a known kernel family; {nearest_hint(name, known)}", entry.key)
    return known[name]


def _variants(family: Family, node: Node, file: str, device: str) -> Mapping[str, Fitted]:
    variants = {}
    for name, entry in _entries(node, file, family.name).items():
        parts = _entries(entry.value, file, f"{family.name}.{name}")
        path = f"{family.name}.{name}"
        for key in ("parameters", "evidence"):
            if key not in parts:
                raise _refusal(file, f"{path}.{key}", "is missing.", entry.key)
        parameters = parts["parameters"].value
        variants[name] = Fitted(
            parameters=Reader(Sources()).read_node(family.parameters, parameters, file, f"{path}.parameters"),
            evidence=_evidence(parts["evidence"], file, f"{path}.evidence"),
            origin=device,
        )
    return MappingProxyType(variants)


def _evidence(entry: Entry, file: str, path: str) -> Evidence:
    found = Reader(Sources()).read_node(Evidence, entry.value, file, path)
    last = entry.value.entries.get("held_out") if isinstance(entry.value, MappingNode) else None
    # A fit writes it last of each kernel, were it empty: where it is missing, more may be.
    if last is None or (isinstance(last.value, ScalarNode) and last.value.is_null):
        raise _refusal(file, f"{path}.held_out", "is missing; the file is cut short.", entry.key)
    return found


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
