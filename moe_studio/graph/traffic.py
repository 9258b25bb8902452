"""What communication puts on the links: rings and exchanges, as bytes and latencies per GPU."""

from dataclasses import dataclass

import numpy as np

from moe_studio.graph.column import FloatArray, IntArray, total_by
from moe_studio.graph.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """Per row. Bytes over each class of link (already weighted by the algorithm), and latencies paid.

    ``payload``: bytes that the collective is about, before any algorithm.
    """

    payload: FloatArray
    intra_byte: FloatArray
    inter_byte: FloatArray
    intra_hop: FloatArray
    inter_hop: FloatArray


def ring(payload: float | FloatArray, shape: tuple[IntArray, ...], passes: int) -> Traffic:
    """All-reduce (``passes`` 2), all-gather or reduce-scatter (1) of ``payload`` bytes; 0 is free.

    Over n nodes with at most g and at least s members in each: a ring inside every node, then
    one across nodes on 1/s of the payload (DESIGN §5).
    """
    nodes, most, least = shape
    size = np.broadcast_to(np.asarray(payload, dtype=float), nodes.shape)
    return Traffic(
        payload=size,
        intra_byte=passes * (most - 1) / most * size,
        inter_byte=passes * (nodes - 1) / nodes * size / least,
        intra_hop=passes * (most - 1).astype(float),
        inter_hop=passes * (nodes - 1).astype(float),
    )


def exchange(per_source: FloatArray, stage: Stage, *, is_return: bool) -> Traffic:
    """All-to-all in which GPU g gets ``per_source[g]`` from each GPU of every other attention group.

    With ``is_return`` the same pairs carry it the other way. Each GPU counts, per class of link,
    the larger of what it sends and receives.
    """
    lane = stage.lane
    group, replica = lane // stage.tp, lane // stage.width
    nodes = int(stage.node.max()) + 1
    near = replica * nodes + stage.node
    near_group = group * nodes + stage.node
    members_near, members_both = _count(near), _count(near_group)
    members_group = np.full(stage.lanes, stage.tp)
    inward_intra = per_source * (members_near - members_both)
    inward_inter = per_source * (stage.width - members_group - members_near + members_both)
    total, in_node = _sum(replica, per_source), _sum(near, per_source)
    in_group, in_both = _sum(group, per_source), _sum(near_group, per_source)
    outward_intra = in_node - in_both
    outward_inter = total - in_group - outward_intra
    # The difference of sums leaves rounding noise where nothing crosses.
    outward_inter = np.where(outward_inter > 1e-9 * total, outward_inter, 0.0)
    outward_intra = np.where(outward_intra > 1e-9 * total, outward_intra, 0.0)
    intra, inter = np.maximum(inward_intra, outward_intra), np.maximum(inward_inter, outward_inter)
    received = outward_intra + outward_inter if is_return else inward_intra + inward_inter
    sent = inward_intra + inward_inter if is_return else outward_intra + outward_inter
    return Traffic(
        payload=sent if is_return else received,
        intra_byte=intra,
        inter_byte=inter,
        intra_hop=(intra > 0).astype(float),
        inter_hop=(inter > 0).astype(float),
    )


def _count(key: IntArray) -> FloatArray:
    """How many lanes share each lane's key."""
    return np.bincount(key)[key].astype(float)


def _sum(key: IntArray, value: FloatArray) -> FloatArray:
    """Sum of ``value`` over the lanes that share each lane's key."""
    return total_by(key, value, int(key.max()) + 1)[key]
