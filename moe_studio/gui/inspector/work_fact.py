"""What can be said of any set of operators: their arithmetic, bytes, times, slack, bounds and Get_Time terms."""

from dataclasses import replace

import numpy as np

from moe_studio.document.chosen import selected_rows
from moe_studio.document.selection import Selection
from moe_studio.engine.cost import BOUNDS
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.operator import OP_KINDS, OP_NAMES
from moe_studio.gui.inspector.fact import Fact
from moe_studio.gui.text import tr
from moe_studio.units import percent_text, si_text, time_text
from moe_studio.view.label import gpu_text, whole

MOST_TERMS = 5
"""Different Get_Time terms that are written out, those that take longest."""

MOST_NUMBERS = 12

SPANS = ("Time in all", "First start", "Last end", "Least slack")
"""Facts whose names say already that they are of all."""


def seconds(label: str, value: float, *, better: int = -1, tone: str = "") -> Fact:
    """A duration; less of it is better."""
    return Fact(label=label, value=time_text(value), amount=value, better=better, tone=tone)


def quantity(label: str, value: float, unit: str, *, better: int = 0, digits: int = 3) -> Fact:
    """An amount with its unit."""
    return Fact(label=label, value=si_text(value, unit, digits), amount=value, better=better)


def selection_work(evaluation: Evaluation, selection: Selection, *, is_quick: bool) -> list[Fact]:
    """The same of what is selected; nothing while ``is_quick``, for it reads all operators."""
    return [] if is_quick else work_facts(evaluation, selected_rows(evaluation.graph, selection))


def sum_facts(evaluation: Evaluation, rows: IntArray) -> list[Fact]:
    """What several things do together, named so that it is not taken for what they have in common."""
    found = [fact for fact in work_facts(evaluation, rows) if fact.amount is not None]
    return [fact if fact.label in SPANS else replace(fact, label=f"{fact.label}, in all") for fact in found]


def work_facts(evaluation: Evaluation, rows: IntArray) -> list[Fact]:
    """Sums over ``rows``."""
    if not len(rows):
        return [Fact(label="Operators", value="none")]
    graph = evaluation.graph
    found = [Fact(label="Operators", value=f"{len(rows):,}", amount=float(len(rows)))]
    flop, byte, near, far = (graph.column(name)[rows] for name in ("flop", "byte", "intra_byte", "inter_byte"))
    is_sent = (near > 0) | (far > 0)
    sums = (
        ("Arithmetic", float(flop.sum()), "FLOP"),
        ("Memory traffic", float(byte[~is_sent].sum()), "B"),
        ("Links in nodes", float(near.sum()), "B"),
        ("Links across", float(far.sum()), "B"),
    )
    found += [quantity(label, value, unit, better=-1) for label, value, unit in sums if value]
    duration = evaluation.duration_s[rows]
    found.append(seconds("Time in all", float(duration.sum())))
    found.append(Fact(label="Bound by", value=bound_text(evaluation, rows, duration)))
    path = evaluation.scheduled_path.rows
    on_path = path[np.isin(path, rows)]
    share = float(evaluation.duration_s[on_path].sum())
    found.append(seconds("On the path", share, tone="path" if share else ""))
    found += _when(evaluation, rows)
    terms = term_text(evaluation, rows)
    return [*found, Fact(label="Get_Time", value=terms)] if terms else found


def _when(evaluation: Evaluation, rows: IntArray) -> list[Fact]:
    start, finish = float(evaluation.start_s[rows].min()), float(evaluation.finish_s[rows].max())
    slack = float(evaluation.slack_s[rows].min())
    return [
        seconds("First start", start, better=0),
        seconds("Last end", finish, better=0),
        Fact(label="Least slack", value=time_text(slack), amount=slack),
    ]


def bound_text(evaluation: Evaluation, rows: IntArray, duration: FloatArray) -> str:
    """What binds the time of these operators, as shares: ``compute 62 %, memory 38 %``."""
    total = float(duration.sum())
    if not total:
        return "nothing"
    shares = np.bincount(evaluation.bound[rows], duration, minlength=len(BOUNDS)) / total
    order = [number for number in np.argsort(-shares, kind="stable").tolist() if shares[number] >= 0.005]
    if len(order) == 1:
        return BOUNDS[order[0]]
    return ", ".join(f"{tr(BOUNDS[number])} {percent_text(float(shares[number]), 0)}" for number in order)


def term_text(evaluation: Evaluation, rows: IntArray) -> str:
    """The Get_Time terms of these operators, those that take longest first, with how often each is met."""
    graph = evaluation.graph
    is_matmul = np.array([kind.is_matmul for kind in OP_KINDS])
    rows = rows[is_matmul[graph.op[rows]]]
    if not len(rows):
        return ""
    columns = np.stack([graph.op[rows], *(graph.column(name)[rows] for name in ("m", "k", "n", "count"))])
    shapes, place, times = np.unique(columns, axis=1, return_inverse=True, return_counts=True)
    spent = np.bincount(place.reshape(-1), evaluation.duration_s[rows])
    lines = []
    for number in np.argsort(-spent, kind="stable").tolist()[:MOST_TERMS]:
        op, m, k, n, count = shapes[:, number].tolist()
        inside = f" × {whole(count)}" if count > 1 else ""
        often = ", " + tr("{count} times", count=f"{times[number]:,}") if times[number] > 1 else ""
        lines.append(f"{OP_NAMES[int(op)]} ({m:,.0f}, {k:,.0f}, {n:,.0f}){inside}{often}")
    more = shapes.shape[1] - MOST_TERMS
    return "\n".join([*lines, tr("and {count} more", count=more)] if more > 0 else lines)


def gpus_text(evaluation: Evaluation, gpus: list[int]) -> str:
    """GPUs with their nodes: ``GPUs 0–7 · node0``."""
    if not gpus:
        return "none"
    nodes, names = evaluation.project.cluster.node_of_gpu(), evaluation.graph.node_names
    held = list(dict.fromkeys(names[nodes[gpu]] for gpu in sorted(gpus)))
    shown = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")
    return f"{gpu_text(gpus)} · {shown}"


def numbers_text(numbers: list[int], letter: str = "E") -> str:
    """Experts by number, of many the first."""
    shown = ", ".join(f"{letter}{number}" for number in numbers[:MOST_NUMBERS])
    return (shown or "none") + (f" and {len(numbers) - MOST_NUMBERS} more" if len(numbers) > MOST_NUMBERS else "")
