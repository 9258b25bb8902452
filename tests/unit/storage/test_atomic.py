"""Saving: whatever fails, the old or the new content is there, whole."""

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moe_studio.errors import SaveError
from moe_studio.storage.atomic import CHUNK_BYTE, FileSystem, bytes_hash, content_hash, save_bytes, save_text

OLD = b"old content\n" * 1000
NEW = bytes(range(256)) * 2048


class FailingFileSystem(FileSystem):
    """Lets the call with number ``at`` go wrong in the way of ``failure``."""

    def __init__(self, at: int, failure: str) -> None:
        self.calls = 0
        self.at = at
        self.failure = failure
        self.failed = ""

    def _step(self, name: str) -> bool:
        self.calls += 1
        if self.calls != self.at:
            return False
        self.failed = name
        if self.failure in errno.errorcode.values():
            number = getattr(errno, self.failure)
            raise OSError(number, os.strerror(number))
        return True

    def stat(self, path: str) -> os.stat_result:
        self._step("stat")
        return super().stat(path)

    def create(self, path: str, mode: int) -> int:
        self._step("create")
        return super().create(path, mode)

    def write(self, descriptor: int, data: bytes) -> int:
        if not self._step("write"):
            return super().write(descriptor, data)
        if self.failure == "lost":
            return len(data)
        if self.failure == "damaged":
            return super().write(descriptor, b"?" * len(data))
        return super().write(descriptor, data[: len(data) // 2]) if self.failure == "short" else 0

    def chmod(self, path: str, mode: int) -> None:
        self._step("chmod")
        super().chmod(path, mode)

    def sync(self, descriptor: int) -> None:
        self._step("sync")
        super().sync(descriptor)

    def close(self, descriptor: int) -> None:
        super().close(descriptor)
        self._step("close")

    def read(self, path: str) -> bytes:
        return super().read(path)[:-1] if self._step("read") and self.failure == "short" else super().read(path)

    def replace(self, source: str, target: str) -> None:
        self._step("replace")
        super().replace(source, target)

    def sync_folder(self, path: str) -> None:
        self._step("sync_folder")
        super().sync_folder(path)


FAILURES = (
    "ENOSPC",
    "EIO",
    "EDQUOT",
    "EROFS",
    "EACCES",
    "EFBIG",
    "ENOMEM",
    "EINTR",
    "EPERM",
    "short",
    "lost",
    "damaged",
    "none",
)
CALLS = len(NEW) // CHUNK_BYTE + 8


def saved(path: Path, at: int, failure: str) -> tuple[FailingFileSystem, str]:
    """The file system after a save, and the text of the error, if there was one."""
    files = FailingFileSystem(at, failure)
    try:
        save_bytes(path, NEW, files=files)
    except SaveError as error:
        return files, str(error)
    return files, ""


def test_at_more_than_200_failure_points_the_old_file_is_intact_and_the_cause_is_named(tmp_path: Path) -> None:
    points = [(at, failure) for at in range(1, CALLS + 1) for failure in FAILURES]
    assert len(points) >= 200
    path = tmp_path / "a.moe.yaml"
    refused = 0
    for at, failure in points:
        path.write_bytes(OLD)
        files, error = saved(path, at, failure)
        assert path.read_bytes() == (OLD if error else NEW), (at, failure)
        assert [file.name for file in tmp_path.iterdir()] == [path.name]
        assert not error or "as it was before" in error
        if failure in errno.errorcode.values() and files.failed not in ("", "sync_folder"):
            assert os.strerror(getattr(errno, failure)).lower() in error.lower()
        refused += bool(error)
    assert refused >= 150


def test_a_short_write_is_continued(tmp_path: Path) -> None:
    files, error = saved(tmp_path / "a", 3, "short")
    assert (files.failed, error) == ("write", "")
    assert (tmp_path / "a").read_bytes() == NEW


def test_a_failure_with_no_old_file_leaves_nothing(tmp_path: Path) -> None:
    assert "no space left" in saved(tmp_path / "a", 4, "ENOSPC")[1].lower()
    assert list(tmp_path.iterdir()) == []


def test_text_is_saved_as_utf8_without_changed_line_ends(tmp_path: Path) -> None:
    save_text(tmp_path / "a", "ä\r\nb\n")
    assert (tmp_path / "a").read_bytes() == "ä\r\nb\n".encode()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(OLD)
    path.chmod(0o640)
    save_bytes(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    save_bytes(tmp_path / "a", NEW)
    (tmp_path / "b").write_bytes(NEW)
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_keeps_pointing_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "real").write_bytes(OLD)
    (tmp_path / "link").symlink_to(Path("folder") / "real")
    save_bytes(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "real").read_bytes() == NEW


@pytest.mark.parametrize("name", ["folder", "missing/a", "a" * 300, "a\0b"])
def test_a_place_that_cannot_be_written_is_refused_with_its_cause(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SaveError, match="was not saved: "):
        save_bytes(tmp_path / name, NEW)
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]


def test_the_hash_tells_whether_a_file_changed(tmp_path: Path) -> None:
    save_bytes(tmp_path / "a", NEW)
    assert content_hash(tmp_path / "a") == bytes_hash(NEW) != bytes_hash(OLD)


SAVER = """
import sys
from moe_studio.storage.atomic import save_bytes
sizes = (300_000, 500_000, 700_000)
print("ready", flush=True)
number = 0
while True:
    number += 1
    save_bytes(sys.argv[1], (b"%9d" % number) * sizes[number % 3])
"""


def is_whole(data: bytes) -> bool:
    """Whether ``data`` is one complete content that the saver writes."""
    return len(data) // 9 in (300_000, 500_000, 700_000) and data == data[:9] * (len(data) // 9)


def killed(path: Path, kills: int) -> bool:
    """Whether the file is there and whole after each of ``kills`` processes was killed while it saved."""
    choice = random.Random(kills)
    path.write_bytes(b"%9d" % 0 * 300_000)
    for _ in range(kills):
        saver = subprocess.Popen([sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE, env=environment())
        with saver:
            assert saver.stdout is not None
            saver.stdout.readline()
            time.sleep(choice.uniform(0, 0.02))
            saver.kill()
        if not is_whole(path.read_bytes()):
            return False
    return True


def environment() -> dict[str, str]:
    """Our environment, in which a child finds the package."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="only where processes can be killed")
def test_killed_in_the_middle_of_saving_the_file_is_there_and_whole(tmp_path: Path) -> None:
    assert killed(tmp_path / "a", 24)
    assert list(tmp_path.glob(".*.tmp")), "no kill came in the middle of saving"


@pytest.mark.long
def test_killed_a_thousand_times_the_file_is_there_and_whole(tmp_path: Path) -> None:
    assert killed(tmp_path / "a", 1000)


def test_the_check_for_wholeness_sees_a_cut_file() -> None:

    assert not is_whole(b"%9d" % 7 * 299_999)
    assert not is_whole(b"%9d" % 7 * 150_000 + b"%9d" % 8 * 150_000)
