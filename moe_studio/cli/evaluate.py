"""``moe-studio evaluate``: what is predicted of a design."""

from moe_studio import api
from moe_studio.cli.console import say, show_table
from moe_studio.cli.option import AllowProvider, Calibration, Json, Project, Provider, Table, refuse_unused
from moe_studio.cli.validate import show_problems
from moe_studio.export.section_check import serving_rows
from moe_studio.export.summary import breakdown_s, references
from moe_studio.export.symbolic import path_text, run_time_sum
from moe_studio.export.uncertainty import margin_text, operators_by_provenance, outside_text
from moe_studio.export.verdict import verdict
from moe_studio.units import byte_text, percent_text, significant, time_text

MAX_KINDS = 12
"""Kinds of operator in the table of the breakdown."""


def command(
    project: Project,
    provider: Provider = None,
    table: Table = None,
    calibration: Calibration = None,
    allow_provider: AllowProvider = None,
    json: Json = False,
) -> int:
    """Predict run time, throughput and memory of a design.

    --json prints one object whose names and units stay; moe-studio schema --result describes it.

    \b
    Examples:
      moe-studio evaluate design.moe.yaml
      moe-studio evaluate design.moe.yaml --table measured.csv
      moe-studio evaluate design.moe.yaml --json | jq .metrics.tokens_per_s
    """
    refuse_unused(provider, table, calibration)
    design = api.open(project).priced(provider, table=table, calibration=calibration)
    result = design.evaluate(allow=allow_provider or ())
    if json:
        print(result.to_json(), end="")
    else:
        _show(result)
    return 0 if result.is_valid() else 1


def _show(result: api.Result) -> None:
    evaluation, metrics, memory = result.evaluation, result.metrics, result.memory
    gpu = memory.worst_gpu
    say(result.design.name)
    say(verdict(evaluation))
    say()
    figures = [
        ("time of one step", time_text(metrics.latency_s)),
        *([("nine times in ten", margin)] if (margin := margin_text(evaluation)) else []),
        ("dependency path", time_text(metrics.dependency_s)),
        ("tokens/s", significant(metrics.tokens_per_s)),
        ("tokens/s per GPU", significant(metrics.tokens_per_s_per_gpu)),
        ("steady tokens/s", significant(metrics.steady_tokens_per_s)),
        ("MFU", percent_text(metrics.mfu)),
        ("fullest GPU", f"{gpu}: {byte_text(float(memory.total[gpu]))} of {byte_text(float(memory.capacity[gpu]))}"),
        *serving_rows(evaluation),
        ("operators", f"{len(evaluation.graph):,}"),
    ]
    show_table(("figure", "value"), figures)
    kinds = sorted(breakdown_s(evaluation).items(), key=lambda item: -item[1])
    rows = [(name, time_text(value), percent_text(value / metrics.latency_s)) for name, value in kinds if value]
    show_table(("on the path", "time", "share"), rows[:MAX_KINDS])
    claims = [
        (
            claim["metric"],
            f"{claim['reference']:,g} {claim['unit']}",
            "–" if claim["predicted"] is None else f"{claim['predicted']:,.6g} {claim['unit']}",
            "–" if claim["error"] is None else f"{claim['error'] * 100:+.1f} %",
        )
        for claim in references(evaluation)
    ]
    show_table(("reference", "claimed", "predicted", "error"), claims)
    counts = operators_by_provenance(evaluation)
    got = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    say(f"Times of operators: {got}; {len(evaluation.graph) - sum(counts.values()):,} take none")
    if outside := outside_text(evaluation):
        say(outside)
    for note in evaluation.provider.notes:
        say(note)
    say()
    say(f"Longest path: {path_text(evaluation, evaluation.scheduled_path)}")
    say()
    say(f"Run time: {run_time_sum(evaluation)}")
    say()
    show_problems(result.problems())
