"""Why the design takes as long as it does, in words, and what would help, as links that do it."""

from collections.abc import Iterator

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QScrollArea, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.suggestion import Suggestion, Try, best, suggestion, tries
from moe_studio.document.why import why
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_label, plain_tip

PAUSE_MS = 150
"""Sentences are found when nothing has changed for this long."""


HEAD = 26
"""Height of the title, as of the charts beside it."""


class WhyPanel(QWidget):
    """Sentences on what binds the design, and changes that help; found after a pause and never during a gesture.

    Signals:
        wanted: a change shall be made; carries its `Suggestion`.
    """

    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Why"))
        self.heading = plain_label("Why", "fact")
        self.text = plain_label("", "figure")
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setAccessibleName(tr("Why it takes as long as it does"))
        self.heading.setMinimumHeight(HEAD)
        self.links: list[QToolButton] = []
        self.suggestions: list[Suggestion] = []
        self._evaluation: Evaluation | None = None
        self._tried: Evaluation | None = None
        self._left: Iterator[Try] = iter(())
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._on_next)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.finish)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(tr("Why"))
        inner = QWidget()
        self._lines = QVBoxLayout(inner)
        self._lines.setContentsMargins(0, 0, 6, 0)
        self._lines.setSpacing(2)
        self._lines.addWidget(self.text)
        self._lines.addStretch(1)
        area.setWidget(inner)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(6)
        column.addWidget(self.heading)
        column.addWidget(area, 1)

    def show_evaluation(self, evaluation: Evaluation, *, is_previewing: bool) -> None:
        """Say in a moment why ``evaluation`` is as it is; while previewing the text stays."""
        if is_previewing:
            self._timer.stop()
            self._forget()
            return
        if evaluation is not self._tried:
            self._forget()
        self._evaluation = evaluation
        if self.isVisible():
            self._timer.start()

    def finish(self) -> None:
        """Find the sentences now, and begin to try what would help."""
        self._timer.stop()
        evaluation, self._evaluation = self._evaluation, None
        if evaluation is None:
            return
        self.text.setText("\n\n".join(map(tr, why(evaluation))) or tr("Nothing stands out."))
        if evaluation is not self._tried:
            self._forget()
            self._tried, self._left = evaluation, tries(evaluation)
            self._next.start()

    def _forget(self) -> None:
        """Offer nothing: what was found is about another design."""
        self._next.stop()
        self._tried, self._left, self.suggestions = None, iter(()), []
        self._show_links()

    def _on_next(self) -> None:
        """Try one change after the other, with the event loop in between."""
        tried = next(self._left, None)
        if tried is None or self._tried is None:
            self._show_links()
            return
        found = suggestion(self._tried, tried)
        if found is not None:
            self.suggestions = best([*self.suggestions, found])
        self._next.start()

    def _show_links(self) -> None:
        while len(self.links) < len(self.suggestions):
            self._add_link()
        for number, link in enumerate(self.links):
            link.setVisible(number < len(self.suggestions))
            if number < len(self.suggestions):
                text = tr(self.suggestions[number].text)
                link.setText(f"{text} →")
                link.setAccessibleName(text)
                link.setToolTip(plain_tip(tr("Do it as one step: {label}", label=self.suggestions[number].label)))

    def _add_link(self) -> None:
        number, link = len(self.links), QToolButton()
        link.setProperty("role", "link")
        link.clicked.connect(lambda: self.wanted.emit(self.suggestions[number]))
        self._lines.insertWidget(self._lines.count() - 1, link)
        self.links.append(link)

    @property
    def is_pending(self) -> bool:
        """Whether sentences or changes are still to be found."""
        return self._timer.isActive() or self._next.isActive()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        if self._evaluation is not None:
            self._timer.start()
