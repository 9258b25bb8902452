"""Parts of a report about time: matrix multiplications, longest paths, where the time goes."""

from moe_studio.engine.evaluation import Evaluation
from moe_studio.export.block import Bars, Code, Paragraph, Section, table
from moe_studio.export.compare import get_time_text
from moe_studio.export.symbolic import path_text, run_time_sum
from moe_studio.export.verdict import bound_s, group_s
from moe_studio.graph.operator import DESCRIPTIONS
from moe_studio.project.design import layers_text
from moe_studio.units import percent_text, time_text


def matmul_section(evaluation: Evaluation) -> Section:
    """Every GEMM as a Get_Time term."""
    rows = [
        (
            shape.op,
            get_time_text(shape),
            f"{shape.m:,}",
            f"{shape.k:,}",
            f"{shape.n:,}",
            f"{shape.count:,}",
            f"{shape.operators:,}",
            f"{shape.on_path:,}",
            time_text(shape.seconds_each),
            time_text(shape.seconds_each * shape.on_path),
        )
        for shape in evaluation.matmuls
    ]
    header = ("op", "term", "m", "k", "n", "count", "operators", "on path", "seconds each", "on path together")
    names = "; ".join(f"{op}: {DESCRIPTIONS[op]}" for op in dict.fromkeys(shape.op for shape in evaluation.matmuls))
    return Section(
        title="Matrix multiplications",
        blocks=(
            Paragraph(
                text="Get_Time(m, k, n) multiplies an m × k by a k × n matrix on one GPU; count is how often "
                "one operator does so (once per head for scores and av)."
            ),
            table(header, rows, words=(0, 1)),
            Paragraph(text=f"{names}."),
        ),
    )


def path_section(evaluation: Evaluation) -> Section:
    """Both longest paths as chains of names."""
    scheduled, dependency = evaluation.scheduled_path, evaluation.dependency_path
    return Section(
        title="Longest path",
        blocks=(
            Paragraph(
                text="Scheduled path, where a GPU's stream runs one operator at a time: "
                f"{time_text(scheduled.seconds)}, {len(scheduled.rows):,} operators. This is the predicted run time."
            ),
            Code(text=path_text(evaluation, scheduled)),
            Paragraph(
                text=f"Dependency path, with unlimited streams per GPU: {time_text(dependency.seconds)}, "
                f"{len(dependency.rows):,} operators."
            ),
            Code(text=path_text(evaluation, dependency)),
        ),
    )


def sum_section(evaluation: Evaluation) -> Section:
    """The run time as a sum of Get_Time terms."""
    total = run_time_sum(evaluation)
    rows = [
        (
            item.layers_text,
            ", ".join(term.ops),
            str(term),
            time_text(term.seconds),
            time_text(term.seconds * len(item.layers)),
        )
        for item in total.layers
        for term in item.terms
    ]
    rows += [("all", "", name, "", time_text(seconds)) for seconds, name in total.rest]
    return Section(
        title="Run time as a sum",
        blocks=(
            Code(text="T = " + "\n  + ".join(total.lines) + f"\n  = {time_text(total.seconds, 6)}"),
            table(("layers", "operators", "term", "one layer", "together"), rows, words=(0, 1, 2)),
        ),
    )


def breakdown_section(evaluation: Evaluation) -> Section:
    """Where the time of the scheduled path goes."""
    latency, breakdown = evaluation.metrics.latency_s, evaluation.breakdown

    def shares(values: dict[str, float]) -> tuple[tuple[str, float, str], ...]:
        known = sorted(
            ((name, value) for name, value in values.items() if value > 1e-9 * latency), key=lambda item: -item[1]
        )
        return tuple(
            (name, value / latency, f"{time_text(value)}, {percent_text(value / latency)}") for name, value in known
        )

    alike: dict[float, list[int]] = {}
    for layer, seconds in breakdown.by_layer.items():
        alike.setdefault(float(f"{seconds:.9g}"), []).append(layer)
    layers = [(layers_text(each), time_text(value), time_text(value * len(each))) for value, each in alike.items()]
    waiting = {"waiting": breakdown.waiting_s}
    return Section(
        title="Breakdown of the run time",
        blocks=(
            Bars(title="By part of the model", bars=shares(group_s(evaluation))),
            Bars(title="By kind of operator", bars=shares({**breakdown.by_kind, **waiting})),
            Bars(title="By stream", bars=shares({**breakdown.by_stream, **waiting})),
            Bars(title="By what binds it", bars=shares(bound_s(evaluation))),
            table(("layers", "each", "together"), layers, caption="By layer"),
        ),
    )
