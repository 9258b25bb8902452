"""What all charts have in common: hovering, clicking, keys, an empty state, and saving."""

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QGridLayout, QStackedLayout, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.chosen import Chosen
from moe_studio.document.selection import NOTHING, Selection
from moe_studio.document.table import Table
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.graph.graph import Graph
from moe_studio.gui.plots.legend import Entry, Legend
from moe_studio.gui.plots.save import chart_menu
from moe_studio.gui.plots.style import frame_pen, make_frame, make_marks, make_plot, tint
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.label import ElidedLabel, plain_label

ChosenIn = Callable[[Graph], Chosen]

GAP = 8
STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class Chart(QWidget):
    """A titled plot of numbered items. Kinds of charts say what the items are.

    Nothing is computed while the chart cannot be seen. The range stays as it is while a gesture lasts.

    Signals:
        chosen: an item was chosen; carries a `Selection`.
        save_wanted: it shall be saved; carries the chart and the kind of file: svg, png or csv.
    """

    chosen = Signal(object)
    save_wanted = Signal(object, str)
    stem = "chart"
    empty = ""
    strong = ""

    def __init__(self, title: str, theme: Theme) -> None:
        super().__init__()
        self.title = title
        self.theme = theme
        self.evaluation: Evaluation | None = None
        self.selection = NOTHING
        self.selected: tuple[Selection, ...] = ()
        self._chosen_in: ChosenIn | None = None
        self.current = -1
        self._pending: tuple[Evaluation, bool] | None = None
        self._tinted: Theme | None = None
        self.setAccessibleName(tr(title))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.heading = ElidedLabel(tr(title), "fact")
        self.legend = Legend(theme)
        self.plot: pg.PlotWidget = make_plot(tr(title))
        self.hover_frame = make_frame(self.plot)
        self.chosen_frame = make_marks(self.plot)
        self.menu_button = QToolButton()
        self.menu_button.setText("⋯")
        self.menu_button.setProperty("flat", True)
        self.menu_button.setToolTip(tr("Save or copy this chart"))
        self.menu_button.setAccessibleName(tr("Save or copy: {title}", title=tr(title)))
        self.menu_button.clicked.connect(lambda: self._show_menu(self.menu_button.mapToGlobal(QPointF(0, 20))))
        self.nothing = plain_label("", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setWordWrap(True)
        self._arrange()
        self.plot.scene().sigMouseClicked.connect(self._on_clicked)
        # The plot's own signal leaves out moves that follow each other quickly, the last one, too.
        self.plot.viewport().installEventFilter(self)

    def _arrange(self) -> None:
        self._head = QGridLayout()
        self._head.setHorizontalSpacing(GAP)
        self._head.setVerticalSpacing(0)
        self._head.setColumnStretch(1, 1)
        self._head.addWidget(self.heading, 0, 0)
        self._head.addWidget(self.legend, 0, 1)
        self._head.addWidget(self.menu_button, 0, 2)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.plot)
        self._stack.addWidget(self.nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(2)
        column.addLayout(self._head)
        column.addLayout(self._stack, 1)

    # What kinds of charts say

    def take(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        """Find what is to be shown of ``evaluation``."""
        raise NotImplementedError

    def draw(self) -> None:
        """Put what was found into the plot, in the colours of the theme."""
        raise NotImplementedError

    def table(self) -> Table:
        """What is shown, in numbers."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """How many items there are."""
        raise NotImplementedError

    def box(self, item: int) -> QRectF:
        """The rectangle around an item, in the plot's own units."""
        raise NotImplementedError

    def item_at(self, x: float, y: float) -> int:
        """The item at a place of the plot, -1 for none."""
        raise NotImplementedError

    def text_of(self, item: int) -> str:
        """An item with its values, in the user's words."""
        raise NotImplementedError

    def selection_of(self, item: int) -> Selection | None:
        """What choosing an item selects."""
        raise NotImplementedError

    def item_of(self, selection: Selection) -> int:
        """The item that stands for a selection, -1 for none."""
        return -1

    def items_with(self, graph: Graph, rows: IntArray) -> IntArray:
        """The items that operators of ``graph`` belong to, where each stands for many of them."""
        return np.zeros(0, np.int64)

    def stepped(self, item: int, dx: int, dy: int) -> int:
        """The item that an arrow leads to."""
        return item + dx + dy

    def entries(self) -> Sequence[Entry]:
        """Words of the legend with their colours."""
        return ()

    # Showing

    def show_evaluation(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        """Show ``evaluation``, or remember it until the chart is seen; during a gesture the scale stays as it is."""
        if self._pending is not None:
            keeps_range = keeps_range and self._pending[1]
        self._pending = (evaluation, keeps_range and self.evaluation is not None)
        if self.isVisible():
            self._catch_up()

    def show_selection(self, *selected: Selection, chosen_in: ChosenIn | None = None) -> None:
        """Mark the items that stand for what is selected; ``chosen_in`` finds the operators that belong to it."""
        if selected != self.selected:
            self.selected, self._chosen_in = selected, chosen_in
            self.selection = selected[0] if selected else NOTHING
            if self.isVisible():
                self._mark()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self._show()

    def _catch_up(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            self.evaluation = pending[0]
            self.take(pending[0], keeps_range=pending[1])
            self._show(is_held=pending[1])

    def _show(self, *, is_held: bool = False) -> None:
        if self.evaluation is None:
            return
        self.nothing.setText(tr(self.empty))
        self._stack.setCurrentWidget(self.nothing if self.empty else self.plot)
        self.legend.show_entries(() if self.empty else self.entries(), self.theme)
        self.legend.setVisible(self.legend.has_entries)
        self._place_legend(is_held=is_held)
        if not self.empty:
            if self._tinted is not self.theme:
                tint(self.plot, self.theme, strong=self.strong)
                self._tinted = self.theme
            self.draw()
            self._mark()
            if self.current >= 0:
                self._read(self.current)

    def _place_legend(self, *, is_held: bool = False) -> None:
        """Beside the title if there is room for all of it, else below; while ``is_held`` it stays below."""
        named = self.heading.fontMetrics().horizontalAdvance(tr(self.title))
        width = self._head.contentsRect().width()
        room = width - named - self.menu_button.sizeHint().width() - 2 * GAP
        is_below = self.legend.needed > room or (is_held and self.legend.is_below)
        if is_below != self.legend.is_below:
            self._head.removeWidget(self.legend)
            self._head.addWidget(self.legend, *((1, 0, 1, 3) if is_below else (0, 1)))
        self.legend.place(is_below=is_below, width=width)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place_legend()

    def _mark(self) -> None:
        marked = QPainterPath()
        for item in self.marked():
            marked.addRect(self.box(item))
        self.chosen_frame.setVisible(not marked.isEmpty())
        self.chosen_frame.setPen(frame_pen(self.theme.color("accent"), 2.0))
        # Columns that touch each other have one frame.
        self.chosen_frame.setPath(marked.simplified())

    def marked(self) -> list[int]:
        """The items that stand for what is selected, or that operators of a selected reach belong to."""
        if self.evaluation is None or self.empty:
            return []
        found = {self.item_of(item) for item in self.selected}
        graph = self.evaluation.graph
        if self._chosen_in is not None and any(item.kind == "reach" for item in self.selected):
            found.update(self.items_with(graph, self._chosen_in(graph).rows).tolist())
        return sorted(item for item in found if 0 <= item < self.count)

    def _frame(self, frame: pg.QtWidgets.QGraphicsRectItem, item: int, token: str, width: float) -> None:
        is_there = 0 <= item < self.count
        frame.setVisible(is_there)
        if is_there:
            frame.setPen(frame_pen(self.theme.color(token), width))
            frame.setRect(self.box(item))

    @override
    def showEvent(self, event: QShowEvent) -> None:
        self._catch_up()
        self._mark()

    # Reading and choosing

    def read(self, item: int) -> None:
        """Say an item's values in place of the title; with -1 the title is back."""
        if item != self.current:
            self.current = item
            self._read(item)

    def _read(self, item: int) -> None:
        is_there = 0 <= item < self.count and not self.empty
        text = self.text_of(item) if is_there else tr(self.title)
        self.heading.setText(text)
        self.legend.setVisible(self.legend.has_entries and (self.legend.is_below or not is_there))
        self.setAccessibleDescription(text if is_there else "")
        self._frame(self.hover_frame, item if is_there else -1, "text", 1.0)

    def choose(self, item: int) -> None:
        """Select what an item stands for."""
        found = self.selection_of(item) if 0 <= item < self.count else None
        if found is not None:
            self.chosen.emit(found)

    def _item_under(self, point: QPointF) -> int:
        view = self.plot.getViewBox()
        if self.evaluation is None or self.empty or not view.sceneBoundingRect().contains(point):
            return -1
        place = view.mapSceneToView(point)
        return self.item_at(place.x(), place.y())

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() is QEvent.Type.MouseMove:
            self.read(self._item_under(self.plot.mapToScene(event.position().toPoint())))
        return False

    def _on_clicked(self, event: object) -> None:
        if event.button() == Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            self.setFocus()
            self.choose(self._item_under(event.scenePos()))  # type: ignore[attr-defined]

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self.read(-1)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, last = Qt.Key(event.key()), self.count - 1 if self.evaluation is not None else -1
        if key in STEPS and last >= 0:
            start = self.current if self.current >= 0 else self.item_of(self.selection)
            self.read(max(0, min(last, self.stepped(start, *STEPS[key]))) if start >= 0 else 0)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End) and last >= 0:
            self.read(0 if key == Qt.Key.Key_Home else last)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.choose(self.current)
        elif key == Qt.Key.Key_Escape and self.current >= 0:
            self.read(-1)
        else:
            super().keyPressEvent(event)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.read(-1)
        self.update()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(self.theme.color("accent"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            painter.end()

    # Saving

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self._show_menu(QPointF(event.globalPos()))

    @property
    def has_picture(self) -> bool:
        """Whether there is anything to save."""
        return self.evaluation is not None and not self.empty

    def _show_menu(self, at: QPointF) -> None:
        if self.has_picture:
            chart_menu(self, lambda kind: self.save_wanted.emit(self, kind)).popup(at.toPoint())
