"""Tables of bandwidth, not of time: shares of a link that collectives reach, by message and number of nodes."""

import re

import numpy as np

from moe_studio.calibration.family import Block, Family, Load, Prediction, no_floor
from moe_studio.errors import MoeStudioError
from moe_studio.kernel.collective import (
    ALL_GATHER,
    ALL_TO_ALL,
    EXCHANGE_NETWORK,
    RING_NETWORK,
    bandwidth_share,
    collective_us,
    typical_network,
)
from moe_studio.kernel.device import FloatArray

GPUS_PER_NODE = 8
_NODES = re.compile(r"(\d{1,6}) ?node", re.ASCII | re.IGNORECASE)
_EXCHANGES = {"nvlink": False, "nic": False, "ata": True}
"""Tables of rings, by the link at which they were looked at, and of exchanges between all."""


def bandwidth_shares(gpu: str, block: Block, load: Load, _: object) -> Prediction:
    """The share of each row, and the time of its bytes over one GPU's link at that share: nothing says how many cross.

    Within a node of eight GPUs, the fitted collective over its link; over several, the ramp of a network.
    """
    calibration, byte = load(gpu), block.columns["Size"]
    facts, nodes, is_exchange = calibration.facts, _nodes(block.words["scale"]), _is_exchange(block.words["table"])
    kind = "exchanges" if is_exchange else "rings"
    if nodes > 1:
        link = typical_network(facts).byte_s
        share = bandwidth_share(EXCHANGE_NETWORK if is_exchange else RING_NETWORK, byte, np.full(len(byte), nodes))
        basis = f"datasheet: {kind} over {nodes} nodes, {link / 1e9:g} GB/s a GPU"
    else:
        link, operation = facts.link_byte_s, ALL_TO_ALL if is_exchange else ALL_GATHER
        fitted = calibration.fitted("collective", operation)
        ranks = np.full(len(byte), float(GPUS_PER_NODE))
        time = collective_us(fitted.parameters, facts, byte, ranks, operation=operation)
        share = byte * (1 - 1 / ranks) / (time * 1e-6 * link)
        basis = f"{fitted.provenance}: {kind} in a node of {fitted.origin}, {link / 1e9:g} GB/s a GPU"
    return Prediction(time_us=byte / (share * link) * 1e6, source=np.full(len(byte), basis, dtype=object), value=share)


def _nodes(scale: str) -> int:
    """``2`` of ``2Node-16GPU(NIC)``."""
    found = _NODES.match(scale.strip())
    if found is None or not int(found[1]):
        raise MoeStudioError(f"The scale {scale[:40]!r} does not say how many nodes; write it as '2Node-16GPU(NIC)'.")
    return int(found[1])


def _is_exchange(table: str) -> bool:
    if table not in _EXCHANGES:
        raise MoeStudioError(f"There is no table {table[:40]!r}; known are {', '.join(_EXCHANGES)}.")
    return _EXCHANGES[table]


def _not_fitted(*_: object) -> FloatArray:
    raise MoeStudioError("Shares of bandwidth are told by the model of collectives; nothing is fitted to them here.")


BANDWIDTH = Family(
    name="bandwidth",
    numbers=("Size",),
    words=("scale", "table"),
    optional={"gpu": "h100-sxm"},
    measured="bw_fraction",
    predicted="predicted_bw_fraction",
    variants=lambda words: ("share",),
    parameters=object,
    predict=_not_fitted,
    fit=_not_fitted,
    floor_us=no_floor,
    shape=("Size",),
    size="Size",
    bands=(1,),
    whole=bandwidth_shares,
)
