"""References: what can be pinned, and its first figures."""

import pickle
from pathlib import Path
from shutil import copy

import pytest

from moe_studio.document.document import Document
from moe_studio.document.reference import headline, pinned_example, pinned_file, pinned_state, project_headline
from moe_studio.engine.evaluation import evaluate
from moe_studio.errors import FileError
from moe_studio.project.edit import move_expert, rename
from moe_studio.storage.catalogue import example_path
from moe_studio.storage.loader import load_project


def test_the_state_in_force_is_pinned_and_stays_what_it_was() -> None:
    document = Document(load_project(example_path("seed0-proposed-dp")))
    pinned = pinned_state(document.history)
    document.commit("Move", move_expert(5, 5, 13, layers=(0,)))
    assert pinned.project is document.history.entries[0].project
    assert pinned.project is not document.history.current
    assert pinned.detail == "state 1, New"
    assert pinned_state(document.history).project is document.history.current


def test_any_state_of_the_history_can_be_pinned() -> None:
    document = Document(load_project(example_path("seed0-proposed-dp")))
    document.commit("Rename", rename("Another"))
    assert pinned_state(document.history, 0).title == "Seed 0 proposed, EP16, data-parallel attention – state 1, New"
    assert pinned_state(document.history, 1).title == "Another – state 2, Rename"


def test_an_example_and_a_file_with_the_same_design_are_the_same_reference(tmp_path: Path) -> None:
    path = Path(copy(example_path("seed3"), tmp_path / "mine.moe.yaml"))
    example, file = pinned_example("seed3"), pinned_file(path)
    assert example.project == file.project
    assert (example.source, file.source) == ("example", "file")
    assert file.path == path
    assert file.detail == "mine.moe.yaml"


def test_a_broken_file_is_refused_with_its_fault(tmp_path: Path) -> None:
    path = tmp_path / "broken.moe.yaml"
    path.write_text("format: 1\nmodle: {}\n")
    with pytest.raises(FileError, match="modle"):
        pinned_file(path)


def test_the_first_figures_are_those_of_the_evaluation() -> None:
    project = load_project(example_path("seed0-proposed-dp"))
    told: list[str] = []
    found, evaluation = project_headline(project, told.append), evaluate(project)
    assert found == headline(evaluation)
    assert found.latency_s == evaluation.metrics.latency_s
    assert found.memory_byte == evaluation.memory.total[evaluation.memory.worst_gpu]
    assert found.path_operators == len(evaluation.scheduled_path.rows)
    assert told
    assert pickle.loads(pickle.dumps(found)) == found
