"""Fits `kernel.collective` to measured run times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from moe_studio.calibration.family import Block, Columns, Family, Words, short_dtype
from moe_studio.calibration.robust import robust_fit
from moe_studio.kernel.collective import (
    ALL_REDUCE,
    OPERATIONS,
    CollectiveParameters,
    NetworkParameters,
    ProtocolParameters,
    bandwidth_share,
    columns_us,
)
from moe_studio.kernel.device import DeviceFacts, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flat:
    """The numbers of `CollectiveParameters` side by side, as the search needs them."""

    start_1: float = 8.0
    start_2: float = 11.0
    start_3: float = 20.0
    hop_1: float = 0.8
    hop_2: float = 1.0
    hop_3: float = 1.0
    share_1: float = 0.02
    share_2: float = 0.3
    share_3: float = 0.8
    chunk_3: float = 2.0
    pair_loss: float = 0.2
    switch_start: float = 60.0
    switch_share: float = 0.6


_BOUNDS = {
    "start_1": (2.0, 40.0),
    "start_2": (2.0, 60.0),
    "start_3": (2.0, 120.0),
    "hop_1": (0.01, 5.0),
    "hop_2": (0.01, 5.0),
    "hop_3": (0.01, 10.0),
    "share_1": (0.001, 0.5),
    "share_2": (0.02, 1.0),
    "share_3": (0.2, 1.0),
    "chunk_3": (0.001, 50.0),
    "pair_loss": (0.001, 0.6),
}
_SWITCH_BOUNDS = {"switch_start": (5.0, 200.0), "switch_share": (0.05, 1.0)}
_SWITCH_GAIN = 0.97
"""A reduction in the switch is believed when it lowers the residual to this share."""
_STARTS = (_Flat(), _Flat(share_1=0.005, share_2=0.1, start_2=15.0), _Flat(start_1=6.0, start_2=9.0, start_3=14.0))


def fit_collective(blocks: Sequence[Block], device: DeviceFacts) -> CollectiveParameters:
    """One operation's protocols; for all-reduce also the switch's, where the data show it."""
    time = np.concatenate([block.time_us for block in blocks])

    def fitted(bounds: dict[str, tuple[float, float]], start: _Flat) -> tuple[_Flat, float]:
        return robust_fit(start, bounds, lambda flat: _predict(flat, blocks, device), time)

    plain = [fitted(_BOUNDS, replace(start, switch_share=0.0)) for start in _STARTS]
    best, cost = min(plain, key=lambda item: item[1])
    if blocks[0].words["op"] == ALL_REDUCE and device.generation in ("hopper", "blackwell"):
        switched = fitted({**_BOUNDS, **_SWITCH_BOUNDS}, replace(best, switch_share=0.6))
        if switched[1] < _SWITCH_GAIN * cost:
            best = switched[0]
    return _parameters(best)


def _predict(flat: _Flat, blocks: Sequence[Block], device: DeviceFacts) -> FloatArray:
    parameters = _parameters(flat)
    return np.concatenate([predict_collective(parameters, device, block.columns, block.words) for block in blocks])


def _parameters(flat: _Flat) -> CollectiveParameters:
    protocols = (
        ProtocolParameters(start_us=flat.start_1, hop_us=flat.hop_1, link_share=flat.share_1, chunk_us=0.0),
        ProtocolParameters(start_us=flat.start_2, hop_us=flat.hop_2, link_share=flat.share_2, chunk_us=0.0),
        ProtocolParameters(start_us=flat.start_3, hop_us=flat.hop_3, link_share=flat.share_3, chunk_us=flat.chunk_3),
    )
    return CollectiveParameters(
        protocols=protocols,
        pair_loss=flat.pair_loss,
        switch_start_us=flat.switch_start if flat.switch_share else 0.0,
        switch_share=flat.switch_share,
    )


def predict_collective(
    parameters: CollectiveParameters, device: DeviceFacts, columns: Columns, words: Words
) -> FloatArray:
    """Times of rows of a table of collectives."""
    return columns_us(parameters, device, columns, words["op"], short_dtype(words["dtype"]))


def _variants(words: Words) -> tuple[str, ...]:
    return (words["op"],) if words["op"] in OPERATIONS else ()


def _floor_us(columns: Columns, words: Words, facts: DeviceFacts) -> FloatArray:
    """The link's own time for the buffer once: less is possible for none of the operations."""
    sent = columns["bytes"] * (columns["gpus"] - 1) / columns["gpus"]
    return np.asarray(sent / facts.link_byte_s * 1e6)


COLLECTIVE = Family(
    name="collective",
    numbers=("gpus", "nodes", "bytes"),
    words=("op", "dtype"),
    optional={"kernel": ""},
    variants=_variants,
    parameters=CollectiveParameters,
    predict=predict_collective,
    fit=fit_collective,
    floor_us=_floor_us,
    shape=("bytes",),
    size="bytes",
    bands=(0, 65536, 4194304, 67108864),
)


def fit_network(byte: FloatArray, nodes: FloatArray, share: FloatArray) -> NetworkParameters:
    """The ramp of a network: ``share`` of its bandwidth that messages of ``byte`` reached over ``nodes``."""
    start = NetworkParameters(link_share=0.95, ramp_byte=2e7, node_power=1.0)
    bounds = {"link_share": (0.3, 1.0), "ramp_byte": (1e4, 1e10), "node_power": (0.01, 3.0)}
    return robust_fit(start, bounds, lambda item: bandwidth_share(item, byte, nodes), share)[0]
