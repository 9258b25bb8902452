"""What a drawing says about an operator: its lines of text, its place and its times."""

from collections.abc import Callable, Iterable

from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.graph import Part
from moe_studio.graph.layer import LayerGraph
from moe_studio.graph.operator import OP_KINDS, SHAPES
from moe_studio.project.model import Layer
from moe_studio.units import byte_text, time_text
from moe_studio.view.node import ViewNode

ATTENTION_TITLES = {
    "mha": "Multi-head attention",
    "gqa": "Grouped-query attention",
    "mla": "Multi-head latent attention",
    "linear": "Linear attention",
}


class Labeller:
    """Makes the nodes of operators. What repeats from layer to layer is worked out once."""

    def __init__(self, evaluation: Evaluation, name: Callable[[int], str], *, has_phases: bool = True) -> None:
        self.evaluation, self.graph, self.name, self.has_phases = evaluation, evaluation.graph, name, has_phases
        self._node_names = self.graph.node_names
        self._on_path = set(evaluation.scheduled_path.rows.tolist())
        self._texts: dict[tuple[int, int], tuple[str, str, str]] = {}
        self._columns: dict[int, list[int]] = {}
        model = evaluation.project.model
        self._dtypes = {name: model.dtype_of(name) for name in ("activations", "dispatch", "combine")}

    def node(self, part: Part, local: int, column: int = -1) -> ViewNode:
        """The node of one operator: row ``local`` of ``part``; in ``column``, else in that of its level."""
        body, row, evaluation = part.body, part.first + local, self.evaluation
        number = int(body.op[local])
        kind = OP_KINDS[number]
        lane = int(body.lane[local])
        gpu, node = int(body.stage.gpu[lane]), self._node_names[body.stage.node[lane]]
        dims, work, time = self._text(body, local, float(evaluation.duration_s[row]))
        name = self.name(row)
        return ViewNode(
            id=name,
            lines=(name, f"GPU {gpu} · {node}", dims, work, time),
            op=kind.name,
            family=kind.family,
            shape=SHAPES[kind.family],
            cluster=(self._group(part, kind.name), node, f"GPU {gpu}"),
            row=row,
            column=column if column >= 0 else self._column(body, local),
            gpu=gpu,
            node=node,
            stage=body.stage.index,
            replica=lane // body.stage.width,
            layer=part.layer,
            micro_batch=part.micro_batch,
            expert=int(body.expert[local]),
            dims=dims,
            start_s=float(evaluation.start_s[row]),
            duration_s=float(evaluation.duration_s[row]),
            slack_s=float(evaluation.slack_s[row]),
            on_path=row in self._on_path,
        )

    def _group(self, part: Part, op: str) -> str:
        if not self.has_phases:
            return f"Layer {part.layer}"
        return phase_title(op, self.graph.project.model.layers[part.layer])

    def _text(self, body: LayerGraph, local: int, duration_s: float) -> tuple[str, str, str]:
        key = (id(body), local)
        if key not in self._texts:
            op = OP_KINDS[body.op[local]].name
            dtype = self._dtypes.get(op, self._dtypes["activations"])
            self._texts[key] = (dims_text(body, local, dtype), work_text(body, local), time_text(duration_s))
        return self._texts[key]

    def _column(self, body: LayerGraph, local: int) -> int:
        if id(body) not in self._columns:
            depth = run_depths(body)
            self._columns[id(body)] = [
                d for run, d in zip(body.runs, depth, strict=True) for _ in range(run.first, run.last)
            ]
        return self._columns[id(body)][local]


def run_depths(body: LayerGraph) -> list[int]:
    """Level of each run of a layer: 0 for what takes the layer's input alone."""
    depth: list[int] = []
    for run in body.runs:
        depth.append(1 + max((depth[take] for take in run.takes if take >= 0), default=-1))
    return depth


def dims_text(body: LayerGraph, local: int, dtype: str) -> str:
    """Input and output shape of one operator: ``in [8192, 7168] → out [8192, 64] bf16``."""
    inward = f"[{whole(body.in_rows[local])}, {whole(body.in_width[local])}]"
    outward = f"[{whole(body.out_rows[local])}, {whole(body.out_width[local])}]"
    return f"in {inward} → out {outward} {dtype}"


def work_text(body: LayerGraph, local: int) -> str:
    """What an operator does: its GEMM, or how much it moves."""
    if body.m[local]:
        count = body.count[local]
        times = f" × {whole(count)}" if count > 1 else ""
        return f"Get_Time({whole(body.m[local])}, {whole(body.k[local])}, {whole(body.n[local])}){times}"
    return f"moves {byte_text(float(body.byte[local]))}"


def whole(value: float) -> str:
    """A dimension: whole numbers without a point."""
    return str(int(value)) if value == int(value) else f"{value:.6g}"


def phase_title(op: str, layer: Layer) -> str:
    """The phase of a layer that an operator is drawn in."""
    if op.startswith("shared_"):
        return "Shared experts"
    if op.startswith("ffn_") or (op == "ln2" and not layer.ffn.is_moe):
        return "Feed-forward"
    titles = {
        "embed": "Embedding",
        "embed_reduce": "Embedding",
        "ln2": "Router",
        "gate": "Router",
        "route": "Router",
        "dispatch": "Dispatch",
        "combine": "Combine",
        "combine_gather": "Combine",
        "agg": "Combine",
        "res2": "Residual",
        "send": "Next stage",
        "up": "Experts",
        "gate_proj": "Experts",
        "act": "Experts",
        "linear": "Experts",
        "down": "Experts",
        "expert_reduce": "Experts",
        "final_ln": "Head",
        "lm_head": "Head",
        "logits_gather": "Head",
        "sample": "Head",
    }
    return titles.get(op) or ATTENTION_TITLES[layer.attention.kind]


def gpu_text(gpus: Iterable[int]) -> str:
    """Exact GPUs in few words: ``GPU 3``, ``GPUs 0–7, 9``."""
    numbers = sorted(set(gpus))
    return f"GPU {numbers[0]}" if len(numbers) == 1 else f"GPUs {range_text(numbers)}"


def range_text(numbers: Iterable[int]) -> str:
    """Numbers with runs folded: ``0–7, 9``."""
    pieces: list[list[int]] = []
    for number in sorted(set(numbers)):
        if pieces and number == pieces[-1][1] + 1:
            pieces[-1][1] = number
        else:
            pieces.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in pieces)
