"""A bar above the panels: something to decide that can wait."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_label

Act = Callable[[], object]


class NoticeBar(QFrame):
    """One sentence and a button for each answer. A notice has a subject; a newer one of the same replaces it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "notice")
        self.setAccessibleName(tr("Notice"))
        self.label = plain_label("")
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.buttons: list[QPushButton] = []
        self.subject = ""
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(16, 6, 12, 6)
        self._row.setSpacing(8)
        self._row.addWidget(self.label, 1)
        self.hide()

    def ask(self, subject: str, text: str, *answers: tuple[str, Act]) -> None:
        """Show ``text`` with a button for each answer; each also closes the bar."""
        self._clear()
        self.subject = subject
        self.label.setText(text)
        for word, act in answers:
            button = QPushButton(word)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(lambda _=False, chosen=act: self._on_answer(chosen))
            self._row.addWidget(button)
            self.buttons.append(button)
        self.setAccessibleDescription(text)
        self.show()

    def close_subject(self, *subjects: str) -> None:
        """Close the bar if it is about one of ``subjects``."""
        if self.subject in subjects:
            self._clear()
            self.hide()

    def _on_answer(self, act: Act) -> None:
        self._clear()
        self.hide()
        act()

    def _clear(self) -> None:
        self.subject = ""
        for button in self.buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []
