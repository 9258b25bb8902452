"""The main window: puts the parts together, and shows what the document says of them."""

from PySide6.QtCore import QSettings, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QMainWindow, QScrollArea, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.reference import headline
from moe_studio.errors import MoeStudioError
from moe_studio.gui.actions import COMMANDS, make_actions, tick_choices
from moe_studio.gui.bridge import DocumentBridge
from moe_studio.gui.canvas.cluster_view import ClusterView
from moe_studio.gui.compare.panel import ComparePanel
from moe_studio.gui.dag.panel import GraphPanel
from moe_studio.gui.edits import Edits
from moe_studio.gui.export.desk import Exports
from moe_studio.gui.files import Files, dropped_files, file_stem
from moe_studio.gui.helps import Helps
from moe_studio.gui.looks import Looks
from moe_studio.gui.menus import Menus
from moe_studio.gui.messages import ErrorHook, Toast
from moe_studio.gui.paper import Papers
from moe_studio.gui.start.keeper import Places
from moe_studio.gui.text import tr
from moe_studio.gui.toolbar import MainBar
from moe_studio.gui.widgets.figure import figures
from moe_studio.gui.widgets.figure_strip import FigureStrip
from moe_studio.gui.workspace import Workspace
from moe_studio.project.edit import set_value

DESK, START = range(2)
"""Pages of the window."""

SMALLEST, ROOM = QSize(480, 320), QSize(836, 470)
"""The least that the window takes, and that its panels need: in a smaller window they are scrolled."""

FIGURE_TABS = {
    "Problems": "problems",
    "Latency": "breakdown",
    "Longest path": "timeline",
    "Memory, worst": "memory",
    "Imbalance": "load",
}


class MainWindow(QMainWindow):
    """One window on one document.

    Signals:
        language_wanted: the window shall speak another language, so a new one must take its place.
    """

    language_wanted = Signal(str)

    def __init__(
        self,
        document: Document,
        *,
        theme: str = "system",
        settings: QSettings | None = None,
        places: Places | None = None,
    ) -> None:
        super().__init__()
        self.document = document
        self._settings = settings
        self.bridge = DocumentBridge(document, self)
        self.toast = Toast(self)
        self.hook = ErrorHook(self.toast)
        self.looks = Looks(self, self, theme=theme, settings=settings)
        self.workspace = Workspace(document, self.looks.theme)
        self.strip = FigureStrip()
        self.files = Files(self, self, places)
        self.papers = Papers(self, self)
        self.exports = Exports(self, self, file_stem)
        self.edits = Edits(self, self)
        self.helps = Helps(self, self, settings)
        self.actions_by_name = make_actions(self, self)
        tick_choices(self.actions_by_name, self)
        self.menus = Menus(self.menuBar(), self.actions_by_name, self.workspace.view_actions(), self.files)
        self.bar = MainBar(self.actions_by_name)
        self.addToolBar(self.bar)
        self._build_body()
        self._connect()
        self.setAcceptDrops(True)
        self.bridge.refresh()
        self.files.begin()

    def _connect(self) -> None:
        self.bridge.evaluated.connect(self._on_evaluated)
        self.bridge.failed.connect(self._on_failed)
        self.bridge.selection_changed.connect(self.workspace.show_selection)
        self.workspace.refused.connect(self.toast.say)
        self.workspace.told.connect(lambda text: self.toast.say(text, action="Undo", act=self.edits.undo))
        self.workspace.drafted.connect(self.bridge.ask)
        self.workspace.save_wanted.connect(self.exports.save_chart)
        self.workspace.compare.pinned.connect(self._show_figures)
        self.strip.activated.connect(lambda title: self.workspace.show_tab(FIGURE_TABS.get(title, "")))
        self.files.start_shown.connect(self._on_start_shown)
        self.looks.changed.connect(lambda: tick_choices(self.actions_by_name, self))
        self.looks.language_wanted.connect(self.language_wanted)
        self.bar.phase_chosen.connect(self._set_phase)
        self.bar.layer_chosen.connect(lambda layer: self.document.show_layer(layer))

    # Building

    def _build_body(self) -> None:
        desk = QWidget()
        column = QVBoxLayout(desk)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        inner = QVBoxLayout()
        inner.setContentsMargins(12, 4, 12, 12)
        inner.addWidget(self.workspace)
        column.addLayout(inner, 1)
        self.pages = QStackedWidget()
        self.pages.addWidget(desk)
        self.pages.addWidget(self.files.page)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self.pages)
        # Above what is scrolled: text that is wrapped would make the area as high as its content would like to be.
        body = QWidget()
        rows = QVBoxLayout(body)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.files.notice)
        rows.addWidget(area, 1)
        self.setCentralWidget(body)
        self.workspace.setMinimumSize(ROOM)
        self.setMinimumSize(SMALLEST)

    # Showing

    def _on_evaluated(self) -> None:
        self.workspace.show_evaluation()
        self._show_figures()
        self._show_state()

    def _show_figures(self) -> None:
        """While dragging each figure's change is from the state before, otherwise from the pinned reference."""
        document, pinned = self.document, self.compare.reference
        before, against = None, "the state before"
        if document.is_previewing:
            before = headline(document.committed_evaluation)
        elif pinned is not None and pinned.project is not document.project:
            before, against = self.compare.headline, pinned.title
        self.strip.show_figures(figures(document.evaluation, before, self.workspace.found, against=against))

    def _on_failed(self, message: str) -> None:
        self._show_state()
        can_undo = bool(self.document.history.undo_label)
        self.toast.say(message, action="Undo" if can_undo else "", act=self.edits.undo if can_undo else None)

    def _show_state(self) -> None:
        if self.pages.currentIndex() == START:
            return
        document, history = self.document, self.document.history
        for name, label, word in (("undo", history.undo_label, "Undo"), ("redo", history.redo_label, "Redo")):
            action = self.actions_by_name[name]
            action.setEnabled(bool(label))
            action.setText(tr(f"{word} {label[:1].lower()}{label[1:]}" if label else word))
            action.setIconText(tr(word))
        file = document.path.name if document.path else tr("not saved yet")
        self.bar.show_document(document)
        self.setWindowTitle(f"{document.title}[*] – {file} – MoE Studio")
        self.setWindowModified(document.is_modified)

    # What its parts ask for

    def set_document(self, document: Document) -> None:
        """Show another document."""
        document.evaluation  # noqa: B018  (one that cannot be evaluated never replaces one that can)
        self.document = document
        self.workspace.set_document(document)
        self.bridge.attach(document)
        self.bridge.refresh()

    def current_view(self) -> QWidget:
        """The canvas that has the focus, or the cluster."""
        return self.workspace.current_view()

    def _on_start_shown(self, is_start: bool) -> None:
        self.pages.setCurrentIndex(START if is_start else DESK)
        self.bar.setVisible(not is_start)
        for command in COMMANDS:
            self.actions_by_name[command.name].setEnabled(not is_start or command.is_general)
        if is_start:
            self.setWindowTitle("MoE Studio")
        else:
            self._show_state()
            self.workspace.cluster.setFocus()
            self.helps.offer_tour()

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_files(event.mimeData()):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        self.files.drop(dropped_files(event.mimeData()))
        event.acceptProposedAction()

    @property
    def compare(self) -> ComparePanel:
        """The comparison with a reference."""
        return self.workspace.compare

    @property
    def canvas(self) -> ClusterView:
        """The cluster canvas."""
        return self.workspace.cluster

    @property
    def graph(self) -> GraphPanel:
        """The graph."""
        return self.workspace.graph

    def _set_phase(self, phase: str) -> None:
        try:
            self.document.commit(f"Phase {phase}", set_value("workload.phase", phase))
        except MoeStudioError as error:
            self.toast.say(str(error))
        self._show_state()

    # The window itself

    def open_at(self, size: QSize) -> None:
        """Show the window; the panels as they were left, else in their places."""
        self.resize(size)
        self.show()
        state = self._settings.value("workspace") if self._settings else None
        self.workspace.arrange()
        if state is not None:
            self.workspace.restore(state)
        self.workspace.cluster.setFocus()

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        self.edits.finish()
        if not self.files.may_lose():
            event.ignore()
            return
        self.leave()
        event.accept()

    def leave(self) -> None:
        """Let go of the document, without asking, and remember how the window was."""
        self.files.end()
        self.exports.end()
        self.compare.end()
        self.graph.end()
        self.workspace.breakdown.why.end()
        if self._settings is not None:
            self._settings.setValue("workspace", self.workspace.arrangement())
        self.bridge.detach()
        self.hook.remove()
