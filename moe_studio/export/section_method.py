"""Part of a report about how its figures were found, so that anyone can check them."""

from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.evidence import OUTSIDE_MEASURED
from moe_studio.export.block import Block, Bullets, Section, table
from moe_studio.export.uncertainty import evidence, margin_text, operators_by_provenance, outside_text
from moe_studio.graph.stage import device_names
from moe_studio.units import percent_text, time_text

MEANING = {
    "measured": "interpolated in your own measured run times",
    "calibrated": "kernel models fitted to this device",
    "datasheet": "kernel models fitted to the nearest measured device or kernel, carried over by datasheets",
    "fixed": "shares of the datasheet's figures",
    "user": "a plug-in",
}
"""What each way of getting a run time means."""


def method_section(evaluation: Evaluation) -> Section:
    """How the figures were found."""
    cost, cluster = evaluation.project.cost, evaluation.project.cluster
    lines = [
        *_provider_lines(evaluation),
        f"Attention {cost.attention}{', causal' if cost.causal else ''}; "
        f"communication {'on a stream of its own' if cost.overlap else 'on the compute stream'}",
        "A collective starts on all its members at once and lasts as long as its slowest",
        *(f"{name}: {source}" for name in device_names(cluster) if (source := cluster.device(name).source)),
    ]
    blocks: list[Block] = [Bullets(items=tuple(lines))]
    if set(operators_by_provenance(evaluation)) != {"fixed"}:
        blocks.append(_evidence_table(evaluation))
    return Section(title="How it was computed", blocks=tuple(blocks))


def _provider_lines(evaluation: Evaluation) -> list[str]:
    """How run times were got, how many operators each way, and how far the sum may be off."""
    cost = evaluation.project.cost
    formula = (
        f"a GEMM takes max(2·m·k·n·count / (peak × {cost.compute:g}), "
        f"bytes / (bandwidth × {cost.memory:g})) + {cost.launch_us:g} µs"
    )
    found = operators_by_provenance(evaluation)
    if set(found) == {"fixed"}:
        return [f"Provider fixed: {formula}"]
    parts = "; ".join(f"{count:,} {name} ({MEANING[name]})" for name, count in found.items())
    lines = [f"Provider {cost.provider}, operators by how their time was got: {parts}", *evaluation.provider.notes]
    if margin := margin_text(evaluation):
        lines.append(
            f"Nine times in ten the time of one step is {margin}. Errors of the same kernel add up, those of different "
            "ones partly cancel; what kernels say nothing of, such as gaps between them and choices of the engine, is "
            "as large as it was for served models"
        )
    if outside := outside_text(evaluation):
        lines.append(outside)
    return [*lines, f"Operators without a fitted kernel are fixed: {formula}"] if "fixed" in found else lines


def _evidence_table(evaluation: Evaluation) -> Block:
    rows = [
        (
            str(item["op"]),
            f"{item['provenance']}{f', {OUTSIDE_MEASURED}' if item['outside'] else ''}",
            f"{item['operators']:,}",
            time_text(item["path_s"]),
            percent_text(item["path_s"] / evaluation.metrics.latency_s),
            "–" if item["expected_error"] is None else f"±{percent_text(item['expected_error'])}",
        )
        for item in evidence(evaluation)
    ]
    header = ("operator", "how its time was got", "on the path", "together", "share", "error to expect")
    caption = "Run times on the longest path; half of all kernels err by less than what is to expect"
    return table(header, rows, words=(0, 1), caption=caption)
