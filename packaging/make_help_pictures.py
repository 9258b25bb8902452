"""Draws the pictures of the help pages anew: ``python packaging/make_help_pictures.py``.

Only what is drawn by the program itself, at a size that a page can hold.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PySide6.QtCore import QBuffer, QByteArray, QEventLoop, QIODevice, QPoint, QRect, QSize, Qt, QTimer  # noqa: E402
from PySide6.QtGui import QImage, QImageWriter, QPixmap  # noqa: E402
from PySide6.QtWidgets import QWidget  # noqa: E402

from moe_studio.document.document import Document  # noqa: E402
from moe_studio.gui.app import application  # noqa: E402
from moe_studio.gui.main_window import MainWindow  # noqa: E402
from moe_studio.gui.theme import LIGHT, apply_theme  # noqa: E402
from moe_studio.storage.catalogue import example_path  # noqa: E402

SIZE = QSize(1280, 800)
MAX_BYTE = 150_000
FOLDER = ROOT / "resources" / "help"


def main() -> None:
    """Draw all pictures."""
    apply_theme(application(), LIGHT)
    window = MainWindow(Document.load(example_path("seed0-proposed-dp")), theme="light")
    window.open_at(SIZE)
    settle(window)
    space = window.workspace
    save("window", window.grab())
    for name, widget in (("cluster", space.cluster), ("graph", space.dag), ("charts", space.tabs)):
        save(name, part(window, widget))
    space.show_tab("timeline")
    settle(window)
    save("timeline", part(window, space.tabs))
    window.files.show_start()
    settle(window)
    save("start", window.grab())


def settle(window: MainWindow) -> None:
    """Let layouts and views come to rest."""
    loop = QEventLoop()
    QTimer.singleShot(500, loop.quit)
    loop.exec()
    window.workspace.finish()


def part(window: MainWindow, widget: QWidget) -> QPixmap:
    """The part of the window that ``widget`` takes."""
    return window.grab(QRect(widget.mapTo(window, QPoint(0, 0)), widget.size()))


def save(name: str, picture: QPixmap) -> None:
    """Write a picture in its 256 most frequent colours; a window has few others."""
    whole = picture.toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(whole.constBits(), dtype=np.uint32)
    colors, counts = np.unique(pixels, return_counts=True)
    chosen = colors[np.argsort(-counts)][:256].tolist()
    image = whole.convertToFormat(QImage.Format.Format_Indexed8, chosen, Qt.ImageConversionFlag.ThresholdDither)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(b"png"))
    writer.setCompression(100)
    writer.write(image)
    data = bytes(buffer.data().data())
    if len(data) > MAX_BYTE:
        raise SystemExit(f"{name}.png would have {len(data):,} bytes; at most {MAX_BYTE:,}.")
    (FOLDER / f"{name}.png").write_bytes(data)
    print(f"{name}.png: {len(data):,} bytes")


if __name__ == "__main__":
    main()
