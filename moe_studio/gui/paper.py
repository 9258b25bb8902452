"""What the window offers of paper: the report and the view that has the focus, printed or as PDF."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from moe_studio.document.document import Document
from moe_studio.errors import MoeStudioError
from moe_studio.export.report import report
from moe_studio.gui.files import file_stem
from moe_studio.gui.looks import Looks
from moe_studio.gui.messages import Toast
from moe_studio.gui.printing import ask_printer, paint_report, paint_view, report_pdf, view_pdf
from moe_studio.gui.text import tr


class Host(Protocol):
    """What the window is to its papers."""

    document: Document
    toast: Toast
    looks: Looks

    def current_view(self) -> QWidget: ...


class Papers(QObject):
    """Verbs for printing."""

    def __init__(self, host: Host, parent: QWidget) -> None:
        super().__init__(parent)
        self._host = host
        self._parent = parent

    def print_report(self) -> None:
        """Print the report."""
        printer = ask_printer(self._parent)
        if printer is not None:
            paint_report(report(self._host.document.evaluation), printer)

    def print_view(self) -> None:
        """Print the view that has the focus."""
        view = self._host.current_view()
        printer = ask_printer(self._parent, is_wide=view.width() > view.height())
        if printer is not None:
            with self._host.looks.on_paper():
                paint_view(view, printer)

    def report_as_pdf(self) -> None:
        """Ask for a file and write the report to it."""
        self._ask_pdf("report", lambda path: report_pdf(report(self._host.document.evaluation), path))

    def view_as_pdf(self) -> None:
        """Ask for a file and write the view that has the focus to it."""
        view = self._host.current_view()

        def write(path: Path) -> None:
            with self._host.looks.on_paper():
                view_pdf(view, path)

        self._ask_pdf("view", write)

    def _ask_pdf(self, what: str, write: Callable[[Path], None]) -> None:
        document = self._host.document
        folder = document.path.parent if document.path else Path.home()
        start = str(folder / f"{file_stem(document.title)}-{what}.pdf")
        name, _ = QFileDialog.getSaveFileName(self._parent, tr("Save as PDF"), start, "PDF (*.pdf)")
        if not name:
            return
        path = Path(name if name.lower().endswith(".pdf") else f"{name}.pdf")
        try:
            write(path)
        except MoeStudioError as error:
            self._host.toast.say(tr(str(error)))
        else:
            self._host.toast.say(tr("Saved {name}.", name=path.name))
