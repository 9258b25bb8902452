"""What a file that is dropped on the window is: a project, a model, loads, run times, or what is known of a GPU."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from moe_studio.calibration.measured import is_measured
from moe_studio.calibration.provider import provide
from moe_studio.calibration.store import read_calibration
from moe_studio.document.document import Document
from moe_studio.document.setting_value import entered
from moe_studio.errors import Fault, FileError, MoeStudioError
from moe_studio.graph.stage import device_names
from moe_studio.project.design import Placement
from moe_studio.project.edit import Edit
from moe_studio.project.model import Model
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import read_device
from moe_studio.storage.counts import Counts, load_counts
from moe_studio.storage.json_text import MAX_JSON_BYTE, parse_json
from moe_studio.storage.kind import yaml_kind
from moe_studio.storage.loader import load_hf_model
from moe_studio.storage.plain_file import read_plain_text
from moe_studio.storage.yaml_tree import MAX_BYTE, read_tree

Kind = Literal["project", "model", "loads", "times", "calibration", "datasheet"]

MODEL_KEYS = ("model_type", "hidden_size", "architectures", "text_config", "n_embd", "d_model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """One file and what it is."""

    path: Path
    kind: Kind


def dropped(path: Path) -> Dropped:
    """What the file at ``path`` is, by its ending and its content.

    Raises:
        FileError: if it is none of what a window can take.
    """
    ending = path.suffix.lower()
    if ending in (".yaml", ".yml"):
        return Dropped(path=path, kind=_yaml_kind(path))
    if path.name.lower().endswith((".csv", ".csv.gz")):
        return Dropped(path=path, kind="times" if is_measured(path) else "loads")
    if ending == ".json":
        found = parse_json(read_plain_text(path, limit_byte=MAX_JSON_BYTE), path.name, has_constants=True)
        if isinstance(found, Mapping) and any(key in found for key in MODEL_KEYS):
            return Dropped(path=path, kind="model")
        if isinstance(found, list) or (isinstance(found, Mapping) and "logical_count" in found):
            return Dropped(path=path, kind="loads")
    wanted = (
        "a project, a calibration or a datasheet (.yaml), the config.json of a model, recorded loads (.csv, .json) or "
        "measured run times (.csv)"
    )
    raise FileError(path.name, [Fault(path="", message=f"is not {wanted}.")])


def _yaml_kind(path: Path) -> Kind:
    try:
        return yaml_kind(read_tree(read_plain_text(path, limit_byte=MAX_BYTE), path.name))
    except FileError:
        return "project"  # whose faults are named when it is opened


def replace_model(path: Path) -> Edit:
    """Let the design have the model of the ``config.json`` at ``path``, with experts where the policy puts them."""
    model = load_hf_model(path)
    return lambda project: _with_model(project, model)


def use_loads(document: Document, path: Path) -> Edit:
    """Let the design route tokens as recorded in the file at ``path``."""
    counts = load_counts(path)
    name = _name(document, path)
    return lambda project: _with_loads(project, name, counts)


def use_times(document: Document, path: Path) -> Edit:
    """Let the design's run times be those measured in the file at ``path``, where it has them.

    Raises:
        MoeStudioError: if it has none of the design's devices.
    """
    files: dict[str, Any] = {"table": _name(document, path), "table_path": str(path.resolve())}

    def edit(project: Project) -> Project:
        return replace(project, cost=replace(project.cost, provider="table", **files))

    provide(edit(document.project))
    return edit


def use_calibration(document: Document, path: Path) -> Edit:
    """Let kernels be priced by the calibration at ``path``, where it has them.

    Raises:
        MoeStudioError: if it was fitted to none of the design's devices.
    """
    fitted, names = read_calibration(path).facts.name, device_names(document.project.cluster)
    if fitted not in names:
        raise MoeStudioError(f"{path.name} was fitted to {fitted}; the design has {', '.join(names)}.")
    files: dict[str, Any] = {"calibration": _name(document, path), "calibration_path": str(path.resolve())}

    def edit(project: Project) -> Project:
        provider = "auto" if project.cost.provider == "fixed" else project.cost.provider
        return replace(project, cost=replace(project.cost, provider=provider, **files))

    provide(edit(document.project))
    return edit


def add_device(path: Path) -> tuple[str, Edit]:
    """Give the design the GPU of the datasheet at ``path``, named as the file: its name, and the edit."""
    name, device = read_device(path)
    return name, entered(("cluster", "devices"), name, device)


def _name(document: Document, path: Path) -> str:
    """How the design names the file: relative to the folder where it looks for its files."""
    if document.folder is None:
        document.folder = path.parent
    try:
        return Path(os.path.relpath(path.resolve(), document.folder.resolve())).as_posix()
    except ValueError:
        raise MoeStudioError(f"{path.name} lies on another drive; copy it beside the project first.") from None


def _with_model(project: Project, model: Model) -> Project:
    """Moves name experts of the model before; what they mean in another one nobody can tell."""
    routing = project.workload.routing
    if routing.kind == "recorded":
        routing = replace(routing, kind="uniform", file="", counts=())
    most = max(layer.ffn.experts for layer in model.layers)
    ep = max(size for size in range(1, project.parallel.ep + 1) if project.slots % size == 0 and size <= max(1, most))
    return replace(
        project,
        model=model,
        placement=Placement(policy=project.placement.policy),
        workload=replace(project.workload, routing=routing),
        parallel=replace(project.parallel, ep=ep),
    )


def _with_loads(project: Project, name: str, counts: Counts) -> Project:
    routing = replace(project.workload.routing, kind="recorded", file=name, counts=counts)
    return replace(project, workload=replace(project.workload, routing=routing))
