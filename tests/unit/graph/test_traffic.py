"""Traffic of exchanges, counted pair by pair."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.graph.stage import Stage
from moe_studio.graph.traffic import exchange, ring


def stage(nodes: list[int], dp: int, tp: int, racks: list[int] | None = None) -> Stage:
    lanes = len(nodes)
    return Stage(
        index=0, count=1, dp=dp, width=lanes // dp, tp=tp, etp=1, is_local=False,
        gpu=np.arange(lanes), node=np.array(nodes), rack=np.array(racks or [0] * lanes), device=np.zeros(lanes, int),
    )  # fmt: skip


@given(
    dp=st.integers(1, 2),
    groups=st.integers(1, 4),
    tp=st.integers(1, 3),
    is_return=st.booleans(),
    data=st.data(),
)
def test_an_exchange_counts_every_pair_of_different_groups(
    dp: int, groups: int, tp: int, is_return: bool, data: st.DataObject
) -> None:
    lanes = dp * groups * tp
    nodes = sorted(data.draw(st.lists(st.integers(0, 3), min_size=lanes, max_size=lanes)))
    racks = [node // 2 for node in nodes]
    per_source = np.array(data.draw(st.lists(st.integers(0, 9), min_size=lanes, max_size=lanes)), dtype=float)
    moved = np.zeros((2, 3, lanes))  # direction (in, out), class (intra, inter, between racks), lane
    for giver in range(lanes):
        for taker in range(lanes):
            same_replica = giver // (groups * tp) == taker // (groups * tp)
            if same_replica and giver // tp != taker // tp:
                links = [1, 2] if racks[giver] != racks[taker] else [int(nodes[giver] != nodes[taker])]
                byte = per_source[giver] if is_return else per_source[taker]
                for link in links:  # what leaves a rack leaves its node, too
                    moved[0, link, taker] += byte
                    moved[1, link, giver] += byte
    traffic = exchange(per_source, stage(nodes, dp, tp, racks), is_return=is_return)
    assert np.allclose(traffic.intra_byte, moved[:, 0].max(axis=0))
    assert np.allclose(traffic.inter_byte, moved[:, 1].max(axis=0))
    assert np.allclose(traffic.payload, moved[1 if is_return else 0, :2].sum(axis=0))
    assert np.allclose(traffic.spine_byte, moved[:, 2].max(axis=0))
    assert (traffic.inter_hop == (moved[:, 1].max(axis=0) > 0)).all()
    assert (traffic.spine_hop == (moved[:, 2].max(axis=0) > 0)).all()


def test_a_ring_over_one_node_is_the_textbook_one() -> None:
    traffic = ring(800.0, stage([0, 0, 0, 0], 1, 4), 4, 2)
    assert (traffic.intra_byte == 2 * 3 / 4 * 800).all()
    assert (traffic.inter_byte == 0).all()
    assert (traffic.intra_hop == 6).all()


def test_an_uneven_ring_over_two_nodes_is_held_up_by_the_smaller_part() -> None:
    traffic = ring(800.0, stage([0, 0, 0, 1], 1, 4), 4, 1)
    assert np.allclose(traffic.intra_byte, 2 / 3 * 800)
    assert np.allclose(traffic.inter_byte, 1 / 2 * 800 / 1)
    assert (traffic.inter_hop == 1).all()


def test_a_ring_over_two_racks_is_wholly_one_between_racks() -> None:
    nodes, racks = [0, 1, 2, 3], [0, 0, 1, 1]
    near, wide = ring(800.0, stage(nodes, 1, 2, racks), 2, 2), ring(800.0, stage(nodes, 1, 4, racks), 4, 2)
    assert (near.inter_byte > 0).all()
    assert (near.spine_byte == 0).all()
    assert (wide.spine_byte == wide.inter_byte).all()
    assert (wide.spine_hop == wide.inter_hop).all()
