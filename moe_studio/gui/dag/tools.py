"""The row of tools over the graph: which view, what colours mean, what is shown, and the paths."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from moe_studio.document.document import Document
from moe_studio.document.graph_filter import EVERYTHING, GraphFilter, with_family
from moe_studio.document.selection import Toward, is_in_graph
from moe_studio.graph.operator import FAMILIES
from moe_studio.gui.dag.button import tool_button
from moe_studio.gui.dag.coloring import COLOR_BYS
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.dag.lanes import Columns
from moe_studio.gui.dag.menu import add_choices, add_switch, menu_button
from moe_studio.gui.dag.path_menu import PathMenu
from moe_studio.gui.dag.place import VIEWS
from moe_studio.gui.form.flow import FlowLayout
from moe_studio.gui.text import tr

SELECT_FIRST = "Select an operator, an expert, a GPU, a node or a layer first."
COLUMNS: dict[Columns, str] = {"level": "Columns are levels", "time": "Columns are time"}


class GraphTools(QWidget):
    """Controls of a `DagView`, in one line, or in more where that is narrow.

    Signals:
        find_wanted: the search shall be opened.
        view_wanted: another view shall be shown; carries its name.
        refused: something cannot be done; carries the sentence that says why.
    """

    find_wanted = Signal()
    view_wanted = Signal(str)
    refused = Signal(str)

    def __init__(self, view: DagView) -> None:
        super().__init__()
        self.view = view
        self.views = menu_button("View", "Which view of the graph")
        self.color = menu_button("Colour", "What operators are coloured by")
        self.filter = menu_button("Filter", "Which operators are shown in full")
        self.near = menu_button("Paths", "The longest path, and the ten next-longest")
        self.shown = menu_button("Show", "What else is drawn: columns, order, map, legend")
        self.find_button = tool_button("Find", "Find operators (Ctrl+F)")
        self.paths = PathMenu(self.near.menu(), view)
        self.place_view = ""
        self._build()
        self.find_button.clicked.connect(self.find_wanted)
        for button, fill in (
            (self.views, self._fill_views),
            (self.color, self._fill_color),
            (self.filter, self._fill_filter),
            (self.shown, self._fill_shown),
        ):
            button.menu().aboutToShow.connect(fill)
        view.filtered.connect(self._on_filtered)

    def _build(self) -> None:
        buttons = QWidget()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        buttons.setSizePolicy(policy)
        flow = FlowLayout(buttons)
        for widget in (self.views, self.color, self.filter, self.near, self.shown, self.find_button):
            flow.addWidget(widget)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 2)
        row.addWidget(buttons)

    @property
    def _document(self) -> Document:
        return self.view.document

    # Menus

    def _fill_views(self) -> None:
        menu, wanted = self.views.menu(), self.view_wanted
        menu.clear()
        choices = ((tr(title), partial(wanted.emit, name), name == self.place_view) for name, title in VIEWS.items())
        add_choices(menu, choices)

    def _fill_color(self) -> None:
        menu, view = self.color.menu(), self.view
        menu.clear()
        add_choices(
            menu,
            ((tr(name), partial(view.set_color_by, by), view.looks.color_by == by) for by, name in COLOR_BYS.items()),
        )

    def _fill_shown(self) -> None:
        menu, view = self.shown.menu(), self.view
        menu.clear()
        choices = ((tr(name), partial(view.set_columns, kind), view.columns == kind) for kind, name in COLUMNS.items())
        add_choices(menu, choices)
        menu.addSeparator()
        add_switch(menu, tr("Order on each stream, dotted"), lambda _: view.toggle_order(), is_on=view.has_order)
        add_switch(menu, tr("Map (M)"), lambda _: view.toggle_map(), is_on=view.has_map)
        add_switch(menu, tr("Legend"), lambda _: view.toggle_legend(), is_on=not view.legend.isHidden())

    # The filter

    def _fill_filter(self) -> None:
        menu, chosen = self.filter.menu(), self.view.filter
        menu.clear()
        for name in FAMILIES:
            add_switch(menu, tr(name).capitalize(), partial(self._with_family, name), is_on=name in chosen.families)
        menu.addSeparator()
        selection = self._document.selection
        for name, number in (("gpu", selection.gpu), ("layer", selection.layer), ("expert", selection.expert)):
            if number >= 0:
                words = f"{name}:{number}"
                title = {"gpu": "Only GPU {number}", "layer": "Only layer {number}"}.get(name, "Only expert {number}")
                is_on = words in chosen.words.split()
                add_switch(menu, tr(title, number=number), partial(self._with_word, words), is_on=is_on)
        towards: tuple[Toward, Toward] = ("upstream", "downstream")
        for toward in towards:
            text = "Only what comes before it" if toward == "upstream" else "Only what comes after it"
            is_on = bool(chosen.around.kind) and chosen.toward == toward
            action = add_switch(menu, tr(text), partial(self._toggle_around, toward), is_on=is_on)
            action.setEnabled(bool(chosen.around.kind) or is_in_graph(selection))
        menu.addSeparator()
        add_switch(menu, tr("Hide the rest"), self._set_hiding, is_on=chosen.hides)
        everything = menu.addAction(tr("Show everything"))
        everything.setEnabled(not chosen.is_empty)
        everything.triggered.connect(self.show_everything)

    def _with_family(self, family: str, is_on: bool) -> None:
        self._set(with_family(self.view.filter, family, is_on=is_on))

    def _with_word(self, words: str, is_on: bool) -> None:
        self._set(with_word(self.view.filter, words, is_on=is_on))

    def _toggle_around(self, toward: Toward, is_on: bool) -> None:
        self._set(self._around(toward, is_on=is_on))

    def _set_hiding(self, is_on: bool) -> None:
        self._set(replace(self.view.filter, hides=is_on))

    def _around(self, toward: Toward, *, is_on: bool) -> GraphFilter:
        around = self._document.selection if is_on else EVERYTHING.around
        return replace(self.view.filter, around=around, toward=toward)

    def around(self, toward: Toward) -> None:
        """Show only what comes before or after the selection."""
        if is_in_graph(self._document.selection):
            self._set(self._around(toward, is_on=True))
        else:
            self.refused.emit(SELECT_FIRST)

    def keep(self, words: str) -> None:
        """Show only what fits ``words``."""
        self._set(replace(self.view.filter, words=words))

    def show_everything(self) -> None:
        """Take the filter away."""
        self._set(replace(EVERYTHING, hides=self.view.filter.hides))

    def _set(self, chosen: GraphFilter) -> None:
        self.view.set_filter(chosen)

    def _on_filtered(self) -> None:
        is_on = not self.view.filter.is_empty
        self.filter.setText(f"{tr('Filter')} {'●' if is_on else '▾'}")


def with_word(chosen: GraphFilter, word: str, *, is_on: bool) -> GraphFilter:
    """``chosen`` with one word more, in place of another of its kind, or less."""
    kind = word.partition(":")[0]
    others = [item for item in chosen.words.split() if not item.startswith(f"{kind}:")]
    return replace(chosen, words=" ".join([*others, word] if is_on else others))
