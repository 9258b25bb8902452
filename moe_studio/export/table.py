"""All operators as CSV, one row each; a spreadsheet never takes a name for a formula."""

import csv
from collections.abc import Iterator
from typing import TextIO

from moe_studio.engine.evaluation import Evaluation
from moe_studio.export.text import number, plain
from moe_studio.graph.operator import OP_NAMES
from moe_studio.project.model import DTYPES

COLUMNS = (
    "id", "op", "layer", "micro_batch", "expert", "gpu", "node", "stage", "replica", "m", "k", "n", "count",
    "in_rows", "in_width", "out_rows", "out_width", "flop", "bytes", "dtype", "bound",
    "start_s", "duration_s", "slack_s", "on_path", "level", "provenance", "expected_error", "outside",
)  # fmt: skip
"""Names of the columns; an operator without an expert has none, one that is no GEMM has m, k, n and count 0."""

_BODY_COLUMNS = ("m", "k", "n", "count", "in_rows", "in_width", "out_rows", "out_width", "flop", "byte")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_table(evaluation: Evaluation, file: TextIO) -> None:
    """Write every operator to ``file``, in the order of rows."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(evaluation))


def _rows(evaluation: Evaluation) -> Iterator[list[str]]:
    graph, names = evaluation.graph, iter(evaluation.graph.names())
    on_path = set(evaluation.scheduled_path.rows.tolist())
    node_names = [inert(name) for name in graph.node_names]
    for part in graph.parts:
        body, rows = part.body, part.rows
        figures = list(zip(*(body.columns[name].tolist() for name in _BODY_COLUMNS), strict=True))
        columns = (evaluation.start_s, evaluation.duration_s, evaluation.slack_s)
        times = list(zip(*(column[rows].tolist() for column in columns), strict=True))
        level = evaluation.level[rows].tolist()
        known = [evaluation.evidence.basis(row) for row in range(part.first, part.first + len(body))]
        outside = evaluation.evidence.outside[rows].tolist()
        op, lane, expert, dtype = (c.tolist() for c in (body.op, body.lane, body.expert, body.columns["dtype"]))
        gpu, node = body.stage.gpu.tolist(), body.stage.node.tolist()
        for local in range(len(body)):
            place = lane[local]
            yield [
                next(names),
                OP_NAMES[op[local]],
                str(part.layer),
                str(part.micro_batch),
                str(expert[local]) if expert[local] >= 0 else "",
                str(gpu[place]),
                node_names[node[place]],
                str(body.stage.index),
                str(place // body.stage.width),
                *(number(figure) for figure in figures[local]),
                DTYPES[int(dtype[local])],
                evaluation.bound_name(part.first + local),
                *(number(time) for time in times[local]),
                "true" if part.first + local in on_path else "false",
                str(level[local]),
                *_how(*known[local]),
                "true" if outside[local] else "false",
            ]


def _how(provenance: str, error: float | None) -> tuple[str, str]:
    """How a time was got, and the error to expect, as cells."""
    return provenance, "" if error is None else number(error)


def inert(text: str) -> str:
    """``text`` as a cell that no spreadsheet takes for a formula."""
    cleaned = plain(text)
    return f"'{cleaned}" if cleaned.lstrip().startswith(_FORMULA_STARTS) else cleaned
