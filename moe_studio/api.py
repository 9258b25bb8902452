"""MoE Studio from Python: the verbs of the command line, without a window.

    import moe_studio

    design = moe_studio.open("design.moe.yaml")
    result = design.evaluate()
    print(result.metrics.tokens_per_s, result.problems())
    faster = design.set("parallel.attention", "data").evaluate()
    print(moe_studio.compare(result, faster).headline)
    faster.export("overview.svg", view="overview")

Designs and results never change: an edit gives the next design.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal

from moe_studio.calibration.get_time import KernelTime, kernel_time
from moe_studio.calibration.provider import provide
from moe_studio.engine.evaluation import Breakdown, Evaluation, MatmulShape, Metrics, evaluate
from moe_studio.engine.memory import Memory
from moe_studio.engine.room import Room
from moe_studio.engine.rule import Problem, problems
from moe_studio.engine.stage_time import PipelineTime, pipeline_time
from moe_studio.errors import MoeStudioError
from moe_studio.export.compare import Comparison, plain_comparison
from moe_studio.export.compare import compare as compare_evaluations
from moe_studio.export.export import FORMATS, export
from moe_studio.export.network import to_networkx
from moe_studio.export.report import comparison_report, report
from moe_studio.export.summary import summary, summary_json
from moe_studio.export.svg import svg_text
from moe_studio.export.symbolic import path_names, path_text, run_time_sum
from moe_studio.project.cluster import Cluster
from moe_studio.project.design import Cost, Parallel, Workload
from moe_studio.project.edit import Edit, set_value
from moe_studio.project.model import DTYPES, Model
from moe_studio.project.project import Project
from moe_studio.storage.atomic import save_text
from moe_studio.storage.catalogue import example_names, example_path, load_cluster, load_model
from moe_studio.storage.loader import load_hf_model, load_project
from moe_studio.storage.writer import project_text, relative, relocated, save_project
from moe_studio.view.view import view as project_view

if TYPE_CHECKING:
    import networkx as nx

Format = Literal["md", "html"]
Phase = Literal["decode", "prefill", "forward"]

DEFAULT_MODEL = "mixtral-8x7b"
DEFAULT_CLUSTERS = ("dgx-h100", "dgx-h100-4", "gb200-nvl72")
"""Clusters that a new design is tried on, smallest first, until it fits."""

YAML = (".yaml", ".yml")
PICTURES = (".png", ".pdf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A project, and the file that it came from if there is one."""

    project: Project
    path: FilePath | None = None

    @property
    def name(self) -> str:
        """Its title."""
        return self.project.name

    def evaluate(self, *, allow: Collection[str] = ()) -> "Result":
        """Everything that is predicted of it; ``allow`` names cost plug-ins that may be loaded for this."""
        return Result(design=self, evaluation=evaluate(self.project, partial(provide, allowed=tuple(allow))))

    def priced(
        self,
        provider: str | None = None,
        *,
        table: FilePath | str | None = None,
        calibration: FilePath | str | None = None,
    ) -> "Design":
        """The design with run times from another provider, a table of measured ones, or a calibration of your own."""
        folder = self.path.parent if self.path else FilePath()
        cost = priced(self.project.cost, provider, folder=folder, table=table, calibration=calibration)
        return replace(self, project=replace(self.project, cost=cost))

    def edit(self, *edits: Edit) -> "Design":
        """The design after edits of `moe_studio.project.edit`, such as ``move_expert(5, 0, 3, layers=[0])``."""
        project = self.project
        for edit in edits:
            project = edit(project)
        return replace(self, project=project)

    def set(self, path: str, value: Any) -> "Design":
        """The design with another value of one setting, such as ``set("parallel.tp", 8)``."""
        return self.edit(set_value(path, value))

    def to_yaml(self) -> str:
        """The project as text of a project file."""
        return project_text(self.project, folder=self.path.parent if self.path else None)

    def save(self, path: FilePath | str | None = None) -> "Design":
        """Save it at ``path``, or where it came from, and keep what was written there by hand."""
        target = FilePath(path) if path is not None else self.path
        if target is None:
            raise MoeStudioError("This design has no file yet: name one to save it to.")
        save_project(target, self.project, source=self.path)
        return self._at(target)

    def _at(self, target: FilePath) -> "Design":
        """The design as a file at ``target`` has it: what it names beside its own file is the same file still."""
        here = target.parent if self.path is None else self.path.parent
        return replace(self, project=relocated(self.project, here, target.parent), path=target)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """What is predicted of a design. ``evaluation`` has all of it, per operator, as arrays."""

    design: Design
    evaluation: Evaluation

    @property
    def metrics(self) -> Metrics:
        """Latency, tokens/s and the like."""
        return self.evaluation.metrics

    @property
    def breakdown(self) -> Breakdown:
        """Time on the scheduled path by kind of operator, layer and stream."""
        return self.evaluation.breakdown

    @property
    def memory(self) -> Memory:
        """What each GPU must hold, in bytes."""
        return self.evaluation.memory

    @property
    def room(self) -> Room:
        """How much more would fit: cache of keys and values, and the largest batch."""
        return self.evaluation.room

    @property
    def pipeline(self) -> PipelineTime:
        """How busy the stages are, and what is lost while the pipeline fills and drains."""
        return pipeline_time(self.evaluation)

    @property
    def matmuls(self) -> tuple[MatmulShape, ...]:
        """All GEMMs by shape."""
        return self.evaluation.matmuls

    @property
    def sensitivity(self) -> dict[str, float]:
        """Change of latency in seconds for 10 % more of each resource."""
        return self.evaluation.sensitivity

    @cached_property
    def scheduled_path(self) -> list[str]:
        """Ids of the operators on the longest path when each stream runs one operator at a time."""
        return path_names(self.evaluation, self.evaluation.scheduled_path)

    @cached_property
    def dependency_path(self) -> list[str]:
        """Ids of the operators on the longest path over data dependencies alone."""
        return path_names(self.evaluation, self.evaluation.dependency_path)

    @property
    def path_text(self) -> str:
        """The scheduled path as a chain of names, repeated layers folded."""
        return path_text(self.evaluation, self.evaluation.scheduled_path)

    @property
    def symbolic(self) -> str:
        """The latency as a sum of Get_Time(m, k, n) terms and the rest."""
        return str(run_time_sum(self.evaluation))

    def problems(self) -> tuple[Problem, ...]:
        """Rules that the design breaks, and remarks; errors first."""
        return problems(self.evaluation)

    def is_valid(self) -> bool:
        """Whether no rule is broken that is an error."""
        return not any(problem.severity == "error" for problem in self.problems())

    def summary(self) -> dict[str, Any]:
        """Everything as plain values: the object that ``moe-studio evaluate --json`` prints."""
        return summary(self.evaluation)

    def to_json(self) -> str:
        """`summary` as JSON text."""
        return summary_json(self.evaluation)

    def to_networkx(self, *, order: bool = False, pairs: bool = False) -> "nx.DiGraph[str]":
        """The operator graph; ``order`` adds program order, ``pairs`` draws collectives out."""
        return to_networkx(self.evaluation, order=order, pairs=pairs)

    def report(
        self, path: FilePath | str | None = None, *, format: Format = "md", reference: "Result | None" = None
    ) -> str:
        """The report as text, and saved at ``path``; the ending ``.html`` or ``.md`` of a path decides the format."""
        chosen = report_format(FilePath(path)) if path is not None else format
        text = report(self.evaluation, format=chosen, reference=None if reference is None else reference.evaluation)
        if path is not None:
            save_text(path, text)
        return text

    def svg(self, view: str = "overview", *, layer: int | None = None, gpu: int | None = None) -> str:
        """A view of the operator graph as SVG."""
        return svg_text(project_view(self.evaluation, view, layer=layer, gpu=gpu))

    def export(
        self, path: FilePath | str, *, view: str = "overview", layer: int | None = None, gpu: int | None = None
    ) -> None:
        """Write a view of the operator graph, a table, a trace or the project, as the ending of ``path`` says.

        Raises:
            MoeStudioError: for an ending that is not known, or a view that does not exist.
        """
        target = FilePath(path)
        if target.suffix.lower() in YAML:
            save_text(target, self.design._at(target).to_yaml())
            return
        if target.suffix.lower() in PICTURES:
            raise MoeStudioError(
                f"{target.name}: pictures are drawn by the command line: moe-studio export -o {target.name}."
            )
        if not target.name.lower().endswith(FORMATS):
            known = ", ".join((*FORMATS, *PICTURES, *YAML))
            raise MoeStudioError(f"{target.name} has no known suffix; the known ones are {known}.")
        export(self.evaluation, target, view=view, layer=layer, gpu=gpu)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A design compared with another one."""

    comparison: Comparison

    @property
    def headline(self) -> str:
        """Which is faster, and by how much."""
        return self.comparison.headline

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why they differ, the largest difference first."""
        return self.comparison.reasons

    def summary(self) -> dict[str, Any]:
        """Everything as plain values: the object that ``moe-studio compare --json`` prints."""
        return plain_comparison(self.comparison)

    def report(self, *, format: Format = "md") -> str:
        """The comparison as a document."""
        return comparison_report(self.comparison.first, self.comparison.second, format=format)


def open(path: FilePath | str) -> Design:
    """The design in a project file.

    Raises:
        FileError: with every fault of the file, each with its place.
    """
    return Design(project=load_project(path), path=FilePath(path))


def examples() -> tuple[str, ...]:
    """Names of the designs that ship with the program."""
    return example_names()


def example(name: str) -> Design:
    """One of the designs that ship with the program."""
    return Design(project=load_project(example_path(name)))


def compare(first: Design | Result, second: Design | Result) -> Compared:
    """``second`` compared with ``first``."""
    one, other = (item.evaluate() if isinstance(item, Design) else item for item in (first, second))
    return Compared(comparison=compare_evaluations(one.evaluation, other.evaluation))


def get_time(
    m: int,
    k: int,
    n: int,
    *,
    count: int = 1,
    dtype: str = "bf16",
    device: str = "",
    provider: str | None = None,
    table: FilePath | str | None = None,
    calibration: FilePath | str | None = None,
    allow: Collection[str] = (),
    compute: float | None = None,
    memory: float | None = None,
    launch_us: float | None = None,
) -> KernelTime:
    """The time that a GPU takes to multiply an m × k by a k × n matrix, ``count`` times.

    ``device`` is one of the catalogue, that of ``calibration``, or a YAML file with the datasheet of another one; if
    empty, that of ``calibration``, or else an H100. The provider is `calibrated` on a device of the catalogue or of
    ``calibration``, else `fixed`, unless another one is named. ``compute``, ``memory`` and ``launch_us`` are those of
    the provider `fixed`, and choose it.
    """
    if min(m, k, n, count) < 1 or max(m, k, n, count) > 10**15:
        raise MoeStudioError("m, k, n and count must be whole numbers from 1 to 10^15.")
    if dtype not in DTYPES:
        raise MoeStudioError(f"There is no data type {dtype[:20]!r}; known are {', '.join(DTYPES)}.")
    given = {"compute": compute, "memory": memory, "launch_us": launch_us}
    shares = {name: value for name, value in given.items() if value is not None}
    if shares and (table or calibration or provider not in (None, "auto", "fixed")):
        raise MoeStudioError(f"{next(iter(shares))} is a share of the provider fixed; another one has no use for it.")
    cost = Cost(provider="fixed" if shares else "auto", **shares)  # type: ignore[arg-type]
    cost = priced(cost, provider, folder=FilePath(), table=table, calibration=calibration)
    return kernel_time(m, k, n, count=count, dtype=dtype, device=device, cost=cost, allowed=tuple(allow))


def priced(
    cost: Cost,
    provider: str | None,
    *,
    folder: FilePath,
    table: FilePath | str | None,
    calibration: FilePath | str | None,
) -> Cost:
    """``cost`` with another provider, and with files that a project in ``folder`` names.

    A table chooses the provider ``table``, a calibration ``calibrated``, unless ``provider`` names another one.
    """
    files: dict[str, Any] = {}
    for name, path in (("calibration", calibration), ("table", table)):
        if path is not None:
            place = FilePath(path).resolve()
            if not place.is_file():
                raise MoeStudioError(f"There is no file {path}.")
            files |= {name: relative(place, folder), f"{name}_path": str(place)}
    chosen = "table" if table is not None else "calibrated" if calibration is not None else cost.provider
    return replace(cost, provider=provider or chosen, **files)


def new(
    preset: str | None = None,
    *,
    hf_config: FilePath | str | None = None,
    cluster: str | None = None,
    name: str | None = None,
    phase: Phase = "decode",
) -> Design:
    """A design of a model of the catalogue, or of a Hugging Face ``config.json``, on a cluster of the catalogue.

    Experts are spread as widely as they divide, attention is data-parallel. A model without experts that does not
    fit into one GPU is split over as few GPUs of a node as it fits into. Without ``cluster`` it is the smallest of
    `DEFAULT_CLUSTERS` whose memory it fits into, else the largest.
    """
    if preset is not None and hf_config is not None:
        raise MoeStudioError("A design has one model: name a preset or a config.json, not both.")
    model, title = _model(preset, hf_config)
    designs = [
        _split(_default_project(model, load_cluster(each), each, name or f"{title} on {each}", phase))
        for each in ([cluster] if cluster is not None else DEFAULT_CLUSTERS)
    ]
    for project in designs[:-1]:
        if evaluate(project, provide).memory.fits:
            return Design(project=project)
    return Design(project=designs[-1])


def _model(preset: str | None, hf_config: FilePath | str | None) -> tuple[Model, str]:
    """The model, and what to call it."""
    if hf_config is not None:
        path = FilePath(hf_config)
        title = path.stem if path.stem != "config" else path.resolve().parent.name or path.stem
        return load_hf_model(path), title
    chosen = preset or DEFAULT_MODEL
    return replace(load_model(chosen), preset=chosen), chosen


def _default_project(model: Model, cluster: Cluster, preset: str, name: str, phase: Phase) -> Project:
    gpus = cluster.gpu_count
    experts = max(layer.ffn.experts for layer in model.layers)
    ep = max(size for size in range(1, gpus + 1) if gpus % size == 0 and size <= max(1, experts))
    workloads = {
        "decode": Workload(phase="decode", batch=32 * gpus, context=4096),
        "prefill": Workload(phase="prefill", batch=gpus, tokens=4096),
        "forward": Workload(phase="forward", batch=gpus, tokens=4096),
    }
    return Project(
        name=name,
        model=model,
        cluster=replace(cluster, preset=preset),
        parallel=Parallel(ep=ep),
        workload=workloads[phase],
        cost=Cost(attention="fused", causal=True),
    )


def _split(project: Project) -> Project:
    """``project``; without experts with the least tensor parallelism in a node with which it fits, else the most."""
    layers, gpus = project.model.layers, min(node.gpus for node in project.cluster.nodes)
    if project.model.has_experts:
        return project
    degrees = [tp for tp in range(1, gpus + 1) if gpus % tp == 0 and not any(x.attention.heads % tp for x in layers)]
    tried = [replace(project, parallel=Parallel(tp=tp)) for tp in degrees]
    return next((design for design in tried[:-1] if evaluate(design, provide).memory.fits), tried[-1])


def report_format(path: FilePath) -> Format:
    """The format of a report that the ending of ``path`` asks for."""
    formats: dict[str, Format] = {".md": "md", ".markdown": "md", ".html": "html", ".htm": "html"}
    if path.suffix.lower() not in formats:
        raise MoeStudioError(f"{path.name}: a report ends in .md or .html.")
    return formats[path.suffix.lower()]
