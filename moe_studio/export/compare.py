"""Two designs side by side: figures, where the time goes, and the reasons in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from typing import Any

from moe_studio.engine.evaluation import Evaluation, MatmulShape
from moe_studio.engine.rule import problems
from moe_studio.export.block import Bullets, Paragraph, Section, table
from moe_studio.export.verdict import (
    bound_text,
    fit_text,
    group_of,
    group_s,
    has_repeated_attention,
    remedy_text,
    repeated_work_text,
)
from moe_studio.graph.layer import LayerGraph
from moe_studio.graph.operator import DESCRIPTIONS
from moe_studio.project.project import Project
from moe_studio.project.setting import settings_of
from moe_studio.units import byte_text, percent_text, si_text, significant, time_text

MAX_CHANGES = 40
"""Settings that differ, before the list is cut."""

NOTABLE = 0.03
"""Share of the longer latency from which on a difference is a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One figure of both designs. ``better`` is 1 when more is better, -1 when less is, 0 when neither."""

    name: str
    unit: str
    first: float
    second: float
    better: int

    @property
    def ratio(self) -> float | None:
        """The second over the first."""
        return self.second / self.first if self.first else None

    def text(self, value: float) -> str:
        """A value in its unit, to read."""
        if self.unit == "s":
            return time_text(value)
        if self.unit == "byte":
            return byte_text(value)
        if self.unit == "flop":
            return si_text(value, "FLOP")
        if self.unit == "share":
            return percent_text(value)
        return f"{round(value):,}" if self.unit == "" else f"{significant(value)} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting in which two projects differ."""

    path: str
    first: str
    second: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Two evaluated designs; the first is what the second is compared with."""

    first: Evaluation
    second: Evaluation

    @cached_property
    def names(self) -> tuple[str, str]:
        """What to call the two; A and B where they have the same name."""
        first, second = self.first.project.name, self.second.project.name
        return (first, second) if first != second else (f"{first} (A)", f"{second} (B)")

    @cached_property
    def speed(self) -> float:
        """Tokens/s of the second over those of the first."""
        first, second = self.first.metrics.tokens_per_s, self.second.metrics.tokens_per_s
        return second / first if first else 0.0

    @cached_property
    def figures(self) -> tuple[Quantity, ...]:
        """Figures of both."""
        first, second = _figures(self.first), _figures(self.second)
        return tuple(
            Quantity(name=name, unit=unit, first=value, second=second[name][0], better=better)
            for name, (value, unit, better) in first.items()
        )

    @cached_property
    def groups(self) -> tuple[tuple[str, float, float], ...]:
        """Time on the scheduled path by group in both, by how much they differ."""
        first, second = group_s(self.first), group_s(self.second)
        rows = [(name, first.get(name, 0.0), second.get(name, 0.0)) for name in dict.fromkeys([*first, *second])]
        return tuple(sorted(rows, key=lambda row: -abs(row[2] - row[1])))

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Settings in which the projects differ."""
        return tuple(_changes("", self.first.project, self.second.project))[:MAX_CHANGES]

    @cached_property
    def headline(self) -> str:
        """Which is faster, and by how much."""
        first, second = self.names
        before, after = self.first.metrics, self.second.metrics
        if abs(self.speed - 1) < 0.005:
            return f"{second} is as fast as {first}: {significant(after.tokens_per_s)} tokens/s."
        word, times = ("faster", self.speed) if self.speed > 1 else ("slower", 1 / self.speed if self.speed else 0.0)
        text = f"{second} is {significant(times, 3)} times {word} than {first}: "
        text += f"{significant(after.tokens_per_s)} against {significant(before.tokens_per_s)} tokens/s"
        return f"{text}, {time_text(after.latency_s)} against {time_text(before.latency_s)} a step."

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Why they differ, the largest difference first."""
        return tuple(_reasons(self))

    @cached_property
    def claim(self) -> str:
        """The ratio that references claim, beside the computed one; empty unless two claim different figures."""
        first, second = self.first.project.reference, self.second.project.reference
        if first is None or second is None or not (first.tokens_per_s and second.tokens_per_s):
            return ""
        if first.tokens_per_s == second.tokens_per_s:
            return ""  # versions of one design: its claim does not tell them apart
        claimed = second.tokens_per_s / first.tokens_per_s
        agrees = (claimed - 1) * (self.speed - 1) > 0
        end = "Both say which is faster." if agrees else "They disagree on which is faster."
        return (
            f"Claimed are {significant(second.tokens_per_s, 6)} against {significant(first.tokens_per_s, 6)} tokens/s, "
            f"{significant(claimed, 3)} times as many; computed is {significant(self.speed, 3)} times as many. {end}"
        )


def compare(first: Evaluation, second: Evaluation) -> Comparison:
    """``second`` compared with ``first``."""
    return Comparison(first=first, second=second)


def plain_comparison(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain values: what ``compare --json`` prints."""
    pair = (comparison.first, comparison.second)
    return {
        "projects": list(comparison.names),
        "headline": comparison.headline,
        "tokens_per_s_ratio": float(comparison.speed),
        "reasons": list(comparison.reasons),
        "claim": comparison.claim,
        "bounds": [bound_text(item) for item in pair],
        "fits": [item.memory.fits for item in pair],
        "remedies": [remedy_text(item) for item in pair],
        "figures": [
            {
                "name": figure.name,
                "unit": figure.unit,
                "values": [float(figure.first), float(figure.second)],
                "ratio": figure.ratio,
            }
            for figure in comparison.figures
        ],
        "breakdown_s": {name: [first, second] for name, first, second in comparison.groups},
        "settings": [{"path": item.path, "values": [item.first, item.second]} for item in comparison.changes],
    }


def comparison_sections(comparison: Comparison, *, level: int = 2) -> list[Section]:
    """The comparison as parts of a document."""
    first, second = comparison.names
    header = ("", first, second)
    figures = [
        (item.name, item.text(item.first), item.text(item.second), _ratio_text(item), _better_text(item, header))
        for item in comparison.figures
    ]
    groups = [
        (name, time_text(a), time_text(b), f"{'+' if b > a else '−' if b < a else ''}{time_text(abs(b - a))}")
        for name, a, b in comparison.groups
        if a or b
    ]
    changes = [(item.path, item.first, item.second) for item in comparison.changes]
    what = [f"{name}: {bound_text(item)}" for name, item in _named(comparison)]
    remedies = [f"{name}: {text}" for name, item in _named(comparison) if (text := remedy_text(item))]
    lead = " ".join(text for text in (comparison.headline, comparison.claim) if text)
    return [
        Section(
            title=f"{second} compared with {first}",
            level=level,
            blocks=(
                Paragraph(text=lead, lead=True),
                Bullets(items=comparison.reasons),
                table((*header, "ratio", "better"), figures, words=(0, 4), caption="Figures"),
                table((*header, "difference"), groups, caption="Time on the scheduled path"),
                table(("setting", first, second), changes, words=(0, 1, 2), caption="Settings that differ"),
            ),
        ),
        Section(title="What bounds each", level=level, blocks=(Bullets(items=tuple(what)),)),
        Section(title="What would change each", level=level, blocks=(Bullets(items=tuple(remedies)),)),
    ]


def _named(comparison: Comparison) -> Iterator[tuple[str, Evaluation]]:
    return zip(comparison.names, (comparison.first, comparison.second), strict=True)


def _ratio_text(figure: Quantity) -> str:
    return f"{significant(figure.ratio, 3)} ×" if figure.ratio is not None else "–"


def _better_text(figure: Quantity, header: tuple[str, ...]) -> str:
    gain = (figure.second - figure.first) * figure.better
    return (
        "" if abs(gain) <= 1e-9 * max(abs(figure.first), abs(figure.second)) else header[2] if gain > 0 else header[1]
    )


def _figures(evaluation: Evaluation) -> dict[str, tuple[float, str, int]]:
    """Value, unit, and whether more is better, by name."""
    metrics, memory = evaluation.metrics, evaluation.memory
    gpu = memory.worst_gpu
    flop, byte = _work(evaluation)
    communication = evaluation.breakdown.by_stream["communication"]
    return {
        "time of one step": (metrics.latency_s, "s", -1),
        "dependency path": (metrics.dependency_s, "s", -1),
        "tokens per step": (metrics.tokens, "", 0),
        "tokens/s": (metrics.tokens_per_s, "tokens/s", 1),
        "tokens/s per GPU": (metrics.tokens_per_s_per_gpu, "tokens/s", 1),
        "steady tokens/s": (metrics.steady_tokens_per_s, "tokens/s", 1),
        "share of the arithmetic peak (MFU)": (metrics.mfu, "share", 1),
        "arithmetic of all GPUs": (flop, "flop", -1),
        "memory traffic of all GPUs": (byte, "byte", -1),
        "communication on the path": (communication, "s", -1),
        "dispatch and combine across nodes": (float(evaluation.cross_node_byte.sum()), "byte", -1),
        "fullest GPU": (float(memory.total[gpu]), "byte", -1),
        "capacity of that GPU": (float(memory.capacity[gpu]), "byte", 0),
        "batch that fits, about": (float(evaluation.room.batch_estimate), "", 1),
        "busiest GPU of a MoE layer over the mean": (evaluation.mean_imbalance, "", -1),
        "GPUs": (float(evaluation.project.cluster.gpu_count), "", 0),
        "operators": (float(len(evaluation.graph)), "", 0),
        "broken rules": (float(sum(item.severity == "error" for item in problems(evaluation))), "", -1),
    }


def _work(evaluation: Evaluation) -> tuple[float, float]:
    """Arithmetic and memory traffic of all operators that do not communicate."""
    counts: dict[LayerGraph, int] = {}
    for part in evaluation.graph.parts:
        counts[part.body] = counts.get(part.body, 0) + 1
    flop = sum(count * float(body.flop.sum()) for body, count in counts.items())
    byte = sum(
        count * float(body.byte[run.rows].sum())
        for body, count in counts.items()
        for run in body.runs
        if not run.on_comm
    )
    return flop, byte


# Reasons


def _reasons(comparison: Comparison) -> Iterator[str]:
    first, second = comparison.first, comparison.second
    yield from _repeated(comparison)
    longest = max(first.metrics.latency_s, second.metrics.latency_s)
    for name, before, after in comparison.groups:
        if abs(after - before) >= NOTABLE * longest:
            yield _group_reason(comparison, name, before, after)
    a, b = comparison.names
    yield f"{a}: {fit_text(first)}"
    yield f"{b}: {fit_text(second)}"
    if first.project.parallel.pp != second.project.parallel.pp:
        before, after = first.metrics.steady_tokens_per_s, second.metrics.steady_tokens_per_s
        yield (
            "A single batch leaves all but one stage of a pipeline waiting. With full pipelines "
            f"{b} would give {significant(after)} tokens/s and {a} {significant(before)}, "
            f"{significant(after / before, 3)} times as many."
        )


def _repeated(comparison: Comparison) -> Iterator[str]:
    flop = [_work(item)[0] for item in (comparison.first, comparison.second)]
    for name, item in _named(comparison):
        if has_repeated_attention(item.project):
            yield f"{name}: {repeated_work_text(item)}"
    if (
        flop[0]
        and abs(flop[1] / flop[0] - 1) > 0.02
        and comparison.first.metrics.tokens == comparison.second.metrics.tokens
    ):
        yield (
            f"For the same tokens, all GPUs of {comparison.names[1]} together compute {si_text(flop[1], 'FLOP')}, "
            f"{significant(flop[1] / flop[0], 3)} times the {si_text(flop[0], 'FLOP')} of {comparison.names[0]}."
        )


def _group_reason(comparison: Comparison, group: str, before: float, after: float) -> str:
    """A difference of one group, with the operator that differs most and its shapes."""
    verb = "more" if after > before else "less"
    text = f"{group[0].upper()}{group[1:]}: {time_text(after)} instead of {time_text(before)}, "
    text += f"{time_text(abs(after - before))} {verb}."
    kinds = [item.breakdown.by_kind for item in (comparison.first, comparison.second)]
    ops = [op for op in dict.fromkeys([*kinds[0], *kinds[1]]) if group_of(op) == group]
    if not ops:
        return text
    op = max(ops, key=lambda name: abs(kinds[1].get(name, 0.0) - kinds[0].get(name, 0.0)))
    shapes = [_shapes(item, op) for item in (comparison.first, comparison.second)]
    if any(shapes):
        return f"{text} On the path, {op} is {shapes[1] or 'absent'}, instead of {shapes[0] or 'absent'}."
    times = [time_text(kind.get(op, 0.0)) for kind in kinds]
    return f"{text} Most of it is {op} ({DESCRIPTIONS.get(op, op)}): {times[1]} instead of {times[0]}."


def _shapes(evaluation: Evaluation, op: str) -> str:
    """The GEMMs of one kind on the scheduled path, as terms."""
    found = [shape for shape in evaluation.matmuls if shape.op == op and shape.on_path]
    return " and ".join(get_time_text(shape, shape.on_path) for shape in found[:3])


def get_time_text(shape: MatmulShape, operators: int = 1) -> str:
    """GEMMs as ``4 × Get_Time(m, k, n)``; those of several heads as so many times the operators."""
    times = operators * shape.count
    return f"{f'{times:,} × ' if times > 1 else ''}Get_Time({shape.m}, {shape.k}, {shape.n})"


# Settings that differ


def _changes(path: str, first: Any, second: Any) -> Iterator[Change]:
    if first == second or path in ("name", "reference"):
        return
    if is_dataclass(first) and type(first) is type(second):
        for name, known in settings_of(type(first)):
            if not known.derived:
                yield from _changes(f"{path}.{name}".lstrip("."), getattr(first, name), getattr(second, name))
        return
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for name in dict.fromkeys([*first, *second]):
            yield from _changes(f"{path}.{name}", first.get(name), second.get(name))
        return
    if _is_list_of_values(first) and _is_list_of_values(second) and len(first) == len(second):
        for place, (a, b) in enumerate(zip(first, second, strict=True)):
            yield from _changes(f"{path}[{place}]", a, b)
        return
    yield Change(path=path, first=_value_text(first), second=_value_text(second))


def _is_list_of_values(value: Any) -> bool:
    return isinstance(value, tuple) and any(is_dataclass(item) for item in value)


def _value_text(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else f"{value:,}"
    if isinstance(value, tuple):
        return (
            f"{len(value)} entries"
            if _is_list_of_values(value) or len(value) > 8
            else ", ".join(map(_value_text, value))
        )
    return f"a {type(value).__name__}" if is_dataclass(value) else str(value)


def settings_changes(first: Project, second: Project) -> tuple[Change, ...]:
    """Settings in which two projects differ."""
    return tuple(_changes("", first, second))
