"""One open project: its history, the preview of a gesture, the selection, and its file."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from moe_studio.calibration.provider import provide_anyway
from moe_studio.document.chosen import Chosen
from moe_studio.document.effect import Effect, effect_on
from moe_studio.document.history import Entry, History
from moe_studio.document.journal import Copy
from moe_studio.document.lock import Lock, Owner
from moe_studio.document.placing import Span
from moe_studio.document.selection import NOTHING, Selection, is_in
from moe_studio.engine.evaluation import Evaluation, Pipeline
from moe_studio.errors import FileError, SaveError
from moe_studio.graph.graph import Graph
from moe_studio.project.edit import Edit
from moe_studio.project.project import Project
from moe_studio.storage.atomic import bytes_hash, content_hash, remove_leftovers, save_text
from moe_studio.storage.counts import load_counts
from moe_studio.storage.loader import beside, parse_project
from moe_studio.storage.plain_file import plain_text, read_plain_bytes, read_plain_text
from moe_studio.storage.writer import project_text, relocated, updated_text
from moe_studio.storage.yaml_tree import MAX_BYTE

Listener = Callable[[], None]


class Document:
    """The only way to change the project that is shown.

    A preview always starts from the committed project, so nothing accumulates while a pointer moves.
    """

    def __init__(
        self, project: Project, *, path: Path | None = None, folder: Path | None = None, digest: str | None = None
    ) -> None:
        """``folder`` is where files that the project names lie; usually beside its own. ``digest`` is its content's."""
        self.history = History(entries=(Entry(label="Open" if path else "New", project=project),))
        self.path = path
        self.folder = folder or (path.parent if path else None)
        self.selection = NOTHING
        self.selected: tuple[Selection, ...] = ()
        self.span: Span = None
        self.on_project: list[Listener] = []
        self.on_selection: list[Listener] = []
        self._saved: Project | None = project
        self._digest = digest if digest is not None else content_hash(path) if path else ""
        self._lock: Lock | None = None
        self._preview: Project | None = None
        self._chosen: Chosen | None = None
        self._pipeline = Pipeline(provide=provide_anyway)
        self._known: tuple[Evaluation, ...] = ()

    @classmethod
    def load(cls, path: Path | str) -> "Document":
        """The document in the file at ``path``."""
        path = Path(path)
        # One reading gives both: a file that changes meanwhile must not pass for the one that is shown.
        data = read_plain_bytes(path, limit_byte=MAX_BYTE)
        project = parse_project(plain_text(data, path), folder=path.parent, file_name=path.name)
        return cls(project, path=path, digest=bytes_hash(data))

    @classmethod
    def recovered(cls, copy: Copy) -> "Document":
        """The document of a recovery copy: its file as it is now, and the copy as the newest change.

        Where the file is gone or was changed since, the copy becomes a design that has no file yet.
        """
        try:
            if copy.path is None or copy.is_outdated:
                raise FileNotFoundError
            document = cls.load(copy.path)
        except (FileError, FileNotFoundError):
            document = cls(copy.project, folder=copy.folder)
            document._saved = None
            return document
        document.commit("Recover unsaved edits", lambda _: copy.project)
        return document

    # What is shown

    @property
    def project(self) -> Project:
        """The project shown: the preview while there is one, else the committed project."""
        return self._preview or self.history.current

    @property
    def is_previewing(self) -> bool:
        """Whether a gesture is under way that changes something."""
        return self._preview is not None

    @property
    def is_modified(self) -> bool:
        """Whether the committed project differs from what the file holds."""
        return self._saved is not self.history.current and self._saved != self.history.current

    @property
    def title(self) -> str:
        """Name of the design for the window."""
        return self.history.current.name

    @property
    def evaluation(self) -> Evaluation:
        """What is predicted of the project shown."""
        return self._evaluated(self.project)

    @property
    def committed_evaluation(self) -> Evaluation:
        """What is predicted of the committed project."""
        return self._evaluated(self.history.current)

    def effect(self, edit: Edit, gpu: int) -> Effect:
        """What ``edit`` would do to the latency, and to the memory of ``gpu``."""
        before = self.committed_evaluation
        after = edit(self.history.current)
        if after is self.project:
            return effect_on(gpu, before, self.evaluation)
        return effect_on(gpu, before, self._pipeline.evaluate(after))

    # Changes

    def preview(self, edit: Edit) -> None:
        """Show the committed project with ``edit``, without committing to it."""
        shown = edit(self.history.current)
        self._show(None if shown is self.history.current else shown)

    def cancel(self) -> None:
        """Show the committed project again."""
        self._show(None)

    def commit(self, label: str, edit: Edit) -> bool:
        """Make ``edit`` of the committed project the newest state; False if it changes nothing."""
        wanted = edit(self.history.current)
        shown = self._preview
        self._preview = None
        if wanted == self.history.current:
            if shown is not None:
                self._changed()
            return False
        # The preview's evaluation is for this very design; keeping its object keeps the evaluation.
        self.history = self.history.pushed(label, shown if shown == wanted else wanted)
        self._changed()
        return True

    def undo(self) -> None:
        """Take back the newest change."""
        self.go_to(self.history.cursor - 1)

    def redo(self) -> None:
        """Do again what was taken back."""
        self.go_to(self.history.cursor + 1)

    def go_to(self, cursor: int) -> None:
        """Make another state of the history the one in force."""
        self.history = self.history.at(cursor)
        self._preview = None
        self._changed()

    def chosen_in(self, graph: Graph) -> Chosen:
        """The operators of ``graph`` that belong to what is selected."""
        known = self._chosen
        if known is None or known.graph is not graph or known.selected is not self.selected:
            known = self._chosen = Chosen(graph=graph, selected=self.selected)
        return known

    def select(self, selection: Selection) -> None:
        """Select something else, and nothing beside it, in every view."""
        self.select_all(() if selection == NOTHING else (selection,))

    def _changed(self) -> None:
        """Tell that another project is shown; what it no longer has is no longer selected."""
        kept = tuple(item for item in self.selected if is_in(item, self.project))
        lost = kept != self.selected
        self.selected, self.selection = kept, kept[0] if kept else NOTHING
        _tell(self.on_project)
        if lost:
            _tell(self.on_selection)

    def select_all(self, selected: Sequence[Selection]) -> None:
        """Select several things; the first is the one that views show which show only one."""
        chosen = tuple(dict.fromkeys(selected))
        if chosen != self.selected:
            self.selected, self.selection = chosen, chosen[0] if chosen else NOTHING
            _tell(self.on_selection)

    def choose(self, selection: Selection, *, adds: bool) -> None:
        """What a click means: select it alone, or, if it ``adds``, beside what is selected or no longer."""
        (self.toggle if adds else self.select)(selection)

    def toggle(self, selection: Selection) -> None:
        """Select ``selection`` beside what is selected, or no longer."""
        others = tuple(item for item in self.selected if item != selection)
        self.select_all(others if len(others) < len(self.selected) else (selection, *others))

    @property
    def layer(self) -> int | None:
        """The layer whose experts are shown and edited; None for several or all."""
        return self.span if isinstance(self.span, int) else None

    def show_layer(self, layer: int | None) -> None:
        """Show and edit the experts of one layer, or of all."""
        self.show_layers(layer)

    def show_layers(self, span: Span) -> None:
        """Show and edit the experts of some layers: one, a first and a last, or all."""
        if span != self.span:
            self.span = span
            self._changed()

    # The file

    def save(self) -> None:
        """Write the committed project to its file.

        Raises:
            SaveError: if it has no file yet, or another program has changed the file meanwhile.
        """
        if self.path is None:
            raise SaveError("This design has no file yet; choose one with Save as.")
        if self._lock is not None and not self._lock.is_held and not self._lock.acquire():
            raise SaveError(f"{self.path.name} is open in another window, too. Save as another file, or take it over.")
        if self.path.exists() and content_hash(self.path) != self._digest:
            raise SaveError(f"{self.path.name} was changed by another program. Save as another file to keep both.")
        self._write(self.path, replaces=self._digest)

    def save_as(self, path: Path | str) -> None:
        """Write the committed project to another file, which becomes its own.

        Raises:
            SaveError: if it cannot be written, or another window has that file open.
        """
        path = Path(path)
        if self._lock is None or self.path is None or path.resolve() == self.path.resolve():
            self._write(path)
            return
        lock = Lock(path)
        if not lock.acquire():
            raise SaveError(f"{path.name} is open in another window. Choose another file.")
        try:
            self._write(path)
        except BaseException:
            lock.release()
            raise
        self._lock.release()
        self._lock = lock

    def _write(self, path: Path, *, replaces: str | None = None) -> None:
        project = self.history.current
        written = relocated(project, self.folder, path.parent) if self.folder else project
        if self.folder is None:
            _keep_counts(project, path.parent)
        try:
            old = read_plain_text(self.path, limit_byte=MAX_BYTE) if self.path else ""
            text = updated_text(old, written, folder=path.parent, old_folder=self.path.parent if self.path else None)
        except FileError:  # gone or damaged meanwhile: nothing of it is worth keeping
            text = project_text(written, folder=path.parent)
        save_text(path, text, replaces=replaces)
        # Hashing the file instead would take what somebody wrote a moment later for our own.
        self.path, self._saved, self._digest = path, project, bytes_hash(text.encode("utf-8"))
        self.folder = self.folder or path.parent
        remove_leftovers(path.parent)
        self._changed()

    @property
    def digest(self) -> str:
        """The hash of what its file held when it was loaded or saved; empty for a new design."""
        return self._digest

    def reload(self) -> None:
        """Show what its file holds now, as a change that can be undone.

        Raises:
            FileError: if it cannot be read; the design stays.
        """
        if self.path is None:
            return
        found = Document.load(self.path)
        project = found.history.current
        self._digest = found.digest
        self._saved = project
        if not self.commit("Reload from disk", lambda _: project):
            self._changed()

    def keep_mine(self) -> None:
        """Let the next save replace what another program has written to the file, which the user has decided."""
        if self.path is not None and self.path.exists():
            self._digest = content_hash(self.path)
            self._saved = None
            self._changed()

    # Other windows

    def claim(self) -> Owner | None:
        """Lock the file for this window; who has it open already, None when it is ours now."""
        if self.path is None:
            return None
        self._lock = self._lock or Lock(self.path)
        return None if self._lock.acquire() else self._lock.rival

    def take_over(self) -> None:
        """Lock the file although another window has it open; that one cannot save any more."""
        if self._lock is not None:
            self._lock.take_over()

    def release(self) -> None:
        """Unlock the file."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _show(self, preview: Project | None) -> None:
        if preview is not self._preview:
            self._preview = preview
            self._changed()

    def _evaluated(self, project: Project) -> Evaluation:
        found = next((item for item in self._known if item.project is project), None)
        if found is None:
            found = self._pipeline.evaluate(project)
        # Both are asked for in turn while something is carried.
        lasting = (self.history.current, self._preview)
        kept = (item for item in self._known if item is not found and any(item.project is one for one in lasting))
        self._known = (found, *kept)
        return found


def _keep_counts(project: Project, folder: Path) -> None:
    """Write recorded counts that so far lie in no file, as those of a template, to where ``project`` says they are."""
    routing = project.workload.routing
    if not routing.file or not routing.counts:
        return
    path = beside(folder, routing.file)
    if not path.exists():
        save_text(path, json.dumps([list(row) for row in routing.counts]))
    elif load_counts(path) != routing.counts:
        raise SaveError(f"{routing.file} holds other counts than this design. Save to another folder to keep both.")


def _tell(listeners: list[Listener]) -> None:
    for listener in tuple(listeners):
        listener()
