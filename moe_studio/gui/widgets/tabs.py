"""Tabs whose pages may change without everything else being laid out and painted anew."""

from PySide6.QtCore import QEvent, QSize
from PySide6.QtWidgets import QTabWidget
from typing_extensions import override


class Tabs(QTabWidget):
    """Qt lays out and paints all of a `QTabWidget` whenever a word in a page or in a tab changes.

    Here it does so only when the row of tabs is to be higher, or the pages need more room.
    """

    def __init__(self) -> None:
        super().__init__()
        self._room: tuple[int, QSize] | None = None

    def name_tab(self, index: int, title: str) -> None:
        """Call a tab otherwise."""
        # QTabWidget.setTabText lays out and paints the page, too.
        if self.tabText(index) != title:
            self.tabBar().setTabText(index, title)

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest:
            room = self.tabBar().sizeHint().height(), self.minimumSizeHint()
            if room == self._room:
                return True
            self._room = room
        return super().event(event)
