"""The views and how they are arranged: cluster in the middle, graph, inspector and outline around it, evidence below."""

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QButtonGroup, QDockWidget, QMainWindow, QTabWidget, QToolButton, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.selection import Selection, selection_at
from moe_studio.engine.rule import Problem, problems
from moe_studio.gui.canvas.cluster_view import ClusterView
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.inspector.panel import Inspector
from moe_studio.gui.plots.breakdown import BreakdownPanel
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.history_list import HistoryList
from moe_studio.gui.widgets.label import ElidedLabel
from moe_studio.gui.widgets.outline import Outline
from moe_studio.gui.widgets.panel import dock, panel, toggle
from moe_studio.gui.widgets.problem_list import ProblemList

OUTLINE_FROM, INSPECTOR_FROM = 1400, 1120
"""Widths of the window below which the outline, then the inspector, fold away."""

TABS = ("breakdown", "problems", "history")


class Workspace(QMainWindow):
    """All views of one document. A main window inside the main window, so that docks have margins around them.

    Signals:
        refused: something cannot be done; carries the sentence that says why.
    """

    refused = Signal(str)

    def __init__(self, document: Document, theme: Theme) -> None:
        super().__init__()
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setDockNestingEnabled(True)
        self.document = document
        self.cluster = ClusterView(document, theme)
        self.dag = DagView(document, theme)
        self.inspector = Inspector(theme)
        self.outline = Outline(theme)
        self.breakdown = BreakdownPanel(theme)
        self.problems = ProblemList(theme)
        self.history = HistoryList()
        self.tabs = QTabWidget()
        self.found: tuple[Problem, ...] = ()
        self._docks: dict[str, QDockWidget] = {}
        self._is_wide: dict[str, bool] = {}
        self._build()
        self._first = self.saveState()
        self._connect()

    # Building

    def _build(self) -> None:
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Evidence")
        for name, widget in zip(TABS, (self.breakdown, self.problems, self.history), strict=True):
            self.tabs.addTab(widget, name.capitalize())
        self.tabs.tabBar().setAccessibleName("Evidence")
        self.setCentralWidget(panel("Cluster", self.cluster))
        self._docks = {
            "outline": dock("outline", "Outline", self.outline),
            "dag": dock("dag", "Graph", self.dag, *self._dag_controls()),
            "inspector": dock("inspector", "Inspector", self.inspector),
            "evidence": dock("evidence", "Evidence", self.tabs),
        }
        evidence = self._docks["evidence"]
        evidence.setTitleBarWidget(QWidget())
        body = evidence.widget()
        body.setProperty("role", "dock")
        body.layout().setContentsMargins(12, 4, 8, 4)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self._docks["outline"])
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._docks["dag"])
        self.splitDockWidget(self._docks["dag"], self._docks["inspector"], Qt.Orientation.Horizontal)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, evidence)

    def _dag_controls(self) -> tuple[QWidget, ...]:
        self.place = ElidedLabel("", "small")
        self.place.setMinimumWidth(120)
        self.place.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._columns = self._pair(
            ("Level", "Columns are levels of dependency"), ("Time", "Columns are time on the predicted schedule")
        )
        self._paths = self._pair(
            ("Scheduled", "Mark the longest path of the schedule"), ("Dependency", "Mark the longest path of dependencies")
        )
        self._columns[1].toggled.connect(lambda on: self.dag.set_columns("time" if on else "level"))
        self._paths[1].toggled.connect(lambda on: self.dag.set_path("dependency" if on else "scheduled"))
        return (self.place, *self._columns, *self._paths)

    def _pair(self, *texts: tuple[str, str]) -> list[QToolButton]:
        group = QButtonGroup(self)
        buttons = [toggle(text, tip, is_checked=index == 0) for index, (text, tip) in enumerate(texts)]
        for button in buttons:
            group.addButton(button)
        return buttons

    def _connect(self) -> None:
        self.cluster.refused.connect(self.refused)
        self.dag.moved.connect(self.place.setText)
        self.outline.chosen.connect(self._on_chosen)
        self.problems.chosen.connect(lambda where: self._on_chosen(selection_at(where)))
        self.history.chosen.connect(lambda cursor: self.document.go_to(cursor))
        self.breakdown.chosen.connect(lambda gpu: self._on_chosen(Selection(kind="gpu", gpu=gpu)))

    # Showing

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.document = document
        self.cluster.set_document(document)
        self.dag.set_document(document)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        for view in (self.cluster, self.dag, self.inspector, self.outline, self.breakdown, self.problems):
            view.set_theme(theme)

    def show_evaluation(self) -> None:
        """Show what the document shows, in every view."""
        document = self.document
        evaluation, is_preview = document.evaluation, document.is_previewing
        self.found = problems(evaluation)
        self.cluster.show_evaluation(evaluation)
        self.dag.show_evaluation(evaluation)
        self.inspector.show_evaluation(evaluation, document.selection, document.layer)
        self.breakdown.show_evaluation(evaluation, keeps_range=is_preview)
        self.problems.show_problems(self.found)
        self.tabs.setTabText(1, f"Problems {len(self.found)}" if self.found else "Problems")
        self.history.show_history(document.history)
        if not is_preview:
            self.outline.show_evaluation(evaluation, document.layer)

    def show_selection(self) -> None:
        """Show what is selected, in every view."""
        document = self.document
        self.cluster.show_selection()
        self.dag.show_selection()
        self.outline.show_selection(document.selection)
        self.inspector.show_evaluation(document.evaluation, document.selection, document.layer)

    def show_tab(self, name: str) -> None:
        """Bring one of `TABS` to the front."""
        if name in TABS:
            self.tabs.setCurrentIndex(TABS.index(name))

    # Arrangement

    def arrange(self) -> None:
        """Put every panel to its place, at the sizes that suit the window."""
        self.restoreState(self._first)
        self._is_wide = {}
        self._fold()
        width, height = self.width(), self.height()
        shown = [name for name in ("outline", "dag", "inspector") if not self._docks[name].isHidden()]
        shares = {"outline": 0.13, "dag": 0.335 if "outline" in shown else 0.4, "inspector": 0.165}
        sizes = [max(190, int(width * shares[name])) for name in shown]
        self.resizeDocks([self._docks[name] for name in shown], sizes, Qt.Orientation.Horizontal)
        self.resizeDocks([self._docks["evidence"]], [max(190, int(height * 0.285))], Qt.Orientation.Vertical)

    def arrangement(self) -> QByteArray:
        """Where the panels are, to be remembered."""
        return self.saveState()

    def restore(self, state: QByteArray) -> bool:
        """Put the panels where they were."""
        return self.restoreState(state)

    def view_actions(self) -> list[object]:
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

    @property
    def _canvas(self) -> ClusterView | DagView:
        return self.dag if QApplication.focusWidget() is self.dag else self.cluster

    def fit(self) -> None:
        """Bring everything into view in the canvas that has the focus."""
        self._canvas.fit()

    def frame_selection(self) -> None:
        """Bring the selection into view in the canvas that has the focus."""
        self._canvas.frame_selection()

    def zoom(self, factor: float) -> None:
        """Zoom the canvas that has the focus."""
        if isinstance(self._canvas, DagView):
            self.dag.zoom_by(factor)
        else:
            self.cluster.zoom_to(self.cluster.transform().m11() * factor)

    def actual_size(self) -> None:
        """Show the cluster at 100 %."""
        self.cluster.zoom_to(1.0)

    def _on_chosen(self, selection: Selection) -> None:
        # A tree that is being rebuilt must not be changed by its own signal.
        QTimer.singleShot(0, self, lambda: self.document.select(selection))
