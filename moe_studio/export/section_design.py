"""Parts of a report about the design: what is computed, on what, and how it is spread."""

from collections.abc import Iterable, Sequence

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.export.block import Block, Bullets, Paragraph, Section, table
from moe_studio.export.summary import gpu_places, hosted_experts
from moe_studio.graph.size import head_count, key_count, shard, sizes
from moe_studio.graph.stage import device_names
from moe_studio.project.cluster import Link
from moe_studio.project.design import Routing, Workload, layers_text
from moe_studio.project.model import Attention, FeedForward
from moe_studio.project.parameter import parameters
from moe_studio.project.project import Project
from moe_studio.units import byte_text, counted, percent_text, si_text, significant, time_text

MAX_LIST = 24
"""Experts named before a list of them is cut."""


def model_section(project: Project) -> Section:
    """What is computed."""
    model = project.model
    counts = parameters(model)
    kinds: dict[tuple[Attention, FeedForward], list[int]] = {}
    for index, layer in enumerate(model.layers):
        kinds.setdefault((layer.attention, layer.ffn), []).append(index)
    rows = [
        (layers_text(layers), str(len(layers)), _attention_text(attention), _ffn_text(ffn))
        for (attention, ffn), layers in kinds.items()
    ]
    dtypes = {
        part: model.dtype_of(part) for part in ("weights", "experts", "activations", "kv_cache", "dispatch", "combine")
    }
    odd = ", ".join(f"{part} {dtype}" for part, dtype in dtypes.items() if dtype != model.dtype)
    predicts = f", the last {model.mtp} of them passes of the prediction module" if model.mtp else ""
    facts = [
        f"{model.layer_count} layers{predicts}, hidden size {model.hidden:,}, "
        f"{model.dtype}{f' ({odd})' if odd else ''}",
        f"{_billions(counts.total)} parameters ({counts.total:,}), "
        f"{_billions(counts.active)} of them active for a token",
    ]
    if model.vocab:
        facts.append(f"vocabulary {model.vocab:,}{', embedding and head share one matrix' if model.tied else ''}")
    if model.preset or model.hf_config:
        facts.append(f"based on {model.preset or model.hf_config}")
    return Section(
        title="Model",
        blocks=(
            Bullets(items=tuple(facts)),
            table(("layers", "count", "attention", "feed-forward"), rows, words=(0, 2, 3)),
        ),
    )


def _billions(count: int) -> str:
    return f"{significant(count / 1e9)} billion"


def _attention_text(attention: Attention) -> str:
    if attention.kind == "linear":
        return f"priced by its projections: {attention.in_width} in, {attention.out_width} out"
    if attention.kind == "mla":
        return (
            f"MLA, {attention.heads} heads of {attention.qk_nope} + {attention.qk_rope}, "
            f"query rank {attention.q_lora}, latent {attention.kv_lora}"
        )
    kv = f", {attention.kv_heads} key/value heads" if attention.kind == "gqa" and attention.kv_heads else ""
    window = f", window {attention.window:,}" if attention.window else ""
    return f"{attention.kind.upper()}, {attention.heads} heads of {attention.head_dim}{kv}{window}"


def _ffn_text(ffn: FeedForward) -> str:
    if not ffn.is_moe:
        return f"dense {ffn.kind}, {ffn.hidden:,} wide"
    shared = f", {ffn.shared} shared" if ffn.shared else ""
    return f"{ffn.experts} {ffn.kind} experts of {ffn.hidden:,}, top-{ffn.top_k}{shared}, router {ffn.router_out} wide"


def deployment_section(evaluation: Evaluation) -> Section:
    """How it is spread over the cluster."""
    project = evaluation.project
    parallel, work, links = project.parallel, project.workload, project.cluster.links
    devices = device_names(project.cluster)
    degrees = [
        ("data parallelism (dp)", str(parallel.dp), "replicas of the whole model"),
        ("pipeline parallelism (pp)", str(parallel.pp), f"stages of {project.width} GPUs each"),
        (
            "tensor parallelism (tp)",
            str(parallel.tp),
            f"{project.groups} attention groups per stage, attention {parallel.attention}",
        ),
        ("expert parallelism (ep)", str(parallel.ep), f"{project.slots} expert slots per stage"),
        ("expert tensor parallelism (etp)", str(parallel.etp), "GPUs that share an expert"),
    ]
    hardware = [
        (
            name,
            str(sum(node.gpus for node in project.cluster.nodes if node.device == name)),
            si_text(project.cluster.device(name).peak_flop_s(project.model.dtype), "FLOP/s"),
            f"{byte_text(project.cluster.device(name).memory_tb_s * 1e12)}/s",
            byte_text(project.cluster.device(name).memory_gb * 1e9),
        )
        for name in devices
    ]
    what = {
        "decode": f"decode, {work.batch:,} sequences with {work.context:,} tokens of context{_drafts_text(work)}",
        "prefill": f"prefill, {work.batch:,} sequences × {work.new_tokens:,} tokens after {work.past_tokens:,} of "
        "context",
        "forward": f"forward, {work.batch:,} sequences × {work.tokens:,} tokens = {work.batch * work.tokens:,} tokens",
    }[work.phase]
    batches = f", {work.micro_batches} micro-batches, {work.order}" if work.micro_batches > 1 else ""
    stages = [
        (
            str(stage.index),
            f"{layers_text(list(layers))}",
            gpu_ranges(stage.gpu.tolist()),
            _node_names(evaluation, stage.node.tolist()),
        )
        for stage, layers in zip(evaluation.graph.stages, project.stage_layers(), strict=True)
    ]
    return Section(
        title="Deployment",
        blocks=(
            Paragraph(
                text=f"{counted(project.cluster.gpu_count, 'GPU')} in {counted(len(project.cluster.nodes), 'node')}; "
                f"per GPU and direction "
                f"{_tier_text(links.intra)} inside a node, "
                f"{f'{_tier_text(links.rack)} inside a rack, ' if links.rack else ''}{_tier_text(links.inter)} across. "
                f"Workload: {what}{batches}, {_routing_text(work.routing)}."
            ),
            table(("degree", "value", "meaning"), degrees, words=(0, 2)),
            table(("device", "GPUs", f"peak {project.model.dtype}", "memory bandwidth", "memory"), hardware),
            table(("stage", "layers", "GPUs", "nodes"), stages, words=(0, 1, 2, 3), caption="Stages"),
            _placement_table(evaluation),
        ),
    )


def _drafts_text(work: Workload) -> str:
    if not work.draft_tokens:
        return ""
    many = "token" if work.draft_tokens == 1 else "tokens"
    return f", {work.draft_tokens} drafted {many} of which each holds in {work.acceptance:.0%} of cases"


def _routing_text(routing: Routing) -> str:
    law = f" with exponent {routing.skew:g}" if routing.kind == "zipf" else ""
    uneven = f", busiest GPU at {routing.imbalance:g} times the mean" if routing.imbalance > 1 else ""
    return f"{routing.kind} routing{law}{uneven}{', loads vary by chance' if routing.chance else ''}"


def _placement_table(evaluation: Evaluation) -> Block:
    """Experts of every GPU, layers that are placed alike together."""
    places, names = gpu_places(evaluation), evaluation.graph.node_names
    rows = []
    for gpu, hosted in enumerate(hosted_experts(evaluation)):
        alike: dict[tuple[int, ...], list[int]] = {}
        for layer, experts in hosted.items():
            alike.setdefault(tuple(experts), []).append(layer)
        node, stage, replica = places[gpu]
        text = "; ".join(
            f"{_experts_text(experts)} (layers {layers_text(layers)})" for experts, layers in alike.items()
        )
        rows.append((str(gpu), names[node], str(replica), str(stage), text or "none"))
    return table(("GPU", "node", "replica", "stage", "experts"), rows, words=(1, 4), caption="Placement")


def _experts_text(experts: Sequence[int]) -> str:
    if not experts:
        return "none"
    text = layers_text(list(experts)) if len(set(experts)) == len(experts) else ", ".join(map(str, experts[:MAX_LIST]))
    return f"expert {text}" if len(experts) == 1 else f"experts {text}"


def gpu_ranges(gpus: Iterable[int]) -> str:
    """GPU numbers as shortest text: ``0–7, 12``."""
    return layers_text(list(gpus)).replace("-", "–").replace(",", ", ")


def _node_names(evaluation: Evaluation, nodes: list[int]) -> str:
    names = [evaluation.graph.node_names[node] for node in dict.fromkeys(nodes)]
    return ", ".join(names) if len(names) <= 6 else f"{names[0]} … {names[-1]} ({len(names)})"


def load_section(evaluation: Evaluation) -> Section:
    """What every GPU does; GPUs that are alike share a row."""
    tokens, latency = evaluation.load.sum(axis=0), evaluation.metrics.latency_s
    # Sums in another order differ in the last digits; that is no idle time.
    idle = np.where(evaluation.idle_s > 1e-9 * latency, evaluation.idle_s, 0.0)
    hosted = hosted_experts(evaluation)
    rows: dict[tuple[str, ...], list[int]] = {}
    for gpu, (_, stage, _) in enumerate(gpu_places(evaluation)):
        layers = evaluation.project.stage_layers()[stage]
        most = max((len(experts) for experts in hosted[gpu].values()), default=0)
        row = (
            str(len(layers)),
            str(most),
            str(sum(len(experts) for experts in hosted[gpu].values())),
            f"{tokens[gpu]:,.0f}",
            time_text(float(evaluation.compute_s[gpu])),
            time_text(float(evaluation.communication_s[gpu])),
            time_text(float(idle[gpu])),
            percent_text(1 - float(idle[gpu]) / latency if latency else 0.0),
        )
        rows.setdefault(row, []).append(gpu)
    header = (
        "GPUs",
        "layers",
        "experts per layer",
        "experts",
        "expert tokens",
        "computing",
        "communicating",
        "idle",
        "busy",
    )
    worst = evaluation.imbalance
    text = "Expert tokens are the tokens that a GPU's experts handle, all layers together."
    if worst.any():
        text += f" The largest load of a GPU is {significant(float(worst.max()), 3)} times the mean of its layer."
    return Section(
        title="Load per GPU",
        blocks=(table(header, [(gpu_ranges(gpus), *row) for row, gpus in rows.items()]), Paragraph(text=text)),
    )


def dimension_section(evaluation: Evaluation) -> Section:
    """Sizes of the model and what is left of them on one GPU."""
    project = evaluation.project
    tp, etp, size = project.parallel.tp, project.parallel.etp, sizes(project)
    work, model = project.workload, project.model
    rows: dict[tuple[str, str, str, str], None] = {
        ("sequences per micro-batch", f"{work.batch:,}", f"{size.sequences:,.10g}", "an attention group's share"): None,
        (
            "rows (tokens) per GPU",
            f"{work.batch * size.queries:,}",
            f"{size.rows:,.0f}",
            "⌈sequences × query tokens⌉",
        ): None,
        ("hidden size", f"{model.hidden:,}", f"{model.hidden:,}", "not sharded"): None,
    }
    for layer in dict.fromkeys(model.layers):
        attention, ffn = layer.attention, layer.ffn
        if attention.kind != "linear":
            heads, kv = head_count(attention, tp)
            rows["attention heads", f"{attention.heads}", f"{heads}", f"÷ tp = {tp}"] = None
            if attention.kind == "gqa":
                rows["key/value heads", f"{attention.kv_heads or attention.heads}", f"{kv}", f"÷ tp = {tp}"] = None
            if attention.kind != "mla":
                width = attention.heads * attention.head_dim
                rows["width of all heads", f"{width:,}", f"{heads * attention.head_dim:,}", f"÷ tp = {tp}"] = None
            rows[
                "key/value tokens per query",
                f"{key_count(project, attention):,}",
                f"{key_count(project, attention):,}",
                "",
            ] = None
        if ffn.is_moe:
            rows["expert width", f"{ffn.hidden:,}", f"{shard(ffn.hidden, etp):,}", f"÷ etp = {etp}"] = None
            rows["experts of a layer", f"{ffn.experts}", most_experts(evaluation), "most on one GPU"] = None
        else:
            rows["dense layer width", f"{ffn.hidden:,}", f"{shard(ffn.hidden, tp):,}", f"÷ tp = {tp}"] = None
    return Section(title="Dimensions", blocks=(table(("size", "whole", "on one GPU", "how"), rows, words=(0, 3)),))


def most_experts(evaluation: Evaluation) -> str:
    """Most experts of one layer on a GPU."""
    counts = [len(experts) for hosted in hosted_experts(evaluation) for experts in hosted.values()]
    return str(max(counts, default=0))


def _tier_text(link: Link) -> str:
    """What a tier of the network carries when all send at once."""
    return f"{byte_text(link.byte_s)}/s and {link.latency_us:g} µs"
