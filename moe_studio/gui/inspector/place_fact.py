"""What there is to say about a GPU, a node, an expert and a layer."""

import numpy as np

from moe_studio.document.placing import GpuPlace, gpu_place, hosted_experts, layers_phrase
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.gui.inspector.fact import Fact, Facts
from moe_studio.gui.inspector.serving_fact import cache_room
from moe_studio.gui.inspector.work_fact import gpus_text, numbers_text, quantity, seconds, selection_work
from moe_studio.project.edit import expert_slots
from moe_studio.units import byte_text, percent_text, si_text

PART_NAMES = {"weights": "Weights", "kv_cache": "KV cache", "activations": "Activations", "buffers": "Buffers"}


def gpu_facts(evaluation: Evaluation, gpu: int, layer: int | None, *, is_quick: bool) -> Facts:
    """One GPU: where it stands, what it holds, and what it does."""
    project, memory = evaluation.project, evaluation.memory
    node = project.cluster.nodes[project.cluster.node_of_gpu()[gpu]]
    device = project.cluster.device(node.device)
    held = list(hosted_experts(project, layer)[gpu])
    place = gpu_place(project, gpu)
    total, room = float(memory.total[gpu]), float(memory.capacity[gpu])
    tokens = float(evaluation.load[:, gpu].sum())
    rows = [
        Fact(label="Node", value=node.name),
        Fact(label="Device", value=device.title or node.device),
        Fact(label="Rank", value=f"replica {place.replica}, stage {place.stage}, position {place.position}"),
        Fact(label="Layers", value=_stage_layers(evaluation, place)),
        Fact(label=f"Experts ({len(held)})", value=numbers_text(held)),
        Fact(label="Tokens to experts", value=f"{tokens:,.0f}", amount=tokens),
        seconds("Computing", float(evaluation.compute_s[gpu])),
        seconds("Communicating", float(evaluation.communication_s[gpu])),
        seconds("Waiting", float(evaluation.idle_s[gpu])),
        Fact(
            label="Memory",
            value=f"{si_text(total, 'B', 3)} of {si_text(room, 'B', 3)}",
            tone="" if total <= room else "bad",
            amount=total,
            better=-1,
        ),
        cache_room(evaluation, gpu),
    ]
    rows += selection_work(evaluation, Selection(kind="gpu", gpu=gpu), is_quick=is_quick)
    return Facts(title=f"GPU {gpu}", kind="GPU", rows=tuple(rows), sentence=_gpu_sentence(evaluation, gpu), gpu=gpu)


def _gpu_sentence(evaluation: Evaluation, gpu: int) -> str:
    memory, busy = evaluation.memory, evaluation.compute_s
    said = []
    over = float(memory.total[gpu] - memory.capacity[gpu])
    if over > 0:
        parts = {name: float(getattr(memory, name)[gpu]) for name in MEMORY_PARTS}
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


def node_facts(evaluation: Evaluation, index: int, layer: int | None, *, is_quick: bool) -> Facts:
    """One node: its hardware, and what its GPUs hold and do together."""
    cluster = evaluation.project.cluster
    node = cluster.nodes[index]
    device = cluster.device(node.device)
    first = sum(item.gpus for item in cluster.nodes[:index])
    gpus = np.arange(first, first + node.gpus)
    peak = device.peak_flop_s(evaluation.project.model.dtype)
    inner = device.link_gb_s or cluster.links.intra.gb_s
    held = hosted_experts(evaluation.project, layer)
    experts = sorted({expert for gpu in gpus.tolist() for expert in held[gpu]})
    memory = evaluation.memory
    fullest = int(gpus[np.argmax(memory.total[gpus] / memory.capacity[gpus])])
    rows = [
        Fact(label="GPUs", value=f"{first} – {first + node.gpus - 1}" if node.gpus > 1 else f"{first}"),
        Fact(label="Device", value=device.title or node.device),
        quantity(f"Peak, {evaluation.project.model.dtype}", peak, "FLOP/s", better=1, digits=4),
        Fact(label="Memory", value=f"{device.memory_gb:g} GB", amount=device.memory_gb, better=1),
        Fact(label="Memory bandwidth", value=f"{device.memory_tb_s:g} TB/s", amount=device.memory_tb_s, better=1),
        Fact(label="Link in the node", value=_link(inner, cluster.links.intra.latency_us), amount=inner, better=1),
        Fact(
            label="Link to other nodes",
            value=_link(cluster.links.inter.gb_s, cluster.links.inter.latency_us),
            amount=cluster.links.inter.gb_s,
            better=1,
        ),
        Fact(label=f"Experts ({len(experts)})", value=numbers_text(experts)),
        seconds("Computing, mean", float(evaluation.compute_s[gpus].mean())),
        seconds("Waiting, mean", float(evaluation.idle_s[gpus].mean())),
        quantity(f"Fullest, GPU {fullest}", float(memory.total[fullest]), "B", better=-1),
        *(
            quantity(PART_NAMES[part], float(getattr(memory, part)[gpus].sum()), "B", better=-1)
            for part in MEMORY_PARTS
        ),
    ]
    rows += selection_work(evaluation, Selection(kind="node", node=index), is_quick=is_quick)
    return Facts(title=cluster.node_title(index), kind="node", rows=tuple(rows))


def _link(gb_s: float, latency_us: float) -> str:
    return f"{gb_s:g} GB/s, {latency_us:g} µs"


def expert_facts(evaluation: Evaluation, selection: Selection, layer: int | None, *, is_quick: bool) -> Facts | None:
    """One expert: where it is, what it weighs, and what it does; None if no layer has it."""
    project, expert = evaluation.project, selection.expert
    number = selection.layer if selection.layer >= 0 else layer
    held = hosted_experts(project, number)
    homes = [gpu for gpu, experts in enumerate(held) if expert in experts]
    layers = [index for index, item in enumerate(project.model.layers) if expert < item.ffn.experts]
    if not layers:
        return None
    ffn = project.model.layers[layers[0] if number is None else number].ffn
    parameters = ffn.matrices * ffn.hidden * project.model.hidden
    moved = sum(1 for move in project.placement.moves if move.expert == expert)
    instances = {len(slots) for slots in expert_slots(project, expert).values()}
    rows = (
        Fact(label="Shown in", value="all layers" if number is None else f"layer {number}"),
        Fact(label="On GPUs", value=gpus_text(evaluation, homes)),
        Fact(label="Copies per replica", value=" or ".join(map(str, sorted(instances)))),
        Fact(label="Kind", value=f"{ffn.kind}, {ffn.hidden:,}"),
        quantity("Parameters per layer", parameters, ""),
        Fact(label="Weights per layer", value=byte_text(parameters * project.model.byte_of("experts"))),
        Fact(label="Placed by", value="hand" if moved else project.placement.policy),
        *selection_work(evaluation, expert_work(selection, layer), is_quick=is_quick),
    )
    sentence = "Drag it to another GPU, or press G and type the GPU's number."
    return Facts(title=f"Expert {expert}", kind="expert", rows=rows, sentence=sentence, gpu=selection.gpu)


def expert_work(selection: Selection, layer: int | None) -> Selection:
    """Which operators the facts about an expert are of: those of all its copies, in its layer or the one shown."""
    shown = -1 if layer is None else layer
    return Selection(kind="expert", expert=selection.expert, layer=selection.layer if selection.layer >= 0 else shown)


def layer_facts(evaluation: Evaluation, layer: int, *, is_quick: bool) -> Facts:
    """One layer: what it is made of, where it is, and what it costs."""
    project = evaluation.project
    spec = project.model.layers[layer]
    attention, ffn = spec.attention, spec.ffn
    stage = next(index for index, layers in enumerate(project.stage_layers()) if layer in layers)
    gpus = sorted(set(evaluation.graph.stages[stage].gpu.tolist()))
    rows = [
        Fact(label="Stage", value=f"{stage}"),
        Fact(label="GPUs", value=gpus_text(evaluation, gpus)),
        Fact(label="Attention", value=f"{attention.kind}, {attention.heads} heads"),
        Fact(label="Feed-forward", value=f"{ffn.kind}, {ffn.hidden:,} wide"),
    ]
    if ffn.is_moe:
        uneven, crossing = float(evaluation.imbalance[layer]), float(evaluation.cross_node_byte[layer])
        rows.append(Fact(label="Experts", value=f"{ffn.experts}, {ffn.top_k} per token"))
        rows.append(Fact(label="Imbalance", value=f"{uneven:.2f} ×", amount=uneven, better=-1))
        rows.append(quantity("Cross-node traffic", crossing, "B", better=-1))
    share = evaluation.breakdown.by_layer[layer] / evaluation.metrics.latency_s
    rows.append(Fact(label="Of the latency", value=percent_text(share), amount=share, better=-1))
    rows += selection_work(evaluation, Selection(kind="layer", layer=layer), is_quick=is_quick)
    return Facts(title=f"Layer {layer}", kind="layer", rows=tuple(rows))
