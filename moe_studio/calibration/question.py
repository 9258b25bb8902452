"""Which kernel each operator is: the row of a table of run times that asks for its time.

Operators are put as rows of the tables that the kernels were fitted to, so that one function answers for a design and
for a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moe_studio.calibration.family import Words
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.graph.size import head_count, key_count
from moe_studio.graph.stage import spread, sync_size
from moe_studio.kernel.deepep import message_byte
from moe_studio.kernel.mla import KV_LORA, QK_NOPE, QK_ROPE, V_DIM
from moe_studio.project.model import DTYPE_BYTE, SCALE_BYTE
from moe_studio.project.project import Project

TABLE_DTYPES = {
    "bf16": "bfloat16",
    "fp16": "bfloat16",
    "fp8": "fp8_block",
    "fp32": "bfloat16",
    "int8": "fp8",
    "fp4": "fp8",
}
"""What tables of measured kernels call a data type; 8-bit weights are scaled by blocks, as released models are."""

DEEPEP_SMS = 20.0
"""SMs that DeepEP's normal kernels use (its README's setting for H800)."""

_GATHERS = ("combine_gather", "logits_gather")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One kernel: a row of the table of ``family``; a stand-in is another kernel that moves as many bytes."""

    family: str
    words: Words
    columns: Mapping[str, float]
    is_stand_in: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal questions."""
        return (self.family, *self.words.values(), *self.columns.values())


def gemm_question(m: float, k: float, n: float, dtype: str) -> Question | None:
    """A matrix multiplication; none in fp32, whose kernels do not use the tensor cores."""
    if not m or dtype == "fp32":
        return None
    words = {"dtype": dtype if dtype in ("int8", "fp4") else TABLE_DTYPES[dtype], "kernel": ""}
    return Question(family="gemm", words=words, columns={"m": m, "k": k, "n": n})


def moving_question(byte: float, width: float) -> Question | None:
    """An operator bound by memory: as a kernel on rows of ``width`` that moves as many bytes."""
    words = {"op": "scale_matrix", "dtype": "fp8", "kernel": "torch_ops"}
    # The tables' kernel moves 3 bytes for each element.
    columns = {"m": byte / (3 * width), "k": width}
    return Question(family="elementwise", words=words, columns=columns, is_stand_in=True) if byte else None


def absorb_question(body: LayerGraph, name: str, row: int) -> Question | None:
    """The heads' own products around latent attention, of DeepSeek's sizes."""
    attention = body.place.attention
    if (attention.qk_nope, attention.v_dim, attention.kv_lora) != (QK_NOPE, V_DIM, KV_LORA):
        return None
    op = "mla_gen_pre" if name == "q_absorb" else "mla_gen_post"
    words = {"op": op, "dtype": "bfloat16", "kv_dtype": "bfloat16"}
    columns = {"batch": float(body.m[row]), "q_len": 1.0, "kv_len": 1.0, "heads": float(body.count[row])}
    return Question(family="mla", words=words, columns=columns)


def attention_question(project: Project, body: LayerGraph) -> Question | None:
    """One fused attention kernel: scores, scale, softmax and av."""
    attention, size = body.place.attention, body.size
    keys = float(key_count(project, attention))
    if not keys:
        return None
    heads, kv_heads = head_count(attention, body.stage.tp)
    words = {
        "dtype": "bfloat16",
        "kv_dtype": "fp8" if project.model.dtype_of("kv_cache") == "fp8" else "bfloat16",
    }
    columns = {
        "batch": max(size.sequences, 1.0),
        "q_len": float(size.queries),
        "kv_len": keys,
        "heads": float(heads),
    }
    if attention.kind == "mla":
        is_known = (attention.qk_nope, attention.qk_rope, attention.v_dim) == (QK_NOPE, QK_ROPE, V_DIM)
        op = "mla_decode" if size.is_decode else "mla_prefill"
        is_known &= attention.kv_lora == KV_LORA
        return Question(family="mla", words=words | {"op": op}, columns=columns) if is_known else None
    full = "attn_prefill" if project.cost.causal else "attn_prefill_full"
    words |= {"op": "attn_decode" if size.is_decode else full}
    columns |= {"kv_heads": float(kv_heads), "head_dim": float(attention.head_dim)}
    return Question(family="attention", words=words, columns=columns)


def expert_question(project: Project, body: LayerGraph) -> Question:
    """One grouped kernel that does all experts of a GPU; its rows are those of evenly spread tokens."""
    ffn, stage = body.place.ffn, body.stage
    tokens = body.size.rows * (1 if stage.is_local else stage.groups)
    columns = {
        "tokens": float(max(tokens, 1.0)),
        "hidden": float(project.model.hidden),
        "inter": float(ffn.hidden),
        "topk": float(ffn.top_k),
        "experts": float(ffn.experts),
        "moe_tp": float(stage.etp),
        "moe_ep": float(project.parallel.ep),
    }
    dtype = TABLE_DTYPES[project.model.dtype_of("experts")]
    words = {"dtype": dtype, "routing": "balanced", "kernel": "triton"}
    return Question(family="moe", words=words, columns=columns)


def collective_question(body: LayerGraph, run: Run, byte: float, nodes: int, *, is_far: bool) -> Question | None:
    """A ring of ``byte`` bytes over GPUs of ``nodes`` nodes, or a send."""
    if not byte:
        return None
    words = {"dtype": "bfloat16", "kernel": ""}
    if run.kind.name == "send":
        places = {"nodes": 2.0, "gpus_per_node": 1.0} if is_far else {"nodes": 1.0, "gpus_per_node": 2.0}
        return Question(family="p2p", words=words | {"op": "send_recv"}, columns={"gpus": 2.0, **places, "bytes": byte})
    is_gather = run.kind.name in _GATHERS or (run.kind.name == "combine" and body.place.ffn.top_k == 1)
    is_gather |= run.kind.name == "expert_reduce" and body.place.ffn.kind == "single"
    columns = {"gpus": float(sync_size(run.sync, body.stage)), "nodes": float(nodes), "bytes": byte}
    op = "all_gather" if is_gather else "all_reduce"
    return Question(family="collective", words=words | {"op": op}, columns=columns)


def exchange_question(project: Project, body: LayerGraph, run: Run) -> Question:
    """DeepEP: low-latency kernels in decode, normal ones else.

    It was measured with fp8 out and bf16 back; of other types a row takes as long as one that has as many bytes.
    """
    stage, ffn = body.stage, body.place.ffn
    wider = _element_byte(project, run.kind.name) / float(message_byte(np.ones(1), run.kind.name == "dispatch")[0])
    mode = "ll" if body.size.is_decode else "normal"
    nodes, _, _ = spread(stage, stage.width)
    columns = {
        "gpus": float(stage.width),
        "nodes": float(nodes.max()),
        "tokens": max(float(body.size.rows) / stage.tp, 1.0),
        "hidden": project.model.hidden * wider,
        "topk": float(ffn.top_k),
        "experts": float(ffn.experts),
        "sms": 0.0 if mode == "ll" else DEEPEP_SMS,
    }
    words = {"op": f"deepep_{mode}_{run.kind.name}", "version": ""}
    return Question(family="deepep", words=words, columns=columns, is_stand_in=wider != 1)


def _element_byte(project: Project, name: str) -> float:
    """Bytes of an element that ``dispatch`` or ``combine`` sends, with its share of the scales of its block."""
    dtype = project.model.dtype_of(name)
    return DTYPE_BYTE[dtype] + SCALE_BYTE.get(dtype, 0.0)
