"""Bytes between GPUs and between nodes."""

import numpy as np
import pytest
from hypothesis import given, settings

from moe_studio.engine.evaluation import evaluate
from moe_studio.engine.traffic_matrix import gpu_traffic, node_traffic
from moe_studio.locator import resource
from moe_studio.project.design import Move
from moe_studio.project.edit import set_value
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project
from tests.unit.engine.strategies import projects


@pytest.fixture(scope="module")
def exchanging() -> Project:
    """Two nodes of eight GPUs, 16 experts, each GPU with its own sequences."""
    project = load_project(resource("examples", "seed0-proposed-dp.moe.yaml"))
    assert not project.is_local
    return project


def test_with_one_expert_on_each_gpu_every_pair_exchanges_the_same(exchanging: Project) -> None:
    evaluation = evaluate(exchanging)
    traffic = gpu_traffic(evaluation, what="dispatch", layers=[0])
    work = exchanging.workload
    rows = work.batch / 16 * work.tokens
    wanted = rows / 16 * exchanging.model.hidden * 2
    away = ~np.eye(16, dtype=bool)
    assert traffic[away] == pytest.approx(wanted)
    assert not traffic[~away].any()


def test_what_goes_out_in_dispatch_comes_back_in_combine(exchanging: Project) -> None:
    evaluation = evaluate(exchanging)
    there, back = (gpu_traffic(evaluation, what=what) for what in ("dispatch", "combine"))
    assert back == pytest.approx(there.T)
    assert gpu_traffic(evaluation) == pytest.approx(there + back)


def test_a_replicated_stage_combines_in_rings() -> None:
    project = load_project(resource("examples", "seed0-proposed.moe.yaml"))
    traffic = gpu_traffic(evaluate(project), what="combine", layers=[0])
    assert not gpu_traffic(evaluate(project), what="dispatch").any()
    assert traffic[0, 1] > 0
    assert traffic[7, 0] > 0
    assert traffic[3, 11] > 0
    assert traffic[0, 2] == traffic[3, 12] == 0


def test_layers_are_chosen(exchanging: Project) -> None:
    evaluation = evaluate(exchanging)
    assert gpu_traffic(evaluation) == pytest.approx(4 * gpu_traffic(evaluation, layers=[2]))
    assert not gpu_traffic(evaluation, layers=[]).any()


def test_an_expert_moved_draws_its_tokens_with_it(exchanging: Project) -> None:
    before = gpu_traffic(evaluate(exchanging), what="dispatch", layers=[0])
    from_here = evaluate(set_value("placement.moves", (Move(expert=5, slots=(13,)),))(exchanging))
    after = gpu_traffic(from_here, what="dispatch", layers=[0])
    assert not after[:, 5].any()
    assert after[0, 13] == pytest.approx(2 * before[0, 13])


@settings(max_examples=60, deadline=None)
@given(projects())
def test_links_carry_what_the_engine_prices(project: Project) -> None:
    """Per GPU the larger of what leaves and what enters it across nodes is the bytes of its link."""
    evaluation = evaluate(project)
    node = np.array(project.cluster.node_of_gpu())
    is_far = node[:, None] != node[None, :]
    for what in ("dispatch", "combine"):
        wanted_far, wanted_near = np.zeros(len(node)), np.zeros(len(node))
        for part in evaluation.graph.parts:
            run = part.body.run_of.get(what)
            if run is not None and run.on_comm:
                wanted_far[part.body.stage.gpu] += part.body.inter_byte[run.rows]
                wanted_near[part.body.stage.gpu] += part.body.intra_byte[run.rows]
        traffic = gpu_traffic(evaluation, what=what)
        far, near = np.where(is_far, traffic, 0.0), np.where(is_far, 0.0, traffic)
        if project.is_local:
            assert far.sum(axis=1) == pytest.approx(wanted_far)
            # The engine prices a ring by its fullest node; a GPU alone on its node has nobody to send to.
            has_mates = near.sum(axis=1) > 0
            assert near.sum(axis=1)[has_mates] == pytest.approx(wanted_near[has_mates])
        elif project.workload.micro_batches == 1 and project.model.layer_count == 1:
            assert np.maximum(far.sum(axis=0), far.sum(axis=1)) == pytest.approx(wanted_far, rel=1e-6)
            assert np.maximum(near.sum(axis=0), near.sum(axis=1)) == pytest.approx(wanted_near, rel=1e-6)
        nodes = node_traffic(evaluation, what=what)
        grouped = np.zeros_like(nodes)
        np.add.at(grouped, (node[:, None].repeat(len(node), 1), node[None, :].repeat(len(node), 0)), traffic)
        assert nodes == pytest.approx(grouped, rel=1e-6, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(projects())
def test_what_a_layer_carries_across_nodes_is_what_nodes_send_to_each_other(project: Project) -> None:
    evaluation = evaluate(project)
    for layer, byte in enumerate(evaluation.cross_node_byte.tolist()):
        matrix = node_traffic(evaluation, layers=[layer])
        assert byte == pytest.approx(matrix.sum() - np.trace(matrix), rel=1e-9, abs=1e-6)


def test_uneven_experts_count_no_byte_twice_across_nodes(exchanging: Project) -> None:
    uneven = set_value("workload.routing.kind", "zipf")(exchanging)
    evaluation = evaluate(uneven)
    matrix = node_traffic(evaluation)
    assert evaluation.cross_node_byte.sum() == pytest.approx(matrix.sum() - np.trace(matrix))
