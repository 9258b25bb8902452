"""Why the design takes as long as it does, in words, and what would help, as links that do it."""

from collections.abc import Iterator

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.suggestion import Gain, Suggestion, Try, best, gains, suggested, suggestion, tries
from moe_studio.document.why import why
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.job import Job
from moe_studio.gui.widgets.label import plain_label, plain_tip, set_tone

PAUSE_MS = 150
"""Sentences are found when nothing has changed for this long."""

MANY = 50_000
"""Changes of designs with more operators are tried in a process of their own: each would hold up the window."""

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
        self.gains: list[QLabel] = []
        self.suggestions: list[Suggestion] = []
        self._evaluation: Evaluation | None = None
        self._tried: Evaluation | None = None
        self._left: Iterator[Try] = iter(())
        self.job = Job(self)
        self.job.done.connect(self._on_gains)
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
        area.setWidget(self.text)
        # Below the sentences and always in sight, however long they are.
        self._lines = QGridLayout()
        self._lines.setContentsMargins(0, 0, 6, 0)
        self._lines.setVerticalSpacing(0)
        self._lines.setColumnStretch(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(6)
        column.addWidget(self.heading)
        column.addWidget(area, 1)
        column.addLayout(self._lines)

    def show_evaluation(self, evaluation: Evaluation, *, is_previewing: bool) -> None:
        """Say in a moment why ``evaluation`` is as it is; while previewing the text stays, and says so."""
        self.heading.setText(tr("Why, before the change") if is_previewing else tr("Why"))
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
            self._tried = evaluation
            if len(evaluation.graph) > MANY:
                self.job.start(gains, evaluation.project)
            else:
                self._left = tries(evaluation)
                self._next.start(0)

    def _forget(self) -> None:
        """Offer nothing: what was found is about another design."""
        self._next.stop()
        self.job.stop()
        self._tried, self._left, self.suggestions = None, iter(()), []
        self._show_links()

    def _on_next(self) -> None:
        """Try one change after the other, with the event loop in between, and none while something is dragged."""
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._next.start(PAUSE_MS)
            return
        tried = next(self._left, None)
        if tried is None or self._tried is None:
            self._show_links()
            return
        found = suggestion(self._tried, tried)
        if found is not None:
            self.suggestions = best([*self.suggestions, found])
        self._next.start(0)

    def _on_gains(self, found: list[Gain]) -> None:
        if self._tried is not None:
            self.suggestions = suggested(self._tried, found)
            self._show_links()

    def end(self) -> None:
        """Try nothing more, as a window does that closes."""
        self._forget()
        self.job.end()

    def _show_links(self) -> None:
        while len(self.links) < len(self.suggestions):
            self._add_link()
        for number, (link, gain) in enumerate(zip(self.links, self.gains, strict=True)):
            is_used = number < len(self.suggestions)
            link.setVisible(is_used)
            gain.setVisible(is_used)
            if is_used:
                found = self.suggestions[number]
                link.setText(f"{tr(found.title)} →")
                link.setAccessibleName(tr(found.text))
                link.setToolTip(plain_tip(tr("Do it as one step: {label}", label=tr(found.label))))
                gain.setText(found.brief)
                gain.setToolTip(plain_tip(tr(found.gain)))

    def _add_link(self) -> None:
        number, link, gain = len(self.links), QToolButton(), plain_label("", "small")
        link.setProperty("role", "link")
        link.clicked.connect(lambda: self.wanted.emit(self.suggestions[number]))
        set_tone(gain, "good")
        self._lines.addWidget(link, number, 0, Qt.AlignmentFlag.AlignLeft)
        self._lines.addWidget(gain, number, 1, Qt.AlignmentFlag.AlignRight)
        self.links.append(link)
        self.gains.append(gain)

    @property
    def is_pending(self) -> bool:
        """Whether sentences or changes are still to be found."""
        return self._timer.isActive() or self._next.isActive() or self.job.is_running

    @override
    def showEvent(self, event: QShowEvent) -> None:
        if self._evaluation is not None:
            self._timer.start()
