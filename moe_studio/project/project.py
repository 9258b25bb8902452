"""A project: one design with its model, cluster, strategy, placement, workload and costs."""

from dataclasses import dataclass

from moe_studio.errors import ProjectError
from moe_studio.project.cluster import Cluster
from moe_studio.project.design import Cost, Limits, MemoryRules, Parallel, Placement, Reference, Routing, Workload
from moe_studio.project.model import Model
from moe_studio.project.setting import check_settings, setting
from moe_studio.units import counted

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Everything that a design consists of. It never changes; an edit makes the next one."""

    format: int = setting("version of the file format", FORMAT, low=1, high=FORMAT)
    name: str = setting("title of the design", "Untitled")
    model: Model = setting("what is computed")
    cluster: Cluster = setting("the hardware", factory=Cluster)
    parallel: Parallel = setting("degrees of parallelism", factory=Parallel)
    placement: Placement = setting("where experts live", factory=Placement)
    workload: Workload = setting("what the model is asked to do", factory=Workload)
    cost: Cost = setting("how run times are found", factory=Cost)
    memory: MemoryRules = setting("how the serving engine uses memory", factory=MemoryRules)
    limits: Limits = setting("bounds to check the design against", factory=Limits)
    reference: Reference | None = setting("claimed or measured figures", None)

    def __post_init__(self) -> None:
        check_settings(self, "project")
        faults = design_faults(self)
        if faults:
            raise ProjectError(" ".join(f"{path}: {message}" for path, message in faults), faults)

    @property
    def width(self) -> int:
        """W: GPUs of one stage."""
        return self.cluster.gpu_count // (self.parallel.dp * self.parallel.pp)

    @property
    def slots(self) -> int:
        """Expert slots of one stage."""
        return self.width // self.parallel.etp

    @property
    def groups(self) -> int:
        """A: attention groups of one stage."""
        return self.width // self.parallel.tp

    @property
    def is_local(self) -> bool:
        """Whether every GPU already holds every token of its stage, so that dispatch moves nothing."""
        return self.parallel.attention == "replicated" or self.groups == 1

    def stage_layers(self) -> tuple[range, ...]:
        """The layers of each stage: contiguous, the first stages taking one more when uneven.

        The prediction module runs where the head is, on the last stage.
        """
        size, extra = divmod(len(self.model.own_layers), self.parallel.pp)
        ranges, start = [], 0
        for stage in range(self.parallel.pp):
            stop = start + size + (stage < extra)
            ranges.append(range(start, stop))
            start = stop
        return (*ranges[:-1], range(ranges[-1].start, self.model.layer_count))


def design_faults(project: Project) -> list[tuple[str, str]]:
    """What makes the parts of ``project`` contradict each other, as (path, sentence)."""
    parallel, gpus, layers = project.parallel, project.cluster.gpu_count, len(project.model.own_layers)
    faults: list[tuple[str, str]] = []
    if project.placement.redundant and project.placement.policy == "explicit":
        faults.append(("placement.redundant", "must be 0 with policy explicit, where moves say every slot."))
    if parallel.pp > layers:
        faults.append(("parallel.pp", f"must be at most the number of layers, {layers}."))
    if gpus % (parallel.dp * parallel.pp):
        replicas = f"dp · pp = {parallel.dp * parallel.pp}"
        return [*faults, ("parallel", f"the {counted(gpus, 'GPU')} must be divisible by {replicas}.")]
    width = gpus // (parallel.dp * parallel.pp)
    must_divide = f"must divide the {counted(width, 'GPU')} of a stage."
    if width % parallel.tp:
        faults.append(("parallel.tp", must_divide))
    has_experts = project.model.has_experts
    if has_experts and width % (parallel.ep * parallel.etp):
        faults.append(("parallel.ep", f"ep · etp = {parallel.ep * parallel.etp} {must_divide}"))
        return faults
    if width % parallel.etp:
        faults.append(("parallel.etp", must_divide))
        return faults
    return (
        faults
        + _placement_faults(project, width // parallel.etp)
        + _routing_faults(project.model, project.workload.routing)
    )


def _placement_faults(project: Project, slots: int) -> list[tuple[str, str]]:
    experts = max((layer.ffn.experts for layer in project.model.layers), default=0)
    faults = []
    for index, move in enumerate(project.placement.moves):
        path = f"placement.moves[{index}]"
        if move.expert >= experts:
            faults.append((f"{path}.expert", f"must be below the number of experts, {experts}, not {move.expert}."))
        if max(move.slots) >= slots:
            faults.append((f"{path}.slots", f"must be below the number of slots of a stage, {slots}."))
        if move.replica is not None and move.replica >= project.parallel.dp:
            faults.append((f"{path}.replica", f"must be below dp = {project.parallel.dp}."))
    return faults


def _routing_faults(model: Model, routing: Routing) -> list[tuple[str, str]]:
    if routing.kind != "recorded":
        return []
    path = "workload.routing.file"
    moe = [index for index, layer in enumerate(model.own_layers) if layer.ffn.is_moe]
    own = len(model.own_layers)
    if not routing.file and not routing.counts:
        return [(path, "recorded routing needs a file of counts.")]
    if len(routing.counts) not in (own, len(moe)):
        wanted = f"must have one row per layer ({own}) or per MoE layer ({len(moe)})"
        return [(path, f"{wanted}, not {len(routing.counts)}.")]
    rows = routing.counts if len(routing.counts) == len(moe) else tuple(routing.counts[index] for index in moe)
    for layer, row in zip(moe, rows, strict=True):
        top_k = model.layers[layer].ffn.top_k
        if len(row) != model.layers[layer].ffn.experts:
            return [(path, f"layer {layer} must have {model.layers[layer].ffn.experts} counts, not {len(row)}.")]
        if not all(0 <= count < float("inf") for count in row) or sum(count > 0 for count in row) < top_k:
            return [(path, f"layer {layer} needs finite counts from 0 up, at least {top_k} of them above 0.")]
    return []
