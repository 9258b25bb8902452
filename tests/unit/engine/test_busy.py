"""Waiting of GPUs: what is left when the times of all operators are laid over each other."""

import numpy as np
from hypothesis import given, settings

from moe_studio.engine.evaluation import evaluate
from moe_studio.project.project import Project
from tests.unit.engine.strategies import projects


@given(projects())
@settings(max_examples=40)
def test_a_gpu_waits_when_none_of_its_operators_runs(project: Project) -> None:
    evaluation = evaluate(project)
    for gpu, idle_s in enumerate(evaluation.idle_s.tolist()):
        rows = np.flatnonzero(evaluation.graph.gpu == gpu)
        busy_s, until_s = 0.0, 0.0
        for start, finish in sorted(zip(evaluation.start_s[rows], evaluation.finish_s[rows], strict=True)):
            busy_s += max(0.0, finish - max(start, until_s))
            until_s = max(until_s, finish)
        latency = evaluation.metrics.latency_s
        assert abs(latency - busy_s - idle_s) <= 1e-9 * latency
