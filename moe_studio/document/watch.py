"""Notices when another program changes a file."""

import os
from pathlib import Path
from typing import Literal

from moe_studio.storage.atomic import content_hash

State = Literal["same", "changed", "gone"]


class FileWatch:
    """One file and the content that is known of it. Asking is cheap while the file's entry stays the same."""

    def __init__(self, path: Path, digest: str) -> None:
        self.path = path
        self.digest = digest
        self._entry: tuple[int, ...] = ()

    def state(self) -> State:
        """Whether the file still holds what is known."""
        try:
            found = os.stat(self.path)
            entry = (found.st_mtime_ns, found.st_size, found.st_ino)
            if entry == self._entry:
                return "same"
            if content_hash(self.path) != self.digest:
                return "changed"
        except OSError:
            return "gone"
        self._entry = entry
        return "same"

    def accept(self, digest: str) -> None:
        """Know another content from now on."""
        self.digest, self._entry = digest, ()
