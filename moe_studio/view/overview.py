"""The overview: replicas, stages, runs of equal layers and nodes, with the communication between them."""

from collections import Counter
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.graph import Part
from moe_studio.graph.layer import LayerGraph
from moe_studio.project.model import Layer
from moe_studio.units import byte_text, time_text
from moe_studio.view.label import gpu_text, range_text
from moe_studio.view.node import Section, ViewEdge, ViewGraph, ViewNode, end_node

MAX_BOXES, MAX_ALL_BOXES = 16, 240
"""Boxes side by side, and in the whole overview; where there are more nodes, a box stands for several."""

MAX_RUNS = 24
"""Runs of equal layers; where there are more, one box stands for all layers of a stage."""

MAX_REPLICAS = 4
"""Replicas that are drawn in full; one box stands for all others."""

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Layers in a row, by the parts of their first micro-batch; equal ones unless there would be too many runs."""

    parts: tuple[Part, ...]

    @property
    def is_even(self) -> bool:
        """Whether all its layers have the same experts on the same GPUs."""
        return len({part.body.instances.key if part.body.instances is not None else b"" for part in self.parts}) == 1

    @property
    def layers(self) -> str:
        """Its layers in words."""
        first, last = self.parts[0].layer, self.parts[-1].layer
        return f"Layer {first}" if first == last else f"Layers {first}–{last}"

    @property
    def id(self) -> str:
        """Its layers as part of an id."""
        first, last = self.parts[0].layer, self.parts[-1].layer
        return f"l{first}" if first == last else f"l{first}to{last}"


def overview(evaluation: Evaluation, *, replica: int | None = None, stage: int | None = None) -> ViewGraph:
    """Replicas, stages, layers and nodes: of the whole design, of one replica, or of one of its stages."""
    nodes: list[ViewNode] = [end_node("input")]
    edges: list[ViewEdge] = []
    runs = _runs(evaluation, stage)
    replicas = evaluation.project.parallel.dp
    shown = replicas if replicas <= MAX_REPLICAS + 1 else MAX_REPLICAS
    drawn = range(shown) if replica is None else (replica,)
    maker = _Maker(evaluation, max(1, min(MAX_BOXES, MAX_ALL_BOXES // (len(runs) * len(drawn)))))
    output = end_node("output")
    for number in drawn:
        previous: list[ViewNode] = nodes[:1]
        for run in runs:
            boxes = maker.boxes(run, number)
            nodes += boxes
            edges += _links(previous, boxes)
            previous = boxes
            exchange = maker.exchange(run, number)
            if exchange is not None:
                nodes.append(exchange)
                edges += maker.flows(run, boxes, exchange)
                previous = [exchange]
        edges += _links(previous, [output])
    if replica is None and shown < replicas:
        rest = maker.rest(runs, shown)
        nodes.append(rest)
        edges += [*_links(nodes[:1], [rest]), *_links([rest], [output])]
    nodes.append(output)
    section = Section(title="Overview", nodes=tuple(nodes), edges=tuple(edges))
    title = _title(evaluation, replica, stage)
    return ViewGraph(name="overview", title=title, subtitle=evaluation.project.name, sections=(section,))


def _title(evaluation: Evaluation, replica: int | None, stage: int | None) -> str:
    project = evaluation.project
    if stage is not None:
        layers = range_text(project.stage_layers()[stage])
        of = f" of replica {replica}" if replica is not None and project.parallel.dp > 1 else ""
        return f"Stage {stage}{of}: {project.width} GPUs, layers {layers}"
    if replica is not None:
        gpus = project.width * project.parallel.pp
        return f"Replica {replica}: {gpus} GPUs, {project.model.layer_count} layers"
    return f"Overview: {project.cluster.gpu_count} GPUs, {project.model.layer_count} layers"


def _runs(evaluation: Evaluation, stage: int | None) -> list[_Run]:
    """Runs of layers that have the same make, stage and placement; of one stage, if they are few, layer by layer."""
    layers = evaluation.project.model.layers
    runs: list[list[Part]] = []
    last: object = None
    parts = [part for part in evaluation.graph.parts if not part.micro_batch]
    if stage is not None:
        parts = [part for part in parts if part.body.stage.index == stage]
        if len(parts) <= MAX_RUNS:
            return [_Run(parts=(part,)) for part in parts]
    for part in parts:
        placed = part.body.instances.key if part.body.instances is not None else b""
        key = (id(layers[part.layer]), part.body.stage.index, placed)
        if key == last:
            runs[-1].append(part)
        else:
            runs.append([part])
        last = key
    if len(runs) > MAX_RUNS:
        runs = [list(run) for _, run in groupby(parts, key=lambda part: part.body.stage.index)]
    return [_Run(parts=tuple(parts)) for parts in runs]


def _links(sources: list[ViewNode], targets: list[ViewNode]) -> list[ViewEdge]:
    """Edges from each box to the next one of the same GPUs, or to and from the only one."""
    if len(sources) == len(targets):
        couples = list(zip(sources, targets, strict=True))
    else:
        couples = [(source, target) for source in sources for target in targets]
    return [
        ViewEdge(
            source=source.id,
            target=target.id,
            kind="communication" if source.family == "communication" else "data",
            on_path=_is_marked(source) and _is_marked(target),
        )
        for source, target in couples
    ]


def _is_marked(node: ViewNode) -> bool:
    return node.on_path or node.family == "boundary"


class _Maker:
    """Makes the boxes and ellipses of the overview."""

    def __init__(self, evaluation: Evaluation, max_boxes: int) -> None:
        self.evaluation, self.max_boxes = evaluation, max_boxes
        self.names = evaluation.graph.node_names
        self.batches = evaluation.project.workload.micro_batches
        path = evaluation.scheduled_path.rows
        placed = [evaluation.graph.part_of(row) for row in path.tolist()]
        self.path_layer = np.array([part.layer for part, _ in placed])
        self.path_lane = np.array([part.body.lane[local] for part, local in placed])
        self.path_comm = evaluation.is_comm[path]

    def boxes(self, run: _Run, replica: int) -> list[ViewNode]:
        """One box per node, or per several neighbouring nodes when there are many."""
        return [self._box(run, replica, lanes) for lanes in self._lane_groups(run.parts[0].body, replica)]

    def _box(self, run: _Run, replica: int, lanes: IntArray) -> ViewNode:
        body, stage = run.parts[0].body, run.parts[0].body.stage
        names, first = self._node_text(stage.node[lanes]), int(stage.node[lanes].min())
        busy = self._busy(run)[lanes].max()
        lines = [run.layers, f"{gpu_text(stage.gpu[lanes].tolist())} · {names}", *self._layer_texts(run)]
        if run.is_even and body.instances is not None:
            lines.append(_hosted_text(body, lanes))
        lines.append(f"compute {time_text(float(busy))} on the busiest GPU")
        return ViewNode(
            id=f"r{replica}_s{stage.index}_{run.id}_n{first}",
            lines=tuple(lines),
            op="layers",
            family="expert" if any(part.body.instances is not None for part in run.parts) else "dense",
            shape="box",
            cluster=_cluster(replica, stage.index),
            node=names,
            stage=stage.index,
            replica=replica,
            layer=run.parts[0].layer,
            layers=len(run.parts),
            duration_s=float(busy),
            on_path=self._is_on_path(run, lanes, is_comm=False),
        )

    def _node_text(self, nodes: IntArray) -> str:
        names = [self.names[number] for number in np.unique(nodes).tolist()]
        return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"

    def _layer_texts(self, run: _Run) -> list[str]:
        """What the layers of a run are made of; of an uneven one how many there are of each make."""
        layers = self.evaluation.project.model.layers
        counts = Counter(layer_text(layers[part.layer]) for part in run.parts)
        if len(counts) == 1:
            return list(counts)
        return [f"{count} × {words}" for words, count in counts.most_common(3)]

    def _lane_groups(self, body: LayerGraph, replica: int) -> list[IntArray]:
        """Lanes of one replica by node; several neighbouring nodes together when there are many."""
        lanes = _replica_lanes(body, replica)
        nodes = np.unique(body.stage.node[lanes])
        groups = np.array_split(nodes, min(len(nodes), self.max_boxes))
        return [lanes[np.isin(body.stage.node[lanes], group)] for group in groups]

    def rest(self, runs: list[_Run], first: int) -> ViewNode:
        """One box for all replicas from ``first`` on."""
        gpus: list[int] = []
        nodes: list[IntArray] = []
        is_marked = False
        for run in runs:
            stage = run.parts[0].body.stage
            lanes = np.arange(first * stage.width, stage.lanes)
            gpus += stage.gpu[lanes].tolist()
            nodes.append(stage.node[lanes])
            is_marked |= self._is_on_path(run, lanes, is_comm=False)
        title = f"Replicas {first}–{self.evaluation.project.parallel.dp - 1}"
        place = self._node_text(np.concatenate(nodes))
        return ViewNode(
            id=f"r{first}_and_more",
            lines=(title, f"{gpu_text(gpus)} · {place}", "the same stages and layers as replica 0"),
            op="layers",
            family="memory",
            shape="box",
            cluster=(title,),
            node=place,
            replica=first,
            on_path=is_marked,
        )

    def _busy(self, run: _Run) -> NDArray[np.float64]:
        """Compute time of the run per lane, all micro-batches together."""
        total = np.zeros(run.parts[0].body.stage.lanes)
        for part in run.parts:
            total += self.evaluation.costs[part.layer * self.batches].compute_busy_s * self.batches
        return total

    def exchange(self, run: _Run, replica: int) -> ViewNode | None:
        """What the GPUs of a run send each other in one of its layers; None if nothing."""
        body = run.parts[-1].body
        lanes = _replica_lanes(body, replica)
        lines = _traffic_lines(body, replica)
        if not lines:
            return None
        gpus = gpu_text(body.stage.gpu[lanes].tolist())
        return ViewNode(
            id=f"r{replica}_s{body.stage.index}_{run.id}_exchange",
            lines=(f"Communication in {'each' if run.is_even else 'the last'} layer", gpus, *lines),
            op="exchange",
            family="communication",
            shape="ellipse",
            cluster=_cluster(replica, body.stage.index),
            stage=body.stage.index,
            replica=replica,
            layer=run.parts[0].layer,
            layers=len(run.parts),
            on_path=self._is_on_path(run, lanes, is_comm=True),
        )

    def flows(self, run: _Run, boxes: list[ViewNode], exchange: ViewNode) -> list[ViewEdge]:
        """From each box what it sends in one layer."""
        body = run.parts[-1].body
        groups = self._lane_groups(body, exchange.replica)
        return [
            ViewEdge(
                source=box.id,
                target=exchange.id,
                kind="communication",
                on_path=box.on_path and exchange.on_path,
                label=byte_text(_traffic_byte(body, lanes)),
            )
            for box, lanes in zip(boxes, groups, strict=True)
        ]

    def _is_on_path(self, run: _Run, lanes: IntArray, *, is_comm: bool) -> bool:
        inside = (self.path_layer >= run.parts[0].layer) & (self.path_layer <= run.parts[-1].layer)
        return bool((inside & (self.path_comm == is_comm) & np.isin(self.path_lane, lanes)).any())


def _cluster(replica: int, stage: int) -> tuple[str, ...]:
    return (f"Replica {replica}", f"Stage {stage}")


def _replica_lanes(body: LayerGraph, replica: int) -> IntArray:
    return np.arange(replica * body.stage.width, (replica + 1) * body.stage.width)


def layer_text(layer: Layer) -> str:
    """What a layer is made of, in a few words."""
    attention, ffn = layer.attention, layer.ffn
    first = f"{attention.kind.upper()}, {attention.heads} heads" if attention.kind != "linear" else "linear attention"
    if not ffn.is_moe:
        return f"{first} · dense {ffn.kind} {ffn.hidden}"
    shared = f" + {ffn.shared} shared" if ffn.shared else ""
    return f"{first} · {ffn.experts} experts{shared}, top-{ffn.top_k}"


def _hosted_text(body: LayerGraph, lanes: IntArray) -> str:
    run = next(run for run in body.runs if run.kind.is_expert)
    hosted = body.expert[run.rows][np.isin(body.lane[run.rows], lanes)]
    return f"experts {range_text(hosted.tolist())}" if len(hosted) else "no experts"


def _traffic_byte(body: LayerGraph, lanes: IntArray) -> float:
    chosen = np.isin(body.lane, lanes)
    return float((body.intra_byte + body.inter_byte)[chosen].sum())


def _traffic_lines(body: LayerGraph, replica: int) -> list[str]:
    """Bytes of each collective of a layer, in nodes and across, over the GPUs of one replica."""
    lines = []
    for run in body.runs:
        mine = body.replica[run.rows] == replica
        near, far = (float(column[run.rows][mine].sum()) for column in (body.intra_byte, body.inter_byte))
        if run.on_comm and near + far > 0:
            shares = [f"{byte_text(near)} in nodes"][: near > 0] + [f"{byte_text(far)} across"][: far > 0]
            lines.append(f"{run.kind.name}: {', '.join(shares)}")
    return lines
