"""Paper: the report and the view that has the focus, to a printer or a PDF file."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMarginsF, QPoint, QRectF, QUuid
from PySide6.QtGui import QFont, QPagedPaintDevice, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtWidgets import QWidget

from moe_studio.errors import SaveError
from moe_studio.gui.render import drawing_application, without_dates
from moe_studio.gui.text import tr
from moe_studio.gui.theme import FAMILY

MARGINS = QMarginsF(15, 15, 15, 15)
"""Millimetres around what is printed."""

TEXT_POINTS = 9


def report_pdf(report: str, path: Path) -> None:
    """Write a report, which is Markdown, to the PDF file ``path``; no window is needed."""
    drawing_application()
    _to_pdf(path, lambda device: paint_report(report, device), is_wide=False)


def view_pdf(view: QWidget, path: Path) -> None:
    """Write ``view`` as it is shown to the PDF file ``path``."""
    _to_pdf(path, lambda device: paint_view(view, device), is_wide=view.width() > view.height())


def ask_printer(parent: QWidget, *, is_wide: bool = False) -> QPrinter | None:
    """The printer that the user chooses; None when the dialog is left."""
    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    _lay_out(printer, is_wide=is_wide)
    dialog = QPrintDialog(printer, parent)
    dialog.setWindowTitle(tr("Print"))
    return printer if dialog.exec() == QPrintDialog.DialogCode.Accepted else None


def paint_report(report: str, device: QPagedPaintDevice) -> None:
    """Print a report, which is Markdown, page by page."""
    document = QTextDocument()
    font = QFont(FAMILY)
    font.setPointSize(TEXT_POINTS)
    document.setDefaultFont(font)
    # Raw HTML in a name is text; nothing is loaded from anywhere.
    features = QTextDocument.MarkdownFeature
    document.setMarkdown(report, features.MarkdownDialectGitHub | features.MarkdownNoHTML)
    document.print_(device)


def paint_view(view: QWidget, device: QPagedPaintDevice) -> None:
    """Print ``view`` as large as fits on one page."""
    page = QRectF(device.pageLayout().paintRectPixels(_resolution(device)))
    with QPainter(device) as painter:
        scale = min(page.width() / max(1, view.width()), page.height() / max(1, view.height()))
        painter.scale(scale, scale)
        # A graphics view has another `render`, which leaves out the frame and what floats above the scene.
        QWidget.render(view, painter, QPoint())


def _to_pdf(path: Path, paint: Callable[[QPagedPaintDevice], None], *, is_wide: bool) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        try:
            temporary.write_bytes(b"")
            writer = QPdfWriter(str(temporary))
            writer.setCreator("MoE Studio")
            writer.setDocumentId(QUuid(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
            _lay_out(writer, is_wide=is_wide)
            paint(writer)
            del writer
            temporary.write_bytes(without_dates(temporary.read_bytes()))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SaveError(f"{path.name} was not written: {error.strerror or error}.") from error


def _lay_out(device: QPagedPaintDevice, *, is_wide: bool) -> None:
    orientation = QPageLayout.Orientation.Landscape if is_wide else QPageLayout.Orientation.Portrait
    size = QPageSize(QPageSize.PageSizeId.A4)
    device.setPageLayout(QPageLayout(size, orientation, MARGINS, QPageLayout.Unit.Millimeter))


def _resolution(device: QPagedPaintDevice) -> int:
    return int(device.logicalDpiX())
