"""The rules that a design is checked against (DESIGN §7)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.graph.edge import layer_edges
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.graph.stage import device_names
from moe_studio.project.model import FeedForward
from moe_studio.units import byte_text, counted, significant

ERROR, WARNING, INFO = "error", "warning", "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One rule that a design breaks, or a remark.

    ``code`` is stable; ``severity`` is error, warning or info; ``where`` names the place, such as
    ``gpu 3``, ``layer 0``, ``expert 5 of layer 0``, ``parallel.tp``, or an operator's id.
    """

    code: str
    severity: str
    message: str
    where: str


Found = Iterator[Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with the sentence that says what it demands.

    ``is_of_build``: only a fault in how graphs are built can break it, never where experts are put.
    """

    code: str
    title: str
    check: Callable[[Evaluation], Found]
    is_of_build: bool = False


def problems(evaluation: Evaluation, *, is_quick: bool = False) -> tuple[Problem, ...]:
    """All broken rules and remarks, errors first; if ``is_quick`` only those that a placement can break."""
    rules = (rule for rule in RULES if not (is_quick and rule.is_of_build))
    found = dict.fromkeys(problem for rule in rules for problem in rule.check(evaluation))
    return tuple(sorted(found, key=lambda problem: (ERROR, WARNING, INFO).index(problem.severity)))


def _acyclic(evaluation: Evaluation) -> Found:
    """Rows are numbered in an order in which every edge leads upward, which no cycle can."""
    for part in _first_of_each(evaluation):
        edges = layer_edges(part)
        first_in, first_out = edges.inward, edges.outward
        bad = edges.direct[0] >= edges.direct[1]
        lowest = np.full(len(edges.junction_member), len(part))
        np.minimum.at(lowest, first_out[0], first_out[1])
        if bad.any() or (first_in[0] >= lowest[first_in[1]]).any():
            yield Problem(code="acyclic", severity=ERROR, message="The operator graph has a cycle.", where="graph")


def _connected(evaluation: Evaluation) -> Found:
    """Behind the first layer every operator takes something; before the last layer all is used."""
    seen: set[LayerGraph] = set()
    for part in evaluation.graph.parts:
        edges, body = layer_edges(part.body), part.body
        if body in seen:
            continue
        seen.add(body)
        has_input = np.zeros(len(body), bool)
        for rows in (edges.direct[1], edges.outward[1], edges.entry[0]):
            has_input[rows] = True
        is_used = np.zeros(len(body), bool)
        for rows in (edges.direct[0], edges.inward[0], body.runs[-1].rows, _dispatch_to_no_expert(body)):
            is_used[rows] = True
        for row in np.flatnonzero(~(has_input & is_used))[:1]:
            name = evaluation.graph.name(part.first + int(row))
            yield Problem(code="connected", severity=ERROR, message=f"{name} has no input or no use.", where=name)


def _dispatch_to_no_expert(body: LayerGraph) -> IntArray:
    """Rows of dispatches on GPUs that host no expert: they feed the output (DESIGN §4)."""
    if body.instances is None:
        return np.zeros(0, np.int64)
    hosts_none = np.ones(body.stage.lanes, bool)
    hosts_none[body.host.hosts] = False
    return body.run_of["dispatch"].first + np.flatnonzero(hosts_none)


def _source_sink(evaluation: Evaluation) -> Found:
    if not evaluation.graph.parts:
        yield Problem(code="source-sink", severity=ERROR, message="The graph has no operators.", where="graph")


def _placed(evaluation: Evaluation) -> Found:
    project = evaluation.project
    seen: dict[bytes, list[str]] = {}
    for layer, instances in {part.layer: part.body.instances for part in evaluation.graph.parts}.items():
        if instances is None:
            continue
        if instances.key not in seen:
            pairs = set(zip(instances.replica.tolist(), instances.expert.tolist(), strict=True))
            missing = [
                (replica, expert)
                for replica in range(project.parallel.dp)
                for expert in range(instances.experts)
                if (replica, expert) not in pairs
            ]
            seen[instances.key] = [f"expert {x} of replica {r}" for r, x in missing]
        if lost := seen[instances.key]:
            more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
            message = f"Layer {layer} has no slot for {', '.join(lost[:3])}{more}; add moves that place them."
            yield Problem(code="experts-placed", severity=ERROR, message=message, where=f"layer {layer}")


def _experts_per_gpu(evaluation: Evaluation) -> Found:
    limit = evaluation.project.limits.experts_per_gpu
    if not limit:
        return
    for layer, body in _layers(evaluation):
        if not body.host.by_rank or len(body.host.by_rank) <= limit:
            continue
        counts = np.bincount(body.host.lane, minlength=body.stage.lanes)
        gpu, most = int(body.stage.gpu[counts.argmax()]), int(counts.max())
        message = f"GPU {gpu} hosts {most} experts of layer {layer}; the limit is {limit}."
        yield Problem(code="experts-per-gpu", severity=ERROR, message=message, where=f"gpu {gpu}")


def _min_ep(evaluation: Evaluation) -> Found:
    project = evaluation.project
    least = project.limits.min_ep
    if least > project.parallel.ep and project.model.has_experts:
        message = f"Expert parallelism is {project.parallel.ep}; this design asks for at least {least}."
        yield Problem(code="min-ep", severity=ERROR, message=message, where="parallel.ep")


def _shapes(evaluation: Evaluation) -> Found:
    """Along each edge inside a layer the width made must be the width taken."""
    for layer, body in _first_layers(evaluation):
        for target in body.runs:
            for take in target.takes:
                if take >= 0 and (message := _shape_fault(body, body.runs[take], target)):
                    where = f"l{layer}_{target.kind.name}"
                    yield Problem(code="shapes", severity=ERROR, message=f"Layer {layer}: {message}", where=where)


SHARED_OR_SHARDED = {(key, mix) for key in ("k", "kv_a", "kv_b", "v", "side_proj") for mix in ("scores", "av")} | {
    ("q_absorb", "scores"),
    ("q", "o"),
    ("side_proj", "o"),
    ("lm_head", "logits_gather"),
    ("lm_head", "sample"),
    ("linear", "expert_reduce"),
    ("linear", "combine"),
}
"""Edges whose widths need not agree: a cache that heads share, heads whose rotated part goes around,
mixing that is not modelled, shards of one tensor."""


def _shape_fault(body: LayerGraph, source: Run, target: Run) -> str | None:
    if (
        (source.kind.name, target.kind.name) in SHARED_OR_SHARDED
        or source.first == source.last
        or target.first == target.last
    ):
        return None
    made, taken = body.out_width[source.first], body.in_width[target.first]
    if made != taken:
        return f"{source.kind.name} makes {made:g} columns, {target.kind.name} takes {taken:g}."
    return None


def _divisible(evaluation: Evaluation) -> Found:
    project = evaluation.project
    tp, etp = project.parallel.tp, project.parallel.etp
    for layer in dict.fromkeys(project.model.layers):
        attention = layer.attention
        if attention.kind != "linear" and attention.heads % tp:
            message = f"{attention.heads} heads do not divide by tp = {tp}; each GPU computes a padded share."
            yield Problem(code="heads", severity=WARNING, message=message, where="parallel.tp")
        if attention.kind == "gqa" and attention.kv_heads % tp and attention.kv_heads > tp:
            message = f"{attention.kv_heads} key/value heads do not divide by tp = {tp}; each GPU holds a padded share."
            yield Problem(code="heads", severity=WARNING, message=message, where="parallel.tp")
        yield from _padded_hidden(layer.ffn, tp, etp)


def _padded_hidden(ffn: FeedForward, tp: int, etp: int) -> Found:
    parts, name = (etp, "etp") if ffn.is_moe else (tp, "tp")
    if ffn.hidden % parts:
        message = f"The hidden size {ffn.hidden} does not divide by {name} = {parts}; each GPU computes a padded share."
        yield Problem(code="hidden-sizes", severity=WARNING, message=message, where=f"parallel.{name}")
    if ffn.shared_width % tp:
        message = (
            f"The shared experts' {ffn.shared_width} does not divide by tp = {tp}; each GPU computes a padded share."
        )
        yield Problem(code="hidden-sizes", severity=WARNING, message=message, where="parallel.tp")


def _slots(evaluation: Evaluation) -> Found:
    project = evaluation.project
    if project.slots % project.parallel.ep and project.model.has_experts:
        message = f"ep · etp must divide the {counted(project.width, 'GPU')} of a stage."
        yield Problem(code="slots", severity=ERROR, message=message, where="parallel.ep")


def _stages(evaluation: Evaluation) -> Found:
    for index, layers in enumerate(evaluation.project.stage_layers()):
        if not len(layers):
            message = f"Stage {index} has no layers."
            yield Problem(code="stages", severity=ERROR, message=message, where="parallel.pp")


def _memory(evaluation: Evaluation) -> Found:
    memory = evaluation.memory
    over = np.flatnonzero(memory.total > memory.capacity)
    if not len(over):
        return
    gpu = memory.worst_gpu
    parts = {
        "weights": memory.weights[gpu],
        "the key/value cache": memory.kv_cache[gpu],
        "activations": memory.activations[gpu],
        "communication buffers": memory.buffers[gpu],
    }
    largest = max(parts, key=lambda name: parts[name])
    many = f"{len(over)} of {len(memory.total)} GPUs do not have room. " if len(over) > 1 else ""
    message = (
        f"{many}GPU {gpu} needs {byte_text(memory.total[gpu])} of {byte_text(memory.capacity[gpu])}; "
        f"most of it, {byte_text(parts[largest])}, is {largest}. {_fitting_batch(evaluation)}"
    )
    yield Problem(code="memory", severity=ERROR, message=message, where=f"gpu {gpu}")


def _fitting_batch(evaluation: Evaluation) -> str:
    """The batch that would fit, estimated: rules are checked in every frame of a drag."""
    batch = evaluation.room.batch_estimate
    if batch < 1:
        return "No batch would fit: the weights alone leave no room for a sequence."
    return f"A batch of about {batch:,} would fit."


def _one_gpu(evaluation: Evaluation) -> Found:
    gpus = evaluation.project.cluster.gpu_count
    for layer, body in _first_layers(evaluation):
        gpu = body.stage.gpu[body.lane]
        if ((gpu < 0) | (gpu >= gpus)).any():
            message = f"Layer {layer} has an operator on no GPU of the cluster."
            yield Problem(code="one-gpu", severity=ERROR, message=message, where=f"layer {layer}")


def _idle_gpu(evaluation: Evaluation) -> Found:
    project = evaluation.project
    idle = evaluation.compute_s + evaluation.communication_s <= 0
    if project.parallel.dp and project.model.has_experts:
        idle |= _without_experts(evaluation)
    gpus = np.flatnonzero(idle).tolist()
    if gpus:
        names = ", ".join(str(gpu) for gpu in gpus[:8]) + (", …" if len(gpus) > 8 else "")
        subject = (
            f"GPU {names} hosts no expert and waits" if len(gpus) == 1 else f"GPUs {names} host no expert and wait"
        )
        message = f"{subject} while the others compute theirs."
        yield Problem(code="idle-gpu", severity=WARNING, message=message, where=f"gpu {gpus[0]}")


def _without_experts(evaluation: Evaluation) -> np.ndarray:
    """GPUs of stages with MoE layers that host no expert of any of them."""
    hosts = np.zeros(evaluation.project.cluster.gpu_count, bool)
    has_moe = np.zeros(evaluation.project.cluster.gpu_count, bool)
    for _, body in _first_layers(evaluation):
        if body.instances is not None:
            has_moe[body.stage.gpu] = True
            hosts[body.stage.gpu[body.host.hosts]] = True
    return has_moe & ~hosts


def _imbalance(evaluation: Evaluation) -> Found:
    limit = evaluation.project.limits.imbalance
    if not limit or not len(evaluation.imbalance):
        return
    layer = int(evaluation.imbalance.argmax())
    worst = evaluation.imbalance[layer]
    if worst > limit:
        gpu = int(evaluation.load[layer].argmax())
        over = int((evaluation.imbalance > limit).sum())
        message = (
            f"In layer {layer}, GPU {gpu} handles {significant(worst, 3)} times the mean load of its stage; "
            f"{over} layer{'s' if over > 1 else ''} above the limit of {limit:g}."
        )
        yield Problem(code="imbalance", severity=WARNING, message=message, where=f"gpu {gpu}")


def _cross_node(evaluation: Evaluation) -> Found:
    """No more groups should span two nodes than do when every node is filled with whole groups."""
    project = evaluation.project
    has_moe = project.model.has_experts
    for name, size, what in (
        ("tp", project.parallel.tp, "attention group"),
        ("etp", project.parallel.etp if has_moe else 1, "expert slot"),
        ("ep", project.width if has_moe else 1, "stage"),
    ):
        stages = evaluation.graph.stages
        nodes, gpus = (
            np.concatenate([column.reshape(-1, size) for column in columns])
            for columns in ([stage.node for stage in stages], [stage.gpu for stage in stages])
        )
        split = gpus[(nodes != nodes[:, :1]).any(axis=1)]
        whole = sum(node.gpus // size for node in project.cluster.nodes)
        if len(split) > len(gpus) - whole:
            message = (
                f"The {what} of GPUs {split[0][0]}–{split[0][-1]} lies on more than one node, though it would fit "
                "into one; what its GPUs exchange crosses the slower links."
            )
            yield Problem(code="cross-node", severity=WARNING, message=message, where=f"parallel.{name}")


def _replicated(evaluation: Evaluation) -> Found:
    project = evaluation.project
    if project.parallel.attention == "replicated" and project.groups > 1:
        message = (
            f"Each of {project.groups} attention groups computes the attention of all {project.workload.batch:,} "
            f"sequences. With attention: data each would compute 1/{project.groups} of them and hold as much less."
        )
        yield Problem(code="replicated-work", severity=WARNING, message=message, where="parallel.attention")


def _remarks(evaluation: Evaluation) -> Found:
    project = evaluation.project
    for text in dict.fromkeys(layer.attention.unmodelled for layer in project.model.layers):
        if text:
            message = f"{text.rstrip('.')}; all parameters are counted."
            yield Problem(code="unmodelled", severity=INFO, message=message, where="model.attention")
    for warning in project.model.warnings:
        yield Problem(code="import", severity=INFO, message=warning, where="model")
    wanted = {project.model.dtype_of(part) for part in ("weights", "experts", "activations")}
    for name in device_names(project.cluster):
        for dtype in sorted(wanted):
            if not project.cluster.device(name).has_peak(dtype):
                message = f"{name} has no peak for {dtype}; the nearest wider type's is used."
                yield Problem(code="dtype-peak", severity=INFO, message=message, where=f"device {name}")


def _first_layers(evaluation: Evaluation) -> list[tuple[int, LayerGraph]]:
    """Every different layer once, with the first number that it has."""
    seen: dict[LayerGraph, int] = {}
    for part in evaluation.graph.parts:
        seen.setdefault(part.body, part.layer)
    return [(layer, body) for body, layer in seen.items()]


def _layers(evaluation: Evaluation) -> list[tuple[int, LayerGraph]]:
    """Every different MoE layer once."""
    return [(layer, body) for layer, body in _first_layers(evaluation) if body.instances is not None]


def _first_of_each(evaluation: Evaluation) -> list[LayerGraph]:
    return [body for _, body in _first_layers(evaluation)]


def _costs(evaluation: Evaluation) -> Found:
    """A table, calibration or plug-in that cannot be used."""
    for fault in evaluation.provider.faults:
        yield Problem(code="costs", severity=WARNING, message=fault, where="cost.provider")


RULES: tuple[Rule, ...] = (
    Rule(code="acyclic", title="The graph has no cycle", check=_acyclic, is_of_build=True),
    Rule(code="source-sink", title="One source, one sink", check=_source_sink, is_of_build=True),
    Rule(code="connected", title="Every operator is connected", check=_connected, is_of_build=True),
    Rule(code="experts-placed", title="Every expert of every layer and replica has a slot", check=_placed),
    Rule(code="experts-per-gpu", title="Experts per GPU and layer within the limit", check=_experts_per_gpu),
    Rule(code="min-ep", title="Expert parallelism at least the chosen minimum", check=_min_ep),
    Rule(code="shapes", title="Shapes agree along every data edge", check=_shapes, is_of_build=True),
    Rule(code="heads", title="Heads divide by tp", check=lambda e: (p for p in _divisible(e) if p.code == "heads")),
    Rule(
        code="hidden-sizes",
        title="Hidden sizes divide by tp and etp",
        check=lambda e: (p for p in _divisible(e) if p.code == "hidden-sizes"),
    ),
    Rule(code="slots", title="ep · etp divides the GPUs of a stage", check=_slots),
    Rule(code="stages", title="Every stage has layers", check=_stages),
    Rule(code="memory", title="Everything fits into memory", check=_memory),
    Rule(code="one-gpu", title="Every operator has one GPU", check=_one_gpu, is_of_build=True),
    Rule(code="idle-gpu", title="No GPU is idle", check=_idle_gpu),
    Rule(code="imbalance", title="Load is balanced", check=_imbalance),
    Rule(code="cross-node", title="No more traffic across nodes than grouping by node needs", check=_cross_node),
    Rule(code="replicated-work", title="No work is done more than once", check=_replicated),
    Rule(code="costs", title="Run times come from where the design says", check=_costs),
    Rule(code="remarks", title="Everything is modelled", check=_remarks),
)
"""All rules, in the order of the checklist."""
