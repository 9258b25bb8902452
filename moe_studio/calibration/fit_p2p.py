"""Fits `kernel.p2p` to measured run times."""

from collections.abc import Sequence

import numpy as np

from moe_studio.calibration.family import Block, Columns, Family, Words
from moe_studio.calibration.robust import columns_of, robust_fit, thinned
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.p2p import P2pParameters, columns_us

_BOUNDS = {
    "start_us": (1.0, 60.0),
    "link_share": (0.05, 1.0),
    "chunk_us": (0.0001, 50.0),
    "network_start_us": (1.0, 200.0),
    "network_gb_s": (0.1, 200.0),
    "network_chunk_us": (0.0001, 50.0),
}
_START = P2pParameters(
    start_us=10, link_share=0.8, chunk_us=0.5, network_start_us=20, network_gb_s=40, network_chunk_us=0.5
)


def fit_p2p(blocks: Sequence[Block], device: DeviceFacts) -> P2pParameters:
    """The numbers of sends in a node and between nodes."""
    rows = thinned(sum(len(block.time_us) for block in blocks))
    columns = {name: value[rows] for name, value in columns_of(blocks).items()}
    time = np.concatenate([block.time_us for block in blocks])[rows]
    return robust_fit(_START, _BOUNDS, lambda item: columns_us(item, device, columns), time)[0]


def predict_p2p(parameters: P2pParameters, device: DeviceFacts, columns: Columns, words: Words) -> FloatArray:
    """Times of rows of a table of sends."""
    return columns_us(parameters, device, columns)


def _variants(words: Words) -> tuple[str, ...]:
    return ("send_recv",) if words["op"] in ("send_recv", "p2p") else ()


def _floor_us(columns: Columns, words: Words, facts: DeviceFacts) -> FloatArray:
    """The link of the node at its datasheet's rate; no network is faster."""
    return np.asarray(columns["bytes"] / facts.link_byte_s * 1e6)


P2P = Family(
    name="p2p",
    numbers=("gpus", "nodes", "gpus_per_node", "bytes"),
    words=("op", "dtype"),
    optional={},
    variants=_variants,
    parameters=P2pParameters,
    predict=predict_p2p,
    fit=fit_p2p,
    floor_us=_floor_us,
    shape=("bytes",),
    size="bytes",
    bands=(0, 1048576, 16777216),
)
