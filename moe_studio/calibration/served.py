"""Served models: the time per output token of an engine that prefills and decodes in turn.

While B requests are served, each must be prefilled once for every ``osl`` tokens that it gets; so a step takes as long
as one of decode and B / osl of a prefill (in-flight batching; Yu et al., Orca, OSDI 2022).
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from moe_studio.calibration.family import Block, Family, Price, no_floor
from moe_studio.engine.evaluation import evaluate
from moe_studio.errors import MoeStudioError
from moe_studio.kernel.device import FloatArray
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.design import Cost, Parallel, Workload
from moe_studio.project.model import DTYPES
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_device, load_model, model_names
from moe_studio.storage.nearest import nearest_hint

SAME_SHAPE = {"deepseek-r1": "deepseek-v3", "deepseek-v3-0324": "deepseek-v3"}
"""Models of the shape of another one that the catalogue has."""
_SUFFIXES = ("-instruct", "-chat", "-base", "-fp8")


def served_us(device: str, block: Block, price: Price) -> FloatArray:
    """Time per output token of each row, in µs."""
    names = ("isl", "osl", "batch_size", "tp_size")
    model, dtype = model_name(block.words["model_path"]), block.words["precision_filled"]
    groups, ep = (int(block.words[name] or 1) for name in ("attention_dp_size", "moe_ep_size"))
    table = np.stack([block.columns[name] for name in names])
    rows, place = np.unique(table, axis=1, return_inverse=True)
    found = [
        _token_us(model, device, dtype, *(int(value) for value in row), groups, ep, price) for row in rows.T.tolist()
    ]
    return np.array(found)[place.reshape(-1)]


def model_name(path: str) -> str:
    """The model of the catalogue that a name such as ``meta-llama/Llama-3.1-8B-Instruct`` means."""
    plain = path.strip().lower().rpartition("/")[2]
    for suffix in _SUFFIXES:
        plain = plain.removesuffix(suffix)
    plain = SAME_SHAPE.get(plain, plain)
    if plain not in model_names():
        raise MoeStudioError(f"The catalogue has no model {path[:60]!r}; {nearest_hint(plain, model_names())}")
    return plain


@lru_cache(maxsize=4096)
def _token_us(
    model: str, device: str, dtype: str, isl: int, osl: int, batch: int, tp: int, groups: int, ep: int, price: Price
) -> float:
    """``groups`` attention groups of ``tp`` GPUs each; the context is that of a request half done."""
    decode = Workload(phase="decode", batch=batch, context=isl + osl // 2)
    prefill = Workload(phase="prefill", batch=groups, tokens=isl)
    step, prompt = (_latency_s(model, device, dtype, work, tp, groups, ep, price) for work in (decode, prefill))
    return (step + batch / osl * prompt / groups) * 1e6


def _latency_s(
    model: str, device: str, dtype: str, work: Workload, tp: int, groups: int, ep: int, price: Price
) -> float:
    known = load_model(model)
    if dtype not in DTYPES:
        raise MoeStudioError(f"There is no data type {dtype[:20]!r}; known are {', '.join(DTYPES)}.")
    has_moe = any(layer.ffn.is_moe for layer in known.layers)
    project = Project(
        model=replace(known, dtypes=replace(known.dtypes, weights=dtype, experts=dtype)),
        cluster=Cluster(
            nodes=(Node(name="node0", gpus=tp * groups, device=device),), catalogue={device: load_device(device)}
        ),
        parallel=Parallel(tp=tp, ep=ep, etp=tp * groups // ep if has_moe else 1),
        workload=work,
        cost=Cost(provider="calibrated", attention="fused", causal=True),
    )
    return evaluate(project, price).metrics.latency_s


def _not_fitted(*_: object) -> FloatArray:
    raise MoeStudioError("Served models are put together from kernels; nothing is fitted to them.")


SERVED = Family(
    name="served",
    gpu="system",
    numbers=("isl", "osl", "batch_size", "tp_size"),
    words=("model_path",),
    optional={"precision_filled": "bf16", "attention_dp_size": "1", "moe_ep_size": "1"},
    measured="silicon_tpot_ms",
    measured_us=1e3,
    variants=lambda words: ("tpot",),
    parameters=object,
    predict=_not_fitted,
    fit=_not_fitted,
    floor_us=no_floor,
    shape=("isl", "osl"),
    size="batch_size",
    bands=(1,),
    whole=served_us,
)
