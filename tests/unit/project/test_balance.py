"""Experts placed by their load."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.project.balance import instance_counts, packed, with_redundant

# Loads and counts of the README of deepseek-ai/EPLB, with its global policy.
LOADS = (
    [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86],
    [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27],
)
COUNTS = ([1, 2, 1, 1, 2, 2, 1, 1, 1, 1, 2, 1], [1, 1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1])


@pytest.mark.parametrize(("load", "counts"), list(zip(LOADS, COUNTS, strict=True)))
def test_experts_get_the_instances_that_eplb_gives_them(load: list[int], counts: list[int]) -> None:
    assert instance_counts(load, 4, 8) == counts


def test_a_heavier_instance_is_placed_first_and_the_emptiest_slot_takes_the_next() -> None:
    assert packed([5.0, 4.0, 3.0, 1.0], 0, 2) == [(0,), (1,), (1,), (0,)]
    assert packed([6.0, 2.0, 1.0], 1, 2) == [(0, 1), (0,), (1,)]


def test_the_policy_keeps_its_places_and_further_instances_fill_the_emptiest() -> None:
    assert with_redundant([1.0, 9.0, 1.0, 1.0], [(0,), (0,), (1,), (1,)], 1, 2) == [(0,), (0, 1), (1,), (1,)]


loads = st.lists(st.sampled_from([0.0, 0.1, 1.0, 2.5, 40.0]), min_size=1, max_size=12)


@given(load=loads, redundant=st.integers(0, 9), slots=st.integers(1, 8))
def test_every_instance_has_a_slot_of_its_own_and_slots_are_filled_evenly(
    load: list[float], redundant: int, slots: int
) -> None:
    found = packed(load, redundant, slots)
    assert [len(own) for own in found] == instance_counts(load, redundant, slots)
    assert all(len(set(own)) == len(own) for own in found)
    held = [sum(slot in own for own in found) for slot in range(slots)]
    # Two of one expert never meet, for which a slot may hold one more than its share.
    assert max(held) <= -(-sum(held) // slots) + 1


@given(load=loads, redundant=st.integers(0, 9), slots=st.integers(2, 8))
def test_no_expert_has_a_further_instance_before_a_busier_one(load: list[float], redundant: int, slots: int) -> None:
    counts = instance_counts(load, redundant, slots)
    for expert, count in enumerate(counts):
        for other, own in enumerate(counts):
            if count > 1 and own < slots:
                assert load[expert] / (count - 1) >= load[other] / own - 1e-12
