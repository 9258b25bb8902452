"""The menus: the table of actions, and those that depend on files and panels."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar

from moe_studio.gui.actions import COMMANDS, MENUS
from moe_studio.gui.command.command import LOOK
from moe_studio.gui.files import SUFFIX, Files
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_tip
from moe_studio.locator import resource


class Menus(QObject):
    """Fills the menu bar, and lists everything that the palette offers."""

    def __init__(self, bar: QMenuBar, actions: Mapping[str, QAction], panels: Sequence[QAction], files: Files) -> None:
        super().__init__(bar)
        self._files = files
        self._actions = actions
        self._menus: dict[str, QMenu] = {title: bar.addMenu(tr(title)) for title in MENUS}
        self.examples = self._menus["File"].addMenu(tr("New from example"))
        self.recent = self._menus["File"].addMenu(tr("Open recent"))
        self.recent.aboutToShow.connect(self.fill_recent)
        self._fill_examples()
        self._fill_table()
        self.panels = self._menu("View/Panels")
        self._fill_panels(panels)
        for menu in bar.findChildren(QMenu):
            menu.setToolTipsVisible(True)

    def entries(self) -> list[tuple[str, QAction]]:
        """Everything that can be done, as the palette names it."""
        self.fill_recent()
        named = [(action.text(), action) for action in self._actions.values()]
        for menu in (self.examples, self.recent, self.panels):
            named += [(f"{menu.title()}: {action.text()}", action) for action in menu.actions()]
        return named

    def fill_recent(self) -> None:
        """List the files that were open lately, as they are now."""
        self.recent.clear()
        for offer in self._files.recent():
            twin = f"moe-studio open {offer.path.name}"
            action = _added(
                self.recent, offer.title, str(offer.path), tr("On the command line: {command}", command=twin)
            )
            action.triggered.connect(lambda _=False, chosen=offer: self._files.open_recent(chosen))
        if self.recent.isEmpty():
            _added(self.recent, tr("None yet."), tr("No file was open lately."), "").setEnabled(False)

    def _fill_examples(self) -> None:
        for path in sorted(resource("examples").glob(f"*{SUFFIX}")):
            name = path.name.removesuffix(SUFFIX)
            twin = f"moe-studio examples {name} -o design.moe.yaml"
            tip = tr("Start a new design from this example")
            action = _added(self.examples, name, tip, tr("On the command line: {command}", command=twin))
            action.triggered.connect(lambda _=False, chosen=path: self._new(chosen))

    def _new(self, path: Path) -> None:
        self._files.new_from_example(path)

    def _fill_panels(self, panels: Sequence[QAction]) -> None:
        for action in panels:
            tip = tr("Show this panel, or hide it")
            action.setToolTip(plain_tip(tip))
            action.setStatusTip(tip)
            action.setWhatsThis(tr("Not on the command line: {reason}", reason=tr(LOOK)))
            self.panels.addAction(action)

    def _fill_table(self) -> None:
        for command in COMMANDS:
            if command.begins_group:
                # In front of a whole submenu, or inside the menu.
                place = command.menu if command.menu in self._menus else command.menu.rsplit("/", 1)[0]
                self._menus[place].addSeparator()
            self._menu(command.menu).addAction(self._actions[command.name])

    def _menu(self, place: str) -> QMenu:
        """The menu at ``place``, such as ``View/Theme``; made where it is first asked for."""
        if place not in self._menus:
            parent, title = place.rsplit("/", 1)
            self._menus[place] = self._menus[parent].addMenu(tr(title))
        return self._menus[place]


def _added(menu: QMenu, text: str, tip: str, twin: str) -> QAction:
    action = menu.addAction(text)
    action.setToolTip(plain_tip(tip))
    action.setStatusTip(tip)
    action.setWhatsThis(twin)
    return action
