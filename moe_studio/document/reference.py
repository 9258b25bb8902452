"""What a design is compared with: a pinned state of it, an example, or another file; and its first figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from moe_studio.calibration.provider import provide_anyway
from moe_studio.document.history import History
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.errors import MoeStudioError
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project

Source = Literal["state", "example", "file"]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A pinned design. ``detail`` says where it comes from; ``path`` is its file, if it has one."""

    source: Source
    project: Project
    detail: str
    path: Path | None = None

    @property
    def title(self) -> str:
        """What to call it in one line."""
        return f"{self.project.name} – {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The first figures of a design: all that a change of them is measured against.

    ``by_kind`` is the time on the longest path by kind of operator, in seconds.
    """

    latency_s: float
    tokens_per_s: float
    mfu: float
    path_operators: int
    memory_byte: float
    imbalance: float
    cross_node_byte: float
    by_kind: tuple[tuple[str, float], ...] = ()


def pinned_state(history: History, cursor: int | None = None) -> Reference:
    """A state of the editing session; without ``cursor`` the one in force."""
    place = history.cursor if cursor is None else cursor
    entry = history.entries[place]
    return Reference(source="state", project=entry.project, detail=f"state {place + 1}, {entry.label}")


def pinned_example(name: str) -> Reference:
    """One of the designs that ship with the program."""
    path = example_path(name)
    return Reference(source="example", project=load_project(path), detail=f"example {name}", path=path)


def pinned_file(path: Path | str) -> Reference:
    """The design in a project file.

    Raises:
        FileError: with every fault of the file.
    """
    path = Path(path)
    return Reference(source="file", project=load_project(path), detail=path.name, path=path)


def pinned_evaluation(reference: Reference) -> Evaluation | None:
    """What is predicted of ``reference``; None if it cannot be evaluated."""
    try:
        return evaluate(reference.project, provide_anyway)
    except MoeStudioError:
        return None


def headline(evaluation: Evaluation) -> Headline:
    """The first figures of ``evaluation``."""
    metrics, memory = evaluation.metrics, evaluation.memory
    return Headline(
        latency_s=metrics.latency_s,
        tokens_per_s=metrics.tokens_per_s,
        mfu=metrics.mfu,
        path_operators=len(evaluation.scheduled_path.rows),
        memory_byte=float(memory.total[memory.worst_gpu]),
        imbalance=float(evaluation.imbalance.max(initial=0.0)),
        cross_node_byte=float(evaluation.cross_node_byte.sum()),
        by_kind=tuple(evaluation.breakdown.by_kind.items()),
    )


def project_headline(project: Project, tell: Tell) -> Headline:
    """The first figures of ``project``; ``tell`` takes what is being done."""
    tell("Evaluating the reference")
    return headline(evaluate(project, provide_anyway))
