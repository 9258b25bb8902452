"""Snapshots: a project in one piece."""

import json
from dataclasses import replace

import pytest

from moe_studio.errors import FileError
from moe_studio.project.edit import set_value
from moe_studio.storage.catalogue import example_names, example_path
from moe_studio.storage.loader import load_project
from moe_studio.storage.snapshot import project_of, snapshot


@pytest.mark.parametrize("name", example_names())
def test_a_snapshot_gives_the_project_back(name: str) -> None:
    project = load_project(example_path(name))
    assert project_of(json.loads(json.dumps(snapshot(project)))) == project


def test_what_lies_in_other_files_comes_along() -> None:
    project = load_project(example_path("seed0-proposed"))
    counts = tuple(tuple(float(expert + 1) for expert in range(16)) for _ in range(4))
    routing = replace(project.workload.routing, kind="recorded", file="gone.csv", counts=counts)
    project = set_value("workload.routing", routing)(project)
    project = set_value("model", replace(project.model, hf_config="gone.json", warnings=("A guess.",)))(project)
    assert project_of(json.loads(json.dumps(snapshot(project)))) == project


@pytest.mark.parametrize("damage", [{}, {"text": 1}, {"text": "format: 1"}, {"text": "format: 99"}])
def test_a_damaged_snapshot_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(FileError):
        project_of({**snapshot(load_project(example_path("seed1"))), **damage} if damage else {})
