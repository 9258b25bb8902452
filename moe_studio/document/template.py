"""Designs that the user keeps as a start for others."""

import json
from dataclasses import replace
from pathlib import Path, PurePath

from moe_studio.document.document import Document
from moe_studio.errors import Fault, FileError, MoeStudioError
from moe_studio.project.design import without_files
from moe_studio.project.edit import rename
from moe_studio.project.project import Project
from moe_studio.storage.atomic import save_text
from moe_studio.storage.json_text import parse_json
from moe_studio.storage.plain_file import read_plain_text
from moe_studio.storage.snapshot import project_of, snapshot

SUFFIX = ".template.json"
MAX_BYTE = 64_000_000


def templates(folder: Path) -> tuple[Path, ...]:
    """The templates in ``folder``, by name."""
    return tuple(sorted(folder.glob(f"*{SUFFIX}"))) if folder.is_dir() else ()


def template_title(path: Path) -> str:
    """What a template is called: its file's name without the ending."""
    return path.name.removesuffix(SUFFIX)


def save_template(folder: Path, title: str, project: Project) -> Path:
    """Keep ``project`` as the template ``title``; one of that name is replaced.

    It holds all that it needs, also what ``project`` reads from files beside its own.
    """
    name = "".join(letter for letter in title if letter.isprintable() and letter not in '<>:"/\\|?*').strip(" .")[:80]
    if not name:
        raise MoeStudioError("A template needs a name with letters or digits.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MoeStudioError(f"The folder of templates cannot be made: {error.strerror}.") from error
    path = folder / f"{name}{SUFFIX}"
    save_text(path, json.dumps(snapshot(_standing_alone(project)), ensure_ascii=False, indent=1))
    return path


def from_template(path: Path) -> Document:
    """A new design that begins as the template at ``path``.

    Raises:
        FileError: if it cannot be read.
    """
    kept = parse_json(read_plain_text(path, limit_byte=MAX_BYTE), path.name)
    if not isinstance(kept, dict):
        raise FileError(path.name, [Fault(path="", message="must be a JSON object.")])
    return Document(rename(template_title(path))(project_of(kept, name=path.name)))


def _standing_alone(project: Project) -> Project:
    """``project`` with its model's own figures, and with recorded counts that lie beside whatever file it gets.

    Measured run times and calibrations stay where they are: they belong to machines, not to designs.
    """
    routing = project.workload.routing
    routing = replace(routing, file=PurePath(routing.file).name)
    return replace(
        project,
        model=replace(project.model, hf_config=""),
        workload=replace(project.workload, routing=routing),
        cost=without_files(project.cost),
    )


def remove_template(path: Path) -> str:
    """Delete a template; returns what it held, for `bring_back_template`.

    Raises:
        MoeStudioError: if it cannot be read or deleted.
    """
    kept = read_plain_text(path, limit_byte=MAX_BYTE)
    try:
        path.unlink()
    except OSError as error:
        raise MoeStudioError(f"{path.name} was not removed: {error.strerror}.") from error
    return kept


def bring_back_template(path: Path, kept: str) -> None:
    """Keep again what `remove_template` has deleted, unless another template has taken its name."""
    if path.exists():
        raise MoeStudioError(f"Another template is called {template_title(path)} by now.")
    save_text(path, kept)
