"""Changes that would make a design better: a few likely ones, each evaluated, and offered only if it helps."""

from collections.abc import Iterator
from dataclasses import dataclass

from moe_studio.calibration.provider import provide_anyway
from moe_studio.document.advice import WORTH, candidates
from moe_studio.document.placing import drop_of, grabbed
from moe_studio.document.reference import Tell
from moe_studio.document.selection import Selection
from moe_studio.document.why import UNEVEN
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.engine.rule import ERROR, problems
from moe_studio.errors import MoeStudioError
from moe_studio.project.edit import Edit, reset_placement, set_all, set_value
from moe_studio.project.project import Project
from moe_studio.units import byte_text, percent_text

MOST_OPERATORS = 1_000_000
"""With more operators one try takes too long for something that nobody asked for."""

Gain = tuple[int, float, float, float]
"""What one of `tries` gives: its number, the latency in seconds, its ratio, and bytes, as in `Suggestion`."""

MUCH_MEMORY = 0.01
"""Share of the fullest GPU's memory from which on a change of it is worth a word."""

MOST = 3
"""Suggestions that are kept, the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A change that might help: what to call it, its label in the history, and itself."""

    title: str
    label: str
    edit: Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A change that was tried. ``ratio``: of the latency, negative is faster; ``byte``: of the fullest GPU."""

    title: str
    label: str
    edit: Edit
    latency_s: float
    ratio: float
    byte: float

    @property
    def gain(self) -> str:
        """What it was found to give."""
        gains = [f"{percent_text(-self.ratio)} faster"] if self.ratio < WORTH else []
        gains += [f"{byte_text(-self.byte)} less on the fullest GPU"] if self.byte < 0 else []
        return ", ".join(gains)

    @property
    def brief(self) -> str:
        """The same in a few letters: the change of the latency, or of the memory."""
        return f"−{percent_text(-self.ratio)}" if self.ratio < WORTH else f"−{byte_text(-self.byte)}"

    @property
    def text(self) -> str:
        """What to do, and what it gives."""
        return f"{self.title}: {self.gain}"


def tries(evaluation: Evaluation) -> Iterator[Try]:
    """Changes worth trying: moves from the busiest GPU, and other choices of the strategy and the kernels."""
    if len(evaluation.graph) <= MOST_OPERATORS:
        yield from _moves(evaluation)
        yield from _choices(evaluation.project)


def _moves(evaluation: Evaluation) -> Iterator[Try]:
    project, busiest = evaluation.project, int(evaluation.load.sum(axis=0).argmax())
    for expert, source, target in candidates(evaluation, Selection(kind="gpu", gpu=busiest)):
        try:
            drop = drop_of(project, grabbed(project, expert, source, None), target)
        except MoeStudioError:
            continue
        yield Try(title=f"Move E{expert} to GPU {target}", label=drop.label, edit=drop.edit)
    is_uneven, placement = float(evaluation.imbalance.max(initial=0.0)) > UNEVEN, project.placement
    if is_uneven and placement.policy != "balanced" and not placement.redundant:
        title = "Place experts by load"
        yield Try(title=title, label=title, edit=reset_placement("balanced"))


def _choices(project: Project) -> Iterator[Try]:
    parallel, work, cost = project.parallel, project.workload, project.cost
    if parallel.attention == "replicated":
        yield _setting("Data-parallel attention", "parallel.attention", "data")
    if cost.attention == "unfused":
        yield _setting("Fuse attention", "cost.attention", "fused")
    if not cost.overlap:
        yield _setting("Overlap communication", "cost.overlap", True)
    if work.order == "sequential":
        slices = max(2, work.micro_batches)
        title = f"Interleave {slices} micro-batches"
        values: dict[tuple[str, ...], object] = {
            ("workload", "micro_batches"): slices,
            ("workload", "order"): "interleaved",
        }
        yield Try(title=title, label=title, edit=set_all(values))
    for name, degree in (("tp", parallel.tp), ("ep", parallel.ep), ("pp", parallel.pp)):
        for wanted in (degree * 2, degree // 2):
            if wanted >= 1:
                yield _setting(f"{name.upper()} {wanted} instead of {degree}", f"parallel.{name}", wanted)


def _setting(title: str, path: str, value: object) -> Try:
    return Try(title=title, label=title, edit=set_value(path, value))


def suggestion(evaluation: Evaluation, tried: Try) -> Suggestion | None:
    """What ``tried`` gives, if it is faster or needs less memory, and worse in nothing; else None."""
    try:
        after = evaluate(tried.edit(evaluation.project), provide_anyway)
    except MoeStudioError:
        return None
    ratio = after.metrics.latency_s / evaluation.metrics.latency_s - 1
    was, now = (float(item.memory.total[item.memory.worst_gpu]) for item in (evaluation, after))
    byte = now - was if abs(now - was) > MUCH_MEMORY * was else 0.0
    is_fuller = byte > 0 and not after.memory.fits
    helps = ratio < WORTH or (byte < 0 and not evaluation.memory.fits and ratio <= -WORTH)
    if not helps or is_fuller or _errors(after) - _errors(evaluation):
        return None
    return Suggestion(
        title=tried.title,
        label=tried.label,
        edit=tried.edit,
        latency_s=after.metrics.latency_s,
        ratio=ratio,
        byte=min(byte, 0.0),
    )


def gains(project: Project, tell: Tell) -> list[Gain]:
    """Those of `tries` that help ``project``: the work of a child process, so it names them by their numbers."""
    tell("Trying changes")
    evaluation = evaluate(project, provide_anyway)
    found = ((number, suggestion(evaluation, tried)) for number, tried in enumerate(tries(evaluation)))
    return [(number, item.latency_s, item.ratio, item.byte) for number, item in found if item is not None]


def suggested(evaluation: Evaluation, found: list[Gain]) -> list[Suggestion]:
    """The best of what was ``found`` of the same project, the fastest first."""
    tried = list(tries(evaluation))
    return best(
        [
            Suggestion(
                title=tried[number].title,
                label=tried[number].label,
                edit=tried[number].edit,
                latency_s=latency_s,
                ratio=ratio,
                byte=byte,
            )
            for number, latency_s, ratio, byte in found
        ]
    )


def _errors(evaluation: Evaluation) -> set[str]:
    """Rules that a design breaks."""
    return {problem.code for problem in problems(evaluation, is_quick=True) if problem.severity == ERROR}


def best(found: list[Suggestion]) -> list[Suggestion]:
    """The best of ``found``, the fastest first."""
    return sorted(found, key=lambda item: (item.ratio, item.byte))[:MOST]
