"""Charts as files and on the clipboard: SVG, PNG, and their numbers as CSV."""

from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QGraphicsView, QMenu, QWidget

from moe_studio.document.table import Table
from moe_studio.errors import MoeStudioError
from moe_studio.export.text import plain
from moe_studio.gui.plots.legend import Legend
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.storage.atomic import save_bytes

MARGIN, HEAD = 12, 26
SCALE = 2
"""Pixels of a PNG for each logical one."""

FILTERS = {"svg": "SVG picture (*.svg)", "png": "PNG picture (*.png)", "csv": "Values as CSV (*.csv)"}


class Drawn(Protocol):
    """A chart, as far as saving needs it."""

    title: str
    stem: str
    theme: Theme
    legend: Legend
    plot: QGraphicsView

    def table(self) -> Table: ...


def save_chart(chart: Drawn, path: Path | str) -> None:
    """Write ``chart`` to ``path`` as its suffix says: .svg, .png or .csv.

    Raises:
        MoeStudioError: for another suffix.
        SaveError: if the file cannot be written.
    """
    path = Path(path)
    content = {".svg": svg_bytes, ".png": png_bytes, ".csv": csv_bytes}.get(path.suffix.lower())
    if content is None:
        raise MoeStudioError(f"{plain(path.name)}: a chart is saved as .svg, .png or .csv.")
    save_bytes(path, content(chart))


def svg_bytes(chart: Drawn) -> bytes:
    """The chart as a drawing that stays sharp at any size."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    size = picture_size(chart)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle(plain(chart.title))
    with QPainter(generator) as painter:
        _draw(chart, painter, size)
    return bytes(buffer.data().data())


def png_bytes(chart: Drawn) -> bytes:
    """The chart as pixels."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(chart_image(chart))
    return bytes(buffer.data().data())


def csv_bytes(chart: Drawn) -> bytes:
    """The chart's numbers."""
    return chart.table().csv_text().encode()


def chart_image(chart: Drawn) -> QImage:
    """The chart as a picture."""
    size = picture_size(chart)
    image = QImage(size * SCALE, QImage.Format.Format_RGB32)
    with QPainter(image) as painter:
        painter.scale(SCALE, SCALE)
        _draw(chart, painter, size)
    return image


def picture_size(chart: Drawn) -> QSize:
    """The plot's size with room for the title."""
    plot = chart.plot.size()
    return QSize(plot.width() + 2 * MARGIN, plot.height() + _head_height(chart) + 2 * MARGIN)


def _head_height(chart: Drawn) -> int:
    """Height of the title, and of the legend where that stands below it."""
    return HEAD + (chart.legend.height_in(chart.plot.width()) if chart.legend.is_below else 0)


def _draw(chart: Drawn, painter: QPainter, size: QSize) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), chart.theme.color("surface"))
    width, height = size.width() - 2 * MARGIN, _head_height(chart)
    head = QRectF(MARGIN, MARGIN, width, HEAD - 6)
    painter.setFont(ui_font(13, is_bold=True))
    painter.setPen(chart.theme.color("text"))
    painter.drawText(head, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, chart.title)
    if chart.legend.is_below:
        chart.legend.draw(painter, QRectF(MARGIN, head.bottom(), width, height - HEAD), is_left=True)
    else:
        named = painter.fontMetrics().horizontalAdvance(chart.title) + 16
        chart.legend.draw(painter, head.adjusted(named, 0, 0, 0), is_left=False)
    plot = chart.plot
    target = QRectF(MARGIN, MARGIN + height, plot.width(), plot.height())
    plot.render(painter, target, plot.viewport().rect())


def ask_and_save(chart: QWidget, kind: str) -> None:
    """Ask for a file and write the chart to it; what goes wrong is said through its signal ``refused``."""
    drawn: Drawn = chart  # type: ignore[assignment]
    wanted, _ = QFileDialog.getSaveFileName(chart, tr("Save chart"), f"{drawn.stem}.{kind}", FILTERS[kind])
    if not wanted:
        return
    path = Path(wanted)
    try:
        save_chart(drawn, path if path.suffix else path.with_suffix(f".{kind}"))
    except MoeStudioError as error:
        chart.refused.emit(str(error))  # type: ignore[attr-defined]


def chart_menu(chart: QWidget) -> QMenu:
    """What can be done with a chart."""
    drawn: Drawn = chart  # type: ignore[assignment]
    menu = QMenu(chart)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.setAccessibleName(tr("Save or copy the chart"))
    for kind, text in (("svg", "Save as SVG…"), ("png", "Save as PNG…"), ("csv", "Save values as CSV…")):
        menu.addAction(tr(text)).triggered.connect(lambda _=False, kind=kind: ask_and_save(chart, kind))
    menu.addSeparator()
    clipboard = QGuiApplication.clipboard()
    menu.addAction(tr("Copy picture")).triggered.connect(lambda: clipboard.setImage(chart_image(drawn)))
    menu.addAction(tr("Copy values")).triggered.connect(lambda: clipboard.setText(drawn.table().csv_text()))
    return menu
