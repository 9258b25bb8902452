"""Keeps the open document safe: recovery copies, the lock, and a look at its file now and then."""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.journal import Copy, Journal, Keeper, State, left_copies
from moe_studio.document.lock import Owner
from moe_studio.document.recent import remember
from moe_studio.document.watch import FileWatch
from moe_studio.project.project import Project

LOOK_MS = 1500
"""Time between two looks at the file; each is one call to the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Folders of the program's own: ``state`` for recovery and recent files, ``templates`` for templates."""

    state: Path
    templates: Path


class DocumentKeeper(QObject):
    """Looks after one document at a time.

    Signals:
        changed_outside: another program changed the file of the document.
        gone_outside: another program removed it.
        held_elsewhere: another window has the document open; carries the `Owner`.
        troubled: no recovery copy can be kept; carries the sentence that says why.
    """

    changed_outside = Signal()
    gone_outside = Signal()
    held_elsewhere = Signal(object)
    troubled = Signal(str)

    def __init__(self, places: Places, parent: QObject) -> None:
        super().__init__(parent)
        self._places = places
        self._document: Document | None = None
        self._journal = Journal(places.state)
        self._keeper = Keeper(self._journal)
        self._kept: Project | None = None
        self._watch: FileWatch | None = None
        self._told = ""
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        parent.installEventFilter(self)

    def attach(self, document: Document, *, copy: Copy | None = None) -> bool:
        """Look after ``document``; with ``copy``, go on with it. False where another window has adopted the copy."""
        journal = Journal(self._places.state)
        if copy is not None and not journal.adopt(copy):
            return False
        self.detach()
        self._document, self._journal = document, journal
        self._keeper = Keeper(journal)
        self._kept = None if copy is None else document.history.current
        self._told = ""
        document.on_project.append(self._on_project)
        self._claim()
        self._timer.start()
        if copy is None:
            self._on_project()
        return True

    def detach(self) -> None:
        """Let go of the document, whose changes are saved or not wanted."""
        self._timer.stop()
        document, self._document = self._document, None
        if document is None:
            return
        if self._on_project in document.on_project:
            document.on_project.remove(self._on_project)
        self._keeper.drop()
        self._keeper.close()
        document.release()

    def before_saving(self, path: Path) -> None:
        """Have the copy hold just what is about to be saved at ``path``.

        A kill right after the save then finds a copy that says nothing new, and nobody is bothered with it.
        """
        if self._document is not None:
            self._keep(path)
            self._keeper.flush()

    def after_saving(self) -> None:
        """Forget the copy: the document is saved."""
        self._keeper.drop()
        self._kept = None
        self._told = ""
        self._claim()

    def copies(self, path: Path | None = None) -> tuple[Copy, ...]:
        """Copies that a crash has left, of the document at ``path`` or of all."""
        return left_copies(self._places.state, path)

    def look(self) -> None:
        """Look whether another program has changed the file."""
        document = self._document
        if document is None or document.path is None or self._watch is None:
            return
        if self._watch.path != document.path or self._watch.digest != document.digest:
            self._watch = FileWatch(document.path, document.digest)
        state = self._watch.state()
        if state != self._told:
            self._told = state
            if state == "changed":
                self.changed_outside.emit()
            elif state == "gone":
                self.gone_outside.emit()
        if self._keeper.trouble:
            self.troubled.emit(self._keeper.trouble)
            self._keeper.trouble = ""

    def take_over(self) -> None:
        """Claim the document although another window has it open."""
        if self._document is not None:
            self._document.take_over()

    def flush(self) -> None:
        """Wait until the copy is on the disk."""
        self._keeper.flush()

    def _claim(self) -> None:
        document = self._document
        if document is None or document.path is None:
            return
        self._watch = FileWatch(document.path, document.digest)
        remember(self._places.state, document.path, document.title)
        rival: Owner | None = document.claim()
        if rival is not None:
            self.held_elsewhere.emit(rival)

    def _on_project(self) -> None:
        document = self._document
        if document is None or document.is_previewing or document.history.current is self._kept:
            return
        if not document.is_modified:
            self._keeper.drop()
            self._kept = None
            return
        self._keep(document.path)

    def _keep(self, path: Path | None) -> None:
        document = self._document
        assert document is not None
        self._kept = document.history.current
        digest = document.digest if path == document.path else ""
        self._keeper.note(State(project=self._kept, path=path, digest=digest, folder=document.folder))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowActivate:
            self.look()
        return False
