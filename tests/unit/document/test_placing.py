"""Picking up experts and putting them down."""

from dataclasses import replace

import pytest

from moe_studio.document.placing import Grab, drop_of, gpu_place, grabbed, hosted_experts, layers_phrase
from moe_studio.errors import ProjectError
from moe_studio.project.design import Parallel
from moe_studio.project.edit import expert_slots
from moe_studio.project.project import Project


def test_gpus_are_numbered_by_replica_then_stage_then_position(small: Project) -> None:
    assert [gpu_place(small, gpu).text for gpu in (0, 1, 2, 5, 7)] == [
        "r0 s0 p0",
        "r0 s0 p1",
        "r0 s1 p0",
        "r1 s0 p1",
        "r1 s1 p1",
    ]


def test_an_expert_is_picked_up_in_the_layers_of_its_stage(small: Project) -> None:
    assert grabbed(small, 0, 0, None) == Grab(expert=0, gpu=0, layers=(0, 1))
    assert grabbed(small, 0, 2, None).layers == (2, 3)
    assert grabbed(small, 0, 2, 3).layers == (3,)
    with pytest.raises(ProjectError, match="GPU 1 does not hold expert 0"):
        grabbed(small, 0, 1, None)


def test_a_drop_moves_the_expert_in_every_replica(small: Project) -> None:
    drop = drop_of(small, grabbed(small, 0, 0, None), 5)
    assert drop.label == "Move expert 0 to GPU 5, layers 0–1, 2 replicas"
    assert expert_slots(drop.edit(small), 0) == {
        (layer, replica): ((1,) if layer < 2 else (0,)) for layer in range(4) for replica in range(2)
    }


def test_a_drop_on_another_stage_is_refused_in_words(small: Project) -> None:
    with pytest.raises(ProjectError, match="GPU 3 computes stage 1; layers 0–1 belong to stage 0"):
        drop_of(small, grabbed(small, 0, 0, None), 3)


def test_a_swap_lets_both_change_places(small: Project) -> None:
    drop = drop_of(small, grabbed(small, 0, 0, 0), 1, mode="swap", other=2)
    after = drop.edit(small)
    assert hosted_experts(after, 0)[:2] == ({1: 1, 2: 1}, {0: 1, 3: 1})
    assert hosted_experts(after, 1)[:2] == ({0: 1, 1: 1}, {2: 1, 3: 1})


def test_a_replica_of_an_expert_stands_on_both_gpus(small: Project) -> None:
    after = drop_of(small, grabbed(small, 0, 0, None), 1, mode="replicate").edit(small)
    assert hosted_experts(after, None)[:2] == ({0: 2, 1: 2}, {0: 2, 2: 2, 3: 2})


def test_every_gpu_of_a_slot_holds_its_expert(small: Project) -> None:
    wide = replace(small, parallel=Parallel(ep=2, etp=4))
    assert hosted_experts(wide, None) == ({0: 4, 1: 4},) * 4 + ({2: 4, 3: 4},) * 4


def test_layers_are_named_as_a_person_would() -> None:
    assert layers_phrase((4,)) == "layer 4"
    assert layers_phrase((0, 1, 2, 5)) == "layers 0–2,5"
