"""What binds an operator."""

from moe_studio.engine.cost import BOUNDS
from moe_studio.engine.evaluation import evaluate
from moe_studio.project.cluster import Cluster, Device, Link, Links, Node
from moe_studio.project.design import Cost, Parallel, Workload
from moe_studio.project.model import FeedForward, Model
from moe_studio.project.project import Project


def bounds(*, latency_us: float, launch_us: float) -> dict[str, str]:
    """What binds each kind of operator of a dense layer on two GPUs; a link carries 2 MB in 2 µs."""
    device = Device(memory_gb=80, memory_tb_s=1, peak_tflops={"bf16": 1})
    project = Project(
        model=Model(hidden=1024, ffn={"moe": FeedForward(kind="gelu", hidden=4096)}),
        cluster=Cluster(
            nodes=(Node(name="a", gpus=2, device="x"),),
            devices={"x": device},
            links=Links(intra=Link(gb_s=1000, latency_us=latency_us)),
        ),
        parallel=Parallel(tp=2),
        workload=Workload(batch=1, tokens=1024),
        cost=Cost(provider="fixed", launch_us=launch_us),
    )
    evaluation = evaluate(project)
    return {evaluation.graph.kind_name(row): BOUNDS[code] for row, code in enumerate(evaluation.bound.tolist())}


def test_operators_are_bound_by_what_they_need_most() -> None:
    found = bounds(latency_us=0.1, launch_us=0)
    assert (found["ffn_up"], found["ln1"], found["ffn_reduce"]) == ("compute", "memory", "network")


def test_what_more_of_nothing_would_help_is_bound_by_latency() -> None:
    found = bounds(latency_us=2, launch_us=100)
    assert (found["ffn_up"], found["ln1"], found["ffn_reduce"]) == ("compute", "latency", "latency")
