"""The roofline."""

from dataclasses import replace

import numpy as np
import pytest

from moe_studio.document.roofline import roofline
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.graph.operator import OP_NUMBER
from moe_studio.project.edit import set_value
from moe_studio.project.project import Project


@pytest.fixture(scope="module")
def evaluation(small: Project) -> Evaluation:
    return evaluate(small)


def test_points_together_have_the_time_and_number_of_all_operators_that_do_arithmetic(evaluation: Evaluation) -> None:
    shown, graph = roofline(evaluation), evaluation.graph
    computes = (graph.column("flop") > 0) & (graph.column("byte") > 0)
    assert shown.count.sum() == computes.sum()
    assert shown.seconds.sum() == pytest.approx(evaluation.duration_s[computes].sum())


def test_a_point_is_where_its_operator_says(evaluation: Evaluation) -> None:
    shown, graph = roofline(evaluation), evaluation.graph
    for point, row in enumerate(shown.row.tolist()):
        flop, byte = graph.column("flop")[row], graph.column("byte")[row]
        assert shown.intensity[point] == pytest.approx(flop / byte)
        assert shown.rate[point] == pytest.approx(flop / evaluation.duration_s[row])
        assert graph.kind_name(row) in shown.name(point).split(", ")


def test_no_point_is_above_its_roof(evaluation: Evaluation) -> None:
    shown = roofline(evaluation)
    (roof,) = shown.roofs
    assert (roof.dtype, roof.peak_flop_s, roof.memory_byte_s) == ("bf16", 900e12, 3e12)
    best = np.minimum(roof.peak_flop_s * roof.reach[0], roof.memory_byte_s * roof.reach[1] * shown.intensity)
    assert (shown.rate <= best * (1 + 1e-9)).all()
    assert roof.ridge == pytest.approx(300.0)


def mixed(project: Project) -> Project:
    """``project`` with another kind of GPU in its last node, half as fast in all."""
    cluster = project.cluster
    whole = cluster.device(cluster.nodes[0].device)
    peaks = {name: peak / 2 for name, peak in whole.peak_tflops.items()}
    slow = replace(whole, title="", peak_tflops=peaks, memory_tb_s=whole.memory_tb_s / 2)
    nodes = (*cluster.nodes[:-1], replace(cluster.nodes[-1], device="slow"))
    return replace(project, cluster=replace(cluster, nodes=nodes, devices={**cluster.devices, "slow": slow}))


def test_every_point_is_under_the_roof_of_its_own_gpu_and_data_type(small: Project) -> None:
    project = mixed(small)
    evaluation = evaluate(project)
    shown, graph = roofline(evaluation), evaluation.graph
    assert len(shown.roofs) == 2
    homes = project.cluster.node_of_gpu()
    for point, row in enumerate(shown.row.tolist()):
        name = project.cluster.nodes[homes[int(graph.gpu[row])]].device
        roof = shown.roofs[shown.roof[point]]
        assert roof.device in (name, project.cluster.device(name).title)
        assert roof.dtype == "bf16"
        best = min(roof.peak_flop_s * roof.reach[0], roof.memory_byte_s * roof.reach[1] * shown.intensity[point])
        assert shown.rate[point] <= best * (1 + 1e-9)


def test_alike_operators_are_one_point_and_uneven_ones_are_not(small: Project) -> None:
    even = roofline(evaluate(small))
    ups = np.flatnonzero(even.kinds >> OP_NUMBER["up"] & 1)
    assert len(ups) == 1
    uneven = roofline(evaluate(set_value("workload.routing.kind", "zipf")(small)))
    assert len(np.flatnonzero(uneven.kinds >> OP_NUMBER["up"] & 1)) > 1
    assert uneven.count.sum() == even.count.sum()


def test_it_does_not_depend_on_what_was_asked_before(small: Project) -> None:
    first = roofline(evaluate(small))
    roofline(evaluate(set_value("workload.batch", 128)(small)))
    again = roofline(evaluate(small))
    for name in ("intensity", "rate", "seconds", "count", "row"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
