"""The labelled projects of one editing session, and where in them we are."""

from dataclasses import dataclass, replace

from moe_studio.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One state of the project and what was done to reach it."""

    label: str
    project: Project


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """States, oldest first; ``cursor`` is the one in force."""

    entries: tuple[Entry, ...]
    cursor: int = 0

    @property
    def current(self) -> Project:
        """The project in force."""
        return self.entries[self.cursor].project

    @property
    def undo_label(self) -> str:
        """What undoing would take back; empty at the beginning."""
        return self.entries[self.cursor].label if self.cursor else ""

    @property
    def redo_label(self) -> str:
        """What redoing would do again; empty at the end."""
        return self.entries[self.cursor + 1].label if self.cursor + 1 < len(self.entries) else ""

    def pushed(self, label: str, project: Project) -> "History":
        """With ``project`` as the newest state; what was undone is forgotten."""
        kept = self.entries[: self.cursor + 1]
        return History(entries=(*kept, Entry(label=label, project=project)), cursor=len(kept))

    def at(self, cursor: int) -> "History":
        """The same states with another one in force."""
        return replace(self, cursor=max(0, min(cursor, len(self.entries) - 1)))
