"""The bandwidth of a tier of the network, typed in place."""

import re
from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget
from typing_extensions import override

from moe_studio.gui.text import tr

_NUMBER = re.compile(r"\s*([0-9][0-9.,]*)\s*(?:gb/?s)?\s*", re.IGNORECASE)


class RateEditor(QLineEdit):
    """A field over the canvas; Enter takes what it holds, Esc and leaving it do not."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setFixedWidth(120)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._done: Callable[[str], None] | None = None
        self.hide()

    def ask(self, name: str, value: str, at: QPoint, done: Callable[[str], None]) -> None:
        """Let ``value`` be changed at a point of the parent; ``done`` gets what was typed."""
        self._done = done
        self.setAccessibleName(name)
        self.setToolTip(tr("Enter takes the bandwidth in GB/s, Esc leaves it"))
        self.setText(value)
        room = self._over.rect()
        left = max(4, min(at.x() - self.width() // 2, room.right() - self.width() - 4))
        self.move(left, max(4, min(at.y() - self.height() // 2, room.bottom() - self.height() - 4)))
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.PopupFocusReason)
        self.selectAll()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._end(is_taken=True)
        elif event.key() == Qt.Key.Key_Escape:
            self._end(is_taken=False)
        else:
            super().keyPressEvent(event)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._end(is_taken=False)

    def _end(self, *, is_taken: bool) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        self.hide()
        self._over.setFocus(Qt.FocusReason.PopupFocusReason)
        if is_taken:
            done(self.text())


def rate_of(text: str) -> float | None:
    """GB/s in ``text``, None for anything else."""
    match = _NUMBER.fullmatch(text)
    try:
        return float(match[1].replace(",", "")) if match else None
    except ValueError:
        return None
