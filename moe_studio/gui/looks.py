"""How the window looks: colours, language, and the size of everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from moe_studio.gui.messages import Toast
from moe_studio.gui.text import SYSTEM, has_letters, language_in_use, tr
from moe_studio.gui.theme import LIGHT, Theme, apply_theme, theme_named
from moe_studio.gui.workspace import Workspace

NO_FONT = "No font with Chinese characters is installed. Install one, such as Noto Sans CJK, and choose again."
LATER = "The window has this size when it is opened the next time."


class Host(Protocol):
    """What the window is to its looks."""

    toast: Toast
    workspace: Workspace


class Looks(QObject):
    """Verbs for colours, language and size; the choice is remembered.

    Signals:
        changed: something was chosen; what holds now is in `name`, `language` and `size`.
        language_wanted: the window shall speak another language, so a new one must take its place.
    """

    changed = Signal()
    language_wanted = Signal(str)

    def __init__(self, host: Host, parent: QObject, *, theme: str, settings: QSettings | None) -> None:
        super().__init__(parent)
        self._host = host
        self._settings = settings
        self.name = theme
        self.theme = theme_named(theme)
        self.language = str(settings.value("language", SYSTEM)) if settings else language_in_use()
        size = str(settings.value("size", "0")) if settings else "0"
        self.size = int(size) if size.isdecimal() else 0
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_theme)

    def choose_theme(self, name: str) -> None:
        """Use ``light`` or ``dark`` colours, or those of the ``system``."""
        self.name = name
        self._remember("theme", name)
        self._show(theme_named(name))
        self.changed.emit()

    def choose_language(self, name: str) -> None:
        """Speak another language, if there is a font for it."""
        if not has_letters(name):
            self._host.toast.say(NO_FONT)
            self.changed.emit()  # the one before holds
            return
        self.language = name
        self._remember("language", name)
        self.changed.emit()
        self.language_wanted.emit(name)

    def choose_size(self, percent: int) -> None:
        """Show everything at so many percent of the system's size, from the next start on; 0 as the system has it."""
        self.size = percent
        self._remember("size", percent)
        self.changed.emit()
        self._host.toast.say(tr(LATER))

    def reset_layout(self) -> None:
        """Put all panels back to their places."""
        self._host.workspace.arrange()

    @contextmanager
    def on_paper(self) -> Iterator[None]:
        """The views in colours for white paper, for as long as it takes to print one."""
        self._host.workspace.set_theme(LIGHT)
        try:
            yield
        finally:
            self._host.workspace.set_theme(self.theme)

    def _remember(self, key: str, value: object) -> None:
        if self._settings is not None:
            self._settings.setValue(key, value)

    def _show(self, theme: Theme) -> None:
        self.theme = theme
        workspace = self._host.workspace
        workspace.hold_arrangement()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, theme)
        workspace.set_theme(theme)

    def _on_system_theme(self) -> None:
        if self.name == "system":
            self._show(theme_named("system"))
