"""What the start page offers: examples, templates, recent files, each with a few words and figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from moe_studio.calibration.provider import provide_anyway
from moe_studio.document.recent import RecentFile
from moe_studio.document.template import from_template, template_title
from moe_studio.engine.evaluation import evaluate
from moe_studio.errors import MoeStudioError
from moe_studio.locator import resource
from moe_studio.project.design import Reference
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_names, example_path
from moe_studio.storage.loader import load_project
from moe_studio.units import time_text

Kind = Literal["example", "template", "recent"]

MOST_TEXT = 2000
"""Letters of a file in which its description is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One design that can be opened. ``facts`` are what it is made of, ``figures`` what is known of its speed.

    Where ``is_open`` nothing is yet known: `predicted` finds it, which takes a while.
    """

    kind: Kind
    path: Path
    title: str
    description: str = ""
    facts: tuple[tuple[int, str], ...] = ()
    figures: tuple[str, ...] = ()
    is_open: bool = False
    is_missing: bool = False


def example_offers() -> tuple[Offer, ...]:
    """The examples that ship with the program."""
    offers = (_offer("example", path, description(path)) for path in map(example_path, example_names()))
    return tuple(offer for offer in offers if offer is not None)


def deployment_offers() -> Iterator[Offer]:
    """Real deployments, with the figures that are published for them; each is read when it is asked for."""
    return map(_deployment, sorted(resource("examples", "real").glob("*.moe.yaml")))


def template_offers(paths: tuple[Path, ...]) -> tuple[Offer, ...]:
    """The user's templates; one that cannot be read is left out."""
    offers = (_offer("template", path) for path in paths)
    return tuple(offer for offer in offers if offer is not None)


def recent_offers(files: tuple[RecentFile, ...]) -> tuple[Offer, ...]:
    """Files that were open lately, which are not read before they are chosen."""
    return tuple(
        Offer(
            kind="recent",
            path=Path(item.path),
            title=item.title,
            description=item.path,
            is_missing=item.is_missing,
        )
        for item in files
    )


def description(path: Path) -> str:
    """The comment at the beginning of a project file, in one line."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        lines = stream.read(MOST_TEXT).splitlines()
    words = []
    for line in lines:
        if not line.startswith("#"):
            break
        words.append(line.lstrip("# "))
    return " ".join(words)


def predicted(offer: Offer) -> tuple[str, ...]:
    """Latency and throughput of what ``offer`` opens; none where they cannot be computed."""
    try:
        metrics = evaluate(_project(offer.kind, offer.path), provide_anyway).metrics
    except MoeStudioError:
        return ()
    return time_text(metrics.latency_s), f"{metrics.tokens_per_s:,.0f} tokens/s"


def _project(kind: Kind, path: Path) -> Project:
    return from_template(path).project if kind == "template" else load_project(path)


def _offer(kind: Kind, path: Path, text: str = "") -> Offer | None:
    try:
        project = _project(kind, path)
    except MoeStudioError:
        return None
    return Offer(
        kind=kind,
        path=path,
        title=template_title(path) if kind == "template" else project.name,
        description=text,
        facts=_facts(project),
        is_open=True,
    )


def _deployment(path: Path) -> Offer:
    project = load_project(path)
    return Offer(
        kind="example",
        path=path,
        title=project.name,
        description=_first_sentence(description(path)),
        facts=_facts(project),
        figures=(known := _published(project.reference)),
        is_open=not known,
    )


def _first_sentence(text: str) -> str:
    first, _, rest = text.partition(". ")
    return f"{first}." if rest else first


def _published(reference: Reference | None) -> tuple[str, ...]:
    if reference is not None and reference.tokens_per_s:
        return (f"published {reference.tokens_per_s:,.0f} tokens/s",)
    if reference is not None and reference.latency_s:
        return (f"published {time_text(reference.latency_s)}",)
    return ()


def _facts(project: Project) -> tuple[tuple[int, str], ...]:
    """What it is made of: numbers, each with what it counts."""
    experts = max(layer.ffn.experts for layer in project.model.layers)
    facts = ((project.cluster.gpu_count, "GPUs"), (project.model.layer_count, "layers"), (experts, "experts"))
    return tuple(fact for fact in facts if fact[0])
