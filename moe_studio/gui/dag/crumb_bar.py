"""Where one is in the views of the graph: a button for all that contains it."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget
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
        self.more = self._more_button()
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

    def _fill_more(self) -> None:
        """List all that contains this view; when it opens, as a choice in it must outlive the view that it leaves."""
        menu = self.more.menu()
        menu.clear()
        for title, place in self._crumbs[:-1]:
            menu.addAction(tr(title)).triggered.connect(lambda _=False, place=place: self.chosen.emit(place))

    def _button(self, title: str, place: GraphPlace, *, is_last: bool) -> QToolButton:
        button = QToolButton(self)
        button.setText(tr(title) if is_last else f"{tr(title)} ›")
        button.setToolTip(tr("Go to this view"))
        button.setAccessibleName(tr(title))
        button.setProperty("flat", True)
        button.setEnabled(not is_last)
        button.clicked.connect(lambda: self.chosen.emit(place))
        return button

    def _more_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setText("… ›")
        button.setToolTip(tr("Everything that contains this view"))
        button.setAccessibleName(button.toolTip())
        button.setProperty("flat", True)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.aboutToShow.connect(self._fill_more)
        button.setMenu(menu)
        button.hide()
        return button

    def _arrange(self) -> None:
        """From the innermost outwards as many as there is room for, the others behind a button."""
        widths = [button.sizeHint().width() + GAP for button in self.buttons]
        more = self.more.sizeHint()
        is_cut = sum(widths) > self.width()
        room, shown = self.width() - (more.width() + GAP if is_cut else 0), 0
        for width in reversed(widths):
            room -= width
            if room < 0 and shown:
                break
            shown += 1
        # With too little room even for the innermost and the button, the innermost says more.
        is_cut = is_cut and len(widths) > 1 and widths[-1] + more.width() <= self.width()
        self.more.setVisible(is_cut)
        self.more.setGeometry(0, (self.height() - more.height()) // 2, more.width(), more.height())
        x = more.width() + GAP if is_cut else 0
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
