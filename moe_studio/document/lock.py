"""Who has a document open: a small file beside it, with the process that made it."""

import json
import os
import secrets
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

MAX_BYTE = 4096
"""A lock file is far smaller; whatever is larger is none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process. ``started`` tells it from a later one of the same number; empty where that is not known."""

    pid: int
    host: str
    started: str

    @property
    def is_gone(self) -> bool:
        """Whether it certainly does not run any more; that of another machine is taken to run."""
        if self.host != socket.gethostname():
            return False
        started = process_start(self.pid)
        return started is None or bool(started and self.started and started != self.started)

    @property
    def text(self) -> str:
        """In words: ``process 812 on this machine``."""
        place = "this machine" if self.host == socket.gethostname() else self.host
        return f"process {self.pid} on {place}"


@cache
def this_process() -> Owner:
    """The process that runs this."""
    return Owner(pid=os.getpid(), host=socket.gethostname(), started=process_start(os.getpid()) or "")


class Lock:
    """The claim of one window on one document. Only the explicit `take_over` breaks the claim of a living process."""

    def __init__(self, document: Path) -> None:
        self.path = lock_path(document)
        self._token = secrets.token_hex(8)

    @property
    def _temporary(self) -> Path:
        return self.path.with_name(f"{self.path.name}.{self._token}")

    @property
    def is_held(self) -> bool:
        """Whether the claim is this one still: another window may have taken over."""
        found = _content(self.path)
        return found is not None and found.get("token") == self._token

    @property
    def rival(self) -> Owner | None:
        """Who else has the document open; None for nobody, or nobody who still runs."""
        found = _content(self.path)
        if found is None or found.get("token") == self._token:
            return None
        owner = _owner(found)
        return None if owner.is_gone else owner

    def acquire(self) -> bool:
        """Claim the document; False where somebody else has it. A folder that takes no file locks nothing."""
        for _ in range(3):
            try:
                self._create()
            except FileExistsError:
                if self.is_held:
                    return True
                if self.rival is not None or not self._clear():
                    return False
            except OSError:
                return True
            else:
                return True
        return False

    def take_over(self) -> None:
        """Claim the document although somebody else has it; that window can save no more."""
        with suppress(OSError):
            self._temporary.write_text(self._text(), encoding="utf-8")
            self._temporary.replace(self.path)

    def release(self) -> None:
        """Give the claim up, if it is this one still."""
        if self.is_held:
            with suppress(OSError):
                self.path.unlink()

    def _create(self) -> None:
        """Make the lock, which nobody ever sees half written, or raise FileExistsError."""
        temporary = self._temporary
        try:
            temporary.write_text(self._text(), encoding="utf-8")
            os.link(temporary, self.path)
        except FileExistsError:
            raise
        except OSError:  # no links on this disk
            with self.path.open("x", encoding="utf-8") as stream:
                stream.write(self._text())
        finally:
            temporary.unlink(missing_ok=True)

    def _clear(self) -> bool:
        """Remove the lock of a process that is gone; False where another window was faster.

        Renaming decides who removes it; if it turns out that a new lock was caught, that one is put back.
        """
        caught = self._temporary
        try:
            self.path.rename(caught)
            found = _content(caught)
            if found is not None and not _owner(found).is_gone:
                caught.rename(self.path)
                return False
            caught.unlink()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _text(self) -> str:
        owner = this_process()
        fields = {"pid": owner.pid, "host": owner.host, "started": owner.started, "token": self._token}
        return json.dumps(fields) + "\n"


def lock_path(document: Path) -> Path:
    """Where the lock of ``document`` lies; a link is locked at its target."""
    target = document.resolve()
    return target.with_name(f".{target.name}.lock")


def process_start(pid: int) -> str | None:
    """When the process ``pid`` started, as the system counts; empty if that is not known, None if it does not run."""
    if sys.platform == "linux":
        return _linux_start(pid)
    elif sys.platform == "win32":
        return _windows_start(pid)
    else:
        return _posix_start(pid)


def _linux_start(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else fields[19]


def _posix_start(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:  # it runs and belongs to somebody else
        return ""
    return ""


def _windows_start(pid: int) -> str | None:
    """Whether the process runs. A signal 0, as elsewhere, would end it on Windows."""
    import ctypes

    kernel: Any = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x1000, False, pid)
    if not handle:
        return None
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return "" if code.value == 259 else None


def _content(path: Path) -> dict[str, Any] | None:
    """What a lock file says; None when there is none. One that is not whole yet says nothing."""
    try:
        with path.open("rb") as stream:
            found = json.loads(stream.read(MAX_BYTE))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _owner(found: dict[str, Any]) -> Owner:
    """Who made a lock; of one that is damaged, nobody who runs."""
    pid, host, started = found.get("pid"), found.get("host"), found.get("started")
    if type(pid) is int and isinstance(host, str) and isinstance(started, str):
        return Owner(pid=pid, host=host, started=started)
    return Owner(pid=-1, host=socket.gethostname(), started="")
