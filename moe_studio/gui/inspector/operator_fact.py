"""What there is to say about one operator, and about all that comes before or after something."""

import numpy as np

from moe_studio.document.chosen import selected_rows
from moe_studio.document.placing import gpu_place, hosted_experts
from moe_studio.document.selection import Selection, operator_row
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.evidence import OUTSIDE_MEASURED
from moe_studio.graph.operator import DESCRIPTIONS, OP_KINDS
from moe_studio.gui.inspector.fact import Fact, Facts
from moe_studio.gui.inspector.work_fact import gpus_text, numbers_text, quantity, seconds, work_facts
from moe_studio.project.model import DTYPES
from moe_studio.units import percent_text, si_text, time_text


def operator_facts(evaluation: Evaluation, row: int, *, is_quick: bool) -> Facts:
    """One operator: what it does with which shapes, where and when, and how its time was got."""
    graph = evaluation.graph
    part, local = graph.part_of(row)
    body, kind = part.body, OP_KINDS[part.body.op[local]]
    lane = body.lane[local]
    gpu, expert = int(body.stage.gpu[lane]), int(body.expert[local])
    column = {name: float(values[local]) for name, values in body.columns.items()}
    dtype = DTYPES[int(column["dtype"])]
    place = gpu_place(evaluation.project, gpu).text
    rows = [
        Fact(label="What", value=DESCRIPTIONS.get(kind.name, kind.name)),
        Fact(label="GPU", value=f"{gpu} · {graph.node_names[int(body.stage.node[lane])]} · {place}"),
        Fact(
            label="Layer" if expert < 0 else "Layer, expert",
            value=f"{part.layer}" + (f", {expert}" if expert >= 0 else ""),
        ),
    ]
    if graph.has_micro_batches:
        rows.append(Fact(label="Micro-batch", value=f"{part.micro_batch}"))
    held = list(hosted_experts(evaluation.project, part.layer)[gpu])
    if held:
        rows.append(Fact(label="Experts here", value=numbers_text(held)))
    rows.append(Fact(label="Input", value=_shape(column["in_rows"], column["in_width"])))
    if kind.has_weight:
        rows.append(Fact(label="Weight", value=f"{_shape(column['k'], column['n'])} {dtype}"))
    rows.append(Fact(label="Output", value=_shape(column["out_rows"], column["out_width"])))
    if kind.is_matmul:
        times = f" × {column['count']:,.0f}" if column["count"] != 1 else ""
        rows.append(
            Fact(label="Get_Time", value=f"({column['m']:,.0f}, {column['k']:,.0f}, {column['n']:,.0f}){times}")
        )
    if column["flop"]:
        rows.append(quantity("Arithmetic", column["flop"], "FLOP", better=-1, digits=4))
    if column["byte"] and not (column["intra_byte"] or column["inter_byte"]):
        rows.append(quantity("Memory traffic", column["byte"], "B", better=-1))
    for label, name in (("Links in node", "intra_byte"), ("Links across", "inter_byte")):
        if column[name]:
            rows.append(quantity(label, column[name], "B", better=-1))
    return Facts(
        title=graph.name(row),
        kind="operator",
        rows=(*rows, *_times(evaluation, row, is_quick=is_quick)),
        sentence="" if is_quick else _why(evaluation, row, column, dtype, gpu),
        gpu=gpu,
    )


def _times(evaluation: Evaluation, row: int, *, is_quick: bool) -> list[Fact]:
    duration = float(evaluation.duration_s[row])
    if is_quick:
        return [seconds("Time", duration)]
    start, slack = float(evaluation.start_s[row]), float(evaluation.slack_s[row])
    text = time_text(slack) if slack else "0, on a longest path"
    return [
        Fact(label="Bound by", value=evaluation.bound_name(row)),
        seconds("Time", duration),
        Fact(label="Known by", value=_basis(evaluation, row)),
        seconds("Start", start, better=0),
        seconds("End", start + duration, better=0),
        Fact(label="Slack", value=text, tone="" if slack else "path", amount=slack),
    ]


def _basis(evaluation: Evaluation, row: int) -> str:
    """How the time was got, the error to expect where anything is known of it, and whether it was measured so far."""
    evidence = evaluation.evidence
    word, error = evidence.basis(row)
    said = word if error is None else f"{word}, ± {percent_text(error)}"
    return f"{said}; {OUTSIDE_MEASURED}" if evidence.outside[row] else said


def _shape(rows: float, width: float) -> str:
    return f"[{rows:,.0f}, {width:,.0f}]"


def _why(evaluation: Evaluation, row: int, column: dict[str, float], dtype: str, gpu: int) -> str:
    """What binds an operator, and what would help."""
    project, bound, duration = evaluation.project, evaluation.bound_name(row), float(evaluation.duration_s[row])
    device = project.cluster.device(project.cluster.nodes[project.cluster.node_of_gpu()[gpu]].device)
    if not duration:
        return "It costs nothing here."
    if bound == "compute":
        share = column["flop"] / duration / device.peak_flop_s(dtype)
        return f"Arithmetic binds it: it runs at {percent_text(share, 0)} of the {dtype} peak."
    if bound == "memory":
        speed = column["byte"] / duration if column["byte"] else device.memory_tb_s * 1e12 * project.cost.memory
        return f"Memory binds it: it moves {si_text(speed, 'B/s', 3)}; faster arithmetic would not help."
    if bound == "network":
        links = "between nodes" if column["inter_byte"] else "inside the node"
        return f"The links {links} bind it: less traffic or a placement closer together would help."
    return "Fixed latencies bind it: fewer, larger operators would help."


def reach_facts(evaluation: Evaluation, selection: Selection, *, is_quick: bool) -> Facts:
    """All that comes before or after something."""
    graph, of = evaluation.graph, selection.of
    rows = selected_rows(graph, selection) if not is_quick else np.zeros(0, np.int64)
    row = operator_row(graph, of) if of is not None else -1
    name = graph.name(row) if row >= 0 else of_text(of)
    places = [
        Fact(label="GPUs", value=gpus_text(evaluation, sorted(set(graph.gpu[rows].tolist())))),
        Fact(label="Layers", value=_ends(sorted(set(graph.layer[rows].tolist())))),
    ]
    return Facts(
        title=name,
        kind=selection.toward,
        rows=() if is_quick else (*places, *work_facts(evaluation, rows)),
        sentence="What it waits for." if selection.toward == "upstream" else "What waits for it.",
    )


def of_text(selection: Selection | None) -> str:
    """A selected thing in words."""
    if selection is None:
        return ""
    if selection.kind == "reach":
        return f"{selection.toward} of {of_text(selection.of)}"
    numbers = {"gpu": selection.gpu, "node": selection.node, "layer": selection.layer, "expert": selection.expert}
    word = {"gpu": "GPU"}.get(selection.kind, selection.kind)
    return f"{word} {numbers.get(selection.kind, '')}".strip()


def _ends(layers: list[int]) -> str:
    if not layers:
        return "none"
    return f"{layers[0]}" if len(layers) == 1 else f"{layers[0]}–{layers[-1]}"
