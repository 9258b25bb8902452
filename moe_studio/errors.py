"""Exceptions whose text can be shown to a user as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass


class MoeStudioError(Exception):
    """Something the user can mend; the text says what is wrong and what would be right."""


class ProjectError(MoeStudioError):
    """A project cannot be built: its parts contradict each other or are out of range.

    ``faults`` holds (path, sentence) pairs when there are several.
    """

    def __init__(self, message: str, faults: Sequence[tuple[str, str]] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault in a file: ``path`` like ``cluster.nodes[2].gpus``; line and column count from 1."""

    path: str
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{place}{self.path}: {self.message}" if self.path else f"{place}{self.message}"


class FileError(MoeStudioError):
    """A file is refused; ``faults`` names every fault at once, each with its place."""

    def __init__(self, file: str, faults: Sequence[Fault]) -> None:
        self.file = file
        self.faults = tuple(faults)
        super().__init__(f"{file}: " + "; ".join(str(fault) for fault in self.faults))


class SaveError(MoeStudioError):
    """A file could not be written; what was there before is intact."""
