"""What there is to say about a selected thing: rows of text, and a sentence on what binds it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moe_studio.document.placing import GpuPlace, gpu_place, hosted_experts, layers_phrase
from moe_studio.document.selection import Selection, operator_row
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.operator import DESCRIPTIONS, OP_KINDS
from moe_studio.project.edit import expert_slots
from moe_studio.project.model import DTYPES
from moe_studio.project.setting import settings_of
from moe_studio.units import byte_text, percent_text, si_text, significant, time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One row: a label and a value; ``tone`` is good, bad, path or none."""

    label: str
    value: str
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything about one thing. ``gpu`` is the one whose memory is drawn, -1 for none."""

    title: str
    kind: str
    rows: tuple[Fact, ...]
    sentence: str = ""
    gpu: int = -1


def facts(evaluation: Evaluation, selection: Selection, layer: int | None) -> Facts:
    """What there is to say about ``selection``; ``layer`` is the one shown, None for all."""
    gpus, layers = evaluation.project.cluster.gpu_count, evaluation.project.model.layer_count
    if selection.kind == "operator":
        row = operator_row(evaluation.graph, selection)
        if row >= 0:
            return _operator(evaluation, row)
    elif selection.kind == "gpu" and 0 <= selection.gpu < gpus:
        return _gpu(evaluation, selection.gpu, layer)
    elif selection.kind == "node" and 0 <= selection.node < len(evaluation.project.cluster.nodes):
        return _node(evaluation, selection.node)
    elif selection.kind == "expert":
        return _expert(evaluation, selection, layer)
    elif selection.kind == "layer" and 0 <= selection.layer < layers:
        return _layer(evaluation, selection.layer)
    elif selection.kind == "setting":
        return _setting(evaluation, selection.path)
    return _design(evaluation)


def common_facts(every: Sequence[Facts], count: int) -> Facts:
    """What several things have in common, ``count`` of them in all; a dash where they differ."""
    first = every[0]
    if count < 2:
        return first
    tables = [{row.label: row for row in item.rows} for item in every]
    rows = [row for row in first.rows if all(row.label in table for table in tables)]
    same = [row if all(table[row.label] == row for table in tables) else _dash(row) for row in rows]
    kinds = {item.kind for item in every}
    kind = kinds.pop() if len(kinds) == 1 else "thing"
    return Facts(title=f"{count} {kind}s", kind="selected", rows=tuple(same))


def _dash(row: Fact) -> Fact:
    return Fact(label=row.label, value="—")


def _operator(evaluation: Evaluation, row: int) -> Facts:
    graph = evaluation.graph
    part, local = graph.part_of(row)
    body, kind = part.body, OP_KINDS[part.body.op[local]]
    lane = body.lane[local]
    gpu = int(body.stage.gpu[lane])
    column = {name: float(values[local]) for name, values in body.columns.items()}
    dtype = DTYPES[int(column["dtype"])]
    duration, start = float(evaluation.duration_s[row]), float(evaluation.start_s[row])
    slack = float(evaluation.slack_s[row])
    expert = int(body.expert[local])
    where = f"{gpu} · {graph.node_names[int(body.stage.node[lane])]} · {gpu_place(evaluation.project, gpu).text}"
    rows = [
        Fact(label="What", value=DESCRIPTIONS.get(kind.name, kind.name)),
        Fact(label="GPU", value=where),
        Fact(
            label="Layer" if expert < 0 else "Layer, expert",
            value=f"{part.layer}" + (f", {expert}" if expert >= 0 else ""),
        ),
        Fact(label="Input", value=_shape(column["in_rows"], column["in_width"])),
    ]
    if graph.has_micro_batches:
        rows.insert(3, Fact(label="Micro-batch", value=f"{part.micro_batch}"))
    if kind.has_weight:
        rows.append(Fact(label="Weight", value=f"{_shape(column['k'], column['n'])} {dtype}"))
    rows.append(Fact(label="Output", value=_shape(column["out_rows"], column["out_width"])))
    if kind.is_matmul:
        times = f" × {column['count']:,.0f}" if column["count"] != 1 else ""
        term = f"({column['m']:,.0f}, {column['k']:,.0f}, {column['n']:,.0f}){times}"
        rows.append(Fact(label="Get_Time", value=term))
    if column["flop"]:
        rows.append(Fact(label="Arithmetic", value=si_text(column["flop"], "FLOP")))
    if column["byte"] and not (column["intra_byte"] or column["inter_byte"]):
        rows.append(Fact(label="Memory traffic", value=si_text(column["byte"], "B", 3)))
    for label, name in (("Links in node", "intra_byte"), ("Links across", "inter_byte")):
        if column[name]:
            rows.append(Fact(label=label, value=si_text(column[name], "B", 3)))
    bound = evaluation.bound_name(row)
    rows += [
        Fact(label="Bound by", value=bound),
        Fact(label="Time", value=time_text(duration)),
        Fact(label="Start – end", value=f"{time_text(start)} – {time_text(start + duration)}"),
        Fact(label="Slack", value=time_text(slack) if slack else "0, on a longest path", tone="" if slack else "path"),
    ]
    return Facts(
        title=graph.name(row),
        kind="operator",
        rows=tuple(rows),
        sentence=_why(evaluation, bound, column, duration, dtype, gpu),
        gpu=gpu,
    )


def _why(evaluation: Evaluation, bound: str, column: dict[str, float], duration: float, dtype: str, gpu: int) -> str:
    project = evaluation.project
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


def _gpu(evaluation: Evaluation, gpu: int, layer: int | None) -> Facts:
    project, memory = evaluation.project, evaluation.memory
    node = project.cluster.nodes[project.cluster.node_of_gpu()[gpu]]
    device = project.cluster.device(node.device)
    held = hosted_experts(project, layer)[gpu]
    place = gpu_place(project, gpu)
    compute, comm = float(evaluation.compute_s[gpu]), float(evaluation.communication_s[gpu])
    total, room = float(memory.total[gpu]), float(memory.capacity[gpu])
    tokens = float(evaluation.load[:, gpu].sum())
    shown = ", ".join(f"E{number}" for number in list(held)[:8]) or "none"
    rows = (
        Fact(label="Node", value=node.name),
        Fact(label="Device", value=device.title or node.device),
        Fact(label="Replica, stage, position", value=f"{place.replica}, {place.stage}, {place.position}"),
        Fact(label="Layers", value=_stage_layers(evaluation, place)),
        Fact(label=f"Experts ({len(held)})", value=shown + (" …" if len(held) > 8 else "")),
        Fact(label="Tokens to experts", value=f"{tokens:,.0f}"),
        Fact(label="Computing", value=time_text(compute)),
        Fact(label="Communicating", value=time_text(comm)),
        Fact(label="Waiting", value=time_text(float(evaluation.idle_s[gpu]))),
        Fact(
            label="Memory",
            value=f"{si_text(total, 'B', 3)} of {si_text(room, 'B', 3)}",
            tone="" if total <= room else "bad",
        ),
        Fact(label="Room for cache", value=_cache_room(evaluation, gpu)),
    )
    return Facts(title=f"GPU {gpu}", kind="GPU", rows=rows, sentence=_gpu_sentence(evaluation, gpu), gpu=gpu)


def _cache_room(evaluation: Evaluation, gpu: int) -> str:
    """Tokens and sequences whose cache fits beside everything else."""
    room = evaluation.room
    if room.sequences[gpu] == float("inf"):
        return "nothing is cached"
    return f"{room.tokens[gpu]:,.0f} tokens, {room.sequences[gpu]:,.0f} sequences"


def _gpu_sentence(evaluation: Evaluation, gpu: int) -> str:
    memory, busy = evaluation.memory, evaluation.compute_s
    said = []
    over = float(memory.total[gpu] - memory.capacity[gpu])
    if over > 0:
        parts = {name: float(getattr(memory, name)[gpu]) for name in ("weights", "kv_cache", "activations", "buffers")}
        most = max(parts, key=lambda name: parts[name])
        said.append(f"It lacks {si_text(over, 'B', 3)}; most of it is {most.replace('kv_cache', 'KV cache')}.")
    if busy[gpu] >= busy.max() * (1 - 1e-9) and busy.max() > 1.02 * float(busy.mean()):
        said.append("It computes longest; the others wait for it where results are combined.")
    elif busy[gpu] < 0.9 * busy.max():
        said.append(f"It computes {percent_text(1 - float(busy[gpu] / busy.max()), 0)} less than the busiest GPU.")
    return " ".join(said)


def _stage_layers(evaluation: Evaluation, place: GpuPlace) -> str:
    layers = evaluation.project.stage_layers()[place.stage]
    return layers_phrase(tuple(layers)).split(" ", 1)[1]


def _node(evaluation: Evaluation, index: int) -> Facts:
    cluster = evaluation.project.cluster
    node = cluster.nodes[index]
    device = cluster.device(node.device)
    first = sum(item.gpus for item in cluster.nodes[:index])
    peak = device.peak_flop_s(evaluation.project.model.dtype)
    rows = (
        Fact(label="GPUs", value=f"{first} – {first + node.gpus - 1}" if node.gpus > 1 else f"{first}"),
        Fact(label="Device", value=device.title or node.device),
        Fact(label=f"Peak, {evaluation.project.model.dtype}", value=si_text(peak, "FLOP/s", 4)),
        Fact(label="Memory", value=f"{device.memory_gb:g} GB"),
        Fact(label="Memory bandwidth", value=f"{device.memory_tb_s:g} TB/s"),
        Fact(
            label="Link in the node",
            value=_link(device.link_gb_s or cluster.links.intra.gb_s, cluster.links.intra.latency_us),
        ),
        Fact(label="Link to other nodes", value=_link(cluster.links.inter.gb_s, cluster.links.inter.latency_us)),
    )
    return Facts(title=node.name or f"node {index}", kind="node", rows=rows)


def _link(gb_s: float, latency_us: float) -> str:
    return f"{gb_s:g} GB/s, {latency_us:g} µs"


def _expert(evaluation: Evaluation, selection: Selection, layer: int | None) -> Facts:
    project, expert = evaluation.project, selection.expert
    number = selection.layer if selection.layer >= 0 else layer
    held = hosted_experts(project, number)
    homes = [gpu for gpu, experts in enumerate(held) if expert in experts]
    layers = [index for index, item in enumerate(project.model.layers) if expert < item.ffn.experts]
    if not layers:
        return _design(evaluation)
    ffn = project.model.layers[layers[0] if number is None else number].ffn
    parameters = ffn.matrices * ffn.hidden * project.model.hidden
    moved = sum(1 for move in project.placement.moves if move.expert == expert)
    instances = {len(slots) for slots in expert_slots(project, expert).values()}
    rows = (
        Fact(label="Shown in", value="all layers" if number is None else f"layer {number}"),
        Fact(label="On GPUs", value=", ".join(map(str, homes[:10])) + (" …" if len(homes) > 10 else "") or "none"),
        Fact(label="Instances per replica", value=" or ".join(map(str, sorted(instances)))),
        Fact(label="Kind", value=f"{ffn.kind}, {ffn.hidden:,}"),
        Fact(label="Parameters per layer", value=si_text(parameters, "", 3)),
        Fact(label="Weights per layer", value=byte_text(parameters * project.model.byte_of("experts"))),
        Fact(label="Placed by", value="hand" if moved else project.placement.policy),
    )
    sentence = "Drag it to another GPU, or press G and type the GPU's number."
    return Facts(title=f"Expert {expert}", kind="expert", rows=rows, sentence=sentence, gpu=selection.gpu)


def _layer(evaluation: Evaluation, layer: int) -> Facts:
    project = evaluation.project
    spec = project.model.layers[layer]
    attention, ffn = spec.attention, spec.ffn
    stage = next(index for index, layers in enumerate(project.stage_layers()) if layer in layers)
    rows = [
        Fact(label="Stage", value=f"{stage}"),
        Fact(label="Attention", value=f"{attention.kind}, {attention.heads} heads"),
        Fact(label="Feed-forward", value=f"{ffn.kind}, {ffn.hidden:,} wide"),
    ]
    if ffn.is_moe:
        rows.append(Fact(label="Experts", value=f"{ffn.experts}, {ffn.top_k} per token"))
        rows.append(Fact(label="Imbalance", value=f"{evaluation.imbalance[layer]:.2f} ×"))
        rows.append(Fact(label="Cross-node traffic", value=si_text(float(evaluation.cross_node_byte[layer]), "B", 3)))
    share = evaluation.breakdown.by_layer[layer]
    rows.append(Fact(label="On the longest path", value=time_text(share)))
    rows.append(Fact(label="Of the latency", value=percent_text(share / evaluation.metrics.latency_s)))
    return Facts(title=f"Layer {layer}", kind="layer", rows=tuple(rows))


def _design(evaluation: Evaluation) -> Facts:
    project, metrics = evaluation.project, evaluation.metrics
    parallel, work, model = project.parallel, project.workload, project.model
    degrees = {"DP": parallel.dp, "PP": parallel.pp, "TP": parallel.tp, "EP": parallel.ep, "ETP": parallel.etp}
    named = " ".join(f"{name}{degree}" for name, degree in degrees.items() if degree > 1) or "one GPU each"
    rows = [
        Fact(label="Model", value=f"{model.layer_count} layers, {model.dtype}"),
        Fact(label="Hidden", value=f"{model.hidden:,}"),
        Fact(label="Cluster", value=f"{project.cluster.gpu_count} GPUs, {len(project.cluster.nodes)} nodes"),
        Fact(label="Strategy", value=named),
        Fact(label="Attention", value=parallel.attention),
        Fact(label="Sequences × tokens", value=f"{work.batch:,} × {work.tokens:,}"),
        Fact(label="Latency", value=time_text(metrics.latency_s)),
        Fact(label="By dependencies", value=time_text(metrics.dependency_s)),
        *_per_token(evaluation),
        Fact(label="Tokens/s per GPU", value=significant(metrics.tokens_per_s_per_gpu)),
        Fact(label="Batch that fits", value=f"about {evaluation.room.batch_estimate:,}"),
        Fact(label="Steady tokens/s", value=f"{metrics.steady_tokens_per_s:,.0f}"),
        Fact(label="Operators", value=f"{len(evaluation.graph):,}"),
        Fact(label="Edges", value=f"{evaluation.edge_count:,}"),
        Fact(label="Costs", value=f"{project.cost.provider}, at {percent_text(project.cost.compute, 0)}"),
    ]
    if project.reference is not None:
        rows += _claims(evaluation)
    note = project.reference.note if project.reference else ""
    return Facts(title=project.name, kind="design", rows=tuple(rows), sentence=note and f"Reference: {note}.")


def _per_token(evaluation: Evaluation) -> list[Fact]:
    """What a step gives each sequence, where that is not plain; and how uneven experts are."""
    metrics, work = evaluation.metrics, evaluation.project.workload
    facts = []
    if work.is_decode and work.draft_tokens:
        facts.append(Fact(label="Tokens per step", value=f"{work.gained_tokens:.2f} of {work.new_tokens} verified"))
        facts.append(Fact(label="TPOT", value=time_text(metrics.tpot_s)))
    if work.cached_tokens:
        facts.append(Fact(label="Computed tokens", value=f"{work.new_tokens:,} of {work.tokens:,}"))
    if evaluation.mean_imbalance > 1:
        facts.append(Fact(label="Imbalance", value=f"{evaluation.mean_imbalance:.2f} ×, mean of the MoE layers"))
    return facts


def _claims(evaluation: Evaluation) -> list[Fact]:
    reference, metrics = evaluation.project.reference, evaluation.metrics
    assert reference is not None
    claims = []
    if reference.tokens_per_s:
        error = metrics.tokens_per_s / reference.tokens_per_s - 1
        claims.append(Fact(label="Claimed tokens/s", value=f"{reference.tokens_per_s:,.0f}"))
        claims.append(Fact(label="Prediction", value=f"{_signed(error)}"))
    if reference.latency_s:
        error = metrics.latency_s / reference.latency_s - 1
        claims.append(Fact(label="Claimed latency", value=f"{time_text(reference.latency_s)} ({_signed(error)})"))
    if reference.tpot_ms:
        claims.append(Fact(label="Claimed TPOT", value=f"{reference.tpot_ms:g} ms"))
    if reference.ttft_ms:
        claims.append(Fact(label="Claimed TTFT", value=f"{reference.ttft_ms:g} ms"))
    return claims


def _setting(evaluation: Evaluation, path: str) -> Facts:
    value: Any = evaluation.project
    doc = ""
    for word in re.findall(r"[a-z_0-9]+", path):
        if word.isdigit() and isinstance(value, tuple) and int(word) < len(value):
            value = value[int(word)]
        elif hasattr(value, "__dataclass_fields__") and word in value.__dataclass_fields__:
            doc = dict(settings_of(type(value)))[word].doc if word in dict(settings_of(type(value))) else ""
            value = getattr(value, word)
        else:
            return _design(evaluation)
    rows = (Fact(label="Value", value=f"{value}" if isinstance(value, str | int | float) else "see the file"),)
    return Facts(title=path, kind="setting", rows=rows, sentence=doc and f"{doc[0].upper()}{doc[1:]}.")


def _shape(rows: float, width: float) -> str:
    return f"[{rows:,.0f}, {width:,.0f}]"


def _signed(ratio: float) -> str:
    return f"{'+' if ratio > 0 else '−'}{percent_text(abs(ratio))}"
