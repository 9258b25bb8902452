"""The schedule as a Chrome trace: a process for each node, a track for each stream of each GPU.

Opens in Perfetto and in chrome://tracing. Times are in microseconds; arrows follow the longest path.
"""

import json
from collections.abc import Iterator
from typing import TextIO

from moe_studio.engine.evaluation import Evaluation
from moe_studio.export.text import plain
from moe_studio.view.label import Labeller
from moe_studio.view.node import ViewNode

_STREAMS = ("compute", "communication")
Event = dict[str, object]


def write_trace(evaluation: Evaluation, file: TextIO) -> None:
    """Write the schedule to ``file``, one event on each line."""
    project = plain(evaluation.project.name)
    other = {"project": project, "latency_s": _rounded(evaluation.metrics.latency_s)}
    file.write(f'{{"displayTimeUnit":"ms","otherData":{_json(other)},"traceEvents":[\n')
    first = True
    for event in _events(evaluation):
        file.write(_json(event) if first else f",\n{_json(event)}")
        first = False
    file.write("\n]}\n")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _events(evaluation: Evaluation) -> Iterator[Event]:
    yield from _names(evaluation)
    names = evaluation.graph.names()
    labeller = Labeller(evaluation, names.__getitem__)
    home = {name: index for index, name in enumerate(evaluation.graph.node_names)}
    has_overlap = evaluation.project.cost.overlap
    is_comm = evaluation.is_comm
    path = evaluation.scheduled_path.rows.tolist()
    step_of = {row: step for step, row in enumerate(path)}
    for part in evaluation.graph.parts:
        for local in range(len(part.body)):
            node = labeller.node(part, local)
            track = {"pid": home[node.node], "tid": node.gpu * 2 + int(is_comm[node.row] and has_overlap)}
            yield _slice(node, track)
            if node.row in step_of:
                yield from _flow(node, track, step_of[node.row], len(path))


def _names(evaluation: Evaluation) -> Iterator[Event]:
    """Names and order of processes and tracks."""
    cluster = evaluation.project.cluster
    for index, node in enumerate(cluster.nodes):
        yield {"ph": "M", "name": "process_name", "pid": index, "args": {"name": plain(node.name)}}
        yield {"ph": "M", "name": "process_sort_index", "pid": index, "args": {"sort_index": index}}
    for gpu, home in enumerate(cluster.node_of_gpu()):
        for place, stream in enumerate(_STREAMS if evaluation.project.cost.overlap else _STREAMS[:1]):
            track = {"pid": home, "tid": gpu * 2 + place}
            yield {"ph": "M", "name": "thread_name", **track, "args": {"name": f"GPU {gpu} {stream}"}}
            yield {"ph": "M", "name": "thread_sort_index", **track, "args": {"sort_index": gpu * 2 + place}}


def _slice(node: ViewNode, track: dict[str, int]) -> Event:
    arguments: Event = {"op": node.op, "layer": node.layer, "gpu": node.gpu, "dims": node.dims, "work": node.lines[3]}
    if node.expert >= 0:
        arguments["expert"] = node.expert
    arguments |= {"micro_batch": node.micro_batch, "slack_us": _rounded(node.slack_s * 1e6), "on_path": node.on_path}
    return {
        "ph": "X",
        "name": node.id,
        "cat": node.family,
        **track,
        "ts": _rounded(node.start_s * 1e6),
        "dur": _rounded(node.duration_s * 1e6),
        "args": arguments,
    }


def _flow(node: ViewNode, track: dict[str, int], step: int, steps: int) -> Iterator[Event]:
    """Ends of the arrows to and from an operator on the longest path. One arrow joins two neighbours."""
    common: Event = {"name": "longest path", "cat": "path", **track}
    if step:
        yield {"ph": "f", "bp": "e", "id": step, **common, "ts": _rounded(node.start_s * 1e6)}
    if step + 1 < steps:
        yield {"ph": "s", "id": step + 1, **common, "ts": _rounded(node.start_s * 1e6)}


def _rounded(value: float) -> float:
    """To twelve digits, so that every machine writes the same text."""
    return float(f"{value:.12g}")
