"""One open project: its history, the preview of a gesture, the selection, and its file."""

from collections.abc import Callable
from pathlib import Path

from moe_studio.document.effect import Effect, effect_on
from moe_studio.document.history import Entry, History
from moe_studio.document.selection import NOTHING, Selection
from moe_studio.engine.evaluation import Evaluation, Pipeline
from moe_studio.errors import FileError, SaveError
from moe_studio.project.edit import Edit
from moe_studio.project.project import Project
from moe_studio.storage.atomic import content_hash, save_text
from moe_studio.storage.loader import load_project
from moe_studio.storage.plain_file import read_plain_text
from moe_studio.storage.writer import project_text, updated_text
from moe_studio.storage.yaml_tree import MAX_BYTE

Listener = Callable[[], None]

EVALUATIONS_TO_REMEMBER = 300
"""A pipeline keeps every layer it has seen; after so many evaluations a fresh one bounds the memory."""


class Document:
    """The only way to change the project that is shown.

    A preview always starts from the committed project, so nothing accumulates while a pointer moves.
    """

    def __init__(self, project: Project, *, path: Path | None = None) -> None:
        self.history = History(entries=(Entry(label="Open" if path else "New", project=project),))
        self.path = path
        self.selection = NOTHING
        self.layer: int | None = None
        self.on_project: list[Listener] = []
        self.on_selection: list[Listener] = []
        self._saved = project
        self._digest = content_hash(path) if path else ""
        self._preview: Project | None = None
        self._pipeline = Pipeline()
        self._used = 0
        self._known: tuple[Evaluation, ...] = ()

    @classmethod
    def load(cls, path: Path | str) -> "Document":
        """The document in the file at ``path``."""
        return cls(load_project(path), path=Path(path))

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
        return effect_on(gpu, before, self._fresh(after))

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
                _tell(self.on_project)
            return False
        # The preview's evaluation is for this very design; keeping its object keeps the evaluation.
        self.history = self.history.pushed(label, shown if shown == wanted else wanted)
        _tell(self.on_project)
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
        _tell(self.on_project)

    def select(self, selection: Selection) -> None:
        """Select something else, in every view."""
        if selection != self.selection:
            self.selection = selection
            _tell(self.on_selection)

    def show_layer(self, layer: int | None) -> None:
        """Show and edit the experts of one layer, or of all."""
        if layer != self.layer:
            self.layer = layer
            _tell(self.on_project)

    # The file

    def save(self) -> None:
        """Write the committed project to its file.

        Raises:
            SaveError: if it has no file yet, or another program has changed the file meanwhile.
        """
        if self.path is None:
            raise SaveError("This design has no file yet; choose one with Save as.")
        if self.path.exists() and content_hash(self.path) != self._digest:
            raise SaveError(f"{self.path.name} was changed by another program. Save as another file to keep both.")
        self._write(self.path)

    def save_as(self, path: Path | str) -> None:
        """Write the committed project to another file, which becomes its own."""
        self._write(Path(path))

    def _write(self, path: Path) -> None:
        project = self.history.current
        try:
            old = read_plain_text(self.path, limit_byte=MAX_BYTE) if self.path else ""
            text = updated_text(old, project, folder=path.parent)
        except FileError:  # gone or damaged meanwhile: nothing of it is worth keeping
            text = project_text(project, folder=path.parent)
        save_text(path, text)
        self.path, self._saved, self._digest = path, project, content_hash(path)
        _tell(self.on_project)

    def _show(self, preview: Project | None) -> None:
        if preview is not self._preview:
            self._preview = preview
            _tell(self.on_project)

    def _evaluated(self, project: Project) -> Evaluation:
        found = next((item for item in self._known if item.project is project), None)
        if found is None:
            found = self._fresh(project)
        kept = (item for item in self._known if item is not found and item.project is self.history.current)
        self._known = (found, *kept)
        return found

    def _fresh(self, project: Project) -> Evaluation:
        self._used += 1
        if self._used > EVALUATIONS_TO_REMEMBER:
            self._pipeline, self._used = Pipeline(), 0
        return self._pipeline.evaluate(project)


def _tell(listeners: list[Listener]) -> None:
    for listener in tuple(listeners):
        listener()
