"""Starts the window, and takes pictures of it."""

import gc
import os
import sys
from pathlib import Path

from PySide6.QtCore import QEventLoop, QSettings, QSize, QTimer
from PySide6.QtWidgets import QApplication

from moe_studio.document.document import Document
from moe_studio.document.place import state_folder, template_folder
from moe_studio.errors import SaveError
from moe_studio.gui.command.look_menu import SIZES
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.start.keeper import Places
from moe_studio.gui.text import ENGLISH, SYSTEM, has_letters, use_language
from moe_studio.gui.theme import apply_theme, install_fonts, theme_named, ui_font
from moe_studio.locator import resource
from moe_studio.storage.loader import load_project

FIRST_EXAMPLE = "seed0-proposed.moe.yaml"
USUAL_SIZE = QSize(1600, 1000)


def run(path: str | None = None) -> int:
    """Open the window on the project at ``path``, or on an example; returns when it is closed."""
    document = opened(path)
    settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "moe-studio", "window")
    use_size(str(settings.value("size", "0")))
    app = application()
    language = str(settings.value("language", SYSTEM))
    use_language(language if has_letters(language) else ENGLISH)
    places = Places(state=state_folder(), templates=template_folder())
    session = Session(app, settings, places)
    session.open_window(document, shows_start=path is None)
    spare_collector()
    return app.exec()


def spare_collector() -> None:
    """Let Python's collector of garbage pass over all that there is now, for as long as this window lives.

    Looking through the 140,000 objects of program and window took 50 ms or more, again and again within a drag.
    """
    gc.freeze()


def use_size(percent: str) -> None:
    """Have the application show everything at so many percent; Qt reads it once, when the application is made."""
    if percent in map(str, SIZES):
        os.environ.setdefault("QT_SCALE_FACTOR", f"{int(percent) / 100:g}")


class Session:
    """The window of this process; another one takes its place when the language changes."""

    def __init__(self, app: QApplication, settings: QSettings, places: Places) -> None:
        self._app = app
        self._settings = settings
        self._places = places
        self.window: MainWindow | None = None

    def open_window(self, document: Document, *, shows_start: bool = False) -> None:
        """Show a window on ``document``."""
        theme = str(self._settings.value("theme", "system"))
        apply_theme(self._app, theme_named(theme))
        window = MainWindow(document, theme=theme, settings=self._settings, places=self._places)
        window.hook.install()
        window.language_wanted.connect(self.speak)
        room = self._app.primaryScreen().availableGeometry().size()
        window.open_at(USUAL_SIZE.boundedTo(room))
        if shows_start:
            window.files.show_start()
        self.window = window

    def speak(self, language: str) -> None:
        """Show the same document in another language."""
        before = self.window
        if before is None:
            return
        use_language(language)
        gc.unfreeze()  # the window before is to be collected
        shows_start = before.files.page.isVisible()
        before.leave()
        self.open_window(before.document, shows_start=shows_start)
        before.hide()
        before.deleteLater()


def screenshot(
    path: str | Path | None,
    out: str | Path,
    *,
    tab: str = "",
    size: tuple[int, int] = (1600, 1000),
    theme: str = "light",
) -> None:
    """Draw the window on the project at ``path`` into the picture file ``out``, without a display if need be."""
    document = opened(path)
    app = application()
    apply_theme(app, theme_named(theme))
    window = MainWindow(document, theme=theme)
    window.open_at(QSize(*size))
    window.workspace.show_tab(tab)
    _settle(window)
    window.workspace.finish()
    window.workspace.breakdown.why.finish()
    _settle(window)
    is_saved = window.grab().save(str(out))
    window.close()
    if not is_saved:
        raise SaveError(f"The picture {Path(out).name} could not be written; is the folder there, and the ending .png?")


def _settle(window: MainWindow) -> None:
    """Let layouts settle in the event loop: what is queued behind them sees the finished window."""
    # Not the application's own loop: leaving that one closes the window, and what is hidden is not drawn.
    loop = QEventLoop()
    QTimer.singleShot(0, window, lambda: QTimer.singleShot(0, window, loop.quit))
    loop.exec()


def opened(path: str | Path | None) -> Document:
    """The document at ``path``; without one a new design made from an example."""
    if path is None:
        return Document(load_project(resource("examples", FIRST_EXAMPLE)))
    return Document.load(path)


def application() -> QApplication:
    """The application with its font; without a display it draws into memory."""
    known = QApplication.instance()
    if isinstance(known, QApplication):
        app = known
    else:
        if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        app = QApplication([sys.argv[0] if sys.argv else "moe-studio"])
    app.setApplicationName("MoE Studio")
    app.setStyle("Fusion")
    install_fonts()
    app.setFont(ui_font())
    return app
