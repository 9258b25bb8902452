"""Where one is in the views of the graph: a button for all that contains it."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget
from typing_extensions import override

from moe_studio.gui.dag.place import GraphPlace
from moe_studio.gui.text import tr

GAP = 2
LEAST_WIDTH = 60


class CrumbBar(QWidget):
    """Buttons in a line; where there is no room for all, the innermost are shown.

    Signals:
        chosen: a button was pressed; carries its place.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Place in the graph"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.buttons: list[QToolButton] = []
        self._crumbs: list[tuple[str, GraphPlace]] = []

    def show_crumbs(self, crumbs: list[tuple[str, GraphPlace]]) -> None:
        """Show these places, outermost first."""
        if crumbs == self._crumbs:
            return
        self._crumbs = crumbs
        for button in self.buttons:
            button.hide()
            # Not at once: it may be the one that was just pressed.
            button.deleteLater()
        self.buttons = [self._button(title, place, is_last=place is crumbs[-1][1]) for title, place in crumbs]
        self.updateGeometry()
        self._arrange()

    def _button(self, title: str, place: GraphPlace, *, is_last: bool) -> QToolButton:
        button = QToolButton(self)
        button.setText(tr(title) if is_last else f"{tr(title)} ›")
        button.setToolTip(tr("Go to this view"))
        button.setAccessibleName(tr(title))
        button.setProperty("flat", True)
        button.setEnabled(not is_last)
        button.clicked.connect(lambda: self.chosen.emit(place))
        return button

    def _arrange(self) -> None:
        """From the innermost outwards as many as there is room for."""
        room, shown = self.width(), 0
        for button in reversed(self.buttons):
            room -= button.sizeHint().width() + GAP
            if room < 0 and shown:
                break
            shown += 1
        x = 0
        for number, button in enumerate(self.buttons):
            is_shown = number >= len(self.buttons) - shown
            button.setVisible(is_shown)
            if is_shown:
                size = button.sizeHint()
                button.setGeometry(
                    x, (self.height() - size.height()) // 2, min(size.width(), self.width() - x), size.height()
                )
                x += size.width() + GAP

    @override
    def sizeHint(self) -> QSize:
        heights = [button.sizeHint().height() for button in self.buttons]
        return QSize(sum(button.sizeHint().width() + GAP for button in self.buttons), max(heights, default=24))

    @override
    def minimumSizeHint(self) -> QSize:
        innermost = self.buttons[-1].sizeHint().width() if self.buttons else 0
        return QSize(max(LEAST_WIDTH, innermost), self.sizeHint().height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()
