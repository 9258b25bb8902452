"""Run time of a send and its receive, in a node and between two nodes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.project.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class P2pParameters:
    """Sends between two GPUs; between nodes, over the network that was measured."""

    start_us: float = setting("launch and handshake in a node", above=0)
    link_share: float = setting("share of the link in a node reached by large messages", above=0)
    chunk_us: float = setting("cost of a chunk in a node, when messages are cut into chunks of the best size", low=0)
    network_start_us: float = setting("launch and handshake between nodes", above=0)
    network_gb_s: float = setting("rate between nodes reached by large messages", above=0, unit="GB/s")
    network_chunk_us: float = setting("cost of a chunk between nodes", low=0)


def p2p_us(
    parameters: P2pParameters,
    device: DeviceFacts,
    byte: FloatArray,
    nodes: FloatArray,
    *,
    network_byte_s: float | None = None,
) -> FloatArray:
    """Time to send ``byte`` to a GPU of the same node (``nodes`` 1) or of another, shape (rows,).

    ``network_byte_s`` is what another network's large messages reach; None stands for the measured one.
    """
    near_us = byte / (parameters.link_share * device.link_byte_s) * 1e6
    far_us = byte / (network_byte_s or parameters.network_gb_s * 1e9) * 1e6
    near = parameters.start_us + _chunked(near_us, parameters.chunk_us)
    far = parameters.network_start_us + _chunked(far_us, parameters.network_chunk_us)
    return np.where(nodes > 1, far, near)


def _chunked(carried_us: FloatArray, chunk_us: float) -> FloatArray:
    """A pipeline of chunks of the best size: (√chunk + √carried)² less the chunk itself, which the start holds."""
    return np.asarray(carried_us + 2 * np.sqrt(chunk_us * carried_us))


def columns_us(parameters: P2pParameters, device: DeviceFacts, columns: Mapping[str, FloatArray]) -> FloatArray:
    """Time of rows of a table: ``bytes``, ``nodes``."""
    return p2p_us(parameters, device, columns["bytes"], columns["nodes"])
