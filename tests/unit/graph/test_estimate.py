"""The size of a graph before it is built."""

from dataclasses import replace

import pytest
from hypothesis import given

from moe_studio.engine.evaluation import evaluate
from moe_studio.errors import ProjectError
from moe_studio.graph.estimate import operator_estimate
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Parallel, Placement, Workload
from moe_studio.project.model import Attention, Block, FeedForward, Model
from moe_studio.project.project import Project
from tests.unit.engine.strategies import projects


@given(projects())
def test_the_estimate_is_exact_without_moves_and_never_too_low(project: Project) -> None:
    assert len(evaluate(project).graph) <= operator_estimate(project)
    if project.placement.policy != "explicit":
        plain = replace(project, placement=Placement(policy=project.placement.policy))
        assert len(evaluate(plain).graph) == operator_estimate(plain)


def test_a_design_of_more_than_ten_million_operators_is_refused() -> None:
    latent = Attention(kind="mla", heads=8, q_lora=8, kv_lora=8, qk_nope=8, qk_rope=8, v_dim=8)
    node = Node(name="a", gpus=4096, device="x")
    device = Device(memory_gb=80, memory_tb_s=3, peak_tflops={"bf16": 900})
    project = Project(
        model=Model(
            hidden=64,
            attention=latent,
            ffn={"moe": FeedForward(hidden=8, experts=256, shared=1)},
            blocks=(Block(repeat=61, ffn="moe"),),
        ),
        cluster=Cluster(nodes=(node,), devices={"x": device}),
        parallel=Parallel(ep=256),
        workload=Workload(phase="decode", batch=8192, context=8, micro_batches=2),
    )
    with pytest.raises(ProjectError, match="about 13,"):
        evaluate(project)
