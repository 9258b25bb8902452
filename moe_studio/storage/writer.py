"""Projects as text: canonical, or as an edit of what somebody wrote by hand."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from moe_studio.errors import FileError, MoeStudioError
from moe_studio.project.design import COST_FILES
from moe_studio.project.project import Project
from moe_studio.storage.atomic import save_text
from moe_studio.storage.loader import project_from_tree, sources
from moe_studio.storage.migration import migrated
from moe_studio.storage.patch import Patch
from moe_studio.storage.plain_data import plain_record
from moe_studio.storage.plain_file import read_plain_text
from moe_studio.storage.reader import Counts, Sources
from moe_studio.storage.yaml_text import document
from moe_studio.storage.yaml_tree import MAX_BYTE, MappingNode, read_tree


def project_text(project: Project, *, folder: Path | None = None) -> str:
    """``project`` as canonical YAML, without what is default; the same project gives the same text."""
    return document(plain_record(project, None, sources(folder)))


def updated_text(old_text: str, project: Project, *, folder: Path | None = None, old_folder: Path | None = None) -> str:
    """``old_text`` with only those values changed in which ``project`` differs from it.

    Comments, order and layout stay. Where that cannot be done, the canonical text. ``old_folder``
    is where files that only the old text names are looked for, if that is elsewhere.
    """
    known = _with_old_models(_with_held(sources(folder), project), project, old_folder)
    unix = old_text.replace("\r\n", "\n")
    try:
        tree = read_tree(unix, "project")
        old = project_from_tree(migrated(tree, "project"), "project", known)
        if isinstance(tree, MappingNode):
            text = Patch(unix, known).updated(tree, old, project)
            if _is_same(project_from_tree(read_tree(text, "project"), "project", known), project):
                return text.replace("\n", "\r\n") if unix != old_text else text
    except MoeStudioError:
        pass
    return project_text(project, folder=folder)


def save_project(path: Path | str, project: Project, *, source: Path | str | None = None) -> str:
    """Save ``project`` at ``path`` and return the text saved: an edit of the file ``source`` that it came from.

    Without ``source`` it came from ``path``. What it names relative to ``source`` is the same file still.
    """
    path = Path(path)
    source = path if source is None else Path(source)
    written = relocated(project, source.parent, path.parent)
    try:
        old = read_plain_text(source, limit_byte=MAX_BYTE)
        text = updated_text(old, written, folder=path.parent, old_folder=source.parent)
    except FileError:
        text = project_text(written, folder=path.parent)
    save_text(path, text)
    return text


def relocated(project: Project, source: Path, target: Path) -> Project:
    """``project`` as a file in ``target`` must have it: what it names relative to ``source`` is the same file still.

    Raises:
        MoeStudioError: if there is no relative way from one folder to the other.
    """
    model, routing, cost = project.model, project.workload.routing, project.cost
    if not (model.hf_config or routing.file or cost.calibration or cost.table) or source.resolve() == target.resolve():
        return project
    model = replace(model, hf_config=_moved(model.hf_config, source, target))
    routing = replace(routing, file=_moved(routing.file, source, target))
    files: dict[str, Any] = {name: _moved(getattr(cost, name), source, target) for name in COST_FILES}
    work = replace(project.workload, routing=routing)
    return replace(project, model=model, workload=work, cost=replace(cost, **files))


def _moved(name: str, source: Path, target: Path) -> str:
    return relative(source.resolve() / name, target) if name else name


def relative(path: Path, folder: Path) -> str:
    """How a project in ``folder`` names the file at ``path``.

    Raises:
        MoeStudioError: if there is no relative way.
    """
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:  # another drive
        raise MoeStudioError(f"{path.name[:60]!r} lies on another drive; copy it beside the project first.") from None


def _with_old_models(known: Sources, project: Project, old_folder: Path | None) -> Sources:
    """``known``, with models that ``project`` does not name itself looked for in ``old_folder``."""
    if old_folder is None:
        return known
    old = sources(old_folder)
    return replace(
        known,
        hf_model=lambda name: (known if name == project.model.hf_config else old).hf_model(name),
        counts=lambda name: (known if name == project.workload.routing.file else old).counts(name),
        file=lambda name: (known if name in _cost_files(project) else old).file(name),
    )


def _with_held(known: Sources, project: Project) -> Sources:
    """``known``, with what ``project`` holds already of files that may be gone by now."""
    routing = project.workload.routing
    held: Mapping[str, Counts] = {routing.file: routing.counts} if routing.file and routing.counts else {}
    places = _cost_files(project)

    def counts(name: str) -> Counts:
        return held[name] if name in held else known.counts(name)

    def file(name: str) -> str:
        return places[name] if name in places else known.file(name)

    return replace(known, counts=counts, file=file)


def _cost_files(project: Project) -> Mapping[str, str]:
    """The files that costs rest on: where each name leads."""
    cost = project.cost
    return {getattr(cost, name): getattr(cost, f"{name}_path") for name in COST_FILES if getattr(cost, name)}


def _is_same(read: Project, project: Project) -> bool:
    """Whether both are the same but for devices of the catalogue that no node uses."""
    used = {node.device for node in project.cluster.nodes} - set(project.cluster.devices)
    catalogue = {name: device for name, device in project.cluster.catalogue.items() if name in used}
    return read == replace(project, cluster=replace(project.cluster, catalogue=catalogue))
