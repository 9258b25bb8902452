"""Why the design takes as long as it does, in words."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from moe_studio.document.why import why
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_label

PAUSE_MS = 150
"""Sentences are found when nothing has changed for this long."""


HEAD = 26
"""Height of the title, as of the charts beside it."""


class WhyPanel(QWidget):
    """Sentences on what binds the design; found after a pause and never while a gesture lasts."""

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
        self._evaluation: Evaluation | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.finish)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(tr("Why"))
        area.setWidget(self.text)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(6)
        column.addWidget(self.heading)
        column.addWidget(area, 1)

    def show_evaluation(self, evaluation: Evaluation, *, is_previewing: bool) -> None:
        """Say in a moment why ``evaluation`` is as it is; while previewing the text stays."""
        if is_previewing:
            self._timer.stop()
            return
        self._evaluation = evaluation
        if self.isVisible():
            self._timer.start()

    def finish(self) -> None:
        """Find the sentences now."""
        self._timer.stop()
        evaluation, self._evaluation = self._evaluation, None
        if evaluation is not None:
            self.text.setText("\n\n".join(map(tr, why(evaluation))) or tr("Nothing stands out."))

    @property
    def is_pending(self) -> bool:
        """Whether the sentences are still to be found."""
        return self._timer.isActive()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        if self._evaluation is not None:
            self._timer.start()
