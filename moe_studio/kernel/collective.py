"""Run time of collectives: NCCL inside a node by protocol, and across nodes ring by ring."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.project.setting import setting

ALL_REDUCE, ALL_GATHER, REDUCE_SCATTER, ALL_TO_ALL = "all_reduce", "all_gather", "reduce_scatter", "alltoall"
OPERATIONS = (ALL_REDUCE, ALL_GATHER, REDUCE_SCATTER, ALL_TO_ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolParameters:
    """One way of sending: NCCL's LL, LL128 or Simple, told apart by what they cost and carry."""

    start_us: float = setting("launch and first flag", above=0)
    hop_us: float = setting("for each further GPU of the ring", low=0)
    link_share: float = setting("share of the link reached by large messages", above=0)
    chunk_us: float = setting("cost of a chunk, when messages are cut into chunks of the best size", low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectiveParameters:
    """One NCCL operation: it takes the protocol that ends first."""

    protocols: tuple[ProtocolParameters, ...] = setting("ways of sending")
    pair_loss: float = setting("share of the link lost by two GPUs; by more, in proportion to 2 / GPUs", low=0, high=1)
    switch_start_us: float = setting("start of a reduction inside the switch (NVLS)", 0.0, low=0)
    switch_share: float = setting("share of the link such a reduction reaches; 0: there is none", 0.0, low=0)
    switch_ranks: int = setting("fewest GPUs for which such a reduction is chosen", 8, low=2)


def collective_us(
    parameters: CollectiveParameters,
    device: DeviceFacts,
    byte: FloatArray,
    ranks: FloatArray,
    *,
    operation: str,
    is_float: bool = True,
) -> FloatArray:
    """Time of a collective inside one node, shape (rows,); ``byte`` as nccl-tests count it: of the larger buffer.

    A link carries (n − 1) / n of the buffer, in an all-reduce twice (nccl-tests, PERFORMANCE.md).
    """
    link = device.link_byte_s / 1e6
    sent = byte * (ranks - 1) / ranks * (2 if operation == ALL_REDUCE else 1)
    reached = link * (1 - parameters.pair_loss * 2 / np.maximum(2, ranks))
    times = [_protocol_us(protocol, sent / reached, ranks) for protocol in parameters.protocols]
    if parameters.switch_share and is_float:
        # The switch adds, so that each GPU sends its buffer once (NCCL 2.17 release notes, NVLink SHARP).
        switch = parameters.switch_start_us + byte / (parameters.switch_share * link)
        times.append(np.where(ranks >= parameters.switch_ranks, switch, np.inf))
    return np.where(ranks > 1, np.minimum.reduce(times), 0.0)


def _protocol_us(protocol: ProtocolParameters, carried_us: FloatArray, ranks: FloatArray) -> FloatArray:
    """Start, hops, and chunks in a pipeline: (√chunk + √carried)² less the chunk itself, at the best chunk size."""
    carried = carried_us / protocol.link_share
    hops = protocol.hop_us * np.maximum(0, ranks - 2)
    return np.asarray(protocol.start_us + hops + carried + 2 * np.sqrt(protocol.chunk_us * carried))


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkParameters:
    """How much of a network's bandwidth collectives across nodes reach."""

    link_share: float = setting("share of the links reached by the largest messages", above=0, high=1)
    ramp_byte: float = setting("message of two nodes that reaches half of it", above=0)
    node_power: float = setting("that message grows with the nodes to this power", low=0)


# Fitted by calibration.fit_collective.fit_network to the table of achieved bandwidth that aliyun/SimAI (Apache-2.0)
# ships, 16 MiB to 16 GiB over 2 to 128 nodes; median error 5 % for rings and 7 % for exchanges.
RING_NETWORK = NetworkParameters(link_share=0.973, ramp_byte=2.84e7, node_power=1.0)
SMALLEST_MEASURED_BYTE = 2.0**24
EXCHANGE_NETWORK = NetworkParameters(link_share=0.890, ramp_byte=9.07e6, node_power=0.035)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What joins the nodes: one GPU's own share of it, one way."""

    byte_s: float
    start_us: float = 12.0
    """What a first message costs more than in a node: 20 µs against 8 µs for sends between H100s (family p2p)."""


def typical_network(device: DeviceFacts) -> Network:
    """The network such GPUs come with: one port for each GPU, 400 Gb/s with DGX H100, 200 Gb/s before (datasheets)."""
    return Network(byte_s=25e9 if device.generation == "ampere" else 50e9)


def bandwidth_share(parameters: NetworkParameters, byte: FloatArray, nodes: FloatArray) -> FloatArray:
    """Share of the network's bandwidth that a collective of ``byte`` over ``nodes`` reaches, shape (rows,).

    Every further node cuts the message into more parts, each with its own start (Hockney's n½). Messages smaller than
    any that was measured reach as much as the smallest: NCCL sends them as trees, whose start grows but slowly.
    """
    half = parameters.ramp_byte * (np.maximum(nodes, 2) / 2) ** parameters.node_power
    measured = np.maximum(byte, SMALLEST_MEASURED_BYTE)
    return np.asarray(parameters.link_share * measured / (measured + half))


def across_us(
    parameters: CollectiveParameters,
    device: DeviceFacts,
    columns: Mapping[str, FloatArray],
    network: Network,
    *,
    operation: str,
    is_float: bool = True,
) -> FloatArray:
    """Time of a collective of ``bytes`` over ``gpus`` on ``nodes``, shape (rows,).

    An all-reduce scatters in the node, reduces each shard across nodes and gathers again; an all-to-all sends to all
    at once, so that the slower of the two links counts. On one node this is `collective_us`.
    """
    byte, gpus, nodes = columns["bytes"], columns["gpus"], np.maximum(1, columns["nodes"])
    local = np.maximum(1, gpus / nodes)
    is_exchange = operation == ALL_TO_ALL
    inside_byte = byte / nodes if is_exchange else byte
    inside = collective_us(parameters, device, inside_byte, local, operation=operation, is_float=is_float)
    share = bandwidth_share(EXCHANGE_NETWORK if is_exchange else RING_NETWORK, byte, nodes)
    sent = byte if is_exchange else byte / local
    crossing = sent * (nodes - 1) / nodes * (2 if operation == ALL_REDUCE else 1)
    started = network.start_us * np.ceil(np.log2(np.maximum(2, nodes)))
    outside = np.where(nodes > 1, started + crossing / (share * network.byte_s) * 1e6, 0.0)
    if not is_exchange:
        return np.asarray(inside + outside)
    empty = collective_us(parameters, device, np.zeros_like(byte), local, operation=operation)
    return np.asarray(np.maximum(inside, np.where(nodes > 1, empty, 0.0) + outside))


def columns_us(
    parameters: CollectiveParameters, device: DeviceFacts, columns: Mapping[str, FloatArray], operation: str, dtype: str
) -> FloatArray:
    """Time of rows of a table: ``bytes``, ``gpus`` and ``nodes``; those on several nodes over a typical network."""
    is_float = not dtype.startswith(("int", "uint", "fp8"))
    network = typical_network(device)
    return across_us(parameters, device, columns, network, operation=operation, is_float=is_float)
