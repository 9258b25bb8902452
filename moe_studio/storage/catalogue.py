"""The devices, models, clusters and examples that ship with the program."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

from moe_studio.errors import MoeStudioError
from moe_studio.locator import resource
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.model import Model
from moe_studio.storage.nearest import nearest_hint
from moe_studio.storage.plain_file import read_plain_text
from moe_studio.storage.reader import Reader, Sources
from moe_studio.storage.yaml_tree import MAX_BYTE

T = TypeVar("T")

DATASHEETS = (".yaml", ".yml")
"""How the name of a file with a user's own datasheet ends."""
_EXAMPLE_SUFFIX = ".moe.yaml"


class CatalogueError(MoeStudioError):
    """The catalogue has nothing of that name."""


def device_names() -> tuple[str, ...]:
    """Names of the devices of the catalogue, in order."""
    return _names("devices", ".yaml")


def model_names() -> tuple[str, ...]:
    """Names of the models of the catalogue, in order."""
    return _names("models", ".yaml")


def cluster_names() -> tuple[str, ...]:
    """Names of the clusters of the catalogue, in order."""
    return _names("clusters", ".yaml")


def example_names() -> tuple[str, ...]:
    """Names of the example projects, in order."""
    return _names("examples", _EXAMPLE_SUFFIX)


@cache
def load_device(name: str) -> Device:
    """The device ``name`` of the catalogue."""
    return _load(Device, "devices", name, Sources())


@cache
def load_model(name: str) -> Model:
    """The model ``name`` of the catalogue."""
    return _load(Model, "models", name, Sources())


@cache
def load_cluster(name: str) -> Cluster:
    """The cluster ``name`` of the catalogue, with the devices that it uses."""
    return _load(Cluster, "clusters", name, Sources(device=load_device))


def read_device(path: Path) -> tuple[str, Device]:
    """The user's own device whose datasheet is the file at ``path``, named as the file; its form is the catalogue's.

    Raises:
        FileError: with every fault of the file.
    """
    return path.stem, Reader(Sources()).read_text(Device, read_plain_text(path, limit_byte=MAX_BYTE), path.name)


def example_path(name: str) -> Path:
    """File of the example project ``name``."""
    return _path("examples", name, _EXAMPLE_SUFFIX)


def devices_for(nodes: Iterable[Node], own: Mapping[str, Device]) -> dict[str, Device]:
    """The devices of the catalogue that ``nodes`` use beside their ``own``: what `Cluster.catalogue` must hold."""
    return {node.device: load_device(node.device) for node in nodes if node.device not in own}


@cache
def _names(folder: str, suffix: str) -> tuple[str, ...]:
    place = resource(folder)
    files = place.iterdir() if place.is_dir() else ()
    return tuple(sorted(file.name.removesuffix(suffix) for file in files if file.name.endswith(suffix)))


def _path(folder: str, name: str, suffix: str) -> Path:
    names = _names(folder, suffix)
    if name not in names:
        kind = folder.removesuffix("s")
        raise CatalogueError(f"the catalogue has no {kind} {name[:60]!r}; {nearest_hint(name, names)}")
    return resource(folder, name + suffix)


def _load(cls: type[T], folder: str, name: str, sources: Sources) -> T:
    path = _path(folder, name, ".yaml")
    return Reader(sources).read_text(cls, read_plain_text(path, limit_byte=MAX_BYTE), path.name)
