"""What explains the window: palette, keys, help pages and the tour."""

from typing import Protocol

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import QWidget

from moe_studio.gui.help.tour import Tour
from moe_studio.gui.help.viewer import HelpWindow
from moe_studio.gui.menus import Menus
from moe_studio.gui.messages import Toast
from moe_studio.gui.stops import tour_stops
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.figure_strip import FigureStrip
from moe_studio.gui.widgets.palette import CommandPalette
from moe_studio.gui.widgets.shortcuts import ShortcutSheet
from moe_studio.gui.workspace import Workspace

TOUR_KEY = "tour_offered"
OFFER = "New here? The tour shows in five steps what stands where."


class Host(Protocol):
    """What the window is to its explanations."""

    toast: Toast
    workspace: Workspace
    strip: FigureStrip
    menus: Menus


class Helps(QObject):
    """Verbs that explain."""

    def __init__(self, host: Host, parent: QWidget, settings: QSettings | None) -> None:
        super().__init__(parent)
        self._host = host
        self._parent = parent
        self._settings = settings
        self.pages: HelpWindow | None = None

    def show_palette(self) -> None:
        """Let an action be found by its name."""
        CommandPalette(self._parent, self._host.menus.entries()).open()

    def show_shortcuts(self) -> None:
        """Show all keys."""
        ShortcutSheet(self._parent).open()

    def show_pages(self) -> None:
        """Show the help pages."""
        if self.pages is None:
            self.pages = HelpWindow(self._parent)
        self.pages.open_page()

    def show_tour(self) -> None:
        """Point at what matters, one thing after the other."""
        Tour(self._parent, tour_stops(self._host.strip, self._host.workspace)).begin()

    def offer_tour(self) -> None:
        """Offer the tour with the first design, and never again."""
        if self._settings is not None and not self._settings.value(TOUR_KEY):
            self._settings.setValue(TOUR_KEY, "1")
            self._host.toast.say(OFFER, action=tr("Tour"), act=self.show_tour)
