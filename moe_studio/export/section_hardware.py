"""Parts of a report about what the hardware must hold and carry."""

from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.export.block import Block, Bullets, Paragraph, Section, table
from moe_studio.export.section_design import gpu_ranges
from moe_studio.export.verdict import MEMORY_NAMES
from moe_studio.graph.graph import Part
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.graph.operator import Sync
from moe_studio.project.design import layers_text
from moe_studio.project.parameter import expert_parameters
from moe_studio.project.project import Project
from moe_studio.units import binary_text, byte_text, significant, time_text


def memory_section(evaluation: Evaluation) -> Section:
    """What every GPU must hold."""
    memory = evaluation.memory
    rows: dict[tuple[str, ...], list[int]] = {}
    for gpu in range(len(memory.total)):
        parts = tuple(byte_text(float(getattr(memory, part)[gpu])) for part in MEMORY_PARTS)
        total, capacity = float(memory.total[gpu]), float(memory.capacity[gpu])
        verdict = f"{significant(total / capacity, 3)} ×{'' if total <= capacity else ', does not fit'}"
        rows.setdefault((*parts, byte_text(total), byte_text(capacity), verdict), []).append(gpu)
    header = ("GPUs", *MEMORY_NAMES.values(), "together", "capacity", "of capacity")
    blocks: list[Block] = [table(header, [(gpu_ranges(gpus), *row) for row, gpus in rows.items()])]
    if lines := _expert_memory(evaluation.project):
        blocks.append(Bullets(items=tuple(lines)))
    return Section(title="Memory per GPU", blocks=tuple(blocks))


def _expert_memory(project: Project) -> list[str]:
    """Memory of one expert's weights, whole and on one GPU."""
    lines: dict[str, None] = {}
    for layer in project.model.layers:
        if layer.ffn.is_moe:
            byte = expert_parameters(layer.ffn, project.model.hidden) * project.model.byte_of("experts")
            text = (
                f"Memory per expert: {binary_text(byte)}, {byte:,.0f} bytes of weights in {layer.ffn.matrices} matrices"
            )
            if project.parallel.etp > 1:
                each = binary_text(byte / project.parallel.etp)
                text += f"; {each} on each of the {project.parallel.etp} GPUs that share it"
            lines[f"{text}."] = None
    return list(lines)


def communication_section(evaluation: Evaluation) -> Section:
    """What is sent, among whom, and how much of it crosses nodes; layers that are alike share rows."""
    layers: dict[tuple[str, ...], list[int]] = {}
    known: dict[LayerGraph, list[tuple[str, ...]]] = {}
    for part in evaluation.graph.parts:
        if part.micro_batch:
            continue
        if part.body not in known:
            runs = [
                run for run in part.body.runs if run.last > run.first and (run.on_comm or run.kind.name == "dispatch")
            ]
            known[part.body] = [(run.kind.name, *_communication_row(evaluation, part, run)) for run in runs]
        for row in known[part.body]:
            layers.setdefault(row, []).append(part.layer)
    rows = [(layers_text(each), *row) for row, each in layers.items()]
    header = (
        "layers",
        "op",
        "pattern",
        "members",
        "in a node, per GPU",
        "across, per GPU",
        "across, all",
        "seconds",
    )
    batches = evaluation.project.workload.micro_batches
    text = "Per layer" + (f" and micro-batch, of which there are {batches}" if batches > 1 else "")
    text += (
        "; bytes that a GPU puts on its links, weighted by the algorithm: "
        "a ring sends most of the payload twice for a sum. "
        f"Dispatch and combine carry {byte_text(float(evaluation.cross_node_byte.sum()))} across nodes in a step."
    )
    blocks: list[Block] = [table(header, rows, words=(0, 1, 2, 3))] if rows else [Paragraph(text="There is none.")]
    return Section(title="Communication", blocks=(*blocks, Paragraph(text=text)) if rows else tuple(blocks))


def _communication_row(evaluation: Evaluation, part: Part, run: Run) -> tuple[str, ...]:
    body = part.body
    intra, inter = body.intra_byte[run.rows], body.inter_byte[run.rows]
    seconds = float(evaluation.duration_s[part.first + run.first : part.first + run.last].max())
    return (
        _pattern(body, run),
        _members(body, run),
        byte_text(float(intra.max())),
        byte_text(float(inter.max())),
        byte_text(float(inter.sum())),
        time_text(seconds),
    )


def _pattern(body: LayerGraph, run: Run) -> str:
    name = run.kind.name
    if name == "send":
        return "point to point, next stage"
    if name == "dispatch" and body.stage.is_local:
        return "gather in memory, no traffic"
    if name in ("dispatch", "combine") and not body.stage.is_local:
        return "all-to-all"
    if not (body.intra_byte[run.rows].any() or body.inter_byte[run.rows].any()):
        return "none needed"
    if name in ("combine_gather", "logits_gather"):
        return "all-gather"
    if name == "combine" and _top_k(body) == 1:
        return "all-gather"
    return "all-gather" if name == "expert_reduce" and "linear" in body.run_of else "all-reduce"


def _top_k(body: LayerGraph) -> int:
    run = body.run_of.get("route")
    return int(body.out_width[run.first]) if run is not None else 1


def _members(body: LayerGraph, run: Run) -> str:
    stage = body.stage
    size = {Sync.NONE: 1, Sync.GROUP: stage.tp, Sync.SLOT: stage.etp, Sync.STAGE: stage.width}[run.sync]
    if size == 1:
        return f"each of {stage.lanes} GPUs"
    groups = stage.lanes // size
    first = stage.gpu[:size].tolist()
    if stage.count > 1:
        return f"{size} GPUs, such as {gpu_ranges(first)}" if groups > 1 else f"the {size} GPUs of the stage"
    others = f", and {groups - 1} group{'s' if groups > 2 else ''} like it" if groups > 1 else ""
    return f"{size} GPUs: {gpu_ranges(first)}{others}"
