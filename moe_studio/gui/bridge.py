"""Between the document and the views: changes become signals, at most one evaluation a frame."""

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

from moe_studio.document.document import Document
from moe_studio.errors import MoeStudioError

FRAME_MS = 16


class DocumentBridge(QObject):
    """Tells the views what the document shows.

    Signals:
        evaluated: the project shown was evaluated anew.
        failed: the project shown cannot be evaluated; carries the sentence that says why.
        selection_changed: something else is selected.
    """

    evaluated = Signal()
    failed = Signal(str)
    selection_changed = Signal()
    _due = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._clock = QElapsedTimer()
        self._timer.timeout.connect(self.refresh)
        self._is_due = False
        # Queued, it comes before the painting that the same event of the pointer has asked for.
        self._due.connect(self._on_due, Qt.ConnectionType.QueuedConnection)
        self.attach(document)

    def attach(self, document: Document) -> None:
        """Listen to another document."""
        self.detach()
        self.document = document
        document.on_project.append(self._on_project)
        document.on_selection.append(self._on_selection)

    def detach(self) -> None:
        """Listen no longer."""
        for listeners, own in (
            (self.document.on_project, self._on_project),
            (self.document.on_selection, self._on_selection),
        ):
            if own in listeners:
                listeners.remove(own)
        self._stop()

    def refresh(self) -> None:
        """Evaluate what the document shows and tell the views."""
        self._stop()
        self._clock.start()  # a frame lasts from one start to the next, with the work that it takes
        try:
            self.document.evaluation  # noqa: B018
        except MoeStudioError as error:
            self.failed.emit(str(error))
        else:
            self.evaluated.emit()

    @property
    def is_pending(self) -> bool:
        """Whether a change is still to be shown."""
        return self._is_due or self._timer.isActive()

    def ask(self) -> None:
        """Tell the views at the next frame, as after a change."""
        self._on_project()

    def _on_project(self) -> None:
        if not self.document.is_previewing:
            # Another design may have other GPUs and layers: no view may answer a click as if it still had the old ones.
            self.refresh()
        elif not self.is_pending:
            # The first preview is shown at once, those that follow it one frame after the other.
            spent = self._clock.elapsed() if self._clock.isValid() else FRAME_MS
            if spent >= FRAME_MS:
                self._is_due = True
                self._due.emit()
            else:
                self._timer.start(int(FRAME_MS - spent))

    def _on_due(self) -> None:
        if self._is_due:
            self.refresh()

    def _stop(self) -> None:
        self._timer.stop()
        self._is_due = False

    def _on_selection(self) -> None:
        # What is selected may be new: views must know of it first.
        if self.is_pending:
            self.refresh()
        self.selection_changed.emit()
