"""Saves a file so that at every moment either the old or the new content is there, whole.

The new content goes to a temporary file in the same folder, in chunks whose counts are
checked; it is flushed to the disk, read back and compared, and only then put in place of
the old file.
"""

import hashlib
import logging
import os
import re
import secrets
import stat
import time
from pathlib import Path

from moe_studio.errors import SaveError

CHUNK_BYTE = 1 << 16

LEFTOVER_S = 600.0
"""A temporary file this old belongs to no program that still runs."""

_TEMPORARY = re.compile(r"\.moe-studio-[0-9a-f]{16}\.tmp")

_log = logging.getLogger(__name__)


class FileSystem:
    """The operations that saving needs, so that a test can let each of them fail."""

    def stat(self, path: str) -> os.stat_result:
        """State of the file at ``path``."""
        return os.stat(path)

    def create(self, path: str, mode: int) -> int:
        """Descriptor of a new file; it must not exist yet."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)

    def write(self, descriptor: int, data: bytes) -> int:
        """How many bytes of ``data`` were written."""
        return os.write(descriptor, data)

    def chmod(self, path: str, mode: int) -> None:
        """Give the file at ``path`` these permissions."""
        os.chmod(path, mode)

    def sync(self, descriptor: int) -> None:
        """Wait until the content has reached the disk."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close the file."""
        os.close(descriptor)

    def read(self, path: str) -> bytes:
        """All bytes of the file at ``path``."""
        with open(path, "rb") as stream:
            return stream.read()

    def replace(self, source: str, target: str) -> None:
        """Put ``source`` in the place of ``target``."""
        os.replace(source, target)

    def sync_folder(self, path: str) -> None:
        """Wait until the folder's entries have reached the disk; Windows has no such call."""
        if os.name == "nt":
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: str) -> None:
        """Remove the file at ``path``."""
        os.unlink(path)


_REAL = FileSystem()


def save_text(path: Path | str, text: str, *, replaces: str | None = None, files: FileSystem = _REAL) -> None:
    """Save ``text`` as UTF-8 at ``path``, or raise `SaveError` and leave what was there."""
    save_bytes(path, text.encode("utf-8"), replaces=replaces, files=files)


def save_bytes(path: Path | str, data: bytes, *, replaces: str | None = None, files: FileSystem = _REAL) -> None:
    """Save ``data`` at ``path``, or raise `SaveError` and leave what was there.

    A symbolic link keeps pointing to its file, whose permissions stay. With ``replaces``, a
    `content_hash`, a file that holds anything else by then is left alone.
    """
    try:
        target = os.path.realpath(path)
        folder = os.path.dirname(target)
        temporary = os.path.join(folder, f".moe-studio-{secrets.token_hex(8)}.tmp")
        mode = _old_mode(target, files)
        try:
            _write(temporary, data, mode, files)
            if replaces is not None and _current_hash(target, files) not in ("", replaces):
                raise OSError("another program has changed the file meanwhile; save as another file to keep both.")
            files.replace(temporary, target)
        except BaseException:
            _discard(temporary, files)
            raise
    except (OSError, ValueError) as error:
        raise SaveError(f"{Path(path).name} was not saved: {_cause(error)} The file is as it was before.") from error
    _sync_folder(folder, files)


def content_hash(path: Path | str) -> str:
    """SHA-256 of the file at ``path``, in hexadecimal; tells whether somebody else changed it."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def bytes_hash(data: bytes) -> str:
    """The `content_hash` of a file that holds ``data``."""
    return hashlib.sha256(data).hexdigest()


def remove_leftovers(folder: Path | str, *, older_than_s: float = LEFTOVER_S, files: FileSystem = _REAL) -> int:
    """Remove temporary files that killed programs left in ``folder``; how many there were.

    Younger ones may belong to a program that is saving right now.
    """
    removed = 0
    latest = time.time() - older_than_s
    try:
        with os.scandir(folder) as entries:
            names = [entry.path for entry in entries if _TEMPORARY.fullmatch(entry.name)]
        for name in names:
            if files.stat(name).st_mtime <= latest:
                files.remove(name)
                removed += 1
    except OSError as error:
        _log.warning("could not look for left-over files in %s: %s", folder, error)
    return removed


def _current_hash(path: str, files: FileSystem) -> str:
    """The hash of the file at ``path``; empty when there is none."""
    try:
        return bytes_hash(files.read(path))
    except FileNotFoundError:
        return ""


def _old_mode(target: str, files: FileSystem) -> int | None:
    """Permissions of the file that is replaced, or None when there is none."""
    try:
        state = files.stat(target)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(state.st_mode):
        raise OSError("there is something at this path that is not a plain file.")
    if not os.access(target, os.W_OK):
        raise PermissionError("the file is read-only.")
    return stat.S_IMODE(state.st_mode)


def _write(temporary: str, data: bytes, mode: int | None, files: FileSystem) -> None:
    descriptor = files.create(temporary, 0o666)
    try:
        for start in range(0, len(data), CHUNK_BYTE):
            _write_chunk(descriptor, data[start : start + CHUNK_BYTE], files)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
    if mode is not None:
        files.chmod(temporary, mode)
    if files.read(temporary) != data:
        raise OSError("what the disk gives back is not what was written to it.")


def _write_chunk(descriptor: int, chunk: bytes, files: FileSystem) -> None:
    """Write all of ``chunk``: one call may take only a part of it and still report no error."""
    while chunk:
        count = files.write(descriptor, chunk)
        if count <= 0:
            raise OSError("the disk took no more data.")
        chunk = chunk[count:]


def _discard(temporary: str, files: FileSystem) -> None:
    try:
        files.remove(temporary)
    except FileNotFoundError:
        pass
    except OSError as error:
        _log.warning("could not remove %s: %s", temporary, error)


def _sync_folder(folder: str, files: FileSystem) -> None:
    """Make the new name durable. Some network drives refuse; both contents are whole then, too."""
    try:
        files.sync_folder(folder)
    except OSError as error:
        _log.warning("could not flush the folder %s: %s", folder, error)


def _cause(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror[:1].lower()}{error.strerror[1:]}."
    return f"{error}"
