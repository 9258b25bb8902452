"""What can be done with the selection in the graph, as a menu under the pointer."""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QWidget

from moe_studio.document.document import Document
from moe_studio.document.selection import is_in_graph
from moe_studio.gui.text import tr


class Canvas(Protocol):
    """The view that is shown."""

    def frame_selection(self) -> None: ...


class Panel(Protocol):
    """What the menu asks of the graph."""

    document: Document

    @property
    def canvas(self) -> Canvas: ...
    def select_upstream(self) -> None: ...
    def select_downstream(self) -> None: ...
    def upstream(self) -> None: ...
    def downstream(self) -> None: ...
    def show_everything(self) -> None: ...
    def show_view(self, name: str) -> None: ...
    def enter(self) -> None: ...
    def leave(self) -> None: ...


def selection_menu(panel: Panel) -> QMenu:
    """The menu, which is gone once something is chosen."""
    assert isinstance(panel, QWidget)
    menu = QMenu(panel)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    has_rows = is_in_graph(panel.document.selection)
    is_operator = panel.document.selection.kind == "operator"
    entries: tuple[tuple[str, Callable[[], object], bool] | None, ...] = (
        ("Select upstream (U)", panel.select_upstream, has_rows),
        ("Select downstream (D)", panel.select_downstream, has_rows),
        ("Show upstream only", panel.upstream, has_rows),
        ("Show downstream only", panel.downstream, has_rows),
        ("Show all operators", panel.show_everything, True),
        None,
        ("Frame selection (F)", panel.canvas.frame_selection, True),
        ("Enter (Alt+Down)", panel.enter, True),
        ("Leave (Backspace)", panel.leave, True),
        None,
        ("Show its layer", lambda: panel.show_view("layer"), has_rows),
        ("Show its GPU", lambda: panel.show_view("gpu"), has_rows),
        ("Show the operator and its neighbours", lambda: panel.show_view("operator"), is_operator),
    )
    for entry in entries:
        if entry is None:
            menu.addSeparator()
            continue
        text, act, is_on = entry
        action = menu.addAction(tr(text))
        action.setEnabled(is_on)
        action.triggered.connect(lambda _=False, run=act: run())
    return menu
