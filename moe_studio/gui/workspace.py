"""The views and how they are arranged: the cluster in the middle, everything else around it."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QByteArray, QElapsedTimer, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QApplication, QButtonGroup, QDockWidget, QMainWindow, QToolButton, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection, selection_at
from moe_studio.document.setting_edit import Editing
from moe_studio.document.suggestion import Suggestion
from moe_studio.engine.rule import Problem, problems
from moe_studio.gui.canvas.cluster_view import ClusterView
from moe_studio.gui.canvas.panel import ClusterPanel
from moe_studio.gui.canvas.traffic_panel import MatrixView, TrafficPanel
from moe_studio.gui.compare.panel import ComparePanel
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.dag.diagram_view import DiagramView
from moe_studio.gui.dag.panel import GraphPanel
from moe_studio.gui.dag.table_view import OperatorTable
from moe_studio.gui.form.settings_panel import SettingsPanel
from moe_studio.gui.inspector.panel import Inspector
from moe_studio.gui.plots.breakdown import BreakdownPanel
from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.load_chart import LoadChart
from moe_studio.gui.plots.memory_chart import MemoryChart
from moe_studio.gui.plots.roofline_chart import RooflineChart
from moe_studio.gui.plots.save import Drawn, Saver, chart_menu
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.timeline.panel import TimelinePanel
from moe_studio.gui.timeline.timeline_view import TimelineView
from moe_studio.gui.widgets.history_list import HistoryList
from moe_studio.gui.widgets.outline import Outline
from moe_studio.gui.widgets.panel import bare_dock, dock, toggle
from moe_studio.gui.widgets.problem_list import ProblemList
from moe_studio.gui.widgets.tabs import Tabs

OUTLINE_FROM, INSPECTOR_FROM = 1400, 1120
"""Widths of the window below which the outline, then the inspector, fold away."""

LARGE = 20_000
"""From so many operators on, the pointer comes in between the views."""

DRAG_MS, SHARE_MS = 24, 8
"""For so long views follow each other at once: while something is carried all are to be painted together."""

LOWEST = 230
"""Height of the evidence in a low window: what its highest page needs, so that no page changes it."""

COMPARE_SHARE = 0.44
"""Height of the evidence, as a share of the whole, while two designs are compared."""

TABS = ("breakdown", "timeline", "memory", "load", "roofline", "traffic", "compare", "settings", "problems", "history")


class Workspace(QMainWindow):
    """All views of one document. A main window inside the main window, so that docks have margins around them.

    Signals:
        refused: something cannot be done; carries the sentence that says why.
        told: something else had to change, too; carries the sentence that says what.
        save_wanted: a chart shall be saved; carries its `Saver` and the kind of file: svg, png or csv.
        drafted: what waits to become a valid design has changed.
    """

    refused = Signal(str)
    told = Signal(str)
    save_wanted = Signal(object, str)
    drafted = Signal()

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__()
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setDockNestingEnabled(True)
        self.document = document
        self.editing = Editing(document)
        self.cluster_panel = ClusterPanel(document, theme)
        self.cluster = self.cluster_panel.view
        self.graph = GraphPanel(document, theme)
        self.dag = self.graph.view
        self.inspector = Inspector(theme, self.editing)
        self.outline = Outline(theme)
        self.breakdown = BreakdownPanel(theme)
        self.timeline = TimelinePanel(document, theme)
        self.memory = MemoryChart(theme)
        self.load = LoadChart(theme)
        self.roofline = RooflineChart(theme)
        self.traffic = TrafficPanel(theme)
        self.settings = SettingsPanel(self.editing)
        self.problems = ProblemList(theme)
        self.history = HistoryList()
        self.compare = ComparePanel(document, theme)
        self.tabs = Tabs()
        self.found: tuple[Problem, ...] = ()
        self._waiting: list[Callable[[], None]] = []
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_timeout)
        self._docks: dict[str, QDockWidget] = {}
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.timeout.connect(self._share)
        self._is_wide: dict[str, bool] = {}
        self._low = 0
        self._build()
        self._first = self.saveState()
        self._connect()

    # Building

    def _build(self) -> None:
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName(tr("Evidence"))
        shown = (self.breakdown, self.timeline, self.memory, self.load, self.roofline, self.traffic, self.compare)
        for name, widget in zip(TABS, (*shown, self.settings, self.problems, self.history), strict=True):
            self.tabs.addTab(widget, tr(name.capitalize()))
        for chart in (self.memory, self.load, self.roofline):
            chart.setContentsMargins(10, 4, 10, 4)
        self.tabs.tabBar().setAccessibleName(tr("Evidence"))
        self.setCentralWidget(self.cluster_panel)
        self._docks = {
            "outline": dock("outline", "Outline", self.outline),
            "dag": dock("dag", "Graph", self.graph, *self._dag_controls()),
            "inspector": dock("inspector", "Inspector", self.inspector),
            "evidence": bare_dock("evidence", "Evidence", self.tabs),
        }
        evidence = self._docks["evidence"]
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self._docks["outline"])
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._docks["dag"])
        self.splitDockWidget(self._docks["dag"], self._docks["inspector"], Qt.Orientation.Horizontal)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, evidence)

    def _dag_controls(self) -> tuple[QWidget, ...]:
        self._paths = self._pair(
            ("Scheduled", "Mark the longest path of the schedule"),
            ("Dependency", "Mark the longest path of dependencies"),
        )
        self._paths[1].toggled.connect(lambda on: self.dag.set_path("dependency" if on else "scheduled"))
        return (*self.graph.title_controls, *self._paths)

    def _pair(self, *texts: tuple[str, str]) -> list[QToolButton]:
        group = QButtonGroup(self)
        buttons = [toggle(text, tip, is_checked=index == 0) for index, (text, tip) in enumerate(texts)]
        for button in buttons:
            group.addButton(button)
        return buttons

    def _connect(self) -> None:
        self.cluster.refused.connect(self.refused)
        self.cluster.told.connect(self.told)
        self.cluster_panel.layers_chosen.connect(lambda span: self.document.show_layers(span))
        self.traffic.chosen.connect(self._on_chosen)
        self.dag.path_changed.connect(lambda kind: self._paths[kind == "dependency"].setChecked(True))
        self.graph.refused.connect(self.refused)
        self.outline.chosen.connect(self._on_several)
        self.problems.chosen.connect(self._on_problem)
        self.editing.on_draft.append(self._on_draft)
        self.editing.on_note.append(self.told.emit)
        self.history.chosen.connect(lambda cursor: self.document.go_to(cursor))
        # Once the layout has settled, which it has not while the window opens.
        self.tabs.currentChanged.connect(lambda _: QTimer.singleShot(0, self, self._make_room))
        self.compare.chosen.connect(self._on_chosen)
        self.compare.refused.connect(self.refused)
        self.compare.pinned.connect(self._on_pinned)
        self.breakdown.why.wanted.connect(self._on_suggested)
        for charts in (self.breakdown, self.memory, self.load, self.roofline):
            charts.chosen.connect(self._on_chosen)
            charts.save_wanted.connect(self._want_saved)
        self.traffic.view.menu_wanted.connect(self._show_matrix_menu)

    # Showing

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.document = document
        self.editing = Editing(document)
        self.editing.on_draft.append(self._on_draft)
        self.editing.on_note.append(self.told.emit)
        self.inspector.form.set_editing(self.editing)
        self.settings.set_editing(self.editing)
        self.cluster.set_document(document)
        self.graph.set_document(document)
        self.compare.set_document(document)
        self.timeline.set_document(document)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        for view in (self.cluster_panel, self.graph, self.inspector, self.outline):
            view.set_theme(theme)
        for evidence in (
            self.breakdown,
            self.problems,
            self.compare,
            self.timeline,
            self.traffic,
            self.memory,
            self.load,
            self.roofline,
        ):
            evidence.set_theme(theme)

    def show_evaluation(self) -> None:
        """Show what the document shows, in every view."""
        evaluation = self.document.evaluation
        self.editing.refresh()
        self.found = (*self.editing.problems(), *problems(evaluation, is_quick=self.document.is_previewing))
        self.cluster_panel.show_evaluation(evaluation, self.document.span)
        self._waiting = [
            self._show_inspector,
            self._show_dag,
            self._show_breakdown,
            self._show_lists,
            self._show_outline,
            self._show_compare,
        ]
        if len(evaluation.graph) > LARGE:
            self._timer.start()
            if self.document.is_previewing:
                self._on_timeout()
        else:
            self.finish()

    def finish(self) -> None:
        """Bring every view up to date now."""
        while self._waiting:
            self._waiting.pop(0)()
        self._timer.stop()

    @property
    def is_busy(self) -> bool:
        """Whether some views still show what was before."""
        return bool(self._waiting)

    def _on_timeout(self) -> None:
        """With many operators some views after the others, so that the pointer comes in between."""
        clock = QElapsedTimer()
        clock.start()
        share = DRAG_MS if self.document.is_previewing else SHARE_MS
        while self._waiting and clock.elapsed() < share:
            self._waiting.pop(0)()
        if not self._waiting:
            self._timer.stop()

    def _show_inspector(self) -> None:
        self._show_facts()
        self.settings.refresh()

    def _show_facts(self) -> None:
        document = self.document
        self.inspector.show_evaluation(
            document.evaluation, document.selected, document.layer, is_quick=document.is_previewing
        )

    def _show_dag(self) -> None:
        self.graph.show_evaluation(self.document.evaluation)

    def _show_breakdown(self) -> None:
        """The charts and the timeline; those that cannot be seen only take note."""
        for charts in (self.breakdown, self.memory, self.load, self.roofline):
            charts.show_evaluation(self.document.evaluation, keeps_range=self.document.is_previewing)
        self.timeline.show_evaluation(self.document.evaluation)
        self.traffic.show_evaluation(self.document.evaluation, self.document.span)

    def _show_lists(self) -> None:
        self.problems.show_problems(self.found)
        title = tr(f"Problems {len(self.found)}" if self.found else "Problems")
        self.tabs.name_tab(TABS.index("problems"), title)
        self.history.show_history(self.document.history)

    def _show_outline(self) -> None:
        if not self.document.is_previewing:
            self.outline.show_evaluation(self.document.evaluation, self.document.layer)
            self.outline.show_selection(self.document.selected)

    def _show_compare(self) -> None:
        if not self.document.is_previewing:
            self.compare.refresh()

    def show_selection(self) -> None:
        """Show what is selected, in every view."""
        document = self.document
        if self.is_busy:
            self.finish()
        self.cluster.show_selection()
        self.graph.show_selection()
        self.outline.show_selection(document.selected)
        self.compare.show_selection()
        self.timeline.show_selection()
        self.traffic.show_selection(document.selected)
        for charts in (self.breakdown, self.memory, self.load, self.roofline):
            charts.show_selection(*document.selected, chosen_in=document.chosen_in)
        self._show_facts()

    def show_tab(self, name: str) -> None:
        """Bring one of `TABS` to the front."""
        if name in TABS:
            self.tabs.setCurrentIndex(TABS.index(name))

    def focus_name(self) -> bool:
        """Go to the name of what is selected; False if it has none that can be changed."""
        self._docks["inspector"].show()
        return self.inspector.form.focus(("name", "@name"))

    def _make_room(self) -> None:
        """Two pictures need more height than a list; another tab gives it back."""
        evidence, wanted = self._docks["evidence"], int(self.height() * COMPARE_SHARE)
        if self.tabs.currentWidget() is self.compare and evidence.height() < wanted:
            self._low, height = evidence.height(), wanted
        elif self.tabs.currentWidget() is not self.compare and self._low:
            self._low, height = 0, self._low
        else:
            return
        self.resizeDocks([evidence], [height], Qt.Orientation.Vertical)

    def toggle_path(self) -> None:
        """Mark the longest path in the graph and on the timeline, or not."""
        self.dag.toggle_path()
        self.timeline.view.toggle_path()

    def walk_path(self, step: int) -> None:
        """Select the next operator of the longest path."""
        self.dag.walk_path(step)

    def save_chart(self, kind: str) -> None:
        """Have the chart that has the focus, or the first that is seen, saved as ``svg``, ``png`` or ``csv``."""
        charts: list[Chart | MatrixView] = [*self.breakdown.charts, self.memory, self.load, self.roofline]
        charts.append(self.traffic.view)
        seen = [chart for chart in charts if chart.isVisible() and chart.has_picture]
        chosen = next((chart for chart in seen if chart.hasFocus()), seen[0] if seen else None)
        if chosen is None:
            self.refused.emit("No chart is shown; open one of the tabs Breakdown, Memory, Load, Roofline or Traffic.")
        else:
            self._want_saved(chosen, kind)

    def _show_matrix_menu(self, at: QPoint) -> None:
        view = self.traffic.view
        chart_menu(view, partial(self._want_saved, view)).popup(at)

    def _want_saved(self, drawn: Drawn, kind: str) -> None:
        self.save_wanted.emit(Saver(drawn), kind)

    # Arrangement

    def arrange(self) -> None:
        """Put every panel to its place, at the sizes that suit the window."""
        self.restoreState(self._first)
        self._is_wide = {}
        self._fold()
        self._share()
        # A panel that has just folded away still has its width until the layout has settled.
        self._settling.start(0)

    def _share(self) -> None:
        """Share the window out among the panels that are shown."""
        width, height = self.width(), self.height()
        shown = [name for name in ("outline", "dag", "inspector") if not self._docks[name].isHidden()]
        shares = {"outline": 0.135, "dag": 0.335 if "outline" in shown else 0.39, "inspector": 0.17}
        sizes = [max(190, int(width * shares[name])) for name in shown]
        self.resizeDocks([self._docks[name] for name in shown], sizes, Qt.Orientation.Horizontal)
        self.resizeDocks([self._docks["evidence"]], [max(LOWEST, int(height * 0.275))], Qt.Orientation.Vertical)

    def hold_arrangement(self) -> None:
        """Leave the panels as large as they are, whatever their widgets ask for until the layout has settled."""
        if self.isVisible():
            state = self.saveState()
            QTimer.singleShot(0, self, lambda: self.restoreState(state))

    def arrangement(self) -> QByteArray:
        """Where the panels are, to be remembered."""
        return self.saveState()

    def restore(self, state: QByteArray) -> bool:
        """Put the panels where they were."""
        self._settling.stop()
        return self.restoreState(state)

    def view_actions(self) -> list[QAction]:
        """Actions that show and hide panels."""
        return [item.toggleViewAction() for item in self._docks.values()]

    def _fold(self) -> None:
        """At narrow widths first the outline folds away, then the inspector; and back."""
        for name, least in (("outline", OUTLINE_FROM), ("inspector", INSPECTOR_FROM)):
            is_wide = self.width() >= least
            if self._is_wide.get(name) != is_wide:
                self._is_wide[name] = is_wide
                self._docks[name].setVisible(is_wide)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isVisible() and self._is_wide:
            self._fold()

    # Verbs of the canvases

    def current_view(self) -> QWidget:
        """The canvas that has the focus, or the cluster."""
        return self._canvas

    @property
    def _canvas(self) -> ClusterView | DagView | DiagramView | OperatorTable | TimelineView:
        focused = QApplication.focusWidget()
        canvases = (self.dag, self.graph.diagram, self.graph.table, self.timeline.view)
        return next((view for view in canvases if view is focused), self.cluster)

    def fit(self) -> None:
        """Bring everything into view in the canvas that has the focus."""
        self._canvas.fit()

    def frame_selection(self) -> None:
        """Bring the selection into view in the canvas that has the focus."""
        self._canvas.frame_selection()

    def zoom(self, factor: float) -> None:
        """Zoom the canvas that has the focus."""
        view = self._canvas
        if isinstance(view, ClusterView):
            view.zoom_to(view.transform().m11() * factor)
        else:
            view.zoom_by(factor)

    def actual_size(self) -> None:
        """Show the cluster at 100 %."""
        self.cluster.zoom_to(1.0)

    def _on_chosen(self, selection: Selection) -> None:
        # A tree that is being rebuilt must not be changed by its own signal.
        QTimer.singleShot(0, self, lambda: self.document.select(selection))

    def _on_several(self, selected: tuple[Selection, ...]) -> None:
        QTimer.singleShot(0, self, lambda: self.document.select_all(selected))

    def _on_pinned(self) -> None:
        self.breakdown.show_reference(self.compare.headline)
        self.inspector.show_reference(self.compare.reference)
        self._show_facts()

    def _on_suggested(self, suggestion: Suggestion) -> None:
        """Do what was suggested, as one step."""
        self.editing.finish()
        self.document.commit(suggestion.label, suggestion.edit)

    def _on_problem(self, where: str) -> None:
        """Go to the place that a problem names: a thing in the views, or a setting in its form."""
        chosen = selection_at(where)
        self._on_chosen(chosen)
        if chosen.kind == "setting" and self.settings.has(where):
            self.show_tab("settings")
            self.settings.reveal(where)

    def _on_draft(self) -> None:
        self.inspector.form.refresh()
        self.settings.refresh()
        self.drafted.emit()
