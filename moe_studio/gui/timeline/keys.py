"""What keys do on the timeline."""

from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

ALONG = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
ACROSS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
WALK = {Qt.Key.Key_BracketLeft: -1, Qt.Key.Key_BracketRight: 1}
ZOOM = {Qt.Key.Key_Plus: 1.25, Qt.Key.Key_Equal: 1.25, Qt.Key.Key_Minus: 0.8}
PAGE = {Qt.Key.Key_PageUp: -0.8, Qt.Key.Key_PageDown: 0.8}
PAN = 60
"""Pixels of one step."""


class Verbs(Protocol):
    """What keys ask of the timeline."""

    def step(self, along: int, across: int) -> None: ...
    def walk_path(self, step: int) -> None: ...
    def zoom_by(self, factor: float) -> None: ...
    def pan(self, dx: float, dy: float) -> None: ...
    def page(self, share: float) -> None: ...
    def frame_selection(self) -> None: ...
    def fit(self) -> None: ...
    def toggle_measuring(self) -> None: ...
    def fold_chosen(self) -> None: ...
    def escape(self) -> None: ...


def press(verbs: Verbs, event: QKeyEvent) -> bool:
    """Do what a key stands for; False if it stands for nothing."""
    key = Qt.Key(event.key())
    is_shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
    if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
        return False
    if key in ALONG or key in ACROSS:
        along, across = ALONG.get(key, 0), ACROSS.get(key, 0)
        if is_shift:
            verbs.pan(PAN * along, PAN * across)
        else:
            verbs.step(along, across)
    elif key in WALK:
        verbs.walk_path(WALK[key])
    elif key in ZOOM:
        verbs.zoom_by(ZOOM[key])
    elif key in PAGE:
        verbs.page(PAGE[key])
    else:
        return _letter(verbs, key)
    return True


def _letter(verbs: Verbs, key: Qt.Key) -> bool:
    letters = {
        Qt.Key.Key_F: verbs.frame_selection,
        Qt.Key.Key_Home: verbs.fit,
        Qt.Key.Key_M: verbs.toggle_measuring,
        Qt.Key.Key_N: verbs.fold_chosen,
        Qt.Key.Key_Escape: verbs.escape,
    }
    if key in letters:
        letters[key]()
    return key in letters
