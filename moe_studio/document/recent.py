"""The files that were open lately, newest first."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from moe_studio.errors import FileError, SaveError
from moe_studio.storage.atomic import save_text
from moe_studio.storage.json_text import MAX_JSON_BYTE
from moe_studio.storage.plain_file import read_plain_bytes

MOST = 24
FILE = "recent.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentFile:
    """A file that was open, and the title of its design then."""

    path: str
    title: str

    @property
    def is_missing(self) -> bool:
        """Whether it is not there now."""
        return not Path(self.path).is_file()


def recent_files(folder: Path) -> tuple[RecentFile, ...]:
    """The list kept in ``folder``; a damaged one is as good as none."""
    try:
        found = json.loads(read_plain_bytes(folder / FILE, limit_byte=MAX_JSON_BYTE))
        items = tuple(RecentFile(path=str(item["path"]), title=str(item["title"])) for item in found)
    except (FileError, ValueError, TypeError, KeyError, RecursionError):
        return ()
    return items[:MOST]


def remember(folder: Path, path: Path, title: str) -> None:
    """Put ``path`` first in the list."""
    name = str(path.resolve())
    others = (item for item in recent_files(folder) if item.path != name)
    _save(folder, (RecentFile(path=name, title=title), *others))


def forget(folder: Path, path: str) -> None:
    """Take ``path`` off the list."""
    _save(folder, tuple(item for item in recent_files(folder) if item.path != path))


def _save(folder: Path, items: tuple[RecentFile, ...]) -> None:
    # A list that cannot be kept is no reason to bother anybody.
    with suppress(OSError, SaveError):
        folder.mkdir(parents=True, exist_ok=True)
        save_text(folder / FILE, json.dumps([asdict(item) for item in items[:MOST]], ensure_ascii=False, indent=1))
