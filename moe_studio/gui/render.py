"""Pictures of drawings: PNG and PDF from our own SVG, drawn by Qt without a window."""

import math
import re
from functools import cache
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QHashSeed, QIODevice, QMarginsF, QRectF, QSizeF, Qt, QUuid
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgRenderer

from moe_studio.errors import MoeStudioError, SaveError
from moe_studio.gui.theme import FAMILY, install_fonts

SCALE = 2.0
"""Pixels of a picture for each unit of the drawing, while it stays within `MAX_PIXELS`."""

MAX_PIXELS = 40_000_000
MIN_SCALE = 0.5
MAX_PAGE = 14_400.0
"""Longest side of a PDF page in points; readers refuse longer ones."""

_POINTS = 0.75
_DATES = (
    (re.compile(rb"\(D:\d{14}"), b"(D:20000101000000"),
    (re.compile(rb'Date="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d'), b'Date="2000-01-01T00:00:00'),
)


def render_svg(svg: Path | bytes | str, path: Path | str) -> None:
    """Draw ``svg`` (a path, or its text) to ``path``, as its suffix says: .png or .pdf.

    Raises:
        MoeStudioError: for another suffix, for what is no drawing, or for one too large to be read as a picture.
        SaveError: if the file cannot be written.
    """
    path = Path(path)
    draw = {".png": _png, ".pdf": _pdf}.get(path.suffix.lower())
    if draw is None:
        raise MoeStudioError(f"{path.name}: pictures are .png or .pdf.")
    drawing_application()
    data = draw(_renderer(svg))
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SaveError(f"{path.name} was not written: {error.strerror or error}.") from error


def svg_picture(svg: bytes | str, longest: int) -> bytes:
    """A PNG of ``svg`` whose longer side has at most so many pixels, to be looked at on a screen."""
    drawing_application()
    renderer = _renderer(svg)
    size = renderer.defaultSize()
    return _drawn(renderer, min(SCALE, longest / max(1, size.width(), size.height())))


@cache
def drawing_application() -> QGuiApplication:
    """The running application, or one that needs no display."""
    # Fonts are written in the order of Qt's hashes: with a fixed seed the same drawing gives the same bytes.
    QHashSeed.setDeterministicGlobalSeed()
    running = QGuiApplication.instance()
    application = running if isinstance(running, QGuiApplication) else QGuiApplication(["", "-platform", "offscreen"])
    install_fonts()
    return application


def _renderer(svg: Path | bytes | str) -> QSvgRenderer:
    if isinstance(svg, Path) or (isinstance(svg, str) and not svg.lstrip().startswith("<")):
        svg = Path(svg).read_bytes()
    data = svg.encode() if isinstance(svg, str) else svg
    # Qt takes a list of families for the name of one.
    data = re.sub(rb'font-family="[^"]*"', f'font-family="{FAMILY}"'.encode(), data)
    renderer = QSvgRenderer(QByteArray(data))
    if not renderer.isValid():
        raise MoeStudioError("This is no drawing that can be made into a picture.")
    return renderer


def _png(renderer: QSvgRenderer) -> bytes:
    size = renderer.defaultSize()
    scale = min(SCALE, math.sqrt(MAX_PIXELS / max(1, size.width() * size.height())))
    _check_scale(scale)
    return _drawn(renderer, scale)


def _drawn(renderer: QSvgRenderer, scale: float) -> bytes:
    """A PNG at this scale."""
    size = renderer.defaultSize()
    width, height = (max(1, round(side * scale)) for side in (size.width(), size.height()))
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, image.width(), image.height()))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(buffer.data().data())


def _pdf(renderer: QSvgRenderer) -> bytes:
    size = renderer.defaultSize()
    scale = min(1.0, MAX_PAGE / (max(size.width(), size.height()) * _POINTS))
    _check_scale(scale)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setDocumentId(QUuid(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    writer.setCreator("MoE Studio")
    page = QSizeF(size.width() * _POINTS * scale, size.height() * _POINTS * scale)
    writer.setPageSize(QPageSize(page, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    painter = QPainter(writer)
    renderer.render(painter, QRectF(0, 0, writer.width(), writer.height()))
    painter.end()
    return without_dates(bytes(buffer.data().data()))


def without_dates(data: bytes) -> bytes:
    """A PDF file in which one date stands for all: the same work gives the same bytes, and no offset moves."""
    for pattern, fixed in _DATES:
        data = pattern.sub(fixed, data)
    return data


def _check_scale(scale: float) -> None:
    if scale < MIN_SCALE:
        raise MoeStudioError("This view is too large to be read as a picture; export SVG, or choose a smaller view.")
