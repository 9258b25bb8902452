"""GPUs on which a drop means the same."""

from collections import defaultdict

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from moe_studio.document.alike import drop_keys
from moe_studio.document.document import Document
from moe_studio.document.placing import drop_set, gpu_place, grabbed, hosted_experts
from moe_studio.locator import resource
from moe_studio.project.project import Project
from moe_studio.storage.loader import load_project
from tests.unit.engine.strategies import projects


@settings(max_examples=80, deadline=None)
@given(projects(), st.data())
def test_drops_on_alike_gpus_give_equal_figures(project: Project, data: st.DataObject) -> None:
    held = hosted_experts(project, None)
    homes = [(expert, gpu) for gpu, experts in enumerate(held) for expert in experts]
    assume(homes)
    expert, gpu = data.draw(st.sampled_from(homes))
    is_copy, is_one = data.draw(st.booleans()), data.draw(st.booleans())
    grab = grabbed(project, expert, gpu, None)
    place = gpu_place(project, gpu)
    first = gpu - place.position
    keys = drop_keys(project, [grab], range(first, first + project.width))
    document = Document(project)
    found = defaultdict(list)
    for target, key in keys.items():
        drop = drop_set(project, [grab], target, is_copy=is_copy, is_one_replica=is_one)
        effect = document.effect(drop.edit, target)
        found[key].append((effect.latency_s, effect.memory_byte, effect.cross_node_byte))
    for figures in found.values():
        for other in figures[1:]:
            assert other == pytest.approx(figures[0], rel=1e-9, abs=1e-3)


def test_few_evaluations_answer_for_many_gpus() -> None:
    project = load_project(resource("examples", "seed3.moe.yaml"))
    grab = grabbed(project, 5, 5, None)
    keys = drop_keys(project, [grab], [gpu for gpu in range(64) if gpu != 5])
    assert len(set(keys.values())) == 8
    assert keys[8] == keys[15] != keys[16]
