"""Recovery copies: nothing is lost, nobody is bothered without need."""

import json
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

from moe_studio.document.document import Document
from moe_studio.document.journal import FOLDER, Journal, Keeper, State, bring_back, discard, left_copies
from moe_studio.errors import SaveError
from moe_studio.locator import resource
from moe_studio.project.edit import rename, set_value
from moe_studio.project.project import Project
from moe_studio.storage.writer import save_project

ROOT = Path(__file__).parents[3]
EXAMPLE = resource("examples", "seed0-proposed.moe.yaml")

CRASH = """
import os, signal, sys
from pathlib import Path
from moe_studio.document.document import Document
from moe_studio.document.journal import Journal, left_copies
from moe_studio.project.edit import set_value
from tests.unit.document.crash import now
path, state, adopts = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "adopt"
journal = Journal(state)
if adopts:
    [copy] = left_copies(state, path)
    assert journal.adopt(copy)
else:
    document = Document.load(path)
    document.commit("batch", set_value("workload.batch", 4096))
    journal.keep(now(document))
os.kill(os.getpid(), signal.SIGKILL)
"""


def crash(path: Path, state: Path, what: str = "edit") -> None:
    """Edit the document, or go on with its copy, in a process that is then killed."""
    done = subprocess.run([sys.executable, "-c", CRASH, str(path), str(state), what], cwd=ROOT, timeout=60)
    assert done.returncode < 0


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return Path(copy(EXAMPLE, tmp_path / "design.moe.yaml"))


def kills(document: Path, state: Path, cycles: int) -> dict[str, float]:
    words = [sys.executable, "-m", "tests.unit.document.crash", str(document), str(state), str(cycles)]
    return dict(json.loads(subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=900).stdout))


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
@pytest.mark.parametrize("cycles", [40, pytest.param(1000, marks=pytest.mark.long)])
def test_a_kill_loses_at_most_two_seconds_and_prompts_only_with_reason(
    document: Path, tmp_path: Path, cycles: int
) -> None:
    found = kills(document, tmp_path / "state", cycles)
    assert found["lost_s"] <= 2.0
    assert found["false_prompts"] == 0
    assert found["batch"] > 1024, "nothing was ever saved"


def test_a_copy_is_offered_and_survives_a_second_crash(document: Path, tmp_path: Path) -> None:
    before = document.read_bytes()
    crash(document, tmp_path)
    [found] = left_copies(tmp_path, document)
    assert found.project.workload.batch == 4096
    crash(document, tmp_path, "adopt")
    [again] = left_copies(tmp_path)
    assert again.file != found.file
    assert again.project == found.project
    assert document.read_bytes() == before


def test_a_copy_that_says_what_the_document_says_is_not_offered(document: Path, tmp_path: Path) -> None:
    crash(document, tmp_path)
    save_project(document, set_value("workload.batch", 4096)(Document.load(document).project))
    assert left_copies(tmp_path) == ()
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_recovered_document_holds_both_states_and_undo_returns_to_the_file(document: Path, tmp_path: Path) -> None:
    crash(document, tmp_path)
    [found] = left_copies(tmp_path, document)
    recovered = Document.recovered(found)
    assert recovered.is_modified
    assert recovered.path is not None and recovered.path.samefile(document)
    assert recovered.project.workload.batch == 4096
    recovered.undo()
    assert recovered.project == Document.load(document).project
    assert not recovered.is_modified


def test_a_copy_of_a_document_that_changed_since_becomes_a_new_design(document: Path, tmp_path: Path) -> None:
    crash(document, tmp_path)
    document.write_text(document.read_text() + "# by somebody else\n")
    [found] = left_copies(tmp_path, document)
    assert found.is_outdated
    recovered = Document.recovered(found)
    assert recovered.path is None
    assert recovered.is_modified
    with pytest.raises(SaveError, match="no file yet"):
        recovered.save()


def test_of_two_windows_one_gets_the_copy(document: Path, tmp_path: Path) -> None:
    crash(document, tmp_path)
    [found] = left_copies(tmp_path)
    first, second = Journal(tmp_path), Journal(tmp_path)
    assert first.adopt(found)
    assert not second.adopt(found)
    assert left_copies(tmp_path) == (), "the process that adopted it runs"


def test_a_discarded_copy_is_not_offered_and_can_be_brought_back(document: Path, tmp_path: Path) -> None:
    crash(document, tmp_path)
    [found] = left_copies(tmp_path)
    discard(found)
    assert left_copies(tmp_path) == ()
    bring_back(found)
    assert left_copies(tmp_path) == (found,)


def test_copies_of_other_documents_are_not_offered_with_this_one(document: Path, tmp_path: Path) -> None:
    crash(document, tmp_path)
    other = Path(copy(document, tmp_path / "other.moe.yaml"))
    assert left_copies(tmp_path, other) == ()
    assert len(left_copies(tmp_path, document)) == 1


def test_a_copy_that_cannot_be_read_stays(document: Path, tmp_path: Path) -> None:
    crash(document, tmp_path)
    [file] = (tmp_path / FOLDER).iterdir()
    file.write_text('{"format": 99}')
    assert left_copies(tmp_path) == ()
    assert file.exists()


def test_the_keeper_writes_the_newest_state_and_forgets_it_when_told(small: Project, tmp_path: Path) -> None:
    keeper = Keeper(Journal(tmp_path))
    for number in range(200):
        keeper.note(State(project=rename(f"Edit {number}")(small)))
    keeper.flush()
    [file] = (tmp_path / FOLDER).glob("*.json")
    assert json.loads(file.read_text())["title"] == "Edit 199"
    keeper.drop()
    assert list((tmp_path / FOLDER).iterdir()) == []
    keeper.close()


def test_a_folder_that_takes_no_copy_is_told_and_harms_nothing(small: Project, tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    keeper = Keeper(Journal(tmp_path))
    keeper.note(State(project=small))
    keeper.flush()
    assert keeper.trouble
    keeper.close()
