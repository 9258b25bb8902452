"""Toasts for what the user can mend, and the one place where defects end up."""

import logging
import sys
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget
from typing_extensions import override

from moe_studio.errors import MoeStudioError
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_label

LOG = logging.getLogger(__name__)
SHOWN_MS = 6000

Act = Callable[[], None]


class Toast(QFrame):
    """A sentence at the bottom of the window, with an action when there is one."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._room = parent
        self.setProperty("role", "toast")
        self.setAccessibleName(tr("Message"))
        self.label = plain_label("")
        self.label.setMaximumWidth(640)
        self.label.setWordWrap(True)
        self.button = QPushButton()
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.button.clicked.connect(self._on_clicked)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 16, 10)
        row.addWidget(self.label)
        row.addWidget(self.button)
        self._act: Act | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        parent.installEventFilter(self)
        self.hide()

    def say(self, text: str, *, action: str = "", act: Act | None = None) -> None:
        """Show ``text`` for a while; ``action`` is a button that calls ``act``."""
        text = tr(text)
        self.label.setText(text)
        self.button.setText(tr(action))
        self.button.setAccessibleName(tr(action))
        self.button.setVisible(act is not None)
        self._act = act
        metrics = self.label.fontMetrics()
        self.label.setMinimumWidth(min(640, metrics.horizontalAdvance(text) + 4))
        self.adjustSize()
        self._place()
        self.show()
        self.raise_()
        self._timer.start(SHOWN_MS)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def _place(self) -> None:
        parent = self._room
        self.move((parent.width() - self.width()) // 2, parent.height() - self.height() - 24)

    def _on_clicked(self) -> None:
        self.hide()
        if self._act:
            self._act()


class ErrorHook:
    """Shows what escapes from slots and paint events: known faults as they are, defects once and in the log."""

    def __init__(self, toast: Toast) -> None:
        self._toast = toast
        self._seen: set[tuple[str, int]] = set()
        self._before = sys.excepthook

    def install(self) -> None:
        """Take over from Python's own hook."""
        self._before = sys.excepthook
        sys.excepthook = self

    def remove(self) -> None:
        """Hand back to the hook that was there before."""
        if sys.excepthook is self:
            sys.excepthook = self._before

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Report one exception."""
        if isinstance(error, KeyboardInterrupt):
            self._before(kind, error, trace)
            return
        if isinstance(error, MoeStudioError):
            self._toast.say(str(error))
            return
        place = _place_of(trace)
        if place in self._seen:
            return
        self._seen.add(place)
        LOG.error("A defect of the program", exc_info=(kind, error, trace))
        text = f"Something went wrong inside the program ({kind.__name__}). Your design is intact."
        # Not at once: Qt may be in the midst of painting or of changing the style of every widget.
        QTimer.singleShot(0, self._toast, lambda: self._toast.say(text))


def _place_of(trace: TracebackType | None) -> tuple[str, int]:
    """File and line where an exception was raised."""
    place = ("", 0)
    while trace is not None:
        place = (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return place
