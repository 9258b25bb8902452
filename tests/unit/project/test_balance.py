"""Experts placed by their load."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.errors import ProjectError
from moe_studio.project.balance import instance_counts, packed, with_redundant
from moe_studio.project.design import Placement
from moe_studio.project.edit import move_expert, reset_placement, set_value
from moe_studio.project.instance import policy_slots
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project
from tests.unit.project.placed import slots_of

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


@pytest.fixture(scope="module")
def placed() -> Project:
    """Sixteen experts and eight copies of the busiest on sixteen GPUs."""
    skewed = set_value("workload.routing.kind", "zipf")(load_project(example_path("seed0-proposed-dp")))
    return set_value("placement", Placement(policy="balanced", redundant=8))(skewed)


def test_each_layer_is_placed_by_its_own_load(placed: Project) -> None:
    layers = [slots_of(placed, layer, 0) for layer in range(placed.model.layer_count)]
    assert all(sum(map(len, slots.values())) == 24 for slots in layers)
    assert layers[0] != layers[1]


def test_an_expert_that_is_moved_and_moved_back_has_no_move_left(placed: Project) -> None:
    slot = slots_of(placed, 0, 0)[3][0]
    free = next(number for number in range(16) if number not in slots_of(placed, 0, 0)[3])
    moved = move_expert(3, slot, free, layers=[0])(placed)
    assert len(moved.placement.moves) == 1
    assert move_expert(3, free, slot, layers=[0])(moved) == placed


def test_resetting_keeps_redundant_experts(placed: Project) -> None:
    moved = move_expert(3, slots_of(placed, 0, 0)[3][0], 15, layers=[0])(placed)
    assert reset_placement("balanced")(moved) == placed
    assert reset_placement("explicit")(moved).placement == Placement(policy="explicit")


def test_redundant_experts_need_a_policy_that_places_them(placed: Project) -> None:
    with pytest.raises(ProjectError, match=r"placement.redundant: must be 0 with policy explicit"):
        set_value("placement.policy", "explicit")(placed)


def test_loads_that_differ_in_their_last_bits_alone_are_equal() -> None:
    assert packed([0.9999999999999999, 1.0, 1.0], 0, 2) == packed([1.0, 1.0, 1.0], 0, 2)


@pytest.mark.parametrize("policy", ["contiguous", "round-robin"])
@pytest.mark.parametrize(("experts", "slots"), [(16, 4), (256, 32), (16, 8)])
def test_copies_of_equal_experts_leave_all_slots_alike(policy: str, experts: int, slots: int) -> None:
    homes = [policy_slots(policy, expert, experts, slots, slots) for expert in range(experts)]
    for redundant in (0, slots, 2 * slots):
        found = with_redundant([1.0] * experts, homes, redundant, slots)
        held = [sum(slot in own for own in found) for slot in range(slots)]
        spent = [sum(1 / len(own) for own in found if slot in own) for slot in range(slots)]
        assert held == [(experts + redundant) // slots] * slots
        assert spent == pytest.approx([experts / slots] * slots)
