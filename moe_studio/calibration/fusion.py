"""Operators that serving engines do in one kernel: its time is asked for once and shared.

vLLM, SGLang and TensorRT-LLM keep matrices that take the same input side by side (``qkv_proj``, ``gate_up_proj``,
``fused_qkv_a_proj``), add the residual where they normalise (``fused_add_rms_norm``), and gather and add up the rows
of experts in the kernels of the mixture itself.
"""

from moe_studio.calibration.question import Question, gemm_question, moving_question
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.project.model import DTYPES

SIDE_BY_SIDE = (
    ("q", "k", "v"),
    ("q_a", "kv_a"),
    ("shared_up", "shared_gate_proj"),
    ("ffn_up", "ffn_gate_proj"),
)
"""Matrix products with the same input."""

ADD_AND_NORM = (("res1", "ln2"), ("res2", "ln1"))
"""A sum and the norm after it; the norm of the first layer goes with the sum of the last."""

FUSED_ATTENTION = ("scores", "scale", "softmax", "av")
"""Operators that one fused attention kernel does."""

_PASSES = 4.0
"""A sum and its norm in one kernel read two tensors and write two; apart they move five."""


def matrix_question(body: LayerGraph, run: Run, row: int) -> tuple[Question | None, float]:
    """The product that ``run`` is done with, and its share of that."""
    m, k, n, dtype = (float(body.columns[column][row]) for column in ("m", "k", "n", "dtype"))
    whole = sum(float(body.n[mate.first]) for mate in mates_of(body, run, SIDE_BY_SIDE)) or n
    return gemm_question(m, k, whole, DTYPES[int(dtype)]), n / whole


def moving_share(body: LayerGraph, run: Run, row: int) -> tuple[Question | None, float]:
    """The kernel that moves what ``run`` moves, and its share of that; 0 for what the experts' kernels do."""
    byte, width = float(body.byte[row]), float(body.in_width[row])
    if run.kind.name == "dispatch":
        return None, 0.0
    if run.kind.name == "agg":
        # The experts' kernels (or DeepEP's combine) add up their rows; what shared experts made is added after that.
        tensor = byte / (body.place.ffn.top_k + 1)
        return (moving_question(3 * tensor, width), 1.0) if body.place.ffn.shared else (None, 0.0)
    mates = mates_of(body, run, ADD_AND_NORM)
    if not mates:
        return moving_question(byte, width), 1.0
    whole = sum(float(body.byte[mate.first]) for mate in mates)
    return moving_question(_PASSES / 5.0 * whole, width), byte / whole if whole else 0.0


def mates_of(body: LayerGraph, run: Run, groups: tuple[tuple[str, ...], ...]) -> list[Run]:
    """The runs of the layer that are done together with ``run``, itself included; none if it is in no group."""
    group = next((names for names in groups if run.kind.name in names), ())
    return [body.run_of[name] for name in group if name in body.run_of]
