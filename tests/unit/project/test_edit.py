"""Edits of placements: what they change, and that they leave nothing behind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.errors import ProjectError
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Move, Parallel, Placement, Workload, layer_ranges, layers_text
from moe_studio.project.edit import (
    expert_slots,
    in_order,
    move_expert,
    place_expert,
    remove_instance,
    replicate_expert,
    set_all,
    set_value,
    swap_experts,
)
from moe_studio.project.instance import layer_instances, policy_slots
from moe_studio.project.model import Block, FeedForward, Model
from moe_studio.project.project import Project
from tests.unit.project.placed import slots_of

LAYERS = range(4)


def project(policy: str = "contiguous", **parallel: int) -> Project:
    """Four layers, the first dense, of eight experts on eight GPUs."""
    return Project(
        model=Model(
            hidden=64,
            ffn={"dense": FeedForward(hidden=64), "moe": FeedForward(hidden=64, experts=8, top_k=2)},
            blocks=(Block(ffn="dense"), Block(repeat=3, ffn="moe")),
        ),
        cluster=Cluster(
            nodes=(Node(name="a", device="x"),),
            devices={"x": Device(memory_gb=1, memory_tb_s=1, peak_tflops={"bf16": 1})},
        ),
        parallel=Parallel(**({"ep": 8} | parallel)),
        workload=Workload(batch=8, tokens=8),
        placement=Placement(policy=policy),
    )


moves = st.tuples(st.integers(0, 7), st.integers(0, 7), st.lists(st.integers(1, 3), min_size=1, unique=True))


@given(st.lists(moves, max_size=8))
def test_moving_experts_and_back_leaves_no_trace(steps: list[tuple[int, int, list[int]]]) -> None:
    start = project()
    moved = start
    for expert, target, layers in steps:
        moved = place_expert(expert, [target], layers=layers)(moved)
    for expert in {expert for expert, _, _ in steps}:
        moved = place_expert(expert, [expert], layers=LAYERS)(moved)
    assert moved == start


@given(st.lists(moves, max_size=8))
def test_the_moves_say_what_was_done(steps: list[tuple[int, int, list[int]]]) -> None:
    table = {(layer, x): (x,) for layer in range(1, 4) for x in range(8)}
    edited = project()
    for expert, target, layers in steps:
        edited = place_expert(expert, [target], layers=layers)(edited)
        table.update({(layer, expert): (target,) for layer in layers})
    assert {(layer, x): s for layer in range(1, 4) for x, s in slots_of(edited, layer, 0).items()} == table
    assert {(layer, x): expert_slots(edited, x)[layer, 0] for layer, x in table} == table


def test_two_experts_change_places() -> None:
    swapped = swap_experts((1, 1), (6, 6), layers=[2])(project())
    assert slots_of(swapped, 2, 0) | {1: (6,), 6: (1,)} == slots_of(swapped, 2, 0)
    assert slots_of(swapped, 1, 0)[1] == (1,)


def test_an_instance_is_added_and_removed() -> None:
    twice = replicate_expert(3, 7, layers=LAYERS)(project())
    assert twice.placement.moves == (Move(expert=3, slots=(3, 7)),)
    assert remove_instance(3, 7, layers=LAYERS)(twice) == project()
    assert remove_instance(3, 3, layers=LAYERS)(project()) == project()


def test_one_replica_may_differ() -> None:
    edited = place_expert(0, [3], layers=[1], replica=1)(project(dp=2, ep=4))
    assert edited.placement.moves == (Move(layers="1", expert=0, slots=(3,), replica=1),)
    assert slots_of(edited, 1, 0)[0] == (0,)
    assert slots_of(edited, 1, 1)[0] == (3,)


def test_other_experts_moves_stay_as_they_were_written() -> None:
    written = (Move(layers="1-3", expert=2, slots=(5,)), Move(layers="1", expert=4, slots=(0,)))
    start = set_value("placement", Placement(moves=written))(project())
    edited = move_expert(4, 0, 6, layers=[1])(start)
    assert edited.placement.moves == (written[0], Move(layers="1", expert=4, slots=(6,)))


@pytest.mark.parametrize(
    ("policy", "slots"), [("contiguous", [(0, 2), (0, 2), (1, 3), (1, 3)]), ("round-robin", [(0, 2), (1, 3)] * 2)]
)
def test_policies_place_every_copy(policy: str, slots: list[tuple[int, ...]]) -> None:
    assert [policy_slots(policy, expert, 4, 2, 4) for expert in range(4)] == slots


def test_layers_placed_alike_share_one_object() -> None:
    first, *others = [item for item in layer_instances(project()) if item is not None]
    assert all(item is first for item in others)


@given(st.sets(st.integers(0, 60)))
def test_layer_text_reads_back(layers: set[int]) -> None:
    ranges = layer_ranges(layers_text(sorted(layers)))
    assert {layer for low, high in ranges for layer in range(low, high + 1)} == layers


@pytest.mark.parametrize("text", ["a", "3-1", "1,,2", "-1", "1-", "9999"])
def test_layer_text_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ProjectError, match="layers"):
        layer_ranges(text)


def test_a_setting_is_changed_by_its_path() -> None:
    edited = in_order(set_value("parallel.ep", 4), set_value("cluster.nodes[0].name", "b"))(project())
    assert (edited.parallel.ep, edited.cluster.nodes[0].name) == (4, "b")
    with pytest.raises(ProjectError, match=r"no setting parallel\.xp"):
        set_value("parallel.xp", 4)(project())


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("parallel.tp", 3, "parallel.tp: must divide the 8 GPUs"),
        ("parallel.dp", 3, "must be divisible by dp"),
        ("parallel.pp", 8, "at most the number of layers"),
        ("parallel.ep", 3, r"ep · etp = 3 must divide"),
        ("workload.batch", 0, "workload.batch must be at least 1"),
        ("cost.compute", float("nan"), "finite"),
    ],
)
def test_what_contradicts_itself_is_refused_with_a_sentence(path: str, value: float, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        set_value(path, value)(project())


def test_one_gpu_is_no_plural_in_a_refusal() -> None:
    alone = set_all({("cluster", "nodes", "0", "gpus"): 1, ("parallel", "ep"): 1})(project())
    for path, message in (("parallel.dp", r"the 1 GPU must be"), ("parallel.tp", r"the 1 GPU of a stage")):
        with pytest.raises(ProjectError, match=message):
            set_value(path, 2)(alone)
