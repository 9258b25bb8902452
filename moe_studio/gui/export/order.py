"""What can be exported and in which formats, and the command line that does the same: values, without Qt."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from moe_studio.document.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format by the ending of its files. ``is_picture``: to be looked at, not read."""

    suffix: str
    title: str
    is_picture: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something to export. ``view`` is its name on the command line, empty for what is no view of the graph."""

    name: str
    title: str
    detail: str
    formats: tuple[Format, ...]
    view: str = ""
    has_layer: bool = False
    has_gpu: bool = False


DRAWINGS = (
    Format(suffix=".svg", title="SVG, a drawing", is_picture=True),
    Format(suffix=".png", title="PNG, a picture", is_picture=True),
    Format(suffix=".pdf", title="PDF, a page", is_picture=True),
    Format(suffix=".dot", title="DOT, for Graphviz"),
    Format(suffix=".graphml", title="GraphML, for graph tools"),
)

REPORTS = (
    Format(suffix=".html", title="HTML, a page"),
    Format(suffix=".md", title="Markdown"),
    Format(suffix=".pdf", title="PDF, pages to print"),
)

SUBJECTS: tuple[Subject, ...] = (
    Subject(
        name="overview",
        title="Overview",
        detail="Replicas, stages, layers and nodes.",
        formats=DRAWINGS,
        view="overview",
    ),
    Subject(
        name="layer",
        title="Layer",
        detail="One layer on all GPUs of a replica.",
        formats=DRAWINGS,
        view="layer",
        has_layer=True,
        has_gpu=True,
    ),
    Subject(
        name="attention",
        title="Attention",
        detail="The attention of one layer on one GPU.",
        formats=DRAWINGS,
        view="attention",
        has_layer=True,
        has_gpu=True,
    ),
    Subject(
        name="expert",
        title="Experts of a GPU",
        detail="The experts of one layer on one GPU.",
        formats=DRAWINGS,
        view="expert",
        has_layer=True,
        has_gpu=True,
    ),
    Subject(
        name="routing",
        title="Routing",
        detail="Gate, dispatch, experts and combine of one layer.",
        formats=DRAWINGS,
        view="routing",
        has_layer=True,
        has_gpu=True,
    ),
    Subject(
        name="critical",
        title="Longest path",
        detail="The operators that decide the run time.",
        formats=DRAWINGS,
        view="critical",
    ),
    Subject(name="full", title="Whole graph", detail="Every operator.", formats=DRAWINGS, view="full"),
    Subject(
        name="table",
        title="Table of operators",
        detail="Every operator with shapes, GPU, times and slack.",
        formats=(Format(suffix=".csv", title="CSV, for spreadsheets"),),
    ),
    Subject(
        name="trace",
        title="Timeline",
        detail="The schedule, for Perfetto and other viewers of traces.",
        formats=(Format(suffix=".trace.json", title="Trace, for Perfetto"),),
    ),
    Subject(
        name="summary",
        title="Summary",
        detail="All results in one documented object.",
        formats=(Format(suffix=".json", title="JSON"),),
    ),
    Subject(
        name="report",
        title="Report",
        detail="Verdict, deployment, longest path, memory and checks as a document.",
        formats=REPORTS,
    ),
    Subject(
        name="project",
        title="Project",
        detail="The design itself, as a project file.",
        formats=(Format(suffix=".yaml", title="YAML"),),
    ),
)


COMPARISON = Subject(
    name="comparison",
    title="Comparison",
    detail="The design compared with the pinned reference, as a document.",
    formats=REPORTS[:2],
)
COMPARED_REPORT = Subject(
    name="compared-report",
    title="Report, compared",
    detail="The report, with what differs from the pinned reference.",
    formats=REPORTS,
)
COMPARED = (COMPARISON, COMPARED_REPORT)
"""Offered while a reference is pinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One export: what, in which format, of which layer and GPU; None leaves the choice to the view."""

    subject: Subject
    format: Format
    layer: int | None = None
    gpu: int | None = None
    reference: Reference | None = None

    @property
    def is_document(self) -> bool:
        """Whether it is a report or a comparison."""
        return self.subject.formats[0] in REPORTS

    @property
    def stem(self) -> str:
        """What to add to the name of the design for a file name."""
        parts = [self.subject.name]
        parts += [f"layer{self.layer}"] if self.layer is not None and self.subject.name != "layer" else []
        parts += [f"{self.layer}"] if self.layer is not None and self.subject.name == "layer" else []
        parts += [f"gpu{self.gpu}"] if self.gpu is not None else []
        return "-".join(parts)


def with_suffix(name: str, suffix: str) -> str:
    """A file name with this ending in place of the known one that it has."""
    known = sorted({item.suffix for subject in SUBJECTS for item in subject.formats}, key=len, reverse=True)
    known = [".moe.yaml", *known]
    found = next((end for end in known if name.lower().endswith(end)), "")
    return name[: len(name) - len(found)] + (".moe.yaml" if suffix == ".yaml" else suffix)


def command_line(order: Order, project: str, path: Path | str) -> str:
    """The command that writes the same file, to be pasted into a shell."""
    subject = order.subject
    other = str((order.reference and order.reference.path) or "reference.moe.yaml")
    if subject == COMPARISON:
        return shlex.join(["moe-studio", "compare", other, project, "-o", str(path)])
    if subject == COMPARED_REPORT:
        return shlex.join(["moe-studio", "report", project, "--reference", other, "-o", str(path)])
    words = ["moe-studio", "report" if subject.name == "report" else "export", project, "-o", str(path)]
    if subject.view and subject.view != "overview":
        words += ["--view", subject.view]
    if order.layer is not None and subject.has_layer:
        words += ["--layer", str(order.layer)]
    if order.gpu is not None and subject.has_gpu:
        words += ["--gpu", str(order.gpu)]
    return shlex.join(words)
