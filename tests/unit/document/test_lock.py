"""Locks: who has a document open, and no silent overwriting however windows take turns."""

import json
import os
import random
import socket
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

from moe_studio.document.document import Document
from moe_studio.document.lock import Lock, Owner, lock_path, process_start, this_process
from moe_studio.errors import SaveError
from moe_studio.locator import resource
from moe_studio.project.edit import rename
from moe_studio.storage.atomic import content_hash

EXAMPLE = resource("examples", "seed0-proposed.moe.yaml")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return Path(copy(EXAMPLE, tmp_path / "design.moe.yaml"))


def test_the_second_claim_fails_and_names_the_first(document: Path) -> None:
    first, second = Lock(document), Lock(document)
    assert first.acquire()
    assert first.acquire(), "claiming again is harmless"
    assert not second.acquire()
    assert second.rival == this_process()
    assert str(os.getpid()) in this_process().text
    first.release()
    assert second.acquire()
    assert not first.is_held


def test_a_lock_leaves_nothing_else_behind(document: Path) -> None:
    lock = Lock(document)
    lock.acquire()
    assert {path.name for path in document.parent.iterdir()} == {document.name, lock_path(document).name}
    lock.release()
    assert list(document.parent.iterdir()) == [document]


def test_the_lock_of_a_process_that_is_gone_is_stale(document: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    fields = {"pid": ended.pid, "host": socket.gethostname(), "started": "1", "token": "x"}
    lock_path(document).write_text(json.dumps(fields))
    lock = Lock(document)
    assert lock.rival is None
    assert lock.acquire()


@pytest.mark.skipif(sys.platform != "linux", reason="start times are known on Linux")
def test_a_later_process_of_the_same_number_does_not_hold_the_lock(document: Path) -> None:
    fields = {"pid": os.getpid(), "host": socket.gethostname(), "started": "1", "token": "x"}
    lock_path(document).write_text(json.dumps(fields))
    assert Lock(document).acquire()


def test_a_process_on_another_machine_is_taken_to_run(document: Path) -> None:
    fields = {"pid": 1, "host": "elsewhere", "started": "1", "token": "x"}
    lock_path(document).write_text(json.dumps(fields))
    lock = Lock(document)
    assert not lock.acquire()
    assert lock.rival == Owner(pid=1, host="elsewhere", started="1")
    lock.take_over()
    assert lock.is_held


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"pid": "x"}', "\x00" * 100])
def test_a_damaged_lock_holds_nobody_off(document: Path, damage: str) -> None:
    lock_path(document).write_text(damage)
    assert Lock(document).acquire()


def test_a_folder_that_takes_no_files_locks_nothing(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "gone" / "design.moe.yaml")
    assert lock.acquire()
    lock.release()


def test_a_process_that_runs_has_a_start(tmp_path: Path) -> None:
    assert process_start(os.getpid()) is not None
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert process_start(ended.pid) is None


def test_a_window_that_was_taken_over_can_only_save_elsewhere(document: Path) -> None:
    first, second = Document.load(document), Document.load(document)
    assert first.claim() is None
    assert second.claim() == this_process()
    second.commit("Rename", rename("Second"))
    with pytest.raises(SaveError, match="open in another window"):
        second.save()
    second.take_over()
    second.save()
    first.commit("Rename", rename("First"))
    with pytest.raises(SaveError, match="open in another window"):
        first.save()
    first.save_as(document.with_name("mine.moe.yaml"))
    assert Document.load(document).project.name == "Second"
    assert Document.load(document.with_name("mine.moe.yaml")).project.name == "First"
    for item in (first, second):
        item.release()
    assert not lock_path(document).exists()


def test_saving_as_a_file_that_another_window_has_open_is_refused(document: Path) -> None:
    other = Path(copy(document, document.with_name("other.moe.yaml")))
    mine, theirs = Document.load(document), Document.load(other)
    mine.claim()
    theirs.claim()
    before = other.read_bytes()
    with pytest.raises(SaveError, match="another window"):
        mine.save_as(other)
    assert other.read_bytes() == before
    assert mine.path == document


@pytest.mark.parametrize("seed", range(200))
def test_no_turns_of_two_windows_and_an_editor_overwrite_silently(document: Path, seed: int) -> None:
    """Whatever is on the disk, a save replaces it only if that window has loaded or written just that."""
    chance = random.Random(seed)
    windows: list[Document | None] = [None, None]
    seen: list[set[str]] = [set(), set()]
    for turn in range(14):
        which = chance.randrange(2)
        window = windows[which]
        if window is None:
            windows[which] = window = Document.load(document)
            seen[which].add(content_hash(document))
            window.claim()
            continue
        act = chance.choice(("edit", "edit", "save", "save", "save", "foreign", "take", "close", "mine"))
        if act == "edit":
            window.commit("Rename", rename(f"{which} {turn}"))
        elif act == "foreign":
            document.write_text(f"{document.read_text()}# {turn}\n")
        elif act == "take":
            window.take_over()
        elif act == "mine":
            window.keep_mine()
            seen[which].add(content_hash(document))
        elif act == "close":
            window.release()
            windows[which] = None
        else:
            before = content_hash(document)
            try:
                window.save()
            except SaveError:
                assert content_hash(document) == before
            else:
                assert before in seen[which], f"turn {turn} replaced what window {which} never saw"
                seen[which].add(content_hash(document))


def test_a_change_at_the_last_moment_of_a_save_is_not_overwritten(
    document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Document.load(document)
    mine.commit("Rename", rename("Mine"))
    sync = os.fsync

    def late(descriptor: int) -> None:
        document.write_text("format: 1\n# theirs\n")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", late)
    with pytest.raises(SaveError, match="another program"):
        mine.save()
    assert document.read_text() == "format: 1\n# theirs\n"
    assert mine.is_modified
