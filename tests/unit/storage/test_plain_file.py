"""Reading files that may be anything."""

import os
import re
from pathlib import Path

import pytest

from moe_studio.errors import FileError
from moe_studio.storage.plain_file import read_plain_text


def test_a_byte_order_mark_at_the_start_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfname: x")
    assert read_plain_text(tmp_path / "a", limit_byte=100) == "name: x"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_other_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a").write_bytes(b"\xff\xfe\x00" + "näme".encode(encoding))
    with pytest.raises(FileError, match="UTF-8"):
        read_plain_text(tmp_path / "a", limit_byte=100)


def test_bad_utf8_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a: 1\nb: \xc3(\n")
    with pytest.raises(FileError) as refusal:
        read_plain_text(tmp_path / "a", limit_byte=100)
    assert (refusal.value.faults[0].line, refusal.value.faults[0].column) == (2, 4)


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 101)
    with pytest.raises(FileError, match="larger than 100 bytes"):
        read_plain_text(tmp_path / "a", limit_byte=100)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path("."), tmp_path / "missing", Path("/dev/zero"), tmp_path / "with\0nothing"):
        with pytest.raises(FileError, match=re.escape(f"{path.name or '.'}: ")):
            read_plain_text(path, limit_byte=100)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="not a plain file"):
        read_plain_text(tmp_path / "pipe", limit_byte=100)
