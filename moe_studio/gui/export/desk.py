"""What the window offers for taking results away: the dialog, and the clipboard."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from moe_studio.document.document import Document
from moe_studio.document.reference import Reference
from moe_studio.errors import MoeStudioError
from moe_studio.gui.export.copy import copy_picture, copy_sum, copy_yaml
from moe_studio.gui.export.dialog import ExportDialog
from moe_studio.gui.messages import Toast
from moe_studio.gui.text import tr
from moe_studio.units import si_text

CHART_FILTERS = {"svg": "SVG picture (*.svg)", "png": "PNG picture (*.png)", "csv": "Values as CSV (*.csv)"}
CHART_SUFFIXES = tuple(f".{kind}" for kind in CHART_FILTERS)


class Savable(Protocol):
    """A chart, as far as saving needs it. ``stem`` names it in the names of files."""

    stem: str

    def save(self, path: Path) -> None: ...


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
        document, reference = self._host.document, self._host.compare.reference
        self.dialog = ExportDialog(document, self._folder(), self._name(), self._parent, reference=reference)
        self.dialog.written.connect(self._on_written)
        self.dialog.finished.connect(self._on_finished)
        self.dialog.open()

    def save_chart(self, chart: Savable, kind: str) -> None:
        """Ask for a file and write a chart to it as ``svg``, ``png`` or ``csv``."""
        start = self._folder() / f"{self._name()}-{chart.stem}.{kind}"
        wanted, _ = QFileDialog.getSaveFileName(self._parent, tr("Save chart"), str(start), tr(CHART_FILTERS[kind]))
        if not wanted:
            return
        path = Path(wanted if Path(wanted).suffix.lower() in CHART_SUFFIXES else f"{wanted}.{kind}")
        try:
            chart.save(path)
        except MoeStudioError as error:
            self._host.toast.say(tr(str(error)))
        else:
            self._on_written(path, path.stat().st_size)

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

    def _folder(self) -> Path:
        """Where files are written unless another place is chosen: beside the project."""
        document = self._host.document
        return document.path.parent if document.path else document.folder or Path.home()

    def _name(self) -> str:
        """How the names of files begin."""
        return self._stem(self._host.document.title)

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
