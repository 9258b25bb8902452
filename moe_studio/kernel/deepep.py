"""Run time of DeepEP's dispatch and combine, low-latency and normal, over any number of nodes.

The traffic is counted from how DeepEP sends (its README and kernels): low-latency mode sends a token to every expert by
itself; normal mode sends it once to every node that needs it, and there once to every GPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.project.setting import setting

_SCALE_GROUP = 128
"""Elements that share a 4-byte scale in fp8 dispatch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepepParameters:
    """One of DeepEP's four kernels."""

    start_us: float = setting("launch and first flags in one node", above=0)
    hidden_us: float = setting("further start for each 1,024 elements of a token", low=0)
    expert_us: float = setting("further start for each expert", low=0)
    node_us: float = setting("further start over two nodes", low=0)
    node_power: float = setting("that start grows with the other nodes to this power", low=0)
    token_us: float = setting("one SM's time for each token that it sends", low=0)
    token_element_us: float = setting("one SM's time for each 1,024 elements of a token", low=0)
    copy_us: float = setting("one SM's time for each GPU that a token goes to", low=0)
    element_us: float = setting("one SM's time for each 1,024 elements of such a copy", low=0)
    node_copy: float = setting("copies that passing a token on to one further node is worth", low=0)
    """Several nodes are served partly at once: they count with their square root."""
    link_share: float = setting("share of the link in a node reached", above=0)
    network_gb_s: float = setting("traffic between nodes reached over two nodes", above=0, unit="GB/s")
    congestion: float = setting("that traffic falls with the nodes to this power", low=0)
    relay_gb_s: float = setting("arrivals from other nodes that a GPU can pass on", above=0, unit="GB/s")
    chunk_us: float = setting("cost of a chunk in the pipeline between nodes, at the best size", 0.0, low=0)
    absorbed_us: float = setting("waiting for the network that the notification before it absorbs", low=0)
    overlap: float = setting("exponent that joins the parts: 1 one after the other, large side by side", above=0)


def reached(groups: FloatArray, topk: FloatArray, experts: FloatArray) -> FloatArray:
    """Groups of experts that a token needs, of ``groups`` equal ones: g · (1 − C(E − E/g, k) / C(E, k))."""
    missed = np.ones(np.broadcast(groups, topk, experts).shape)
    for drawn in range(int(np.max(topk, initial=0))):
        left = np.maximum(experts - experts / groups - drawn, 0) / np.maximum(experts - drawn, 1)
        missed = np.where(drawn < topk, missed * left, missed)
    return np.asarray(groups * (1 - missed))


def message_byte(hidden: FloatArray, is_dispatch: bool) -> FloatArray:
    """Bytes of a token on its way: fp8 with scales out, bf16 back."""
    return np.asarray(hidden + 4 * hidden / _SCALE_GROUP if is_dispatch else 2 * hidden)


def low_latency_us(
    parameters: DeepepParameters, device: DeviceFacts, columns: Mapping[str, FloatArray], *, is_dispatch: bool
) -> FloatArray:
    """Time of a low-latency kernel, shape (rows,); every (token, expert) pair is a message of its own."""
    tokens, topk, experts, nodes = (columns[name] for name in ("tokens", "topk", "experts", "nodes"))
    byte = tokens * topk * message_byte(columns["hidden"], is_dispatch)
    # The kernel takes one SM for each group of experts (num_warp_groups in DeepEP's internode_ll.cu).
    senders = np.ceil(experts / np.ceil(experts / device.sms))
    far_us = byte * (1 - 1 / nodes) / _network_byte_us(parameters, nodes)
    return _joined_us(parameters, device, columns, copies=topk, senders=senders, near_byte=byte / nodes, far_us=far_us)


def normal_us(
    parameters: DeepepParameters, device: DeviceFacts, columns: Mapping[str, FloatArray], *, is_dispatch: bool
) -> FloatArray:
    """Time of a normal kernel, shape (rows,); a token crosses to a node once, and in it to each GPU once."""
    tokens, topk, experts, nodes = (columns[name] for name in ("tokens", "topk", "experts", "nodes"))
    gpus = np.maximum(columns["gpus"], 1)
    per_node = gpus / nodes
    message = message_byte(columns["hidden"], is_dispatch)
    copies = reached(gpus, topk, experts)
    remote = reached(nodes, topk, experts) * (1 - 1 / nodes)
    near_byte = tokens * copies * (1 - 1 / per_node) * message
    far_byte = tokens * remote * message
    waiting = far_byte / _network_byte_us(parameters, nodes)
    relaying = _chunked(far_byte / (parameters.relay_gb_s * 1e3), parameters.chunk_us)
    far_us = np.maximum(np.maximum(waiting - parameters.absorbed_us, 0), relaying)
    worth = copies + parameters.node_copy * np.sqrt(remote)
    senders = np.maximum(columns["sms"], 1)
    return _joined_us(parameters, device, columns, copies=worth, senders=senders, near_byte=near_byte, far_us=far_us)


def _network_byte_us(parameters: DeepepParameters, nodes: FloatArray) -> FloatArray:
    return np.asarray(parameters.network_gb_s * 1e3 * (np.maximum(nodes, 2) / 2) ** -parameters.congestion)


def _chunked(carried_us: FloatArray, chunk_us: FloatArray | float) -> FloatArray:
    """A pipeline of chunks of the best size: (√chunk + √carried)² less the chunk itself, which the start holds."""
    return np.asarray(carried_us + 2 * np.sqrt(chunk_us * carried_us))


def _joined_us(
    parameters: DeepepParameters,
    device: DeviceFacts,
    columns: Mapping[str, FloatArray],
    *,
    copies: FloatArray,
    senders: FloatArray,
    near_byte: FloatArray,
    far_us: FloatArray,
) -> FloatArray:
    """Start, then the SMs' copying, the links in the node and those between nodes side by side."""
    kilo, nodes = columns["hidden"] / 1024, columns["nodes"]
    token_us = parameters.token_us + parameters.token_element_us * kilo
    copy_us = token_us + copies * (parameters.copy_us + parameters.element_us * kilo)
    sending = _chunked(columns["tokens"] * copy_us / senders, np.where(nodes > 1, parameters.chunk_us, 0.0))
    near = near_byte / (parameters.link_share * device.link_byte_s / 1e6)
    start = parameters.start_us + parameters.hidden_us * kilo + parameters.expert_us * columns["experts"]
    start = start + parameters.node_us * np.maximum(nodes - 1, 0) ** parameters.node_power
    largest = np.maximum(np.maximum(sending, near), np.maximum(far_us, 1e-9))
    parts = sum((part / largest) ** parameters.overlap for part in (sending, near, far_us))
    return np.asarray(start + largest * parts ** (1 / parameters.overlap))
