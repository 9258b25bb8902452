"""What communication puts on the links: rings and exchanges, as bytes and latencies per GPU."""

from dataclasses import dataclass

import numpy as np

from moe_studio.graph.column import FloatArray, IntArray, total_by
from moe_studio.graph.stage import Stage, crosses_racks, spread


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """Per row. Bytes over each class of link (already weighted by the algorithm), and latencies paid.

    ``payload``: bytes that the collective is about, before any algorithm. ``inter``: what leaves a node; ``spine``:
    what of that leaves a rack, too, where racks have a tier of their own.
    """

    payload: FloatArray
    intra_byte: FloatArray
    inter_byte: FloatArray
    spine_byte: FloatArray
    intra_hop: FloatArray
    inter_hop: FloatArray
    spine_hop: FloatArray


def ring(payload: float | FloatArray, stage: Stage, size: int, passes: int, lane: IntArray | None = None) -> Traffic:
    """All-reduce (``passes`` 2), all-gather or reduce-scatter (1) of ``payload`` bytes; 0 is free.

    Over the groups of ``size`` neighbouring lanes, or those of ``lane``. Over n nodes with at most g and at least s
    members in each: a ring inside every node, then one across nodes on 1/s of the payload (DESIGN §5). A ring is as
    fast as its slowest link (Patarasuk and Yuan 2009), so one over several racks is wholly one between racks.
    """
    shape = (*spread(stage, size), crosses_racks(stage, size))
    nodes, most, least, is_wide = shape if lane is None else (column[lane] for column in shape)
    whole = np.broadcast_to(np.asarray(payload, dtype=float), nodes.shape)
    inter_byte, inter_hop = passes * (nodes - 1) / nodes * whole / least, passes * (nodes - 1).astype(float)
    return Traffic(
        payload=whole,
        intra_byte=passes * (most - 1) / most * whole,
        inter_byte=inter_byte,
        spine_byte=inter_byte * is_wide,
        intra_hop=passes * (most - 1).astype(float),
        inter_hop=inter_hop,
        spine_hop=inter_hop * is_wide,
    )


def send(payload: float, stage: Stage, node: IntArray, rack: IntArray) -> Traffic:
    """``payload`` bytes from each lane to a GPU on ``node`` in ``rack``, shape (lanes,) each."""
    is_far, is_wide = (stage.node != node).astype(float), (stage.rack != rack).astype(float)
    return Traffic(
        payload=np.full(stage.lanes, payload),
        intra_byte=payload * (1 - is_far),
        inter_byte=payload * is_far,
        spine_byte=payload * is_wide,
        intra_hop=1 - is_far,
        inter_hop=is_far,
        spine_hop=is_wide,
    )


def exchange(per_source: FloatArray, stage: Stage, *, is_return: bool) -> Traffic:
    """All-to-all in which GPU g gets ``per_source[g]`` from each GPU of every other attention group.

    With ``is_return`` the same pairs carry it the other way. Each GPU counts, per class of link,
    the larger of what it sends and receives.
    """
    in_node, out_node = _within(per_source, stage, stage.node)
    in_all, out_all = _within(per_source, stage, np.zeros_like(stage.node))
    inward_intra, inward_inter = per_source * in_node, per_source * (in_all - in_node)
    outward_intra, outward_inter = _cleared(out_node, out_all), _cleared(out_all - out_node, out_all)
    intra, inter = np.maximum(inward_intra, outward_intra), np.maximum(inward_inter, outward_inter)
    spine = np.zeros_like(inter)
    if stage.rack.any():
        in_rack, out_rack = _within(per_source, stage, stage.rack)
        spine = np.maximum(per_source * (in_all - in_rack), _cleared(out_all - out_rack, out_all))
    received = outward_intra + outward_inter if is_return else inward_intra + inward_inter
    sent = inward_intra + inward_inter if is_return else outward_intra + outward_inter
    return Traffic(
        payload=sent if is_return else received,
        intra_byte=intra,
        inter_byte=inter,
        spine_byte=spine,
        intra_hop=(intra > 0).astype(float),
        inter_hop=(inter > 0).astype(float),
        spine_hop=(spine > 0).astype(float),
    )


def far_share(stage: Stage) -> FloatArray:
    """Of what each lane exchanges with the GPUs of other attention groups, the share with those of other nodes."""
    one = np.ones(stage.lanes)
    near, _ = _within(one, stage, stage.node)
    every, _ = _within(one, stage, np.zeros_like(stage.node))
    return (every - near) / np.maximum(every, 1.0)


def _within(per_source: FloatArray, stage: Stage, place: IntArray) -> tuple[FloatArray, FloatArray]:
    """Of the GPUs of other attention groups in each lane's own ``place``: how many there are, and what they get."""
    group, replica = stage.lane // stage.tp, stage.lane // stage.width
    places = int(place.max()) + 1
    near, both = replica * places + place, group * places + place
    return _count(near) - _count(both), _sum(near, per_source) - _sum(both, per_source)


def _cleared(byte: FloatArray, whole: FloatArray) -> FloatArray:
    """``byte`` without the rounding noise that a difference of sums leaves where nothing goes."""
    return np.where(byte > 1e-9 * whole, byte, 0.0)


def _count(key: IntArray) -> FloatArray:
    """How many lanes share each lane's key."""
    return np.bincount(key)[key].astype(float)


def _sum(key: IntArray, value: FloatArray) -> FloatArray:
    """Sum of ``value`` over the lanes that share each lane's key."""
    return total_by(key, value, int(key.max()) + 1)[key]
