"""Charts as files and on the clipboard: SVG, PNG, and their numbers as CSV."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter, QPainter, QRegion
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsView, QMenu, QWidget

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


class Drawn(Protocol):
    """A chart, as far as saving needs it."""

    title: str
    stem: str
    theme: Theme

    @property
    def legend(self) -> Legend | None: ...

    @property
    def plot(self) -> QWidget: ...

    def table(self) -> Table: ...


class Saver:
    """What is drawn, to be saved by those who know nothing of charts."""

    def __init__(self, drawn: Drawn) -> None:
        self._drawn = drawn
        self.stem = drawn.stem

    def save(self, path: Path) -> None:
        """Write it to ``path`` as its suffix says: .svg, .png or .csv."""
        save_chart(self._drawn, path)


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
    # That of the screen: axes are recorded drawings, which Qt scales to the resolution of what they are played on.
    generator.setResolution(chart.plot.logicalDpiX())
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle(plain(tr(chart.title)))
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
    legend = chart.legend
    return HEAD + (legend.height_in(chart.plot.width()) if legend is not None and legend.is_below else 0)


def _draw(chart: Drawn, painter: QPainter, size: QSize) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), chart.theme.color("surface"))
    width, height = size.width() - 2 * MARGIN, _head_height(chart)
    head = QRectF(MARGIN, MARGIN, width, HEAD - 6)
    painter.setFont(ui_font(13, is_bold=True))
    painter.setPen(chart.theme.color("text"))
    title = tr(chart.title)
    painter.drawText(head, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
    if chart.legend is not None and chart.legend.is_below:
        chart.legend.draw(painter, QRectF(MARGIN, head.bottom(), width, height - HEAD), is_left=True)
    elif chart.legend is not None:
        named = painter.fontMetrics().horizontalAdvance(title) + 16
        chart.legend.draw(painter, head.adjusted(named, 0, 0, 0), is_left=False)
    _draw_plot(chart.plot, painter, QPoint(MARGIN, MARGIN + height))


def _draw_plot(plot: QWidget, painter: QPainter, at: QPoint) -> None:
    if isinstance(plot, QGraphicsView):
        with _drawn_sharp(plot):
            plot.render(painter, QRectF(at, plot.size()), plot.viewport().rect())
    else:
        plot.render(painter, at, QRegion(), QWidget.RenderFlag.DrawChildren)


@contextmanager
def _drawn_sharp(plot: QGraphicsView) -> Iterator[None]:
    """Have points drawn as shapes, instead of copied from pictures that were made for the screen."""
    points = [item for item in plot.scene().items() if isinstance(item, pg.ScatterPlotItem)]
    for item in points:
        item.setExportMode(True, {"antialias": True})
    try:
        yield
    finally:
        for item in points:
            item.setExportMode(False)


def chart_menu(chart: QWidget, save: Callable[[str], object]) -> QMenu:
    """What can be done with a chart; ``save`` takes the kind of file that is wanted: svg, png or csv."""
    drawn: Drawn = chart  # type: ignore[assignment]
    menu = QMenu(chart)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.setAccessibleName(tr("Save or copy the chart"))
    for kind, text in (("svg", "Save as SVG…"), ("png", "Save as PNG…"), ("csv", "Save values as CSV…")):
        menu.addAction(tr(text)).triggered.connect(lambda _=False, kind=kind: save(kind))
    menu.addSeparator()
    clipboard = QGuiApplication.clipboard()
    menu.addAction(tr("Copy picture")).triggered.connect(lambda: clipboard.setImage(chart_image(drawn)))
    menu.addAction(tr("Copy values")).triggered.connect(lambda: clipboard.setText(drawn.table().csv_text()))
    return menu
