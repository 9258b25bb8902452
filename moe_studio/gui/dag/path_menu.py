"""The menu of paths: which longest path is marked, and the ten that follow it."""

from functools import partial

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QMenu, QToolButton

from moe_studio.document.near_path import NearPath, near_paths
from moe_studio.document.selection import operator_selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.dag.lane_canvas import NO_ROWS
from moe_studio.gui.dag.lanes import PathKind
from moe_studio.gui.dag.menu import add_choices, add_switch
from moe_studio.gui.text import tr
from moe_studio.units import time_text
from moe_studio.view.label import gpu_text

KINDS: dict[PathKind, str] = {"scheduled": "Of the schedule", "dependency": "Of dependencies alone"}


class PathMenu(QObject):
    """Fills a menu with the paths of a `DagView`, and does what is chosen there.

    Signals:
        marked: another path is marked beside the longest one, or none.
    """

    marked = Signal()

    def __init__(self, menu: QMenu, view: DagView) -> None:
        super().__init__(menu)
        self.menu, self.view = menu, view
        self.is_every = False
        self.paths: tuple[NearPath, ...] = ()
        self._of: tuple[Evaluation, bool] | None = None
        menu.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List what there is now."""
        menu, view = self.menu, self.view
        menu.clear()
        add_switch(menu, tr("Mark the longest path (L)"), lambda _: view.toggle_path(), is_on=view.has_path)
        add_choices(
            menu, ((tr(text), partial(view.set_path, kind), view.path_kind == kind) for kind, text in KINDS.items())
        )
        menu.addSeparator()
        menu.addAction(tr("Next-longest paths")).setEnabled(False)
        lists = ((False, "One for each reason"), (True, "Every path"))
        add_choices(menu, ((tr(text), partial(self._list, every), self.is_every == every) for every, text in lists))
        menu.addSeparator()
        self.find()
        for path in self.paths:
            action = menu.addAction(path_text(path, view.document.evaluation))
            action.setCheckable(True)
            action.setChecked(np.array_equal(path.rows, view.own_way))
            action.triggered.connect(partial(self._on_chosen, path))
        if not self.paths:
            menu.addAction(tr("There is no other path.")).setEnabled(False)
        menu.addSeparator()
        for text, act in (("Select its operators", self.select), ("Mark none", self.clear)):
            action = menu.addAction(tr(text))
            action.setEnabled(bool(len(view.own_way)))
            action.triggered.connect(act)

    def find(self) -> None:
        """Find the paths of the design that is shown."""
        wanted = self.view.document.evaluation, self.is_every
        if self._of is None or self._of[0] is not wanted[0] or self._of[1] != wanted[1]:
            self._of, self.paths = wanted, near_paths(wanted[0], is_every=self.is_every)

    def _list(self, is_every: bool) -> None:
        """List other paths; the menu is opened again to show them."""
        self.is_every = is_every
        button = self.menu.parent()
        if isinstance(button, QToolButton):
            QTimer.singleShot(0, button, button.showMenu)

    def _on_chosen(self, path: NearPath, _is_checked: bool = False) -> None:
        self.show(path)

    def show(self, path: NearPath) -> None:
        """Mark a path and bring into view where it is not the longest."""
        self.view.mark_way(path.rows)
        self.view.frame_rows(path.detour if len(path.detour) else path.rows)
        self.marked.emit()

    def select(self) -> None:
        """Select all operators of the path that is marked."""
        document, rows = self.view.document, self.view.own_way
        document.select_all([operator_selection(document.evaluation.graph, row) for row in rows.tolist()])

    def clear(self) -> None:
        """Mark no path beside the longest one."""
        self.view.mark_way(NO_ROWS)
        self.marked.emit()


def path_text(path: NearPath, evaluation: Evaluation) -> str:
    """A path in one line: how long it is, and in what it differs from the longest."""
    slack = tr("as long as the longest") if not path.slack_s else f"−{time_text(path.slack_s, 3)}"
    alike = tr("{count} alike", count=f"{path.alike:,}") if path.alike > 1 else ""
    parts = (time_text(path.length_s, 5), slack, detour_text(path.detour, evaluation), alike)
    return " · ".join(part for part in parts if part)


def detour_text(detour: IntArray, evaluation: Evaluation) -> str:
    """Where a path is not the longest: from which operator to which, and on which GPUs."""
    graph = evaluation.graph
    if not len(detour):
        return tr("leaves something out")
    first, last = int(detour[0]), int(detour[-1])
    if len(detour) == 1:
        return graph.name(first)
    ends = f"l{graph.layer[first]} {graph.kind_name(first)} → l{graph.layer[last]} {graph.kind_name(last)}"
    return f"{ends} ({len(detour)}), {gpu_text(graph.gpu[detour].tolist())}"
