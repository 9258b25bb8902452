"""The row of tools over the graph: what colours mean, what is shown, and the next-longest paths."""

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QToolButton, QWidget

from moe_studio.document.document import Document
from moe_studio.document.graph_filter import EVERYTHING, GraphFilter, with_family
from moe_studio.document.near_path import NearPath, near_paths
from moe_studio.document.selection import Toward, is_in_graph
from moe_studio.graph.operator import FAMILIES
from moe_studio.gui.dag.button import tool_button
from moe_studio.gui.dag.coloring import COLOR_BYS
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import ElidedLabel
from moe_studio.units import time_text


class GraphTools(QWidget):
    """Controls of a `DagView`.

    Signals:
        find_wanted: the search shall be opened.
        refused: something cannot be done; carries the sentence that says why.
    """

    find_wanted = Signal()
    refused = Signal(str)

    def __init__(self, view: DagView) -> None:
        super().__init__()
        self.view = view
        self.paths: tuple[NearPath, ...] = ()
        self.color = QComboBox()
        self.color.setAccessibleName(tr("Colour by"))
        self.color.setToolTip(tr("What operators are coloured by"))
        for by, name in COLOR_BYS.items():
            self.color.addItem(tr("Colour: {name}", name=tr(name)), by)
        self.filter = _menu_button("Filter", "Which operators are shown in full")
        self.near = _menu_button("Next paths", "The ten next-longest paths")
        self.order = tool_button("Order", "Draw the order on each stream as dotted lines")
        self.order.setCheckable(True)
        self.order.setChecked(view.has_order)
        self.find_button = tool_button("Find", "Find operators (Ctrl+F)")
        self.state = ElidedLabel("", "small")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 8, 2)
        row.setSpacing(4)
        for widget in (self.color, self.filter, self.near, self.order, self.find_button):
            row.addWidget(widget)
        row.addWidget(self.state, 1)
        self.color.activated.connect(lambda index: view.set_color_by(self.color.itemData(index)))
        self.order.clicked.connect(view.toggle_order)
        self.find_button.clicked.connect(self.find_wanted)
        self.filter.menu().aboutToShow.connect(self._fill_filter)
        self.near.menu().aboutToShow.connect(self._fill_near)
        view.filtered.connect(self._on_filtered)

    @property
    def _document(self) -> Document:
        return self.view.document

    # The filter

    def _fill_filter(self) -> None:
        menu, chosen = self.filter.menu(), self.view.filter
        menu.clear()
        for name in FAMILIES:
            action = _add(menu, name.capitalize(), is_on=name in chosen.families)
            action.toggled.connect(lambda on, family=name: self._set(with_family(self.view.filter, family, is_on=on)))
        menu.addSeparator()
        selection = self._document.selection
        for name, number in (("gpu", selection.gpu), ("layer", selection.layer), ("expert", selection.expert)):
            if number >= 0:
                self._add_words(menu, name, number)
        towards: tuple[Toward, Toward] = ("upstream", "downstream")
        for toward in towards:
            text = "Only what comes before it" if toward == "upstream" else "Only what comes after it"
            action = _add(menu, text, is_on=bool(chosen.around.kind) and chosen.toward == toward)
            action.setEnabled(bool(chosen.around.kind) or is_in_graph(selection))
            action.toggled.connect(lambda on, way=toward: self._set(self._around(way, is_on=on)))
        menu.addSeparator()
        hides = _add(menu, "Hide the rest", is_on=chosen.hides)
        hides.toggled.connect(lambda on: self._set(replace(self.view.filter, hides=on)))
        everything = menu.addAction(tr("Show everything"))
        everything.setEnabled(not chosen.is_empty)
        everything.triggered.connect(self.show_everything)

    def _add_words(self, menu: QMenu, name: str, number: int) -> None:
        words = f"{name}:{number}"
        title = tr(
            {"gpu": "Only GPU {number}", "layer": "Only layer {number}"}.get(name, "Only expert {number}"),
            number=number,
        )
        action = _add(menu, title, is_on=words in self.view.filter.words.split())
        action.toggled.connect(lambda on: self._set(with_word(self.view.filter, words, is_on=on)))

    def _around(self, toward: Toward, *, is_on: bool) -> GraphFilter:
        around = self._document.selection if is_on else EVERYTHING.around
        return replace(self.view.filter, around=around, toward=toward)

    def around(self, toward: Toward) -> None:
        """Show only what comes before or after the selection."""
        if is_in_graph(self._document.selection):
            self._set(self._around(toward, is_on=True))
        else:
            self.refused.emit("Select an operator, an expert, a GPU, a node or a layer first.")

    def keep(self, words: str) -> None:
        """Show only what fits ``words``."""
        self._set(replace(self.view.filter, words=words))

    def show_everything(self) -> None:
        """Take the filter away."""
        self._set(replace(EVERYTHING, hides=self.view.filter.hides))

    def _set(self, chosen: GraphFilter) -> None:
        self.view.set_filter(chosen)

    def _on_filtered(self) -> None:
        chosen = self.view.filter
        look = self.view.look
        count = int(np.count_nonzero(look.mask)) if look is not None and look.mask is not None else 0
        self.state.setText("" if chosen.is_empty else f"{tr(chosen.text())} · {count:,}")
        self.filter.setText(tr("Filter") + ("" if chosen.is_empty else " ●"))

    # The next-longest paths

    def _fill_near(self) -> None:
        menu, evaluation = self.near.menu(), self._document.evaluation
        menu.clear()
        self.paths = near_paths(evaluation)
        for path in self.paths:
            menu.addAction(path_text(path, evaluation.graph.name(path.via))).triggered.connect(
                lambda _=False, chosen=path: self.show_path(chosen)
            )
        if not self.paths:
            menu.addAction(tr("Every operator is on the longest path.")).setEnabled(False)
        menu.addSeparator()
        none = menu.addAction(tr("Mark none"))
        none.setEnabled(bool(len(self.view.way)))
        none.triggered.connect(lambda: self.view.mark_way(np.zeros(0, np.int64)))

    def show_path(self, path: NearPath) -> None:
        """Mark a path and bring into view where it is not the longest."""
        self.view.mark_way(path.rows)
        self.view.frame_rows(path.detour)


def path_text(path: NearPath, name: str) -> str:
    """A path in one line."""
    slack = tr("as long as the longest") if path.slack_s <= 0 else f"−{time_text(path.slack_s, 3)}"
    alike = tr("{count} alike", count=f"{path.alike:,}") if path.alike > 1 else ""
    return " · ".join(part for part in (f"{time_text(path.length_s, 5)}", slack, f"{name}", alike) if part)


def with_word(chosen: GraphFilter, word: str, *, is_on: bool) -> GraphFilter:
    """``chosen`` with one word more, in place of another of its kind, or less."""
    kind = word.partition(":")[0]
    others = [item for item in chosen.words.split() if not item.startswith(f"{kind}:")]
    return replace(chosen, words=" ".join([*others, word] if is_on else others))


def _add(menu: QMenu, text: str, *, is_on: bool) -> QAction:
    action = menu.addAction(tr(text))
    action.setCheckable(True)
    action.setChecked(is_on)
    return action


def _menu_button(text: str, tip: str) -> QToolButton:
    button = tool_button(text, tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setMenu(QMenu(button))
    return button
