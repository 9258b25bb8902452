"""What the window offers for taking results away: the dialog, and the clipboard."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from moe_studio.document.document import Document
from moe_studio.document.reference import Reference
from moe_studio.errors import MoeStudioError
from moe_studio.gui.export.copy import copy_picture, copy_sum, copy_yaml
from moe_studio.gui.export.dialog import ExportDialog
from moe_studio.gui.messages import Toast
from moe_studio.gui.text import tr
from moe_studio.units import si_text


class Pinned(Protocol):
    """What knows the design to compare with."""

    reference: Reference | None


class Host(Protocol):
    """What the window is to its exports."""

    document: Document
    toast: Toast

    @property
    def compare(self) -> Pinned: ...
    def current_view(self) -> QWidget: ...


class Exports(QObject):
    """Exporting and copying. ``stem`` makes the beginning of a file name of a title."""

    def __init__(self, host: Host, parent: QWidget, stem: Callable[[str], str]) -> None:
        super().__init__(parent)
        self._host, self._parent, self._stem = host, parent, stem
        self.dialog: ExportDialog | None = None

    def show(self) -> None:
        """Show the dialog."""
        document = self._host.document
        folder = document.path.parent if document.path else document.folder or Path.home()
        stem, reference = self._stem(document.title), self._host.compare.reference
        self.dialog = ExportDialog(document, folder, stem, self._parent, reference=reference)
        self.dialog.written.connect(self._on_written)
        self.dialog.finished.connect(self._on_finished)
        self.dialog.open()

    def copy_picture(self) -> None:
        """Copy what the canvas that has the focus shows."""
        copy_picture(self._host.current_view())
        self._host.toast.say(tr("The picture is in the clipboard."))

    def copy_yaml(self) -> None:
        """Copy the design as text of a project file."""
        try:
            copy_yaml(self._host.document)
        except MoeStudioError as error:
            self._host.toast.say(tr(str(error)))
        else:
            self._host.toast.say(tr("The design is in the clipboard, as YAML."))

    def copy_sum(self) -> None:
        """Copy the run time as a sum of Get_Time terms."""
        copy_sum(self._host.document)
        self._host.toast.say(tr("The run time is in the clipboard, as a sum of Get_Time terms."))

    def end(self) -> None:
        """Leave no process behind, as when the window closes."""
        if self.dialog is not None:
            self.dialog.reject()

    def _on_written(self, path: Path, byte: int) -> None:
        folder = QUrl.fromLocalFile(str(path.parent))
        self._host.toast.say(
            tr("Wrote {name}, {size}.", name=path.name, size=si_text(byte, "B", 3)),
            action=tr("Open folder"),
            act=lambda: open_folder(folder),
        )

    def _on_finished(self) -> None:
        self.dialog = None


def open_folder(folder: QUrl) -> None:
    """Show a folder. Qt hands it to the desktop; no shell reads its name."""
    QDesktopServices.openUrl(folder)
