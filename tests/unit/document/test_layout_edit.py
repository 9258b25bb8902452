"""Laying a cluster out by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moe_studio.document.arrange_edit import align_nodes, distribute_nodes, move_nodes, tidy_nodes
from moe_studio.document.fitting import fitting_strategy
from moe_studio.document.layout_change import LayoutChange
from moe_studio.document.layout_edit import (
    LAST,
    add_gpus,
    add_node,
    duplicate_gpus,
    duplicate_nodes,
    move_gpus,
    remove_gpus,
    remove_nodes,
    set_device,
    set_gpus,
    use_preset,
)
from moe_studio.document.network_edit import add_rack, move_to_rack, set_tier
from moe_studio.document.node_place import free_place, from_origin, places
from moe_studio.engine.evaluation import evaluate
from moe_studio.errors import ProjectError
from moe_studio.locator import resource
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.design import Move, Parallel, Placement
from moe_studio.project.edit import set_value
from moe_studio.project.project import Project, design_faults
from moe_studio.storage.catalogue import load_device
from moe_studio.storage.loader import load_project
from moe_studio.storage.writer import save_project


@pytest.fixture(scope="module")
def sixteen() -> Project:
    """Two nodes of eight GPUs and 16 experts, one replica, EP 16."""
    return load_project(resource("examples", "seed0-proposed-dp.moe.yaml"))


@pytest.fixture(scope="module")
def large() -> Project:
    """16 nodes of eight GPUs, two replicas of 64."""
    return load_project(resource("examples", "seed3.moe.yaml"))


def test_a_new_node_gets_a_free_name_and_place(sixteen: Project) -> None:
    change = add_node(sixteen, "h200-sxm", 16)
    after = change.edit(sixteen)
    assert change.label == "Add node2 with 16 GPUs"
    assert change.note == ""
    assert after.cluster.nodes[2] == Node(name="node2", gpus=16, device="h200-sxm", at=(0.0, 1.0))
    assert after.parallel == sixteen.parallel


def test_a_node_that_does_not_divide_fits_the_experts_in_the_same_step(sixteen: Project) -> None:
    change = add_node(sixteen, "h100-sxm", 8)
    after = change.edit(sixteen)
    assert after.cluster.gpu_count == 24
    assert after.parallel == replace(sixteen.parallel, ep=8)
    assert change.note == "24 GPUs now, so this was changed too: ep 16 → 8."


def test_replicas_grow_and_shrink_with_the_nodes(large: Project) -> None:
    assert fitting_strategy(large, 192) == replace(large.parallel, dp=3)
    assert fitting_strategy(large, 64) == replace(large.parallel, dp=1)
    assert fitting_strategy(large, 128) is large.parallel


def test_removing_and_adding_again_leaves_the_strategy(large: Project) -> None:
    fewer = remove_nodes(large, range(8, 16))
    assert fewer.label == "Remove 8 nodes"
    assert fewer.note == "64 GPUs now, so this was changed too: dp 2 → 1."
    project = fewer.edit(large)
    assert [node.name for node in project.cluster.nodes] == [f"node{number}" for number in range(8)]


def test_moves_of_experts_that_have_no_slot_any_more_are_dropped_and_told(sixteen: Project) -> None:
    project = set_value("placement.moves", (Move(expert=5, slots=(13,)), Move(expert=3, slots=(1,))))(sixteen)
    change = remove_nodes(project, [1])
    after = change.edit(project)
    assert after.placement.moves == (Move(expert=3, slots=(1,)),)
    assert change.note == "8 GPUs now, so this was changed too: ep 16 → 8, 1 move of experts that no longer fit."


def test_an_explicit_placement_keeps_every_expert(sixteen: Project) -> None:
    moves = tuple(Move(expert=expert, slots=(expert,)) for expert in range(16))
    project = replace(sixteen, placement=Placement(policy="explicit", moves=moves))
    after = remove_nodes(project, [0]).edit(project)
    assert {move.expert: move.slots for move in after.placement.moves}[13] == (5,)
    assert len(after.placement.moves) == 16


def test_the_last_node_stays(sixteen: Project) -> None:
    with pytest.raises(ProjectError, match="at least one node"):
        remove_nodes(sixteen, [0, 1])
    with pytest.raises(ProjectError, match="remove the node instead"):
        set_gpus(sixteen, [0], 0)


def test_single_gpus_come_go_and_change_nodes(sixteen: Project) -> None:
    assert [node.gpus for node in add_gpus(sixteen, 1).edit(sixteen).cluster.nodes] == [8, 9]
    fewer = remove_gpus(sixteen, [0, 9, 10])
    assert fewer.label == "Remove 3 GPUs"
    assert [node.gpus for node in fewer.edit(sixteen).cluster.nodes] == [7, 6]
    moved = move_gpus(sixteen, [3, 12], 1)
    assert moved.label == "Move 2 GPUs to node1"
    assert [node.gpus for node in moved.edit(sixteen).cluster.nodes] == [7, 9]
    assert moved.note == ""
    emptied = move_gpus(sixteen, range(8), 1).edit(sixteen)
    assert [(node.name, node.gpus) for node in emptied.cluster.nodes] == [("node1", 16)]
    with pytest.raises(ProjectError, match="at least one node"):
        remove_gpus(sixteen, range(16))


def test_copies_stand_beside_their_originals(sixteen: Project) -> None:
    change = duplicate_nodes(sixteen, [0, 1])
    nodes = change.edit(sixteen).cluster.nodes
    assert change.label == "Duplicate node0 and node1"
    assert [node.name for node in nodes] == ["node0", "node1", "node2", "node3"]
    assert len({node.at for node in nodes}) == 4


def test_another_device_comes_from_the_catalogue(sixteen: Project) -> None:
    change = set_device(sixteen, [1], "b200")
    after = change.edit(sixteen)
    assert [node.device for node in after.cluster.nodes] == [sixteen.cluster.nodes[0].device, "b200"]
    assert after.cluster.device("b200").memory_gb > 100
    assert change.label.endswith("in node1")


def test_gpus_are_duplicated_in_their_nodes(sixteen: Project) -> None:
    change = duplicate_gpus(sixteen, [0, 1, 9])
    assert [node.gpus for node in change.edit(sixteen).cluster.nodes] == [10, 9]
    assert change.label == "Duplicate 3 GPUs"


def test_another_number_of_gpus_is_fitted(sixteen: Project) -> None:
    change = set_gpus(sixteen, [0, 1], 4)
    assert change.edit(sixteen).cluster.gpu_count == 8
    assert "ep 16 → 8" in change.note


def test_nodes_are_moved_as_far_as_one_says_and_never_onto_each_other(sixteen: Project) -> None:
    after = move_nodes(sixteen, [1], (0.1, 1.4)).edit(sixteen)
    assert after.cluster.nodes[1].at == (sixteen.cluster.nodes[1].at[0] + 0.1, sixteen.cluster.nodes[1].at[1] + 1.4)
    onto = move_nodes(sixteen, [1], (0, -1)).edit(sixteen).cluster
    first, second = (node.at for node in onto.nodes)
    assert max(abs(first[0] - second[0]), abs(first[1] - second[1])) >= 1


def test_dragging_to_the_left_of_all_moves_the_origin(sixteen: Project) -> None:
    after = move_nodes(sixteen, [1], (-3, 0)).edit(sixteen)
    assert min(node.at[0] for node in after.cluster.nodes) == 0
    assert after.parallel is sixteen.parallel


def test_nodes_are_aligned_and_arranged(large: Project) -> None:
    after = align_nodes(large, [0, 5, 10], "row").edit(large)
    assert [after.cluster.nodes[number].at[1] for number in (0, 5, 10)] == [0, 0, 0]
    spots = places(after.cluster)
    assert all(max(abs(a[0] - b[0]), abs(a[1] - b[1])) >= 1 for index, a in enumerate(spots) for b in spots[:index])
    assert all(node.at == () for node in tidy_nodes(large).edit(large).cluster.nodes)


def test_places_are_written_as_a_person_would() -> None:
    nodes = (Node(name="a", at=(-0.7, 0.0)), Node(name="b", at=(0.2, 1.0)))
    assert [node.at for node in from_origin(nodes)] == [(0.0, 0.0), (0.9, 1.0)]


def test_racks_are_in_the_names(large: Project) -> None:
    after = move_to_rack(large, [0, 1]).edit(large)
    assert [node.name for node in after.cluster.nodes[:3]] == ["rack0/node0", "rack0/node1", "node2"]
    assert after.cluster.nodes[0].rack == "rack0"
    assert move_to_rack(after, [2]).edit(after).cluster.nodes[2].name == "rack1/node2"


def test_nodes_go_into_a_rack_and_out_of_it(large: Project) -> None:
    racked = move_to_rack(large, [0, 1]).edit(large)
    joined = move_to_rack(racked, [5], "rack0").edit(racked)
    assert [node.name for node in joined.cluster.nodes if node.rack] == ["rack0/node0", "rack0/node1", "rack0/node5"]
    assert move_to_rack(joined, [0, 1, 5], "").edit(joined) == large


def test_a_name_that_a_rack_has_already_gets_a_number(sixteen: Project) -> None:
    nodes = (Node(name="rack0/node1", gpus=8, device="seed-64g"), Node(name="rack1/node1", gpus=8, device="seed-64g"))
    project = replace(sixteen, cluster=replace(sixteen.cluster, nodes=nodes))
    after = move_to_rack(project, [1], "rack0").edit(project)
    assert [node.name for node in after.cluster.nodes] == ["rack0/node1", "rack0/node1-2"]


def test_another_rack_is_like_the_last_one(large: Project) -> None:
    racked = move_to_rack(large, [14, 15]).edit(large)
    after = add_rack(racked).edit(racked).cluster
    assert [node.name for node in after.nodes[16:]] == ["rack1/node0", "rack1/node1"]
    assert after.nodes[16].gpus == racked.cluster.nodes[15].gpus
    assert [node.name for node in add_rack(large).edit(large).cluster.nodes[16:]] == ["rack0/node0"]


def test_racks_with_links_as_between_nodes_cost_nothing_and_slower_ones_cost(large: Project) -> None:
    racked = move_to_rack(large, range(8)).edit(large)
    tier = set_tier(racked, "rack", large.cluster.links.inter.gb_s).edit(racked)
    assert evaluate(tier).metrics.latency_s == evaluate(large).metrics.latency_s
    slower = set_tier(tier, "inter", 10.0).edit(tier)
    assert evaluate(slower).metrics.latency_s > evaluate(tier).metrics.latency_s
    assert set_tier(slower, "rack", None).edit(slower).cluster.links.rack is None
    with pytest.raises(ProjectError, match="need a bandwidth"):
        set_tier(slower, "inter", None)


def test_nodes_are_distributed_with_equal_steps_and_the_ends_stay(large: Project) -> None:
    moved = move_nodes(large, [1], (0.3, 4)).edit(large)
    after = distribute_nodes(moved, [0, 1, 3], "row").edit(moved)
    assert [after.cluster.nodes[number].at[0] for number in (0, 1, 3)] == [0, 1.5, 3]
    assert after.cluster.nodes[1].at[1] == moved.cluster.nodes[1].at[1]
    with pytest.raises(ProjectError, match="three nodes"):
        distribute_nodes(large, [0, 1], "row")


def test_a_node_added_where_no_places_are_given_leaves_them_to_the_canvas(sixteen: Project) -> None:
    loose = tidy_nodes(sixteen).edit(sixteen)
    assert all(node.at == () for node in add_node(loose).edit(loose).cluster.nodes)
    assert all(node.at == () for node in duplicate_nodes(loose, [0]).edit(loose).cluster.nodes)


def test_racks_stand_side_by_side() -> None:
    nodes = tuple(Node(name=f"rack{rack}/node{number}", gpus=1) for rack in range(2) for number in range(3))
    cluster = Cluster(nodes=nodes, catalogue={}, devices={"h100-sxm": load_device("h100-sxm")})
    assert places(cluster) == ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2))


def test_a_preset_brings_its_nodes_and_links(sixteen: Project) -> None:
    change = use_preset(sixteen, "dgx-h200-4")
    after = change.edit(sixteen)
    assert after.cluster.gpu_count == 32
    assert after.cluster.nodes[0].device == "h200-sxm"


def test_the_nearest_free_place_is_found() -> None:
    assert free_place([(0, 0), (1, 0)], (1, 0)) in {(2.0, 0.0), (1.0, 1.0)}
    assert free_place([(2, 1)], (2.2, 0.9)) == (3.0, 1.0)
    assert free_place([], (2.2, 0.9)) == (2.2, 0.9)


GPUS, STEPS = st.sampled_from((1, 2, 3, 4, 8, 72)), st.floats(-3, 3)
CHANGES: tuple[Callable[[Project, set[int], st.DataObject], LayoutChange], ...] = (
    lambda project, chosen, data: add_node(project, "h100-sxm", data.draw(GPUS)),
    lambda project, chosen, data: duplicate_nodes(project, chosen),
    lambda project, chosen, data: set_gpus(project, chosen, data.draw(GPUS)),
    lambda project, chosen, data: move_nodes(project, chosen, (data.draw(STEPS), data.draw(STEPS))),
    lambda project, chosen, data: remove_nodes(project, chosen),
    lambda project, chosen, data: move_to_rack(project, chosen),
    lambda project, chosen, data: add_rack(project),
    lambda project, chosen, data: set_tier(project, "rack", data.draw(st.floats(1, 900))),
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_done_to_the_nodes_the_design_stays_valid(data: st.DataObject) -> None:
    project = load_project(
        resource("examples", data.draw(st.sampled_from(("seed3", "seed0-baseline", "seed1"))) + ".moe.yaml")
    )
    for _ in range(data.draw(st.integers(1, 3))):
        count = len(project.cluster.nodes)
        chosen = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=count))
        try:
            project = data.draw(st.sampled_from(CHANGES))(project, chosen, data).edit(project)
        except ProjectError as error:
            assert "operators" in str(error) or str(error) == LAST  # too large, or nothing left
        assert design_faults(project) == []
        spots = places(project.cluster)
        assert len(set(spots)) == len(spots)


def test_tensor_and_pipeline_degrees_change_last(large: Project) -> None:
    project = replace(large, parallel=Parallel(dp=2, pp=1, tp=2, ep=64))
    assert fitting_strategy(project, 120).tp == 2
    assert fitting_strategy(project, 7).tp == 1


@pytest.mark.parametrize("name", ["seed0-proposed", "seed3"])
def test_racks_and_tiers_are_saved_and_read_again(name: str, tmp_path: Path) -> None:
    path = tmp_path / "design.moe.yaml"
    path.write_bytes(resource("examples", f"{name}.moe.yaml").read_bytes())
    project = load_project(path)
    racked = move_to_rack(project, [0, 1]).edit(project)
    racked = set_tier(racked, "rack", 100.0).edit(racked)
    racked = set_value("cluster.links.inter.oversubscription", 2.0)(racked)
    save_project(path, racked)
    assert load_project(path) == racked
    assert "oversubscription: 2" in path.read_text(encoding="utf-8")
    save_project(path, project)
    assert load_project(path) == project
