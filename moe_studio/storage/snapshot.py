"""A project as one piece of JSON that needs no other file: what recovery and templates keep."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from moe_studio.errors import Fault, FileError, MoeStudioError
from moe_studio.project.design import COST_FILES, Cost, Routing, without_files
from moe_studio.project.project import Project
from moe_studio.storage.loader import parse_project
from moe_studio.storage.writer import project_text

Snapshot = dict[str, Any]

_FILES = (*COST_FILES, *(f"{name}_path" for name in COST_FILES))


def snapshot(project: Project) -> Snapshot:
    """Everything of ``project``, with what it otherwise reads from files beside its own.

    Equal projects give equal snapshots.
    """
    model, routing = project.model, project.workload.routing
    blank: dict[str, Any] = dict.fromkeys(_FILES, "")
    bare = replace(
        project,
        model=replace(model, hf_config=""),
        workload=replace(project.workload, routing=replace(Routing(), skew=routing.skew, seed=routing.seed)),
        cost=replace(project.cost, **blank),
    )
    return {
        "text": project_text(bare),
        "hf_config": model.hf_config,
        "warnings": list(model.warnings),
        "routing": {"kind": routing.kind, "file": routing.file, "counts": [list(row) for row in routing.counts]},
        "files": {name: value for name in _FILES if (value := getattr(project.cost, name))},
    }


def project_of(kept: Mapping[str, Any], *, name: str = "recovery file") -> Project:
    """The project that `snapshot` made ``kept`` of.

    Raises:
        FileError: if it is damaged, or from a newer program.
    """
    try:
        bare = parse_project(kept["text"], file_name=name)
        counts = tuple(tuple(float(cell) for cell in row) for row in kept["routing"]["counts"])
        routing = replace(
            bare.workload.routing, kind=kept["routing"]["kind"], file=kept["routing"]["file"], counts=counts
        )
        return replace(
            bare,
            model=replace(bare.model, hf_config=kept["hf_config"], warnings=tuple(kept["warnings"])),
            workload=replace(bare.workload, routing=routing),
            cost=_with_files(bare.cost, kept.get("files", {})),
        )
    except FileError:
        raise
    except (MoeStudioError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(name, [Fault(path="", message=f"is damaged: {error}.")]) from error


def _with_files(cost: Cost, kept: Mapping[str, Any]) -> Cost:
    """``cost`` with the files that it rested on; if one is gone by now the design is worth more without them."""
    places = [Path(str(value)) for name, value in kept.items() if name.endswith("_path")]
    if not all(path.is_file() for path in places):
        return without_files(cost)
    files: dict[str, Any] = {name: str(kept.get(name, "")) for name in _FILES}
    return replace(cost, **files)
