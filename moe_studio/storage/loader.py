"""Opens project files: from text or a path to a `Project`, or every fault at once."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from moe_studio.errors import Fault, FileError, MoeStudioError
from moe_studio.project.model import Model
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_cluster, load_device, load_model
from moe_studio.storage.counts import load_counts
from moe_studio.storage.hf import model_from_config
from moe_studio.storage.json_text import MAX_JSON_BYTE, parse_json
from moe_studio.storage.kind import NO_PROJECT, yaml_kind
from moe_studio.storage.migration import migrated
from moe_studio.storage.plain_file import read_plain_text
from moe_studio.storage.reader import Reader, Sources
from moe_studio.storage.yaml_tree import MAX_BYTE, Node, read_tree


def load_project(path: Path | str) -> Project:
    """The project in the file at ``path``, or `FileError` with every fault."""
    path = Path(path)
    text = read_plain_text(path, limit_byte=MAX_BYTE)
    return parse_project(text, folder=path.parent, file_name=path.name)


def parse_project(text: str, *, folder: Path | None = None, file_name: str = "project") -> Project:
    """The project that ``text`` describes; files that it names are looked for in ``folder``."""
    tree = read_tree(text, file_name)
    if (kind := yaml_kind(tree)) != "project":
        raise FileError(file_name, [Fault(path="", message=NO_PROJECT[kind])])
    return project_from_tree(migrated(tree, file_name), file_name, sources(folder))


def project_from_tree(tree: Node, file_name: str, known: Sources) -> Project:
    """The project that a tree of today's format describes, or `FileError`."""
    return Reader(known).read_node(Project, tree, file_name)


def sources(folder: Path | None) -> Sources:
    """The catalogue, and the files beside a project in ``folder``."""
    return Sources(
        device=load_device,
        model=load_model,
        cluster=load_cluster,
        hf_model=lambda name: load_hf_model(beside(folder, name)),
        counts=lambda name: load_counts(beside(folder, name)),
        file=lambda name: located(folder, name),
    )


def load_hf_model(path: Path) -> Model:
    """The model that the Hugging Face ``config.json`` at ``path`` describes."""
    # Real files hold Infinity in keys that no layer of ours needs, such as Mamba's time_step_limit.
    config = parse_json(read_plain_text(path, limit_byte=MAX_JSON_BYTE), path.name, has_constants=True)
    if not isinstance(config, Mapping):
        raise FileError(path.name, [Fault(path="", message="must be a JSON object.")])
    return model_from_config(config, name=path.name)


def located(folder: Path | None, name: str) -> str:
    """Where the plain file ``name`` of a project in ``folder`` lies, or `MoeStudioError` when there is none."""
    path = beside(folder, name).resolve()
    if not path.is_file():
        raise MoeStudioError(f"{name[:60]!r} is not a file beside the project.")
    return str(path)


def beside(folder: Path | None, name: str) -> Path:
    """The file ``name`` of a project in ``folder``; only relative paths are followed."""
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or "://" in name:
        raise MoeStudioError(f"{name[:60]!r} must be a path relative to the project file.")
    if folder is None:
        raise MoeStudioError(f"{name[:60]!r} cannot be found before the project is saved to a folder.")
    return folder / name
