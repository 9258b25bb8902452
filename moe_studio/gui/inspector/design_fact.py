"""What there is to say about the whole design, and about one of its settings."""

import re
from typing import Any

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.export.summary import references
from moe_studio.gui.inspector.fact import Fact, Facts, signed
from moe_studio.gui.inspector.place_fact import PART_NAMES
from moe_studio.gui.inspector.serving_fact import serving_facts
from moe_studio.gui.inspector.work_fact import bound_text, quantity, seconds, term_text
from moe_studio.project.parameter import parameters
from moe_studio.project.setting import settings_of
from moe_studio.units import counted, percent_text, significant, time_text

_CLAIMED = {"time per output token": "Claimed TPOT", "time to first token": "Claimed TTFT"}


def design_facts(evaluation: Evaluation, *, is_quick: bool = False) -> Facts:
    """The whole design; ``is_quick``: without what reads all operators."""
    project, metrics, memory = evaluation.project, evaluation.metrics, evaluation.memory
    cluster, parallel, work, model = project.cluster, project.parallel, project.workload, project.model
    degrees = {"DP": parallel.dp, "PP": parallel.pp, "TP": parallel.tp, "EP": parallel.ep, "ETP": parallel.etp}
    named = " ".join(f"{name}{degree}" for name, degree in degrees.items() if degree > 1) or "one GPU each"
    count, worst = parameters(model), memory.worst_gpu
    rows = [
        Fact(label="Model", value=f"{counted(model.layer_count, 'layer')}, {model.dtype}"),
        quantity("Parameters", float(count.total), ""),
        quantity("Active per token", float(count.active), ""),
        Fact(label="Hidden", value=f"{model.hidden:,}"),
        Fact(label="Cluster", value=f"{counted(cluster.gpu_count, 'GPU')}, {counted(len(cluster.nodes), 'node')}"),
        Fact(label="Strategy", value=named),
        Fact(label="Attention", value=parallel.attention),
        Fact(label="Sequences × tokens", value=f"{work.batch:,} × {work.tokens:,}"),
        seconds("Latency", metrics.latency_s),
        seconds("By dependencies", metrics.dependency_s),
        _number("Tokens/s per GPU", metrics.tokens_per_s_per_gpu, significant(metrics.tokens_per_s_per_gpu)),
        _number("Steady tokens/s", metrics.steady_tokens_per_s, f"{metrics.steady_tokens_per_s:,.0f}"),
        _number("MFU", metrics.mfu, percent_text(metrics.mfu)),
        quantity("Arithmetic", metrics.model_flop, "FLOP"),
        quantity(f"Memory, GPU {worst}", float(memory.total[worst]), "B", better=-1),
        *(quantity(PART_NAMES[part], float(getattr(memory, part)[worst]), "B", better=-1) for part in MEMORY_PARTS),
        *serving_facts(evaluation),
        *([] if is_quick else _path_facts(evaluation)),
        Fact(label="Costs", value=f"{project.cost.provider}, at {percent_text(project.cost.compute, 0)}"),
    ]
    if project.reference is not None:
        rows += _claims(evaluation)
    note = project.reference.note if project.reference else ""
    return Facts(title=project.name, kind="design", rows=tuple(rows), sentence=note and f"Reference: {note}.")


def _path_facts(evaluation: Evaluation) -> list[Fact]:
    """What the whole graph and its longest path are made of."""
    operators, edges, path = len(evaluation.graph), evaluation.edge_count, evaluation.scheduled_path.rows
    return [
        quantity("Across nodes", float(evaluation.cross_node_byte.sum()), "B", better=-1),
        Fact(label="Operators", value=f"{operators:,}", amount=float(operators)),
        Fact(label="Edges", value=f"{edges:,}", amount=float(edges)),
        Fact(label="Path bound by", value=bound_text(evaluation, path, evaluation.duration_s[path])),
        Fact(label="Get_Time on the path", value=term_text(evaluation, path) or "none"),
        Fact(label="Error to expect", value=_error_text(evaluation)),
    ]


def _number(label: str, amount: float, text: str) -> Fact:
    return Fact(label=label, value=text, amount=amount, better=1)


def _error_text(evaluation: Evaluation) -> str:
    """What is known of the times on the path, as far as anything is."""
    error = evaluation.latency_error_s
    if not np.isfinite(error):
        return "not known"
    return f"± {time_text(error, 3)}"


def _claims(evaluation: Evaluation) -> list[Fact]:
    reference, metrics = evaluation.project.reference, evaluation.metrics
    assert reference is not None
    claims = []
    if reference.tokens_per_s:
        error = metrics.tokens_per_s / reference.tokens_per_s - 1
        claims.append(Fact(label="Claimed tokens/s", value=f"{reference.tokens_per_s:,.0f}"))
        claims.append(Fact(label="Prediction", value=f"{signed(error)}"))
    if reference.latency_s:
        error = metrics.latency_s / reference.latency_s - 1
        claims.append(Fact(label="Claimed latency", value=f"{time_text(reference.latency_s)} ({signed(error)})"))
    for item in references(evaluation):
        # The phase that is evaluated has one of the two alone.
        if label := _CLAIMED.get(item["metric"]):
            beside = "" if item["error"] is None else f" ({signed(item['error'])})"
            claims.append(Fact(label=label, value=f"{item['reference']:g} ms{beside}"))
    return claims


def setting_facts(evaluation: Evaluation, path: str) -> Facts | None:
    """One setting by its path in the file; None if there is none."""
    value: Any = evaluation.project
    doc = unit = ""
    for word in re.findall(r"[a-z_0-9]+", path):
        if word.isdigit() and isinstance(value, tuple) and int(word) < len(value):
            value = value[int(word)]
        elif hasattr(value, "__dataclass_fields__") and word in value.__dataclass_fields__:
            known = dict(settings_of(type(value))).get(word)
            doc, unit = (known.doc, known.unit) if known else ("", "")
            value = getattr(value, word)
        else:
            return None
    text = f"{value:g}" if isinstance(value, float) else f"{value}"
    rows = (
        Fact(
            label="Value", value=f"{text} {unit}".rstrip() if isinstance(value, str | int | float) else "see the file"
        ),
    )
    return Facts(title=path, kind="setting", rows=rows, sentence=doc and f"{doc[0].upper()}{doc[1:]}.")
