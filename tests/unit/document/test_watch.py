"""Noticing that another program changes a file."""

import os
from pathlib import Path

from moe_studio.document.watch import FileWatch
from moe_studio.storage.atomic import content_hash, save_text


def test_a_change_is_seen_until_it_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    watch = FileWatch(path, content_hash(path))
    assert watch.state() == "same"
    save_text(path, "two")
    assert watch.state() == "changed"
    assert watch.state() == "changed"
    watch.accept(content_hash(path))
    assert watch.state() == "same"


def test_a_change_that_keeps_size_and_time_but_not_the_entry_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    state = path.stat()
    watch = FileWatch(path, content_hash(path))
    watch.state()
    save_text(path, "two")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert watch.state() == "changed"


def test_touching_a_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    watch = FileWatch(path, content_hash(path))
    os.utime(path, ns=(1, 1))
    assert watch.state() == "same"


def test_a_file_that_is_gone_is_told_from_a_changed_one_and_may_come_back(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    watch = FileWatch(path, content_hash(path))
    path.unlink()
    assert watch.state() == "gone"
    path.write_text("one")
    assert watch.state() == "same"
