"""Recovery copies: what was edited and not saved, kept in the program's own folder until it is.

A copy belongs to one document of one process; both stand in its name. After a crash another window may adopt
it: renaming the file hands it over, so that no two windows get the same one and it is at no moment lost.
"""

import hashlib
import json
import logging
import os
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from moe_studio.document.lock import Owner, this_process
from moe_studio.errors import FileError, MoeStudioError, SaveError
from moe_studio.project.project import Project
from moe_studio.storage.atomic import content_hash, remove_leftovers, save_text
from moe_studio.storage.loader import load_project
from moe_studio.storage.plain_file import read_plain_bytes
from moe_studio.storage.snapshot import project_of, snapshot

FOLDER = "recovery"
FORMAT = 1
MAX_BYTE = 64_000_000
KEPT_DISCARDED_S = 7 * 24 * 3600.0

_SUFFIX, _DISCARDED = ".json", ".discarded"
_UNTITLED = "new"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a copy is made of: a project, its file if it has one, that file's hash, and where its names lead."""

    project: Project
    path: Path | None = None
    digest: str = ""
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A recovery copy that nobody works on."""

    file: Path
    path: Path | None
    folder: Path | None
    title: str
    written: float
    project: Project
    is_outdated: bool
    """Whether its document was changed after the copy was made."""


class Journal:
    """Keeps the copy of one open document."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self._session = secrets.token_hex(4)
        self._file: Path | None = None

    def keep(self, state: State) -> None:
        """Write the copy anew.

        Raises:
            SaveError: if there is no room or no right to write; the copy before is intact then.
        """
        file = self._file_of(state.path)
        record = {
            "format": FORMAT,
            "path": str(state.path.resolve()) if state.path else "",
            "digest": state.digest,
            "folder": str(state.folder.resolve()) if state.folder else "",
            "title": state.project.name,
            "written": time.time(),
            "project": snapshot(state.project),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SaveError(f"No recovery copy can be kept: {error.strerror}.") from error
        save_text(file, json.dumps(record, ensure_ascii=False))
        if self._file not in (None, file):
            self.drop()
        self._file = file

    def adopt(self, copy: Copy) -> bool:
        """Go on with ``copy``; False where another window was faster."""
        file = self._file_of(copy.path)
        try:
            os.rename(copy.file, file)
        except OSError:
            return False
        self._file = file
        return True

    def drop(self) -> None:
        """Forget the copy: the document is saved, or has no changes."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
            self._file = None

    def _file_of(self, path: Path | None) -> Path:
        return self.folder / f"{_key(path)}-{_owner_text(this_process())}-{self._session}{_SUFFIX}"


class Keeper:
    """Writes copies in a thread, so that no edit waits for the disk; of many edits in a row, the newest."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._guard = Lock()
        self._wanted: State | None = None
        self._running: Future[None] | None = None
        self.trouble = ""
        """Why the last copy could not be written; empty when it could."""

    def note(self, state: State) -> None:
        """Keep ``state`` as soon as the disk lets it."""
        with self._guard:
            self._wanted = state
            if self._running is None or self._running.done():
                self._running = self._thread.submit(self._write)

    def flush(self) -> None:
        """Wait until what was noted last is written."""
        with self._guard:
            running = self._running
        if running is not None:
            running.result()

    def drop(self) -> None:
        """Forget the copy."""
        with self._guard:
            self._wanted = None
        self.flush()
        self._journal.drop()

    def close(self) -> None:
        """Write what is still to be written, and keep no more."""
        self._thread.shutdown(wait=True)

    def _write(self) -> None:
        while True:
            with self._guard:
                state, self._wanted = self._wanted, None
                if state is None:
                    # Nobody may come between finding nothing and being done: see `note`.
                    self._running = None
                    return
            try:
                self._journal.keep(state)
                self.trouble = ""
            except SaveError as error:
                self.trouble = str(error)


def left_copies(state: Path, path: Path | None = None) -> tuple[Copy, ...]:
    """Copies of processes that are gone and that differ from their document, newest first; of ``path`` or of all.

    Those that hold nothing new are removed. Those that cannot be read stay: a later version may read them.
    """
    folder = state / FOLDER
    if not folder.is_dir():
        return ()
    _tidy(folder)
    wanted = _key(path) if path else ""
    found = []
    for file in sorted(folder.glob(f"{wanted}*{_SUFFIX}")):
        if not _is_orphan(file):
            continue
        try:
            copy = _read(file)
        except (MoeStudioError, OSError) as error:
            _log.warning("the recovery copy %s cannot be read: %s", file.name, error)
            continue
        if _is_new(copy):
            found.append(copy)
        else:
            with suppress(OSError):
                file.unlink()
    return tuple(sorted(found, key=lambda copy: -copy.written))


def discard(copy: Copy) -> None:
    """Offer ``copy`` no more; it stays for a week and can be brought back."""
    with suppress(OSError):
        os.rename(copy.file, copy.file.with_suffix(_DISCARDED))


def bring_back(copy: Copy) -> None:
    """Offer a discarded copy again."""
    with suppress(OSError):
        os.rename(copy.file.with_suffix(_DISCARDED), copy.file)


def _read(file: Path) -> Copy:
    try:
        record = json.loads(read_plain_bytes(file, limit_byte=MAX_BYTE))
        return _copy(file, record)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MoeStudioError(f"it is damaged: {error}") from error


def _copy(file: Path, record: Mapping[str, Any]) -> Copy:
    if record["format"] != FORMAT:
        raise MoeStudioError("it was written by another version of the program.")
    path = Path(record["path"]) if record["path"] else None
    return Copy(
        file=file,
        path=path,
        folder=Path(record["folder"]) if record["folder"] else None,
        title=str(record["title"]),
        written=float(record["written"]),
        project=project_of(record["project"]),
        is_outdated=path is not None and _hash(path) != record["digest"],
    )


def _is_new(copy: Copy) -> bool:
    """Whether the copy differs from what its document says now."""
    if copy.path is None:
        return True
    try:
        return snapshot(load_project(copy.path)) != snapshot(copy.project)
    except FileError:
        return True


def _hash(path: Path) -> str:
    try:
        return content_hash(path)
    except OSError:
        return ""


def _is_orphan(file: Path) -> bool:
    """Whether the process in the name of a copy is gone."""
    parts = file.stem.split("-")
    own = _owner_text(this_process()).split("-")
    if len(parts) != 5 or parts[1] != own[0] or not parts[2].isdigit():
        return False
    host = this_process().host
    return Owner(pid=int(parts[2]), host=host, started=parts[3]).is_gone


def _owner_text(owner: Owner) -> str:
    """A process as part of a file name: machine, number, start."""
    return f"{hashlib.sha256(owner.host.encode()).hexdigest()[:8]}-{owner.pid}-{owner.started}"


def _key(path: Path | None) -> str:
    return hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:16] if path else _UNTITLED


def _tidy(folder: Path) -> None:
    """Remove what was discarded long ago, and what a kill in the middle of writing left."""
    remove_leftovers(folder)
    for file in folder.glob(f"*{_DISCARDED}"):
        with suppress(OSError):
            if file.stat().st_mtime < time.time() - KEPT_DISCARDED_S:
                file.unlink()
