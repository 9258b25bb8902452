"""A small project that the tests of this folder edit."""

import pytest

from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Parallel, Workload
from moe_studio.project.model import Attention, Block, FeedForward, Model
from moe_studio.project.project import Project


@pytest.fixture(scope="session")
def small() -> Project:
    """Two nodes of four GPUs, two replicas of two stages, two layers each, four experts in slots of one GPU."""
    return Project(
        name="Small",
        model=Model(
            hidden=256,
            attention=Attention(heads=8, head_dim=32),
            ffn={"moe": FeedForward(kind="swiglu", hidden=512, experts=4, top_k=2)},
            blocks=(Block(repeat=4),),
        ),
        cluster=Cluster(
            nodes=(Node(name="left", gpus=4, device="own"), Node(name="right", gpus=4, device="own")),
            devices={"own": Device(memory_gb=80, memory_tb_s=3.0, peak_tflops={"bf16": 900})},
        ),
        parallel=Parallel(dp=2, pp=2, ep=2),
        workload=Workload(batch=64, tokens=128),
    )
