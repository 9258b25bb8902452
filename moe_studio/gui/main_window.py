"""The main window: turns the tables of actions into menus and a toolbar, and holds the workspace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QSettings, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.reference import headline
from moe_studio.errors import MoeStudioError
from moe_studio.gui.actions import COMMANDS, MENUS, make_actions
from moe_studio.gui.bridge import DocumentBridge
from moe_studio.gui.canvas.cluster_view import ClusterView
from moe_studio.gui.compare.panel import ComparePanel
from moe_studio.gui.dag.panel import GraphPanel
from moe_studio.gui.edits import Edits
from moe_studio.gui.export.desk import Exports
from moe_studio.gui.files import SUFFIX, Files, dropped_files, file_stem
from moe_studio.gui.help.tour import Tour
from moe_studio.gui.help.viewer import HelpWindow
from moe_studio.gui.messages import ErrorHook, Toast
from moe_studio.gui.start.keeper import Places
from moe_studio.gui.stops import tour_stops
from moe_studio.gui.text import has_letters, tr
from moe_studio.gui.theme import LIGHT, Theme, apply_theme, theme_named
from moe_studio.gui.widgets.figure import figures
from moe_studio.gui.widgets.figure_strip import FigureStrip
from moe_studio.gui.widgets.label import ElidedLabel, plain_label, plain_tip
from moe_studio.gui.widgets.palette import CommandPalette
from moe_studio.gui.widgets.shortcuts import ShortcutSheet
from moe_studio.gui.workspace import Workspace
from moe_studio.locator import resource
from moe_studio.project.design import Workload
from moe_studio.project.edit import reset_placement, set_value
from moe_studio.project.setting import settings_of

DESK, START = range(2)
"""Pages of the window."""

TOUR_KEY = "tour_offered"
NO_FONT = "No font with Chinese characters is installed. Install one, such as Noto Sans CJK, and choose again."
OFFER = "New here? The tour shows in five steps what stands where."

Act = Callable[[], object]

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
        self._help: HelpWindow | None = None
        self._theme_name = theme
        self.theme = theme_named(theme)
        self.bridge = DocumentBridge(document, self)
        self.workspace = Workspace(document, self.theme)
        self.strip = FigureStrip()
        self.toast = Toast(self)
        self.hook = ErrorHook(self.toast)
        self.files = Files(self, self, places)
        self.exports = Exports(self, self, file_stem)
        self.edits = Edits(self, self)
        self.actions_by_name = make_actions(self, self)
        self._build_body()
        self._build_menus()
        self._build_toolbar()
        self.bridge.evaluated.connect(self._on_evaluated)
        self.bridge.failed.connect(self._on_failed)
        self.bridge.selection_changed.connect(self.workspace.show_selection)
        self.workspace.refused.connect(self.toast.say)
        self.workspace.told.connect(lambda text: self.toast.say(text, action="Undo", act=self.undo))
        self.workspace.drafted.connect(self.bridge.ask)
        self.workspace.compare.pinned.connect(self._show_figures)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_theme)
        self.strip.activated.connect(lambda title: self.workspace.show_tab(FIGURE_TABS.get(title, "")))
        self.files.start_shown.connect(self._on_start_shown)
        self.setAcceptDrops(True)
        self.bridge.refresh()
        self.files.begin()

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
        body = QWidget()
        rows = QVBoxLayout(body)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.files.notice)
        rows.addWidget(self.pages, 1)
        self.setCentralWidget(body)
        self.setMinimumSize(QSize(860, 600))

    def _build_menus(self) -> None:
        menus = {title: self.menuBar().addMenu(tr(title)) for title in MENUS}
        self._examples = QMenu(tr("New from example"), self)
        for path in sorted(resource("examples").glob(f"*{SUFFIX}")):
            action = self._examples.addAction(path.name.removesuffix(SUFFIX))
            action.triggered.connect(lambda _=False, chosen=path: self.new_from_example(chosen))
        self._recent = QMenu(tr("Open recent"), self)
        self._recent.aboutToShow.connect(self._fill_recent)
        menus["File"].addMenu(self._examples)
        menus["File"].addMenu(self._recent)
        for command in COMMANDS:
            if command.begins_group:
                menus[command.menu].addSeparator()
            menus[command.menu].addAction(self.actions_by_name[command.name])
        panels = menus["View"].addMenu(tr("Panels"))
        panels.addActions(self.workspace.view_actions())

    def _fill_recent(self) -> None:
        self._recent.clear()
        for offer in self.files.recent():
            action = self._recent.addAction(offer.title)
            action.setToolTip(plain_tip(str(offer.path)))
            action.triggered.connect(lambda _=False, chosen=offer: self.files.open_recent(chosen))
        self._recent.setToolTipsVisible(True)
        if self._recent.isEmpty():
            self._recent.addAction(tr("None yet.")).setEnabled(False)

    def _build_toolbar(self) -> None:
        bar = self.bar = QToolBar(tr("Main"))
        bar.setObjectName("main")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.title = ElidedLabel("", "title")
        self.title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.state = plain_label("", "muted")
        self.state.setMinimumWidth(82)
        self.phase = QComboBox()
        self.phase.setAccessibleName(tr("Phase"))
        self.phase.setToolTip(tr("What the model is asked to do"))
        phases = dict(settings_of(Workload))["phase"].choices
        self.phase.addItems([tr(phase.capitalize()) for phase in phases])
        self.phase.activated.connect(lambda index: self._set_phase(phases[index]))
        self.layer = QComboBox()
        self.layer.setAccessibleName(tr("Layers shown and edited"))
        self.layer.setToolTip(tr("Layers whose experts are shown, and which a drag changes"))
        self.layer.setMinimumContentsLength(14)
        self.layer.activated.connect(lambda index: self.document.show_layer(self.layer.itemData(index)))
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        for widget in (self.title, self.state):
            bar.addWidget(widget)
        for name in ("undo", "redo"):
            bar.addAction(self.actions_by_name[name])
        bar.addSeparator()
        bar.addWidget(self.phase)
        bar.addWidget(self.layer)
        bar.addWidget(space)
        for name in ("open", "save", "palette"):
            bar.addAction(self.actions_by_name[name])
        self.addToolBar(bar)

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
        self.toast.say(message, action="Undo" if can_undo else "", act=self.undo if can_undo else None)

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
        self.title.setText(document.title)
        self.state.setText(tr("● unsaved") if document.is_modified else "")
        self.setWindowTitle(f"{document.title}[*] – {file} – MoE Studio")
        self.setWindowModified(document.is_modified)
        work = document.project.workload
        self.phase.setCurrentText(tr(work.phase.capitalize()))
        self._fill_layers()

    def _fill_layers(self) -> None:
        layers = self.document.project.model.layers
        wanted: list[tuple[str, int | None]] = [(tr("All {count} layers", count=len(layers)), None)]
        wanted += [
            (tr("Layer {number}", number=index), index) for index, layer in enumerate(layers) if layer.ffn.is_moe
        ]
        if [self.layer.itemText(index) for index in range(self.layer.count())] != [text for text, _ in wanted]:
            self.layer.clear()
            for text, number in wanted:
                self.layer.addItem(text, number)
        index = next((i for i, (_, number) in enumerate(wanted) if number == self.document.layer), 0)
        self.layer.setCurrentIndex(index)

    # Verbs: the file

    def new_from_example(self, path: Path) -> None:
        """Start a new design from an example; the example's own file is left alone."""
        self.files.new_from_example(path)

    def open_path(self, path: Path) -> None:
        """Open the file at ``path``."""
        self.files.open_path(path)

    def set_document(self, document: Document) -> None:
        """Show another document."""
        document.evaluation  # noqa: B018  (one that cannot be evaluated never replaces one that can)
        self.document = document
        self.workspace.set_document(document)
        self.bridge.attach(document)
        self.bridge.refresh()

    @property
    def compare(self) -> ComparePanel:
        """The comparison with a reference."""
        return self.workspace.compare

    def current_view(self) -> QWidget:
        """The canvas that has the focus, or the cluster."""
        return self.workspace.current_view()

    @contextmanager
    def on_paper(self) -> Iterator[None]:
        """The views in colours for white paper, for as long as it takes to print one."""
        self.workspace.set_theme(LIGHT)
        try:
            yield
        finally:
            self.workspace.set_theme(self.theme)

    def choose_language(self, name: str) -> None:
        """Speak another language, if there is a font for it."""
        if not has_letters(name):
            self.toast.say(NO_FONT)
            return
        if self._settings is not None:
            self._settings.setValue("language", name)
        self.language_wanted.emit(name)

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
            self._offer_tour()

    def _offer_tour(self) -> None:
        """Offer the tour with the first design, and never again."""
        if self._settings is not None and not self._settings.value(TOUR_KEY):
            self._settings.setValue(TOUR_KEY, "1")
            self.toast.say(OFFER, action="Tour", act=self.show_tour)

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_files(event.mimeData()):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        self.files.drop(dropped_files(event.mimeData()))
        event.acceptProposedAction()

    # Verbs: editing

    def undo(self) -> None:
        """Take back the newest change."""
        self.document.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        self.document.redo()

    def reset_placement(self) -> None:
        """Put every expert where the policy puts it."""
        policy = self.document.project.placement.policy
        self._try(lambda: self.document.commit("Reset placement", reset_placement(policy)))

    @property
    def canvas(self) -> ClusterView:
        """The cluster canvas, for its verbs."""
        return self.workspace.cluster

    def _set_phase(self, phase: str) -> None:
        self._try(lambda: self.document.commit(f"Phase {phase}", set_value("workload.phase", phase)))
        self._show_state()

    # Verbs: the view

    def fit(self) -> None:
        """Bring everything into view."""
        self.workspace.fit()

    def frame_selection(self) -> None:
        """Bring what is selected into view."""
        self.workspace.frame_selection()

    def actual_size(self) -> None:
        """Show the cluster at 100 %."""
        self.workspace.actual_size()

    def zoom(self, factor: float) -> None:
        """Zoom the canvas that has the focus."""
        self.workspace.zoom(factor)

    def toggle_path(self) -> None:
        """Mark the longest path, or not."""
        self.workspace.toggle_path()

    def show_tab(self, name: str) -> None:
        """Bring a tab of the evidence to the front."""
        self.workspace.show_tab(name)

    def save_chart(self, kind: str) -> None:
        """Save the chart that is looked at."""
        self.workspace.save_chart(kind)

    def walk_path(self, step: int) -> None:
        """Select the next operator of the longest path."""
        self.workspace.dag.walk_path(step)

    @property
    def graph(self) -> GraphPanel:
        """The graph, for its verbs."""
        return self.workspace.graph

    def show_palette(self) -> None:
        """Let an action be found by its name."""
        CommandPalette(self, list(self.actions_by_name.values())).open()

    def show_shortcuts(self) -> None:
        """Show all keys."""
        ShortcutSheet(self).open()

    def show_help(self) -> None:
        """Show the help pages."""
        if self._help is None:
            self._help = HelpWindow(self)
        self._help.open_page()

    def show_tour(self) -> None:
        """Point at what matters, one thing after the other."""
        Tour(self, tour_stops(self.strip, self.workspace)).begin()

    def choose_theme(self, name: str) -> None:
        """Use ``light`` or ``dark`` colours, or those of the ``system``."""
        self._theme_name = name
        self._show_theme(theme_named(name))

    def reset_layout(self) -> None:
        """Put all panels back to their places."""
        self.workspace.arrange()

    def _show_theme(self, theme: Theme) -> None:
        self.theme = theme
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, theme)
        self.workspace.set_theme(theme)

    def _on_system_theme(self) -> None:
        if self._theme_name == "system":
            self._show_theme(theme_named("system"))

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
        if self._settings is not None:
            self._settings.setValue("workspace", self.workspace.arrangement())
            self._settings.setValue("theme", self._theme_name)
        self.bridge.detach()
        self.hook.remove()

    def _try(self, act: Act, *, done: str = "") -> None:
        try:
            act()
        except MoeStudioError as error:
            self.toast.say(str(error))
        else:
            if done:
                self.toast.say(done)
