"""Fits `kernel.deepep` to measured run times."""

from collections.abc import Sequence

import numpy as np

from moe_studio.calibration.family import Block, Columns, Family, Words
from moe_studio.calibration.robust import columns_of, robust_fit, thinned
from moe_studio.kernel.deepep import DeepepParameters, low_latency_us, message_byte, normal_us
from moe_studio.kernel.device import DeviceFacts, FloatArray

_BOUNDS = {
    "start_us": (2.0, 80.0),
    "hidden_us": (0.001, 10.0),
    "expert_us": (0.00001, 0.1),
    "node_us": (0.1, 60.0),
    "node_power": (0.1, 1.0),
    "token_us": (0.001, 10.0),
    "token_element_us": (0.001, 5.0),
    "copy_us": (0.001, 5.0),
    "element_us": (0.001, 2.0),
    "link_share": (0.1, 1.0),
    "network_gb_s": (10.0, 50.0),
    "congestion": (0.001, 1.5),
    "overlap": (1.0, 12.0),
}
_NORMAL_BOUNDS = {"node_copy": (0.01, 10.0), "relay_gb_s": (15.0, 400.0), "chunk_us": (0.01, 100.0)}
_COMBINE_BOUNDS = {"absorbed_us": (1.0, 30000.0)}
_OPERATIONS = {
    "deepep_ll_dispatch": "low_latency_dispatch",
    "deepep_ll_combine": "low_latency_combine",
    "deepep_normal_dispatch": "normal_dispatch",
    "deepep_normal_combine": "normal_combine",
}
_STARTS = (48.0, 30.0)


def fit_deepep(blocks: Sequence[Block], device: DeviceFacts) -> DeepepParameters:
    """The numbers of the kernel that ran all rows of ``blocks``; each node count weighs the same."""
    words, columns = blocks[0].words, columns_of(blocks)
    time = np.concatenate([block.time_us for block in blocks])
    rows = _even(columns["nodes"])
    part = {name: value[rows] for name, value in columns.items()}
    bounds = dict(_BOUNDS)
    is_normal, is_combine = "normal" in words["op"], words["op"].endswith("combine")
    if is_normal:
        bounds |= _NORMAL_BOUNDS | (_COMBINE_BOUNDS if is_combine else {})

    def fitted(network_gb_s: float) -> tuple[DeepepParameters, float]:
        start = _start(network_gb_s, is_normal, is_normal and is_combine)
        return robust_fit(start, bounds, lambda item: predict_deepep(item, device, part, words), time[rows])

    return min((fitted(start) for start in _STARTS), key=lambda item: item[1])[0]


def _even(nodes: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Indices that hold every node count about as often."""
    counts, sizes = np.unique(nodes, return_counts=True)
    parts = []
    for count, size in zip(counts, sizes, strict=True):
        rows = np.flatnonzero(nodes == count)[thinned(int(size), 1500)]
        parts.append(np.repeat(rows, max(1, round(float(sizes.max()) / size / 3))))
    return np.concatenate(parts)


def _start(network_gb_s: float, is_normal: bool, is_absorbing: bool) -> DeepepParameters:
    return DeepepParameters(
        start_us=20.0 if is_normal else 9.0,
        hidden_us=0.3,
        expert_us=0.001,
        node_us=2.0 if is_normal else 7.0,
        node_power=0.7 if is_normal else 0.2,
        token_us=0.3,
        token_element_us=0.05,
        copy_us=0.05,
        element_us=0.05,
        node_copy=1.0 if is_normal else 0.0,
        link_share=0.7,
        network_gb_s=network_gb_s,
        congestion=0.4 if is_normal else 0.05,
        relay_gb_s=60.0 if is_normal else 1e6,
        chunk_us=2.0 if is_normal else 0.0,
        absorbed_us=8000.0 if is_absorbing else 0.0,
        overlap=3.0,
    )


def predict_deepep(parameters: DeepepParameters, device: DeviceFacts, columns: Columns, words: Words) -> FloatArray:
    """Times of rows of a table of DeepEP."""
    kernel = normal_us if "normal" in words["op"] else low_latency_us
    return kernel(parameters, device, columns, is_dispatch=words["op"].endswith("dispatch"))


def _variants(words: Words) -> tuple[str, ...]:
    name = _OPERATIONS.get(words["op"])
    return (name,) if name else ()


def _floor_us(columns: Columns, words: Words, facts: DeviceFacts) -> FloatArray:
    """One message for each token over the link of the node at its datasheet's rate, all but the GPU's own share."""
    is_dispatch = words["op"].endswith("dispatch")
    byte = columns["tokens"] * message_byte(columns["hidden"], is_dispatch) * (1 - 1 / np.maximum(columns["gpus"], 1))
    return np.asarray(byte / facts.link_byte_s * 1e6)


DEEPEP = Family(
    name="deepep",
    numbers=("gpus", "nodes", "tokens", "hidden", "topk", "experts", "sms"),
    words=("op",),
    optional={"version": ""},
    zero_allowed=("sms",),
    variants=_variants,
    parameters=DeepepParameters,
    predict=predict_deepep,
    fit=fit_deepep,
    floor_us=_floor_us,
    shape=("nodes", "tokens"),
    size="tokens",
    bands=(0, 64, 512, 8192),
    leave_out="nodes",
)
