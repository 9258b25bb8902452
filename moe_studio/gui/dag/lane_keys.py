"""What keys do in the lanes of the graph."""

from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

ALONG = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
ACROSS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
WALK = {Qt.Key.Key_BracketLeft: -1, Qt.Key.Key_BracketRight: 1}
ZOOM = {Qt.Key.Key_Plus: 1.25, Qt.Key.Key_Equal: 1.25, Qt.Key.Key_Minus: 1 / 1.25}
IGNORED = Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier


class Verbs(Protocol):
    """What keys ask of the lanes."""

    def step(self, along: int, across: int) -> None: ...
    def walk_path(self, step: int) -> None: ...
    def zoom_by(self, factor: float) -> None: ...
    def frame_selection(self) -> None: ...
    def fit(self) -> None: ...
    def enter(self) -> None: ...
    def escape(self) -> bool: ...


def press(verbs: Verbs, event: QKeyEvent) -> bool:
    """Do what a key stands for; False if it stands for nothing."""
    key = Qt.Key(event.key())
    if event.modifiers() & ~IGNORED:
        return False
    if key in ALONG or key in ACROSS:
        verbs.step(ALONG.get(key, 0), ACROSS.get(key, 0))
    elif key in WALK:
        verbs.walk_path(WALK[key])
    elif key in ZOOM:
        verbs.zoom_by(ZOOM[key])
    elif key == Qt.Key.Key_F:
        verbs.frame_selection()
    elif key == Qt.Key.Key_Home:
        verbs.fit()
    elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        verbs.enter()
    else:
        return key == Qt.Key.Key_Escape and verbs.escape()
    return True
